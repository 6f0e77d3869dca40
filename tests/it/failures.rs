//! Every way in which eBay can fail, and what it must not do to an account (G5).

use std::time::Duration;

use chrono::TimeDelta;

use token_refresh::{
    domain::{
        account::{AccountId, Status},
        class::{Class, Sent},
    },
    fake_ebay::{Behaviour, Script},
    message::{Action, Entry, Source},
    refresh::spread_of,
    store::{StatusFilter, StoredTokens},
};

use crate::support::stage::{Actor, CLIENT_SECRET, Stage, refresh_token};

/// What a behaviour of eBay's must come to.
struct Case {
    behaviour: Behaviour,
    class: Class,
    reason: Option<&'static str>,
    action: Action,
    sent: Sent,
    /// Status of the answer that the entry shows.
    status: Option<u16>,
}

const fn said_no(behaviour: Behaviour, class: Class, reason: Option<&'static str>, status: u16) -> Case {
    let action = Action::TokenRefreshFailed;
    Case { behaviour, class, reason, action, sent: Sent::Yes, status: Some(status) }
}

const fn no_use(behaviour: Behaviour, class: Class, reason: Option<&'static str>, status: u16) -> Case {
    let action = Action::TokenRefreshError;
    Case { behaviour, class, reason, action, sent: Sent::Yes, status: Some(status) }
}

const fn no_answer(behaviour: Behaviour, class: Class, reason: &'static str) -> Case {
    let (action, sent) = (Action::TokenRefreshError, Sent::Unknown);
    Case { behaviour, class, reason: Some(reason), action, sent, status: None }
}

const CASES: [Case; 17] = [
    said_no(Behaviour::Revoked, Class::GrantSuspect, Some("invalid_grant"), 400),
    said_no(Behaviour::InvalidClient, Class::ClientInvalid, Some("invalid_client"), 401),
    said_no(Behaviour::InvalidScope, Class::ScopeInvalid, Some("invalid_scope"), 400),
    said_no(Behaviour::RateLimited(None), Class::QuotaExhausted, None, 429),
    no_use(Behaviour::Redirect, Class::ProviderError, Some("edge"), 307),
    no_use(Behaviour::Echo, Class::ProviderError, Some("edge"), 400),
    no_use(Behaviour::Unavailable503, Class::ProviderError, None, 503),
    no_use(Behaviour::Html502, Class::ProviderError, None, 502),
    no_use(Behaviour::Html200, Class::BadResponse, Some("html"), 200),
    no_use(Behaviour::Empty200, Class::BadResponse, Some("empty"), 200),
    no_use(Behaviour::HalfAnswer, Class::BadResponse, Some("cut"), 200),
    no_use(Behaviour::NulBody, Class::BadResponse, Some("malformed_token"), 200),
    no_use(Behaviour::HugeBody(3), Class::BadResponse, Some("too_long"), 200),
    no_use(Behaviour::NoToken, Class::BadResponse, Some("no_token"), 200),
    no_use(Behaviour::Stall, Class::Timeout, Some("body"), 200),
    no_answer(Behaviour::Cut, Class::Network, "answer"),
    no_answer(Behaviour::Hang, Class::Timeout, "answer"),
];

#[tokio::test]
async fn g5_no_failure_destroys_anything() {
    let stage = Stage::set().await;
    let mut accounts = Vec::new();
    for case in &CASES {
        let name = case.behaviour.to_string();
        // A keyset of its own: what trips one keyset's breaker must not stop the others' calls.
        let client_id = format!("Case-PRD-{}", accounts.len());
        stage.ebay.add_application(&client_id, CLIENT_SECRET);
        let keyset = stage.keyset(&client_id, CLIENT_SECRET, 50_000).await;
        let account = stage.seller_of(keyset, &client_id, &name).await;
        stage.ebay.set_behaviour(&name, Script::times(Behaviour::Healthy, 1).then(case.behaviour));
        accounts.push(account);
    }
    let [_scheduler, worker, _log_writer] = stage.crew().await;
    for account in &accounts {
        stage.expect_entry(*account, |entry| entry.class == Class::Refreshed).await;
    }
    let mut before = Vec::new();
    for account in &accounts {
        before.push((texts(&stage, *account).await, stage.status(*account).await));
        stage.make_due(*account).await;
    }
    for ((case, account), (stored, status)) in CASES.iter().zip(&accounts).zip(&before) {
        let scheduled = stage.expect_entry(*account, |entry| entry.source == Source::Scheduled).await;
        // Its retry must not meet the press.
        stage.rest(*account).await;
        expect_case(case, &scheduled);
        assert_eq!(&texts(&stage, *account).await, stored, "{}", case.behaviour);
        let after = stage.status(*account).await;
        assert_eq!(after.last_success_at, status.last_success_at, "{}", case.behaviour);
        assert_eq!(after.access_expires_at, status.access_expires_at, "{}", case.behaviour);
        let status = if case.class == Class::ClientInvalid { Status::Blocked } else { Status::Ok };
        assert_eq!(after.status, status, "{}: the old token is still good", case.behaviour);
        assert_eq!((after.class, after.consecutive_failures), (Some(case.class), 1));
        let error = after.refresh_error.expect("it failed");
        assert!(error.starts_with(&format!("{}: ", case.class)), "{error}");
        assert!(after.next_step.is_some_and(|step| !step.is_empty()), "{}", case.behaviour);
    }
    let mut presses = Vec::new();
    for account in &accounts {
        presses.push(stage.debug(*account).await);
    }
    for (case, press) in CASES.iter().zip(presses) {
        let debug = stage.entry(press).await;
        assert_eq!(
            (debug.class, debug.action),
            (case.class, Action::TokenRefreshDebug),
            "{}",
            case.behaviour
        );
    }
    assert_eq!(stage.ebay.violations(), []);
    hides_all_tokens(&stage, &worker).await;
    stage.expect_settled().await;
    stage.finish().await;
}

fn expect_case(case: &Case, entry: &Entry) {
    let name = case.behaviour;
    assert_eq!((entry.class, entry.reason.as_deref()), (case.class, case.reason), "{name}: {entry:?}");
    assert_eq!((entry.action, entry.sent), (case.action, case.sent), "{name}");
    assert_eq!(entry.response.as_ref().map(|response| response.status), case.status, "{name}");
    assert!(entry.request.is_some() && entry.error.is_some(), "{name}: {entry:?}");
}

/// No token or secret in any entry or log line (G4).
async fn hides_all_tokens(stage: &Stage, worker: &Actor) {
    let entries = serde_json::to_string(&stage.entries().await).expect("entries are JSON");
    let log = worker.output();
    for case in &CASES {
        let token = refresh_token(&case.behaviour.to_string(), 1);
        for text in [&entries, &log] {
            assert!(!text.contains(token.expose()), "{}", case.behaviour);
            assert!(!text.contains(&token.expose()[8..60]), "a part of it: {}", case.behaviour);
        }
    }
    for text in [&entries, &log] {
        assert!(!text.contains(CLIENT_SECRET));
    }
}

#[tokio::test]
async fn failures_back_off_further_each_time_and_a_success_begins_anew() {
    let stage = Stage::set().await;
    let broken = Script::times(Behaviour::Unavailable503, 6);
    let account = stage.seller("flaky").await;
    stage.ebay.set_behaviour("flaky", broken);
    let scheduler = stage.start(&["scheduler", "--tick", "100ms"]).await;
    scheduler.expect_log("started").await;
    let _worker = stage.start(&["worker", "--retry-base", "1m", "--retry-max", "8m"]).await;
    let _log_writer = stage.log_writer().await;
    for failures in 1..=6_u32 {
        let entry = stage.expect_entry(account, |entry| entry.attempt == failures).await;
        assert_eq!(entry.class, Class::ProviderError);
        let status = stage.status(account).await;
        assert_eq!(status.consecutive_failures, i32::try_from(failures).expect("small"));
        let pause = status.next_refresh_at.expect("not paused") - entry.created_at;
        let most = (60 << (failures - 1)).min(8 * 60);
        let pause = pause.num_milliseconds();
        assert!((5_000..=most * 1_000 + 1).contains(&pause), "failure {failures}: {pause} ms");
        stage.advance(Duration::from_millis(pause.unsigned_abs() + 1)).await;
    }
    stage.expect_entry(account, |entry| entry.class == Class::Refreshed && entry.attempt == 7).await;
    let status = stage.status(account).await;
    assert_eq!((status.consecutive_failures, status.refresh_error), (0, None));
    stage.finish().await;
}

#[tokio::test]
async fn an_answer_that_asks_to_wait_is_obeyed_for_an_hour_and_a_suspect_is_asked_hourly() {
    let stage = Stage::set().await;
    let _crew = stage.crew().await;
    // One after the other: eBay's 429 suspends the keyset of both.
    for (name, behaviour, seconds) in [
        ("suspect", Behaviour::Revoked, 3_600..=3_901),
        ("limited", Behaviour::RateLimited(Some(60_000)), 3_600..=3_601),
    ] {
        let account = stage.seller_who(name, behaviour).await;
        let entry = stage.expect_entry(account, |_| true).await;
        let status = stage.status(account).await;
        let pause = (status.next_refresh_at.expect("not paused") - entry.created_at).num_seconds();
        assert!(seconds.contains(&pause), "{pause}");
        assert_ne!(status.status, Status::ReconnectRequired, "nothing is confirmed");
    }
    // Whatever the answer asks for, within the hour a call looks whether it still holds.
    let probed_within: bool = stage
        .value("select probe_at <= clock() + interval '1 hour' from keyset_ledger where probe_at is not null")
        .await;
    assert!(probed_within);
    stage.finish().await;
}

#[tokio::test]
async fn g5_a_rotated_refresh_token_is_kept_and_used_next() {
    let stage = Stage::set().await;
    let account = stage.seller("rotating").await;
    stage.ebay.set_behaviour("rotating", Script::times(Behaviour::RotateRefreshToken, 1));
    let _crew = stage.crew().await;
    let first = stage.expect_entry(account, |entry| entry.source == Source::Admin).await;
    assert_eq!(first.class, Class::Refreshed);
    let rotated = stage.ebay.sellers().remove(0).fingerprint;
    assert_ne!(rotated, refresh_token("rotating", 1).masked().fingerprint);

    let second = stage.entry(stage.debug(account).await).await;
    assert_eq!(second.class, Class::Refreshed);
    let shown = &second.request.expect("it was sent").body["refresh_token"];
    assert!(shown.contains(&rotated), "{shown}");
    let status = stage.status(account).await;
    let months = status.refresh_expires_at.expect("eBay said so") - second.created_at;
    assert!((540..=548).contains(&months.num_days()), "{months}");
    // An old export cannot bring back a token that is no longer valid.
    let outcome = stage.import(account, &refresh_token("rotating", 1)).await;
    assert_eq!(outcome, token_refresh::store::ImportOutcome::Skipped);
    stage.expect_settled().await;
    stage.finish().await;
}

#[tokio::test]
async fn times_count_from_the_claim_and_a_life_is_believed_within_limits() {
    let stage = Stage::set().await;
    let mut accounts = Vec::new();
    for (life, believed) in [(60, 300), (1_800, 1_800), (7_200, 7_200), (1_000_000, 86_400)] {
        let name = format!("life_{life}");
        accounts.push((stage.seller_who(&name, Behaviour::ShortLived(life)).await, believed));
    }
    let absurd = stage.seller_who("absurd", Behaviour::AbsurdExpiry).await;
    let _crew = stage.start(&["all", "--tick", "200ms", "--refresh-before", "10m"]).await;
    for (account, believed) in accounts {
        let entry = stage.expect_entry(account, |_| true).await;
        assert_eq!(entry.class, Class::Refreshed, "{entry:?}");
        let status = stage.status(account).await;
        let claimed_at = status.last_attempt_at.expect("it was claimed");
        let life = status.access_expires_at.expect("a token") - claimed_at;
        assert_eq!(life.num_milliseconds(), believed * 1_000, "{}", status.account);
        let pause = status.next_refresh_at.expect("not paused") - claimed_at;
        let lead = Duration::from_secs(600) + Duration::from_secs(300).mul_f64(spread_of(account.0));
        let life = Duration::from_secs(u64::try_from(believed).expect("a life"));
        let expected = life.saturating_sub(lead).max(life / 20);
        let pause = pause.to_std().expect("it lies ahead");
        assert_eq!(pause.as_millis(), expected.as_millis(), "{}", status.account);
    }
    for _ in 0..8 {
        let debug = stage.entry(stage.debug(absurd).await).await;
        assert_eq!(debug.class, Class::Refreshed, "a token is a token: {debug:?}");
        let status = stage.status(absurd).await;
        let claimed_at = status.last_attempt_at.expect("it was claimed");
        let life = (status.access_expires_at.expect("a token") - claimed_at).num_seconds();
        assert!((300..=86_400).contains(&life), "{life}");
    }
    stage.finish().await;
}

#[tokio::test]
async fn a_token_is_refreshed_on_schedule_day_and_night() {
    let stage = Stage::set().await;
    let account = stage.seller("mil_243").await;
    let _crew = stage.crew().await;
    stage.expect_entry(account, |entry| entry.source == Source::Admin).await;
    for round in 1..=5 {
        let due = stage.status(account).await.next_refresh_at.expect("it is active");
        let left = due - TimeDelta::seconds(60) - stage.store.clock().await.expect("the store answers");
        stage.advance(left.to_std().expect("it is to come")).await;
        assert_eq!(stage.status(account).await.status, Status::Ok, "a minute before it is due");
        stage.advance(Duration::from_secs(60)).await;
        stage.expect_entry(account, |entry| entry.created_at > due).await;
        assert_eq!(stage.entries().await.len(), round + 1);
    }
    let filter = StatusFilter { failing: true, ..StatusFilter::default() };
    let failing = stage.store.account_status(&filter, Duration::ZERO, 10).await.expect("the store answers");
    assert!(failing.is_empty());
    stage.expect_settled().await;
    stage.finish().await;
}

async fn texts(stage: &Stage, account: AccountId) -> (String, Option<String>, i64) {
    let stored: StoredTokens =
        stage.store.stored_tokens(account).await.expect("the store answers").expect("a token");
    (stored.refresh_token, stored.access_token, stored.version)
}
