//! `accounts import`: sellers from a file.

use std::{
    fs::File,
    io::{BufRead, BufReader, stdin},
    path::{Path, PathBuf},
    process::ExitCode,
    sync::Arc,
};

use anyhow::Context as _;
use clap::Args;
use futures::{StreamExt, stream};

use super::{
    progress::counter,
    selector::{cli_user, find_org},
};
use crate::{
    config,
    crypto::{Keyring, SealContext},
    domain::account::{Environment, KeysetId, OrgId},
    import::{Accounts, Format, Record},
    process::startup::check_keys,
    store::{ImportOutcome, ImportToken, Keyset, NewAccount, Store, StoreError},
};

/// Bring accounts in from a file of JSON lines or CSV.
///
/// Columns: username, environment, refresh_token; optional: refresh_token_expires_at (RFC 3339,
/// YYYY-MM-DD or Unix seconds), house_name, ebay_user_id. A line that cannot be taken is told with
/// its number and the reason, and the others go on. Safe to run twice: a token that its account
/// already had is skipped.
#[derive(Debug, Args)]
pub(super) struct Import {
    /// JSON lines or CSV with a header; `-` is standard input.
    file: PathBuf,
    /// The org that the accounts belong to, by name or id.
    #[arg(long)]
    org: String,
    /// The keyset that issued the tokens, by eBay's client id. Needed where the org has several in
    /// an environment.
    #[arg(long, value_name = "CLIENT_ID")]
    keyset: Option<String>,
    /// Read the file as json or csv, whatever it looks like.
    #[arg(long)]
    format: Option<Format>,
    /// Take tokens even if their account already had them.
    #[arg(long)]
    replace: bool,
}

/// Records written at once.
const AT_ONCE: usize = 8;

#[derive(Default)]
struct Tally {
    added: u64,
    replaced: u64,
    skipped: u64,
    refused: u64,
}

/// Where records go.
struct Target {
    store: Store,
    keyring: Keyring,
    org: OrgId,
    keysets: Vec<Keyset>,
    replace: bool,
    by: String,
}

pub(super) async fn run(command: Import) -> anyhow::Result<ExitCode> {
    let store = config::store("token-refresh import", AT_ONCE + 1)?;
    let keyring = config::keyring()?;
    check_keys(&store, &keyring).await?;
    let org = find_org(&store, &command.org).await?;
    let keysets = store.list_keysets().await?;
    let org_name = store.find_org(&command.org).await?.map(|org| org.name).unwrap_or_default();
    if let Some(client_id) = &command.keyset
        && !keysets.iter().any(|keyset| keyset.client_id == *client_id)
    {
        anyhow::bail!("no keyset \"{client_id}\"; `token-refresh keysets list` shows all");
    }
    let keysets = keysets
        .into_iter()
        .filter(|keyset| keyset.orgs.contains(&org_name))
        .filter(|keyset| command.keyset.as_ref().is_none_or(|client_id| *client_id == keyset.client_id))
        .collect();
    let target = Arc::new(Target { store, keyring, org, keysets, replace: command.replace, by: cli_user() });
    let input = open(&command.file)?;
    let accounts =
        Accounts::open(input, command.format).with_context(|| format!("{}", command.file.display()))?;
    let bar = counter("accounts read");
    let mut tally = Tally::default();
    let mut written = stream::iter(accounts)
        .map(|read| {
            let target = Arc::clone(&target);
            async move {
                match read {
                    Ok(record) => (record.line, target.take(&record).await),
                    Err(refused) => (refused.line, Err(Refusal::Line(refused.reason.to_string()))),
                }
            }
        })
        .buffer_unordered(AT_ONCE);
    while let Some((line, outcome)) = written.next().await {
        bar.inc(1);
        match outcome {
            Ok(ImportOutcome::Added) => tally.added += 1,
            Ok(ImportOutcome::Replaced) => tally.replaced += 1,
            Ok(ImportOutcome::Skipped) => tally.skipped += 1,
            Err(Refusal::Line(reason)) => {
                tally.refused += 1;
                bar.suspend(|| eprintln!("line {line}: {reason}"));
            }
            Err(Refusal::Store(error)) => {
                bar.finish_and_clear();
                return Err(anyhow::Error::from(error).context(format!(
                    "stopped at line {line}; run the same command again, what was taken is skipped"
                )));
            }
        }
    }
    bar.finish_and_clear();
    println!(
        "{} added, {} replaced, {} skipped (already there), {} refused",
        tally.added, tally.replaced, tally.skipped, tally.refused
    );
    Ok(if tally.refused == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn open(file: &Path) -> anyhow::Result<Box<dyn BufRead>> {
    if file == Path::new("-") {
        return Ok(Box::new(BufReader::new(stdin())));
    }
    let open = File::open(file).with_context(|| format!("opening {}", file.display()))?;
    Ok(Box::new(BufReader::with_capacity(1 << 16, open)))
}

/// Why a record was not taken.
enum Refusal {
    /// The record is at fault; the others go on.
    Line(String),
    /// The database is.
    Store(StoreError),
}

impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Refused { .. } => Self::Line(error.to_string()),
            other => Self::Store(other),
        }
    }
}

impl Target {
    async fn take(&self, record: &Record) -> Result<ImportOutcome, Refusal> {
        let keyset = self.keyset(record.environment).map_err(Refusal::Line)?;
        let new = NewAccount {
            org: self.org,
            keyset,
            environment: record.environment,
            username: &record.username,
            ebay_user_id: record.ebay_user_id.as_deref(),
            house_name: record.house_name.as_deref(),
        };
        let (account, stands_under) = self.store.put_account(&new).await?;
        if stands_under != keyset {
            return Err(Refusal::Line(
                "the account belongs to another keyset; name that one with --keyset".into(),
            ));
        }
        let context = SealContext::refresh_token(account, record.environment);
        let token = ImportToken {
            account,
            sealed: self.keyring.seal(&context, record.refresh_token.expose()),
            sha256: record.refresh_token.sha256(),
            refresh_expires_at: record.refresh_expires_at,
            replace: self.replace,
            by: self.by.clone(),
        };
        Ok(self.store.import_token(&token).await?)
    }

    /// The org's one keyset of that environment.
    fn keyset(&self, environment: Environment) -> Result<KeysetId, String> {
        let mut fitting = self.keysets.iter().filter(|keyset| keyset.environment == environment);
        match (fitting.next(), fitting.next()) {
            (Some(only), None) => Ok(only.id),
            (Some(_), Some(_)) => {
                Err(format!("the org has several keysets in {environment}; name one with --keyset"))
            }
            (None, _) => Err(format!(
                "the org has no such keyset in {environment}; `keysets add` or `keysets lend` gives it one"
            )),
        }
    }
}
