//! `accounts`: import, list and manage sellers.

use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::{
    import::{self, Import},
    inspect, output,
    selector::{AccountArgs, NarrowArgs, cli_user},
    wait::request_and_wait,
};
use crate::{
    config::{self, RefreshArgs},
    message::Source,
    store::{AccountStatus, Removal, StatusFilter},
    terminal::{Layout, printable},
};

#[derive(Debug, Subcommand)]
pub(super) enum Accounts {
    Import(Import),
    /// List accounts with their status.
    List(List),
    /// Show one account.
    Show(inspect::Inspect),
    /// Refresh one account at once through the due queue, wait, and print the entry's line.
    Refresh(AccountArgs),
    /// Stop refreshing an account; what is under way goes on.
    Pause(AccountArgs),
    /// Refresh a paused account again, at once.
    Resume(AccountArgs),
    /// Remove an account and its tokens. Its entries stay.
    Remove {
        #[command(flatten)]
        account: AccountArgs,
        /// Do it: tokens cannot be brought back.
        #[arg(long)]
        yes: bool,
    },
}

#[derive(Debug, Args)]
pub(super) struct List {
    #[command(flatten)]
    narrow: NarrowArgs,
    /// Only accounts whose last refresh failed.
    #[arg(long)]
    failing: bool,
    /// Most accounts listed.
    #[arg(long, default_value_t = 1_000, value_parser = clap::value_parser!(i64).range(1..=1_000_000))]
    limit: i64,
    /// One JSON object a line.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    refresh: RefreshArgs,
}

pub(super) async fn run(command: Accounts) -> anyhow::Result<ExitCode> {
    match command {
        Accounts::Import(command) => import::run(command).await,
        Accounts::List(list) => list.run().await,
        Accounts::Show(command) => inspect::run(command).await,
        Accounts::Refresh(account) => request_and_wait(&account, Source::Admin, Layout::Line).await,
        Accounts::Pause(account) => {
            let store = config::store("token-refresh accounts", 2)?;
            let account = account.select(&store).await?;
            store.pause_account(account.subject.account_id).await?;
            println!(
                "paused {} ({})",
                printable(&account.subject.username, false),
                account.subject.environment
            );
            Ok(ExitCode::SUCCESS)
        }
        Accounts::Resume(account) => {
            let store = config::store("token-refresh accounts", 2)?;
            let account = account.select(&store).await?;
            let resumed = store.resume_account(account.subject.account_id, &cli_user()).await?;
            let name = printable(&account.subject.username, false);
            println!(
                "{} {name} ({})",
                if resumed { "resumed" } else { "not paused:" },
                account.subject.environment
            );
            Ok(ExitCode::SUCCESS)
        }
        Accounts::Remove { account, yes } => remove(&account, yes).await,
    }
}

async fn remove(account: &AccountArgs, yes: bool) -> anyhow::Result<ExitCode> {
    let store = config::store("token-refresh accounts", 2)?;
    let account = account.select(&store).await?;
    let name = format!(
        "{} ({}, {})",
        printable(&account.subject.username, false),
        account.subject.environment,
        account.org
    );
    if !yes {
        anyhow::bail!("{name} would lose its tokens for good; add --yes to do it");
    }
    match store.remove_account(account.subject.account_id).await? {
        Removal::Removed => println!("removed {name}; its entries stay"),
        Removal::Busy => anyhow::bail!("an attempt for {name} is under way or waits; try again in a minute"),
    }
    Ok(ExitCode::SUCCESS)
}

impl List {
    async fn run(&self) -> anyhow::Result<ExitCode> {
        let store = config::store("token-refresh accounts", 2)?;
        let mut filter = StatusFilter {
            orgs: self.narrow.orgs(&store).await?,
            environment: self.narrow.environment,
            failing: self.failing,
            ..StatusFilter::default()
        };
        let (mut left, lead) = (self.limit, self.refresh.refresh_before);
        while left > 0 {
            let page = store.account_status(&filter, lead, left.min(1_000)).await?;
            let Some(last) = page.last() else { break };
            filter.after = Some(last.account_id);
            left -= i64::try_from(page.len()).unwrap_or(left);
            for status in &page {
                let text = if self.json { serde_json::to_string(status)? } else { line(status) };
                if !output::print(&format!("{text}\n"))? {
                    return Ok(ExitCode::SUCCESS);
                }
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn line(status: &AccountStatus) -> String {
    let at = |at: Option<chrono::DateTime<chrono::Utc>>| {
        at.map_or_else(|| "never".to_owned(), |at| at.to_rfc3339_opts(chrono::SecondsFormat::Secs, true))
    };
    let error = status
        .refresh_error
        .as_deref()
        .map_or_else(String::new, |error| format!("  {}", printable(error, false)));
    format!(
        "{}  {:<24} {:<10} {:<18} last success {:<20} next {:<20}{error}",
        status.account_id,
        printable(&status.account, false),
        status.environment,
        status.status,
        at(status.last_success_at),
        at(status.next_refresh_at),
    )
}
