//! What a finish is given, and what becomes of it.

use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::{
    domain::{
        account::{AccountId, AttemptId, KeysetId},
        breaker::Signal,
        class::Class,
        verdict::Verdict,
    },
    message::{Draft, Entry},
};

/// A refresh token that eBay sent in place of the old one.
#[derive(Debug, Clone)]
pub struct NewRefreshToken {
    /// The token, sealed.
    pub sealed: String,
    /// SHA-256 of the token.
    pub sha256: [u8; 32],
    /// Its life, where eBay said so.
    pub expires_in: Option<Duration>,
}

/// What an attempt's result does to its account.
#[derive(Debug, Clone)]
pub enum Effect {
    /// A new access token. Its times count from the claim.
    Refreshed {
        /// The access token, sealed.
        access_token: String,
        /// Its life.
        expires_in: Duration,
        /// The refresh token, only if eBay sent one (G5).
        refresh_token: Option<NewRefreshToken>,
        /// The access token's scopes, only if eBay named them.
        scopes: Option<String>,
        /// When to refresh again.
        next_in: Duration,
        /// The same while the account is demoted: a health refresh a day.
        demoted_next_in: Duration,
    },
    /// No token. Nothing stored is touched (G5).
    Failed {
        /// The class.
        class: Class,
        /// `refresh_error`, without the class.
        error: String,
        /// When to try again, from the finish.
        retry_in: Duration,
        /// What it means for the account.
        verdict: Verdict,
    },
}

/// The result of an attempt.
#[derive(Debug, Clone)]
pub struct Finish {
    /// The attempt.
    pub attempt: AttemptId,
    /// Its account.
    pub account: AccountId,
    /// Its keyset.
    pub keyset: KeysetId,
    /// The lease's epoch as claimed.
    pub epoch: i64,
    /// The token row's version as read.
    pub token_version: i64,
    /// The client secret's version as read.
    pub secret_version: i32,
    /// When it was claimed.
    pub claimed_at: DateTime<Utc>,
    /// What it says of the keyset, if the breaker counts it.
    pub signal: Option<Signal>,
    /// What it does.
    pub effect: Effect,
    /// What is told of it.
    pub draft: Draft,
}

/// What became of a finish.
#[derive(Debug)]
pub enum FinishOutcome {
    /// Written, and its entry is in the outbox.
    Finished(Box<Entry>),
    /// Somebody else holds a row of it: nothing was judged, and it is tried again.
    Busy,
    /// The lease was not ours any more: nothing was written.
    Lost,
}
