//! `terminal`: every attempt, newest first, or live.

use std::{collections::HashSet, process::ExitCode, str::FromStr, time::Duration};

use anyhow::Context;
use chrono::{DateTime, TimeDelta, Utc};
use clap::Args;
use tokio_util::sync::CancellationToken;

use super::{
    output,
    selector::{NarrowArgs, select},
};
use crate::{
    config,
    connect_log::{Feed, FeedEvent},
    domain::class::Class,
    message::{Action, Entry, Source},
    queue::Broker,
    store::{EntryFilter, Store},
    terminal::{HealthReport, Layout, render},
};

#[derive(Debug, Args)]
pub(super) struct Terminal {
    /// Go on showing entries as they arrive; the newest is then at the bottom.
    #[arg(long, short)]
    follow: bool,
    /// Past entries shown.
    #[arg(long, short = 'n', default_value_t = 20, value_parser = clap::value_parser!(i64).range(0..=1_000))]
    limit: i64,
    #[command(flatten)]
    narrow: NarrowArgs,
    /// Only this account: its id or username.
    #[arg(long)]
    account: Option<String>,
    /// Only this cause: scheduled, debug or admin.
    #[arg(long)]
    source: Option<Source>,
    /// Only this action, for example `token_refresh_failed`.
    #[arg(long)]
    action: Option<Action>,
    /// Only this class, for example `decrypt_failed`.
    #[arg(long)]
    class: Option<Class>,
    /// Only entries that have this text anywhere in them, in whatever case.
    #[arg(long, value_name = "TEXT")]
    text: Option<String>,
    /// Only entries of this time or later: RFC 3339, or how long ago, for example 2h.
    #[arg(long, value_name = "TIME")]
    since: Option<Moment>,
    /// Only entries before this time, written like `--since`.
    #[arg(long, value_name = "TIME")]
    until: Option<Moment>,
    /// How much of each entry: full, line or json.
    #[arg(long, default_value = "full")]
    layout: Layout,
    /// The same as `--layout json`: one entry a line on standard output, health on standard error.
    #[arg(long, conflicts_with = "layout")]
    json: bool,
}

/// A moment as people write it.
#[derive(Debug, Clone, Copy)]
enum Moment {
    At(DateTime<Utc>),
    Ago(TimeDelta),
}

/// Time between two health lines while following.
const HEALTH_EVERY: Duration = Duration::from_secs(30);

pub(super) async fn run(command: Terminal) -> anyhow::Result<ExitCode> {
    let store = config::store("token-refresh terminal", 4)?;
    let broker = config::broker("token-refresh terminal")?;
    let filter = command.filter(&store).await?;
    let layout = if command.json { Layout::Json } else { command.layout };
    let shutdown = CancellationToken::new();
    if command.follow {
        let stop = shutdown.clone();
        tokio::spawn(async move {
            drop(tokio::signal::ctrl_c().await);
            stop.cancel();
        });
        follow(&store, &broker, filter, command.limit, layout, &shutdown).await?;
    } else {
        let report = HealthReport::take(&store, &broker, filter.orgs.as_deref()).await?;
        eprint!("{}", report.to_text());
        let entries =
            if command.limit > 0 { store.history(&filter, None, command.limit).await? } else { Vec::new() };
        if entries.is_empty() {
            eprintln!("No entries: {}", why_empty(&store, &filter).await?);
        }
        for (index, entry) in entries.iter().enumerate() {
            if !print(entry, layout, Some(index + 1))? {
                break;
            }
        }
    }
    Ok(ExitCode::SUCCESS)
}

impl Terminal {
    async fn filter(&self, store: &Store) -> anyhow::Result<EntryFilter> {
        let account = match &self.account {
            Some(name) => Some(select(store, name, &self.narrow).await?.subject.account_id),
            None => None,
        };
        Ok(EntryFilter {
            orgs: self.narrow.orgs(store).await?,
            environment: self.narrow.environment,
            account,
            source: self.source,
            action: self.action,
            class: self.class,
            text: self.text.clone(),
            since: instant(store, self.since).await?,
            until: instant(store, self.until).await?,
        })
    }
}

impl FromStr for Moment {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let ago = humantime::parse_duration(text).ok().and_then(|ago| TimeDelta::from_std(ago).ok());
        ago.map(Self::Ago)
            .or_else(|| DateTime::parse_from_rfc3339(text).ok().map(|at| Self::At(at.to_utc())))
            .ok_or("write a time, like 2026-05-04T10:00:00Z, or how long ago, like 2h")
    }
}

/// When that was, by the clock that dates the entries.
async fn instant(store: &Store, moment: Option<Moment>) -> anyhow::Result<Option<DateTime<Utc>>> {
    Ok(match moment {
        None => None,
        Some(Moment::At(at)) => Some(at),
        Some(Moment::Ago(ago)) => {
            Some(store.clock().await?.checked_sub_signed(ago).context("that is too long ago")?)
        }
    })
}

/// Shows the past, oldest first, then what arrives, each entry once, until `shutdown`.
pub(super) async fn follow(
    store: &Store,
    broker: &Broker,
    filter: EntryFilter,
    limit: i64,
    layout: Layout,
    shutdown: &CancellationToken,
) -> anyhow::Result<()> {
    let feed = Feed::start(store.clone(), broker, shutdown.child_token());
    // The walk begins before the past is read: what is stored in between comes twice, and is known.
    let (after, _) = store.positions().await?;
    let mut events = feed.follow(filter.clone(), Some(after));
    let past = if limit > 0 { store.history(&filter, None, limit).await? } else { Vec::new() };
    let mut past_ids: HashSet<_> = past.iter().map(|entry| entry.id).collect();
    eprint!("{}", HealthReport::take(store, broker, filter.orgs.as_deref()).await?.to_text());
    if past.is_empty() {
        eprintln!("No entries yet: {}", why_empty(store, &filter).await?);
    }
    for entry in past.iter().rev() {
        if !print(entry, layout, None)? {
            return Ok(());
        }
    }
    let mut health = tokio::time::interval(HEALTH_EVERY);
    health.reset();
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return Ok(()),
            _ = health.tick() => match HealthReport::take(store, broker, filter.orgs.as_deref()).await {
                Ok(report) => eprint!("{}", report.to_text()),
                Err(error) => eprintln!("! {}", crate::error_chain::Chain(&error)),
            },
            event = events.recv() => match event {
                Some(FeedEvent::Entry { entry, corrects, .. }) => {
                    if corrects {
                        eprintln!("! an entry was shown that is not what is stored; stored for attempt {} is:", entry.id);
                    }
                    let known = past_ids.remove(&entry.id) && !corrects;
                    if !known && !print(&entry, layout, None)? {
                        return Ok(());
                    }
                }
                Some(FeedEvent::Live(true)) => eprintln!("live: entries arrive as they are made"),
                Some(FeedEvent::Live(false)) => eprintln!("not live: the broker is away; entries come from the store"),
                Some(FeedEvent::Gap { first, .. }) => eprintln!("gap: entries before position {first} are no longer kept"),
                Some(FeedEvent::Cursor(_)) => {}
                None => return Ok(()),
            },
        }
    }
}

/// Prints an entry; returns whether anybody still reads.
fn print(entry: &Entry, layout: Layout, number: Option<usize>) -> anyhow::Result<bool> {
    output::print(&render(entry, layout, number))
}

/// Why a terminal shows nothing: no match, or no attempt at all.
async fn why_empty(store: &Store, filter: &EntryFilter) -> anyhow::Result<&'static str> {
    let everything = EntryFilter { orgs: filter.orgs.clone(), ..EntryFilter::default() };
    Ok(if store.history(&everything, None, 1).await?.is_empty() {
        "no attempt was ever made. Is an account imported (`accounts list`) and does a worker run (`doctor`)?"
    } else {
        "entries exist, but none matches the filter."
    })
}
