//! The parts of a round, each on its own: one that fails or hangs holds up no other (G6).

use std::time::Duration;

use tokio::time::timeout;

use crate::store::StoreError;

/// Longest time for a part: more than any statement may take, so only what hangs is cut off.
pub(super) const PART_LIMIT: Duration = Duration::from_secs(20);

/// How a part ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ended {
    /// It is done.
    Well,
    /// The database refused it.
    Refused,
    /// The database is away, or did not answer in time.
    Unanswered,
}

/// Runs a part within its limit, and tells where it fails.
pub(super) async fn part<T>(name: &str, work: impl Future<Output = Result<T, StoreError>>) -> Ended {
    match timeout(PART_LIMIT, work).await {
        Ok(Ok(_)) => Ended::Well,
        Ok(Err(error)) => {
            tracing::warn!(part = name, error = %crate::error_chain::Chain(&error),
                "a part of the round failed; the next round tries again");
            if error.is_transient() { Ended::Unanswered } else { Ended::Refused }
        }
        Err(_) => {
            tracing::warn!(part = name, "a part of the round took too long; the next round tries again");
            Ended::Unanswered
        }
    }
}
