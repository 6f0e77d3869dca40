//! `verify ACCOUNT`: proof that a debug run and the scheduler's run of one account are the same.

use std::{process::ExitCode, time::Duration};

use anyhow::Context;
use clap::Args;
use tokio::time::timeout;

use super::{selector::AccountArgs, wait::Desk};
use crate::{
    config::RefreshArgs,
    domain::{
        account::{AccountId, Status},
        token::{SEALED_PREFIX, TOKEN_PREFIX},
    },
    message::{Entry, Source},
    store::{EntryFilter, StatusFilter},
    terminal::{Layout, printable, render},
};

/// Prove that a debug run and the scheduler's run of one account are the same.
///
/// Makes a debug run, lets the scheduler make its next run at once, and compares both: source and
/// action, grant type, token prefix and fingerprint, place in the terminal, status of the account.
/// Fails unless every statement holds.
#[derive(Debug, Args)]
pub(super) struct Verify {
    #[command(flatten)]
    account: AccountArgs,
    #[command(flatten)]
    refresh: RefreshArgs,
}

/// How long the scheduler's run may take to show.
const PATIENCE: Duration = Duration::from_secs(90);

pub(super) async fn run(command: Verify) -> anyhow::Result<ExitCode> {
    let desk = Desk::open("token-refresh verify")?;
    let store = &desk.store;
    let account = command.account.select(store).await?;
    let id = account.subject.account_id;
    if account.paused_at.is_some() {
        anyhow::bail!(
            "the account is paused, so nothing would run; `token-refresh accounts resume {id}` first"
        );
    }
    println!("Debug run");
    let debug = desk.request(id, Source::Debug).await?;
    let top = stored_top(&desk, id, &debug).await?;
    print!("{}", render(&debug, Layout::Full, Some(1)));
    println!("\nScheduled run");
    let (position, _) = store.positions().await?;
    store.make_due(&[id], Source::Scheduled, None).await?;
    let scheduled = next_scheduled(&desk, id, position).await?;
    print!("{}", render(&scheduled, Layout::Full, Some(1)));
    let filter = StatusFilter { account: Some(id), ..StatusFilter::default() };
    let status = store.account_status(&filter, command.refresh.refresh_before, 1).await?;
    let status = status.into_iter().next().context("the account has no token")?;
    println!(
        "\nFixed and verified, for {} ({})",
        printable(&account.subject.username, false),
        account.subject.environment
    );
    let mut statements = statements(&debug, top, &scheduled);
    statements.push(Statement {
        text: "the account's status is ok or expiring_soon, and no refresh error lingers",
        holds: matches!(status.status, Status::Ok | Status::ExpiringSoon) && status.refresh_error.is_none(),
        details: format!(
            "status {}, refresh_error {}",
            status.status,
            status.refresh_error.as_deref().unwrap_or("none")
        ),
    });
    for statement in &statements {
        let mark = if statement.holds { "ok  " } else { "FAIL" };
        println!("{mark}  {}\n        {}", statement.text, printable(&statement.details, false));
    }
    let failed = statements.iter().filter(|statement| !statement.holds).count();
    if failed > 0 {
        println!(
            "\n{failed} statement(s) do not hold. `token-refresh inspect {id}` looks at the account from inside."
        );
        return Ok(ExitCode::FAILURE);
    }
    Ok(ExitCode::SUCCESS)
}

struct Statement {
    text: &'static str,
    holds: bool,
    details: String,
}

/// Whether the debug run's entry is the newest of its account in the unified terminal, once it is
/// stored.
async fn stored_top(desk: &Desk, account: AccountId, debug: &Entry) -> anyhow::Result<bool> {
    if desk.stored(account, debug.id, PATIENCE).await?.is_none() {
        return Ok(false);
    }
    let filter = EntryFilter { account: Some(account), ..EntryFilter::default() };
    let entries = desk.store.history(&filter, None, 20).await?;
    let mut newer = entries.iter().take_while(|entry| entry.id != debug.id);
    let there = entries.iter().any(|entry| entry.id == debug.id);
    Ok(there && newer.all(|newer| newer.created_at > debug.created_at))
}

/// The account's first scheduled run that is stored after `position`.
async fn next_scheduled(desk: &Desk, account: AccountId, position: i64) -> anyhow::Result<Entry> {
    let filter =
        EntryFilter { account: Some(account), source: Some(Source::Scheduled), ..EntryFilter::default() };
    eprintln!("waiting for the scheduler");
    // What the feed tells only wakes: as it comes an entry may not be stored yet, or be none at all.
    let mut events = desk.feed.follow(filter.clone(), Some(position));
    let stored = async {
        while events.recv().await.is_some() {
            if let Some(entry) = desk.store.entries_after(&filter, position, 1).await?.pop() {
                return Ok(entry);
            }
        }
        anyhow::bail!("the live feed has ended")
    };
    timeout(PATIENCE, stored).await.unwrap_or_else(|_| {
        Err(anyhow::anyhow!(
            "no scheduled run within {} s; is a scheduler live (`doctor`), is the account paused?",
            PATIENCE.as_secs()
        ))
    })
}

fn statements(debug: &Entry, top: bool, scheduled: &Entry) -> Vec<Statement> {
    let (debug_token, scheduled_token) = (token_of(debug), token_of(scheduled));
    let both = |field: &str| (body_of(debug, field), body_of(scheduled, field));
    let grant_type = both("grant_type");
    let plain = |token: &str| token.starts_with(TOKEN_PREFIX);
    vec![
        Statement {
            text: "the manual run is in the unified terminal, newest first, as source=debug, action=token_refresh_debug",
            holds: top && debug.source == Source::Debug && debug.action.as_str() == "token_refresh_debug",
            details: format!("entry {}, source {}, action {}", debug.id, debug.source, debug.action),
        },
        Statement {
            text: "the scheduler's run is in the same terminal as source=scheduled",
            holds: scheduled.source == Source::Scheduled,
            details: format!(
                "entry {}, source {}, action {}",
                scheduled.id, scheduled.source, scheduled.action
            ),
        },
        Statement {
            text: "both were answered by eBay with 200",
            holds: status_of(debug) == Some(200) && status_of(scheduled) == Some(200),
            details: format!("debug {}, scheduled {}", outcome(debug), outcome(scheduled)),
        },
        Statement {
            text: "both share one request builder: same method, address, headers and grant_type=refresh_token",
            holds: grant_type == ("refresh_token", "refresh_token") && same_shape(debug, scheduled),
            details: format!("grant_type {} and {}", grant_type.0, grant_type.1),
        },
        Statement {
            text: "both sent the same plain token, which begins with v^",
            holds: plain(debug_token) && debug_token == scheduled_token,
            details: format!("debug {debug_token}, scheduled {scheduled_token}"),
        },
        Statement {
            text: "nothing that begins with ENC: was sent",
            holds: !debug_token.starts_with(SEALED_PREFIX) && !scheduled_token.starts_with(SEALED_PREFIX),
            details: format!("sent: debug {}, scheduled {}", debug.sent, scheduled.sent),
        },
    ]
}

fn body_of<'a>(entry: &'a Entry, field: &str) -> &'a str {
    entry.request.as_ref().and_then(|request| request.body.get(field)).map_or("-", String::as_str)
}

fn token_of(entry: &Entry) -> &str {
    body_of(entry, "refresh_token")
}

fn status_of(entry: &Entry) -> Option<u16> {
    entry.response.as_ref().map(|response| response.status)
}

fn outcome(entry: &Entry) -> String {
    let status = status_of(entry).map_or_else(|| "no answer".to_owned(), |status| status.to_string());
    format!("{status} ({})", entry.class)
}

fn same_shape(one: &Entry, other: &Entry) -> bool {
    match (&one.request, &other.request) {
        (Some(one), Some(other)) => {
            one.method == other.method
                && one.url == other.url
                && one.headers.keys().eq(other.headers.keys())
                && one.body.keys().eq(other.body.keys())
        }
        _ => false,
    }
}
