//! Confirms, returns, full queues, and a broker that is not there.

use std::time::Duration;

use serde_json::json;
use token_refresh::queue::{Broker, Disposition, Publication, PublishError, names};
use tokio::{
    sync::mpsc,
    time::{Instant, timeout},
};

use super::proxy::Proxy;
use super::stage::{LIMIT, Stage, eventually, to};

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
