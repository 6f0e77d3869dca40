//! The relay: brings home entries that the broker did not.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::store::Store;

/// How long an entry may take through the broker before the relay takes it.
const AGE_SECS: f64 = 5.0;
const EVERY: Duration = Duration::from_secs(1);
const SLICE_MAX: i64 = 500;

/// Stores what stays in the outbox, until `shutdown`.
pub async fn relay(store: &Store, shutdown: CancellationToken) {
    let mut every = tokio::time::interval(EVERY);
    every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            _ = every.tick() => {}
            () = shutdown.cancelled() => return,
        }
        loop {
            // A database that is silent holds up no stop; what is cut off here is rolled back.
            let Some(relayed) = shutdown.run_until_cancelled(store.relay_outbox(AGE_SECS, SLICE_MAX)).await
            else {
                return;
            };
            match relayed {
                Ok(0) => break,
                Ok(entries) => {
                    tracing::info!(entries, "stored from the outbox what the broker did not bring");
                }
                Err(error) => {
                    tracing::warn!(error = %crate::error_chain::Chain(&error), "the relay cannot read the outbox");
                    break;
                }
            }
        }
    }
}
