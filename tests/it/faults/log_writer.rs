//! Log-writers that die or freeze before their commit, and the relay that needs no broker.

use std::time::Duration;

use token_refresh::domain::account::AttemptId;

use super::{LEASE_OVER, expect_accounted, expect_stored, rested_sellers};
use crate::support::{
    eventually,
    proxy::Proxy,
    stage::{Actor, Stage},
};

const POSITIONS: &str = "select from connect_log_position for update";
const PRESSES: usize = 20;

/// Presses for `PRESSES` accounts and returns the attempts.
async fn press_many(stage: &Stage, round: &str) -> Vec<AttemptId> {
    let mut attempts = Vec::new();
    for account in rested_sellers(stage, round, PRESSES).await {
        attempts.push(stage.debug(account).await);
    }
    attempts
}

/// Waits until every attempt is finished and none is stored.
async fn expect_in_outbox(stage: &Stage) {
    eventually("all attempts are finished", || async {
        let health = stage.store.health(None).await.expect("the store answers");
        (health.in_flight == 0 && health.outbox == i64::try_from(PRESSES).expect("few")).then_some(())
    })
    .await;
}

/// Waits until the writer holds a batch and waits for `lock`, which stands on the positions.
async fn stopped_before_commit(stage: &Stage, lock: &str) -> (Actor, tokio_postgres::Client, Vec<AttemptId>) {
    let held = stage.lock(POSITIONS).await;
    let writer = stage.log_writer().await;
    let attempts = press_many(stage, lock).await;
    expect_in_outbox(stage).await;
    stage.expect_waiting("take_positions").await;
    (writer, held, attempts)
}

#[tokio::test]
async fn g1_a_log_writer_that_dies_or_freezes_before_its_commit_stores_nothing_twice() {
    let stage = Stage::set().await;
    let _worker = stage.worker().await;

    let (mut victim, positions, attempts) = stopped_before_commit(&stage, "killed").await;
    victim.kill().await;
    let mut other = stage.log_writer().await;
    drop(positions);
    expect_stored(&stage, &attempts).await;
    assert_eq!(other.stop().await, Some(0));

    let (victim, positions, attempts) = stopped_before_commit(&stage, "frozen").await;
    victim.freeze().await;
    let _other = stage.log_writer().await;
    // From here on the frozen writer's own transaction holds the positions.
    drop(positions);
    expect_stored(&stage, &attempts).await;
    let stored = stage.entries().await;
    victim.thaw().await;
    // It has lost its transaction, and its batch comes again to whoever consumes.
    let more = press_many(&stage, "thawed").await;
    expect_stored(&stage, &more).await;
    stage.vhost.expect_depth("connect-log.store", 0).await;
    assert_eq!(stage.entries().await[..stored.len()], stored, "what is stored stays as it is");

    let tally = expect_accounted(&stage).await;
    assert_eq!((tally.calls, tally.entries, tally.joined), (3 * PRESSES, 3 * PRESSES, 3 * PRESSES));
    stage.finish().await;
}

#[tokio::test]
async fn g1_the_relay_alone_brings_every_entry_home() {
    let stage = Stage::set().await;
    let _worker = stage.worker().await;

    // Every message is lost.
    let purged = press_many(&stage, "purged").await;
    expect_in_outbox(&stage).await;
    stage.vhost.expect_depth("connect-log.store", u32::try_from(PRESSES).expect("few")).await;
    stage.vhost.purge("connect-log.store").await;
    // The writer never reaches the broker.
    let (proxy, url) = Proxy::before(stage.vhost.url()).await;
    proxy.refuse(true).await;
    let writer = stage.start_with(&["log-writer"], &[("AMQP_URL", &url)]).await;
    writer.expect_log("the broker cannot be reached").await;
    stage.advance(LEASE_OVER).await;
    expect_stored(&stage, &purged).await;

    // The exchange is gone, and with it the way to every queue.
    delete_exchange(&stage).await;
    let unpublished = press_many(&stage, "unpublished").await;
    expect_in_outbox(&stage).await;
    stage.advance(LEASE_OVER).await;
    expect_stored(&stage, &unpublished).await;

    // And back: the writer's own link declares what is missing.
    proxy.refuse(false).await;
    writer.expect_log("the connection to the broker is restored").await;
    let published = press_many(&stage, "published").await;
    expect_stored(&stage, &published).await;
    let tally = expect_accounted(&stage).await;
    assert_eq!((tally.calls, tally.entries, tally.joined), (3 * PRESSES, 3 * PRESSES, 3 * PRESSES));
    stage.finish().await;
}

async fn delete_exchange(stage: &Stage) {
    let connection = stage.vhost.connect().await;
    let channel = connection.create_channel().await.expect("an open connection");
    let options = lapin::options::ExchangeDeleteOptions::default();
    channel.exchange_delete("connect-log".into(), options).await.expect("it can be deleted");
    tokio::time::timeout(Duration::from_secs(5), connection.close(200, "done".into()))
        .await
        .expect("the broker answers")
        .expect("a clean end");
}
