//! What a claim is given, and what becomes of it.

use std::time::Duration;

use chrono::{DateTime, Utc};

use crate::{
    domain::account::{AccountId, AttemptId, KeysetId},
    message::{Entry, Runner, Source, Subject},
};

/// What a message asks for.
#[derive(Debug, Clone)]
pub struct ClaimRequest {
    /// The attempt's id.
    pub attempt: AttemptId,
    /// The account.
    pub account: AccountId,
}

/// Who claims, and for how long.
#[derive(Debug, Clone)]
pub struct LeaseTerms {
    /// The claiming process.
    pub runner: Runner,
    /// The lease: well above the call's deadline.
    pub lease: Duration,
    /// Ids of the keys that it has.
    pub key_ids: Vec<String>,
}

/// What became of a claim.
#[derive(Debug)]
pub enum ClaimOutcome {
    /// The attempt is ours.
    Claimed(Box<Claim>),
    /// A person's request that cannot run: closed, its entry in the outbox.
    NotRun(Box<Entry>),
    /// A lease that has run out stands: it is closed first, then the claim is tried again.
    LeaseExpired,
    /// A live worker has the key that this one lacks: it should take the message.
    Elsewhere,
    /// Somebody else holds a row of it: nothing was judged, and it is tried again.
    Busy,
    /// Claimed before, replaced, or unknown: nothing to do.
    Stale,
}

/// A held lease, and all that the call needs.
#[derive(Debug, Clone)]
pub struct Claim {
    /// The attempt, which owns the lease.
    pub attempt: AttemptId,
    /// The account whose token it is.
    pub subject: Subject,
    /// Who caused it.
    pub source: Source,
    /// The user's id or `cli:<name>`.
    pub triggered_by: Option<String>,
    /// The lease's epoch, which the finish must still find.
    pub epoch: i64,
    /// When the claim was made.
    pub claimed_at: DateTime<Utc>,
    /// How long the request or the due account waited.
    pub waited_ms: u64,
    /// Failures in a row before this attempt.
    pub failures: u32,
    /// The keyset.
    pub keyset: KeysetId,
    /// eBay's client id.
    pub client_id: String,
    /// The sealed client secret.
    pub client_secret: String,
    /// The keyset's own endpoint; none is eBay's.
    pub api_url: Option<String>,
    /// The sealed refresh token.
    pub refresh_token: String,
    /// The version of the token row that was read.
    pub token_version: i64,
    /// The version of the client secret that was read.
    pub secret_version: i32,
    /// The version of the keyset's breaker under which the call begins.
    pub breaker_version: i64,
    /// Whether this attempt is the breaker's probe.
    pub probe: bool,
    /// Whether a success of it changes the breaker: it has tripped, or has counted failures.
    pub breaker_observes: bool,
}
