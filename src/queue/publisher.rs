//! Publishing with confirms, from any number of tasks over one supervised connection.
//!
//! It is apart from every consumer's connection, because a broker in a memory or disk alarm stops
//! reading from connections that publish, and acks would stop with them.
//!
//! A publish ends within the limits here and in `session`, whatever the broker does.

use std::{
    fmt,
    sync::{Arc, OnceLock},
    time::Duration,
};

use lapin::{
    BasicProperties,
    types::{AMQPValue, FieldTable, ShortString},
};
use tokio::{sync::watch, time::timeout};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

use super::{
    error::{PublishError, QueueError},
    incoming::TRACEPARENT,
    link::{ANSWER_LIMIT, Dial},
    session::Session,
    supervisor::Supervisor,
};

/// How long a publish waits for a connection while there is none.
const CONNECT_LIMIT: Duration = Duration::from_secs(3);
/// Written to disk where the queue is durable.
const PERSISTENT: u8 = 2;

/// A message to publish.
#[derive(Debug, Clone, Copy)]
pub struct Publication<'a> {
    /// One of [`names`](super::names).
    pub exchange: &'static str,
    /// At most 255 bytes.
    pub routing_key: &'a str,
    /// At most 255 bytes.
    pub message_id: &'a str,
    /// Message and version: `refresh.due.v1`.
    pub message_type: &'static str,
    /// The body: JSON, and never a secret.
    pub body: &'a [u8],
    /// The trace context under which it is published.
    pub traceparent: Option<&'a str>,
}

/// Publishes messages. Clones share one connection, which is opened at the first publish.
#[derive(Clone)]
pub struct Publisher(Arc<Inner>);

struct Inner {
    dial: Dial,
    current: OnceLock<watch::Receiver<Option<Arc<Session>>>>,
    stop: CancellationToken,
    keeper: TaskTracker,
}

impl Drop for Inner {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl fmt::Debug for Publisher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Publisher").field(&self.0.dial).finish()
    }
}

impl Publisher {
    pub(super) fn new(dial: Dial) -> Self {
        let (stop, keeper) = (CancellationToken::new(), TaskTracker::new());
        Self(Arc::new(Inner { dial, current: OnceLock::new(), stop, keeper }))
    }

    /// Publishes a persistent message and waits until the broker has it in a queue.
    ///
    /// Safe to call from hundreds of tasks at once, which is also what makes it fast: one at a time
    /// waits for the broker's disk each time.
    pub async fn publish(&self, publication: &Publication<'_>) -> Result<(), PublishError> {
        let mut headers = FieldTable::default();
        if let Some(traceparent) = publication.traceparent {
            headers.insert(TRACEPARENT.into(), AMQPValue::LongString(traceparent.into()));
        }
        let properties = BasicProperties::default()
            .with_message_id(short(publication.message_id)?)
            .with_type(publication.message_type.into())
            .with_headers(headers);
        self.send(publication.exchange, publication.routing_key, publication.body, properties).await
    }

    /// Publishes with `properties`, to which it adds what every message has.
    pub(super) async fn send(
        &self,
        exchange: &str,
        routing_key: &str,
        body: &[u8],
        properties: BasicProperties,
    ) -> Result<(), PublishError> {
        let (exchange, routing_key) = (short(exchange)?, short(routing_key)?);
        let properties =
            properties.with_delivery_mode(PERSISTENT).with_content_type("application/json".into());
        let session = self.session().await.ok_or(PublishError::Unavailable)?;
        session.publish(exchange, routing_key, body, properties).await
    }

    /// Takes leave of the broker. Nothing can be published afterwards.
    pub(super) async fn close(&self) {
        self.0.stop.cancel();
        self.0.keeper.close();
        // A close that takes longer ends with the process.
        let _ = timeout(ANSWER_LIMIT, self.0.keeper.wait()).await;
    }

    /// The present session if it is of use, or the next one if it comes soon. The wait also keeps a
    /// caller that tries again at once from spinning.
    async fn session(&self) -> Option<Arc<Session>> {
        let mut current = self.0.current.get_or_init(|| self.start()).clone();
        let ready = current.wait_for(|session| session.as_ref().is_some_and(|session| session.usable()));
        timeout(CONNECT_LIMIT, ready).await.ok()?.ok()?.clone()
    }

    fn start(&self) -> watch::Receiver<Option<Arc<Session>>> {
        let (sender, receiver) = watch::channel(None);
        self.0.keeper.spawn(keep(self.0.dial.clone(), sender, self.0.stop.clone()));
        receiver
    }
}

/// Keeps one session after the other open until `stop`.
async fn keep(dial: Dial, current: watch::Sender<Option<Arc<Session>>>, stop: CancellationToken) {
    let mut supervisor = Supervisor::new(&dial, "publisher");
    while let Some(link) = supervisor.connect(&stop).await {
        let how = match Session::open(&link).await {
            Ok(session) => {
                let session = Arc::new(session);
                current.send_replace(Some(Arc::clone(&session)));
                let over = stop.run_until_cancelled(session.until_over()).await;
                current.send_replace(None);
                session.end(QueueError::Lost);
                over.map_or(Ok(()), Err)
            }
            Err(error) => Err(error),
        };
        supervisor.ended(link, how).await;
    }
}

/// A text as AMQP's short string; a longer one names nothing that exists.
fn short(text: &str) -> Result<ShortString, PublishError> {
    ShortString::try_new(text).map_err(|_| PublishError::Unroutable)
}
