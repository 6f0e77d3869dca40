//! The log-writer: stores what the exchange brings, in batches, once each (G1).

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use crate::{
    domain::{account::AttemptId, retry::Pauses, screen::one_line},
    message::{ENTRY_TYPE, Entry, MAX_ENTRY_BYTES},
    queue::{Broker, Disposition, Incoming, names},
    store::{Store, StoreError},
    vital::Vital,
};

/// Messages the broker hands out before their acks.
const PREFETCH: u16 = 1_000;
/// Entries in one transaction.
const BATCH_MAX: usize = 500;
/// How long a batch waits for company.
const LINGER: Duration = Duration::from_millis(20);

/// Stores entries until `shutdown`, and tells `vital` how that goes.
pub async fn write(broker: &Broker, store: &Store, vital: &Vital, shutdown: CancellationToken) {
    // Nothing to store is as good as something stored.
    vital.succeeded();
    let handler = |batch: Vec<Incoming>| {
        let (store, vital, shutdown) = (store.clone(), vital.clone(), shutdown.clone());
        async move { store_batch(&store, &batch, &vital, &shutdown).await }
    };
    broker
        .consume_batches(names::CONNECT_LOG_STORE, PREFETCH, BATCH_MAX, LINGER, shutdown.clone(), handler)
        .await;
}

/// One disposition per message. A bad message is dead-lettered alone; while the database is away,
/// the batch waits.
async fn store_batch(
    store: &Store,
    batch: &[Incoming],
    vital: &Vital,
    shutdown: &CancellationToken,
) -> Vec<Disposition> {
    let read: Vec<Result<AttemptId, String>> = batch.iter().map(read).collect();
    let ids: Vec<AttemptId> = read.iter().filter_map(|id| id.as_ref().ok().copied()).collect();
    let mut stored = keep(store, ids, vital, shutdown).await.into_iter();
    read.into_iter()
        .map(|id| match id {
            Err(reason) => Disposition::DeadLetter(reason),
            Ok(_) => match stored.next() {
                Some(Ok(())) => Disposition::Ack,
                Some(Err(error)) if error.is_row_fault() => {
                    Disposition::DeadLetter(format!("entry refused: {}", crate::error_chain::Chain(&error)))
                }
                Some(Err(_)) | None => Disposition::Requeue,
            },
        })
        .collect()
}

async fn keep(
    store: &Store,
    ids: Vec<AttemptId>,
    vital: &Vital,
    shutdown: &CancellationToken,
) -> Vec<Result<(), StoreError>> {
    let mut pauses = Pauses::new(Duration::from_millis(200), Duration::from_secs(10));
    loop {
        let answers = store.store_entries_isolated(ids.clone()).await;
        let Some(error) =
            answers.iter().find_map(|answer| answer.as_ref().err().filter(|e| !e.is_row_fault()))
        else {
            vital.succeeded();
            return answers;
        };
        vital.failed();
        tracing::warn!(error = %crate::error_chain::Chain(error), entries = ids.len(), "cannot store entries yet; trying again");
        tokio::select! {
            () = tokio::time::sleep(pauses.next()) => {}
            () = shutdown.cancelled() => return answers,
        }
    }
}

/// Reads a message as an entry, and returns its id: the entry itself waits in the outbox.
fn read(incoming: &Incoming) -> Result<AttemptId, String> {
    if let Some(found) = incoming.message_type.as_deref().filter(|found| *found != ENTRY_TYPE) {
        return Err(format!("unknown type \"{}\": expected {ENTRY_TYPE}", one_line(found, 64)));
    }
    if incoming.body.len() > MAX_ENTRY_BYTES {
        return Err(format!("oversized: {} bytes, at most {MAX_ENTRY_BYTES} are read", incoming.body.len()));
    }
    let text = std::str::from_utf8(&incoming.body).map_err(|error| format!("malformed body: {error}"))?;
    let entry: Entry = serde_json::from_str(text)
        .map_err(|error| format!("malformed body: line {} column {}", error.line(), error.column()))?;
    Ok(entry.id)
}
