//! How a delivery ends: one value says it, one `match` tells the broker.

use std::{any::Any, future::Future, panic::AssertUnwindSafe, time::Duration};

use futures::FutureExt;
use lapin::{
    message::Delivery,
    options::{BasicAckOptions, BasicNackOptions, BasicRejectOptions},
};
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, warn};

use super::{
    bury::{bury, fit},
    error::QueueError,
    incoming::Incoming,
    link::{ANSWER_LIMIT, within},
    publisher::Publisher,
};
use crate::{domain::retry::Pauses, error_chain::Chain};

/// How a handler says that a delivery ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Disposition {
    /// Handled: the broker forgets it.
    Ack,
    /// Not handled, but another try may work: it is delivered again after a jittered pause, which
    /// grows with the number of deliveries and keeps its place in the prefetch.
    ///
    /// After 20 of them the broker dead-letters it, so what must outlast a long outage is better
    /// waited for in the handler.
    Requeue,
    /// It can never be handled, for this reason: a copy with the reason goes to the dead letters.
    /// The reason must not repeat content.
    DeadLetter(String),
}

/// The reason of a dead letter whose handler panicked.
pub const PANIC_REASON: &str = "panic";
/// The pause before the first redelivery is drawn up to this.
const REQUEUE_PAUSE_MIN: Duration = Duration::from_millis(200);
/// Later pauses are drawn up to this.
const REQUEUE_PAUSE_MAX: Duration = Duration::from_secs(10);

/// Settles the deliveries of one consumer.
#[derive(Clone)]
pub(super) struct Settler {
    pub(super) queue: &'static str,
    pub(super) publisher: Publisher,
    pub(super) shutdown: CancellationToken,
}

impl Settler {
    /// Tells the broker about `disposition`. Takes the delivery, so it cannot be settled twice.
    ///
    /// A delivery that cannot be settled comes again; nothing is lost, so it is logged only. Once
    /// `over`, the delivery's channel is gone: lapin may leave an ack of it unanswered, and a copy among
    /// the dead letters would be one too many.
    pub(super) async fn settle(
        &self,
        delivery: Delivery,
        disposition: Disposition,
        over: &CancellationToken,
    ) {
        let telling = async {
            match disposition {
                Disposition::Ack => ack(&delivery, false).await,
                Disposition::Requeue => {
                    self.pause(&delivery).await;
                    requeue_counted(&delivery).await
                }
                Disposition::DeadLetter(reason) => self.bury(&delivery, &fit(&reason)).await,
            }
        };
        let told = over.run_until_cancelled(telling).await.unwrap_or(Err(QueueError::Lost));
        if let Err(error) = told {
            debug!(queue.name = self.queue, error = %Chain(&error), "a delivery was not settled and will come again");
        }
    }

    async fn bury(&self, delivery: &Delivery, reason: &str) -> Result<(), QueueError> {
        let id = delivery.properties.message_id().as_ref().map_or("", |id| id.as_str());
        match bury(&self.publisher, self.queue, delivery, reason).await {
            Ok(()) => {
                warn!(
                    queue.name = self.queue,
                    message.id = id,
                    dead_letter.reason = reason,
                    "a message was dead-lettered"
                );
                ack(delivery, false).await
            }
            Err(error) => {
                error!(queue.name = self.queue, message.id = id, dead_letter.reason = reason, error = %error, "the reason of a dead letter could not be kept with it; the broker dead-letters the message without it");
                let rejecting = delivery.reject(BasicRejectOptions { requeue: false });
                settled(within("rejecting", ANSWER_LIMIT, rejecting).await)
            }
        }
    }

    /// Waits before a redelivery, unless the process stops.
    async fn pause(&self, delivery: &Delivery) {
        let mut pauses = Pauses::new(REQUEUE_PAUSE_MIN, REQUEUE_PAUSE_MAX);
        let earlier = Incoming::earlier_deliveries(delivery).min(16);
        let pause = (0..=earlier).map(|_| pauses.next()).last().unwrap_or_default();
        let _ = self.shutdown.run_until_cancelled(tokio::time::sleep(pause)).await;
    }
}

/// Acknowledges `delivery`, with `multiple` also all before it on its channel.
pub(super) async fn ack(delivery: &Delivery, multiple: bool) -> Result<(), QueueError> {
    settled(within("acknowledging", ANSWER_LIMIT, delivery.ack(BasicAckOptions { multiple })).await)
}

/// Gives back a delivery that was handled in vain. `reject`, because from RabbitMQ 4.3 on `nack` does
/// not count towards the delivery limit.
async fn requeue_counted(delivery: &Delivery) -> Result<(), QueueError> {
    let rejecting = delivery.reject(BasicRejectOptions { requeue: true });
    settled(within("requeueing", ANSWER_LIMIT, rejecting).await)
}

/// Gives back a delivery that was never begun.
pub(super) async fn give_back(delivery: &Delivery) -> Result<(), QueueError> {
    let nacking = delivery.nack(BasicNackOptions { requeue: true, multiple: false });
    settled(within("requeueing", ANSWER_LIMIT, nacking).await)
}

/// lapin answers `false` where the channel is gone: the delivery will come again.
fn settled(answer: Result<bool, QueueError>) -> Result<(), QueueError> {
    if answer? { Ok(()) } else { Err(QueueError::Lost) }
}

/// Runs a handler; its panic is an error instead of the end of the task, which would leave its
/// delivery unsettled until the channel closes.
pub(super) async fn without_panic<T>(
    handler: impl Future<Output = T>,
) -> Result<T, Box<dyn Any + Send + 'static>> {
    AssertUnwindSafe(handler).catch_unwind().await
}
