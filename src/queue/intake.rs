//! One consumer of one queue, on one connection.

use std::future::Future;

use futures::StreamExt;
use lapin::{
    Channel, Consumer,
    message::Delivery,
    options::{BasicCancelOptions, BasicConsumeOptions, BasicQosOptions},
    types::{FieldTable, ShortString},
};
use tokio::time::{Interval, interval, timeout};

use super::{
    error::QueueError,
    link::{ANSWER_LIMIT, LOOK_EVERY, Link, within},
    settle::give_back,
};

/// The deliveries of one queue.
pub(super) struct Intake<'a> {
    link: &'a Link,
    channel: Channel,
    consumer: Consumer,
    look: Interval,
}

impl<'a> Intake<'a> {
    /// Consumes `queue` on a channel of its own, at most `prefetch` deliveries at a time unsettled.
    pub(super) async fn open(
        link: &'a Link,
        queue: &str,
        prefetch: u16,
        options: BasicConsumeOptions,
    ) -> Result<Self, QueueError> {
        let channel = link.channel().await?;
        Self::begin(link, channel, queue, prefetch, options).await
    }

    /// Consumes `queue` on `channel`, at most `prefetch` deliveries at a time unsettled.
    pub(super) async fn begin(
        link: &'a Link,
        channel: Channel,
        queue: &str,
        prefetch: u16,
        options: BasicConsumeOptions,
    ) -> Result<Self, QueueError> {
        let limiting = channel.basic_qos(prefetch, BasicQosOptions::default());
        within("setting the prefetch", ANSWER_LIMIT, limiting).await?;
        let queue = ShortString::from(queue);
        let consuming = channel.basic_consume(queue, "".into(), options, FieldTable::default());
        let consumer = within("consuming", ANSWER_LIMIT, consuming).await?;
        Ok(Self { link, channel, consumer, look: interval(LOOK_EVERY) })
    }

    /// The next delivery, however long it takes; an error once none can come. Nothing is lost where
    /// the future is dropped.
    pub(super) async fn next(&mut self) -> Result<Delivery, QueueError> {
        tokio::select! {
            biased;
            delivery = self.consumer.next() => match delivery {
                Some(Ok(delivery)) => Ok(delivery),
                Some(Err(source)) => Err(QueueError::Broker { what: "consuming", source: Box::new(source) }),
                // Without an error: the queue was deleted, or has lost its leader.
                None => Err(QueueError::ConsumerEnded(self.consumer.queue().to_string())),
            },
            () = lost(&mut self.look, self.link, &self.channel) => Err(QueueError::Lost),
        }
    }

    /// Ends `settling` where the channel goes: lapin may leave an ack unanswered then.
    pub(super) async fn unless_lost(
        &mut self,
        settling: impl Future<Output = Result<(), QueueError>>,
    ) -> Result<(), QueueError> {
        tokio::select! {
            biased;
            settled = settling => settled,
            () = lost(&mut self.look, self.link, &self.channel) => Err(QueueError::Lost),
        }
    }

    /// Takes no more, and gives back what was delivered and not begun.
    ///
    /// What was begun can be settled as long as the channel is held: with it go all its deliveries.
    pub(super) async fn stop(mut self) -> Result<Channel, QueueError> {
        let cancelling = self.channel.basic_cancel(self.consumer.tag(), BasicCancelOptions::default());
        within("cancelling a consumer", ANSWER_LIMIT, cancelling).await?;
        // The stream ends behind the last delivery that was under way.
        while let Ok(Some(Ok(delivery))) = timeout(ANSWER_LIMIT, self.consumer.next()).await {
            give_back(&delivery).await?;
        }
        Ok(self.channel)
    }
}

/// Waits for `event`, unless link or channel is seen to be gone before.
pub(super) async fn while_held<T>(
    link: &Link,
    channel: &Channel,
    event: impl Future<Output = T>,
) -> Result<T, QueueError> {
    let mut look = interval(LOOK_EVERY);
    tokio::select! {
        biased;
        happened = event => Ok(happened),
        () = lost(&mut look, link, channel) => Err(QueueError::Lost),
    }
}

/// Ends once link or channel is seen to be gone.
async fn lost(look: &mut Interval, link: &Link, channel: &Channel) {
    while link.alive() && channel.status().connected() {
        look.tick().await;
    }
}
