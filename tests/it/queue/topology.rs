//! What is declared, checked and reported.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};
use token_refresh::queue::{DEFINITIONS, DifferenceKind, Disposition, Incoming, names};
use tokio::sync::mpsc;

use super::line::{Line, id_of};
use crate::support::{in_time, vhost::TestVhost};

fn pieces(found: &[Value], fields: &[&str], ours: impl Fn(&Value) -> bool) -> BTreeSet<String> {
    let chosen = found.iter().filter(|piece| ours(piece)).map(|piece| {
        let fields: BTreeMap<_, _> = fields.iter().map(|field| (*field, &piece[*field])).collect();
        serde_json::to_string(&fields).expect("JSON")
    });
    chosen.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_declared_is_what_the_definitions_say() {
    let vhost = TestVhost::create().await;
    let line = Line::to(vhost.url());
    assert_eq!(line.broker.declare_topology().await.expect("declared"), []);

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
        let found = vhost.list(kind).await;
        let expected = pieces(definitions[kind].as_array().expect("a list"), fields, |_| true);
        assert_eq!(pieces(&found, fields, own), expected, "{kind}");
    }

    assert_eq!(line.broker.declare_topology().await.expect("declared again"), []);
    let report = line.broker.check().await.expect("checked");
    assert_eq!(report.differences, []);
    assert!(report.server.expect("a version").starts_with("RabbitMQ "));
    assert!(!report.address.contains("guest"), "{}", report.address);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_definitions_can_be_imported_and_are_then_complete() {
    let vhost = TestVhost::create().await;
    let line = Line::to(vhost.url());
    let definitions: Value = serde_json::from_str(DEFINITIONS).expect("JSON");
    vhost.import(&definitions).await;
    assert_eq!(line.broker.check().await.expect("checked").differences, []);
    assert_eq!(line.broker.declare_topology().await.expect("declared"), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_check_names_what_is_missing_and_declares_nothing() {
    let vhost = TestVhost::create().await;
    let line = Line::to(vhost.url());
    let missing = line.broker.check().await.expect("checked").differences;
    assert_eq!(missing.len(), 4 + 7);
    assert!(missing.iter().all(|difference| difference.kind == DifferenceKind::Missing), "{missing:?}");
    assert!(
        missing
            .iter()
            .any(|difference| difference.to_string().starts_with("queue \"refresh.due\" is missing"))
    );
    assert!(vhost.list("queues").await.is_empty());
    assert!(line.broker.queue_status().await.expect("status").iter().all(|queue| !queue.exists));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_that_differs_is_reported_and_used_as_it_is() {
    let vhost = TestVhost::create().await;
    let line = Line::to(vhost.url());
    let other = json!({"durable": true, "arguments": {"x-queue-type": "quorum", "x-max-length": 5}});
    vhost.put_queue(names::REFRESH_DUE, &other).await;

    for differences in [
        line.broker
            .check()
            .await
            .expect("checked")
            .differences
            .into_iter()
            .filter(|d| d.kind != DifferenceKind::Missing)
            .collect(),
        line.broker.declare_topology().await.expect("declared"),
    ] {
        let [difference] = differences.as_slice() else { panic!("{differences:?}") };
        assert_eq!(difference.kind, DifferenceKind::Differs);
        assert_eq!(difference.piece, "queue \"refresh.due\"");
        assert!(difference.broker_says.contains("inequivalent arg"), "{difference}");
    }

    let (seen, mut arrived) = mpsc::unbounded_channel();
    line.consume(names::REFRESH_DUE, 1, move |incoming: Incoming| {
        seen.send(id_of(&incoming)).expect("the test listens");
        async { Disposition::Ack }
    });
    line.publish(names::REFRESH_DUE, 1).await;
    assert_eq!(in_time("a delivery", arrived.recv()).await.as_deref(), Some("00000"));
}
