//! The daily quota as a budget (G10).

use std::{collections::BTreeMap, time::Duration};

use token_refresh::message::Source;

use super::{count, many};
use crate::support::{come_true, eventually, stage::Stage};

#[tokio::test]
async fn g10_sixteen_workers_at_the_edge_never_overdraw_and_debug_has_its_reserve() {
    let stage = Stage::set().await;
    stage.sql("update keysets set daily_quota = 100, debug_reserve = 10").await;
    let accounts = many(&stage, 150).await;
    let _rest = (stage.scheduler().await, stage.log_writer().await);
    let mut workers = Vec::new();
    for _ in 0..16 {
        let arguments = [
            "worker",
            "--lease",
            "16s",
            "--call-timeout",
            "8s",
            "--slots",
            "8",
            "--database-connections",
            "4",
        ];
        workers.push(stage.start(&arguments).await);
    }
    for worker in workers.iter_mut().step_by(4) {
        worker.expect_log("started").await;
        worker.kill().await;
    }
    eventually("the lane is spent", || async {
        let spent: i64 = stage.value("select coalesce(sum(calls), 0)::bigint from quota_usage").await;
        (spent == 90).then_some(())
    })
    .await;
    assert!(stage.ebay.calls().len() <= 90, "{}", stage.ebay.calls().len());
    // A press beside an attempt is answered by that attempt, so these have none: the dead left some.
    let free: Vec<String> = stage
        .value(
            "select array(select account_id::text from refresh_state where lease_attempt is null limit 12)",
        )
        .await;
    for account in accounts.iter().filter(|account| free.contains(&account.to_string())) {
        stage.entry(stage.debug(*account).await).await;
    }
    let mut classes = BTreeMap::new();
    for entry in stage.entries().await.iter().filter(|entry| entry.source == Source::Debug) {
        *classes.entry(entry.class.as_str()).or_insert(0) += 1;
    }
    assert_eq!(classes, BTreeMap::from([("refreshed", 10), ("not_run", 2)]));
    // The next day has not begun until the first calls are a day old. All tokens ran out long before.
    let first = stage.ebay.calls().len();
    stage.advance(Duration::from_secs(23 * 3_600)).await;
    expect_all_judged(&stage).await;
    let calls = stage.ebay.calls().len();
    println!("16 workers, 4 killed: {calls} calls of 100 at eBay, 10 of 12 debug runs answered");
    assert!(calls <= 100, "{calls}");
    stage.advance(Duration::from_secs(2 * 3_600)).await;
    expect_all_judged(&stage).await;
    let (late, next) = (calls - first, stage.ebay.calls().len() - calls);
    assert!((1..=90 - late).contains(&next), "{next} calls where the last day left {}", 90 - late);
    stage.finish().await;
}

/// Waits until workers have judged every account that is due: it was refreshed, or put off.
async fn expect_all_judged(stage: &Stage) {
    let open =
        "select count(*) from refresh_state where next_refresh_at <= clock() or lease_attempt is not null";
    come_true("every due account is judged", async || stage.value::<i64>(open).await == 0).await;
}

#[tokio::test]
async fn g10_accounts_used_last_stay_fresh_when_the_day_does_not_suffice() {
    let stage = Stage::set().await;
    stage.sql("update keysets set daily_quota = 300, debug_reserve = 10").await;
    let accounts = many(&stage, 60).await;
    for account in accounts.iter().take(5) {
        stage.sql(&format!("update accounts set last_used_at = clock() where id = '{account}'")).await;
    }
    let _scheduler = stage.scheduler().await;
    eventually("the plan is made", || async { (count(&stage, "demoted").await > 0).then_some(()) }).await;
    let ids: Vec<String> = accounts.iter().take(5).map(|account| format!("'{account}'")).collect();
    assert_eq!(count(&stage, &format!("demoted and account_id in ({})", ids.join(","))).await, 0);
    let demoted = count(&stage, "demoted").await;
    assert!((35..=45).contains(&demoted), "{demoted} of 60 demoted");
    stage.finish().await;
}

#[tokio::test]
async fn the_refresh_tokens_own_end_is_warned_of_once_for_each_mark() {
    let stage = Stage::set().await;
    let account = stage.rested_seller("ending").await;
    stage.sql("update tokens set refresh_expires_at = clock() + interval '100 days'").await;
    let mut warned = Vec::new();
    for day in 0..100 {
        for (id, days) in stage.store.warn_expiry().await.expect("the store answers") {
            assert_eq!(id, account.0);
            warned.push((day, days));
        }
        stage.advance(Duration::from_secs(86_400)).await;
    }
    assert_eq!(warned.iter().map(|(_, days)| *days).collect::<Vec<_>>(), [90, 30, 14, 7, 1]);
    stage.finish().await;
}

#[tokio::test]
async fn one_process_at_a_time_keeps_house() {
    let stage = Stage::set().await;
    let account = stage.rested_seller("ending").await;
    stage.sql("update tokens set refresh_expires_at = clock() + interval '5 days'").await;
    let warned = async || count(&stage, "warned_days is not null").await > 0;
    assert!(stage.store.hold_lease("housekeeping", "another", Duration::from_secs(60)).await.expect("free"));
    let second = stage.scheduler().await;
    // A round begins with the process; by its second look for due accounts it is over.
    for _ in 0..2 {
        stage.make_due(account).await;
        eventually("a look", || async {
            (count(&stage, "queued_attempt is not null").await > 0).then_some(())
        })
        .await;
        stage.sql("update refresh_state set queued_attempt = null, queued_until = null").await;
    }
    assert!(!warned().await, "while another keeps house, this one does not");
    drop(second);
    stage.store.release_lease("housekeeping", "another").await.expect("released");
    let _third = stage.scheduler().await;
    come_true("house is kept", warned).await;
    let held = "select count(*) from exclusive_leases where name = 'housekeeping'";
    come_true("the lease is given back", async || stage.value::<i64>(held).await == 0).await;
    stage.rest(account).await;
    stage.finish().await;
}
