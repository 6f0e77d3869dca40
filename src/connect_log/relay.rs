//! The relay: brings home entries that the broker did not.

use std::{collections::HashSet, time::Duration};

use tokio_util::sync::CancellationToken;

use crate::{
    domain::account::AttemptId,
    store::{Store, StoreError},
    vital::Vital,
};

/// How long an entry may take through the broker before the relay takes it.
const AGE_SECS: f64 = 5.0;
const EVERY: Duration = Duration::from_secs(1);
const SLICE_MAX: i64 = 500;

/// Longest time between two slices of a relay that works.
pub const RELAY_HOLDS: Duration = Duration::from_secs(30);

/// Refused rows that are remembered as told.
const TOLD_MAX: usize = 10_000;

/// Stores what stays in the outbox, until `shutdown`, and tells `vital` how that goes.
pub async fn relay(store: &Store, vital: &Vital, shutdown: CancellationToken) {
    let mut every = tokio::time::interval(EVERY);
    every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut told = HashSet::new();
    loop {
        tokio::select! {
            _ = every.tick() => {}
            () = shutdown.cancelled() => return,
        }
        // A database that is silent holds up no stop; what is cut off here is rolled back.
        let Some(passed) = shutdown.run_until_cancelled(pass(store, vital, &mut told)).await else { return };
        if let Err(error) = passed {
            tracing::warn!(error = %crate::error_chain::Chain(&error), "the relay cannot read the outbox");
        }
    }
}

/// Goes once through what is late. What is refused stays behind, and is told once.
async fn pass(store: &Store, vital: &Vital, told: &mut HashSet<AttemptId>) -> Result<(), StoreError> {
    let mut after = None;
    loop {
        let relayed = store.relay_outbox(AGE_SECS, SLICE_MAX, after).await;
        vital.note(&relayed);
        let relayed = relayed?;
        if relayed.stored > 0 {
            tracing::info!(entries = relayed.stored, "stored from the outbox what the broker did not bring");
        }
        for (id, error) in &relayed.refused {
            if told.len() < TOLD_MAX && told.insert(*id) {
                tracing::error!(attempt.id = %id, error = %crate::error_chain::Chain(error),
                    "an entry cannot be stored and stays in the outbox; the others go on");
            }
        }
        if relayed.last.is_none() {
            return Ok(());
        }
        after = relayed.last;
    }
}
