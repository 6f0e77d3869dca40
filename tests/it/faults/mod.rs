//! Faults on the real servers and processes: whatever is killed, frozen, cut off or lost, every
//! attempt keeps exactly one entry (G1), and only the holder of a lease has an effect (G2).

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use futures::StreamExt;
use token_refresh::{
    domain::{
        account::{AccountId, AttemptId},
        class::{Class, Sent},
    },
    message::{Entry, Source},
    queue::{ViewerEvent, names},
    store::EntryFilter,
};
use tokio_util::sync::{CancellationToken, DropGuard};

use crate::support::{eventually, eventually_within, stage::Stage, until};

mod broker;
mod chaos;
mod database;
mod feed;
mod leak;
mod locks;
mod log_writer;
mod memory;
mod outage;
mod restart;
mod stopping;
mod storm;
mod worker;

/// Above the lease of a stage's worker, and above the age at which the relay takes an entry.
const LEASE_OVER: Duration = Duration::from_secs(7);

/// For runs of many accounts with pauses of ten seconds in them, the longest before a lost link is
/// tried again.
const LONG_PATIENCE: Duration = Duration::from_secs(180);

/// What a run amounted to.
#[derive(Debug)]
struct Tally {
    calls: usize,
    entries: usize,
    /// Entries that name the answer of a call.
    joined: usize,
    interrupted: usize,
}

/// Waits until all is stored, and holds the entries against the calls that the fake saw: an entry
/// that was surely sent names exactly one call, a call is named at most once, and a call that no
/// entry names belongs to an attempt that does not know whether it was sent.
async fn expect_accounted(stage: &Stage) -> Tally {
    stage.expect_settled().await;
    for queue in [names::REFRESH_DUE_DEAD, names::REFRESH_DEBUG_DEAD, names::CONNECT_LOG_STORE_DEAD] {
        assert_eq!(stage.vhost.depth(queue).await, 0, "no fault of a server makes a dead letter: {queue}");
    }
    let (entries, calls) = (stage.entries().await, stage.ebay.calls());
    assert_eq!(stage.ebay.violations(), []);
    let ids: HashSet<AttemptId> = entries.iter().map(|entry| entry.id).collect();
    assert_eq!(ids.len(), entries.len(), "no attempt has two entries");
    let mut unnamed: HashMap<&str, &str> = HashMap::new();
    for call in &calls {
        let username = call.username.as_deref().expect("every call brings a known seller's token");
        assert!(unnamed.insert(&call.rlogid, username).is_none(), "trace ids are unique");
    }
    let (mut joined, mut unsure) = (0, HashMap::<&str, usize>::new());
    for entry in &entries {
        let rlogid = entry.response.as_ref().map(|response| response.headers["rlogid"].as_str());
        match entry.sent {
            Sent::Yes => {
                let called = unnamed.remove(rlogid.expect("an answer has a trace id"));
                assert_eq!(called, Some(entry.account.as_str()), "one call for one entry: {entry:?}");
                joined += 1;
            }
            Sent::Unknown => *unsure.entry(&entry.account).or_default() += 1,
            Sent::No => assert_eq!(rlogid, None),
        }
    }
    for (rlogid, username) in unnamed {
        let left = unsure.get_mut(username).filter(|left| **left > 0);
        *left.unwrap_or_else(|| panic!("call {rlogid} of {username} belongs to no entry")) -= 1;
    }
    let interrupted = entries.iter().filter(|entry| entry.class == Class::Interrupted).count();
    let tally = Tally { calls: calls.len(), entries: entries.len(), joined, interrupted };
    println!("{tally:?}");
    tally
}

/// Waits for the attempt's entry, which says that its worker never told how the call ended.
async fn expect_interrupted(stage: &Stage, attempt: AttemptId) -> Entry {
    let entry = stage.entry(attempt).await;
    assert_eq!((entry.class, entry.sent), (Class::Interrupted, Sent::Unknown), "{entry:?}");
    entry
}

/// Makes an account due and waits until a worker has refreshed it. A message that a frozen worker
/// holds is sent again after a moment.
async fn expect_refreshed_again(stage: &Stage, account: AccountId) -> Entry {
    let before: HashSet<AttemptId> = entries_of(stage, account).await.iter().map(|entry| entry.id).collect();
    stage.make_due(account).await;
    let nudge = format!(
        "update refresh_state set queued_until = clock() where account_id = '{account}'
         and lease_attempt is null and queued_until < clock() + interval '8 seconds'"
    );
    let entry = eventually("another worker refreshes the account", || async {
        stage.sql(&nudge).await;
        entries_of(stage, account).await.into_iter().find(|entry| !before.contains(&entry.id))
    })
    .await;
    assert_eq!((entry.class, entry.sent), (Class::Refreshed, Sent::Yes), "{entry:?}");
    entry
}

/// An account's stored entries, newest first.
async fn entries_of(stage: &Stage, account: AccountId) -> Vec<Entry> {
    let filter = EntryFilter { account: Some(account), ..EntryFilter::default() };
    stage.store.history(&filter, None, 1_000).await.expect("the store answers")
}

/// All that an attempt can change in an account.
async fn snapshot(stage: &Stage, account: AccountId) -> (String, Vec<Entry>) {
    let query = format!(
        "select jsonb_build_object('state', to_jsonb(s), 'token', to_jsonb(t))::text
         from refresh_state s join tokens t using (account_id) where account_id = '{account}'"
    );
    (stage.value(&query).await, entries_of(stage, account).await)
}

/// Adds `count` rested sellers.
async fn rested_sellers(stage: &Stage, prefix: &str, count: usize) -> Vec<AccountId> {
    let names: Vec<String> = (0..count).map(|number| format!("{prefix}_{number}")).collect();
    let adding = names.iter().map(|name| stage.rested_seller(name));
    futures::stream::iter(adding).buffered(8).collect().await
}

/// Makes all accounts due at once.
async fn make_all_due(stage: &Stage, accounts: &[AccountId]) {
    stage.store.make_due(accounts, Source::Scheduled, None).await.expect("the store answers");
}

/// Waits until every account of `accounts` has `times` stored scheduled entries that say `refreshed`.
async fn expect_all_refreshed(stage: &Stage, accounts: &[AccountId], times: usize) {
    let ids = accounts.iter().map(ToString::to_string).collect::<Vec<_>>().join(",");
    let lagging = format!(
        "select array(select to_jsonb(s)::text from refresh_state s where account_id = any('{{{ids}}}')
         and {times} > (select count(*) from connect_logs l where l.account_id = s.account_id
             and l.source = 'scheduled' and l.class = 'refreshed'))"
    );
    let refreshing = until(async || stage.value::<Vec<String>>(&lagging).await.is_empty().then_some(()));
    if tokio::time::timeout(LONG_PATIENCE, refreshing).await.is_ok() {
        return;
    }
    panic!("not refreshed within {LONG_PATIENCE:?}: {:#?}", stage.value::<Vec<String>>(&lagging).await);
}

/// Waits for the stored entries of `attempts`.
async fn expect_stored(stage: &Stage, attempts: &[AttemptId]) {
    eventually_within(LONG_PATIENCE, "every attempt's entry is stored", || async {
        let stored: HashSet<AttemptId> = stage.entries().await.iter().map(|entry| entry.id).collect();
        attempts.iter().all(|attempt| stored.contains(attempt)).then_some(())
    })
    .await;
}

/// Someone who watches the exchange, as a terminal does.
struct Viewer {
    seen: Arc<Mutex<Vec<AttemptId>>>,
    _stop: DropGuard,
}

impl Viewer {
    async fn of(stage: &Stage) -> Self {
        let stop = CancellationToken::new();
        let mut events = stage.broker.subscribe(names::CONNECT_LOG, "#", stop.clone());
        assert_eq!(events.recv().await, Some(ViewerEvent::Connected));
        let seen = Arc::<Mutex<Vec<AttemptId>>>::default();
        let seeing = Arc::clone(&seen);
        tokio::spawn(async move {
            while let Some(event) = events.recv().await {
                let ViewerEvent::Message(message) = event else { continue };
                let entry: Entry = serde_json::from_slice(&message.body).expect("only entries are published");
                seeing.lock().unwrap_or_else(PoisonError::into_inner).push(entry.id);
            }
        });
        Self { seen, _stop: stop.drop_guard() }
    }

    /// Waits until the attempt's entry is published.
    async fn expect(&self, attempt: AttemptId) {
        eventually("the entry is published", || async { self.seen().contains(&attempt).then_some(()) }).await;
    }

    /// The attempts whose entries have come so far, copies too.
    fn seen(&self) -> Vec<AttemptId> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
