//! Watching an exchange: everything that is published while connected, as far as it fits.
//!
//! The queue is the viewer's own, and goes with its connection. It acks nothing and forgets the
//! oldest when full, so a slow viewer hurts nobody. Within the process, too, a viewer that does not
//! read loses messages instead of memory, and is told so: [`ViewerEvent::Disconnected`] and
//! [`ViewerEvent::Connected`] stand where messages are missing.

use lapin::{
    options::{BasicConsumeOptions, QueueBindOptions, QueueDeclareOptions},
    types::{AMQPValue, FieldTable, ShortString},
};
use tokio::sync::mpsc::{Receiver, Sender, channel, error::TrySendError};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use super::{
    error::QueueError,
    incoming::Incoming,
    intake::Intake,
    link::{ANSWER_LIMIT, Dial, Link, within},
    supervisor::Supervisor,
};

/// How many messages wait for a viewer at the broker before the oldest is forgotten.
const QUEUE_LENGTH: i64 = 10_000;
/// How many events wait for a viewer within the process.
const EVENTS: usize = 1_024;

/// What a viewer learns.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ViewerEvent {
    /// A message came.
    Message(Incoming),
    /// From here on every message comes. What was published before must be read from the store.
    Connected,
    /// From here on messages may be missing, until [`Connected`](Self::Connected).
    Disconnected,
}

pub(super) fn subscribe(
    dial: Dial,
    exchange: &'static str,
    routing_key: &str,
    shutdown: &CancellationToken,
) -> Receiver<ViewerEvent> {
    let (events, receiver) = channel(EVENTS);
    let key = ShortString::try_new(routing_key).expect("a binding key is at most 255 bytes long");
    let mut viewer = Viewer { dial, exchange, key, outlet: Outlet { events, missing: false } };
    let (stop, events) = (shutdown.child_token(), viewer.outlet.events.clone());
    tokio::spawn(async move {
        let deserted = async {
            events.closed().await;
            stop.cancel();
            // The viewer takes leave of the broker and ends the task.
            std::future::pending::<()>().await;
        };
        tokio::select! {
            () = viewer.run(&stop) => {}
            () = deserted => {}
        }
    });
    receiver
}

struct Viewer {
    dial: Dial,
    exchange: &'static str,
    key: ShortString,
    outlet: Outlet,
}

impl Viewer {
    async fn run(&mut self, stop: &CancellationToken) {
        let mut supervisor = Supervisor::new(&self.dial, format!("viewer of {}", self.exchange));
        while let Some(link) = supervisor.connect(stop).await {
            let how = stop.run_until_cancelled(self.watch(&link)).await.unwrap_or(Ok(()));
            supervisor.ended(link, how).await;
            stop.run_until_cancelled(self.outlet.events.send(ViewerEvent::Disconnected)).await;
        }
    }

    /// Passes on what comes; ends with an error alone.
    async fn watch(&mut self, link: &Link) -> Result<(), QueueError> {
        let queue = self.declare(link).await?;
        let options = BasicConsumeOptions { no_ack: true, exclusive: true, ..BasicConsumeOptions::default() };
        // Before consuming: what waits for the viewer here waits at the broker, where it is bounded.
        let _ = self.outlet.events.send(ViewerEvent::Connected).await;
        self.outlet.missing = false;
        let mut intake = Intake::open(link, &queue, 0, options).await?;
        loop {
            let delivery = intake.next().await?;
            self.outlet.pass(Incoming::of(&delivery));
        }
    }

    async fn declare(&self, link: &Link) -> Result<String, QueueError> {
        // Never the name before: the broker may not have noticed the end of its connection.
        let queue = format!("viewer.{}.{}", self.exchange, Uuid::now_v7());
        let channel = link.channel().await?;
        let mut arguments = FieldTable::default();
        arguments.insert("x-queue-type".into(), AMQPValue::LongString("classic".into()));
        arguments.insert("x-max-length".into(), AMQPValue::LongLongInt(QUEUE_LENGTH));
        arguments.insert("x-overflow".into(), AMQPValue::LongString("drop-head".into()));
        let options =
            QueueDeclareOptions { exclusive: true, auto_delete: true, ..QueueDeclareOptions::default() };
        let declaring = channel.queue_declare(queue.as_str().into(), options, arguments);
        within("declaring a viewer's queue", ANSWER_LIMIT, declaring).await?;
        let (name, exchange) = (queue.as_str().into(), self.exchange.into());
        let nothing = (QueueBindOptions::default(), FieldTable::default());
        let binding = channel.queue_bind(name, exchange, self.key.clone(), nothing.0, nothing.1);
        within("binding a viewer's queue", ANSWER_LIMIT, binding).await?;
        Ok(queue)
    }
}

/// The way to one viewer.
struct Outlet {
    events: Sender<ViewerEvent>,
    missing: bool,
}

impl Outlet {
    /// Passes a message on if there is room.
    fn pass(&mut self, message: Incoming) {
        if self.missing {
            if self.events.capacity() < EVENTS / 2 {
                return;
            }
            self.missing = false;
            // There is room: nobody else sends.
            let _ = self.events.try_send(ViewerEvent::Disconnected);
            let _ = self.events.try_send(ViewerEvent::Connected);
        }
        if let Err(TrySendError::Full(_)) = self.events.try_send(ViewerEvent::Message(message)) {
            self.missing = true;
        }
    }
}
