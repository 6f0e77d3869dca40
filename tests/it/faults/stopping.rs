//! A clean stop (SIGTERM): what is under way is finished, within limits, and nothing is interrupted.

use std::time::Duration;

use token_refresh::{domain::class::Class, fake_ebay::Behaviour};

use super::{expect_accounted, expect_stored, rested_sellers};
use crate::support::{
    let_pass,
    proxy::Proxy,
    stage::{Actor, Stage},
};

/// Stops `actor` and checks that it ends well within `limit`.
async fn expect_stop(actor: &mut Actor, limit: Duration) {
    actor.signal_stop().await;
    let ended = tokio::time::timeout(limit, actor.ended()).await;
    assert_eq!(ended, Ok(Some(0)), "not within {limit:?}:\n{}", actor.output());
}

#[tokio::test]
async fn g1_a_worker_that_stops_finishes_the_calls_that_are_held() {
    let stage = Stage::set().await;
    stage.ebay.set_everywhere(Some(Behaviour::Hold));
    let accounts = rested_sellers(&stage, "seller", 12).await;
    let mut scheduler = stage.scheduler().await;
    let mut writer = stage.log_writer().await;
    let mut worker = stage.start(&["worker", "--lease", "40s", "--call-timeout", "20s"]).await;
    worker.expect_log("started").await;
    let mut attempts = Vec::new();
    for account in &accounts {
        attempts.push(stage.debug(*account).await);
    }
    // Its slots are full, and four messages wait.
    stage.expect_in_flight(8).await;
    worker.signal_stop().await;
    worker.expect_log("stopping: finishing what is under way").await;
    stage.ebay.set_everywhere(None);
    stage.ebay.release_all();
    assert_eq!(worker.ended().await, Some(0), "{}", worker.output());

    let mut other = stage.worker().await;
    expect_stored(&stage, &attempts).await;
    let tally = expect_accounted(&stage).await;
    assert_eq!((tally.calls, tally.entries, tally.joined, tally.interrupted), (12, 12, 12, 0));
    for role in [&mut scheduler, &mut other, &mut writer] {
        expect_stop(role, Duration::from_secs(5)).await;
    }
    stage.finish().await;
}

#[tokio::test]
async fn g1_a_worker_that_stops_waits_for_a_hung_call_until_its_deadline() {
    let stage = Stage::set().await;
    let account = stage.rested_seller("hangs").await;
    assert!(stage.ebay.set_behaviour("hangs", Behaviour::Hang));
    let (_writer, mut worker) = (stage.log_writer().await, stage.worker().await);
    let attempt = stage.debug(account).await;
    stage.expect_in_flight(1).await;
    expect_stop(&mut worker, Duration::from_secs(8)).await;
    assert_eq!(stage.entry(attempt).await.class, Class::Timeout);
    let tally = expect_accounted(&stage).await;
    assert_eq!((tally.calls, tally.entries, tally.interrupted), (1, 1, 0));
    stage.finish().await;
}

#[tokio::test]
async fn g1_roles_stop_within_limits_though_broker_and_database_are_silent() {
    let stage = Stage::set().await;
    let (amqp, amqp_url) = Proxy::before(stage.vhost.url()).await;
    let (database, database_url) = Proxy::before(stage.database.url()).await;
    let through = [("AMQP_URL", amqp_url.as_str()), ("DATABASE_URL", database_url.as_str())];
    let mut roles = Vec::new();
    for command in [["scheduler", "--tick=200ms"].as_slice(), &["worker"], &["log-writer"]] {
        let role = stage.start_with(command, &through).await;
        role.expect_log("started").await;
        roles.push(role);
    }
    let account = stage.rested_seller("seller").await;
    stage.entry(stage.debug(account).await).await;
    for proxy in [&amqp, &database] {
        proxy.stall();
    }
    stage.make_due(account).await;
    let_pass(Duration::from_secs(1)).await;
    let stops = roles.iter_mut().map(|role| expect_stop(role, Duration::from_secs(28)));
    futures::future::join_all(stops).await;
    stage.finish().await;
}
