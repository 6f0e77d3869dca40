//! Queues, connections and the whole broker go away, under load.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use token_refresh::queue::{Broker, Disposition, Incoming, names};
use tokio::{
    sync::{Semaphore, mpsc},
    time::{Instant, timeout},
};
use tokio_util::sync::CancellationToken;

use super::IMPATIENT;
use super::line::{Line, id_of, to};
use crate::support::{
    PATIENCE, come_true, in_time, private_broker::PrivateBroker, proxy::Proxy, vhost::TestVhost,
};

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_that_is_deleted_while_it_is_consumed_is_declared_again() {
    let vhost = TestVhost::create().await;
    let line = Line::to(vhost.url());
    let (seen, mut arrived) = mpsc::unbounded_channel();
    line.consume(names::REFRESH_DUE, 5, move |incoming: Incoming| {
        seen.send(id_of(&incoming)).expect("the test listens");
        async { Disposition::Ack }
    });
    line.publish(names::REFRESH_DUE, 1).await;
    assert!(in_time("a delivery", arrived.recv()).await.is_some());
    vhost.delete_queue(names::REFRESH_DUE).await;
    come_true("the queue is consumed again", async || {
        let queues = line.broker.queue_status().await.expect("status");
        queues.iter().any(|queue| queue.name == names::REFRESH_DUE && queue.consumers == 1)
    })
    .await;
    line.publish(names::REFRESH_DUE, 1).await;
    assert!(in_time("a delivery", arrived.recv()).await.is_some());
}

/// Publishes and consumes through `broker` while `disturb` runs; says what was seen of what was
/// confirmed.
async fn under_load(line: &Line, broker: &Broker, disturb: impl Future<Output = ()>) -> Load {
    let seen = Arc::new(Mutex::new(BTreeMap::<String, usize>::new()));
    let noted = Arc::clone(&seen);
    let (consumer_broker, shutdown) = (broker.clone(), line.shutdown.clone());
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
        async move {
            come_true("enough is confirmed", async || confirmed.lock().expect("whole").len() >= goal).await;
        }
    };
    enough(500).await;
    disturb.await;
    enough(500).await;
    stop.cancel();
    for publisher in publishers {
        in_time("the end", publisher).await.expect("no panic");
    }
    let confirmed = confirmed.lock().expect("whole").clone();
    come_true("all that was confirmed is seen", async || {
        confirmed.iter().all(|id| seen.lock().expect("whole").contains_key(id))
    })
    .await;
    line.expect_waiting(names::REFRESH_DUE, 0).await;
    line.shutdown.cancel();
    in_time("the end", consumer).await.expect("no panic");
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
    let vhost = TestVhost::create().await;
    let line = Line::to(vhost.url());
    let load = under_load(&line, &line.broker, async {
        for _ in 0..2 {
            vhost.close_connections_of("publisher").await;
            vhost.close_connections_of("consumer").await;
        }
    })
    .await;
    assert!(load.confirmed >= 1_000);
    assert!(load.unsure > 0, "the connections were closed under load: {load:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn g1_nothing_confirmed_is_lost_when_the_broker_restarts_under_load() {
    let private = PrivateBroker::start().await;
    let line = Line::to(private.url());
    let load = under_load(&line, &line.broker, async {
        private.control(&["stop_app"]).await;
        private.control(&["start_app"]).await;
    })
    .await;
    assert!(load.repeats <= 100, "no more than was under way at once: {load:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_takes_no_messages_holds_up_neither_publishers_nor_acks() {
    let private = PrivateBroker::start().await;
    let line = Line::to(private.url());
    let acked = Arc::new(AtomicUsize::new(0));
    let (hold, count) = (Arc::new(Semaphore::new(0)), Arc::clone(&acked));
    let wait = Arc::clone(&hold);
    line.consume(names::REFRESH_DUE, 10, move |_| {
        let (wait, count) = (Arc::clone(&wait), Arc::clone(&count));
        async move {
            wait.acquire().await.expect("open").forget();
            count.fetch_add(1, Ordering::SeqCst);
            Disposition::Ack
        }
    });
    line.publish(names::REFRESH_DUE, 20).await;
    let publisher = line.broker.publisher();
    let mut answers = Vec::new();
    private.control(&["set_vm_memory_high_watermark", "0"]).await;
    // Nothing may fail before the broker takes messages again: others use it too.
    let undisturbed = timeout(PATIENCE, async {
        for id in ["a", "b", "c"] {
            answers.push((publisher.publish(&to(names::REFRESH_DUE, id)).await, Instant::now()));
        }
        hold.add_permits(20);
        come_true("everything held is acknowledged", async || acked.load(Ordering::SeqCst) == 20).await;
    });
    let undisturbed = undisturbed.await;
    private.control(&["set_vm_memory_high_watermark", "0.4"]).await;
    undisturbed.expect("neither publishers nor acks hang");
    assert!(answers.iter().all(|(answer, _)| answer.is_err()), "{answers:?}");
    let between = answers.windows(2).map(|pair| pair[1].1 - pair[0].1);
    assert!(between.into_iter().all(|time| time < Duration::from_secs(15)), "{answers:?}");
    come_true("messages are taken again", async || {
        publisher.publish(&to(names::REFRESH_DUE, "after")).await.is_ok()
    })
    .await;
    hold.add_permits(100);
    line.expect_waiting(names::REFRESH_DUE, 0).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_falls_silent_is_left_and_found_again() {
    let vhost = TestVhost::create().await;
    let line = Line::to(vhost.url());
    let (proxy, url) = Proxy::before(vhost.url()).await;
    let broker = Broker::new(&format!("{url}?{IMPATIENT}"), "test").expect("well-formed");
    under_load(&line, &broker, async {
        let standing = proxy.standing();
        proxy.stall();
        let before = proxy.accepted();
        come_true("the broker is tried again and again", async || proxy.accepted() >= before + 6).await;
        proxy.resume();
        come_true("what was abandoned is closed", async || proxy.standing() <= standing + 1).await;
    })
    .await;
}
