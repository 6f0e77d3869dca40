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

use super::selector::find_orgs;
use crate::{
    config::{self, EndpointArgs, RefreshArgs},
    crypto::SealContext,
    domain::{
        account::{Environment, KeysetId},
        token::ClientSecret,
    },
    ebay::TokenEndpoint,
    process::startup::check_keys,
    store::{Keyset, KeysetChange, NewKeyset, QuotaUse, Store},
    terminal::printable,
};

#[derive(Debug, Subcommand)]
pub(super) enum Keysets {
    /// Add a keyset. Its client secret comes from a file or standard input, never from a flag.
    Add(Add),
    /// Change a keyset's quota, debug reserve or endpoint. Running workers heed it at their next claim.
    Set(Change),
    /// Give a keyset another client secret. It is tried at once, also behind a tripped breaker.
    Secret(Replacement),
    /// Lend a keyset to more orgs.
    Lend(Loan),
    /// Take a keyset back from orgs that have no account with it.
    Unlend(Loan),
    /// List all keysets: state, calls spent and left, forecast, accounts.
    List(RefreshArgs),
}

/// One keyset.
#[derive(Debug, Args)]
pub(super) struct Named {
    /// eBay's client id ("App ID").
    client_id: String,
    /// production or sandbox.
    #[arg(long = "env", value_name = "ENVIRONMENT", default_value = "production")]
    environment: Environment,
}

#[derive(Debug, Args)]
pub(super) struct Add {
    #[command(flatten)]
    named: Named,
    /// An org that may use it, by name or id. Repeatable; `keysets lend` adds orgs later.
    #[arg(long = "org", value_name = "ORG")]
    orgs: Vec<String>,
    /// File with the client secret ("Cert ID"); `-` is standard input.
    #[arg(long, value_name = "FILE", default_value = "-")]
    secret_file: PathBuf,
    /// Token calls that may begin in any 24 hours. eBay grants 50,000. A twentieth is kept for debug
    /// runs.
    #[arg(long, default_value_t = 50_000, value_parser = clap::value_parser!(i32).range(1..))]
    daily_quota: i32,
    #[command(flatten)]
    endpoint: EndpointArgs,
}

#[derive(Debug, Args)]
#[command(group = clap::ArgGroup::new("change").required(true).multiple(true).args(["daily_quota", "debug_reserve", "api_url"]))]
pub(super) struct Change {
    #[command(flatten)]
    named: Named,
    /// Token calls that may begin in any 24 hours. Without --debug-reserve a twentieth of it is kept
    /// for debug runs.
    #[arg(long, value_parser = clap::value_parser!(i32).range(1..))]
    daily_quota: Option<i32>,
    /// Calls of the quota that are kept for debug runs; less than the quota.
    #[arg(long, value_parser = clap::value_parser!(i32).range(0..))]
    debug_reserve: Option<i32>,
    /// Another token endpoint, for a fake: https, or http to this machine; `ebay` is eBay's own.
    #[arg(long, value_name = "URL")]
    api_url: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct Replacement {
    #[command(flatten)]
    named: Named,
    /// File with the client secret ("Cert ID"); `-` is standard input.
    #[arg(long, value_name = "FILE", default_value = "-")]
    secret_file: PathBuf,
    /// Keep the present secret, and let this one take its place once eBay refuses that: a rotation
    /// without a gap.
    #[arg(long)]
    standby: bool,
}

#[derive(Debug, Args)]
pub(super) struct Loan {
    #[command(flatten)]
    named: Named,
    /// An org, by name or id. Repeatable.
    #[arg(long = "org", value_name = "ORG", required = true)]
    orgs: Vec<String>,
}

/// Longest secret file that is read.
const SECRET_MAX_BYTES: u64 = 4_096;
/// What stands for eBay's own endpoint.
const EBAYS_OWN: &str = "ebay";

pub(super) async fn run(command: Keysets) -> anyhow::Result<ExitCode> {
    let store = config::store("token-refresh keysets", 2)?;
    match command {
        Keysets::Add(add) => add.run(&store).await?,
        Keysets::Set(change) => change.run(&store).await?,
        Keysets::Secret(secret) => secret.run(&store).await?,
        Keysets::Lend(loan) => {
            let keyset = loan.named.find(&store).await?;
            for org in find_orgs(&store, &loan.orgs).await? {
                store.lend_keyset(keyset.id, org).await?;
            }
            println!("{}", keyset.id);
        }
        Keysets::Unlend(loan) => {
            let keyset = loan.named.find(&store).await?;
            for (org, name) in find_orgs(&store, &loan.orgs).await?.into_iter().zip(&loan.orgs) {
                match store.unlend_keyset(keyset.id, org).await {
                    Err(error) if error.violates("accounts_keyset_lent") => {
                        anyhow::bail!(
                            "accounts of \"{name}\" use this keyset; `token-refresh accounts list` shows them"
                        )
                    }
                    outcome => outcome?,
                }
            }
            println!("{}", keyset.id);
        }
        Keysets::List(refresh) => list(&store, refresh.refresh_before).await?,
    }
    Ok(ExitCode::SUCCESS)
}

impl Named {
    async fn find(&self, store: &Store) -> anyhow::Result<Keyset> {
        let found = store.find_keyset(self.environment, &self.client_id).await?;
        found.with_context(|| {
            format!(
                "no keyset {} in {}; `token-refresh keysets list` shows all",
                self.client_id, self.environment
            )
        })
    }

    /// Seals a secret for the keyset `id`.
    async fn seal(&self, store: &Store, id: KeysetId, file: &Path) -> anyhow::Result<String> {
        let keyring = config::keyring()?;
        check_keys(store, &keyring).await?;
        let secret = read_secret(file)?;
        Ok(keyring.seal(&SealContext::client_secret(id, self.environment), secret.expose()))
    }
}

impl Add {
    async fn run(self, store: &Store) -> anyhow::Result<()> {
        TokenEndpoint::of(self.named.environment, self.endpoint.api_url.as_deref()).context("--api-url")?;
        let orgs = find_orgs(store, &self.orgs).await?;
        let Named { client_id, environment } = &self.named;
        if store.find_keyset(*environment, client_id).await?.is_some() {
            anyhow::bail!(
                "keyset {client_id} exists in {environment} already; `keysets secret` gives it another secret, \
                 `keysets lend` another org, `keysets set` another quota"
            );
        }
        let id = KeysetId::fresh();
        let keyset = NewKeyset {
            id,
            environment: *environment,
            client_secret: self.named.seal(store, id, &self.secret_file).await?,
            client_id: client_id.clone(),
            daily_quota: self.daily_quota,
            api_url: self.endpoint.api_url,
        };
        store.put_keyset(&keyset, &orgs).await?;
        println!("{id}");
        if orgs.is_empty() {
            eprintln!("No org may use it yet: `token-refresh keysets lend {client_id} --org ORG`.");
        }
        Ok(())
    }
}

impl Change {
    async fn run(self, store: &Store) -> anyhow::Result<()> {
        let keyset = self.named.find(store).await?;
        let api_url = self.api_url.map(|url| Some(url).filter(|url| url != EBAYS_OWN));
        if let Some(url) = &api_url {
            TokenEndpoint::of(self.named.environment, url.as_deref()).context("--api-url")?;
        }
        let change =
            KeysetChange { daily_quota: self.daily_quota, debug_reserve: self.debug_reserve, api_url };
        match store.change_keyset(keyset.id, &change).await {
            Err(error) if error.violates("keysets_debug_reserve") => {
                anyhow::bail!("the debug reserve must be less than the daily quota")
            }
            outcome => outcome?,
        }
        println!("{}", keyset.id);
        Ok(())
    }
}

impl Replacement {
    async fn run(self, store: &Store) -> anyhow::Result<()> {
        let keyset = self.named.find(store).await?;
        let sealed = self.named.seal(store, keyset.id, &self.secret_file).await?;
        if self.standby {
            store.stand_by_secret(keyset.id, &sealed).await?;
        } else {
            store.replace_secret(keyset.id, &sealed).await?;
        }
        println!("{}", keyset.id);
        Ok(())
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

async fn list(store: &Store, lead: Duration) -> anyhow::Result<()> {
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
    Ok(())
}
