//! Publishing entries to the `connect-log` exchange, for the log-writer and for live viewers.
//!
//! An entry is already safe in the outbox when it is announced, so a publish that fails costs
//! only time: the relay brings it home.

use std::sync::Arc;

use tokio::sync::Semaphore;
use tokio_util::task::TaskTracker;

use crate::{
    message::{ENTRY_TYPE, Entry},
    queue::{Publication, Publisher, names},
};

/// Publishes under way at once; what comes on top is left to the relay.
const IN_FLIGHT_MAX: usize = 1_000;

/// Publishes entries in the background. Cheap to clone.
#[derive(Clone)]
pub struct Announcer {
    publisher: Publisher,
    slots: Arc<Semaphore>,
    tasks: TaskTracker,
}

impl Announcer {
    /// Announces through `publisher`.
    pub fn new(publisher: Publisher) -> Self {
        Self { publisher, slots: Arc::new(Semaphore::new(IN_FLIGHT_MAX)), tasks: TaskTracker::new() }
    }

    /// Publishes the entry's bytes, without making the caller wait for the broker.
    pub fn announce(&self, entry: Entry) {
        let Ok(slot) = Arc::clone(&self.slots).try_acquire_owned() else { return };
        let publisher = self.publisher.clone();
        self.tasks.spawn(async move {
            let body = entry.to_text();
            let id = entry.id.to_string();
            let routing_key = format!("{}.{}.{}", entry.environment, entry.source, entry.class);
            let traceparent = traceparent(&entry);
            let publication = Publication {
                exchange: names::CONNECT_LOG,
                routing_key: &routing_key,
                message_id: &id,
                message_type: ENTRY_TYPE,
                body: body.as_bytes(),
                traceparent: Some(&traceparent),
            };
            if let Err(error) = publisher.publish(&publication).await {
                tracing::warn!(attempt.id = %id, error = %crate::error_chain::Chain(&error),
                    "entry not announced; the relay will store it");
            }
            drop(slot);
        });
    }

    /// Waits for what is being published.
    pub async fn flush(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }
}

/// W3C trace context: the attempt is the trace.
fn traceparent(entry: &Entry) -> String {
    format!("00-{}-{:016x}-01", entry.id.0.simple(), rand::random_range(1..=u64::MAX))
}
