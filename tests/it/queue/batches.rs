//! Messages taken in batches.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use token_refresh::queue::{Disposition, Incoming, PANIC_REASON, names};
use tokio::sync::{Semaphore, mpsc};

use super::line::{Line, id_of, to};
use crate::support::{come_true, in_time, vhost::TestVhost};

/// Consumes the store queue in batches; answers as `decide` says for each message.
fn batches(
    line: &Line,
    max_batch: usize,
    decide: impl Fn(&Incoming) -> Disposition + Send + Sync + 'static,
) -> (tokio::task::JoinHandle<()>, mpsc::UnboundedReceiver<Vec<String>>) {
    let (seen, batches) = mpsc::unbounded_channel();
    let (broker, shutdown) = (line.broker.clone(), line.shutdown.clone());
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
    let vhost = TestVhost::create().await;
    let line = Line::to(vhost.url());
    line.broker.declare_topology().await.expect("declared");
    for n in 0..25 {
        let id = format!("{n:05}");
        line.broker.publisher().publish(&to(names::CONNECT_LOG_STORE, &id)).await.expect("confirmed");
    }
    let (task, mut batches) = batches(&line, 10, |_| Disposition::Ack);
    let mut all = Vec::new();
    while all.len() < 25 {
        let batch = in_time("a delivery", batches.recv()).await.expect("a batch");
        assert!(batch.len() <= 10);
        all.extend(batch);
    }
    assert_eq!(all, (0..25).map(|n| format!("{n:05}")).collect::<Vec<_>>());
    line.shutdown.cancel();
    in_time("the end", task).await.expect("no panic");
    line.expect_waiting(names::CONNECT_LOG_STORE, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn g6_one_bad_message_of_a_batch_dies_alone() {
    let vhost = TestVhost::create().await;
    let line = Line::to(vhost.url());
    let ids = line.publish(names::CONNECT_LOG_STORE, 30).await;
    let handled = Arc::new(Mutex::new(BTreeSet::new()));
    let noted = Arc::clone(&handled);
    let (_task, _batches) = batches(&line, 100, move |incoming| {
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
    come_true("all but the bad ones are handled", async || {
        handled.lock().expect("whole").len() == ids.len() - 2
    })
    .await;
    line.expect_waiting(names::CONNECT_LOG_STORE_DEAD, 2).await;
    let letters = vhost.peek(names::CONNECT_LOG_STORE_DEAD, 100).await;
    let dead = letters.iter().map(|letter| &letter.properties).map(|letter| {
        (
            letter["message_id"].as_str().expect("an id"),
            letter["headers"]["x-reason"].as_str().expect("a reason"),
        )
    });
    assert_eq!(
        dead.collect::<BTreeMap<_, _>>(),
        BTreeMap::from([("00013", PANIC_REASON), ("00021", "malformed")])
    );
    line.expect_waiting(names::CONNECT_LOG_STORE, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_gives_back_what_was_delivered_and_not_begun() {
    let vhost = TestVhost::create().await;
    let line = Line::to(vhost.url());
    line.publish(names::CONNECT_LOG_STORE, 50).await;
    let (hold, begun) = (Arc::new(Semaphore::new(0)), Arc::new(AtomicUsize::new(0)));
    let (wait, count) = (Arc::clone(&hold), Arc::clone(&begun));
    let (broker, shutdown) = (line.broker.clone(), line.shutdown.clone());
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
    come_true("one batch is begun", async || begun.load(Ordering::SeqCst) == 8).await;
    line.expect_waiting(names::CONNECT_LOG_STORE, 10).await;
    line.shutdown.cancel();
    hold.add_permits(1);
    in_time("the end", task).await.expect("no panic");
    line.expect_waiting(names::CONNECT_LOG_STORE, 42).await;
}
