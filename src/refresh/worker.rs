//! The worker: takes messages of both queues and gives them to the one handler.

use tokio_util::sync::CancellationToken;

use super::handler::Handler;
use crate::queue::{Broker, names};

/// How much a worker takes on.
#[derive(Debug, Clone, Copy)]
pub struct WorkerSettings {
    /// Due accounts refreshed at once.
    pub due_slots: u16,
    /// Debug runs at once: slots of their own, so that a person never waits behind due accounts (G7).
    pub debug_slots: u16,
}

/// Works until `shutdown`, then finishes what is under way.
pub async fn run(broker: &Broker, handler: &Handler, settings: WorkerSettings, shutdown: CancellationToken) {
    let consume = |queue, slots| {
        let handler = handler.clone();
        let wanted = handler.taking().wanted();
        let handle = move |incoming| {
            let handler = handler.clone();
            async move { handler.handle(incoming).await }
        };
        broker.consume_while(queue, slots, wanted, shutdown.clone(), handle)
    };
    tokio::join!(
        handler.watch_database(&shutdown),
        consume(names::REFRESH_DUE, settings.due_slots),
        consume(names::REFRESH_DEBUG, settings.debug_slots)
    );
}
