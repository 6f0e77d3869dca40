//! Closing leases that ran out, and telling of it.

use std::time::Duration;

use super::decide::{Policy, interrupted_pause};
use crate::{
    connect_log::Announcer,
    domain::account::AccountId,
    message::Entry,
    store::{Store, StoreError},
};

/// Once a database that was away answers, leases that ran out meanwhile stand for so long: workers
/// write first what they hold, which no second call to eBay would bring back where a refresh token was
/// rotated (G5). Longer than the pauses of a finish that is tried again.
pub(super) const WRITTEN_FIRST: Duration = Duration::from_secs(10);
/// Leases closed in one transaction.
const SLICE_MAX: i64 = 500;

/// Closes the expired leases of `accounts`, or of all; returns how many. A lease that cannot be closed
/// stays, and the others are closed (G6).
pub async fn reap(
    store: &Store,
    announcer: &Announcer,
    policy: &Policy,
    accounts: Option<&[AccountId]>,
) -> Result<usize, StoreError> {
    let mut closed = 0;
    loop {
        let count = match store.reap(accounts, SLICE_MAX, interrupted_pause(*policy)).await {
            Ok(entries) => tell(announcer, entries),
            Err(error) if error.is_row_fault() => {
                return Ok(closed + one_by_one(store, announcer, policy, accounts).await?);
            }
            Err(error) => return Err(error),
        };
        closed += count;
        if i64::try_from(count).unwrap_or(0) < SLICE_MAX {
            return Ok(closed);
        }
    }
}

/// Closes each lease alone: one of them is refused.
async fn one_by_one(
    store: &Store,
    announcer: &Announcer,
    policy: &Policy,
    accounts: Option<&[AccountId]>,
) -> Result<usize, StoreError> {
    let expired = match accounts {
        Some(accounts) => accounts.to_vec(),
        None => store.expired_leases(SLICE_MAX).await?,
    };
    let mut closed = 0;
    for account in expired {
        match store.reap(Some(&[account]), 1, interrupted_pause(*policy)).await {
            Ok(entries) => closed += tell(announcer, entries),
            Err(error) if error.is_row_fault() => {
                tracing::error!(account.id = %account, error = %crate::error_chain::Chain(&error),
                    "a lease that ran out cannot be closed");
            }
            Err(error) => return Err(error),
        }
    }
    Ok(closed)
}

fn tell(announcer: &Announcer, entries: Vec<Entry>) -> usize {
    let count = entries.len();
    for entry in entries {
        tracing::warn!(account.id = %entry.account_id, attempt.id = %entry.id, instance = entry.instance,
            "a lease ran out: its worker died or froze");
        announcer.announce(entry);
    }
    count
}
