//! The scheduler: publishes accounts that are due, closes what has run out.
//!
//! It never calls the handler: there is one way to cause a refresh. Any number of schedulers may
//! run; rows that one has taken are passed over by the others. The queue is kept short: what is
//! published is what workers will take in the next minutes, so a backlog waits in PostgreSQL, where
//! it costs nothing and stays in order.

use std::time::{Duration, Instant};

use futures::{StreamExt, stream};
use tokio_util::sync::CancellationToken;

use super::{
    decide::Policy,
    part::{Ended, part},
    reap,
    reap::WRITTEN_FIRST,
    request::publish_refresh,
};
use crate::{
    connect_log::Announcer,
    message::{RefreshMessage, Runner},
    queue::{PublishError, Publisher},
    store::{Store, StoreError},
    vital::Vital,
};

/// How the scheduler works.
#[derive(Debug, Clone)]
pub struct SchedulerSettings {
    /// Time between two looks.
    pub tick: Duration,
    /// Most accounts published and not yet claimed.
    pub queue_target: usize,
    /// How long a published account may stay unclaimed before it is due again.
    pub claim_within: Duration,
    /// How long a person's request may stay unclaimed before it is published again.
    pub republish_after: Duration,
    /// How long before it is closed as `undelivered`.
    pub undelivered_after: Duration,
}

impl SchedulerSettings {
    /// How long a good tick shows that the scheduler works.
    pub fn tick_holds(&self) -> Duration {
        GOOD_WITHIN.max(self.tick * FAILED_MAX)
    }
}

/// Most accounts published in one slice.
const SLICE_MAX: usize = 1_000;
/// Publishes whose confirms are awaited at once.
const CONFIRMS: usize = 300;
/// Longest time between two good ticks of a scheduler that works, unless it ticks more slowly.
const GOOD_WITHIN: Duration = Duration::from_secs(15);
/// So many ticks may fail in a row.
const FAILED_MAX: u32 = 5;
/// How long a tick may go on after the stop. What it took as due and did not publish waits for
/// [`SchedulerSettings::claim_within`], so it is let finish while broker and database answer.
const STOP_LIMIT: Duration = Duration::from_secs(5);

/// A scheduler and what it works with.
pub struct Scheduler {
    /// Where due accounts stand.
    pub store: Store,
    /// Where messages go.
    pub publisher: Publisher,
    /// Where entries of closed leases and requests go.
    pub announcer: Announcer,
    /// Times the pause after a closed lease.
    pub policy: Policy,
    /// How it works.
    pub settings: SchedulerSettings,
    /// Names this process.
    pub runner: Runner,
    /// Told of every tick that is marked.
    pub vital: Vital,
}

impl Scheduler {
    /// Ticks until `shutdown`.
    pub async fn run(&self, shutdown: CancellationToken) {
        let mut every = tokio::time::interval(self.settings.tick);
        every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let too_long = async {
            shutdown.cancelled().await;
            tokio::time::sleep(STOP_LIMIT).await;
        };
        tokio::pin!(too_long);
        let mut reap_from = Instant::now();
        loop {
            tokio::select! {
                _ = every.tick() => {}
                () = shutdown.cancelled() => return,
            }
            tokio::select! {
                () = self.tick(&mut reap_from) => {}
                () = &mut too_long => {
                    tracing::warn!("stopping in the middle of a tick; what it began comes again");
                    return;
                }
            }
        }
    }

    /// Leases are closed from `reap_from` on: where the database was away, workers write first what
    /// they hold.
    async fn tick(&self, reap_from: &mut Instant) {
        let waits = Instant::now() < *reap_from;
        let reaped = if waits { Ended::Well } else { part("closing leases", self.reap()).await };
        let people = part("people's requests", self.serve_people()).await;
        let probes = part("probes of tripped breakers", self.publish_probes()).await;
        let sample = part("the backlog's sample", self.store.sample_backlog()).await;
        let due = part("due accounts", self.publish_due()).await;
        if [reaped, people, probes, sample, due].contains(&Ended::Unanswered) {
            *reap_from = Instant::now() + WRITTEN_FIRST;
        }
        let good = [reaped, people, probes, due].iter().all(|ended| *ended == Ended::Well);
        if good {
            let marked = part("the tick's mark", self.store.scheduler_ticked(&self.runner.instance)).await;
            if marked == Ended::Well {
                self.vital.succeeded();
            }
        }
    }

    async fn reap(&self) -> Result<(), StoreError> {
        reap(&self.store, &self.announcer, &self.policy, None).await.map(|_| ())
    }

    /// Publishes again what nobody has claimed, and closes what nobody will.
    async fn serve_people(&self) -> Result<(), StoreError> {
        let s = &self.settings;
        for entry in self.store.close_undelivered(s.undelivered_after, &self.runner).await? {
            tracing::warn!(attempt.id = %entry.id, account.id = %entry.account_id, "no worker took a person's request");
            self.announcer.announce(entry);
        }
        let unclaimed = self.store.take_unclaimed_requests(s.republish_after, s.undelivered_after).await?;
        self.publish_hints("request", unclaimed).await;
        Ok(())
    }

    /// Publishes what comes again by itself where it fails. At once: each waits for a broker that is
    /// away, and the rest of the tick waits for them all.
    async fn publish_hints(&self, what: &str, messages: Vec<RefreshMessage>) {
        let publishing = messages.into_iter().map(|message| async move {
            if let Err(error) = publish_refresh(&self.publisher, &message).await {
                tracing::warn!(attempt.id = %message.attempt, error = %crate::error_chain::Chain(&error), "{what} not published");
            }
        });
        stream::iter(publishing).buffer_unordered(CONFIRMS).collect::<()>().await;
    }

    /// Sends single calls through tripped breakers, and brings back accounts whose missing key is there.
    async fn publish_probes(&self) -> Result<(), StoreError> {
        let found = self.store.unblock_by_key().await?;
        if found > 0 {
            tracing::info!(accounts = found, "the key that these accounts lacked is there; they are due");
        }
        self.publish_hints("probe", self.store.take_probes().await?).await;
        Ok(())
    }

    async fn publish_due(&self) -> Result<(), StoreError> {
        let queued = usize::try_from(self.store.count_queued().await?).unwrap_or(0);
        let mut room = self.settings.queue_target.saturating_sub(queued);
        while room > 0 {
            let slice = room.min(SLICE_MAX);
            let due = self.store.take_due(slice, self.settings.claim_within).await?;
            let taken = due.len();
            let refused: Vec<_> = stream::iter(due)
                .map(|due| async move {
                    let published = publish_refresh(&self.publisher, &due).await;
                    published.err().map(|error| (due.attempt, error))
                })
                .buffer_unordered(CONFIRMS)
                .filter_map(|refused| async move { refused })
                .collect()
                .await;
            if let Some((_, error)) = refused.first() {
                tracing::warn!(error = %crate::error_chain::Chain(error), accounts = refused.len(),
                    "the broker did not take due accounts; they stay due");
                // A message whose confirm is missing may be in the queue: its id stays valid until
                // its time is up. Only what the broker surely does not have is given back.
                let surely: Vec<_> = refused
                    .iter()
                    .filter(|(_, error)| !matches!(error, PublishError::Unconfirmed))
                    .map(|(attempt, _)| *attempt)
                    .collect();
                self.store.give_back(&surely).await?;
                return Ok(());
            }
            if taken > 0 {
                tracing::debug!(accounts = taken, "published due accounts");
            }
            if taken < slice {
                return Ok(());
            }
            room -= taken;
        }
        Ok(())
    }
}
