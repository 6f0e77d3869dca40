//! A database that ends connections, is out of reach, and whose answer to a commit is lost.

use std::time::Duration;

use token_refresh::{
    crypto::SealContext,
    domain::{account::AccountId, class::Class, token::Masked},
    fake_ebay::{Behaviour, Script},
};

use super::{
    LEASE_OVER, expect_accounted, expect_all_refreshed, expect_interrupted, expect_stored, make_all_due,
    rested_sellers,
};
use crate::support::{
    let_pass,
    proxy::Proxy,
    stage::{Actor, ENVIRONMENT, Stage},
};

/// A worker with a lease that outlasts every outage of these tests.
async fn patient_worker(stage: &Stage, database: &str) -> Actor {
    let arguments = ["worker", "--lease", "40s", "--call-timeout", "5s", "--retry-base", "1s"];
    let worker = stage.start_with(&arguments, &[("DATABASE_URL", database)]).await;
    worker.expect_log("started").await;
    worker
}

/// Ends the connections of every process of the binary.
async fn terminate(stage: &Stage) -> i64 {
    let query = "select count(pg_terminate_backend(pid)) from pg_stat_activity
        where datname = current_database() and application_name similar to '(worker|scheduler|log-writer)-%'";
    stage.value(query).await
}

/// The fingerprint of the refresh token that is stored.
async fn stored_fingerprint(stage: &Stage, account: AccountId) -> String {
    let sealed = stage.store.stored_tokens(account).await.expect("the store answers").expect("it has tokens");
    let context = SealContext::refresh_token(account, ENVIRONMENT);
    Masked::of(&stage.keyring.open(&context, &sealed.refresh_token).expect("it opens")).fingerprint
}

#[tokio::test]
async fn g1_connections_that_are_terminated_again_and_again_lose_nothing() {
    const ACCOUNTS: usize = 60;
    let stage = Stage::set().await;
    stage.ebay.set_everywhere(Some(Behaviour::Slow(200)));
    let (due, pressed) =
        (rested_sellers(&stage, "due", ACCOUNTS).await, rested_sellers(&stage, "p", 10).await);
    let (_scheduler, _writer) = (stage.scheduler().await, stage.log_writer().await);
    let url = stage.database.url().to_owned();
    let _workers = [patient_worker(&stage, &url).await, patient_worker(&stage, &url).await];
    make_all_due(&stage, &due).await;
    let (mut attempts, mut ended) = (Vec::new(), 0);
    for account in pressed {
        attempts.push(stage.debug(account).await);
        let_pass(Duration::from_millis(300)).await;
        ended += terminate(&stage).await;
    }
    assert!(ended > 20, "{ended} connections were ended");
    // A claim whose commit was cut off leaves a lease without a call.
    let_pass(Duration::from_secs(1)).await;
    stage.expect_idle().await;
    stage.advance(Duration::from_secs(41)).await;
    expect_all_refreshed(&stage, &due, 1).await;
    expect_stored(&stage, &attempts).await;
    println!("{ended} connections ended");
    expect_accounted(&stage).await;
    stage.finish().await;
}

#[tokio::test]
async fn g1_g5_a_rotated_token_outlives_a_database_that_is_out_of_reach() {
    let stage = Stage::set().await;
    let account = stage.rested_seller("rotates").await;
    assert!(stage.ebay.set_behaviour("rotates", Script::times(Behaviour::RotateRefreshToken, 1)));
    let before = stored_fingerprint(&stage, account).await;
    let (proxy, url) = Proxy::before(stage.database.url()).await;
    let (_writer, worker) = (stage.log_writer().await, patient_worker(&stage, &url).await);

    // A claim writes no entry, a finish does.
    let outbox = stage.lock("lock table connect_log_outbox in exclusive mode").await;
    let attempt = stage.debug(account).await;
    stage.expect_waiting("put_outbox").await;
    proxy.refuse(true).await;
    proxy.cut();
    drop(outbox);
    worker.expect_log("cannot write the result yet").await;
    let_pass(Duration::from_secs(2)).await;
    proxy.refuse(false).await;

    assert_eq!(stage.entry(attempt).await.class, Class::Refreshed);
    let after = stored_fingerprint(&stage, account).await;
    assert_ne!(after, before);
    assert_eq!(after, stage.ebay.sellers()[0].fingerprint, "what eBay accepts is what is stored");
    let again = stage.entry(stage.debug(account).await).await;
    assert_eq!(again.class, Class::Refreshed);
    let tally = expect_accounted(&stage).await;
    assert_eq!((tally.calls, tally.entries), (2, 2));
    stage.finish().await;
}

/// Makes a commit that touches `table` wait for the advisory lock 4711.
fn commit_waits(event: &str, table: &str) -> String {
    format!(
        "create function wait_at_commit() returns trigger language plpgsql as
             $$ begin perform pg_advisory_xact_lock_shared(4711); return null; end $$;
         create constraint trigger wait_at_commit after {event} on {table} deferrable initially deferred
             for each row execute function wait_at_commit()"
    )
}

/// Lets the commit that waits happen, and its answer get lost.
async fn lose_the_answer(stage: &Stage, proxy: &Proxy, lock: tokio_postgres::Client) {
    stage.expect_waiting_in("COMMIT").await;
    proxy.stall_standing();
    drop(lock);
    stage.expect_nobody_waits().await;
    proxy.cut();
}

const LOCK: &str = "select pg_advisory_xact_lock(4711)";

#[tokio::test]
async fn g1_a_finish_whose_commit_is_not_answered_counts_once() {
    let stage = Stage::set().await;
    let account = stage.rested_seller("seller").await;
    stage.sql(&commit_waits("insert", "connect_log_outbox")).await;
    let (proxy, url) = Proxy::before(stage.database.url()).await;
    let (_writer, worker) = (stage.log_writer().await, patient_worker(&stage, &url).await);
    let viewer = super::Viewer::of(&stage).await;
    let lock = stage.lock(LOCK).await;
    let attempt = stage.debug(account).await;
    lose_the_answer(&stage, &proxy, lock).await;
    // It tries again, finds its own entry, and announces it.
    viewer.expect(attempt).await;
    worker.expect_log("cannot write the result yet").await;
    assert_eq!(stage.entry(attempt).await.class, Class::Refreshed);
    let tally = expect_accounted(&stage).await;
    assert_eq!((tally.calls, tally.entries, tally.joined), (1, 1, 1));
    stage.finish().await;
}

#[tokio::test]
async fn g1_a_claim_whose_commit_is_not_answered_is_interrupted() {
    let stage = Stage::set().await;
    let account = stage.rested_seller("seller").await;
    stage.sql(&commit_waits("update", "refresh_requests")).await;
    let (proxy, url) = Proxy::before(stage.database.url()).await;
    let (_scheduler, _writer) = (stage.scheduler().await, stage.log_writer().await);
    let worker = patient_worker(&stage, &url).await;
    let lock = stage.lock(LOCK).await;
    let attempt = stage.debug(account).await;
    lose_the_answer(&stage, &proxy, lock).await;
    worker.expect_log("cannot claim").await;
    stage.advance(Duration::from_secs(41)).await;
    // It cannot know that nothing was sent.
    expect_interrupted(&stage, attempt).await;
    stage.rest(account).await;
    assert_eq!(stage.entry(stage.debug(account).await).await.class, Class::Refreshed);
    let tally = expect_accounted(&stage).await;
    assert_eq!((tally.calls, tally.entries, tally.interrupted), (1, 2, 1));
    stage.finish().await;
}

#[tokio::test]
async fn g1_a_log_writer_whose_commit_is_not_answered_stores_once() {
    let stage = Stage::set().await;
    let account = stage.rested_seller("seller").await;
    stage.sql(&commit_waits("delete", "connect_log_outbox")).await;
    let (proxy, url) = Proxy::before(stage.database.url()).await;
    let _worker = stage.worker().await;
    let writer = stage.start_with(&["log-writer"], &[("DATABASE_URL", &url)]).await;
    writer.expect_log("started").await;
    let lock = stage.lock(LOCK).await;
    let attempt = stage.debug(account).await;
    lose_the_answer(&stage, &proxy, lock).await;
    // Its consumer cannot store, or on a slow machine its relay.
    writer.expect_log("cannot ").await;
    let first = stage.entry(attempt).await;
    stage.advance(LEASE_OVER).await;
    let next = stage.entry(stage.debug(account).await).await;
    assert!(first.position < next.position);
    let tally = expect_accounted(&stage).await;
    assert_eq!((tally.calls, tally.entries), (2, 2));
    stage.finish().await;
}
