//! What the broker must hold: `queues/definitions.json`, the one source of it.
//!
//! Every queue is a bounded quorum queue. A source queue that is full refuses what is published to
//! it, which is back-pressure and not a fault; that is also what `at-least-once` dead-lettering needs.
//! Each source queue has a queue of its own for dead letters, reached under the source's name, so that
//! an operator sees by name where letters died and can move them back. A full dead-letter queue
//! refuses too: what dies then waits in its source queue instead of being lost.
//!
//! Every exchange has the alternate exchange `unroutable`. `connect-log` needs it only while its
//! store queue is missing, since that one takes every entry. `unroutable` itself forgets the oldest:
//! what lands there is a hint whose truth stands in PostgreSQL.
//!
//! A delivery limit of 20 is the default from RabbitMQ 4.0 on; 3.10 has none. The queues without a
//! dead-letter exchange have a limit out of reach, because a letter that is looked at and put back 20
//! times would otherwise be dropped.
//!
//! The file names the virtual host `/`, where `rabbitmqctl import_definitions` puts it; this module
//! declares into the virtual host of `AMQP_URL`.

use std::sync::LazyLock;

use lapin::{
    ExchangeKind,
    types::{AMQPValue, FieldTable, ShortString},
};
use serde::Deserialize;
use serde_json::{Map, Value};

/// `queues/definitions.json`, as it is compiled in.
pub const DEFINITIONS: &str = include_str!("../../queues/definitions.json");

/// The topology of [`DEFINITIONS`].
pub(super) static TOPOLOGY: LazyLock<Topology> =
    LazyLock::new(|| serde_json::from_str(DEFINITIONS).expect("a test reads the file that is compiled in"));

#[derive(Debug, Deserialize)]
pub(super) struct Topology {
    pub(super) exchanges: Vec<AmqpExchange>,
    /// In the order of declaring: what dead letters are sent to comes before what sends them.
    pub(super) queues: Vec<Queue>,
    pub(super) bindings: Vec<Binding>,
}

#[derive(Debug, Deserialize)]
pub(super) struct AmqpExchange {
    pub(super) name: String,
    #[serde(rename = "type")]
    kind: String,
    pub(super) durable: bool,
    pub(super) auto_delete: bool,
    pub(super) internal: bool,
    arguments: Map<String, Value>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Queue {
    pub(super) name: String,
    pub(super) durable: bool,
    pub(super) auto_delete: bool,
    arguments: Map<String, Value>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Binding {
    pub(super) source: String,
    pub(super) destination: String,
    pub(super) routing_key: String,
}

impl AmqpExchange {
    pub(super) fn kind(&self) -> ExchangeKind {
        match self.kind.as_str() {
            "direct" => ExchangeKind::Direct,
            "fanout" => ExchangeKind::Fanout,
            "topic" => ExchangeKind::Topic,
            "headers" => ExchangeKind::Headers,
            other => ExchangeKind::Custom(other.to_owned()),
        }
    }

    pub(super) fn arguments(&self) -> FieldTable {
        table(&self.arguments)
    }
}

impl Queue {
    pub(super) fn arguments(&self) -> FieldTable {
        table(&self.arguments)
    }
}

/// The arguments as RabbitMQ types them when it imports the file: they must be the same everywhere.
fn table(arguments: &Map<String, Value>) -> FieldTable {
    let mut table = FieldTable::default();
    for (key, value) in arguments {
        table.insert(ShortString::from(key.as_str()), amqp_value(value));
    }
    table
}

fn amqp_value(value: &Value) -> AMQPValue {
    match value {
        Value::Bool(value) => AMQPValue::Boolean(*value),
        Value::Number(value) => AMQPValue::LongLongInt(value.as_i64().expect("a test allows integers only")),
        Value::String(value) => AMQPValue::LongString(value.as_str().into()),
        Value::Null | Value::Array(_) | Value::Object(_) => AMQPValue::Void,
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::super::names;
    use super::*;

    fn queue(name: &str) -> &'static Queue {
        TOPOLOGY.queues.iter().find(|queue| queue.name == name).expect(name)
    }

    fn text<'a>(queue: &'a Queue, argument: &str) -> Option<&'a str> {
        queue.arguments.get(argument).and_then(Value::as_str)
    }

    #[test]
    fn the_names_are_those_of_the_definitions() {
        let exchanges: BTreeSet<_> =
            TOPOLOGY.exchanges.iter().map(|exchange| exchange.name.as_str()).collect();
        let expected = [names::REFRESH, names::CONNECT_LOG, names::DEAD_LETTER, names::UNROUTABLE];
        assert_eq!(exchanges, BTreeSet::from(expected));

        let queues: BTreeSet<_> = TOPOLOGY.queues.iter().map(|queue| queue.name.as_str()).collect();
        let expected = [
            names::UNROUTABLE,
            names::REFRESH_DUE,
            names::REFRESH_DEBUG,
            names::CONNECT_LOG_STORE,
            names::REFRESH_DUE_DEAD,
            names::REFRESH_DEBUG_DEAD,
            names::CONNECT_LOG_STORE_DEAD,
        ];
        assert_eq!(queues, BTreeSet::from(expected));

        let bound = |source: &str, key: &str, to: &str| {
            TOPOLOGY
                .bindings
                .iter()
                .any(|b| b.source == source && b.routing_key == key && b.destination == to)
        };
        assert!(bound(names::REFRESH, names::REFRESH_DUE, names::REFRESH_DUE));
        assert!(bound(names::REFRESH, names::REFRESH_DEBUG, names::REFRESH_DEBUG));
        assert!(bound(names::CONNECT_LOG, "#", names::CONNECT_LOG_STORE));
        assert!(bound(names::UNROUTABLE, "", names::UNROUTABLE));
        assert_eq!(TOPOLOGY.bindings.len(), queues.len(), "every queue is reached in one way");
    }

    #[test]
    fn g6_every_queue_is_durable_replicated_and_bounded() {
        for queue in &TOPOLOGY.queues {
            assert!(queue.durable && !queue.auto_delete, "{}", queue.name);
            assert_eq!(text(queue, "x-queue-type"), Some("quorum"), "{}", queue.name);
            for bound in ["x-max-length", "x-max-length-bytes", "x-delivery-limit"] {
                assert!(queue.arguments[bound].as_i64() > Some(0), "{} {bound}", queue.name);
            }
            assert!(queue.arguments.values().all(|value| value.is_string() || value.is_i64()));
        }
    }

    #[test]
    fn g1_a_dead_letter_is_kept_under_its_source_queues_name() {
        let sources = [
            (names::REFRESH_DUE, names::REFRESH_DUE_DEAD),
            (names::REFRESH_DEBUG, names::REFRESH_DEBUG_DEAD),
            (names::CONNECT_LOG_STORE, names::CONNECT_LOG_STORE_DEAD),
        ];
        for (source, dead) in sources {
            let queue_of = queue(source);
            assert_eq!(text(queue_of, "x-dead-letter-exchange"), Some(names::DEAD_LETTER));
            assert_eq!(text(queue_of, "x-dead-letter-routing-key"), Some(source));
            assert_eq!(text(queue_of, "x-dead-letter-strategy"), Some("at-least-once"));
            assert_eq!(text(queue_of, "x-overflow"), Some("reject-publish"), "at-least-once needs it");
            assert_eq!(text(queue(dead), "x-overflow"), Some("reject-publish"));
            assert!(TOPOLOGY.bindings.iter().any(|binding| {
                (binding.source.as_str(), binding.routing_key.as_str(), binding.destination.as_str())
                    == (names::DEAD_LETTER, source, dead)
            }));
            let place = |name| TOPOLOGY.queues.iter().position(|queue| queue.name == name);
            assert!(place(dead) < place(source), "the target of dead letters is declared first");
        }
    }

    #[test]
    fn every_exchange_has_the_alternate_one() {
        for exchange in &TOPOLOGY.exchanges {
            let alternate = exchange.arguments.get("alternate-exchange").and_then(Value::as_str);
            let expected = (exchange.name != names::UNROUTABLE).then_some(names::UNROUTABLE);
            assert_eq!(alternate, expected, "{}", exchange.name);
            assert!(exchange.durable && !exchange.auto_delete && !exchange.internal);
        }
    }

    #[test]
    fn the_file_is_importable_into_the_default_virtual_host() {
        let file: Value = serde_json::from_str(DEFINITIONS).expect("JSON");
        for (kind, pieces) in file.as_object().expect("an object") {
            assert!(["exchanges", "queues", "bindings"].contains(&kind.as_str()), "no users, no permissions");
            for piece in pieces.as_array().expect("an array") {
                assert_eq!(piece["vhost"], "/", "{piece}");
                if kind == "bindings" {
                    assert_eq!(piece["destination_type"], "queue", "{piece}");
                    assert_eq!(piece["arguments"], serde_json::json!({}), "declared without arguments");
                }
            }
        }
    }
}
