//! `keysets`: eBay applications.

use std::{
    io::{IsTerminal, Read},
    path::{Path, PathBuf},
    process::ExitCode,
    time::Duration,
};

use anyhow::Context as _;
use clap::{Args, Subcommand};
use zeroize::Zeroizing;

use super::{account::find_org, startup::check_keys};
use crate::{
    account::{Environment, KeysetId},
    config::{self, EndpointArgs, RefreshArgs},
    crypto::Context,
    ebay::TokenEndpoint,
    store::{NewKeyset, QuotaUse},
    terminal::printable,
    token::ClientSecret,
};

#[derive(Debug, Subcommand)]
pub(super) enum Keysets {
    /// Add a keyset. Its client secret comes from a file or standard input, never from a flag.
    Add(Add),
    /// List all keysets: gate, calls spent and left, forecast, accounts.
    List(RefreshArgs),
}

#[derive(Debug, Args)]
pub(super) struct Add {
    /// eBay's client id ("App ID").
    client_id: String,
    /// production or sandbox.
    #[arg(long = "env", value_name = "ENVIRONMENT", default_value = "production")]
    environment: Environment,
    /// An org that may use it, by name or id. Repeatable; add orgs later by repeating the command
    /// with `--lend`.
    #[arg(long = "org", value_name = "ORG")]
    orgs: Vec<String>,
    /// File with the client secret ("Cert ID"); `-` is standard input.
    #[arg(long, value_name = "FILE", default_value = "-")]
    secret_file: PathBuf,
    /// Token calls that may begin in any 24 hours. eBay grants 50,000.
    #[arg(long, default_value_t = 50_000, value_parser = clap::value_parser!(i32).range(1..))]
    daily_quota: i32,
    #[command(flatten)]
    endpoint: EndpointArgs,
    /// The keyset exists: give it another secret.
    #[arg(long, conflicts_with = "lend")]
    replace_secret: bool,
    /// The keyset exists: give it a second secret, which takes the first one's place once eBay
    /// refuses that. For a rotation without a gap.
    #[arg(long, conflicts_with_all = ["lend", "replace_secret"])]
    standby_secret: bool,
    /// The keyset exists: lend it to the orgs given. Reads no secret.
    #[arg(long, requires = "orgs")]
    lend: bool,
}

/// Longest secret file that is read.
const SECRET_MAX_BYTES: u64 = 4_096;

pub(super) async fn run(command: Keysets) -> anyhow::Result<ExitCode> {
    match command {
        Keysets::Add(add) => add.run().await,
        Keysets::List(refresh) => list(refresh.refresh_before).await,
    }
}

impl Add {
    async fn run(self) -> anyhow::Result<ExitCode> {
        TokenEndpoint::of(self.environment, self.endpoint.api_url.as_deref()).context("--api-url")?;
        let store = config::store("token-refresh keysets", 2)?;
        let mut orgs = Vec::with_capacity(self.orgs.len());
        for org in &self.orgs {
            orgs.push(find_org(&store, org).await?);
        }
        let existing = store.find_keyset(self.environment, &self.client_id).await?;
        let missing = || format!("no keyset {} in {}", self.client_id, self.environment);
        if self.lend {
            let keyset = existing.with_context(missing)?;
            for org in orgs {
                store.lend_keyset(keyset.id, org).await?;
            }
            println!("{}", keyset.id);
            return Ok(ExitCode::SUCCESS);
        }
        if existing.is_some() && !self.replace_secret && !self.standby_secret {
            anyhow::bail!(
                "keyset {} exists in {} already; --replace-secret gives it another secret, --lend another org",
                self.client_id,
                self.environment
            );
        }
        if existing.is_none() && self.replace_secret {
            anyhow::bail!(missing());
        }
        let keyring = config::keyring()?;
        check_keys(&store, &keyring).await?;
        let secret = read_secret(&self.secret_file)?;
        if let Some(keyset) = existing {
            let sealed = keyring.seal(&Context::client_secret(keyset.id, self.environment), secret.expose());
            if self.standby_secret {
                store.stand_by_secret(keyset.id, &sealed).await?;
            } else {
                store.replace_secret(keyset.id, &sealed).await?;
            }
            println!("{}", keyset.id);
            return Ok(ExitCode::SUCCESS);
        }
        let id = KeysetId::fresh();
        let keyset = NewKeyset {
            id,
            environment: self.environment,
            client_secret: keyring.seal(&Context::client_secret(id, self.environment), secret.expose()),
            client_id: self.client_id,
            daily_quota: self.daily_quota,
            api_url: self.endpoint.api_url,
        };
        store.put_keyset(&keyset, &orgs).await?;
        println!("{id}");
        if orgs.is_empty() {
            eprintln!("No org may use it yet; repeat with --lend --org ORG.");
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn read_secret(file: &Path) -> anyhow::Result<ClientSecret> {
    let mut text = Zeroizing::new(String::new());
    if file == Path::new("-") {
        if std::io::stdin().is_terminal() {
            anyhow::bail!(
                "typed here the client secret would be seen: pipe it in, or name its file with --secret-file"
            );
        }
        std::io::stdin()
            .take(SECRET_MAX_BYTES)
            .read_to_string(&mut text)
            .context("reading the secret from standard input")?;
    } else {
        let open = std::fs::File::open(file).with_context(|| format!("opening {}", file.display()))?;
        open.take(SECRET_MAX_BYTES)
            .read_to_string(&mut text)
            .with_context(|| format!("reading {}", file.display()))?;
    }
    ClientSecret::checked(text.trim()).context("the client secret")
}

/// What is spent and what comes of it, in one line.
fn quota_line(used: &QuotaUse, lead: Duration) -> String {
    let forecast = used.forecast(lead);
    let reason = used
        .state_reason
        .as_ref()
        .map_or_else(String::new, |reason| format!("; {}: {}", used.state, printable(reason, false)));
    let end = forecast.exhausted_in_seconds.map_or_else(
        || "they last".to_owned(),
        |seconds| {
            format!(
                "spent in {} at this pace",
                humantime::format_duration(Duration::from_secs(seconds.unsigned_abs()))
            )
        },
    );
    format!(
        "{} of {} calls in 24 h ({} of {} for debug runs), {} left, {end}; {} account(s), {} demoted, {} can be kept always fresh{reason}",
        used.calls,
        used.daily_quota,
        used.debug_calls,
        used.debug_reserve,
        forecast.left,
        used.accounts,
        used.demoted,
        forecast.capacity
    )
}

async fn list(lead: Duration) -> anyhow::Result<ExitCode> {
    let store = config::store("token-refresh keysets", 2)?;
    let used = store.quota_use(None).await?;
    for keyset in store.list_keysets().await? {
        println!(
            "{}  {} ({})  {}, secret version {}, {} calls a day, {} account(s), orgs: {}{}",
            keyset.id,
            keyset.client_id,
            keyset.environment,
            keyset.state,
            keyset.secret_version,
            keyset.daily_quota,
            keyset.accounts,
            if keyset.orgs.is_empty() { "none".to_owned() } else { keyset.orgs.join(", ") },
            keyset.api_url.map_or_else(String::new, |url| format!(", endpoint {url}")),
        );
        if let Some(used) = used.iter().find(|used| used.keyset_id == keyset.id) {
            println!("    {}", quota_line(used, lead));
        }
    }
    Ok(ExitCode::SUCCESS)
}
