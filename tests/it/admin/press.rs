//! Presses: accepted at once, never lost, answered with the entry where that is wanted.

use std::time::{Duration, Instant};

use serde_json::{Value, json};
use token_refresh::connect_log::Announcer;
use token_refresh::domain::account::{AccountId, AttemptId, Environment, Role};
use token_refresh::domain::class::Class;
use token_refresh::message::{Entry, Runner, Source};
use token_refresh::store::{ClaimOutcome, ClaimRequest, LeaseTerms};

use super::stage::{Stage, User, account_path};
use crate::support::database::TestDatabase;
use crate::support::proxy::Proxy;
use crate::support::vhost::TestVhost;

const DEBUG: &str = "/api/admin/ebay/token/refresh-debug";

#[tokio::test]
async fn g1_a_press_is_stored_and_published_before_it_is_answered() {
    let stage = Stage::start().await;
    let org = stage.org("acme").await;
    let user = stage.user("anna", &[(org, Role::Operator)]).await;
    let id = stage.account(org, Environment::Production, "mil_243").await.account_id;
    for (path, body, queue, source) in [
        (DEBUG.to_owned(), json!({ "account": "mil_243", "env": "production" }), "refresh.debug", "debug"),
        (account_path(id, "refresh"), json!({}), "refresh.due", "admin"),
    ] {
        let answer = stage.post(&user, &path, &body).await;
        let accepted = answer.expect(202);
        assert_eq!(answer.headers["location"], accepted["entry_url"].as_str().expect("a path"));
        assert_eq!((&accepted["account_id"], &accepted["published"]), (&json!(id), &json!(true)));
        let messages = stage.vhost.take(queue, 10).await;
        assert_eq!(messages.len(), 1);
        let message: Value = serde_json::from_str(&messages[0].payload).expect("JSON");
        assert_eq!(message, json!({ "attempt": accepted["attempt_id"], "account": id, "source": source }));
        let waiting = stage.get(&user, accepted["entry_url"].as_str().expect("a path")).await.expect(202);
        assert_eq!(waiting["state"], "waiting");
    }
    let database = stage.database.connect().await;
    let rows = database.query("select triggered_by from refresh_requests", &[]).await.expect("SQL");
    assert_eq!(rows.len(), 2);
    assert!(rows.iter().all(|row| row.get::<_, String>(0) == user.id.to_string()));
    stage.finish().await;
}

#[tokio::test]
async fn g7_a_press_waits_for_its_entry_where_that_is_wanted() {
    let stage = Stage::start().await;
    let org = stage.org("acme").await;
    let user = stage.user("anna", &[(org, Role::Operator)]).await;
    let id = stage.account(org, Environment::Production, "mil_243").await.account_id;
    // A paused account's press is closed by the worker's claim, without eBay.
    stage.store.pause_account(id).await.expect("the database answers");
    let worker = async {
        let message = crate::support::eventually("the press", || async {
            stage.vhost.take("refresh.debug", 1).await.pop()
        })
        .await;
        let message: Value = serde_json::from_str(&message.payload).expect("JSON");
        let attempt = serde_json::from_value(message["attempt"].clone()).expect("an id");
        assert!(matches!(claim(&stage, id, attempt).await, ClaimOutcome::NotRun(_)));
    };
    let path = format!("{DEBUG}?wait=30");
    let body = json!({ "account": id });
    let (answer, ()) = tokio::join!(stage.post(&user, &path, &body), worker);
    let answered = answer.expect(200);
    assert_eq!(answered["entry"]["id"], answered["attempt_id"]);
    assert_eq!(
        (&answered["entry"]["class"], &answered["entry"]["reason"]),
        (&json!("not_run"), &json!("paused"))
    );
    assert_eq!(answered["entry"]["triggered_by"], json!(user.id));
    let attempt = answered["attempt_id"].as_str().expect("an id");
    let entry = stage.get(&user, &account_path(id, &format!("attempts/{attempt}"))).await.expect(200);
    assert_eq!(entry, answered["entry"]);

    let began = Instant::now();
    let unanswered = stage.post(&user, &format!("{DEBUG}?wait=1"), &body).await.expect(202);
    assert!(began.elapsed() >= Duration::from_secs(1));
    assert!(unanswered["attempt_id"].is_string());
    stage.finish().await;
}

#[tokio::test]
async fn g7_a_waiting_press_is_answered_when_its_entry_is_announced() {
    let stage = Stage::start().await;
    let org = stage.org("acme").await;
    let user = stage.user("anna", &[(org, Role::Operator)]).await;
    let account = stage.account(org, Environment::Production, "mil_243").await;
    let id = account.account_id;
    stage.store.pause_account(id).await.expect("the database answers");
    let announcer = Announcer::new(stage.broker.publisher());
    let mut waits = Vec::new();
    for _ in 0..3 {
        let worker = async {
            let message = crate::support::eventually("the press", || async {
                stage.vhost.take("refresh.debug", 1).await.pop()
            })
            .await;
            let message: Value = serde_json::from_str(&message.payload).expect("JSON");
            let attempt = serde_json::from_value(message["attempt"].clone()).expect("an id");
            // What somebody else announces under its id wakes, and answers nothing.
            let forged = stage.entry(&account, Source::Debug, Class::Refreshed, None).await;
            announcer.announce(Entry { id: attempt, ..forged });
            let ClaimOutcome::NotRun(entry) = claim(&stage, id, attempt).await else {
                panic!("it is paused")
            };
            announcer.announce(*entry);
            Instant::now()
        };
        let body = json!({ "account": id });
        let path = format!("{DEBUG}?wait=30");
        let pressing = async { (stage.post(&user, &path, &body).await, Instant::now()) };
        let ((answer, end), begin) = tokio::join!(pressing, worker);
        assert_eq!(answer.expect(200)["entry"]["reason"], "paused");
        waits.push(end.saturating_duration_since(begin));
    }
    let shortest = waits.iter().min().expect("three");
    assert!(*shortest < Duration::from_millis(500), "the slow look alone found them: {waits:?}");
    stage.finish().await;
}

#[tokio::test]
async fn g7_a_press_during_an_attempt_names_it_and_has_an_attempt_of_its_own() {
    let mut stage = Stage::start().await;
    stage.expect_leases(1);
    let org = stage.org("acme").await;
    let user = stage.user("anna", &[(org, Role::Operator)]).await;
    let id = stage.account(org, Environment::Production, "mil_243").await.account_id;
    let first = press(&stage, &user, id).await;
    assert_eq!(first.get("in_flight"), None);
    let second = press(&stage, &user, id).await;
    assert_eq!(second["in_flight"], first["attempt_id"], "the first waits for a worker");

    assert!(matches!(claim(&stage, id, attempt(&second)).await, ClaimOutcome::Claimed(_)));
    let running = stage.get(&user, second["entry_url"].as_str().expect("a path")).await.expect(202);
    assert_eq!((&running["state"], &running["phases"]["called_at"]), (&json!("claimed"), &json!(null)));
    stage.store.tell_called(attempt(&second)).await.expect("the database answers");
    let calling = stage.get(&user, second["entry_url"].as_str().expect("a path")).await.expect(202);
    assert_eq!(calling["state"], "calling");
    let times =
        ["requested_at", "claimed_at", "called_at", "at"].map(|name| calling["phases"][name].as_str());
    assert!(times.iter().all(Option::is_some) && times.is_sorted(), "{calling}");
    let third = press(&stage, &user, id).await;
    assert_eq!(third["in_flight"], second["attempt_id"], "the second holds the lease");
    assert_ne!(third["attempt_id"], second["attempt_id"]);
    assert!(matches!(claim(&stage, id, attempt(&third)).await, ClaimOutcome::NotRun(_)));
    let entry = stage.get(&user, third["entry_url"].as_str().expect("a path")).await.expect(200);
    assert_eq!(entry["reason"], "in_flight");
    stage.finish().await;
}

#[tokio::test]
async fn g1_a_press_is_accepted_while_the_broker_is_away() {
    let (database, vhost) = tokio::join!(TestDatabase::migrated(), TestVhost::create());
    let (proxy, amqp_url) = Proxy::before(vhost.url()).await;
    let database_url = database.url().to_owned();
    let stage = Stage::start_through(database, &database_url, vhost, &amqp_url).await;
    let org = stage.org("acme").await;
    let user = stage.user("anna", &[(org, Role::Operator)]).await;
    let id = stage.account(org, Environment::Production, "mil_243").await.account_id;
    proxy.refuse(true).await;
    proxy.cut();
    let began = Instant::now();
    let accepted = press(&stage, &user, id).await;
    assert!(began.elapsed() < Duration::from_secs(3), "{:?}", began.elapsed());
    assert_eq!(accepted["published"], false);
    assert!(accepted["note"].as_str().is_some_and(|note| note.contains("scheduler")), "{accepted}");
    let request = stage.store.request_state(attempt(&accepted), None).await.expect("the database answers");
    assert!(request.is_some_and(|request| request.claimed_at.is_none() && request.closed_at.is_none()));
    // History is read without the broker.
    let logs = stage.get(&user, "/api/admin/ebay/tokens/terminal-logs").await.expect(200);
    assert_eq!(logs["entries"], json!([]));
    stage.finish().await;
}

#[tokio::test]
async fn an_account_without_a_token_cannot_be_refreshed_or_inspected() {
    let stage = Stage::start().await;
    let org = stage.org("acme").await;
    let user = stage.user("anna", &[(org, Role::Operator)]).await;
    let id = stage.account_without_token(org, Environment::Production, "fresh").await.account_id;
    let detail = stage.post(&user, DEBUG, &json!({ "account": id })).await.expect_problem(409);
    assert!(detail.contains("accounts import"), "{detail}");
    stage.get(&user, &account_path(id, "inspect")).await.expect_problem(409);
    stage.finish().await;
}

async fn press(stage: &Stage, user: &User, account: AccountId) -> Value {
    stage.post(user, DEBUG, &json!({ "account": account })).await.expect(202)
}

fn attempt(accepted: &Value) -> AttemptId {
    serde_json::from_value(accepted["attempt_id"].clone()).expect("an id")
}

async fn claim(stage: &Stage, account: AccountId, attempt: AttemptId) -> ClaimOutcome {
    let runner = Runner { instance: "worker-test".into(), version: "0.0.0".into() };
    let terms = LeaseTerms { runner, lease: Duration::from_secs(60), key_ids: vec!["k1".into()] };
    let mut outcomes =
        stage.store.claim(&[ClaimRequest { attempt, account }], &terms).await.expect("the database answers");
    outcomes.remove(0)
}
