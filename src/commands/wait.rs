//! A person's request from the command line: accepted, published, waited for, printed.

use std::{
    process::ExitCode,
    time::{Duration, Instant},
};

use super::selector::{AccountArgs, cli_user};
use crate::{
    config,
    domain::{
        account::{AccountId, AttemptId},
        class::Class,
    },
    message::{Entry, Source},
    queue::Broker,
    refresh::request_refresh,
    store::Store,
    terminal::{Layout, render},
};

/// A request is closed after 60 s without a worker, and an attempt after its lease.
const PATIENCE: Duration = Duration::from_secs(150);
/// A finished attempt's entry is waited for until the terminal shows it too, but not for long: it is
/// safe in the outbox.
const STORE_PATIENCE: Duration = Duration::from_secs(5);
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Asks for a refresh of one account, waits for its entry and prints it. Succeeds only if the token
/// was refreshed.
pub(super) async fn request_and_wait(
    account: &AccountArgs,
    source: Source,
    layout: Layout,
) -> anyhow::Result<ExitCode> {
    let store = config::store("token-refresh debug", 3)?;
    let broker = config::broker("token-refresh debug")?;
    let account = account.select(&store).await?;
    let entry = request(&store, &broker, account.subject.account_id, source).await?;
    print!("{}", render(&entry, layout, None));
    Ok(if entry.class == Class::Refreshed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Asks for a refresh and waits for its entry, telling each phase on standard error.
pub(super) async fn request(
    store: &Store,
    broker: &Broker,
    account: AccountId,
    source: Source,
) -> anyhow::Result<Entry> {
    let started = Instant::now();
    let phase = |text: &str| eprintln!("{:>7} ms  {text}", started.elapsed().as_millis());
    if store.stored_tokens(account).await?.is_none() {
        anyhow::bail!("the account has no token yet: `token-refresh accounts import` brings one");
    }
    let request = request_refresh(store, broker.publisher(), account, source, &cli_user()).await?;
    let attempt = request.attempt;
    phase(&format!("accepted as attempt {attempt}"));
    match request.published().await {
        Ok(()) => phase("published; waiting for a worker"),
        Err(error) => phase(&format!("not published ({error}); the scheduler will publish it")),
    }
    wait_for(store, attempt, phase).await
}

async fn wait_for(store: &Store, attempt: AttemptId, phase: impl Fn(&str)) -> anyhow::Result<Entry> {
    let started = Instant::now();
    let (mut claimed, mut finished) = (false, None);
    while started.elapsed() < PATIENCE {
        let entry = store.entry_of(attempt).await?;
        if entry.is_some() && finished.is_none() {
            phase("finished");
            finished = Some(Instant::now());
        }
        if let (Some(entry), Some(finished)) = (entry, finished) {
            if entry.position.is_some() {
                return Ok(entry);
            }
            if finished.elapsed() >= STORE_PATIENCE {
                phase("not yet in the terminal: is a log-writer live? (`token-refresh doctor`)");
                return Ok(entry);
            }
        } else if !claimed
            && store.request_state(attempt, None).await?.is_some_and(|state| state.claimed_at.is_some())
        {
            claimed = true;
            phase("claimed by a worker; calling eBay");
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    anyhow::bail!(
        "attempt {attempt} has no entry yet; `token-refresh doctor` says which part is missing, and `terminal` will show the entry"
    )
}
