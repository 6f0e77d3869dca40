//! Only the holder of a lease has an effect, whatever comes twice (G2).

use std::time::Duration;

use token_refresh::{
    domain::class::{Class, Sent},
    fake_ebay::Behaviour,
    message::{Action, RefreshMessage, Source},
    queue::names,
    store::ImportOutcome,
};

use crate::support::{
    eventually,
    stage::{CLIENT_ID, Stage, refresh_token},
};

#[tokio::test]
async fn g2_an_import_during_a_call_wins() {
    let stage = Stage::set().await;
    let account = stage.seller_who("mil_243", Behaviour::Hold).await;
    stage.rest(account).await;
    let _crew = stage.crew().await;
    let attempt = stage.debug(account).await;
    stage.expect_in_flight(1).await;

    let replacement = refresh_token("mil_243", 2);
    assert_eq!(stage.import(account, &replacement).await, ImportOutcome::Replaced);
    let query = format!("select refresh_token from tokens where account_id = '{account}'");
    let imported: String = stage.value(&query).await;
    stage.ebay.add_seller(CLIENT_ID, "mil_243", replacement.expose());
    stage.ebay.set_behaviour("mil_243", Behaviour::Healthy);
    stage.ebay.release_all();

    let entry = stage.entry(attempt).await;
    assert_eq!((entry.class, entry.sent), (Class::Superseded, Sent::Yes));
    assert_eq!(entry.action, Action::TokenRefreshDebug);
    let next = stage.expect_entry(account, |entry| entry.source == Source::Admin).await;
    assert_eq!(next.class, Class::Refreshed, "the account was due again, with the imported token");
    assert_eq!(next.triggered_by.as_deref(), Some("cli:it"));
    let fingerprint = replacement.masked().fingerprint;
    assert!(next.request.expect("it was sent").body["refresh_token"].contains(&fingerprint));
    assert_eq!(stage.value::<String>(&query).await, imported);
    assert_eq!(stage.status(account).await.refresh_error, None);
    stage.expect_settled().await;
    stage.finish().await;
}

#[tokio::test]
async fn g2_two_presses_make_one_call() {
    let stage = Stage::set().await;
    let account = stage.seller_who("mil_243", Behaviour::Hold).await;
    stage.rest(account).await;
    let _crew = stage.crew().await;
    let (one, other) = tokio::join!(stage.debug(account), stage.debug(account));
    let refused = stage.expect_entry(account, |entry| entry.class == Class::NotRun).await;
    assert_eq!(refused.reason.as_deref(), Some("in_flight"));
    stage.expect_in_flight(1).await;
    stage.ebay.release_all();
    let ran = if refused.id == one { other } else { one };
    assert_eq!(stage.entry(ran).await.class, Class::Refreshed);
    stage.expect_settled().await;
    assert_eq!(stage.ebay.calls().len(), 1);
    stage.finish().await;
}

#[tokio::test]
async fn g2_a_message_that_comes_five_times_has_one_effect() {
    let stage = Stage::set().await;
    let (debugged, due) = (stage.rested_seller("debugged").await, stage.rested_seller("due").await);
    stage.make_due(due).await;
    let request = stage.store.put_request(debugged, Source::Debug, "cli:it").await.expect("a request");
    let taken = stage.store.take_due(10, Duration::from_secs(60)).await.expect("the store answers");
    assert_eq!(taken.len(), 1);
    for _ in 0..5 {
        let debug = RefreshMessage { attempt: request.attempt, account: debugged, source: Source::Debug };
        let due = RefreshMessage { attempt: taken[0].attempt, account: due, source: Source::Scheduled };
        for message in [debug, due] {
            stage.publish(&message).await;
        }
    }
    let _worker = stage.worker().await;
    let _log_writer = stage.log_writer().await;
    for queue in [names::REFRESH_DEBUG, names::REFRESH_DUE] {
        stage.vhost.expect_depth(queue, 0).await;
    }
    assert_eq!(stage.entry(request.attempt).await.class, Class::Refreshed);
    assert_eq!(stage.entry(taken[0].attempt).await.class, Class::Refreshed);
    stage.expect_settled().await;
    assert_eq!(stage.entries().await.len(), 2);
    assert_eq!(stage.ebay.calls().len(), 2);

    // Long after its end too.
    stage
        .publish(&RefreshMessage { attempt: taken[0].attempt, account: due, source: Source::Scheduled })
        .await;
    let marker = stage.debug(debugged).await;
    stage.entry(marker).await;
    stage.vhost.expect_depth(names::REFRESH_DUE, 0).await;
    assert_eq!(stage.ebay.calls().len(), 3);
    stage.finish().await;
}

#[tokio::test]
async fn g2_an_id_that_was_replaced_has_no_effect() {
    let stage = Stage::set().await;
    let account = stage.rested_seller("mil_243").await;
    stage.make_due(account).await;
    let within = Duration::from_secs(10);
    let old = stage.store.take_due(10, within).await.expect("the store answers");
    assert!(stage.store.take_due(10, within).await.expect("the store answers").is_empty(), "it is taken");
    stage.advance(within).await;
    let fresh = stage.store.take_due(10, within).await.expect("the store answers");
    assert_ne!(old[0].attempt, fresh[0].attempt, "unclaimed in time, it is due under another id");

    for due in [&old[0], &fresh[0]] {
        stage.publish(&RefreshMessage { attempt: due.attempt, account, source: due.source }).await;
    }
    let _worker = stage.worker().await;
    let _log_writer = stage.log_writer().await;
    assert_eq!(stage.entry(fresh[0].attempt).await.class, Class::Refreshed);
    stage.vhost.expect_depth(names::REFRESH_DUE, 0).await;
    stage.expect_settled().await;
    assert_eq!(stage.entry_of(old[0].attempt).await, None);
    assert_eq!(stage.ebay.calls().len(), 1);
    stage.finish().await;
}

#[tokio::test]
async fn g2_many_processes_call_each_account_once() {
    let stage = Stage::set().await;
    let names: Vec<String> = (0..200).map(|number| format!("seller_{number:03}")).collect();
    for name in &names {
        stage.seller(name).await;
    }
    let mut crew = Vec::new();
    for _ in 0..3 {
        // With their own, patient limits: a slow machine must not look like a slow eBay.
        crew.push(stage.start(&["worker"]).await);
    }
    for _ in 0..2 {
        crew.push(stage.log_writer().await);
        crew.push(stage.scheduler().await);
    }
    eventually("all are refreshed", || async {
        (stage.store.health(None).await.expect("the store answers").stored >= 200).then_some(())
    })
    .await;
    stage.expect_settled().await;
    let entries = stage.entries().await;
    for entry in &entries {
        assert_eq!(entry.class, Class::Refreshed, "{entry:?}");
    }
    assert_eq!(entries.len(), 200);
    let calls = stage.ebay.calls();
    assert_eq!(calls.len(), 200);
    for name in &names {
        let of_one = calls.iter().filter(|call| call.username.as_ref() == Some(name)).count();
        assert_eq!(of_one, 1, "{name}");
    }
    assert_eq!(stage.ebay.violations(), []);
    stage.finish().await;
}
