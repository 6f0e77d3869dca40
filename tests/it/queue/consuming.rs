//! Dispositions, dead letters, prefetch and stopping.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use serde_json::{Value, json};
use token_refresh::queue::{Disposition, Incoming, PANIC_REASON, names};
use tokio::sync::{Semaphore, mpsc};

use super::line::{Line, id_of, to};
use crate::support::{come_true, in_time, let_pass, vhost::TestVhost};

#[tokio::test(flavor = "multi_thread")]
async fn g6_a_panic_dead_letters_its_message_and_stops_nobody_else() {
    let vhost = TestVhost::create().await;
    let line = Line::to(vhost.url());
    let done = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&done);
    line.consume(names::REFRESH_DUE, 10, move |incoming: Incoming| {
        assert_ne!(id_of(&incoming), "00001", "a panic before the handler's future exists");
        let counted = Arc::clone(&counted);
        async move {
            assert_ne!(id_of(&incoming), "00002", "a panic within it");
            counted.fetch_add(1, Ordering::SeqCst);
            Disposition::Ack
        }
    });
    line.publish(names::REFRESH_DUE, 20).await;
    come_true("all but the bad ones are handled", async || done.load(Ordering::SeqCst) == 18).await;
    line.expect_waiting(names::REFRESH_DUE_DEAD, 2).await;
    for letter in vhost.peek(names::REFRESH_DUE_DEAD, 100).await {
        assert_eq!(letter.properties["headers"]["x-reason"], PANIC_REASON);
    }
    line.expect_waiting(names::REFRESH_DUE, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_letter_keeps_its_reason_its_source_and_all_that_was_said_of_it() {
    let vhost = TestVhost::create().await;
    let line = Line::to(vhost.url());
    line.consume(names::REFRESH_DEBUG, 1, |_| async {
        Disposition::DeadLetter("malformed body: not JSON\0 at line 1".to_owned())
    });
    line.publish(names::REFRESH_DEBUG, 1).await;
    line.expect_waiting(names::REFRESH_DEBUG_DEAD, 1).await;
    let letters = vhost.peek(names::REFRESH_DEBUG_DEAD, 100).await;
    let properties = &letters[0].properties;
    assert_eq!(properties["headers"]["x-reason"], "malformed body: not JSON at line 1");
    assert_eq!(properties["headers"]["x-source-queue"], names::REFRESH_DEBUG);
    assert_eq!(properties["headers"]["traceparent"], to("", "").traceparent.expect("one"));
    assert_eq!((&properties["message_id"], &properties["type"]), (&json!("00000"), &json!("test.v1")));
    assert_eq!(properties["delivery_mode"], 2);
    assert_eq!(letters[0].payload, "{}");
}

#[tokio::test(flavor = "multi_thread")]
async fn g1_a_dead_letter_whose_reason_cannot_be_kept_dies_without_it() {
    let vhost = TestVhost::create().await;
    let line = Line::to(vhost.url());
    let (hold, begun) = (Arc::new(Semaphore::new(0)), Arc::new(AtomicUsize::new(0)));
    let (wait, count) = (Arc::clone(&hold), Arc::clone(&begun));
    line.consume(names::REFRESH_DUE, 1, move |_| {
        let (wait, count) = (Arc::clone(&wait), Arc::clone(&count));
        async move {
            count.fetch_add(1, Ordering::SeqCst);
            wait.acquire().await.expect("open").forget();
            Disposition::DeadLetter("nobody will know".to_owned())
        }
    });
    line.publish(names::REFRESH_DUE, 1).await;
    come_true("the message is begun", async || begun.load(Ordering::SeqCst) == 1).await;
    // Nothing can be published any more, so no copy with the reason either.
    line.broker.close().await;
    hold.add_permits(1);
    line.expect_waiting(names::REFRESH_DUE_DEAD, 1).await;
    let letters = vhost.peek(names::REFRESH_DUE_DEAD, 100).await;
    let headers = &letters[0].properties["headers"];
    assert_eq!(headers["x-death"][0]["reason"], "rejected");
    assert_eq!(headers["x-death"][0]["queue"], names::REFRESH_DUE);
    assert_eq!(headers["x-reason"], Value::Null);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_requeued_comes_again_and_counts() {
    let vhost = TestVhost::create().await;
    let line = Line::to(vhost.url());
    let (seen, mut arrived) = mpsc::unbounded_channel();
    line.consume(names::REFRESH_DUE, 1, move |incoming: Incoming| {
        let again = incoming.earlier_deliveries < 2;
        seen.send((incoming.redelivered, incoming.earlier_deliveries)).expect("the test listens");
        async move { if again { Disposition::Requeue } else { Disposition::Ack } }
    });
    line.publish(names::REFRESH_DUE, 1).await;
    let mut deliveries = Vec::new();
    for _ in 0..3 {
        deliveries.push(in_time("a delivery", arrived.recv()).await.expect("a delivery"));
    }
    assert_eq!(deliveries, [(false, 0), (true, 1), (true, 2)]);
    line.expect_waiting(names::REFRESH_DUE, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_more_than_the_prefetch_run_at_once() {
    let vhost = TestVhost::create().await;
    let line = Line::to(vhost.url());
    let (running, most, done) =
        (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (running, peak, ended) = (running, Arc::clone(&most), Arc::clone(&done));
    line.consume(names::REFRESH_DUE, 7, move |_| {
        let (running, peak, ended) = (Arc::clone(&running), Arc::clone(&peak), Arc::clone(&ended));
        async move {
            peak.fetch_max(running.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            let_pass(Duration::from_millis(5)).await;
            running.fetch_sub(1, Ordering::SeqCst);
            ended.fetch_add(1, Ordering::SeqCst);
            Disposition::Ack
        }
    });
    line.publish(names::REFRESH_DUE, 200).await;
    come_true("all are handled", async || done.load(Ordering::SeqCst) == 200).await;
    assert_eq!(most.load(Ordering::SeqCst), 7);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_finishes_what_is_under_way_and_leaves_the_rest() {
    let vhost = TestVhost::create().await;
    let line = Line::to(vhost.url());
    let (hold, begun) = (Arc::new(Semaphore::new(0)), Arc::new(AtomicUsize::new(0)));
    let (wait, count) = (Arc::clone(&hold), Arc::clone(&begun));
    let consumer = line.consume(names::REFRESH_DUE, 4, move |_| {
        let (wait, count) = (Arc::clone(&wait), Arc::clone(&count));
        async move {
            count.fetch_add(1, Ordering::SeqCst);
            wait.acquire().await.expect("open").forget();
            Disposition::Ack
        }
    });
    line.publish(names::REFRESH_DUE, 10).await;
    come_true("as many as the prefetch are begun", async || begun.load(Ordering::SeqCst) == 4).await;
    line.shutdown.cancel();
    line.expect_waiting(names::REFRESH_DUE, 6).await;
    hold.add_permits(4);
    in_time("the end", consumer).await.expect("no panic");
    assert_eq!(begun.load(Ordering::SeqCst), 4);
    line.expect_waiting(names::REFRESH_DUE, 6).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_gives_up_on_a_handler_that_never_ends() {
    let vhost = TestVhost::create().await;
    let mut line = Line::to(vhost.url());
    line.broker = line.broker.clone().with_drain_limit(Duration::from_millis(300));
    let begun = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&begun);
    let consumer = line.consume(names::REFRESH_DUE, 4, move |_| {
        count.fetch_add(1, Ordering::SeqCst);
        std::future::pending::<Disposition>()
    });
    line.publish(names::REFRESH_DUE, 2).await;
    come_true("both are begun", async || begun.load(Ordering::SeqCst) == 2).await;
    line.shutdown.cancel();
    in_time("the end", consumer).await.expect("no panic");
    line.expect_waiting(names::REFRESH_DUE, 2).await;
}
