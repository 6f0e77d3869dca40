//! Streams: each entry of one's orgs, over reconnects and restarts, and none of others.

use std::collections::HashSet;

use reqwest::{Method, Response};
use serde_json::Value;
use token_refresh::connect_log::Announcer;
use token_refresh::domain::account::{Environment, Role};
use token_refresh::domain::class::Class;
use token_refresh::message::{Entry, Source};

use super::stage::{Stage, User};
use crate::support::in_time;

const STREAM: &str = "/api/admin/ebay/tokens/terminal-logs/stream";

/// A stream as a client reads it.
struct Events {
    response: Response,
    unread: String,
    /// The id to come back with.
    last_id: Option<String>,
}

/// One event.
#[derive(Debug)]
struct Event {
    name: String,
    data: Value,
}

impl Events {
    async fn open(stage: &Stage, user: &User, query: &str, last_id: Option<&str>) -> Self {
        let mut request = stage.request(Method::GET, &format!("{STREAM}{query}")).bearer_auth(&user.token);
        if let Some(id) = last_id {
            request = request.header("last-event-id", id);
        }
        let response = request.send().await.expect("the API answers");
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        assert_eq!(response.headers()["cache-control"], "no-store");
        assert_eq!(response.headers()["x-accel-buffering"], "no");
        Self { response, unread: String::new(), last_id: last_id.map(str::to_owned) }
    }

    /// The next event; none at the stream's end.
    async fn next(&mut self) -> Option<Event> {
        loop {
            while let Some((block, rest)) = self.unread.split_once("\n\n") {
                let (block, rest) = (block.to_owned(), rest.to_owned());
                self.unread = rest;
                if let Some(event) = self.read(&block) {
                    return Some(event);
                }
            }
            let chunk = in_time("the next event", self.response.chunk()).await;
            // A server that stops may end the connection without an end of the body.
            let chunk = chunk.ok().flatten()?;
            self.unread.push_str(std::str::from_utf8(&chunk).expect("UTF-8"));
        }
    }

    fn read(&mut self, block: &str) -> Option<Event> {
        let (mut name, mut data) = (None, String::new());
        for line in block.lines() {
            match line.split_once(": ").or_else(|| line.split_once(':')) {
                Some(("event", text)) => name = Some(text.to_owned()),
                Some(("data", text)) => data.push_str(text),
                Some(("id", text)) => self.last_id = Some(text.to_owned()),
                _ => {}
            }
        }
        name.map(|name| Event { name, data: serde_json::from_str(&data).expect("JSON") })
    }

    /// Reads until an event of this name.
    async fn expect(&mut self, name: &str) -> Value {
        loop {
            let event = self.next().await.unwrap_or_else(|| panic!("the stream ended without {name}"));
            if event.name == name {
                return event.data;
            }
        }
    }

    /// Reads until these entries have come, and insists that no other did.
    async fn expect_entries(&mut self, entries: &[Entry]) {
        let wanted: HashSet<String> = entries.iter().map(|entry| entry.id.to_string()).collect();
        let mut seen = HashSet::new();
        while seen != wanted {
            let entry = self.expect("entry").await;
            let id = entry["id"].as_str().expect("an id").to_owned();
            assert!(wanted.contains(&id), "{entry} was not asked for");
            seen.insert(id);
        }
    }
}

#[tokio::test]
async fn g9_a_stream_brings_the_entries_of_ones_orgs_and_no_others() {
    let stage = Stage::start().await;
    let (ours, theirs) = (stage.org("ours").await, stage.org("theirs").await);
    let user = stage.user("anna", &[(ours, Role::Viewer)]).await;
    let own = stage.account(ours, Environment::Production, "mil_243").await;
    let sandbox = stage.account(ours, Environment::Sandbox, "mil_243").await;
    let hidden = stage.account(theirs, Environment::Production, "mil_243").await;
    let mut all = Events::open(&stage, &user, "", None).await;
    let mut production = Events::open(&stage, &user, "?env=production&source=debug", None).await;
    let start = all.expect("cursor").await;
    assert_eq!(start["position"], 0);
    production.expect("cursor").await;
    assert_eq!(all.expect("live").await["live"], true);
    let health = all.expect("health").await;
    assert_eq!(health.get("queues"), None);

    // Live, by the broker alone.
    let announcer = Announcer::new(stage.broker.publisher());
    let mut entries = Vec::new();
    for account in [&hidden, &own, &sandbox] {
        let entry = stage.entry(account, Source::Debug, Class::Refreshed, None).await;
        announcer.announce(entry.clone());
        entries.push(entry);
    }
    announcer.flush().await;
    all.expect_entries(&entries[1..]).await;
    production.expect_entries(&entries[1..2]).await;

    // Stored later: only the cursor moves, and what the broker did not bring comes.
    let missed = stage.entry(&own, Source::Debug, Class::Timeout, None).await;
    entries.push(missed.clone());
    stage.keep(&entries).await;
    all.expect_entries(std::slice::from_ref(&missed)).await;
    production.expect_entries(std::slice::from_ref(&missed)).await;
    all.expect("cursor").await;
    assert_eq!(all.last_id.as_deref(), Some("4"));
    stage.finish().await;
}

#[tokio::test]
async fn g1_a_stream_puts_the_stored_entry_in_the_place_of_a_forged_one() {
    let stage = Stage::start().await;
    let org = stage.org("acme").await;
    let user = stage.user("anna", &[(org, Role::Viewer)]).await;
    let account = stage.account(org, Environment::Production, "mil_243").await;
    let mut events = Events::open(&stage, &user, "", None).await;
    assert_eq!(events.expect("live").await["live"], true);
    let entry = stage.entry(&account, Source::Debug, Class::Timeout, None).await;
    let announcer = Announcer::new(stage.broker.publisher());
    announcer.announce(Entry { class: Class::Refreshed, ..entry.clone() });
    announcer.flush().await;
    let shown = events.expect("entry").await;
    assert_eq!((&shown["class"], shown.get("position")), (&"refreshed".into(), None));
    stage.keep(std::slice::from_ref(&entry)).await;
    let stored = events.expect("entry").await;
    assert_eq!((&stored["id"], &stored["class"]), (&shown["id"], &"timeout".into()));
    assert_eq!(stored["position"], 1, "only what is stored has a position");
    stage.finish().await;
}

#[tokio::test]
async fn g1_a_resumed_stream_misses_nothing_over_a_restart() {
    let mut stage = Stage::start().await;
    let org = stage.org("acme").await;
    let user = stage.user("anna", &[(org, Role::Viewer)]).await;
    let account = stage.account(org, Environment::Production, "mil_243").await;
    let announcer = Announcer::new(stage.broker.publisher());
    let mut entries = Vec::new();
    let mut shown = HashSet::new();
    let mut last_id: Option<String> = None;
    for round in 0..3 {
        let mut events = Events::open(&stage, &user, "", last_id.as_deref()).await;
        events.expect("cursor").await;
        // What is announced before the broker's link stands comes only once it is stored.
        loop {
            let event = events.next().await.expect("the stream goes on");
            match event.name.as_str() {
                "live" if event.data["live"] == true => break,
                "entry" => drop(shown.insert(event.data["id"].as_str().expect("an id").to_owned())),
                _ => {}
            }
        }
        let mut batch = Vec::new();
        for number in 0..4 {
            let entry = stage.entry(&account, Source::Scheduled, Class::Refreshed, None).await;
            // Some come by the broker and are stored late, some by the store alone.
            if number % 2 == 0 {
                announcer.announce(entry.clone());
            } else {
                stage.keep(std::slice::from_ref(&entry)).await;
            }
            batch.push(entry);
        }
        entries.extend(batch.clone());
        let mut left: HashSet<String> = entries.iter().map(|entry| entry.id.to_string()).collect();
        left.retain(|id| !shown.contains(id));
        while !left.is_empty() {
            let entry = events.expect("entry").await;
            let id = entry["id"].as_str().expect("an id").to_owned();
            // A repeat is known by its id, and only what was shown ahead of the walk is repeated.
            assert!(left.remove(&id) || shown.contains(&id), "{entry}");
            shown.insert(id);
        }
        last_id = events.last_id;
        stage.restart().await;
        assert!(stage.send(stage.request(Method::GET, "/healthz")).await.status.is_success());
        // Made while nobody looked.
        let away = stage.stored(&account, Source::Debug, Class::Refreshed, None).await;
        stage.keep(&batch).await;
        entries.push(away);
        assert!(last_id.is_some(), "round {round}");
    }
    let mut events = Events::open(&stage, &user, "", last_id.as_deref()).await;
    let all: HashSet<String> = entries.iter().map(|entry| entry.id.to_string()).collect();
    while shown != all {
        let entry = events.expect("entry").await;
        assert!(all.contains(entry["id"].as_str().expect("an id")));
        shown.insert(entry["id"].as_str().expect("an id").to_owned());
    }
    stage.finish().await;
}

#[tokio::test]
async fn g9_a_stream_ends_when_its_users_right_does() {
    let stage = Stage::start().await;
    let (one, other) = (stage.org("one").await, stage.org("other").await);
    let revoked = stage.user("anna", &[(one, Role::Viewer)]).await;
    let removed = stage.user("ben", &[(one, Role::Viewer), (other, Role::Viewer)]).await;
    let stays = stage.user("carl", &[(one, Role::Viewer)]).await;
    let mut streams = Vec::new();
    for user in [&revoked, &removed, &stays] {
        let mut events = Events::open(&stage, user, "", None).await;
        events.expect("health").await;
        streams.push(events);
    }
    stage.store.revoke_user("anna").await.expect("the database answers");
    let left = format!("delete from memberships where user_id = '{}' and org_id = '{other}'", removed.id);
    stage.database.connect().await.batch_execute(&left).await.expect("SQL");
    for events in &mut streams[..2] {
        while let Some(event) = events.next().await {
            assert_ne!(event.name, "entry");
        }
    }
    streams[2].expect("health").await;
    streams[2].expect("health").await;
    // Who lost one org comes back and sees the other.
    Events::open(&stage, &removed, "", None).await.expect("cursor").await;
    stage.finish().await;
}

#[tokio::test]
async fn a_cursor_that_is_not_kept_or_not_yet_made_is_a_gap() {
    let stage = Stage::start().await;
    let org = stage.org("acme").await;
    let user = stage.user("anna", &[(org, Role::Viewer)]).await;
    let account = stage.account(org, Environment::Production, "mil_243").await;
    let mut entries = Vec::new();
    for _ in 0..4 {
        entries.push(stage.stored(&account, Source::Scheduled, Class::Refreshed, None).await);
    }
    let mut events = Events::open(&stage, &user, "?after=1", None).await;
    events.expect_entries(&entries[1..]).await;

    // A reconnecting page repeats its address; the header knows more.
    let mut events = Events::open(&stage, &user, "?after=1", Some("3")).await;
    events.expect_entries(&entries[3..]).await;

    stage
        .database
        .connect()
        .await
        .batch_execute("delete from connect_logs where position <= 2")
        .await
        .expect("SQL");
    let mut events = Events::open(&stage, &user, "", Some("1")).await;
    let gap = events.expect("gap").await;
    assert_eq!((&gap["asked"], &gap["first"]), (&1.into(), &3.into()));
    events.expect_entries(&entries[2..]).await;

    let mut events = Events::open(&stage, &user, "", Some("999")).await;
    assert_eq!(events.expect("gap").await["asked"], 999);
    let entry = stage.stored(&account, Source::Scheduled, Class::Refreshed, None).await;
    events.expect_entries(&[entry]).await;
    stage.finish().await;
}

#[tokio::test]
async fn streams_end_with_the_process_and_have_a_limit() {
    let mut stage = Stage::start().await;
    let org = stage.org("acme").await;
    let user = stage.user("anna", &[(org, Role::Viewer)]).await;
    let mut streams = Vec::new();
    for _ in 0..16 {
        let mut events = Events::open(&stage, &user, "", None).await;
        events.expect("cursor").await;
        streams.push(events);
    }
    stage.get(&user, STREAM).await.expect_problem(503);
    drop(streams.split_off(15));
    crate::support::eventually("a place for another stream", || async {
        let request = stage.request(Method::GET, STREAM).bearer_auth(&user.token);
        let response = request.send().await.expect("the API answers");
        (response.status() == 200).then_some(())
    })
    .await;
    stage.restart().await;
    for events in &mut streams {
        while events.next().await.is_some() {}
    }
    stage.finish().await;
}
