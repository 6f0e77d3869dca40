//! Only proof marks an account as dead, and dead accounts cost nothing.

use std::time::Duration;

use token_refresh::{
    domain::{account::Status, class::Class},
    fake_ebay::{Behaviour, Call},
};

use super::{count, many, other_token, pass_until, unhurried_crew};
use crate::support::{
    let_pass,
    stage::{CLIENT_ID, Stage},
};

const HOUR: Duration = Duration::from_secs(3_600);

#[tokio::test]
async fn g8_a_keyset_of_which_every_grant_is_refused_loses_none() {
    let stage = Stage::set().await;
    let accounts = many(&stage, 40).await;
    stage.ebay.set_everywhere(Some(Behaviour::Revoked));
    let _crew = stage.crew().await;
    for hour in 1..=5 {
        pass_until(
            &stage,
            Duration::from_secs(300),
            HOUR * 2,
            "every account was asked about again",
            async || count(&stage, &format!("suspicions >= {hour}")).await == 40,
        )
        .await;
    }
    assert_eq!(count(&stage, "standing = 'active' and class = 'grant_suspect'").await, 40);
    assert_ne!(stage.status(accounts[0]).await.status, Status::ReconnectRequired);
    stage.finish().await;
}

#[tokio::test]
async fn g8_one_refused_grant_among_accepted_ones_is_dead_at_once() {
    let stage = Stage::set().await;
    many(&stage, 20).await;
    let revoked = stage.seller_who("revoked", Behaviour::Revoked).await;
    let _crew = stage.crew().await;
    crate::support::eventually("the refused one is dead", || async {
        (stage.status(revoked).await.status == Status::ReconnectRequired).then_some(())
    })
    .await;
    let status = stage.status(revoked).await;
    assert_eq!(status.class, Some(Class::GrantInvalid));
    assert_eq!(count(&stage, "standing <> 'active'").await, 1);
    // A day later it has still been asked about once.
    for _ in 0..24 {
        stage.advance(HOUR).await;
        let_pass(Duration::from_millis(100)).await;
    }
    let calls = stage.ebay.calls().iter().filter(|call| call.username.as_deref() == Some("revoked")).count();
    assert_eq!(calls, 1);
    // The seller connects again.
    stage.ebay.add_seller(CLIENT_ID, "revoked", other_token("revoked").expose());
    stage.ebay.clear_behaviour("revoked");
    stage.import(revoked, &other_token("revoked")).await;
    stage.expect_entry(revoked, |entry| entry.class == Class::Refreshed).await;
    assert_eq!(stage.status(revoked).await.status, Status::Ok);
    stage.finish().await;
}

#[tokio::test]
async fn g8_an_account_that_no_other_confirms_needs_three_answers_over_an_hour() {
    let stage = Stage::set().await;
    let account = stage.seller_who("alone", Behaviour::Revoked).await;
    let _crew = stage.crew().await;
    stage.expect_entry(account, |entry| entry.class == Class::GrantSuspect).await;
    let asked = pass_until(&stage, Duration::from_secs(300), HOUR * 4, "it is dead", async || {
        stage.status(account).await.status == Status::ReconnectRequired
    })
    .await;
    assert!(asked >= HOUR, "{asked:?}");
    assert_eq!(stage.ebay.calls().len(), 3);
    stage.expect_entry(account, |entry| entry.class == Class::GrantInvalid).await;
    // A debug run still asks, and heals it.
    stage.ebay.set_behaviour("alone", Behaviour::Healthy);
    let healed = stage.entry(stage.debug(account).await).await;
    assert_eq!(healed.class, Class::Refreshed);
    assert_eq!(stage.status(account).await.status, Status::Ok);
    stage.finish().await;
}

#[tokio::test]
async fn g10_dead_grants_cost_no_calls_for_a_day() {
    let stage = Stage::set().await;
    many(&stage, 20).await;
    for number in 0..200 {
        stage.seller_who(&format!("dead{number}"), Behaviour::Revoked).await;
    }
    let _crew = unhurried_crew(&stage).await;
    // Some were refused after the last success; the next one, at most two hours away, proves them.
    pass_until(&stage, Duration::from_secs(300), HOUR * 24, "all are confirmed dead", async || {
        count(&stage, "standing = 'reconnect_required'").await == 200
    })
    .await;
    stage.expect_settled().await;
    let before = stage.ebay.calls().len();
    for _ in 0..24 {
        stage.advance(HOUR).await;
        let_pass(Duration::from_millis(150)).await;
    }
    let calls = &stage.ebay.calls()[before..];
    let is_dead = |call: &&Call| call.username.as_deref().is_some_and(|name| name.starts_with("dead"));
    let dead = calls.iter().filter(is_dead).count();
    println!("200 dead grants: {dead} calls in a day, {} for the 20 that live", calls.len() - dead);
    assert_eq!(dead, 0);
    stage.finish().await;
}

#[tokio::test]
async fn g6_one_destroyed_row_among_a_thousand_is_diagnosed_and_holds_up_nobody() {
    let stage = Stage::set().await;
    let accounts = many(&stage, 1_000).await;
    let corrupt = accounts[500];
    stage
        .sql(&format!(
            "update tokens set refresh_token = overlay(refresh_token placing 'AAAAAAAA' from 200) where account_id = '{corrupt}'"
        ))
        .await;
    let _crew = stage.crew().await;
    crate::support::eventually_within(Duration::from_secs(240), "999 are fresh", || async {
        (count(&stage, "last_success_at is not null").await == 999).then_some(())
    })
    .await;
    let entry = stage.expect_entry(corrupt, |entry| entry.class == Class::DecryptFailed).await;
    assert_eq!(entry.reason.as_deref(), Some("corrupt"));
    assert_eq!(stage.status(corrupt).await.status, Status::ReconnectRequired);
    stage.finish().await;
}

#[tokio::test]
async fn g8_the_third_interruption_in_a_row_blocks() {
    let stage = Stage::set().await;
    let account = stage.seller_who("fatal", Behaviour::Hold).await;
    let _rest = (stage.scheduler().await, stage.log_writer().await);
    for round in 1..=3 {
        let mut worker = stage.worker().await;
        stage.make_due(account).await;
        stage.expect_in_flight(1).await;
        worker.kill().await;
        stage.expect_idle().await;
        stage.advance(Duration::from_secs(10)).await;
        stage
            .expect_entry(account, |entry| entry.class == Class::Interrupted && entry.attempt == round)
            .await;
    }
    assert_eq!(stage.status(account).await.status, Status::Blocked);
    stage.finish().await;
}
