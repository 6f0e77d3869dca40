//! Waiting for one attempt's entry: what the broker brings wakes, and only the store answers.

use std::{sync::Arc, time::Duration};

use tokio::{
    sync::broadcast::{Receiver, error::RecvError},
    time::{Instant, timeout},
};

use crate::{
    domain::account::{AccountId, AttemptId},
    message::Entry,
    store::{Store, StoreError},
};

/// Time between two looks where the broker brings nothing.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Waits at most `limit` for the entry of an attempt of `account`, stored or still in the outbox.
///
/// `arrivals` are a feed's, subscribed to before the attempt was asked for, so that nothing falls
/// between the two. An entry is in the outbox before it is announced, so whom its arrival wakes finds it.
pub async fn wait_for(
    store: &Store,
    mut arrivals: Receiver<Arc<Entry>>,
    account: AccountId,
    attempt: AttemptId,
    limit: Duration,
) -> Result<Option<Entry>, StoreError> {
    let until = Instant::now() + limit;
    loop {
        let found = store.entry_of(account, attempt).await?;
        let left = until.saturating_duration_since(Instant::now());
        if found.is_some() || left.is_zero() {
            return Ok(found);
        }
        drop(timeout(left.min(LOOK_EVERY), arrival(&mut arrivals, attempt)).await);
    }
}

/// The moment at which the entry of `attempt` may have arrived.
async fn arrival(arrivals: &mut Receiver<Arc<Entry>>, attempt: AttemptId) {
    loop {
        match arrivals.recv().await {
            Ok(entry) if entry.id == attempt => return,
            Ok(_) => {}
            // It may be among those that were dropped.
            Err(RecvError::Lagged(_)) => return,
            // The process stops.
            Err(RecvError::Closed) => std::future::pending().await,
        }
    }
}
