//! Housekeeping: days of entries are made and dropped, processes that are gone are forgotten, sellers
//! whose token ends are told of, and the quota decides who is always fresh.
//!
//! Beside the scheduler's ticks, so that a slow job holds up no refresh; by one process at a time, so
//! that two never work on the same rows; each job by itself, so that one that fails holds up no other.

use std::time::Duration;

use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::part::{PART_LIMIT, part};
use crate::store::{Store, StoreError};

/// Time between two rounds.
const EVERY: Duration = Duration::from_secs(600);
/// The lease under which each job runs.
const LEASE: &str = "housekeeping";
/// How long the lease lasts: longer than a job may take.
const LEASE_LASTS: Duration = PART_LIMIT.saturating_mul(2);

/// What keeps house.
pub struct Housekeeping {
    /// Where the rows are.
    pub store: Store,
    /// Names this process.
    pub instance: String,
    /// Days for which entries are kept.
    pub retention_days: i32,
    /// How long before its end a token is refreshed.
    pub refresh_before: Duration,
}

impl Housekeeping {
    /// A round at once and then from time to time, until `shutdown`.
    pub async fn run(&self, shutdown: CancellationToken) {
        let mut every = tokio::time::interval(EVERY);
        every.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = every.tick() => {}
                () = shutdown.cancelled() => return,
            }
            // Each job is one statement or few, and what it left undone comes with the next round.
            tokio::select! {
                () = self.round() => {}
                () = shutdown.cancelled() => {}
            }
            // Where this fails, the lease ends by itself.
            part("ending the lease of housekeeping", self.store.release_lease(LEASE, &self.instance)).await;
        }
    }

    async fn round(&self) {
        self.job("making days for entries", self.store.make_partitions()).await;
        self.job("dropping days beyond retention", self.drop_days()).await;
        self.job("forgetting processes that are gone", self.store.forget_instances()).await;
        self.job("warning of tokens that end", self.warn_expiry()).await;
        self.job("the quota's choice of accounts", self.demote()).await;
    }

    /// Does one job under the lease, which begins anew with it.
    async fn job<T>(&self, what: &'static str, work: impl Future<Output = Result<T, StoreError>>) {
        match self.store.hold_lease(LEASE, &self.instance, LEASE_LASTS).await {
            Ok(true) => drop(part(what, work).await),
            Ok(false) => tracing::debug!(what, "another process keeps house"),
            Err(error) => {
                tracing::warn!(error = %crate::error_chain::Chain(&error), what, "housekeeping has to wait");
            }
        }
    }

    async fn drop_days(&self) -> Result<(), StoreError> {
        for partition in self.store.retain(self.retention_days).await? {
            tracing::info!(partition, "dropped a day of entries beyond retention");
        }
        Ok(())
    }

    async fn warn_expiry(&self) -> Result<(), StoreError> {
        for (account, days) in self.store.warn_expiry().await? {
            tracing::warn!(account.id = %account, days, "the seller's refresh token ends within so many days: ask the seller to connect again");
        }
        Ok(())
    }

    async fn demote(&self) -> Result<(), StoreError> {
        for used in self.store.quota_use(None).await? {
            let forecast = used.forecast(self.refresh_before);
            let changed = self.store.demote(used.keyset_id, forecast.keep_fresh).await?;
            if changed > 0 {
                tracing::warn!(keyset.id = %used.keyset_id, changed, keep_fresh = forecast.keep_fresh,
                    accounts = used.accounts, "the quota decides which accounts are always fresh; those used last come first");
            }
            if let Some(seconds) = forecast.exhausted_in_seconds {
                tracing::warn!(keyset.id = %used.keyset_id, left = forecast.left, seconds, "the keyset's daily calls will be spent");
            }
        }
        Ok(())
    }
}
