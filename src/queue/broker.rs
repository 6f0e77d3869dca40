//! The broker as the rest of the program sees it: everything that is asked of RabbitMQ.

use std::{fmt, future::Future, sync::Arc, time::Duration};

use tokio::sync::{Mutex, mpsc, watch};
use tokio_util::sync::CancellationToken;

use super::{
    address::{Address, BadUrl},
    batch::Batches,
    consumer::Workers,
    declare::{Difference, Missing, reconcile},
    error::QueueError,
    incoming::Incoming,
    link::{Dial, Link},
    publisher::Publisher,
    server,
    settle::{Disposition, Settler},
    status::{self, BrokerReport, QueueStatus},
    viewer::{self, ViewerEvent},
};
/// How long a stopping consumer waits for what is under way: longer than the longest call by default,
/// and less than the half minute after which supervisors kill.
const DRAIN_LIMIT: Duration = Duration::from_secs(24);

/// The broker. Cheap to clone; nothing is connected before it is needed.
#[derive(Clone)]
pub struct Broker {
    pub(super) dial: Dial,
    pub(super) publisher: Publisher,
    pub(super) drain_limit: Duration,
    /// The connection over which questions are asked, kept for the next one.
    pub(super) asking: Arc<Mutex<Option<Link>>>,
}

impl fmt::Debug for Broker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Broker").field("dial", &self.dial).finish_non_exhaustive()
    }
}

impl Broker {
    /// The broker at `url` (`amqp://` or, with TLS, `amqps://`), which shows this process as `name`.
    ///
    /// TLS needs a process-wide rustls provider, and trusts what the system trusts.
    pub fn new(url: &str, name: &str) -> Result<Self, BadUrl> {
        let dial = Dial { address: Arc::new(Address::parse(url)?), name: name.into() };
        let publisher = Publisher::new(dial.clone());
        Ok(Self { dial, publisher, drain_limit: DRAIN_LIMIT, asking: Arc::default() })
    }

    /// Lets stopping consumers wait at most `limit` for what is under way (25 s unless told).
    #[must_use]
    pub fn with_drain_limit(self, limit: Duration) -> Self {
        Self { drain_limit: limit, ..self }
    }

    /// Declares what is missing and reports what differs.
    pub async fn declare_topology(&self) -> Result<Vec<Difference>, QueueError> {
        let link = self.dial.open("topology").await?;
        let differences = reconcile(&link, Missing::Declare).await;
        link.close().await;
        differences
    }

    /// What the broker is, and what of the topology is missing or different. Declares nothing.
    pub async fn check(&self) -> Result<BrokerReport, QueueError> {
        let link = self.dial.open("check").await?;
        let differences = reconcile(&link, Missing::Report).await;
        link.close().await;
        let address = Arc::clone(&self.dial.address);
        // The version is worth a line, not a failed check.
        let server = tokio::task::spawn_blocking(move || server::identify(&address)).await;
        let server = server.ok().and_then(Result::ok).flatten();
        Ok(BrokerReport { address: self.dial.address.to_string(), server, differences: differences? })
    }

    /// Messages and consumers of every queue of the topology, dead letters among them.
    pub async fn queue_status(&self) -> Result<Vec<QueueStatus>, QueueError> {
        let mut asking = self.asking.lock().await;
        let link = match asking.take().filter(Link::alive) {
            Some(link) => link,
            None => self.dial.open("status").await?,
        };
        let queues = status::queues(&link).await?;
        *asking = Some(link);
        Ok(queues)
    }

    /// The process's publisher: one connection for all, apart from consumers.
    pub fn publisher(&self) -> Publisher {
        self.publisher.clone()
    }

    /// Hands each message of `queue` to `handler`, at most `prefetch` at a time, each in a task of its
    /// own, until `shutdown`; then finishes what is under way.
    ///
    /// Reconnects for ever. A panic of the handler dead-letters its message
    /// ([`PANIC_REASON`](crate::queue::PANIC_REASON)). After a lost connection a handler goes on while
    /// its message may already be with somebody else.
    pub async fn consume<H, F>(
        &self,
        queue: &'static str,
        prefetch: u16,
        shutdown: CancellationToken,
        handler: H,
    ) where
        H: Fn(Incoming) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Disposition> + Send + 'static,
    {
        let (_always, wanted) = watch::channel(true);
        self.consume_while(queue, prefetch, wanted, shutdown, handler).await;
    }

    /// Like [`consume`](Self::consume), but takes deliveries only while they are `wanted`: where they
    /// are not, the consumer is cancelled, what was not begun is given back, and what is under way
    /// goes on.
    pub async fn consume_while<H, F>(
        &self,
        queue: &'static str,
        prefetch: u16,
        wanted: watch::Receiver<bool>,
        shutdown: CancellationToken,
        handler: H,
    ) where
        H: Fn(Incoming) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Disposition> + Send + 'static,
    {
        let workers = Workers {
            dial: self.dial.clone(),
            settler: self.settler(queue, &shutdown),
            prefetch: prefetch.max(1),
            drain_limit: self.drain_limit,
            wanted,
            handler,
        };
        workers.run(shutdown).await;
    }

    /// Hands messages of `queue` to `handler` in batches, one batch at a time, until `shutdown`.
    ///
    /// A batch has at most `max_batch` (and `prefetch`) messages and waits at most `linger` for its
    /// second one to its last. The handler returns one disposition for each message, in their
    /// order. Where it panics, or returns another number, it is given each message alone, and
    /// those over which it still does so are dead-lettered.
    pub async fn consume_batches<H, F>(
        &self,
        queue: &'static str,
        prefetch: u16,
        max_batch: usize,
        linger: Duration,
        shutdown: CancellationToken,
        handler: H,
    ) where
        H: Fn(Vec<Incoming>) -> F,
        F: Future<Output = Vec<Disposition>>,
    {
        let batches = Batches {
            dial: self.dial.clone(),
            settler: self.settler(queue, &shutdown),
            prefetch: prefetch.max(1),
            max_batch,
            linger,
            drain_limit: self.drain_limit,
            handler,
        };
        batches.run(shutdown).await;
    }

    /// Everything that is published to `exchange` under a key that `routing_key` matches, while
    /// connected and as far as the receiver keeps up. Ends with `shutdown`, or with the receiver.
    #[expect(clippy::needless_pass_by_value, reason = "taken as the consumers take it")]
    pub fn subscribe(
        &self,
        exchange: &'static str,
        routing_key: &str,
        shutdown: CancellationToken,
    ) -> mpsc::Receiver<ViewerEvent> {
        viewer::subscribe(self.dial.clone(), exchange, routing_key, &shutdown)
    }

    /// Takes leave of the broker, as the last thing a process does with it: publishes nothing more.
    pub async fn close(&self) {
        self.publisher.close().await;
        if let Some(link) = self.asking.lock().await.take() {
            link.close().await;
        }
    }

    fn settler(&self, queue: &'static str, shutdown: &CancellationToken) -> Settler {
        Settler { queue, publisher: self.publisher.clone(), shutdown: shutdown.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn g4_no_debug_and_no_error_shows_the_password() {
        let broker = Broker::new("amqp://guest:s3cret@127.0.0.1:1/x", "worker").expect("well-formed");
        let error = broker.declare_topology().await.expect_err("nobody listens there");
        let shown =
            format!("{broker:?} {:?} {error:?} {}", broker.publisher(), crate::error_chain::Chain(&error));
        assert!(shown.contains("127.0.0.1:1") && !shown.contains("s3cret"), "{shown}");
    }
}
