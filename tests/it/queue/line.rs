//! A line to the broker, as a role has it, and the messages of these tests.

use std::{collections::BTreeSet, time::Duration};

use token_refresh::queue::{Broker, Disposition, Incoming, Publication, names};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::support::come_true;

/// The adapter under test; its consumers end with it.
pub(super) struct Line {
    pub(super) broker: Broker,
    pub(super) shutdown: CancellationToken,
}

impl Line {
    /// A line to the virtual host at `url`, in which nothing is declared.
    pub(super) fn to(url: &str) -> Self {
        let broker = Broker::new(url, "test").expect("the test's address is good");
        Self { broker: broker.with_drain_limit(Duration::from_secs(5)), shutdown: CancellationToken::new() }
    }

    /// Publishes `count` messages to `queue`, all at once; each must be confirmed.
    pub(super) async fn publish(&self, queue: &'static str, count: usize) -> BTreeSet<String> {
        let ids: BTreeSet<String> = (0..count).map(|n| format!("{n:05}")).collect();
        let publisher = self.broker.publisher();
        let publishing = ids.iter().map(|id| {
            let publisher = publisher.clone();
            async move { publisher.publish(&to(queue, id)).await.expect(id) }
        });
        futures::future::join_all(publishing).await;
        ids
    }

    /// Consumes `queue` in the background.
    pub(super) fn consume<H, F>(&self, queue: &'static str, prefetch: u16, handler: H) -> JoinHandle<()>
    where
        H: Fn(Incoming) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Disposition> + Send + 'static,
    {
        let (broker, shutdown) = (self.broker.clone(), self.shutdown.clone());
        tokio::spawn(async move { broker.consume(queue, prefetch, shutdown, handler).await })
    }

    /// Waits until exactly `messages` wait in `queue`.
    pub(super) async fn expect_waiting(&self, queue: &str, messages: u32) {
        come_true(&format!("{messages} messages wait in {queue}"), async || {
            let queues = self.broker.queue_status().await.expect("the broker answers");
            queues.into_iter().find(|status| status.name == queue).expect(queue).messages == messages
        })
        .await;
    }
}

impl Drop for Line {
    fn drop(&mut self) {
        self.shutdown.cancel();
    }
}

/// A message for `queue`.
pub(super) fn to<'a>(queue: &'a str, id: &'a str) -> Publication<'a> {
    let exchange = if queue == names::CONNECT_LOG_STORE { names::CONNECT_LOG } else { names::REFRESH };
    let traceparent = Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
    let (message_type, body) = ("test.v1", b"{}".as_slice());
    Publication { exchange, routing_key: queue, message_id: id, message_type, body, traceparent }
}

/// The id that the test gave it.
pub(super) fn id_of(incoming: &Incoming) -> String {
    incoming.message_id.clone().expect("every test message has an id")
}
