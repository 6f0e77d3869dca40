//! The queue against a real broker: topology, publishing, consuming, watching, and what happens when
//! connections, queues or the whole broker go away.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use serde_json::{Value, json};
use token_refresh::queue::{
    Broker, DEFINITIONS, DifferenceKind, Disposition, Incoming, PANIC_REASON, Publication, PublishError,
    ViewerEvent, names,
};
use tokio::{
    sync::{RwLock, RwLockReadGuard, RwLockWriteGuard, Semaphore, mpsc},
    time::{Instant, timeout},
};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

/// How long anything that must happen may take.
const LIMIT: Duration = Duration::from_secs(60);

/// Tests share the broker; one that stops or blocks it has it alone.
static BROKER: RwLock<()> = RwLock::const_new(());

/// A virtual host of its own for one test, deleted at its end.
struct Stage {
    vhost: String,
    amqp_url: String,
    management: Management,
    broker: Broker,
    shutdown: CancellationToken,
    _broker: Hold,
}

enum Hold {
    Shared(#[expect(dead_code, reason = "held")] RwLockReadGuard<'static, ()>),
    Alone(#[expect(dead_code, reason = "held")] RwLockWriteGuard<'static, ()>),
}

#[expect(clippy::disallowed_methods, reason = "where the tests' broker is")]
fn setting(name: &str, example: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| {
        panic!(
            "{name} is not set, for example to {example}; `./deploy/local test` starts a broker and sets it"
        )
    })
}

impl Stage {
    async fn set() -> Self {
        let hold = Hold::Shared(BROKER.read().await);
        Self::with(hold).await
    }

    async fn set_alone() -> Self {
        let hold = Hold::Alone(BROKER.write().await);
        Self::with(hold).await
    }

    async fn with(hold: Hold) -> Self {
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
    async fn publish(&self, queue: &'static str, count: usize) -> BTreeSet<String> {
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
    fn consume<F>(&self, queue: &'static str, prefetch: u16, handler: F) -> tokio::task::JoinHandle<()>
    where
        F: AsyncHandler,
    {
        let (broker, shutdown) = (self.broker.clone(), self.shutdown.clone());
        tokio::spawn(async move {
            broker.consume(queue, prefetch, shutdown, move |incoming| handler.clone().handle(incoming)).await;
        })
    }

    async fn waiting(&self, queue: &str) -> u32 {
        let queues = self.broker.queue_status().await.expect("the broker answers");
        queues.into_iter().find(|status| status.name == queue).expect(queue).messages
    }

    async fn expect_waiting(&self, queue: &str, messages: u32) {
        eventually(async || self.waiting(queue).await == messages).await;
    }

    /// The messages of `queue` as the management API shows them, left where they are.
    async fn peek(&self, queue: &str) -> Vec<Value> {
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

trait AsyncHandler: Clone + Send + Sync + 'static {
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
struct Management {
    client: reqwest::Client,
    url: String,
    user: String,
    password: String,
}

impl Management {
    fn new() -> Self {
        let url = setting("RABBITMQ_MANAGEMENT_URL", "http://guest:guest@127.0.0.1:15672");
        let url = reqwest::Url::parse(&url).expect("RABBITMQ_MANAGEMENT_URL is a URL");
        let (user, password) = (url.username().to_owned(), url.password().unwrap_or_default().to_owned());
        let mut bare = url;
        bare.set_username("").and_then(|()| bare.set_password(None)).expect("a URL with a host");
        let client = reqwest::Client::builder().timeout(LIMIT).build().expect("a client");
        Self { client, url: format!("{bare}api/"), user, password }
    }

    fn request(&self, method: reqwest::Method, path: &str) -> reqwest::RequestBuilder {
        let url = format!("{}{path}", self.url);
        self.client.request(method, url).basic_auth(&self.user, Some(&self.password))
    }

    async fn sent(&self, method: reqwest::Method, path: &str, body: Value) -> reqwest::Response {
        let answer = self.request(method, path).json(&body).send().await.expect("the management API answers");
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
        answer
    }

    async fn put(&self, path: &str, body: Value) {
        self.sent(reqwest::Method::PUT, path, body).await;
    }

    async fn post(&self, path: &str, body: Value) -> Vec<Value> {
        self.sent(reqwest::Method::POST, path, body).await.json().await.unwrap_or_default()
    }

    async fn delete(&self, path: &str) {
        self.sent(reqwest::Method::DELETE, path, Value::Null).await;
    }

    async fn get(&self, path: &str) -> Vec<Value> {
        let answer =
            self.request(reqwest::Method::GET, path).send().await.expect("the management API answers");
        answer.json().await.expect("JSON")
    }

    /// Closes the connections to `vhost` that were opened for `purpose`, as an operator would; at
    /// least one, however long the management API takes to list it.
    async fn close_connections(&self, vhost: &str, purpose: &str) {
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
async fn rabbitmqctl(arguments: &[&str]) {
    let command = setting("RABBITMQCTL", "\"rabbitmqctl --node rabbit@localhost\"");
    let mut words = command.split_whitespace().chain(arguments.iter().copied());
    let program = words.next().expect("RABBITMQCTL names a program");
    let output = tokio::process::Command::new(program).args(words).output().await.expect("it can be run");
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

async fn eventually(mut holds: impl AsyncFnMut() -> bool) {
    let waiting = async {
        while !holds().await {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    timeout(LIMIT, waiting).await.expect("it should have come true");
}

fn to<'a>(queue: &'a str, id: &'a str) -> Publication<'a> {
    let exchange = if queue == names::CONNECT_LOG_STORE { names::CONNECT_LOG } else { names::REFRESH };
    let traceparent = Some("00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01");
    let (message_type, body) = ("test.v1", b"{}".as_slice());
    Publication { exchange, routing_key: queue, message_id: id, message_type, body, traceparent }
}

fn id_of(incoming: &Incoming) -> String {
    incoming.message_id.clone().expect("every test message has an id")
}

// ---- topology ----

fn pieces(found: &[Value], fields: &[&str], ours: impl Fn(&Value) -> bool) -> BTreeSet<String> {
    let chosen = found.iter().filter(|piece| ours(piece)).map(|piece| {
        let fields: BTreeMap<_, _> = fields.iter().map(|field| (*field, &piece[*field])).collect();
        serde_json::to_string(&fields).expect("JSON")
    });
    chosen.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_declared_is_what_the_definitions_say() {
    let stage = Stage::set().await;
    assert_eq!(stage.broker.declare_topology().await.expect("declared"), []);

    let definitions: Value = serde_json::from_str(DEFINITIONS).expect("JSON");
    let own = |piece: &Value| {
        let name = piece["name"].as_str().or(piece["source"].as_str()).unwrap_or_default();
        !name.is_empty() && !name.starts_with("amq.")
    };
    for (kind, fields) in [
        ("exchanges", ["name", "type", "durable", "auto_delete", "internal", "arguments"].as_slice()),
        ("queues", ["name", "durable", "auto_delete", "arguments"].as_slice()),
        ("bindings", ["source", "destination", "destination_type", "routing_key", "arguments"].as_slice()),
    ] {
        let found = stage.management.get(&format!("{kind}/{}", stage.vhost)).await;
        let expected = pieces(definitions[kind].as_array().expect("a list"), fields, |_| true);
        assert_eq!(pieces(&found, fields, own), expected, "{kind}");
    }

    assert_eq!(stage.broker.declare_topology().await.expect("declared again"), []);
    let report = stage.broker.check().await.expect("checked");
    assert_eq!(report.differences, []);
    assert!(report.server.expect("a version").starts_with("RabbitMQ "));
    assert!(!report.address.contains("guest"), "{}", report.address);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_definitions_can_be_imported_and_are_then_complete() {
    let stage = Stage::set().await;
    let definitions: Value = serde_json::from_str(DEFINITIONS).expect("JSON");
    stage.management.post(&format!("definitions/{}", stage.vhost), definitions).await;
    assert_eq!(stage.broker.check().await.expect("checked").differences, []);
    assert_eq!(stage.broker.declare_topology().await.expect("declared"), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_names_what_is_missing_and_declares_nothing() {
    let stage = Stage::set().await;
    let missing = stage.broker.check().await.expect("checked").differences;
    assert_eq!(missing.len(), 4 + 7);
    assert!(missing.iter().all(|difference| difference.kind == DifferenceKind::Missing), "{missing:?}");
    assert!(
        missing
            .iter()
            .any(|difference| difference.to_string().starts_with("queue \"refresh.due\" is missing"))
    );
    assert!(stage.management.get(&format!("queues/{}", stage.vhost)).await.is_empty());
    assert!(stage.broker.queue_status().await.expect("status").iter().all(|queue| !queue.exists));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_that_differs_is_reported_and_used_as_it_is() {
    let stage = Stage::set().await;
    let other = json!({"durable": true, "arguments": {"x-queue-type": "quorum", "x-max-length": 5}});
    stage.management.put(&format!("queues/{}/{}", stage.vhost, names::REFRESH_DUE), other).await;

    for differences in [
        stage
            .broker
            .check()
            .await
            .expect("checked")
            .differences
            .into_iter()
            .filter(|d| d.kind != DifferenceKind::Missing)
            .collect(),
        stage.broker.declare_topology().await.expect("declared"),
    ] {
        let [difference] = differences.as_slice() else { panic!("{differences:?}") };
        assert_eq!(difference.kind, DifferenceKind::Differs);
        assert_eq!(difference.piece, "queue \"refresh.due\"");
        assert!(difference.broker_says.contains("inequivalent arg"), "{difference}");
    }

    let (seen, mut arrived) = mpsc::unbounded_channel();
    stage.consume(names::REFRESH_DUE, 1, move |incoming: Incoming| {
        seen.send(id_of(&incoming)).expect("the test listens");
        async { Disposition::Ack }
    });
    stage.publish(names::REFRESH_DUE, 1).await;
    assert_eq!(timeout(LIMIT, arrived.recv()).await.expect("in time").as_deref(), Some("00000"));
}

// ---- publishing ----

#[tokio::test(flavor = "multi_thread")]
async fn a_message_arrives_with_all_that_was_said_of_it() {
    let stage = Stage::set().await;
    let (seen, mut arrived) = mpsc::unbounded_channel();
    stage.consume(names::REFRESH_DEBUG, 1, move |incoming| {
        seen.send(incoming).expect("the test listens");
        async { Disposition::Ack }
    });
    let publication = to(names::REFRESH_DEBUG, "one");
    stage.broker.publisher().publish(&publication).await.expect("confirmed");
    let incoming = timeout(LIMIT, arrived.recv()).await.expect("in time").expect("a message");
    assert_eq!(incoming.body, publication.body);
    assert_eq!(incoming.message_id.as_deref(), Some("one"));
    assert_eq!(incoming.message_type.as_deref(), Some("test.v1"));
    assert_eq!(incoming.routing_key, names::REFRESH_DEBUG);
    assert_eq!(incoming.traceparent.as_deref(), publication.traceparent);
    assert!(!incoming.redelivered && incoming.earlier_deliveries == 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_refuses() {
    let stage = Stage::set().await;
    let small = json!({"durable": true, "arguments":
        {"x-queue-type": "quorum", "x-max-length": 2, "x-overflow": "reject-publish"}});
    stage.management.put(&format!("queues/{}/{}", stage.vhost, names::REFRESH_DUE), small).await;
    let publisher = stage.broker.publisher();
    let mut answers = Vec::new();
    // The queue says that it is full a moment after it is.
    eventually(async || {
        let id = answers.len().to_string();
        answers.push(publisher.publish(&to(names::REFRESH_DUE, &id)).await);
        answers.last() == Some(&Err(PublishError::Refused))
    })
    .await;
    assert!(answers[..2].iter().all(Result::is_ok), "{answers:?}");
    assert!(
        publisher.publish(&to(names::REFRESH_DEBUG, "other")).await.is_ok(),
        "other queues take messages"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_matches_no_queue_is_kept_aside_and_refused_where_even_that_is_gone() {
    let stage = Stage::set().await;
    let publisher = stage.broker.publisher();
    let nowhere = Publication { routing_key: "nowhere", ..to(names::REFRESH_DUE, "lost") };
    publisher.publish(&nowhere).await.expect("the alternate exchange has it");
    stage.expect_waiting(names::UNROUTABLE, 1).await;

    stage.management.delete(&format!("queues/{}/{}", stage.vhost, names::UNROUTABLE)).await;
    assert_eq!(publisher.publish(&nowhere).await, Err(PublishError::Unroutable));
    assert_eq!(publisher.publish(&to(names::REFRESH_DUE, "good")).await, Ok(()));
    let endless = "x".repeat(300);
    let unsayable = Publication { routing_key: &endless, ..to(names::REFRESH_DUE, "long") };
    assert_eq!(publisher.publish(&unsayable).await, Err(PublishError::Unroutable));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_return_is_told_to_the_one_whose_message_it_is() {
    let stage = Stage::set().await;
    stage.publish(names::REFRESH_DUE, 1).await;
    stage.management.delete(&format!("queues/{}/{}", stage.vhost, names::UNROUTABLE)).await;
    let publisher = stage.broker.publisher();
    let ids: Vec<String> = (0..1_000).map(|n| n.to_string()).collect();
    let publishing = ids.iter().map(|id| {
        let good = to(names::REFRESH_DUE, id);
        let lost = id.ends_with('7');
        let publication = if lost { Publication { routing_key: "nowhere", ..good } } else { good };
        let expected = if lost { Err(PublishError::Unroutable) } else { Ok(()) };
        let publisher = &publisher;
        async move { assert_eq!(publisher.publish(&publication).await, expected, "{id}") }
    });
    futures::future::join_all(publishing).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_broker_a_publish_fails_soon() {
    let stage = Stage::set().await;
    let silent = Proxy::to_broker().await;
    silent.stall(true);
    for url in ["amqp://guest:guest@127.0.0.1:1".to_owned(), silent.url("guest:guest", "%2f")] {
        let broker = Broker::new(&url, "test").expect("well-formed");
        let started = Instant::now();
        let publication = to(names::REFRESH_DUE, "one");
        assert_eq!(broker.publisher().publish(&publication).await, Err(PublishError::Unavailable));
        assert!(started.elapsed() < Duration::from_secs(5));
    }
    drop(stage);
}

// ---- consuming ----

#[tokio::test(flavor = "multi_thread")]
async fn g6_a_panic_dead_letters_its_message_and_stops_nobody_else() {
    let stage = Stage::set().await;
    let done = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&done);
    stage.consume(names::REFRESH_DUE, 10, move |incoming: Incoming| {
        assert_ne!(id_of(&incoming), "00001", "a panic before the handler's future exists");
        let counted = Arc::clone(&counted);
        async move {
            assert_ne!(id_of(&incoming), "00002", "a panic within it");
            counted.fetch_add(1, Ordering::SeqCst);
            Disposition::Ack
        }
    });
    stage.publish(names::REFRESH_DUE, 20).await;
    eventually(async || done.load(Ordering::SeqCst) == 18).await;
    stage.expect_waiting(names::REFRESH_DUE_DEAD, 2).await;
    for letter in stage.peek(names::REFRESH_DUE_DEAD).await {
        assert_eq!(letter["properties"]["headers"]["x-reason"], PANIC_REASON);
    }
    stage.expect_waiting(names::REFRESH_DUE, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_letter_keeps_its_reason_its_source_and_all_that_was_said_of_it() {
    let stage = Stage::set().await;
    stage.consume(names::REFRESH_DEBUG, 1, |_| async {
        Disposition::DeadLetter("malformed body: not JSON\0 at line 1".to_owned())
    });
    stage.publish(names::REFRESH_DEBUG, 1).await;
    stage.expect_waiting(names::REFRESH_DEBUG_DEAD, 1).await;
    let letters = stage.peek(names::REFRESH_DEBUG_DEAD).await;
    let properties = &letters[0]["properties"];
    assert_eq!(properties["headers"]["x-reason"], "malformed body: not JSON at line 1");
    assert_eq!(properties["headers"]["x-source-queue"], names::REFRESH_DEBUG);
    assert_eq!(properties["headers"]["traceparent"], to("", "").traceparent.expect("one"));
    assert_eq!((&properties["message_id"], &properties["type"]), (&json!("00000"), &json!("test.v1")));
    assert_eq!(properties["delivery_mode"], 2);
    assert_eq!(letters[0]["payload"], "{}");
}

#[tokio::test(flavor = "multi_thread")]
async fn g1_a_dead_letter_whose_reason_cannot_be_kept_dies_without_it() {
    let stage = Stage::set().await;
    let (gate, begun) = (Arc::new(Semaphore::new(0)), Arc::new(AtomicUsize::new(0)));
    let (wait, count) = (Arc::clone(&gate), Arc::clone(&begun));
    stage.consume(names::REFRESH_DUE, 1, move |_| {
        let (wait, count) = (Arc::clone(&wait), Arc::clone(&count));
        async move {
            count.fetch_add(1, Ordering::SeqCst);
            wait.acquire().await.expect("open").forget();
            Disposition::DeadLetter("nobody will know".to_owned())
        }
    });
    stage.publish(names::REFRESH_DUE, 1).await;
    eventually(async || begun.load(Ordering::SeqCst) == 1).await;
    // Nothing can be published any more, so no copy with the reason either.
    stage.broker.close().await;
    gate.add_permits(1);
    stage.expect_waiting(names::REFRESH_DUE_DEAD, 1).await;
    let letters = stage.peek(names::REFRESH_DUE_DEAD).await;
    let headers = &letters[0]["properties"]["headers"];
    assert_eq!(headers["x-death"][0]["reason"], "rejected");
    assert_eq!(headers["x-death"][0]["queue"], names::REFRESH_DUE);
    assert_eq!(headers["x-reason"], Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_requeued_comes_again_and_counts() {
    let stage = Stage::set().await;
    let (seen, mut arrived) = mpsc::unbounded_channel();
    stage.consume(names::REFRESH_DUE, 1, move |incoming: Incoming| {
        let again = incoming.earlier_deliveries < 2;
        seen.send((incoming.redelivered, incoming.earlier_deliveries)).expect("the test listens");
        async move { if again { Disposition::Requeue } else { Disposition::Ack } }
    });
    stage.publish(names::REFRESH_DUE, 1).await;
    let mut deliveries = Vec::new();
    for _ in 0..3 {
        deliveries.push(timeout(LIMIT, arrived.recv()).await.expect("in time").expect("a delivery"));
    }
    assert_eq!(deliveries, [(false, 0), (true, 1), (true, 2)]);
    stage.expect_waiting(names::REFRESH_DUE, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_more_than_the_prefetch_run_at_once() {
    let stage = Stage::set().await;
    let (running, most, done) =
        (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (running, peak, ended) = (running, Arc::clone(&most), Arc::clone(&done));
    stage.consume(names::REFRESH_DUE, 7, move |_| {
        let (running, peak, ended) = (Arc::clone(&running), Arc::clone(&peak), Arc::clone(&ended));
        async move {
            peak.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            tokio::time::sleep(Duration::from_millis(5)).await;
            running.fetch_sub(1, Ordering::SeqCst);
            ended.fetch_add(1, Ordering::SeqCst);
            Disposition::Ack
        }
    });
    stage.publish(names::REFRESH_DUE, 200).await;
    eventually(async || done.load(Ordering::SeqCst) == 200).await;
    assert_eq!(most.load(Ordering::SeqCst), 7);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_finishes_what_is_under_way_and_leaves_the_rest() {
    let stage = Stage::set().await;
    let (gate, begun) = (Arc::new(Semaphore::new(0)), Arc::new(AtomicUsize::new(0)));
    let (wait, count) = (Arc::clone(&gate), Arc::clone(&begun));
    let consumer = stage.consume(names::REFRESH_DUE, 4, move |_| {
        let (wait, count) = (Arc::clone(&wait), Arc::clone(&count));
        async move {
            count.fetch_add(1, Ordering::SeqCst);
            wait.acquire().await.expect("open").forget();
            Disposition::Ack
        }
    });
    stage.publish(names::REFRESH_DUE, 10).await;
    eventually(async || begun.load(Ordering::SeqCst) == 4).await;
    stage.shutdown.cancel();
    stage.expect_waiting(names::REFRESH_DUE, 6).await;
    gate.add_permits(4);
    timeout(LIMIT, consumer).await.expect("in time").expect("no panic");
    assert_eq!(begun.load(Ordering::SeqCst), 4);
    stage.expect_waiting(names::REFRESH_DUE, 6).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_gives_up_on_a_handler_that_never_ends() {
    let mut stage = Stage::set().await;
    stage.broker = stage.broker.clone().with_drain_limit(Duration::from_millis(300));
    let begun = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&begun);
    let consumer = stage.consume(names::REFRESH_DUE, 4, move |_| {
        count.fetch_add(1, Ordering::SeqCst);
        std::future::pending::<Disposition>()
    });
    stage.publish(names::REFRESH_DUE, 2).await;
    eventually(async || begun.load(Ordering::SeqCst) == 2).await;
    stage.shutdown.cancel();
    timeout(LIMIT, consumer).await.expect("in time").expect("no panic");
    stage.expect_waiting(names::REFRESH_DUE, 2).await;
}

// ---- batches ----

/// Consumes the store queue in batches; answers as `decide` says for each message.
fn batches(
    stage: &Stage,
    max_batch: usize,
    decide: impl Fn(&Incoming) -> Disposition + Send + Sync + 'static,
) -> (tokio::task::JoinHandle<()>, mpsc::UnboundedReceiver<Vec<String>>) {
    let (seen, batches) = mpsc::unbounded_channel();
    let (broker, shutdown) = (stage.broker.clone(), stage.shutdown.clone());
    let task = tokio::spawn(async move {
        let handler = |batch: Vec<Incoming>| {
            seen.send(batch.iter().map(id_of).collect()).expect("the test listens");
            let dispositions = batch.iter().map(&decide).collect();
            async { dispositions }
        };
        let linger = Duration::from_millis(100);
        broker.consume_batches(names::CONNECT_LOG_STORE, 100, max_batch, linger, shutdown, handler).await;
    });
    (task, batches)
}

#[tokio::test(flavor = "multi_thread")]
async fn batches_come_in_order_and_bounded() {
    let stage = Stage::set().await;
    stage.broker.declare_topology().await.expect("declared");
    for n in 0..25 {
        let id = format!("{n:05}");
        stage.broker.publisher().publish(&to(names::CONNECT_LOG_STORE, &id)).await.expect("confirmed");
    }
    let (task, mut batches) = batches(&stage, 10, |_| Disposition::Ack);
    let mut all = Vec::new();
    while all.len() < 25 {
        let batch = timeout(LIMIT, batches.recv()).await.expect("in time").expect("a batch");
        assert!(batch.len() <= 10);
        all.extend(batch);
    }
    assert_eq!(all, (0..25).map(|n| format!("{n:05}")).collect::<Vec<_>>());
    stage.shutdown.cancel();
    timeout(LIMIT, task).await.expect("in time").expect("no panic");
    stage.expect_waiting(names::CONNECT_LOG_STORE, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn g6_one_bad_message_of_a_batch_dies_alone() {
    let stage = Stage::set().await;
    let ids = stage.publish(names::CONNECT_LOG_STORE, 30).await;
    let handled = Arc::new(Mutex::new(BTreeSet::new()));
    let noted = Arc::clone(&handled);
    let (_task, _batches) = batches(&stage, 100, move |incoming| {
        let id = id_of(incoming);
        assert_ne!(id, "00013", "a message that cannot be handled");
        match id.as_str() {
            "00007" if incoming.earlier_deliveries == 0 => Disposition::Requeue,
            "00021" => Disposition::DeadLetter("malformed".to_owned()),
            _ => {
                noted.lock().expect("whole").insert(id);
                Disposition::Ack
            }
        }
    });
    eventually(async || handled.lock().expect("whole").len() == ids.len() - 2).await;
    stage.expect_waiting(names::CONNECT_LOG_STORE_DEAD, 2).await;
    let letters = stage.peek(names::CONNECT_LOG_STORE_DEAD).await;
    let dead = letters.iter().map(|letter| &letter["properties"]).map(|letter| {
        (
            letter["message_id"].as_str().expect("an id"),
            letter["headers"]["x-reason"].as_str().expect("a reason"),
        )
    });
    assert_eq!(
        dead.collect::<BTreeMap<_, _>>(),
        BTreeMap::from([("00013", PANIC_REASON), ("00021", "malformed")])
    );
    stage.expect_waiting(names::CONNECT_LOG_STORE, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_gives_back_what_was_delivered_and_not_begun() {
    let stage = Stage::set().await;
    stage.publish(names::CONNECT_LOG_STORE, 50).await;
    let (gate, begun) = (Arc::new(Semaphore::new(0)), Arc::new(AtomicUsize::new(0)));
    let (wait, count) = (Arc::clone(&gate), Arc::clone(&begun));
    let (broker, shutdown) = (stage.broker.clone(), stage.shutdown.clone());
    let task = tokio::spawn(async move {
        let handler = |batch: Vec<Incoming>| {
            let (wait, count) = (Arc::clone(&wait), Arc::clone(&count));
            async move {
                count.fetch_add(batch.len(), Ordering::SeqCst);
                wait.acquire().await.expect("open").forget();
                vec![Disposition::Ack; batch.len()]
            }
        };
        let linger = Duration::from_millis(50);
        broker.consume_batches(names::CONNECT_LOG_STORE, 40, 8, linger, shutdown, handler).await;
    });
    eventually(async || begun.load(Ordering::SeqCst) == 8).await;
    stage.expect_waiting(names::CONNECT_LOG_STORE, 10).await;
    stage.shutdown.cancel();
    gate.add_permits(1);
    timeout(LIMIT, task).await.expect("in time").expect("no panic");
    stage.expect_waiting(names::CONNECT_LOG_STORE, 42).await;
}

// ---- watching ----

async fn next_event(events: &mut mpsc::Receiver<ViewerEvent>) -> Option<ViewerEvent> {
    timeout(LIMIT, events.recv()).await.expect("in time")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_sees_everything_while_connected_and_leaves_nothing_behind() {
    let stage = Stage::set().await;
    let mut events = stage.broker.subscribe(names::CONNECT_LOG, "#", stage.shutdown.clone());
    assert_eq!(next_event(&mut events).await, Some(ViewerEvent::Connected));
    let mut ids = stage.publish(names::CONNECT_LOG_STORE, 200).await;
    while !ids.is_empty() {
        let event = next_event(&mut events).await;
        let Some(ViewerEvent::Message(incoming)) = event else { panic!("{event:?}") };
        assert!(ids.remove(&id_of(&incoming)));
    }

    stage.management.close_connections(&stage.vhost, "viewer").await;
    assert_eq!(next_event(&mut events).await, Some(ViewerEvent::Disconnected));
    assert_eq!(next_event(&mut events).await, Some(ViewerEvent::Connected));
    eventually(async || {
        stage.broker.publisher().publish(&to(names::CONNECT_LOG_STORE, "again")).await.is_ok()
    })
    .await;
    let event = next_event(&mut events).await;
    let Some(ViewerEvent::Message(incoming)) = event else { panic!("{event:?}") };
    assert_eq!(id_of(&incoming), "again");

    stage.shutdown.cancel();
    while next_event(&mut events).await.is_some() {}
    eventually(async || {
        let queues = stage.management.get(&format!("queues/{}", stage.vhost)).await;
        queues.iter().all(|queue| !queue["name"].as_str().unwrap_or_default().starts_with("viewer."))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_that_does_not_read_is_told_that_it_missed_something() {
    let stage = Stage::set().await;
    let mut events = stage.broker.subscribe(names::CONNECT_LOG, "#", stage.shutdown.clone());
    assert_eq!(next_event(&mut events).await, Some(ViewerEvent::Connected));
    stage.publish(names::CONNECT_LOG_STORE, 3_000).await;
    let mut gaps = 0;
    let mut messages = 0;
    // What is published after it began to read again tells it so.
    while gaps == 0 {
        match timeout(Duration::from_millis(50), events.recv()).await {
            Ok(Some(ViewerEvent::Message(_))) => messages += 1,
            Ok(Some(ViewerEvent::Disconnected)) => gaps += 1,
            Ok(other) => panic!("{other:?}"),
            Err(_) => drop(stage.publish(names::CONNECT_LOG_STORE, 1).await),
        }
    }
    assert_eq!(next_event(&mut events).await, Some(ViewerEvent::Connected));
    assert!(matches!(next_event(&mut events).await, Some(ViewerEvent::Message(_))));
    assert!((1_000..3_000).contains(&messages), "{messages}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_ends_with_its_receiver() {
    let stage = Stage::set().await;
    let mut events = stage.broker.subscribe(names::CONNECT_LOG, "#", stage.shutdown.clone());
    assert_eq!(next_event(&mut events).await, Some(ViewerEvent::Connected));
    drop(events);
    eventually(async || {
        stage.management.get(&format!("vhosts/{}/connections", stage.vhost)).await.is_empty()
    })
    .await;
}

// ---- what goes away ----

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_that_is_deleted_while_it_is_consumed_is_declared_again() {
    let stage = Stage::set().await;
    let (seen, mut arrived) = mpsc::unbounded_channel();
    stage.consume(names::REFRESH_DUE, 5, move |incoming: Incoming| {
        seen.send(id_of(&incoming)).expect("the test listens");
        async { Disposition::Ack }
    });
    stage.publish(names::REFRESH_DUE, 1).await;
    assert!(timeout(LIMIT, arrived.recv()).await.expect("in time").is_some());
    stage.management.delete(&format!("queues/{}/{}", stage.vhost, names::REFRESH_DUE)).await;
    eventually(async || {
        let queues = stage.broker.queue_status().await.expect("status");
        queues.iter().any(|queue| queue.name == names::REFRESH_DUE && queue.consumers == 1)
    })
    .await;
    stage.publish(names::REFRESH_DUE, 1).await;
    assert!(timeout(LIMIT, arrived.recv()).await.expect("in time").is_some());
}

/// Publishes and consumes through `broker` while `disturb` runs; says what was seen of what was
/// confirmed.
async fn under_load(stage: &Stage, broker: &Broker, disturb: impl Future<Output = ()>) -> Load {
    let seen = Arc::new(Mutex::new(BTreeMap::<String, usize>::new()));
    let noted = Arc::clone(&seen);
    let (consumer_broker, shutdown) = (broker.clone(), stage.shutdown.clone());
    let consumer = tokio::spawn(async move {
        let handler = move |incoming: Incoming| {
            *noted.lock().expect("whole").entry(id_of(&incoming)).or_default() += 1;
            async { Disposition::Ack }
        };
        consumer_broker.consume(names::REFRESH_DUE, 50, shutdown, handler).await;
    });
    let stop = CancellationToken::new();
    let confirmed = Arc::new(Mutex::new(BTreeSet::new()));
    let unsure = Arc::new(AtomicUsize::new(0));
    let publishers: Vec<_> = (0..50)
        .map(|lane| {
            let (publisher, stop) = (broker.publisher(), stop.clone());
            let (confirmed, unsure) = (Arc::clone(&confirmed), Arc::clone(&unsure));
            tokio::spawn(async move {
                for n in 0.. {
                    if stop.is_cancelled() {
                        return;
                    }
                    let id = format!("{lane:02}-{n:06}");
                    match publisher.publish(&to(names::REFRESH_DUE, &id)).await {
                        Ok(()) => drop(confirmed.lock().expect("whole").insert(id)),
                        Err(_) => drop(unsure.fetch_add(1, Ordering::SeqCst)),
                    }
                }
            })
        })
        .collect();
    let enough = |more: usize| {
        let confirmed = Arc::clone(&confirmed);
        let goal = confirmed.lock().expect("whole").len() + more;
        async move { eventually(async || confirmed.lock().expect("whole").len() >= goal).await }
    };
    enough(500).await;
    disturb.await;
    enough(500).await;
    stop.cancel();
    for publisher in publishers {
        timeout(LIMIT, publisher).await.expect("in time").expect("no panic");
    }
    let confirmed = confirmed.lock().expect("whole").clone();
    eventually(async || confirmed.iter().all(|id| seen.lock().expect("whole").contains_key(id))).await;
    stage.expect_waiting(names::REFRESH_DUE, 0).await;
    stage.shutdown.cancel();
    timeout(LIMIT, consumer).await.expect("in time").expect("no panic");
    let seen = seen.lock().expect("whole");
    let load = Load {
        confirmed: confirmed.len(),
        repeats: seen.values().filter(|times| **times > 1).count(),
        unsure: unsure.load(Ordering::SeqCst),
    };
    println!("{load:?}");
    load
}

#[derive(Debug)]
struct Load {
    confirmed: usize,
    repeats: usize,
    unsure: usize,
}

#[tokio::test(flavor = "multi_thread")]
async fn g1_nothing_confirmed_is_lost_when_connections_are_closed_under_load() {
    let stage = Stage::set().await;
    let load = under_load(&stage, &stage.broker, async {
        for _ in 0..2 {
            stage.management.close_connections(&stage.vhost, "publisher").await;
            stage.management.close_connections(&stage.vhost, "consumer").await;
        }
    })
    .await;
    assert!(load.confirmed >= 1_000);
    assert!(load.unsure > 0, "the connections were closed under load: {load:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn g1_nothing_confirmed_is_lost_when_the_broker_restarts_under_load() {
    let stage = Stage::set_alone().await;
    let load = under_load(&stage, &stage.broker, async {
        rabbitmqctl(&["stop_app"]).await;
        rabbitmqctl(&["start_app"]).await;
    })
    .await;
    assert!(load.repeats <= 100, "no more than was under way at once: {load:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_takes_no_messages_holds_up_neither_publishers_nor_acks() {
    let stage = Stage::set_alone().await;
    let acked = Arc::new(AtomicUsize::new(0));
    let (gate, count) = (Arc::new(Semaphore::new(0)), Arc::clone(&acked));
    let wait = Arc::clone(&gate);
    stage.consume(names::REFRESH_DUE, 10, move |_| {
        let (wait, count) = (Arc::clone(&wait), Arc::clone(&count));
        async move {
            wait.acquire().await.expect("open").forget();
            count.fetch_add(1, Ordering::SeqCst);
            Disposition::Ack
        }
    });
    stage.publish(names::REFRESH_DUE, 20).await;
    let publisher = stage.broker.publisher();
    let mut answers = Vec::new();
    rabbitmqctl(&["set_vm_memory_high_watermark", "0"]).await;
    // Nothing may fail before the broker takes messages again: others use it too.
    let undisturbed = timeout(LIMIT, async {
        for id in ["a", "b", "c"] {
            answers.push((publisher.publish(&to(names::REFRESH_DUE, id)).await, Instant::now()));
        }
        gate.add_permits(20);
        eventually(async || acked.load(Ordering::SeqCst) == 20).await;
    });
    let undisturbed = undisturbed.await;
    rabbitmqctl(&["set_vm_memory_high_watermark", "0.4"]).await;
    undisturbed.expect("neither publishers nor acks hang");
    assert!(answers.iter().all(|(answer, _)| answer.is_err()), "{answers:?}");
    let between = answers.windows(2).map(|pair| pair[1].1 - pair[0].1);
    assert!(between.into_iter().all(|time| time < Duration::from_secs(15)), "{answers:?}");
    eventually(async || publisher.publish(&to(names::REFRESH_DUE, "after")).await.is_ok()).await;
    gate.add_permits(100);
    stage.expect_waiting(names::REFRESH_DUE, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_falls_silent_is_left_and_found_again() {
    let stage = Stage::set().await;
    let proxy = Proxy::to_broker().await;
    let authority =
        stage.amqp_url.split("://").nth(1).and_then(|rest| rest.split('@').next()).expect("a user");
    let broker = Broker::new(&proxy.url(authority, &stage.vhost), "test").expect("well-formed");
    under_load(&stage, &broker, async {
        let threads = io_threads();
        proxy.stall(true);
        let before = proxy.connections();
        eventually(async || proxy.connections() >= before + 6).await;
        proxy.stall(false);
        eventually(async || io_threads() <= threads + 1).await;
    })
    .await;
}

/// Threads that lapin has started and not ended.
fn io_threads() -> usize {
    let tasks = std::fs::read_dir("/proc/self/task").expect("Linux");
    let names = tasks.filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("comm")).ok());
    names.filter(|name| name.starts_with("lapin")).count()
}

/// A way to the broker that can fall silent: nothing is cut, nothing comes through.
struct Proxy {
    port: u16,
    stalled: tokio::sync::watch::Sender<bool>,
    connections: Arc<AtomicUsize>,
}

impl Proxy {
    async fn to_broker() -> Self {
        let url = setting("AMQP_URL", "amqp://guest:guest@127.0.0.1:5672");
        let rest = url.split("://").nth(1).expect("a URL");
        let authority = rest.split(['/', '?']).next().expect("a first part");
        let host = authority.rsplit('@').next().expect("a host").to_owned();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("bound").port();
        let (stalled, watched) = tokio::sync::watch::channel(false);
        let connections = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&connections);
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                count.fetch_add(1, Ordering::SeqCst);
                let (host, watched) = (host.clone(), watched.clone());
                tokio::spawn(async move {
                    let server = tokio::net::TcpStream::connect(host).await.expect("the broker listens");
                    let ((from_client, to_client), (from_server, to_server)) =
                        (client.into_split(), server.into_split());
                    tokio::join!(
                        pump(from_client, to_server, watched.clone()),
                        pump(from_server, to_client, watched)
                    );
                });
            }
        });
        Self { port, stalled, connections }
    }

    fn url(&self, user: &str, vhost: &str) -> String {
        format!("amqp://{user}@127.0.0.1:{}/{vhost}?heartbeat=1&connection_timeout=500", self.port)
    }

    fn stall(&self, stalled: bool) {
        self.stalled.send_replace(stalled);
    }

    fn connections(&self) -> usize {
        self.connections.load(Ordering::SeqCst)
    }
}

async fn pump(
    mut from: tokio::net::tcp::OwnedReadHalf,
    mut to: tokio::net::tcp::OwnedWriteHalf,
    mut stalled: tokio::sync::watch::Receiver<bool>,
) {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    let mut buffer = vec![0; 64 * 1024];
    while let Ok(length @ 1..) = from.read(&mut buffer).await {
        if stalled.wait_for(|stalled| !stalled).await.is_err()
            || to.write_all(&buffer[..length]).await.is_err()
        {
            return;
        }
    }
}
