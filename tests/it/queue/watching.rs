//! Viewers of the connect-log.

use std::time::Duration;

use token_refresh::queue::{ViewerEvent, names};
use tokio::{sync::mpsc, time::timeout};

use super::line::{Line, id_of, to};
use crate::support::{come_true, in_time, vhost::TestVhost};

async fn next_event(events: &mut mpsc::Receiver<ViewerEvent>) -> Option<ViewerEvent> {
    in_time("a delivery", events.recv()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_sees_everything_while_connected_and_leaves_nothing_behind() {
    let vhost = TestVhost::create().await;
    let line = Line::to(vhost.url());
    let mut events = line.broker.subscribe(names::CONNECT_LOG, "#", line.shutdown.clone());
    assert_eq!(next_event(&mut events).await, Some(ViewerEvent::Connected));
    let mut ids = line.publish(names::CONNECT_LOG_STORE, 200).await;
    while !ids.is_empty() {
        let event = next_event(&mut events).await;
        let Some(ViewerEvent::Message(incoming)) = event else { panic!("{event:?}") };
        assert!(ids.remove(&id_of(&incoming)));
    }

    vhost.close_connections_of("viewer").await;
    assert_eq!(next_event(&mut events).await, Some(ViewerEvent::Disconnected));
    assert_eq!(next_event(&mut events).await, Some(ViewerEvent::Connected));
    come_true("messages are taken again", async || {
        line.broker.publisher().publish(&to(names::CONNECT_LOG_STORE, "again")).await.is_ok()
    })
    .await;
    let event = next_event(&mut events).await;
    let Some(ViewerEvent::Message(incoming)) = event else { panic!("{event:?}") };
    assert_eq!(id_of(&incoming), "again");

    line.shutdown.cancel();
    while next_event(&mut events).await.is_some() {}
    come_true("the queue of the viewer is gone", async || {
        let queues = vhost.list("queues").await;
        queues.iter().all(|queue| !queue["name"].as_str().unwrap_or_default().starts_with("viewer."))
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_that_does_not_read_is_told_that_it_missed_something() {
    let vhost = TestVhost::create().await;
    let line = Line::to(vhost.url());
    let mut events = line.broker.subscribe(names::CONNECT_LOG, "#", line.shutdown.clone());
    assert_eq!(next_event(&mut events).await, Some(ViewerEvent::Connected));
    line.publish(names::CONNECT_LOG_STORE, 3_000).await;
    let mut gaps = 0;
    let mut messages = 0;
    // What is published after it began to read again tells it so.
    while gaps == 0 {
        match timeout(Duration::from_millis(50), events.recv()).await {
            Ok(Some(ViewerEvent::Message(_))) => messages += 1,
            Ok(Some(ViewerEvent::Disconnected)) => gaps += 1,
            Ok(other) => panic!("{other:?}"),
            Err(_) => drop(line.publish(names::CONNECT_LOG_STORE, 1).await),
        }
    }
    assert_eq!(next_event(&mut events).await, Some(ViewerEvent::Connected));
    assert!(matches!(next_event(&mut events).await, Some(ViewerEvent::Message(_))));
    assert!((1_000..3_000).contains(&messages), "{messages}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_viewer_ends_with_its_receiver() {
    let vhost = TestVhost::create().await;
    let line = Line::to(vhost.url());
    let mut events = line.broker.subscribe(names::CONNECT_LOG, "#", line.shutdown.clone());
    assert_eq!(next_event(&mut events).await, Some(ViewerEvent::Connected));
    drop(events);
    come_true("the connection of the viewer is gone", async || vhost.connections().await.is_empty()).await;
}
