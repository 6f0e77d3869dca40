//! The parts of a round, each on its own: one that fails or hangs holds up no other (G6).

use std::time::Duration;

use tokio::time::timeout;

use crate::store::StoreError;

/// Longest time for a part: more than any statement may take, so only what hangs is cut off.
pub(super) const PART_LIMIT: Duration = Duration::from_secs(20);

/// Runs a part within its limit, tells where it fails, and returns whether it did not.
pub(super) async fn part<T>(name: &str, work: impl Future<Output = Result<T, StoreError>>) -> bool {
    match timeout(PART_LIMIT, work).await {
        Ok(Ok(_)) => return true,
        Ok(Err(error)) => {
            tracing::warn!(part = name, error = %crate::error_chain::Chain(&error),
                "a part of the round failed; the next round tries again");
        }
        Err(_) => {
            tracing::warn!(part = name, "a part of the round took too long; the next round tries again");
        }
    }
    false
}
