//! A keyset's gate: whether its accounts may call eBay, and what an answer says of that. Pure.
//!
//! The gate belongs to the whole fleet (it stands in PostgreSQL) and closes for one of two reasons:
//! eBay does not accept the keyset's credentials (`blocked`), or eBay does not answer or has reached
//! its own quota (`suspended`). Behind a closed gate single probes ask again, each after a longer
//! pause; the first answer that shows good credentials opens it. Sellers are never judged by any of
//! this (G8).
//!
//! Evidence counts only under the state in which its call began: an answer to a call that was made
//! with a secret that has since been replaced cannot close the gate of a keyset that was mended.

use std::time::Duration;

use super::class::Class;
use crate::text_enum::text_enum;

text_enum! {
    /// Whether calls may begin.
    pub enum GateState {
        /// They may.
        Open = "open",
        /// eBay does not accept the credentials.
        Blocked = "blocked",
        /// eBay does not answer, or has reached its quota.
        Suspended = "suspended",
    }
}

/// What an answer, or its absence, says of the keyset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Evidence {
    /// eBay answered and accepted the credentials.
    Accepted,
    /// eBay answered 401 `invalid_client`.
    CredentialsRefused,
    /// No usable answer.
    ProviderDown,
    /// eBay's own limit is reached.
    QuotaReached,
    /// Nothing: nothing was sent, or the answer is about the request.
    Nothing,
}

impl Evidence {
    /// What an attempt that ended in `class` says.
    pub const fn of(class: Class) -> Self {
        match class {
            Class::Refreshed | Class::GrantInvalid | Class::GrantSuspect | Class::ScopeInvalid => {
                Self::Accepted
            }
            Class::ClientInvalid => Self::CredentialsRefused,
            Class::ProviderError | Class::Network | Class::Timeout | Class::BadResponse => Self::ProviderDown,
            Class::QuotaExhausted => Self::QuotaReached,
            Class::DecryptFailed
            | Class::PreflightRejected
            | Class::RequestRejected
            | Class::Interrupted
            | Class::Superseded
            | Class::NotRun => Self::Nothing,
        }
    }
}

/// A gate as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gate {
    /// Whether calls may begin.
    pub state: GateState,
    /// Rises with every change of state or secret.
    pub version: i64,
    /// Failures of the provider in a row, while open.
    pub provider_failures: i32,
    /// Probes in a row that did not open it.
    pub probes: i32,
    /// Another secret stands by that eBay has not refused.
    pub standby: bool,
}

/// One piece of evidence.
#[derive(Debug, Clone, Copy)]
pub struct Testimony {
    /// What it says.
    pub evidence: Evidence,
    /// The gate's version when the call began.
    pub begun_under: i64,
    /// Whether the call was the gate's probe.
    pub probe: bool,
    /// How long eBay asked to wait.
    pub retry_after: Option<Duration>,
}

/// What becomes of a gate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Nothing but its counters.
    None,
    /// It closes, or stays closed; the next probe goes after this pause.
    Close(GateState, Duration),
    /// It opens: accounts come back one after the other.
    Open,
    /// The other secret takes the refused one's place.
    SwapSecret,
}

/// So many failures in a row, over all accounts, close the gate: one bad account alone does not,
/// since any other's answer begins the count anew.
pub const FAILURES_MAX: i32 = 10;
/// The pause before the first probe of a suspended gate, and the longest one.
const SUSPENDED_PAUSES: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(120));
/// The same for a blocked one: a wrong secret needs a person.
const BLOCKED_PAUSES: (Duration, Duration) = (Duration::from_secs(30), Duration::from_secs(300));
/// The pause after eBay's quota was reached, where it names none.
const QUOTA_PAUSE: Duration = Duration::from_secs(300);
/// The pause after a probe that said nothing.
const SILENT_PAUSE: Duration = Duration::from_secs(5);

impl Gate {
    /// Takes a testimony, changes the counters, and says what becomes of the gate.
    pub fn hear(&mut self, testimony: &Testimony) -> Change {
        let Testimony { evidence, begun_under, probe, retry_after } = *testimony;
        let current = begun_under == self.version;
        if !current && !probe {
            return Change::None;
        }
        match evidence {
            Evidence::Accepted => self.accepted(probe),
            Evidence::CredentialsRefused if current => self.refused(),
            Evidence::ProviderDown => self.down(probe, retry_after.unwrap_or_default()),
            Evidence::QuotaReached => self.suspend(retry_after.unwrap_or(QUOTA_PAUSE)),
            // A probe with a secret that was replaced meanwhile, or one that said nothing.
            Evidence::CredentialsRefused | Evidence::Nothing if probe && self.state != GateState::Open => {
                Change::Close(self.state, SILENT_PAUSE)
            }
            Evidence::CredentialsRefused | Evidence::Nothing => Change::None,
        }
    }

    fn accepted(&mut self, probe: bool) -> Change {
        self.provider_failures = 0;
        if self.state == GateState::Open || !probe {
            return Change::None;
        }
        self.enter(GateState::Open);
        self.probes = 0;
        Change::Open
    }

    fn refused(&mut self) -> Change {
        if self.standby {
            self.standby = false;
            self.version += 1;
            return Change::SwapSecret;
        }
        self.probes = if self.state == GateState::Blocked { self.probes + 1 } else { 0 };
        self.enter(GateState::Blocked);
        Change::Close(GateState::Blocked, pause(BLOCKED_PAUSES, self.probes))
    }

    fn down(&mut self, probe: bool, at_least: Duration) -> Change {
        match self.state {
            GateState::Open => {
                self.provider_failures += 1;
                if self.provider_failures < FAILURES_MAX {
                    return Change::None;
                }
                self.suspend(at_least)
            }
            GateState::Blocked if probe => {
                Change::Close(GateState::Blocked, pause(BLOCKED_PAUSES, self.probes))
            }
            GateState::Suspended if probe => self.suspend(at_least),
            GateState::Blocked | GateState::Suspended => Change::None,
        }
    }

    fn suspend(&mut self, at_least: Duration) -> Change {
        // A wrong secret stays one, whatever else fails.
        if self.state == GateState::Blocked {
            return Change::Close(GateState::Blocked, pause(BLOCKED_PAUSES, self.probes).max(at_least));
        }
        self.probes = if self.state == GateState::Suspended { self.probes + 1 } else { 0 };
        self.provider_failures = 0;
        self.enter(GateState::Suspended);
        Change::Close(GateState::Suspended, pause(SUSPENDED_PAUSES, self.probes).max(at_least))
    }

    fn enter(&mut self, state: GateState) {
        if self.state != state {
            self.state = state;
            self.version += 1;
        }
    }
}

fn pause((first, longest): (Duration, Duration), probes: i32) -> Duration {
    first.saturating_mul(1 << probes.clamp(0, 16)).min(longest)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gate() -> Gate {
        Gate { state: GateState::Open, version: 4, provider_failures: 0, probes: 0, standby: false }
    }

    fn says(evidence: Evidence) -> Testimony {
        Testimony { evidence, begun_under: 4, probe: false, retry_after: None }
    }

    #[test]
    fn g8_refused_credentials_block_and_a_probe_opens() {
        let mut gate = gate();
        assert_eq!(
            gate.hear(&says(Evidence::CredentialsRefused)),
            Change::Close(GateState::Blocked, Duration::from_secs(30))
        );
        assert_eq!(gate.version, 5);
        // The calls that were under way with it change nothing any more.
        assert_eq!(gate.hear(&says(Evidence::CredentialsRefused)), Change::None);
        assert_eq!(gate.hear(&says(Evidence::Accepted)), Change::None);
        let probe = |evidence, gate: &mut Gate| {
            gate.hear(&Testimony { probe: true, begun_under: gate.version, ..says(evidence) })
        };
        assert_eq!(
            probe(Evidence::CredentialsRefused, &mut gate),
            Change::Close(GateState::Blocked, Duration::from_secs(60))
        );
        assert_eq!(
            probe(Evidence::ProviderDown, &mut gate),
            Change::Close(GateState::Blocked, Duration::from_secs(60))
        );
        assert_eq!(probe(Evidence::Accepted, &mut gate), Change::Open);
    }

    #[test]
    fn g8_late_evidence_cannot_block_a_mended_keyset() {
        let mut gate = Gate { version: 5, ..gate() };
        assert_eq!(gate.hear(&says(Evidence::CredentialsRefused)), Change::None);
        assert_eq!(gate.state, GateState::Open);
    }

    #[test]
    fn the_other_secret_is_tried_once() {
        let mut gate = Gate { standby: true, ..gate() };
        assert_eq!(gate.hear(&says(Evidence::CredentialsRefused)), Change::SwapSecret);
        assert_eq!(gate.hear(&says(Evidence::CredentialsRefused)), Change::None, "that was the old secret");
        let second = Testimony { begun_under: 5, ..says(Evidence::CredentialsRefused) };
        assert!(matches!(gate.hear(&second), Change::Close(GateState::Blocked, _)));
    }

    #[test]
    fn failures_in_a_row_suspend_and_an_answer_begins_the_count_anew() {
        let mut gate = gate();
        for _ in 1..FAILURES_MAX {
            assert_eq!(gate.hear(&says(Evidence::ProviderDown)), Change::None);
        }
        assert_eq!(gate.hear(&says(Evidence::Accepted)), Change::None);
        for _ in 1..FAILURES_MAX {
            assert_eq!(gate.hear(&says(Evidence::ProviderDown)), Change::None);
        }
        let asked = Testimony { retry_after: Some(Duration::from_secs(40)), ..says(Evidence::ProviderDown) };
        assert_eq!(gate.hear(&asked), Change::Close(GateState::Suspended, Duration::from_secs(40)));
    }

    #[test]
    fn g10_ebays_own_quota_suspends_at_once() {
        assert_eq!(
            gate().hear(&says(Evidence::QuotaReached)),
            Change::Close(GateState::Suspended, QUOTA_PAUSE)
        );
    }
}
