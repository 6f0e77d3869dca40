//! Followers that are cut off, start again, or read too slowly: each entry is shown, and shown once.

use std::{
    collections::{BTreeMap, HashSet},
    time::Duration,
};

use token_refresh::{
    connect_log::{Feed, FeedEvent},
    domain::{
        account::{AccountId, AttemptId},
        class::Class,
    },
    message::{Draft, ENTRY_TYPE, Entry, Runner, Source, Subject},
    queue::{Publication, names},
    store::EntryFilter,
};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{LONG_PATIENCE, expect_accounted, expect_stored, rested_sellers};
use crate::support::{
    eventually_within,
    proxy::Proxy,
    stage::{Actor, ENVIRONMENT, Stage},
};

/// How often each entry was printed.
fn printed(follower: &Actor) -> BTreeMap<AttemptId, usize> {
    let mut printed = BTreeMap::new();
    for line in follower.output().lines().filter(|line| line.starts_with("{\"id\"")) {
        let entry: Entry = serde_json::from_str(line).expect("an entry a line");
        *printed.entry(entry.id).or_default() += 1;
    }
    printed
}

/// Waits until `follower` has printed all of `attempts`, and checks that it printed none twice.
async fn expect_printed_once(follower: &Actor, attempts: &[AttemptId]) {
    eventually_within(LONG_PATIENCE, "all entries are printed", || async {
        let printed = printed(follower);
        attempts.iter().all(|attempt| printed.contains_key(attempt)).then_some(())
    })
    .await;
    let printed = printed(follower);
    let twice: Vec<_> = printed.iter().filter(|(_, times)| **times > 1).collect();
    assert!(twice.is_empty(), "printed twice: {twice:?}");
}

async fn press_all(stage: &Stage, accounts: &[AccountId]) -> Vec<AttemptId> {
    let mut attempts = Vec::new();
    for account in accounts {
        attempts.push(stage.debug(*account).await);
    }
    attempts
}

#[tokio::test]
async fn g1_a_follower_shows_each_entry_once_through_cuts_silence_and_its_own_restart() {
    let stage = Stage::set().await;
    let accounts = rested_sellers(&stage, "seller", 10).await;
    let (_worker, _writer) = (stage.worker().await, stage.log_writer().await);
    let (proxy, url) = Proxy::before(stage.vhost.url()).await;
    let follow = ["terminal", "--follow", "--json", "--limit", "1000"];
    let mut follower = stage.start_with(&follow, &[("AMQP_URL", &url)]).await;
    follower.expect_log("live: entries arrive").await;

    let mut attempts = press_all(&stage, &accounts).await;
    proxy.cut();
    attempts.extend(press_all(&stage, &accounts).await);
    expect_printed_once(&follower, &attempts).await;
    // Its broker is away: what happens meanwhile comes from the store.
    proxy.refuse(true).await;
    proxy.cut();
    follower.expect_log("not live: the broker is away").await;
    attempts.extend(press_all(&stage, &accounts).await);
    expect_printed_once(&follower, &attempts).await;
    proxy.refuse(false).await;
    attempts.extend(press_all(&stage, &accounts).await);
    expect_printed_once(&follower, &attempts).await;

    follower.kill().await;
    attempts.extend(press_all(&stage, &accounts).await);
    expect_stored(&stage, &attempts).await;
    let follower = stage.start_with(&follow, &[("AMQP_URL", &url)]).await;
    attempts.extend(press_all(&stage, &accounts).await);
    expect_printed_once(&follower, &attempts).await;
    assert_eq!(printed(&follower).len(), attempts.len());
    assert_eq!(expect_accounted(&stage).await.entries, attempts.len());
    stage.finish().await;
}

/// An entry that no attempt made.
async fn made_up(stage: &Stage, account: AccountId) -> Entry {
    let subject = Subject {
        account_id: account,
        org_id: stage.org,
        environment: ENVIRONMENT,
        username: "seller".into(),
        house_name: None,
    };
    let runner = Runner { instance: "it".into(), version: "it".into() };
    let draft =
        Draft::without_exchange(AttemptId::fresh(), &subject, Source::Scheduled, Class::Network, &runner);
    draft.stamp(stage.value("select clock()").await)
}

/// `count` entries of one instant, in the outbox.
async fn made_up_entries(stage: &Stage, account: AccountId, count: usize) -> Vec<Entry> {
    const PUT: &str = "insert into connect_log_outbox
            (id, created_at, org_id, account_id, environment, action, source, class, body)
        select id, (body::json->>'created_at')::timestamptz, (body::json->>'org_id')::uuid,
            (body::json->>'account_id')::uuid, body::json->>'environment', body::json->>'action',
            body::json->>'source', body::json->>'class', body
        from unnest($1::uuid[], $2::text[]) as entry (id, body)";
    let one = made_up(stage, account).await;
    let entries: Vec<Entry> = (0..count).map(|_| Entry { id: AttemptId::fresh(), ..one.clone() }).collect();
    let ids: Vec<_> = entries.iter().map(|entry| entry.id.0).collect();
    let bodies: Vec<_> = entries.iter().map(Entry::to_text).collect();
    stage.database.connect().await.execute(PUT, &[&ids, &bodies]).await.expect("the outbox takes them");
    stage.note_made_up(count);
    entries
}

/// As many stored entries.
async fn stored_entries(stage: &Stage, account: AccountId, count: usize) -> Vec<AttemptId> {
    let entries = made_up_entries(stage, account, count).await;
    let ids: Vec<AttemptId> = entries.iter().map(|entry| entry.id).collect();
    stage.store.store_entries(&ids).await.expect("they are stored");
    ids
}

async fn publish_all(stage: &Stage, entries: &[Entry]) {
    use futures::StreamExt;
    let publisher = stage.broker.publisher();
    futures::stream::iter(entries)
        .for_each_concurrent(300, |entry| {
            let publisher = publisher.clone();
            async move {
                let (id, body) = (entry.id.to_string(), entry.to_text());
                let publication = Publication {
                    exchange: names::CONNECT_LOG,
                    routing_key: "production.scheduled.network",
                    message_id: &id,
                    message_type: ENTRY_TYPE,
                    body: body.as_bytes(),
                    traceparent: None,
                };
                publisher.publish(&publication).await.expect("the broker takes it");
            }
        })
        .await;
}

/// Reads until `count` different entries were shown, and checks that none was shown twice.
async fn expect_shown_once(events: &mut mpsc::Receiver<FeedEvent>, count: usize) -> HashSet<AttemptId> {
    let mut shown = HashSet::new();
    while shown.len() < count {
        let event = tokio::time::timeout(LONG_PATIENCE, events.recv()).await;
        let event = event.unwrap_or_else(|_| panic!("{} of {count} entries were shown", shown.len()));
        if let Some(FeedEvent::Entry { entry, .. }) = event {
            assert!(shown.insert(entry.id), "{} was shown twice", entry.id);
        }
    }
    shown
}

#[tokio::test]
async fn g1_viewers_that_are_slower_than_a_flood_catch_up_from_the_store() {
    /// More than all buffers between the exchange and a viewer hold together.
    const FLOOD: usize = 8_000;
    let stage = Stage::set().await;
    let stop = CancellationToken::new();
    let feed = Feed::start(stage.store.clone(), &stage.broker, stop.clone());
    let mut slow = feed.follow(EntryFilter::default(), None);
    let follower = stage.start(&["terminal", "--follow", "--json", "--limit", "0"]).await;
    follower.expect_log("live: entries arrive").await;
    let _writer = stage.log_writer().await;
    follower.freeze().await;

    let account = stage.rested_seller("seller").await;
    let flood = made_up_entries(&stage, account, FLOOD).await;
    publish_all(&stage, &flood).await;
    let ids: Vec<AttemptId> = flood.iter().map(|entry| entry.id).collect();
    eventually_within(LONG_PATIENCE, "the flood is stored", || async {
        let stored: i64 = stage.value("select stored from connect_log_position").await;
        (stored == i64::try_from(FLOOD).expect("few")).then_some(())
    })
    .await;
    follower.thaw().await;
    assert_eq!(expect_shown_once(&mut slow, FLOOD).await, ids.iter().copied().collect());
    expect_printed_once(&follower, &ids).await;
    stop.cancel();
    stage.finish().await;
}

#[tokio::test]
async fn a_cursor_below_retention_is_told_of_the_gap() {
    let stage = Stage::set().await;
    let feed = Feed::start(stage.store.clone(), &stage.broker, CancellationToken::new());
    let account = stage.rested_seller("seller").await;
    stored_entries(&stage, account, 30).await;
    let (before, _) = stage.store.positions().await.expect("the store answers");
    stage.advance(Duration::from_secs(3 * 86_400)).await;
    assert_eq!(stage.store.retain(1).await.expect("the store answers").len(), 1);

    // Nothing is kept at all, which is a gap too.
    let mut events = feed.follow(EntryFilter::default(), Some(10));
    let event = crate::support::in_time("the gap", events.recv()).await;
    assert!(matches!(event, Some(FeedEvent::Gap { asked: 10, first }) if first == before + 1), "{event:?}");
    let new = stored_entries(&stage, account, 1).await;
    assert_eq!(expect_shown_once(&mut events, 1).await, HashSet::from([new[0]]));

    let mut events = feed.follow(EntryFilter::default(), Some(10));
    let event = crate::support::in_time("the gap", events.recv()).await;
    assert!(matches!(event, Some(FeedEvent::Gap { asked: 10, .. })), "{event:?}");
    assert_eq!(expect_shown_once(&mut events, 1).await, HashSet::from([new[0]]));
    // Who has seen all misses nothing.
    let mut events = feed.follow(EntryFilter::default(), Some(before));
    assert_eq!(expect_shown_once(&mut events, 1).await, HashSet::from([new[0]]));
    stage.finish().await;
}

#[tokio::test]
async fn g6_an_entry_that_cannot_be_read_hides_none_behind_it() {
    /// More than the walk reads at once.
    const ENTRIES: usize = 1_200;
    let stage = Stage::set().await;
    let feed = Feed::start(stage.store.clone(), &stage.broker, CancellationToken::new());
    let account = stage.rested_seller("seller").await;
    let ids = stored_entries(&stage, account, ENTRIES).await;
    stage.sql(&format!("update connect_logs set body = 'no entry' where id = '{}'", ids[100])).await;
    let mut events = feed.follow(EntryFilter::default(), Some(0));
    expect_shown_once(&mut events, ENTRIES - 1).await;
    let mend =
        "update connect_logs set body = (select body from connect_logs where id = '{}') where id = '{}'";
    stage.sql(&mend.replacen("{}", &ids[0].to_string(), 1).replace("{}", &ids[100].to_string())).await;
    stage.finish().await;
}

#[tokio::test]
async fn g1_a_forged_entry_gives_way_to_the_one_that_is_stored() {
    let stage = Stage::set().await;
    let account = stage.rested_seller("seller").await;
    let feed = Feed::start(stage.store.clone(), &stage.broker, CancellationToken::new());
    let mut events = feed.follow(EntryFilter::default(), None);
    feed.live_within(LONG_PATIENCE).await;
    let follower = stage.start(&["terminal", "--follow", "--json", "--limit", "0"]).await;
    follower.expect_log("live: entries arrive").await;

    let real = made_up_entries(&stage, account, 2).await;
    let mut forged = Entry { class: Class::Refreshed, position: Some(1), ..real[0].clone() };
    forged.error = Some("an entry that nobody made".into());
    publish_all(&stage, &[forged.clone()]).await;
    let (shown, corrects) = next_entry(&mut events).await;
    assert_eq!((shown.id, shown.error, shown.position, corrects), (real[0].id, forged.error, None, false));
    // Too late: its id was seen. What is true is not corrected.
    publish_all(&stage, &real).await;
    assert_eq!(next_entry(&mut events).await, (real[1].clone(), false));
    follower.expect_log(&real[1].id.to_string()).await;

    let ids: Vec<AttemptId> = real.iter().map(|entry| entry.id).collect();
    stage.store.store_entries(&ids).await.expect("they are stored");
    let (mut shown, corrects) = next_entry(&mut events).await;
    assert!(shown.position.take().is_some() && corrects);
    assert_eq!(shown, real[0]);
    follower.expect_log("an entry was shown that is not what is stored").await;
    eventually_within(LONG_PATIENCE, "the follower prints the stored entry", || async {
        (printed(&follower) == BTreeMap::from([(ids[0], 2), (ids[1], 1)])).then_some(())
    })
    .await;
    let after = stored_entries(&stage, account, 1).await;
    assert_eq!(next_entry(&mut events).await.0.id, after[0], "it is corrected once");
    stage.finish().await;
}

/// The next entry that is shown, and whether it corrects another.
async fn next_entry(events: &mut mpsc::Receiver<FeedEvent>) -> (Entry, bool) {
    loop {
        let event = crate::support::in_time("the next entry", events.recv()).await;
        if let FeedEvent::Entry { entry, corrects, .. } = event.expect("the feed goes on") {
            return (Entry::clone(&entry), corrects);
        }
    }
}
