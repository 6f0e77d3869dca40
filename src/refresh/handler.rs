//! The one refresh handler: claim → open → call → decide → finish → publish → settle.
//!
//! Scheduled, admin and debug runs all come through [`Handler::handle`]. PostgreSQL decides whether
//! a message has an effect; whatever happens to this process, the attempt's entry is written by its
//! finish, or by whoever closes its lease.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use tokio_util::sync::CancellationToken;

use super::{
    decide::{DEMOTED_EVERY, Decision, Policy, decide, spread_of},
    exchange::{self, Exchange, millis},
    in_flight::InFlight,
    reap,
    shared::{Shared, SharedByKind},
    taking::Taking,
};
use crate::{
    connect_log::Announcer,
    crypto::{Field, Keyring, SealContext},
    domain::{
        breaker::{Signal, SignalKind},
        class::Class,
        retry::Pauses,
    },
    ebay::{EbayClient, Grant},
    message::{Draft, Entry, RefreshMessage, Runner},
    queue::{Disposition, Incoming},
    store::{
        Claim, ClaimOutcome, ClaimRequest, Effect, Finish, FinishOutcome, LeaseTerms, NewRefreshToken, Store,
        StoreError,
    },
};

/// How long an attempt may take.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// From before the claim to the end of the call.
    pub call: Duration,
    /// From the claim to the moment at which others may close it; well above `call`.
    pub lease: Duration,
}

/// What a handler is made of.
pub struct HandlerParts {
    /// Claims and finishes.
    pub store: Store,
    /// Opens and seals.
    pub keyring: Arc<Keyring>,
    /// Calls eBay.
    pub ebay: EbayClient,
    /// Publishes entries.
    pub announcer: Announcer,
    /// Times refreshes.
    pub policy: Policy,
    /// Limits attempts.
    pub limits: Limits,
    /// Names this process in leases and entries.
    pub runner: Runner,
    /// Takes this worker off the queues while the database is not well.
    pub taking: Arc<Taking>,
    /// Counts attempts under way, for the heartbeat.
    pub in_flight: InFlight,
}

/// The handler. Cheap to clone.
#[derive(Clone)]
pub struct Handler {
    parts: Arc<HandlerParts>,
    shared: SharedByKind,
}

/// How long beyond its lease a result is kept while the database is away, or somebody else holds its
/// account.
const KEPT: Duration = Duration::from_secs(3_600);
/// Tries to claim an account whose expired lease had to be closed first.
const CLAIM_TRIES: usize = 3;
/// Tries to claim an account that somebody else holds, before its message goes back. The call's time
/// passes meanwhile.
const BUSY_TRIES: usize = 5;
/// The bounds of the pauses between them.
const BUSY_PAUSES: (Duration, Duration) = (Duration::from_millis(50), Duration::from_millis(400));

impl Handler {
    /// Builds the handler and the lanes in which its claims and finishes share transactions.
    pub fn new(parts: HandlerParts) -> Self {
        let terms = LeaseTerms {
            runner: parts.runner.clone(),
            lease: parts.limits.lease,
            key_ids: parts.keyring.ids(),
        };
        let shared = SharedByKind::new(&parts.store, terms);
        Self { parts: Arc::new(parts), shared }
    }

    /// Whether this worker takes work.
    pub(super) fn taking(&self) -> &Taking {
        &self.parts.taking
    }

    /// Takes up work again when the database is well, each time that it was not, until `shutdown`.
    pub(super) async fn watch_database(&self, shutdown: &CancellationToken) {
        self.parts.taking.watch(&self.parts.store, shutdown).await;
    }

    /// Handles one message, and says what the broker is to do with it.
    pub async fn handle(&self, incoming: Incoming) -> Disposition {
        let started = Instant::now();
        let message = match RefreshMessage::from_bytes(&incoming.body, incoming.message_type.as_deref()) {
            Ok(message) => message,
            Err(error) => return Disposition::DeadLetter(error.to_string()),
        };
        let claim = match self.claim(&message).await {
            Ok(Some(claim)) => claim,
            Ok(None) => return Disposition::Ack,
            Err(Unclaimed::Elsewhere | Unclaimed::Busy) => return Disposition::Requeue,
            Err(Unclaimed::Store(error)) => return self.unclaimed(&message, &error),
        };
        let _counted = self.parts.in_flight.begin();
        self.attempt(&claim, started).await
    }

    /// Claims the attempt; none if there is nothing to do, or if the answer is already written.
    async fn claim(&self, message: &RefreshMessage) -> Result<Option<Box<Claim>>, Unclaimed> {
        let request = ClaimRequest { attempt: message.attempt, account: message.account };
        for _ in 0..CLAIM_TRIES {
            match claim_free(self.shared.of(message.source), &request).await? {
                ClaimOutcome::Claimed(claim) => return Ok(Some(claim)),
                ClaimOutcome::NotRun(entry) => {
                    log_outcome(&entry, 0);
                    self.parts.announcer.announce(*entry);
                    return Ok(None);
                }
                ClaimOutcome::Stale => {
                    tracing::debug!(attempt.id = %message.attempt, "nothing to do");
                    return Ok(None);
                }
                ClaimOutcome::Elsewhere => return Err(Unclaimed::Elsewhere),
                ClaimOutcome::Busy => {
                    tracing::debug!(attempt.id = %message.attempt, account.id = %message.account,
                        "somebody else holds the account; its message goes back");
                    return Err(Unclaimed::Busy);
                }
                // Whoever holds the account may be about to write its result.
                ClaimOutcome::LeaseExpired if !self.parts.taking.may_reap() => return Err(Unclaimed::Busy),
                ClaimOutcome::LeaseExpired => {
                    reap(
                        &self.parts.store,
                        &self.parts.announcer,
                        &self.parts.policy,
                        Some(&[message.account]),
                    )
                    .await?;
                }
            }
        }
        Ok(None)
    }

    async fn attempt(&self, claim: &Claim, started: Instant) -> Disposition {
        let deadline = tokio::time::Instant::from_std(started + self.parts.limits.call);
        let claimed_ms = millis(started);
        let parts = &self.parts;
        let mut exchange = exchange::run(claim, &parts.keyring, &parts.ebay, &parts.store, deadline).await;
        let places = (rand::random(), spread_of(claim.subject.account_id.0));
        let unopened = exchange.unopened.as_ref();
        let decision = decide(&exchange.result, unopened, claim.failures, &self.parts.policy, places);
        exchange.timings_ms.insert("queued".into(), claim.waited_ms);
        exchange.timings_ms.insert("claim".into(), claimed_ms);
        exchange.timings_ms.insert("total".into(), millis(started));
        let finish = self.finish_of(claim, exchange, &decision);
        match self.finish(finish, started + self.parts.limits.lease).await {
            Ok(FinishOutcome::Finished(entry)) => {
                log_outcome(&entry, millis(started));
                self.parts.announcer.announce(*entry);
                Disposition::Ack
            }
            Ok(FinishOutcome::Lost | FinishOutcome::Busy) => {
                tracing::warn!(attempt.id = %claim.attempt, account.id = %claim.subject.account_id,
                    "the lease ran out before the result was written; the result is dropped");
                Disposition::Ack
            }
            Err(error) if error.is_row_fault() => {
                tracing::error!(attempt.id = %claim.attempt, error = %crate::error_chain::Chain(&error),
                    "the result cannot be written; the lease will run out");
                Disposition::DeadLetter(format!("finish refused: {error}"))
            }
            Err(error) => {
                tracing::error!(attempt.id = %claim.attempt, account.id = %claim.subject.account_id,
                    error = %crate::error_chain::Chain(&error),
                    "the lease ran out before the result was written; the result is dropped");
                Disposition::Requeue
            }
        }
    }

    fn finish_of(&self, claim: &Claim, exchange: Exchange, decision: &Decision) -> Finish {
        let effect = match &exchange.result {
            Ok(grant) => self.refreshed(claim, grant, decision),
            Err(_) => Effect::Failed {
                class: decision.class,
                error: decision.error.clone(),
                retry_in: decision.next_in,
                verdict: decision.verdict.clone(),
            },
        };
        let signal = signal(claim, &exchange, decision.class);
        let mut draft = Draft::without_exchange(
            claim.attempt,
            &claim.subject,
            claim.source,
            decision.class,
            &self.parts.runner,
        );
        let entry = draft.entry_mut();
        entry.reason = decision.reason.map(str::to_owned);
        entry.sent = exchange.sent;
        entry.request = exchange.request;
        entry.response = exchange.response;
        entry.error = Some(decision.error.clone()).filter(|error| !error.is_empty());
        if let Ok(Grant { warning: Some(warning), .. }) = &exchange.result {
            entry.error = Some((*warning).to_owned());
        }
        entry.timings_ms = exchange.timings_ms;
        entry.attempt = claim.failures + 1;
        entry.triggered_by.clone_from(&claim.triggered_by);
        Finish {
            attempt: claim.attempt,
            account: claim.subject.account_id,
            keyset: claim.keyset,
            epoch: claim.epoch,
            token_version: claim.token_version,
            secret_version: claim.secret_version,
            signal,
            claimed_at: claim.claimed_at,
            effect,
            draft,
        }
    }

    fn refreshed(&self, claim: &Claim, grant: &Grant, decision: &Decision) -> Effect {
        let (row, environment) = (claim.subject.account_id.0, claim.subject.environment);
        let seal =
            |field, text: &str| self.parts.keyring.seal(&SealContext::new(field, row, environment), text);
        Effect::Refreshed {
            access_token: seal(Field::AccessToken, grant.access_token.expose()),
            expires_in: grant.expires_in,
            refresh_token: grant.refresh_token.as_ref().map(|token| NewRefreshToken {
                sealed: seal(Field::RefreshToken, token.expose()),
                sha256: token.sha256(),
                expires_in: grant.refresh_token_expires_in,
            }),
            scopes: grant.scopes.clone(),
            next_in: decision.next_in,
            demoted_next_in: DEMOTED_EVERY.mul_f64(1.0 + spread_of(row) / 10.0),
        }
    }

    /// Writes the result, and tries again while the lease stands unless the database refuses this very
    /// row: a rotated token must not be lost to an outage. While the database is away, or somebody else
    /// holds the account, nobody can close the lease either, so the result is kept beyond it.
    async fn finish(&self, finish: Finish, until: Instant) -> Result<FinishOutcome, StoreError> {
        let mut pauses = Pauses::new(Duration::from_millis(100), Duration::from_secs(3));
        let mut failed = false;
        loop {
            let finishes = &self.shared.of(finish.draft.entry().source).finishes;
            let outcome = match finishes.run(finish.clone()).await {
                // The try that failed may have been committed, and only its answer was lost.
                Ok(FinishOutcome::Lost) if failed => self.finished_before(&finish).await,
                outcome => outcome,
            };
            self.parts.taking.observe(finish.account, &outcome);
            let kept = match &outcome {
                Ok(FinishOutcome::Busy) => KEPT,
                Err(error) if error.is_transient() => KEPT,
                Err(error) if !error.is_row_fault() => Duration::ZERO,
                _ => return outcome,
            };
            let pause = pauses.next();
            if Instant::now() + pause >= until + kept {
                return outcome;
            }
            if let Err(error) = &outcome {
                tracing::warn!(attempt.id = %finish.attempt, error = %crate::error_chain::Chain(error),
                    "cannot write the result yet; trying again");
                failed = true;
            } else {
                tracing::debug!(attempt.id = %finish.attempt, account.id = %finish.account,
                    "somebody else holds the account; trying again to write the result");
            }
            tokio::time::sleep(pause).await;
        }
    }

    /// The claim failed. What the database does not do for now it may do later, so the message goes
    /// back; what it refuses of this row is kept for a person to look at.
    fn unclaimed(&self, message: &RefreshMessage, error: &StoreError) -> Disposition {
        tracing::warn!(attempt.id = %message.attempt, account.id = %message.account,
            error = %crate::error_chain::Chain(error), "cannot claim");
        if error.is_row_fault() {
            return Disposition::DeadLetter(format!("claim refused: {error}"));
        }
        self.parts.taking.failed(message.account, error);
        Disposition::Requeue
    }

    async fn finished_before(&self, finish: &Finish) -> Result<FinishOutcome, StoreError> {
        let entry = self.parts.store.entry_of(finish.account, finish.attempt).await?;
        let ours = entry.filter(|entry| entry.class != Class::Interrupted);
        Ok(ours.map_or(FinishOutcome::Lost, |entry| FinishOutcome::Finished(Box::new(entry))))
    }
}

/// Why a message was not claimed.
#[derive(Debug, thiserror::Error)]
enum Unclaimed {
    /// A worker that has the key should take it.
    #[error("the key is elsewhere")]
    Elsewhere,
    /// Somebody else holds the account.
    #[error("the account is held")]
    Busy,
    /// The database did not do it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Hands in a claim, again for a moment while somebody else holds a row of it.
async fn claim_free(shared: &Shared, request: &ClaimRequest) -> Result<ClaimOutcome, StoreError> {
    let mut pauses = Pauses::new(BUSY_PAUSES.0, BUSY_PAUSES.1);
    for _ in 1..BUSY_TRIES {
        match shared.claims.run(request.clone()).await? {
            ClaimOutcome::Busy => tokio::time::sleep(pauses.next()).await,
            outcome => return Ok(outcome),
        }
    }
    shared.claims.run(request.clone()).await
}

/// What the attempt says of its keyset, where its breaker counts it: a plain success under a
/// breaker at rest changes nothing and costs nothing.
fn signal(claim: &Claim, exchange: &Exchange, class: Class) -> Option<Signal> {
    let kind = SignalKind::of(class);
    let retry_after = exchange.result.as_ref().err().and_then(|refusal| refusal.retry_after);
    let observed = match kind {
        SignalKind::Accepted => claim.breaker_observes,
        SignalKind::Nothing => claim.probe,
        SignalKind::CredentialsRefused | SignalKind::ProviderDown | SignalKind::QuotaReached => true,
    };
    observed.then_some(Signal { kind, begun_under: claim.breaker_version, probe: claim.probe, retry_after })
}

/// One line per outcome.
fn log_outcome(entry: &Entry, duration_ms: u64) {
    let said = if entry.class == Class::Refreshed { "refreshed" } else { "not refreshed" };
    tracing::info!(account.id = %entry.account_id, attempt.id = %entry.id, refresh.source = %entry.source,
        refresh.class = %entry.class, refresh.reason = entry.reason.as_deref(), duration_ms, "{said}");
}
