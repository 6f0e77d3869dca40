//! A keyset's breaker: whether its accounts may call eBay, and what an answer says of that. Pure.
//!
//! The breaker belongs to the whole fleet (it stands in PostgreSQL) and trips for one of two reasons:
//! eBay does not accept the keyset's credentials (`blocked`), or eBay does not answer or has reached
//! its own quota (`suspended`). Behind a tripped breaker single probes ask again, each after a longer
//! pause; the first answer that shows good credentials resets it. Sellers are never judged by any of
//! this (G8).
//!
//! A signal counts only under the state in which its call began: an answer to a call that was made
//! with a secret that has since been replaced cannot trip the breaker of a keyset that was mended.

use std::time::Duration;

use super::{class::Class, retry::doubled};
use crate::text_enum::text_enum;

text_enum! {
    /// Whether a keyset's calls may begin.
    pub enum KeysetState {
        /// They may.
        Ready = "ready",
        /// eBay does not accept the credentials.
        Blocked = "blocked",
        /// eBay does not answer, or has reached its quota.
        Suspended = "suspended",
    }
}

/// What an answer, or its absence, says of the keyset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignalKind {
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

impl SignalKind {
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

/// A breaker as it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Breaker {
    /// Whether calls may begin.
    pub state: KeysetState,
    /// Rises with every change of state or secret.
    pub version: i64,
    /// Failures of the provider in a row, while ready.
    pub provider_failures: i32,
    /// Probes in a row that did not reset it.
    pub probes: i32,
    /// Another secret stands by that eBay has not refused.
    pub standby: bool,
}

/// What one attempt says of its keyset.
#[derive(Debug, Clone, Copy)]
pub struct Signal {
    /// What it says.
    pub kind: SignalKind,
    /// The breaker's version when the call began.
    pub begun_under: i64,
    /// Whether the call was the breaker's probe.
    pub probe: bool,
    /// How long eBay asked to wait.
    pub retry_after: Option<Duration>,
}

/// What becomes of a breaker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Nothing but its counters.
    None,
    /// It trips, or stays so; the next probe goes after this pause.
    Trip(KeysetState, Duration),
    /// Calls may begin again: accounts come back one after the other.
    Reset,
    /// The other secret takes the refused one's place.
    SwapSecret,
}

/// So many failures in a row, over all accounts, trip the breaker: one bad account alone does not,
/// since any other's answer begins the count anew.
pub const FAILURES_MAX: i32 = 10;
/// The pause before the first probe of a suspended breaker, and the longest one.
const SUSPENDED_PAUSES: (Duration, Duration) = (Duration::from_secs(5), Duration::from_secs(120));
/// The same for a blocked one: a wrong secret needs a person.
const BLOCKED_PAUSES: (Duration, Duration) = (Duration::from_secs(30), Duration::from_secs(300));
/// The pause after eBay's quota was reached, where it names none.
const QUOTA_PAUSE: Duration = Duration::from_secs(300);
/// The pause after a probe that said nothing.
const SILENT_PAUSE: Duration = Duration::from_secs(5);

impl Breaker {
    /// Takes a signal, changes the counters, and says what becomes of the breaker.
    pub fn observe(&mut self, signal: &Signal) -> Change {
        let Signal { kind, begun_under, probe, retry_after } = *signal;
        let current = begun_under == self.version;
        if !current && !probe {
            return Change::None;
        }
        match kind {
            SignalKind::Accepted => self.accepted(probe),
            SignalKind::CredentialsRefused if current => self.refused(),
            SignalKind::ProviderDown => self.down(probe, retry_after.unwrap_or_default()),
            SignalKind::QuotaReached => self.suspend(retry_after.unwrap_or(QUOTA_PAUSE)),
            // A probe with a secret that was replaced meanwhile, or one that said nothing.
            SignalKind::CredentialsRefused | SignalKind::Nothing
                if probe && self.state != KeysetState::Ready =>
            {
                Change::Trip(self.state, SILENT_PAUSE)
            }
            SignalKind::CredentialsRefused | SignalKind::Nothing => Change::None,
        }
    }

    fn accepted(&mut self, probe: bool) -> Change {
        self.provider_failures = 0;
        if self.state == KeysetState::Ready || !probe {
            return Change::None;
        }
        self.enter(KeysetState::Ready);
        self.probes = 0;
        Change::Reset
    }

    fn refused(&mut self) -> Change {
        if self.standby {
            self.standby = false;
            self.version += 1;
            return Change::SwapSecret;
        }
        self.probes = if self.state == KeysetState::Blocked { self.probes + 1 } else { 0 };
        self.enter(KeysetState::Blocked);
        Change::Trip(KeysetState::Blocked, pause(BLOCKED_PAUSES, self.probes))
    }

    fn down(&mut self, probe: bool, at_least: Duration) -> Change {
        match self.state {
            KeysetState::Ready => {
                self.provider_failures += 1;
                if self.provider_failures < FAILURES_MAX {
                    return Change::None;
                }
                self.suspend(at_least)
            }
            KeysetState::Blocked if probe => {
                Change::Trip(KeysetState::Blocked, pause(BLOCKED_PAUSES, self.probes))
            }
            KeysetState::Suspended if probe => self.suspend(at_least),
            KeysetState::Blocked | KeysetState::Suspended => Change::None,
        }
    }

    fn suspend(&mut self, at_least: Duration) -> Change {
        // A wrong secret stays one, whatever else fails.
        if self.state == KeysetState::Blocked {
            return Change::Trip(KeysetState::Blocked, pause(BLOCKED_PAUSES, self.probes).max(at_least));
        }
        self.probes = if self.state == KeysetState::Suspended { self.probes + 1 } else { 0 };
        self.provider_failures = 0;
        self.enter(KeysetState::Suspended);
        Change::Trip(KeysetState::Suspended, pause(SUSPENDED_PAUSES, self.probes).max(at_least))
    }

    fn enter(&mut self, state: KeysetState) {
        if self.state != state {
            self.state = state;
            self.version += 1;
        }
    }
}

fn pause(pauses: (Duration, Duration), probes: i32) -> Duration {
    doubled(pauses, u32::try_from(probes).unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn breaker() -> Breaker {
        Breaker { state: KeysetState::Ready, version: 4, provider_failures: 0, probes: 0, standby: false }
    }

    fn says(kind: SignalKind) -> Signal {
        Signal { kind, begun_under: 4, probe: false, retry_after: None }
    }

    #[test]
    fn g8_refused_credentials_block_and_a_probe_resets() {
        let mut breaker = breaker();
        assert_eq!(
            breaker.observe(&says(SignalKind::CredentialsRefused)),
            Change::Trip(KeysetState::Blocked, Duration::from_secs(30))
        );
        assert_eq!(breaker.version, 5);
        // The calls that were under way with it change nothing any more.
        assert_eq!(breaker.observe(&says(SignalKind::CredentialsRefused)), Change::None);
        assert_eq!(breaker.observe(&says(SignalKind::Accepted)), Change::None);
        let probe = |kind, breaker: &mut Breaker| {
            breaker.observe(&Signal { probe: true, begun_under: breaker.version, ..says(kind) })
        };
        assert_eq!(
            probe(SignalKind::CredentialsRefused, &mut breaker),
            Change::Trip(KeysetState::Blocked, Duration::from_secs(60))
        );
        assert_eq!(
            probe(SignalKind::ProviderDown, &mut breaker),
            Change::Trip(KeysetState::Blocked, Duration::from_secs(60))
        );
        assert_eq!(probe(SignalKind::Accepted, &mut breaker), Change::Reset);
    }

    #[test]
    fn g8_a_late_signal_cannot_block_a_mended_keyset() {
        let mut breaker = Breaker { version: 5, ..breaker() };
        assert_eq!(breaker.observe(&says(SignalKind::CredentialsRefused)), Change::None);
        assert_eq!(breaker.state, KeysetState::Ready);
    }

    #[test]
    fn the_other_secret_is_tried_once() {
        let mut breaker = Breaker { standby: true, ..breaker() };
        assert_eq!(breaker.observe(&says(SignalKind::CredentialsRefused)), Change::SwapSecret);
        assert_eq!(
            breaker.observe(&says(SignalKind::CredentialsRefused)),
            Change::None,
            "that was the old secret"
        );
        let second = Signal { begun_under: 5, ..says(SignalKind::CredentialsRefused) };
        assert!(matches!(breaker.observe(&second), Change::Trip(KeysetState::Blocked, _)));
    }

    #[test]
    fn failures_in_a_row_suspend_and_an_answer_begins_the_count_anew() {
        let mut breaker = breaker();
        for _ in 1..FAILURES_MAX {
            assert_eq!(breaker.observe(&says(SignalKind::ProviderDown)), Change::None);
        }
        assert_eq!(breaker.observe(&says(SignalKind::Accepted)), Change::None);
        for _ in 1..FAILURES_MAX {
            assert_eq!(breaker.observe(&says(SignalKind::ProviderDown)), Change::None);
        }
        let asked = Signal { retry_after: Some(Duration::from_secs(40)), ..says(SignalKind::ProviderDown) };
        assert_eq!(breaker.observe(&asked), Change::Trip(KeysetState::Suspended, Duration::from_secs(40)));
    }

    #[test]
    fn g10_ebays_own_quota_suspends_at_once() {
        assert_eq!(
            breaker().observe(&says(SignalKind::QuotaReached)),
            Change::Trip(KeysetState::Suspended, QUOTA_PAUSE)
        );
    }
}
