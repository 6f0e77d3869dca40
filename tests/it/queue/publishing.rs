//! Confirms, returns, full queues, and a broker that is not there.

use std::time::Duration;

use serde_json::json;
use token_refresh::queue::{Broker, Disposition, Publication, PublishError, names};
use tokio::{sync::mpsc, time::Instant};

use super::IMPATIENT;
use super::line::{Line, to};
use crate::support::{come_true, in_time, proxy::Proxy, vhost::TestVhost};

#[tokio::test(flavor = "multi_thread")]
async fn a_message_arrives_with_all_that_was_said_of_it() {
    let vhost = TestVhost::create().await;
    let line = Line::to(vhost.url());
    let (seen, mut arrived) = mpsc::unbounded_channel();
    line.consume(names::REFRESH_DEBUG, 1, move |incoming| {
        seen.send(incoming).expect("the test listens");
        async { Disposition::Ack }
    });
    let publication = to(names::REFRESH_DEBUG, "one");
    line.broker.publisher().publish(&publication).await.expect("confirmed");
    let incoming = in_time("a delivery", arrived.recv()).await.expect("a message");
    assert_eq!(incoming.body, publication.body);
    assert_eq!(incoming.message_id.as_deref(), Some("one"));
    assert_eq!(incoming.message_type.as_deref(), Some("test.v1"));
    assert_eq!(incoming.routing_key, names::REFRESH_DEBUG);
    assert_eq!(incoming.traceparent.as_deref(), publication.traceparent);
    assert!(!incoming.redelivered && incoming.earlier_deliveries == 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_queue_refuses() {
    let vhost = TestVhost::create().await;
    let line = Line::to(vhost.url());
    let small = json!({"durable": true, "arguments":
        {"x-queue-type": "quorum", "x-max-length": 2, "x-overflow": "reject-publish"}});
    vhost.put_queue(names::REFRESH_DUE, &small).await;
    let publisher = line.broker.publisher();
    let mut answers = Vec::new();
    // The queue says that it is full a moment after it is.
    come_true("the queue is full", async || {
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
    let vhost = TestVhost::create().await;
    let line = Line::to(vhost.url());
    let publisher = line.broker.publisher();
    let nowhere = Publication { routing_key: "nowhere", ..to(names::REFRESH_DUE, "lost") };
    publisher.publish(&nowhere).await.expect("the alternate exchange has it");
    line.expect_waiting(names::UNROUTABLE, 1).await;

    vhost.delete_queue(names::UNROUTABLE).await;
    assert_eq!(publisher.publish(&nowhere).await, Err(PublishError::Unroutable));
    assert_eq!(publisher.publish(&to(names::REFRESH_DUE, "good")).await, Ok(()));
    let endless = "x".repeat(300);
    let unsayable = Publication { routing_key: &endless, ..to(names::REFRESH_DUE, "long") };
    assert_eq!(publisher.publish(&unsayable).await, Err(PublishError::Unroutable));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_return_is_told_to_the_one_whose_message_it_is() {
    let vhost = TestVhost::create().await;
    let line = Line::to(vhost.url());
    line.publish(names::REFRESH_DUE, 1).await;
    vhost.delete_queue(names::UNROUTABLE).await;
    let publisher = line.broker.publisher();
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
    let vhost = TestVhost::create().await;
    let (silent, url) = Proxy::before(vhost.url()).await;
    silent.stall();
    for url in ["amqp://guest:guest@127.0.0.1:1".to_owned(), format!("{url}?{IMPATIENT}")] {
        let broker = Broker::new(&url, "test").expect("well-formed");
        let started = Instant::now();
        let publication = to(names::REFRESH_DUE, "one");
        assert_eq!(broker.publisher().publish(&publication).await, Err(PublishError::Unavailable));
        assert!(started.elapsed() < Duration::from_secs(5));
    }
}
