//! A person's request from the command line: accepted, published, waited for, printed.

use std::{
    process::ExitCode,
    time::{Duration, Instant},
};

use tokio_util::sync::CancellationToken;

use super::selector::{AccountArgs, cli_user};
use crate::{
    config,
    connect_log::{Feed, wait_for},
    domain::{
        account::{AccountId, AttemptId},
        class::Class,
        retry::Pauses,
    },
    message::{Entry, Source},
    queue::Broker,
    refresh::request_refresh,
    store::{Store, StoreError},
    terminal::{Layout, render},
};

/// A request is closed after 60 s without a worker, and an attempt after its lease.
const PATIENCE: Duration = Duration::from_secs(150);
/// A finished attempt's entry is waited for until the terminal shows it too, but not for long: it is
/// safe in the outbox.
const STORE_PATIENCE: Duration = Duration::from_secs(5);
/// How long a request waits for the link that will tell of its entry; without it that takes longer.
const LIVE_WITHIN: Duration = Duration::from_secs(2);
/// Time between two looks at how far a request is.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// What a command works with that makes requests and waits for what becomes of them.
pub(super) struct Desk {
    pub(super) store: Store,
    broker: Broker,
    pub(super) feed: Feed,
}

impl Desk {
    /// Connects as `name`, and listens to the exchange from here on.
    pub(super) fn open(name: &str) -> anyhow::Result<Self> {
        let (store, broker) = (config::store(name, 3)?, config::broker(name)?);
        let feed = Feed::start(store.clone(), &broker, CancellationToken::new());
        Ok(Self { store, broker, feed })
    }

    /// Asks for a refresh and waits for its entry, telling each phase on standard error.
    pub(super) async fn request(&self, account: AccountId, source: Source) -> anyhow::Result<Entry> {
        let store = &self.store;
        if store.stored_tokens(account).await?.is_none() {
            anyhow::bail!("the account has no token yet: `token-refresh accounts import` brings one");
        }
        self.feed.live_within(LIVE_WITHIN).await;
        let arrivals = self.feed.arrivals();
        let started = Instant::now();
        let phase = |text: &str| eprintln!("{:>7} ms  {text}", started.elapsed().as_millis());
        let request = request_refresh(store, self.broker.publisher(), account, source, &cli_user()).await?;
        let attempt = request.attempt;
        phase(&format!("accepted as attempt {attempt}"));
        match request.published().await {
            Ok(()) => phase("published; waiting for a worker"),
            Err(error) => phase(&format!("not published ({error}); the scheduler will publish it")),
        }
        let mut found = std::pin::pin!(wait_for(store, arrivals, account, attempt, PATIENCE));
        let entry = tokio::select! {
            entry = &mut found => entry?,
            claimed = claimed(store, attempt) => {
                claimed?;
                phase("claimed by a worker; calling eBay");
                found.await?
            }
        };
        let Some(entry) = entry else {
            anyhow::bail!(
                "attempt {attempt} has no entry yet; `token-refresh doctor` says which part is missing, and `terminal` will show the entry"
            )
        };
        phase("finished");
        if let Some(stored) = self.stored(account, attempt, STORE_PATIENCE).await? {
            return Ok(stored);
        }
        phase("not yet in the terminal: is a log-writer live? (`token-refresh doctor`)");
        Ok(entry)
    }

    /// The entry of an attempt once it is stored, if that is within `limit`. No message tells of
    /// that; where a log-writer is live it takes moments.
    pub(super) async fn stored(
        &self,
        account: AccountId,
        attempt: AttemptId,
        limit: Duration,
    ) -> Result<Option<Entry>, StoreError> {
        let until = Instant::now() + limit;
        let mut pauses = Pauses::new(Duration::from_millis(100), Duration::from_secs(2));
        loop {
            let entry = self.store.entry_of(account, attempt).await?;
            let stored = entry.filter(|entry| entry.position.is_some());
            if stored.is_some() || Instant::now() >= until {
                return Ok(stored);
            }
            tokio::time::sleep(pauses.next()).await;
        }
    }
}

/// Waits until a worker has claimed a request.
async fn claimed(store: &Store, attempt: AttemptId) -> Result<(), StoreError> {
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        if store.request_state(attempt, None).await?.is_some_and(|state| state.claimed_at.is_some()) {
            return Ok(());
        }
    }
}

/// Asks for a refresh of one account, waits for its entry and prints it. Succeeds only if the token
/// was refreshed.
pub(super) async fn request_and_wait(
    account: &AccountArgs,
    source: Source,
    layout: Layout,
) -> anyhow::Result<ExitCode> {
    let desk = Desk::open("token-refresh debug")?;
    let account = account.select(&desk.store).await?;
    let entry = desk.request(account.subject.account_id, source).await?;
    print!("{}", render(&entry, layout, None));
    Ok(if entry.class == Class::Refreshed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
