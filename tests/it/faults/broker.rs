//! A broker that closes connections, loses messages, and is out of reach, while accounts are due and
//! people press.

use std::time::Duration;

use token_refresh::{
    domain::account::{AccountId, AttemptId},
    fake_ebay::Behaviour,
    message::Source,
};

use super::{
    LEASE_OVER, expect_accounted, expect_all_refreshed, expect_interrupted, expect_stored, make_all_due,
    rested_sellers,
};
use crate::support::{
    eventually, let_pass,
    proxy::Proxy,
    stage::{Actor, Stage},
};

/// Accounts of a load.
const ACCOUNTS: usize = 60;
/// Long enough that messages wait in every queue.
const SLOW: Behaviour = Behaviour::Slow(300);

/// A press that is accepted and whose message nobody publishes: the scheduler does.
pub(super) async fn press(stage: &Stage, account: AccountId) -> AttemptId {
    let user = stage.user.to_string();
    stage.store.put_request(account, Source::Debug, &user).await.expect("the store answers").attempt
}

pub(super) async fn worker_with_few_slots(stage: &Stage, amqp: &str) -> Actor {
    let arguments = "worker --slots 4 --debug-slots 2 --lease 12s --call-timeout 5s --retry-base 1s";
    let arguments: Vec<&str> = arguments.split(' ').collect();
    let worker = stage.start_with(&arguments, &[("AMQP_URL", amqp)]).await;
    worker.expect_log("started").await;
    worker
}

async fn scheduler_and_writer(stage: &Stage, amqp: &str) -> [Actor; 2] {
    scheduler_that_waits(stage, amqp, "5s").await
}

/// With a scheduler that publishes anew what nobody has claimed within that time.
pub(super) async fn scheduler_that_waits(stage: &Stage, amqp: &str, claim_within: &str) -> [Actor; 2] {
    let scheduler = ["scheduler", "--tick", "200ms", "--claim-within", claim_within, "--retry-base", "1s"];
    let scheduler = stage.start_with(&scheduler, &[("AMQP_URL", amqp)]).await;
    let writer = stage.start_with(&["log-writer"], &[("AMQP_URL", amqp)]).await;
    scheduler.expect_log("started").await;
    writer.expect_log("started").await;
    [scheduler, writer]
}

#[tokio::test]
async fn g1_connections_that_are_closed_again_and_again_lose_nothing() {
    let stage = Stage::set().await;
    stage.ebay.set_everywhere(Some(SLOW));
    let (due, pressed) =
        (rested_sellers(&stage, "due", ACCOUNTS).await, rested_sellers(&stage, "p", 8).await);
    let url = stage.vhost.url().to_owned();
    let _roles = scheduler_and_writer(&stage, &url).await;
    let _workers = [worker_with_few_slots(&stage, &url).await, worker_with_few_slots(&stage, &url).await];
    make_all_due(&stage, &due).await;
    let (mut attempts, mut closed) = (Vec::new(), 0);
    for account in pressed {
        attempts.push(press(&stage, account).await);
        let_pass(Duration::from_millis(500)).await;
        closed += stage.vhost.close_connections().await;
    }
    // Each link that is closed within seconds of its birth waits longer for the next one.
    assert!(closed >= 4, "{closed} connections were closed");
    expect_all_refreshed(&stage, &due, 1).await;
    expect_stored(&stage, &attempts).await;
    println!("{closed} connections closed");
    expect_accounted(&stage).await;
    stage.finish().await;
}

#[tokio::test]
async fn g1_messages_that_are_lost_are_sent_again() {
    let stage = Stage::set().await;
    stage.ebay.set_everywhere(Some(SLOW));
    let (due, pressed) =
        (rested_sellers(&stage, "due", ACCOUNTS).await, rested_sellers(&stage, "p", 8).await);
    let url = stage.vhost.url().to_owned();
    let _roles = scheduler_and_writer(&stage, &url).await;
    let _worker = worker_with_few_slots(&stage, &url).await;
    make_all_due(&stage, &due).await;
    eventually("a backlog", || async { (stage.vhost.depth("refresh.due").await > 0).then_some(()) }).await;
    let (mut attempts, mut lost) = (Vec::new(), 0);
    for account in pressed {
        attempts.push(stage.debug(account).await);
        for queue in ["refresh.due", "refresh.debug", "connect-log.store"] {
            lost += stage.vhost.depth(queue).await;
            stage.vhost.purge(queue).await;
        }
        let_pass(Duration::from_millis(250)).await;
    }
    assert!(lost > 0, "there was something to lose");
    expect_all_refreshed(&stage, &due, 1).await;
    expect_stored(&stage, &attempts).await;
    println!("about {lost} messages lost");
    expect_accounted(&stage).await;
    stage.finish().await;
}

#[tokio::test]
async fn g1_a_broker_that_is_out_of_reach_for_seconds_loses_nothing() {
    let stage = Stage::set().await;
    stage.ebay.set_everywhere(Some(SLOW));
    let (due, pressed) =
        (rested_sellers(&stage, "due", ACCOUNTS).await, rested_sellers(&stage, "p", 20).await);
    let (proxy, url) = Proxy::before(stage.vhost.url()).await;
    let _roles = scheduler_and_writer(&stage, &url).await;
    let _workers = [worker_with_few_slots(&stage, &url).await, worker_with_few_slots(&stage, &url).await];
    let (first, second) = due.split_at(ACCOUNTS / 2);
    make_all_due(&stage, first).await;
    stage.expect_calls(|calls| calls.len() > 4).await;
    // First it falls silent, then it is gone.
    proxy.stall();
    let mut attempts = Vec::new();
    for account in pressed {
        attempts.push(press(&stage, account).await);
    }
    make_all_due(&stage, second).await;
    let_pass(Duration::from_secs(1)).await;
    proxy.refuse(true).await;
    proxy.cut();
    let_pass(Duration::from_secs(3)).await;
    proxy.resume();
    proxy.refuse(false).await;
    expect_all_refreshed(&stage, &due, 1).await;
    expect_stored(&stage, &attempts).await;
    expect_accounted(&stage).await;
    stage.finish().await;
}

#[tokio::test]
async fn g1_a_broker_that_is_away_holds_up_no_lease_that_ran_out() {
    let stage = Stage::set().await;
    let pressed = rested_sellers(&stage, "pressed", 30).await;
    let account = stage.rested_seller("held").await;
    assert!(stage.ebay.set_behaviour("held", Behaviour::Hold));
    let (proxy, url) = Proxy::before(stage.vhost.url()).await;
    let (mut worker, _writer) = (stage.worker().await, stage.log_writer().await);
    let attempt = stage.debug(account).await;
    stage.expect_in_flight(1).await;
    worker.kill().await;
    for account in pressed {
        press(&stage, account).await;
    }
    proxy.refuse(true).await;
    // Old enough to be published again, which takes the scheduler seconds to give up.
    stage.advance(Duration::from_secs(5)).await;
    let scheduler = stage.start_with(&["scheduler", "--tick", "200ms"], &[("AMQP_URL", &url)]).await;
    scheduler.expect_log("request not published").await;
    stage.advance(LEASE_OVER).await;
    expect_interrupted(&stage, attempt).await;
    stage.finish().await;
}
