//! The terminal that can be trusted: each entry once, newest where it belongs, and its own health.

use serde_json::Value;
use token_refresh::message::{Entry, Source};

use crate::support::{
    come_true, eventually,
    stage::{Actor, Stage},
};

#[tokio::test]
async fn following_shows_the_past_and_then_each_entry_once() {
    let stage = Stage::set().await;
    let account = stage.rested_seller("mil_243").await;
    let _crew = stage.crew().await;
    let mut expected = Vec::new();
    for _ in 0..3 {
        expected.push(stage.entry(stage.debug(account).await).await.id.to_string());
    }
    let follower = stage.start(&["terminal", "--follow", "--json"]).await;
    follower.expect_log("live: entries arrive as they are made").await;
    for _ in 0..5 {
        expected.push(stage.entry(stage.debug(account).await).await.id.to_string());
    }
    stage.make_due(account).await;
    let scheduled = stage.expect_entry(account, |entry| entry.source == Source::Scheduled).await;
    expected.push(scheduled.id.to_string());
    expect_shown(&follower, expected.last().expect("some")).await;
    let shown = shown(&follower);
    let ids: Vec<&str> = shown.iter().filter_map(|entry| entry["id"].as_str()).collect();
    assert_eq!(ids, expected);
    stage.finish().await;
}

#[tokio::test]
async fn an_entry_is_seen_live_before_it_is_stored() {
    let stage = Stage::set().await;
    let account = stage.rested_seller("mil_243").await;
    let (_scheduler, _worker) = (stage.scheduler().await, stage.worker().await);
    let follower = stage.start(&["terminal", "--follow", "--json", "--limit", "0"]).await;
    follower.expect_log("live: entries arrive as they are made").await;
    let attempt = stage.debug(account).await;
    expect_shown(&follower, &attempt.to_string()).await;
    let shown_entry = shown(&follower).remove(0);
    assert_eq!(shown_entry["position"], Value::Null, "nobody stores");

    let waiting = stage.run(&["terminal", "--json"]).await.succeeded();
    assert_eq!(waiting.out, "");
    waiting.says("No log-writer is live").says("outbox 1");
    // What becomes stored later is known to the follower.
    let _log_writer = stage.log_writer().await;
    let stored = stage.entry(attempt).await;
    let second = stage.entry(stage.debug(account).await).await;
    expect_shown(&follower, &second.id.to_string()).await;
    let ids: Vec<Value> = shown(&follower).iter().map(|entry| entry["id"].clone()).collect();
    assert_eq!(ids, [stored.id.to_string(), second.id.to_string()]);
    stage.finish().await;
}

#[tokio::test]
async fn an_entry_that_the_exchange_did_not_bring_comes_from_the_store() {
    let stage = Stage::set().await;
    let account = stage.rested_seller("mil_243").await;
    let _crew = stage.crew().await;
    let follower = stage.start(&["terminal", "--follow", "--json", "--limit", "0"]).await;
    follower.expect_log("live: entries arrive as they are made").await;
    // Every link is cut again and again, while presses go on.
    let mut expected = Vec::new();
    for _ in 0..5 {
        expected.push(stage.debug_whatever_comes(account).await);
        stage.vhost.close_connections().await;
    }
    for attempt in &expected {
        stage.entry(*attempt).await;
        expect_shown(&follower, &attempt.to_string()).await;
    }
    stage.expect_settled().await;
    let shown = shown(&follower);
    for attempt in &expected {
        let times = shown.iter().filter(|entry| entry["id"] == attempt.to_string()).count();
        assert_eq!(times, 1, "{attempt}");
    }
    assert_eq!(shown.len(), stage.entries().await.len());
    stage.finish().await;
}

#[tokio::test]
async fn filters_show_what_fits_and_an_empty_view_says_why() {
    let stage = Stage::set().await;
    let (one, two) = (stage.rested_seller("one").await, stage.rested_seller("two").await);
    let nothing = stage.run(&["terminal"]).await.succeeded();
    nothing.says("No entries: no attempt was ever made").says("newest entry never").says("No worker is live");
    let _crew = stage.crew().await;
    for account in [one, two, one] {
        stage.entry(stage.debug(account).await).await;
    }
    for (arguments, count) in [
        (&[][..], 3),
        (&["--account", "one"], 2),
        (&["--account", "two", "--source", "debug"], 1),
        (&["--action", "token_refresh_debug"], 3),
        (&["--class", "refreshed", "--env", "production"], 3),
        (&["--limit", "1"], 1),
        (&["--limit", "0"], 0),
        (&["--class", "decrypt_failed"], 0),
        (&["--source", "scheduled"], 0),
        (&["--text", &one.to_string().to_uppercase()], 2),
        (&["--text", "nobody's"], 0),
        (&["--since", "1h"], 3),
        (&["--until", "1h"], 0),
        (&["--since", "2001-01-01T00:00:00Z", "--until", "2001-01-02T00:00:00+02:00"], 0),
    ] {
        let arguments: Vec<&str> =
            ["terminal", "--json"].into_iter().chain(arguments.iter().copied()).collect();
        let ran = stage.run(&arguments).await.succeeded();
        assert_eq!(ran.json().len(), count, "{arguments:?}");
        if count == 0 && !arguments.contains(&"0") {
            ran.says("entries exist, but none matches the filter");
        }
    }
    let line = stage.run(&["terminal", "--layout", "line", "--limit", "1"]).await.succeeded();
    assert_eq!(line.out.lines().count(), 1);
    line.prints("debug").prints("token_refresh_debug").prints("200");
    stage.finish().await;
}

#[tokio::test]
async fn names_and_answers_cannot_command_the_terminal() {
    let stage = Stage::set().await;
    let account = stage.rested_seller("mil_243").await;
    stage
        .sql(&format!(
            r"update accounts set house_name = E'\x1b[2Jgone\u202etxt', username = E'evil\x1b]0;title\x07' where id = '{account}'"
        ))
        .await;
    let _crew = stage.crew().await;
    stage.entry(stage.debug(account).await).await;
    for command in [&["terminal"][..], &["terminal", "--layout", "line"], &["inspect"], &["accounts", "list"]]
    {
        let id = account.to_string();
        let mut arguments = command.to_vec();
        if command == ["inspect"] {
            arguments.push(&id);
        }
        let ran = stage.run(&arguments).await.succeeded();
        for text in [&ran.out, &ran.err] {
            let harmless = !text.contains(['\u{1b}', '\u{7}', '\u{202e}']);
            assert!(harmless, "{arguments:?}: {text:?}");
        }
        ran.prints("evil\\u{1b}");
    }
    stage.finish().await;
}

/// The entries that a follower has printed.
fn shown(follower: &Actor) -> Vec<Value> {
    let output = follower.output();
    let entries = output.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    entries.filter(|value| serde_json::from_value::<Entry>(value.clone()).is_ok()).collect()
}

/// Waits for the entry itself: other lines may name its attempt before it is shown.
async fn expect_shown(follower: &Actor, id: &str) {
    come_true(&format!("the follower shows {id}"), async || {
        shown(follower).iter().any(|entry| entry["id"] == id)
    })
    .await;
}

#[tokio::test]
async fn a_follower_that_is_left_alone_tells_the_health_again() {
    let stage = Stage::set().await;
    let follower = stage.start(&["terminal", "--follow"]).await;
    follower.expect_log("No entries yet: no attempt was ever made").await;
    follower.expect_log("No scheduler is live").await;
    let all = stage.start(&["all", "--tick", "200ms"]).await;
    all.expect_log("started").await;
    let account = stage.seller("mil_243").await;
    stage.expect_entry(account, |_| true).await;
    follower.expect_log("source:   admin").await;
    eventually("a healthy view", || async {
        let ran = stage.run(&["terminal", "--limit", "0"]).await.succeeded();
        (!ran.err.contains("! ")).then_some(())
    })
    .await;
    stage.finish().await;
}

#[tokio::test]
async fn accounts_that_were_never_refreshed_are_told() {
    let stage = Stage::set().await;
    let healthy = stage.seller("mil_243").await;
    for name in ["later_1", "later_2"] {
        stage.rested_seller(name).await;
    }
    let paused = stage.rested_seller("paused").await;
    stage.sql(&format!("update accounts set paused_at = clock() where id = '{paused}'")).await;
    let _crew = stage.crew().await;
    stage.expect_entry(healthy, |_| true).await;
    let ran = stage.run(&["doctor"]).await.failed();
    ran.prints("2 accounts have no valid token\n");
    stage.finish().await;
}
