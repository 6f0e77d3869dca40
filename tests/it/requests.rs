//! People's requests: accepted, answered, never lost.

use std::time::Duration;

use token_refresh::{
    crypto::SealContext,
    domain::{
        account::AccountId,
        class::{Class, NotRun, Sent},
    },
    fake_ebay::Behaviour,
    message::{Action, Source},
    queue::names,
};

use crate::support::{
    cli::run_in,
    eventually,
    stage::{ENVIRONMENT, Stage, refresh_token},
};

mod once;

#[tokio::test]
async fn g7_a_press_while_a_lease_stands_is_answered_at_once() {
    let stage = Stage::set().await;
    let account = stage.seller_who("mil_243", Behaviour::Hold).await;
    let _crew = stage.crew().await;
    stage.expect_in_flight(1).await;
    let held: uuid::Uuid =
        stage.value(&format!("select lease_attempt from refresh_state where account_id = '{account}'")).await;

    let answer = stage.entry(stage.debug(account).await).await;
    assert_eq!((answer.class, answer.sent), (Class::NotRun, Sent::No));
    assert_eq!(answer.reason.as_deref(), Some("in_flight"));
    assert_eq!((&answer.request, &answer.response), (&None, &None));
    assert!(answer.error.as_deref().is_some_and(|error| error.contains(&held.to_string())), "{answer:?}");
    assert_eq!(stage.ebay.in_flight(), 1, "the lease was answered, not waited for");

    let ran = stage.run(&["debug", "mil_243"]).await.failed();
    ran.prints("not_run (in_flight)").prints(&held.to_string());
    stage.ebay.release_all();
    let first = stage.expect_entry(account, |entry| entry.class == Class::Refreshed).await;
    assert_eq!(first.id.0, held);
    stage.expect_settled().await;
    assert_eq!(stage.ebay.calls().len(), 1);
    stage.finish().await;
}

#[tokio::test]
async fn a_paused_account_is_not_run_and_a_resume_runs_it() {
    let stage = Stage::set().await;
    let account = stage.seller("mil_243").await;
    stage.run(&["accounts", "pause", "mil_243"]).await.succeeded().prints("paused mil_243");
    let _crew = stage.crew().await;
    let entry = stage.entry(stage.debug(account).await).await;
    assert_eq!((entry.class, entry.reason.as_deref()), (Class::NotRun, Some("paused")));
    stage.run(&["debug", "mil_243"]).await.failed().prints("not_run (paused)").prints("Resume it");
    assert_eq!(stage.ebay.calls(), []);

    stage.run(&["accounts", "resume", "mil_243"]).await.succeeded().prints("resumed mil_243");
    let resumed = stage.expect_entry(account, |entry| entry.class == Class::Refreshed).await;
    assert_eq!((resumed.source, resumed.action), (Source::Admin, Action::TokenRefreshed));
    assert!(resumed.triggered_by.as_deref().is_some_and(|by| by.starts_with("cli:")), "{resumed:?}");
    stage.run(&["accounts", "resume", "mil_243"]).await.succeeded().prints("not paused");
    stage.expect_settled().await;
    assert_eq!(stage.ebay.calls().len(), 1);
    stage.finish().await;
}

#[tokio::test]
async fn g1_a_paused_account_with_a_dead_lease_gets_its_entry_and_stays_paused() {
    let stage = Stage::set().await;
    let account = stage.seller_who("mil_243", Behaviour::Hang).await;
    let _scheduler = stage.scheduler().await;
    let _log_writer = stage.log_writer().await;
    let mut worker = stage.worker().await;
    stage.expect_in_flight(1).await;
    worker.kill().await;
    stage.store.pause_account(account).await.expect("the store answers");
    stage.advance(Duration::from_secs(60)).await;

    let entry = stage.expect_entry(account, |_| true).await;
    assert_eq!((entry.class, entry.sent), (Class::Interrupted, Sent::Unknown));
    let status = stage.status(account).await;
    assert_eq!(status.status.as_str(), "paused");
    assert!(!status.in_flight);
    stage.advance(Duration::from_secs(7_200)).await;
    let _worker = stage.worker().await;
    let debug = stage.entry(stage.debug(account).await).await;
    assert_eq!(debug.reason.as_deref(), Some("paused"));
    stage.expect_settled().await;
    assert_eq!(stage.ebay.calls().len(), 1);
    stage.finish().await;
}

#[tokio::test]
async fn g1_a_press_that_meets_a_dead_lease_closes_it_and_runs() {
    let stage = Stage::set().await;
    let account = stage.seller_who("mil_243", Behaviour::Hang).await;
    let scheduler = stage.scheduler().await;
    let mut worker = stage.worker().await;
    stage.expect_in_flight(1).await;
    worker.kill().await;
    drop(scheduler);
    stage.ebay.set_behaviour("mil_243", Behaviour::Healthy);
    stage.advance(Duration::from_secs(60)).await;

    let _worker = stage.worker().await;
    let _log_writer = stage.log_writer().await;
    let debug = stage.entry(stage.debug(account).await).await;
    assert_eq!((debug.class, debug.attempt), (Class::Refreshed, 2));
    stage.expect_entry(account, |entry| entry.class == Class::Interrupted).await;
    stage.expect_settled().await;
    stage.finish().await;
}

#[tokio::test]
async fn g1_a_worker_that_is_told_to_stop_finishes_what_is_under_way() {
    let stage = Stage::set().await;
    let account = stage.seller_who("mil_243", Behaviour::Hold).await;
    let (_scheduler, _log_writer) = (stage.scheduler().await, stage.log_writer().await);
    let mut worker = stage.start(&["worker"]).await;
    stage.expect_in_flight(1).await;
    let later = stage.rested_seller("later").await;
    let (code, ()) = tokio::join!(worker.stop(), async {
        worker_takes_no_more(&stage).await;
        stage.ebay.release_all();
    });
    assert_eq!(code, Some(0));
    assert!(worker.output().contains("finishing what is under way"), "{}", worker.output());
    let entry = stage.expect_entry(account, |_| true).await;
    assert_eq!((entry.class, entry.sent), (Class::Refreshed, Sent::Yes));

    // What it did not begin is another's.
    let attempt = stage.debug(later).await;
    let _worker = stage.worker().await;
    assert_eq!(stage.entry(attempt).await.class, Class::Refreshed);
    stage.expect_settled().await;
    assert_eq!(stage.ebay.calls().len(), 2);
    stage.finish().await;
}

/// Waits until no process takes presses any more. The due queue still counts the consumer that holds
/// a message.
async fn worker_takes_no_more(stage: &Stage) {
    eventually("the worker takes nothing more", || async {
        let queues = stage.broker.queue_status().await.expect("the broker answers");
        let queue = queues.iter().find(|queue| queue.name == names::REFRESH_DEBUG)?;
        (queue.consumers == 0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn g1_a_request_that_nobody_takes_is_closed_as_undelivered() {
    let stage = Stage::set().await;
    let account = stage.rested_seller("mil_243").await;
    let _scheduler = stage.scheduler().await;
    let _log_writer = stage.log_writer().await;
    let attempt = stage.debug(account).await;
    stage.advance(Duration::from_secs(59)).await;
    assert!(stage.entry_of(attempt).await.is_none());
    stage.advance(Duration::from_secs(2)).await;
    let entry = stage.entry(attempt).await;
    assert_eq!((entry.class, entry.sent), (Class::NotRun, Sent::No));
    assert_eq!(entry.reason.as_deref(), Some(NotRun::Undelivered.as_str()));
    assert_eq!(entry.triggered_by, Some(stage.user.to_string()));
    assert!(entry.instance.starts_with("scheduler-"), "{entry:?}");

    // The message is still there: it has no effect any more.
    let _worker = stage.worker().await;
    stage.vhost.expect_depth(names::REFRESH_DEBUG, 0).await;
    stage.expect_settled().await;
    assert_eq!(stage.entries().await.len(), 1);
    assert_eq!(stage.ebay.calls(), []);
    stage.finish().await;
}

#[tokio::test]
async fn g1_a_request_whose_message_is_lost_is_published_again() {
    let stage = Stage::set().await;
    let account = stage.rested_seller("mil_243").await;
    let attempt = stage.debug(account).await;
    stage.vhost.expect_depth(names::REFRESH_DEBUG, 1).await;
    stage.vhost.purge(names::REFRESH_DEBUG).await;
    let _crew = stage.crew().await;
    stage.advance(Duration::from_secs(6)).await;
    let entry = stage.entry(attempt).await;
    assert_eq!((entry.class, entry.source), (Class::Refreshed, Source::Debug));
    stage.expect_settled().await;
    assert_eq!(stage.ebay.calls().len(), 1);
    stage.finish().await;
}

#[tokio::test]
async fn g1_a_request_of_a_plain_refresh_takes_the_due_queue() {
    let stage = Stage::set().await;
    let account = stage.rested_seller("mil_243").await;
    let _crew = stage.crew().await;
    let ran = stage.run(&["accounts", "refresh", "mil_243"]).await.succeeded();
    ran.prints("admin").prints("token_refreshed").says("accepted as attempt").says("finished");
    let entry = stage.expect_entry(account, |_| true).await;
    assert_eq!((entry.source, entry.action), (Source::Admin, Action::TokenRefreshed));
    stage.expect_settled().await;
    stage.finish().await;
}

#[tokio::test]
async fn g7_a_press_is_answered_while_two_thousand_due_accounts_hang() {
    let stage = Stage::set().await;
    let person = stage.rested_seller("person").await;
    stage
        .sql(&format!(
            "insert into accounts (id, org_id, keyset_id, environment, username)
             select gen_random_uuid(), '{}', '{}', 'production', 'backlog_' || n from generate_series(1, 2000) n;
             insert into refresh_state (account_id) select id from accounts where username like 'backlog_%'",
            stage.org, stage.keyset
        ))
        .await;
    // All hold the same token, which eBay knows: they differ in nothing that matters here.
    stage.seller_who("hanging", Behaviour::Hang).await;
    seal_all(&stage, "hanging").await;
    let _worker = stage.start(&["worker", "--lease", "120s", "--call-timeout", "60s", "--slots", "40"]).await;
    let _log_writer = stage.log_writer().await;
    let _scheduler = stage.scheduler().await;
    stage.expect_in_flight(40).await;
    eventually("the rest waits in the queue", || async {
        (stage.vhost.depth(names::REFRESH_DUE).await > 1_500).then_some(())
    })
    .await;

    let debug = stage.entry(stage.debug(person).await).await;
    assert_eq!(debug.class, Class::Refreshed);
    assert!(debug.timings_ms["total"] < 5_000, "{debug:?}");
    assert!(debug.timings_ms["queued"] < 20_000, "behind the backlog it would wait for a minute: {debug:?}");
    assert_eq!(stage.ebay.in_flight(), 40, "every due slot still hangs");
    stage.finish().await;
}

/// Gives every account of the backlog the token of `username`, sealed for it.
async fn seal_all(stage: &Stage, username: &str) {
    let client = stage.database.connect().await;
    let rows =
        client.query("select id from accounts where username like 'backlog_%'", &[]).await.expect("SQL");
    let token = refresh_token(username, 1);
    let (mut accounts, mut sealed) = (Vec::new(), Vec::new());
    for row in rows {
        let account = AccountId(row.get(0));
        let context = SealContext::refresh_token(account, ENVIRONMENT);
        accounts.push(account.0);
        sealed.push(stage.keyring.seal(&context, token.expose()));
    }
    let insert =
        "insert into tokens (account_id, refresh_token) select * from unnest($1::uuid[], $2::text[])";
    client.execute(insert, &[&accounts, &sealed]).await.expect("SQL");
}

#[tokio::test]
async fn g1_a_press_while_the_broker_is_away_is_published_later() {
    let stage = Stage::set().await;
    let account = stage.rested_seller("mil_243").await;
    let _crew = stage.crew().await;
    let [database, _, keys] = stage.environment();
    let environment = [database, ("AMQP_URL", "amqp://nobody:hush@127.0.0.1:1/x"), keys];
    let (ran, ()) = tokio::join!(run_in(&environment, &["debug", "mil_243"], ""), async {
        eventually("the request is stored", || async {
            let stored: i64 = stage.value("select count(*) from refresh_requests").await;
            (stored == 1).then_some(())
        })
        .await;
        stage.advance(Duration::from_secs(6)).await;
    });
    ran.succeeded()
        .says("not published")
        .says("the scheduler will publish it")
        .prints("HTTP 200")
        .hides("hush");
    stage.expect_entry(account, |entry| entry.source == Source::Debug).await;
    stage.expect_settled().await;
    assert_eq!(stage.ebay.calls().len(), 1);
    stage.finish().await;
}

#[tokio::test]
async fn a_press_for_an_account_without_a_token_is_refused_at_once() {
    let stage = Stage::set().await;
    stage.account("mil_243").await;
    stage.run(&["debug", "mil_243"]).await.failed().says("no token yet").says("accounts import");
    stage.run(&["accounts", "refresh", "mil_243"]).await.failed().says("no token yet");
    assert_eq!(stage.value::<i64>("select count(*) from refresh_requests").await, 0);
    stage.finish().await;
}

#[tokio::test]
async fn g1_an_account_is_not_removed_while_a_request_is_being_accepted() {
    let stage = Stage::set().await;
    let account = stage.rested_seller("mil_243").await;
    let mut client = stage.database.connect().await;
    let accepting = client.transaction().await.expect("a transaction");
    let insert = "insert into refresh_requests (attempt, account_id, source, triggered_by) values ($1, $2, 'debug', 'it')";
    accepting.execute(insert, &[&uuid::Uuid::now_v7(), &account.0]).await.expect("a request");
    let (removal, ()) = tokio::join!(stage.run(&["accounts", "remove", "mil_243", "--yes"]), async {
        eventually("the removal waits", || async {
            let waiting = "select count(*) from pg_stat_activity
                where datname = current_database() and wait_event_type = 'Lock' and query like '%remove_account%'";
            (stage.value::<i64>(waiting).await == 1).then_some(())
        })
        .await;
        accepting.commit().await.expect("it is accepted");
    });
    removal.failed().says("is under way or waits");
    assert_eq!(stage.value::<i64>("select count(*) from refresh_requests").await, 1);
    stage.finish().await;
}
