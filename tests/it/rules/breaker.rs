//! A keyset's breaker: a wrong secret, an outage, eBay's own quota.

use std::time::Duration;

use token_refresh::{
    crypto::SealContext,
    domain::account::Status,
    fake_ebay::Behaviour,
    message::{Entry, Source},
};

use super::{count, expect_keyset, expect_ticks, many, pass_until, patient_crew};
use crate::support::{
    let_pass,
    stage::{CLIENT_ID, CLIENT_SECRET, ENVIRONMENT, Stage},
};

const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test]
async fn g8_a_wrong_secret_costs_a_handful_of_calls_and_no_account() {
    let stage = Stage::set().await;
    stage.ebay.remove_secret(CLIENT_ID, CLIENT_SECRET);
    stage.ebay.add_application(CLIENT_ID, "the-right-one");
    stage.sql("update keyset_ledger set accepted_at = null").await;
    many(&stage, 1_000).await;
    let _crew = patient_crew(&stage).await;
    expect_keyset(&stage, "blocked").await;
    stage.expect_settled().await;
    let burst = stage.ebay.calls().len();
    assert!(burst <= 6, "{burst} calls before the breaker tripped");
    assert_eq!(count(&stage, "standing <> 'active'").await, 0);

    let sealed = stage.keyring.seal(&SealContext::client_secret(stage.keyset, ENVIRONMENT), "the-right-one");
    stage.store.replace_secret(stage.keyset, &sealed).await.expect("the store answers");
    let step = Duration::from_secs(2);
    let opened = pass_until(&stage, step, MINUTE, "a first success", async || {
        count(&stage, "last_success_at is not null").await > 0
    })
    .await;
    let fresh = pass_until(&stage, step, MINUTE * 3, "all are fresh", async || {
        count(&stage, "last_success_at is null").await == 0
    })
    .await;
    println!(
        "wrong secret: {burst} calls, first success {opened:?} after the right one, all 1,000 fresh {fresh:?} later"
    );
    assert_eq!(count(&stage, "standing <> 'active'").await, 0);
    stage.expect_settled().await;
    stage.finish().await;
}

#[tokio::test]
async fn g8_an_outage_of_half_an_hour_marks_nobody_and_ends_in_a_ramp() {
    let stage = Stage::set().await;
    many(&stage, 1_000).await;
    stage.ebay.set_everywhere(Some(Behaviour::Unavailable503));
    let _crew = patient_crew(&stage).await;
    expect_keyset(&stage, "suspended").await;
    stage.expect_settled().await;
    let burst = stage.ebay.calls().len();
    // The calls under way when the tenth failure tripped the breaker: a slot's each.
    assert!(burst <= 9 + 64, "{burst} calls before the breaker tripped");
    let mut passed = Duration::ZERO;
    for behaviour in [Behaviour::Unavailable503, Behaviour::Hang, Behaviour::Cut] {
        stage.ebay.set_everywhere(Some(behaviour));
        for _ in 0..20 {
            stage.advance(Duration::from_secs(30)).await;
            passed += Duration::from_secs(30);
            let_pass(Duration::from_millis(250)).await;
        }
    }
    let probes = stage.ebay.calls().len() - burst;
    assert_eq!(count(&stage, "standing <> 'active'").await, 0);
    // The pause between two probes grows from five seconds to two minutes, so 18, and two for a slow machine.
    assert!(probes <= 20, "{probes} probes in {passed:?} of outage");
    stage.ebay.set_everywhere(None);
    let step = Duration::from_secs(2);
    pass_until(&stage, step, MINUTE * 5, "a first success", async || {
        count(&stage, "last_success_at is not null").await > 0
    })
    .await;
    let fresh = pass_until(&stage, step, MINUTE * 5, "all are fresh", async || {
        count(&stage, "last_success_at is null").await == 0
    })
    .await;
    assert!(fresh >= Duration::from_secs(30), "1,000 accounts came back within {fresh:?}: a herd");
    println!(
        "outage of {passed:?}: {burst} calls until the breaker tripped and {probes} probes, all 1,000 fresh {fresh:?} after the first success"
    );
    stage.expect_settled().await;
    stage.finish().await;
}

#[tokio::test]
async fn g8_a_late_signal_cannot_block_a_mended_keyset() {
    let stage = Stage::set().await;
    let account = stage.rested_seller("late").await;
    let _crew = stage.crew().await;
    stage.ebay.set_behaviour("late", Behaviour::Hold);
    let attempt = stage.debug(account).await;
    stage.expect_in_flight(1).await;
    // The secret is replaced while the call is under way; then eBay refuses the old one.
    let sealed = stage.keyring.seal(&SealContext::client_secret(stage.keyset, ENVIRONMENT), CLIENT_SECRET);
    stage.store.replace_secret(stage.keyset, &sealed).await.expect("the store answers");
    stage.ebay.remove_secret(CLIENT_ID, CLIENT_SECRET);
    stage.ebay.release("late");
    stage.entry(attempt).await;
    expect_keyset(&stage, "ready").await;
    stage.finish().await;
}

#[tokio::test]
async fn the_standby_secret_takes_the_refused_ones_place() {
    let stage = Stage::set().await;
    let sealed = stage.keyring.seal(&SealContext::client_secret(stage.keyset, ENVIRONMENT), "the-next-one");
    stage.store.stand_by_secret(stage.keyset, &sealed).await.expect("the store answers");
    stage.ebay.remove_secret(CLIENT_ID, CLIENT_SECRET);
    stage.ebay.add_application(CLIENT_ID, "the-next-one");
    let account = stage.seller("rotated").await;
    let _crew = stage.crew().await;
    stage.expect_entry(account, |entry| entry.class.as_str() == "client_invalid").await;
    stage.make_due(account).await;
    stage.expect_entry(account, |entry| entry.class.as_str() == "refreshed").await;
    expect_keyset(&stage, "ready").await;
    let refused = stage.ebay.calls().iter().filter(|call| !call.authorised).count();
    assert_eq!(refused, 1, "the old secret was tried once");
    assert_eq!(stage.status(account).await.status, Status::Ok);
    stage.finish().await;
}

#[tokio::test]
async fn g10_ebays_429_suspends_the_keyset_until_retry_after() {
    let stage = Stage::set().await;
    stage.ebay.set_everywhere(Some(Behaviour::RateLimited(Some(120))));
    let account = stage.seller("limited").await;
    let _crew = stage.crew().await;
    let entry = stage.expect_entry(account, |entry| entry.class.as_str() == "quota_exhausted").await;
    assert_eq!(entry.response.expect("eBay answered").status, 429);
    expect_keyset(&stage, "suspended").await;
    let calls = stage.ebay.calls().len();
    stage.advance(Duration::from_secs(110)).await;
    expect_ticks(&stage, 4).await;
    assert_eq!(stage.ebay.calls().len(), calls, "no probe goes out before its time");
    stage.advance(Duration::from_secs(60)).await;
    stage.expect_calls(|seen| seen.len() == calls + 1).await;
    // A person's press takes the next probe.
    stage.ebay.set_everywhere(None);
    let probe = stage.entry(stage.debug(account).await).await;
    assert_eq!((probe.source, probe.class.as_str()), (Source::Debug, "refreshed"));
    expect_keyset(&stage, "ready").await;
    stage.finish().await;
}

/// Sells under a key that only what starts from here on has; returns what had it not.
fn add_key(stage: &mut Stage) -> String {
    let both = format!("k2:{},{}", token_refresh::crypto::Keyring::generate_key(), stage.keys);
    stage.keyring = token_refresh::crypto::Keyring::parse(&both).expect("good keys");
    std::mem::replace(&mut stage.keys, both)
}

#[tokio::test]
async fn g8_an_account_waits_for_a_worker_that_has_its_key_and_no_worker_stops() {
    let mut stage = Stage::set().await;
    let mut accounts = vec![stage.seller("by_k1_a").await, stage.seller("by_k1_b").await];
    let old = add_key(&mut stage);
    accounts.extend([stage.seller("by_k2_a").await, stage.seller("by_k2_b").await]);
    let _writer = stage.log_writer().await;
    let _with = stage.worker().await;
    crate::support::eventually("the worker with both keys is heard of", || async {
        let live = stage.store.list_instances().await.expect("the store answers");
        live.iter().any(|instance| instance.takes_work && instance.key_ids.len() == 2).then_some(())
    })
    .await;
    let without =
        stage.start_with(&["worker", "--lease", "6s", "--call-timeout", "3s"], &[("TOKEN_KEYS", &old)]).await;
    without.expect_log("started").await;
    for _ in 0..4 {
        for account in &accounts {
            let entry = stage.entry(stage.debug(*account).await).await;
            assert_eq!(entry.class.as_str(), "refreshed", "{entry:?}");
        }
    }
    for account in &accounts {
        stage.make_due(*account).await;
    }
    let _scheduler = stage.scheduler().await;
    for account in &accounts {
        let scheduled = |entry: &Entry| entry.source == Source::Scheduled;
        let entry = stage.expect_entry(*account, scheduled).await;
        assert_eq!(entry.class.as_str(), "refreshed", "{entry:?}");
        let status = stage.status(*account).await;
        assert_eq!((status.consecutive_failures, status.refresh_error), (0, None));
    }
    let instances = stage.store.list_instances().await.expect("the store answers");
    let working = instances.iter().filter(|instance| instance.live && instance.takes_work).count();
    assert_eq!(working, 2, "both workers go on: {instances:?}");
    stage.finish().await;
}

#[tokio::test]
async fn g8_a_key_that_no_worker_has_blocks_its_account_alone() {
    let mut stage = Stage::set().await;
    let good = stage.seller("by_k1").await;
    let old = add_key(&mut stage);
    let locked = stage.seller("by_k2").await;
    // It has the key and takes no work.
    let _writer = stage.log_writer().await;
    let worker =
        stage.start_with(&["worker", "--lease", "6s", "--call-timeout", "3s"], &[("TOKEN_KEYS", &old)]).await;
    worker.expect_log("started").await;
    let _scheduler = stage.scheduler().await;
    stage.expect_entry(locked, |entry| entry.reason.as_deref() == Some("unknown_key")).await;
    assert_eq!(stage.status(locked).await.status, Status::Blocked);
    stage.expect_entry(good, |entry| entry.class.as_str() == "refreshed").await;
    let _with = stage.worker().await;
    stage.expect_entry(locked, |entry| entry.class.as_str() == "refreshed").await;
    assert_eq!(stage.status(locked).await.status, Status::Ok);
    stage.finish().await;
}

#[tokio::test]
async fn g8_a_client_secret_that_does_not_open_blocks_the_keyset_and_mending_it_is_enough() {
    let stage = Stage::set().await;
    let accounts = [stage.seller("one").await, stage.seller("two").await];
    let good = "update keysets set client_secret = replace(client_secret, ':k9:', ':k1:')";
    stage.sql("update keysets set client_secret = replace(client_secret, ':k1:', ':k9:')").await;
    let _crew = stage.crew().await;
    let entry = stage.expect_entry(accounts[0], |_| true).await;
    assert_eq!((entry.class.as_str(), entry.reason.as_deref()), ("client_invalid", Some("unknown_key")));
    expect_keyset(&stage, "blocked").await;
    let touched = "select count(*) from refresh_state where standing <> 'active'";
    assert_eq!(stage.value::<i64>(touched).await, 0, "the accounts are as they were");
    stage.sql(good).await;
    stage.advance(std::time::Duration::from_secs(301)).await;
    for account in accounts {
        stage.expect_entry(account, |entry| entry.class.as_str() == "refreshed").await;
    }
    expect_keyset(&stage, "ready").await;
    stage.finish().await;
}

#[tokio::test]
async fn a_key_that_comes_back_brings_back_the_accounts_it_seals() {
    let mut stage = Stage::set().await;
    let account = stage.account("locked").await;
    let both = format!("k2:{},{}", token_refresh::crypto::Keyring::generate_key(), stage.keys);
    let old = std::mem::replace(&mut stage.keys, both.clone());
    stage.keyring = token_refresh::crypto::Keyring::parse(&both).expect("good keys");
    let token = super::other_token("locked");
    stage.ebay.add_seller(CLIENT_ID, "locked", token.expose());
    stage.import(account, &token).await;
    stage.keys = old;
    let mut crew = stage.crew().await;
    stage.expect_entry(account, |entry| entry.class.as_str() == "decrypt_failed").await;
    assert_eq!(stage.status(account).await.status, Status::Blocked);
    assert!(stage.ebay.calls().is_empty());
    stage.keys = both;
    crew[1].kill().await;
    let _worker = stage.worker().await;
    stage.expect_entry(account, |entry| entry.class.as_str() == "refreshed").await;
    assert_eq!(stage.status(account).await.status, Status::Ok);
    stage.finish().await;
}
