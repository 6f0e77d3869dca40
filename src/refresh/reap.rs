//! Closing leases that ran out, and telling of it.

use super::{decide::Policy, decide::interrupted_pause};
use crate::{
    connect_log::Announcer,
    domain::account::AccountId,
    store::{Store, StoreError},
};

/// Leases closed in one transaction.
const SLICE_MAX: i64 = 500;

/// Closes the expired leases of `accounts`, or of all; returns how many.
pub async fn reap(
    store: &Store,
    announcer: &Announcer,
    policy: &Policy,
    accounts: Option<&[AccountId]>,
) -> Result<usize, StoreError> {
    let mut closed = 0;
    loop {
        let entries = store.reap(accounts, SLICE_MAX, interrupted_pause(*policy)).await?;
        let count = entries.len();
        closed += count;
        for entry in entries {
            tracing::warn!(account.id = %entry.account_id, attempt.id = %entry.id, instance = entry.instance,
                "a lease ran out: its worker died or froze");
            announcer.announce(entry);
        }
        if i64::try_from(count).unwrap_or(0) < SLICE_MAX {
            return Ok(closed);
        }
    }
}
