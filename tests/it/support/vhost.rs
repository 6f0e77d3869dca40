//! A virtual host of its own for each test, and what a test looks at or breaks in it.

use lapin::options::{BasicPublishOptions, ConfirmSelectOptions, QueueDeclareOptions};
use lapin::types::FieldTable;
use lapin::{BasicProperties, Confirmation, Connection, ConnectionProperties};
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode, Url};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::OnceCell;
use uuid::Uuid;

use super::servers::servers;
use super::{PATIENCE, clean_up, come_true, eventually, in_time};

/// What the name of every test's virtual host begins with; a UUIDv7 follows, whose time tells its age.
const PREFIX: &str = "it_";

/// Older ones were left behind by a killed run.
const STALE_SECONDS: u64 = 3_600;

const NO_MANAGEMENT: &str = "the tests make virtual hosts through RabbitMQ's management API: enable its plugin, and set \
    RABBITMQ_MANAGEMENT_URL where it is not at port 15672";

/// One test's virtual host.
pub(crate) struct TestVhost {
    /// Empty for one that goes with its broker.
    name: String,
    url: String,
}

/// A queue as the management API tells of it. Its numbers lag behind by the broker's statistics interval.
#[derive(Debug, Deserialize)]
pub(crate) struct Queue {
    /// Its name.
    pub(crate) name: String,
    /// Messages that wait for a consumer.
    #[serde(default)]
    pub(crate) messages_ready: u64,
    /// Messages that a consumer has and has not settled.
    #[serde(default)]
    pub(crate) messages_unacknowledged: u64,
}

/// A message as the management API reads it from a queue.
#[derive(Debug, Deserialize)]
pub(crate) struct Message {
    /// Its body; the tests' bodies are text.
    pub(crate) payload: String,
    /// Its AMQP properties, headers among them.
    pub(crate) properties: Value,
    /// The routing key it was published with.
    pub(crate) routing_key: String,
    /// The exchange it was published to.
    pub(crate) exchange: String,
    /// Whether it was delivered before.
    pub(crate) redelivered: bool,
}

impl TestVhost {
    /// Makes an empty virtual host in which the servers' user may do everything.
    pub(crate) async fn create() -> Self {
        static SWEPT: OnceCell<()> = OnceCell::const_new();
        SWEPT.get_or_init(delete_stale).await;
        let name = format!("{PREFIX}{}", Uuid::now_v7().simple());
        call(Method::PUT, &format!("vhosts/{name}"), Some(&json!({}))).await;
        let mut url = Url::parse(&servers().await.amqp).expect("AMQP_URL is a URL");
        let user = match url.username() {
            "" => "guest",
            user => user,
        };
        let everything = json!({ "configure": ".*", "write": ".*", "read": ".*" });
        call(Method::PUT, &format!("permissions/{name}/{user}"), Some(&everything)).await;
        url.set_path(&name);
        Self { name, url: url.into() }
    }

    /// The virtual host of a broker of the test's own, without the management API.
    pub(crate) fn on(url: String) -> Self {
        Self { name: String::new(), url }
    }

    /// `amqp://…/it_…`
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The virtual host's name.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Opens a connection.
    pub(crate) async fn connect(&self) -> Connection {
        let opening = Connection::connect(&self.url, ConnectionProperties::default());
        in_time("a connection to the test's virtual host", opening).await.expect("the virtual host was made")
    }

    /// All queues, in the order of their names.
    pub(crate) async fn queues(&self) -> Vec<Queue> {
        let mut queues: Vec<Queue> =
            read(call(Method::GET, &format!("queues/{}", self.name), None).await).await;
        queues.sort_by(|one, other| one.name.cmp(&other.name));
        queues
    }

    /// How many messages wait in `queue` at this instant, asked over AMQP and not from statistics.
    pub(crate) async fn depth(&self, queue: &str) -> u32 {
        let connection = self.connect().await;
        let channel = connection.create_channel().await.expect("an open connection");
        let passive = QueueDeclareOptions { passive: true, ..QueueDeclareOptions::default() };
        let declared = channel.queue_declare(queue.into(), passive, FieldTable::default());
        let depth = in_time("a queue's depth", declared).await.expect("the queue exists").message_count();
        // Best effort: the answer is there already.
        drop(connection.close(200, "done".into()).await);
        depth
    }

    /// Waits until `queue` holds exactly `depth` messages.
    pub(crate) async fn expect_depth(&self, queue: &str, depth: u32) {
        let what = format!("{depth} messages in {queue}");
        eventually(&what, || async { (self.depth(queue).await == depth).then_some(()) }).await;
    }

    /// Reads up to `count` messages and puts them back. In a quorum queue this counts as a delivery.
    pub(crate) async fn peek(&self, queue: &str, count: u32) -> Vec<Message> {
        self.get(queue, count, "ack_requeue_true").await
    }

    /// Removes up to `count` messages and returns them.
    pub(crate) async fn take(&self, queue: &str, count: u32) -> Vec<Message> {
        self.get(queue, count, "ack_requeue_false").await
    }

    async fn get(&self, queue: &str, count: u32, ackmode: &str) -> Vec<Message> {
        let wanted = json!({ "count": count, "ackmode": ackmode, "encoding": "auto" });
        read(call(Method::POST, &format!("queues/{}/{queue}/get", self.name), Some(&wanted)).await).await
    }

    /// Removes all messages that wait in `queue`.
    pub(crate) async fn purge(&self, queue: &str) {
        call(Method::DELETE, &format!("queues/{}/{queue}/contents", self.name), None).await;
    }

    /// Publishes `body` as it is, without a check by any schema, and waits for the broker's confirm.
    pub(crate) async fn publish(
        &self,
        exchange: &str,
        routing_key: &str,
        body: &[u8],
        properties: BasicProperties,
    ) {
        let connection = self.connect().await;
        let publishing = async {
            let channel = connection.create_channel().await?;
            channel.confirm_select(ConfirmSelectOptions::default()).await?;
            let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
            channel.basic_publish(exchange.into(), routing_key.into(), options, body, properties).await?.await
        };
        let confirmed =
            in_time("the confirm of a raw message", publishing).await.expect("the broker takes it");
        assert_eq!(confirmed, Confirmation::Ack(None), "the broker routes it to a queue");
        drop(connection.close(200, "done".into()).await);
    }

    /// Declares a queue of the test's own making.
    pub(crate) async fn put_queue(&self, queue: &str, definition: &Value) {
        call(Method::PUT, &format!("queues/{}/{queue}", self.name), Some(definition)).await;
    }

    /// Deletes a queue, whoever consumes it.
    pub(crate) async fn delete_queue(&self, queue: &str) {
        call(Method::DELETE, &format!("queues/{}/{queue}", self.name), None).await;
    }

    /// Declares everything that `definitions` names, as an operator does with a file.
    pub(crate) async fn import(&self, definitions: &Value) {
        call(Method::POST, &format!("definitions/{}", self.name), Some(definitions)).await;
    }

    /// All `exchanges`, `queues` or `bindings`, as the management API tells of them.
    pub(crate) async fn list(&self, kind: &str) -> Vec<Value> {
        read(call(Method::GET, &format!("{kind}/{}", self.name), None).await).await
    }

    /// The connections that the broker's statistics know.
    pub(crate) async fn connections(&self) -> Vec<Value> {
        read(call(Method::GET, &format!("vhosts/{}/connections", self.name), None).await).await
    }

    /// Closes every connection to the virtual host that the broker knows of, and tells how many.
    pub(crate) async fn close_connections(&self) -> usize {
        self.close_those(|_| true).await
    }

    /// Closes the connections that were opened for `purpose`; at least one, however long the broker's
    /// statistics take to know it.
    pub(crate) async fn close_connections_of(&self, purpose: &str) {
        come_true(&format!("a connection of the {purpose} is closed"), async || {
            Box::pin(self.close_those(|shown| shown.contains(purpose))).await > 0
        })
        .await;
    }

    /// Closes the connections whose name, as the client gave it, fits.
    async fn close_those(&self, fits: impl Fn(&str) -> bool) -> usize {
        let mut closed = 0;
        for connection in self.connections().await {
            let shown = connection["client_properties"]["connection_name"].as_str().unwrap_or_default();
            if !fits(shown) {
                continue;
            }
            let name = connection["name"].as_str().expect("a connection has a name");
            let closing = request(Method::DELETE, &["connections", name]).await.send().await;
            match closing.expect("management answers").status() {
                StatusCode::NOT_FOUND => {}
                status => {
                    assert!(status.is_success(), "closing connection {name}: {status}");
                    closed += 1;
                }
            }
        }
        closed
    }
}

impl Drop for TestVhost {
    /// Deletes the virtual host with its queues and connections, also when the test panics.
    fn drop(&mut self) {
        let name = std::mem::take(&mut self.name);
        if name.is_empty() {
            return;
        }
        clean_up(async move { delete(&name).await });
    }
}

async fn delete(name: &str) {
    // Best effort: the broker may be down because a test took it down; a later run deletes it then.
    drop(request(Method::DELETE, &["vhosts", name]).await.send().await);
}

async fn delete_stale() {
    let vhosts: Vec<Value> = read(call(Method::GET, "vhosts", None).await).await;
    let (present, _) = Uuid::now_v7().get_timestamp().expect("a UUIDv7 has a time").to_unix();
    for vhost in vhosts {
        let name = vhost["name"].as_str().expect("a virtual host has a name");
        let id = name.strip_prefix(PREFIX).and_then(|id| Uuid::try_parse(id).ok());
        let made = id.and_then(|id| id.get_timestamp()).map(|time| time.to_unix().0);
        if made.is_some_and(|made| made + STALE_SECONDS < present) {
            delete(name).await;
        }
    }
}

/// Calls the management API and insists on success.
async fn call(method: Method, path: &str, body: Option<&Value>) -> Response {
    let what = format!("{method} /api/{path}");
    let mut request = request(method, &path.split('/').collect::<Vec<_>>()).await;
    if let Some(body) = body {
        request = request.json(body);
    }
    let response = request.send().await.unwrap_or_else(|error| panic!("{what}: {error}; {NO_MANAGEMENT}"));
    let status = response.status();
    assert!(status.is_success(), "{what}: {status} {}", response.text().await.unwrap_or_default());
    response
}

async fn request(method: Method, path: &[&str]) -> RequestBuilder {
    let mut url = Url::parse(&servers().await.management).expect("RABBITMQ_MANAGEMENT_URL is a URL");
    url.path_segments_mut().expect("an http URL has a path").pop_if_empty().push("api").extend(path);
    // A client lives with the runtime it was used in, and every test has its own.
    let client =
        Client::builder().timeout(PATIENCE).no_proxy().build().expect("the TLS provider is installed");
    client.request(method, url)
}

async fn read<T: for<'de> Deserialize<'de>>(response: Response) -> T {
    response.json().await.expect("the management API answers as documented")
}
