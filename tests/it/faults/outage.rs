//! A database that is away for long, or that answers and refuses: no dead letter, no call in vain, and
//! no process that needs a restart.

use std::time::Duration;

use token_refresh::{domain::class::Class, fake_ebay::Behaviour, queue::names};

use super::{expect_all_refreshed, make_all_due, rested_sellers};
use crate::support::{
    come_true, eventually, let_pass,
    proxy::Proxy,
    stage::{Actor, Stage},
};

async fn worker_behind(stage: &Stage, database: &str) -> Actor {
    let arguments = ["worker", "--lease", "40s", "--call-timeout", "5s", "--retry-base", "1s"];
    let worker = stage.start_with(&arguments, &[("DATABASE_URL", database)]).await;
    worker.expect_log("started").await;
    worker
}

async fn expect_consumers(stage: &Stage, count: u32) {
    eventually("consumers of the queue of due accounts", || async {
        let queues = stage.broker.queue_status().await.expect("the broker answers");
        let due = queues.iter().find(|queue| queue.name == names::REFRESH_DUE).expect("it exists");
        (due.consumers == count).then_some(())
    })
    .await;
}

#[tokio::test]
async fn g1_a_worker_whose_database_is_away_takes_nothing_and_gives_back_once() {
    let stage = Stage::set().await;
    let accounts = rested_sellers(&stage, "due", 40).await;
    let (proxy, url) = Proxy::before(stage.database.url()).await;
    let (_writer, worker) = (stage.log_writer().await, worker_behind(&stage, &url).await);
    expect_consumers(&stage, 1).await;
    proxy.refuse(true).await;
    proxy.cut();
    // The scheduler's way to the database is open: it publishes.
    make_all_due(&stage, &accounts).await;
    let _scheduler = stage.scheduler().await;
    worker.expect_log("takes no work until the database is back").await;
    expect_consumers(&stage, 0).await;
    let failed = worker.output().matches("cannot claim").count();
    let_pass(Duration::from_secs(6)).await;
    assert_eq!(worker.output().matches("cannot claim").count(), failed, "it asks for nothing more");
    assert!(failed <= accounts.len(), "{failed}: each message is given back once");
    assert_eq!(stage.vhost.depth(names::REFRESH_DUE_DEAD).await, 0);
    proxy.refuse(false).await;
    expect_consumers(&stage, 1).await;
    expect_all_refreshed(&stage, &accounts, 1).await;
    stage.finish().await;
}

#[tokio::test]
async fn g1_g5_what_is_in_hand_when_the_database_goes_is_written_when_it_is_back() {
    let stage = Stage::set().await;
    stage.ebay.set_everywhere(Some(Behaviour::Slow(1_500)));
    let accounts = rested_sellers(&stage, "due", 8).await;
    let (proxy, url) = Proxy::before(stage.database.url()).await;
    let (_writer, worker) = (stage.log_writer().await, worker_behind(&stage, &url).await);
    let scheduler = ["scheduler", "--tick", "200ms", "--retry-base", "1s"];
    let (schedulers, schedulers_url) = Proxy::before(stage.database.url()).await;
    let scheduler = stage.start_with(&scheduler, &[("DATABASE_URL", &schedulers_url)]).await;
    scheduler.expect_log("started").await;
    let mut attempts = Vec::new();
    for account in &accounts {
        attempts.push(stage.debug(*account).await);
    }
    stage.expect_in_flight(4).await;
    for way in [&proxy, &schedulers] {
        way.refuse(true).await;
        way.cut();
    }
    worker.expect_log("cannot write the result yet").await;
    scheduler.expect_log("a part of the round failed").await;
    // The lease ends meanwhile. Who could close it is back first, and lets the worker write.
    stage.advance(Duration::from_secs(60)).await;
    let ticked = async || stage.store.health(None).await.expect("the store answers").last_tick_at;
    let before = ticked().await;
    schedulers.refuse(false).await;
    come_true("the scheduler ticks again", async || ticked().await > before).await;
    proxy.refuse(false).await;
    for attempt in attempts {
        assert_eq!(stage.entry(attempt).await.class, Class::Refreshed, "no answer of eBay is lost");
    }
    stage.finish().await;
}

/// Makes the database answer every result with an error that names no row.
const REFUSE: &str = "create function refuse() returns trigger language plpgsql as
        $$ begin raise exception 'the disk is full of sand' using errcode = '58030'; end $$;
    create trigger refuse before insert on connect_log_outbox for each row execute function refuse()";

#[tokio::test]
async fn a_worker_whose_results_are_refused_stops_calling_and_goes_on_by_itself() {
    let mut stage = Stage::set().await;
    stage.expect_errors("takes no work until the database takes its results");
    let accounts = rested_sellers(&stage, "due", 60).await;
    let (first, later) = accounts.split_at(20);
    let (_scheduler, _writer) = (stage.scheduler().await, stage.log_writer().await);
    let url = stage.database.url().to_owned();
    let worker = worker_behind(&stage, &url).await;
    stage.sql(REFUSE).await;
    make_all_due(&stage, first).await;
    worker.expect_log("takes no work until the database takes its results").await;
    stage.expect_idle().await;
    eventually("each message is back in its queue, or its call is made", || async {
        let held = stage.value::<i64>("select count(*) from refresh_state where lease_attempt is not null");
        let (held, called) = (usize::try_from(held.await).expect("few"), stage.ebay.calls().len());
        let waiting = stage.vhost.depth(names::REFRESH_DUE).await as usize;
        (held == called && held + waiting >= first.len()).then_some(())
    })
    .await;
    let calls = stage.ebay.calls().len();
    make_all_due(&stage, later).await;
    let_pass(Duration::from_secs(5)).await;
    assert_eq!(stage.ebay.calls().len(), calls, "no call is made for nothing");
    let note = eventually("its heartbeat says why", || async {
        let instances = stage.store.list_instances().await.expect("the store answers");
        instances.into_iter().find(|instance| instance.role == "worker" && !instance.takes_work)?.note
    })
    .await;
    assert!(note.contains("refuses what attempts come to"), "{note}");
    stage.sql("drop trigger refuse on connect_log_outbox").await;
    expect_all_refreshed(&stage, &accounts, 1).await;
    assert_eq!(stage.ebay.calls().len(), accounts.len(), "the answers in hand were kept");
    stage.finish().await;
}

#[tokio::test]
async fn g6_an_entry_that_cannot_be_stored_holds_up_no_other() {
    let mut stage = Stage::set().await;
    stage.expect_errors("cannot be stored and stays in the outbox");
    let accounts = rested_sellers(&stage, "seller", 4).await;
    let worker = stage.worker().await;
    let mut attempts = Vec::new();
    for account in &accounts {
        attempts.push(stage.debug(*account).await);
    }
    eventually("all results wait in the outbox", || async {
        let waiting = stage.value::<i64>("select count(*) from connect_log_outbox").await;
        (waiting == 4).then_some(())
    })
    .await;
    let (bad, good) = attempts.split_first().expect("four attempts");
    stage.sql(&format!("alter table connect_logs add constraint refuse check (id <> '{bad}')")).await;
    let writer = stage.log_writer().await;
    for attempt in good {
        stage.entry(*attempt).await;
    }
    writer.expect_log("cannot be stored and stays in the outbox").await;
    drop(worker);
    let left = stage.value::<i64>("select count(*) from connect_log_outbox").await;
    assert_eq!(left, 1, "the one that is refused stays");
    stage.sql("alter table connect_logs drop constraint refuse").await;
    stage.entry(*bad).await;
    stage.expect_dead_letters(0..=1);
    stage.finish().await;
}
