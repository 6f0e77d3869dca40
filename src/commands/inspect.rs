//! `inspect`: an account from inside.

use std::process::ExitCode;

use anyhow::Context;
use clap::Args;

use super::{
    output,
    selector::{NarrowArgs, select},
};
use crate::{
    config::{self, RefreshArgs},
    crypto::Keyring,
    process::startup::check_keys,
    refresh::{Inspection, SealedView, inspect},
    store::{StatusFilter, Store},
    terminal::printable,
};

#[derive(Debug, Args)]
pub(super) struct Inspect {
    /// The account's id, or its username.
    #[arg(value_name = "ACCOUNT", required_unless_present = "failing")]
    account: Option<String>,
    #[command(flatten)]
    narrow: NarrowArgs,
    /// All accounts whose last refresh failed.
    #[arg(long, conflicts_with = "account")]
    failing: bool,
    /// Print JSON, one object a line.
    #[arg(long)]
    json: bool,
    #[command(flatten)]
    refresh: RefreshArgs,
}

pub(super) async fn run(command: Inspect) -> anyhow::Result<ExitCode> {
    let store = config::store("token-refresh inspect", 2)?;
    let keyring = config::keyring()?;
    if let Err(error) = check_keys(&store, &keyring).await {
        eprintln!("! {error:#}");
    }
    if let Some(name) = &command.account {
        let account = select(&store, name, &command.narrow).await?;
        let inspection = inspect(&store, &keyring, &account, command.refresh.refresh_before).await?;
        let inspection = inspection.context("the account has no token yet: `accounts import` brings one")?;
        command.print(&inspection)?;
        return Ok(ExitCode::SUCCESS);
    }
    let count = command.failing(&store, &keyring).await?;
    eprintln!("{count} account(s) fail");
    Ok(ExitCode::SUCCESS)
}

impl Inspect {
    async fn failing(&self, store: &Store, keyring: &Keyring) -> anyhow::Result<usize> {
        let lead = self.refresh.refresh_before;
        let mut filter = StatusFilter {
            orgs: self.narrow.orgs(store).await?,
            environment: self.narrow.environment,
            failing: true,
            ..StatusFilter::default()
        };
        let mut count = 0;
        loop {
            let page = store.account_status(&filter, lead, 500).await?;
            let Some(last) = page.last() else { return Ok(count) };
            filter.after = Some(last.account_id);
            for status in &page {
                let account = select(store, &status.account_id.to_string(), &NarrowArgs::default()).await?;
                if let Some(inspection) = inspect(store, keyring, &account, lead).await? {
                    count += 1;
                    if !self.print(&inspection)? {
                        return Ok(count);
                    }
                }
            }
        }
    }

    /// Prints an inspection; returns whether anybody still reads.
    fn print(&self, inspection: &Inspection) -> anyhow::Result<bool> {
        let text = if self.json { serde_json::to_string(inspection)? + "\n" } else { to_text(inspection) };
        output::print(&text)
    }
}

fn to_text(i: &Inspection) -> String {
    let s = &i.status;
    let at = |at: Option<chrono::DateTime<chrono::Utc>>| {
        at.map_or_else(|| "never".to_owned(), |at| at.to_rfc3339())
    };
    let mut lines = vec![
        format!("account         {} ({}) {}", printable(&s.account, false), s.environment, s.account_id),
        format!("org             {} {}", printable(&s.org, false), s.org_id),
        format!(
            "house name      {}",
            s.house_name.as_deref().map_or_else(|| "-".into(), |name| printable(name, false))
        ),
        format!(
            "ebay user id    {}",
            i.ebay_user_id.as_deref().map_or_else(|| "-".into(), |id| printable(id, false))
        ),
        format!("keyset          {}", printable(&s.client_id, false)),
        format!("status          {}", s.status),
        format!(
            "refresh error   {}",
            s.refresh_error.as_deref().map_or_else(|| "-".into(), |error| printable(error, false))
        ),
        format!("failures        {} since the last success", s.consecutive_failures),
        format!("last success    {}", at(s.last_success_at)),
        format!("last attempt    {}", at(s.last_attempt_at)),
        format!(
            "next refresh    {}",
            if s.next_refresh_at.is_none() { "not while paused".into() } else { at(s.next_refresh_at) }
        ),
        format!("access expiry   {}", at(s.access_expires_at)),
        format!(
            "refresh expiry  {}",
            s.refresh_expires_at.map_or_else(|| "unknown".into(), |at| at.to_rfc3339())
        ),
        format!(
            "token row       {} version {} changed {}",
            i.token_row,
            i.token_version,
            i.token_updated_at.to_rfc3339()
        ),
        format!("refresh token   {}", sealed(&i.refresh_token)),
    ];
    if let Some(access) = &i.access_token {
        lines.push(format!("access token    {}", sealed(access)));
    }
    if let Some(scopes) = &i.scopes {
        lines.push(format!("scopes          {}", printable(scopes, false)));
    }
    lines.push(format!("next step       {}", i.advice));
    lines.join("\n") + "\n\n"
}

fn sealed(view: &SealedView) -> String {
    let key = view
        .key_id
        .as_deref()
        .map_or_else(|| "no key id".into(), |id| format!("key \"{}\"", printable(id, false)));
    let known = if view.key_known { "" } else { " (not in TOKEN_KEYS)" };
    let sealed = format!("sealed {}…({} chars, {key}{known})", printable(&view.prefix, false), view.chars);
    match (&view.opened_prefix, &view.reason, &view.problem) {
        (Some(prefix), _, problem) => format!(
            "{sealed}; opens to {}…({} chars, fp {}){}",
            printable(prefix, false),
            view.opened_chars.unwrap_or_default(),
            view.fingerprint.as_deref().unwrap_or("-"),
            problem.as_ref().map_or_else(String::new, |problem| format!("; {problem}")),
        ),
        (None, Some(reason), problem) => {
            format!("{sealed}; does not open: {reason}: {}", problem.as_deref().unwrap_or_default())
        }
        (None, None, _) => sealed,
    }
}
