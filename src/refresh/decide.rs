//! What a result means for the account: a pure function of the result, the failures before it and
//! the policy. No I/O, no clock, no dice of its own.

use std::time::Duration;

use uuid::Uuid;

use crate::{
    crypto::DecryptReason,
    domain::{class::Class, retry::doubled, verdict::Verdict},
    ebay::{Grant, Refusal},
};

/// How refreshes are timed.
#[derive(Debug, Clone, Copy)]
pub struct Policy {
    /// How long before its end an access token is refreshed.
    pub refresh_before: Duration,
    /// The first pause after a failure; it doubles with every further one.
    pub retry_base: Duration,
    /// The longest pause after a failure.
    pub retry_max: Duration,
}

impl Default for Policy {
    fn default() -> Self {
        Self {
            refresh_before: Duration::from_secs(600),
            retry_base: Duration::from_secs(30),
            retry_max: Duration::from_secs(3_600),
        }
    }
}

/// A shorter pause than this would be a busy loop.
const RETRY_MIN: Duration = Duration::from_secs(5);
/// A grant that eBay calls invalid is asked about once an hour: more often eats the quota of others.
const SUSPECT_EVERY: Duration = Duration::from_secs(3_600);
/// A token is used for at least this part of its life, however long the lead is.
const SHORTEST_USE: u32 = 20;

/// What happens to the account and its schedule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// How the attempt ended.
    pub class: Class,
    /// The class's finer reason.
    pub reason: Option<&'static str>,
    /// What went wrong, in words; empty after a success.
    pub error: String,
    /// When to refresh next: from the claim after a success, from the finish after a failure.
    pub next_in: Duration,
    /// What a failure means for the account.
    pub verdict: Verdict,
}

/// A refresh token that did not open.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unopened {
    /// Why it did not open.
    pub reason: DecryptReason,
    /// The key that it names.
    pub key_id: Option<String>,
}

/// A demoted account keeps its grant healthy with one refresh a day, never two within 24 hours.
pub(super) const DEMOTED_EVERY: Duration = Duration::from_secs(86_400);

/// An account's place in the spread, in 0..1: the same at every refresh, so accounts that were
/// imported together drift apart and stay apart.
pub fn spread_of(account: Uuid) -> f64 {
    let (_, low) = account.as_u64_pair();
    // The low half of a UUIDv7 is random but for its two highest bits.
    #[expect(clippy::cast_precision_loss, reason = "52 bits fit")]
    let place = ((low << 2) >> 12) as f64 / (1_u64 << 52) as f64;
    place
}

/// Decides on a result after `failures` in a row. `dice` is a random number in 0..1, `spread` the
/// account's place.
pub fn decide(
    result: &Result<Grant, Refusal>,
    unopened: Option<&Unopened>,
    failures: u32,
    policy: &Policy,
    (dice, spread): (f64, f64),
) -> Decision {
    match result {
        Ok(grant) => Decision {
            class: Class::Refreshed,
            reason: None,
            error: String::new(),
            next_in: next_after(grant.expires_in, policy, spread),
            verdict: Verdict::Unchanged,
        },
        Err(refusal) => Decision {
            class: refusal.class,
            reason: refusal.reason,
            error: refusal.text.clone(),
            next_in: retry_in(refusal.class, failures + 1, policy, dice)
                .max(refusal.retry_after.unwrap_or_default()),
            verdict: verdict(refusal, unopened),
        },
    }
}

/// Earlier by up to half the lead, by the account's place in the spread.
fn next_after(expires_in: Duration, policy: &Policy, spread: f64) -> Duration {
    let lead = policy.refresh_before + (policy.refresh_before / 2).mul_f64(spread);
    expires_in.saturating_sub(lead).max(expires_in / SHORTEST_USE)
}

/// Only what is surely the account's own changes its standing (G8).
fn verdict(refusal: &Refusal, unopened: Option<&Unopened>) -> Verdict {
    match refusal.class {
        Class::DecryptFailed => unopened.map_or(Verdict::Unchanged, unopened_verdict),
        Class::PreflightRejected if refusal.reason == Some(NOT_A_TOKEN) => Verdict::Blocked,
        Class::GrantSuspect | Class::GrantInvalid => Verdict::Suspected,
        Class::PreflightRejected
        | Class::Refreshed
        | Class::ClientInvalid
        | Class::ScopeInvalid
        | Class::RequestRejected
        | Class::QuotaExhausted
        | Class::ProviderError
        | Class::Network
        | Class::Timeout
        | Class::BadResponse
        | Class::Interrupted
        | Class::Superseded
        | Class::NotRun => Verdict::Unchanged,
    }
}

/// A text that names a key we have and does not open with it is destroyed: this process checked that
/// key against its canary.
fn unopened_verdict(unopened: &Unopened) -> Verdict {
    match (unopened.reason, &unopened.key_id) {
        (DecryptReason::UnknownKey, Some(key)) => Verdict::MissingKey(key.clone()),
        (DecryptReason::UnknownKey | DecryptReason::WrongContext, _) => Verdict::Blocked,
        (
            DecryptReason::NotSealed
            | DecryptReason::Malformed
            | DecryptReason::Truncated
            | DecryptReason::Corrupt,
            _,
        ) => Verdict::ReconnectRequired,
    }
}

/// The reason of a stored refresh token that opens to something else.
pub(super) const NOT_A_TOKEN: &str = "not_a_token";

/// The pause after the `failures`-th failure in a row: exponential with full jitter, so that
/// accounts that failed together do not come back together.
pub fn retry_in(class: Class, failures: u32, policy: &Policy, dice: f64) -> Duration {
    match class {
        Class::GrantSuspect | Class::GrantInvalid => SUSPECT_EVERY + SUSPECT_EVERY.mul_f64(dice / 12.0),
        Class::Refreshed
        | Class::DecryptFailed
        | Class::PreflightRejected
        | Class::ClientInvalid
        | Class::ScopeInvalid
        | Class::RequestRejected
        | Class::QuotaExhausted
        | Class::ProviderError
        | Class::Network
        | Class::Timeout
        | Class::BadResponse
        | Class::Interrupted
        | Class::Superseded
        | Class::NotRun => {
            let bound = doubled((policy.retry_base, policy.retry_max), failures.saturating_sub(1));
            bound.mul_f64(dice).max(RETRY_MIN)
        }
    }
}

/// The pause after a lease ran out, which is a failure like any other.
pub(super) fn interrupted_pause(policy: Policy) -> impl Fn(u32) -> Duration + Send + Sync {
    move |failures| retry_in(Class::Interrupted, failures, &policy, rand::random())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_the_longest_and_never_vanish() {
        let policy = Policy::default();
        let pause = |failures, dice| retry_in(Class::ProviderError, failures, &policy, dice).as_secs();
        assert_eq!(pause(1, 1.0), 30);
        assert_eq!(pause(3, 1.0), 120);
        assert_eq!(pause(3, 0.5), 60);
        assert_eq!(pause(40, 1.0), 3_600);
        assert_eq!(pause(40, 0.0), 5);
    }

    #[test]
    fn a_suspect_grant_is_asked_about_once_an_hour() {
        for failures in 1..50 {
            let pause = retry_in(Class::GrantSuspect, failures, &Policy::default(), 0.5).as_secs();
            assert!((3_600..=3_900).contains(&pause), "{pause}");
        }
    }

    #[test]
    fn a_short_lived_token_is_still_used_for_a_while() {
        let policy = Policy::default();
        assert_eq!(next_after(Duration::from_secs(7_200), &policy, 0.0).as_secs(), 6_600);
        assert_eq!(next_after(Duration::from_secs(7_200), &policy, 1.0).as_secs(), 6_300);
        assert_eq!(next_after(Duration::from_secs(300), &policy, 0.5).as_secs(), 15);
    }
}
