//! A virtual host of its own per test, on the tests' real broker.

use std::{collections::BTreeSet, time::Duration};

use serde_json::{Value, json};
use token_refresh::queue::{Broker, Disposition, Incoming, Publication, names};
use tokio::{
    sync::{RwLock, RwLockReadGuard, RwLockWriteGuard},
    time::timeout,
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// How long anything that must happen may take.
pub(super) const LIMIT: Duration = Duration::from_secs(60);

/// Tests share the broker; one that stops or blocks it has it alone.
pub(super) static BROKER: RwLock<()> = RwLock::const_new(());

/// A virtual host of its own for one test, deleted at its end.
pub(super) struct Stage {
    pub(super) vhost: String,
    pub(super) amqp_url: String,
    pub(super) management: Management,
    pub(super) broker: Broker,
    pub(super) shutdown: CancellationToken,
    _broker: Hold,
}

pub(super) enum Hold {
    Shared(#[expect(dead_code, reason = "held")] RwLockReadGuard<'static, ()>),
    Alone(#[expect(dead_code, reason = "held")] RwLockWriteGuard<'static, ()>),
}

#[expect(clippy::disallowed_methods, reason = "where the tests' broker is")]
pub(super) fn setting(name: &str, example: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| {
        panic!(
            "{name} is not set, for example to {example}; `./deploy/local test` starts a broker and sets it"
        )
    })
}

impl Stage {
    pub(super) async fn set() -> Self {
        let hold = Hold::Shared(BROKER.read().await);
        Self::with(hold).await
    }

    pub(super) async fn set_alone() -> Self {
        let hold = Hold::Alone(BROKER.write().await);
        Self::with(hold).await
    }

    pub(super) async fn with(hold: Hold) -> Self {
        // Another test of the process may have installed it.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let url = setting("AMQP_URL", "amqp://guest:guest@127.0.0.1:5672");
        let (scheme, rest) = url.split_once("://").expect("AMQP_URL is a URL");
        let authority = rest.split(['/', '?']).next().expect("a first part");
        let vhost = format!("queue-{}", Uuid::now_v7());
        let amqp_url = format!("{scheme}://{authority}/{vhost}");
        let management = Management::new();
        management.put(&format!("vhosts/{vhost}"), json!({})).await;
        let user = authority.split(':').next().expect("a user");
        let all = json!({"configure": ".*", "write": ".*", "read": ".*"});
        management.put(&format!("permissions/{vhost}/{user}"), all).await;
        let broker = Broker::new(&amqp_url, "test").expect("AMQP_URL is well-formed");
        let broker = broker.with_drain_limit(Duration::from_secs(5));
        Self { vhost, amqp_url, management, broker, shutdown: CancellationToken::new(), _broker: hold }
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

    /// Consumes `queue` in the background; the handler's messages come through the channel too.
    pub(super) fn consume<F>(
        &self,
        queue: &'static str,
        prefetch: u16,
        handler: F,
    ) -> tokio::task::JoinHandle<()>
    where
        F: AsyncHandler,
    {
        let (broker, shutdown) = (self.broker.clone(), self.shutdown.clone());
        tokio::spawn(async move {
            broker.consume(queue, prefetch, shutdown, move |incoming| handler.clone().handle(incoming)).await;
        })
    }

    pub(super) async fn waiting(&self, queue: &str) -> u32 {
        let queues = self.broker.queue_status().await.expect("the broker answers");
        queues.into_iter().find(|status| status.name == queue).expect(queue).messages
    }

    pub(super) async fn expect_waiting(&self, queue: &str, messages: u32) {
        eventually(async || self.waiting(queue).await == messages).await;
    }

    /// The messages of `queue` as the management API shows them, left where they are.
    pub(super) async fn peek(&self, queue: &str) -> Vec<Value> {
        let how = json!({"count": 100, "ackmode": "ack_requeue_true", "encoding": "auto"});
        self.management.post(&format!("queues/{}/{queue}/get", self.vhost), how).await
    }
}

impl Drop for Stage {
    fn drop(&mut self) {
        self.shutdown.cancel();
        let deleting = self.management.request(reqwest::Method::DELETE, &format!("vhosts/{}", self.vhost));
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        // A test's own runtime cannot wait inside `drop`. What could not be deleted disturbs nobody.
        let _ =
            std::thread::spawn(move || runtime.block_on(async { deleting.send().await.map(drop) })).join();
    }
}

pub(super) trait AsyncHandler: Clone + Send + Sync + 'static {
    fn handle(self, incoming: Incoming) -> impl Future<Output = Disposition> + Send + 'static;
}

impl<H, F> AsyncHandler for H
where
    H: Fn(Incoming) -> F + Clone + Send + Sync + 'static,
    F: Future<Output = Disposition> + Send + 'static,
{
    fn handle(self, incoming: Incoming) -> impl Future<Output = Disposition> + Send + 'static {
        self(incoming)
    }
}

/// RabbitMQ's management API.
pub(super) struct Management {
    pub(super) client: reqwest::Client,
    pub(super) url: String,
    pub(super) user: String,
    pub(super) password: String,
}

impl Management {
    pub(super) fn new() -> Self {
        let url = setting("RABBITMQ_MANAGEMENT_URL", "http://guest:guest@127.0.0.1:15672");
        let url = reqwest::Url::parse(&url).expect("RABBITMQ_MANAGEMENT_URL is a URL");
        let (user, password) = (url.username().to_owned(), url.password().unwrap_or_default().to_owned());
        let mut bare = url;
        bare.set_username("").and_then(|()| bare.set_password(None)).expect("a URL with a host");
        let client = reqwest::Client::builder().timeout(LIMIT).build().expect("a client");
        Self { client, url: format!("{bare}api/"), user, password }
    }

    pub(super) fn request(&self, method: reqwest::Method, path: &str) -> reqwest::RequestBuilder {
        let url = format!("{}{path}", self.url);
        self.client.request(method, url).basic_auth(&self.user, Some(&self.password))
    }

    pub(super) async fn sent(&self, method: reqwest::Method, path: &str, body: Value) -> reqwest::Response {
        let answer = self.request(method, path).json(&body).send().await.expect("the management API answers");
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
        answer
    }

    pub(super) async fn put(&self, path: &str, body: Value) {
        self.sent(reqwest::Method::PUT, path, body).await;
    }

    pub(super) async fn post(&self, path: &str, body: Value) -> Vec<Value> {
        self.sent(reqwest::Method::POST, path, body).await.json().await.unwrap_or_default()
    }

    pub(super) async fn delete(&self, path: &str) {
        self.sent(reqwest::Method::DELETE, path, Value::Null).await;
    }

    pub(super) async fn get(&self, path: &str) -> Vec<Value> {
        let answer =
            self.request(reqwest::Method::GET, path).send().await.expect("the management API answers");
        answer.json().await.expect("JSON")
    }

    /// Closes the connections to `vhost` that were opened for `purpose`, as an operator would; at
    /// least one, however long the management API takes to list it.
    pub(super) async fn close_connections(&self, vhost: &str, purpose: &str) {
        eventually(async || {
            let mut closed = 0;
            for connection in self.get(&format!("vhosts/{vhost}/connections")).await {
                let shown = connection["client_properties"]["connection_name"].as_str().unwrap_or_default();
                let Some(name) = connection["name"].as_str().filter(|_| shown.contains(purpose)) else {
                    continue;
                };
                let mut url = reqwest::Url::parse(&self.url).expect("a URL");
                url.path_segments_mut().expect("a base").pop_if_empty().extend(["connections", name]);
                let request = self.client.delete(url).basic_auth(&self.user, Some(&self.password));
                let status = request.send().await.expect("the management API answers").status();
                closed += usize::from(status.is_success());
            }
            closed > 0
        })
        .await;
    }
}

/// Runs `rabbitmqctl` (as `RABBITMQCTL` says to) against the tests' broker.
pub(super) async fn rabbitmqctl(arguments: &[&str]) {
    let command = setting("RABBITMQCTL", "\"rabbitmqctl --node rabbit@localhost\"");
    let mut words = command.split_whitespace().chain(arguments.iter().copied());
    let program = words.next().expect("RABBITMQCTL names a program");
    let output = tokio::process::Command::new(program).args(words).output().await.expect("it can be run");
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

pub(super) async fn eventually(mut holds: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(LIMIT, waiting).await.expect("it should have come true");
}

pub(super) fn to<'a>(queue: &'a str, id: &'a str) -> Publication<'a> {
    let exchange = if queue == names::CONNECT_LOG_STORE { names::CONNECT_LOG } else { names::REFRESH };
    let traceparent = Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
    let (message_type, body) = ("test.v1", b"{}".as_slice());
    Publication { exchange, routing_key: queue, message_id: id, message_type, body, traceparent }
}

pub(super) fn id_of(incoming: &Incoming) -> String {
    incoming.message_id.clone().expect("every test message has an id")
}
