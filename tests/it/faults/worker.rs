//! Workers that die (kill -9) or freeze (SIGSTOP, and thaw when others have gone on), at each point
//! of an attempt.

use token_refresh::{
    domain::{
        account::{AccountId, AttemptId},
        class::Class,
    },
    fake_ebay::{Behaviour, Script},
};

use super::{
    LEASE_OVER, Viewer, entries_of, expect_accounted, expect_interrupted, expect_refreshed_again, snapshot,
};
use crate::support::{
    eventually,
    proxy::Proxy,
    stage::{Actor, Stage},
};

/// What a worker says whose result came too late.
const TOO_LATE: &str = "the lease ran out before the result was written";

/// Adds a rested seller whose next call is held.
async fn held_seller(stage: &Stage, username: &str) -> AccountId {
    let account = stage.rested_seller(username).await;
    assert!(stage.ebay.set_behaviour(username, Script::times(Behaviour::Hold, 1)));
    account
}

/// Presses "Refresh (debug)" and waits until the call is held.
async fn press_and_hold(stage: &Stage, account: AccountId) -> AttemptId {
    stage.expect_idle().await;
    let attempt = stage.debug(account).await;
    stage.expect_in_flight(1).await;
    attempt
}

/// Waits until the attempt is finished, stored or not.
async fn finished(stage: &Stage, attempt: AttemptId) {
    eventually("the attempt is finished", || async {
        stage.store.entry_of(attempt).await.expect("the store answers")
    })
    .await;
}

/// Lets a frozen worker go on, and checks that its late result changes nothing.
async fn thaw_in_vain(stage: &Stage, frozen: &Actor, account: AccountId) {
    let before = snapshot(stage, account).await;
    stage.ebay.release_all();
    frozen.thaw().await;
    frozen.expect_log(TOO_LATE).await;
    assert_eq!(snapshot(stage, account).await, before);
}

/// Each call has its entry, and two of them say that their end is not known.
async fn expect_two_interrupted(stage: &Stage) {
    let tally = expect_accounted(stage).await;
    assert_eq!((tally.interrupted, tally.joined + 2), (2, tally.calls));
    assert_eq!(tally.entries, tally.calls);
}

#[tokio::test]
async fn g1_g2_a_worker_that_dies_or_freezes_after_its_claim_leaves_one_entry() {
    let stage = Stage::set().await;
    let (_scheduler, _writer) = (stage.scheduler().await, stage.log_writer().await);
    let (killed, frozen) = (held_seller(&stage, "killed").await, held_seller(&stage, "frozen").await);

    let mut victim = stage.worker().await;
    let first = press_and_hold(&stage, killed).await;
    victim.kill().await;
    let victim = stage.worker().await;
    let second = press_and_hold(&stage, frozen).await;
    victim.freeze().await;

    let _other = stage.worker().await;
    stage.advance(LEASE_OVER).await;
    expect_interrupted(&stage, first).await;
    expect_interrupted(&stage, second).await;
    expect_refreshed_again(&stage, killed).await;
    expect_refreshed_again(&stage, frozen).await;
    thaw_in_vain(&stage, &victim, frozen).await;

    expect_two_interrupted(&stage).await;
    stage.finish().await;
}

/// A finish waits here when it has written all but its entry.
const LOCK_OUTBOX: &str = "lock table connect_log_outbox in exclusive mode";

#[tokio::test]
async fn g1_g2_a_worker_that_dies_or_freezes_after_the_answer_leaves_one_entry() {
    let stage = Stage::set().await;
    let (_scheduler, _writer) = (stage.scheduler().await, stage.log_writer().await);
    let (killed, frozen) = (held_seller(&stage, "killed").await, held_seller(&stage, "frozen").await);
    let mut victim = stage.worker().await;
    let first = press_and_hold(&stage, killed).await;
    let outbox = stage.lock(LOCK_OUTBOX).await;
    stage.ebay.release_all();
    stage.expect_waiting("put_outbox").await;
    victim.kill().await;
    drop(outbox);
    let victim = stage.worker().await;
    let second = press_and_hold(&stage, frozen).await;
    let outbox = stage.lock(LOCK_OUTBOX).await;
    stage.ebay.release_all();
    stage.expect_waiting("put_outbox").await;
    // Its own transaction holds the account's rows.
    victim.freeze().await;
    drop(outbox);

    let _other = stage.worker().await;
    stage.advance(LEASE_OVER).await;
    expect_interrupted(&stage, first).await;
    expect_interrupted(&stage, second).await;
    expect_refreshed_again(&stage, killed).await;
    expect_refreshed_again(&stage, frozen).await;
    thaw_in_vain(&stage, &victim, frozen).await;

    expect_two_interrupted(&stage).await;
    stage.finish().await;
}

#[tokio::test]
async fn g1_g2_a_worker_that_freezes_inside_its_claim_holds_others_up_for_seconds_only() {
    let stage = Stage::set().await;
    let (_scheduler, _writer) = (stage.scheduler().await, stage.log_writer().await);
    let (frozen, other) = (stage.rested_seller("frozen").await, stage.rested_seller("other").await);

    let victim = stage.worker().await;
    let calls = stage.lock("lock table quota_usage in exclusive mode").await;
    let attempt = stage.debug(frozen).await;
    stage.expect_waiting("spend").await;
    // Its own transaction holds the account's row, and its keyset's ledger.
    victim.freeze().await;
    drop(calls);
    // The deadline of a call counts from before its claim, which waits for seconds here.
    let worker = stage.start(&["worker", "--lease", "60s", "--call-timeout", "20s"]).await;
    worker.expect_log("started").await;
    assert_eq!(stage.entry(stage.debug(other).await).await.class, Class::Refreshed);
    victim.thaw().await;
    assert_eq!(stage.entry(attempt).await.class, Class::Refreshed);

    let tally = expect_accounted(&stage).await;
    assert_eq!((tally.calls, tally.entries, tally.joined), (2, 2, 2));
    stage.finish().await;
}

#[tokio::test]
async fn g1_a_worker_that_dies_or_freezes_between_finish_and_publish_has_finished() {
    let stage = Stage::set().await;
    let (_scheduler, _writer) = (stage.scheduler().await, stage.log_writer().await);
    let (killed, frozen) = (stage.rested_seller("killed").await, stage.rested_seller("frozen").await);
    let viewer = Viewer::of(&stage).await;

    let mut attempts = Vec::new();
    let mut victims = Vec::new();
    for (username, account) in [("killed", killed), ("frozen", frozen)] {
        let (proxy, url) = Proxy::before(stage.vhost.url()).await;
        let mut victim = stage.worker_with(&[("AMQP_URL", &url)]).await;
        // Its publisher is connected from here on.
        stage.entry(stage.debug(account).await).await;
        assert!(stage.ebay.set_behaviour(username, Script::times(Behaviour::Hold, 1)));
        let attempt = press_and_hold(&stage, account).await;
        proxy.stall();
        stage.ebay.release_all();
        finished(&stage, attempt).await;
        if username == "killed" {
            victim.kill().await;
            // What was on its way is lost too.
            proxy.cut();
        } else {
            victim.freeze().await;
        }
        attempts.push(attempt);
        victims.push((victim, proxy));
    }

    let _other = stage.worker().await;
    stage.advance(LEASE_OVER).await;
    for attempt in &attempts {
        assert_eq!(stage.entry(*attempt).await.class, Class::Refreshed, "the relay brings it home");
    }
    let before = snapshot(&stage, frozen).await;
    let (victim, proxy) = &victims[1];
    victim.thaw().await;
    proxy.resume();
    viewer.expect(attempts[1]).await;
    stage.vhost.expect_depth("connect-log.store", 0).await;
    stage.vhost.expect_depth("refresh.debug", 0).await;
    assert_eq!(snapshot(&stage, frozen).await, before, "a late copy is stored nowhere");

    let tally = expect_accounted(&stage).await;
    assert_eq!((tally.calls, tally.entries, tally.joined), (4, 4, 4));
    stage.finish().await;
}

#[tokio::test]
async fn g1_a_worker_that_dies_or_freezes_between_publish_and_ack_has_finished() {
    let stage = Stage::set().await;
    let (_scheduler, _writer) = (stage.scheduler().await, stage.log_writer().await);
    let (killed, frozen) = (held_seller(&stage, "killed").await, held_seller(&stage, "frozen").await);
    let viewer = Viewer::of(&stage).await;

    let mut victims = Vec::new();
    for (username, account) in [("killed", killed), ("frozen", frozen)] {
        let (proxy, url) = Proxy::before(stage.vhost.url()).await;
        let mut victim = stage.worker_with(&[("AMQP_URL", &url)]).await;
        let attempt = press_and_hold(&stage, account).await;
        // The consumers, whose acks are held; the publisher connects when it has something to say.
        proxy.stall_standing();
        stage.ebay.release_all();
        viewer.expect(attempt).await;
        if username == "killed" {
            victim.kill().await;
        } else {
            victim.freeze().await;
        }
        let mut other = stage.worker_with(&[("RUST_LOG", "debug")]).await;
        proxy.cut();
        // The message comes again, and nothing comes of it.
        other.expect_log(&format!("\"nothing to do\",\"attempt.id\":\"{attempt}\"")).await;
        assert_eq!(other.stop().await, Some(0));
        victims.push((victim, proxy));
    }
    let before = snapshot(&stage, frozen).await;
    let (victim, proxy) = &victims[1];
    proxy.resume();
    victim.thaw().await;
    victim.expect_log("the connection to the broker is restored").await;
    assert_eq!(snapshot(&stage, frozen).await, before);
    for account in [killed, frozen] {
        let entries = entries_of(&stage, account).await;
        assert_eq!(entries.iter().map(|entry| entry.class).collect::<Vec<_>>(), [Class::Refreshed]);
    }

    let tally = expect_accounted(&stage).await;
    assert_eq!((tally.calls, tally.entries, tally.joined), (2, 2, 2));
    stage.finish().await;
}
