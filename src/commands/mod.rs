//! The command line: one file per subcommand, each building only what it needs.

mod accounts;
mod debug;
mod demo;
mod doctor;
mod fake_ebay;
mod import;
mod inspect;
mod keys;
mod keysets;
mod migrate;
mod orgs;
mod output;
mod progress;
mod selector;
mod serve;
mod terminal;
mod users;
mod verify;
mod wait;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::{
    config::{AllArgs, LogArgs},
    logging,
    process::startup,
};

/// Keeps the eBay OAuth tokens of any number of seller accounts alive, and shows every refresh
/// attempt, scheduled or by hand, in one terminal that can be trusted.
///
/// Addresses and keys come from the environment: DATABASE_URL, AMQP_URL and TOKEN_KEYS, or files
/// named by DATABASE_URL_FILE, AMQP_URL_FILE and TOKEN_KEYS_FILE. Start with `keys generate`,
/// `migrate`, `orgs add`, `keysets add`, `accounts import`, then run `all` (or one process per role)
/// and watch `terminal --follow`. `doctor` says what is missing.
#[derive(Debug, Parser)]
#[command(name = "token-refresh", version = const_version(), propagate_version = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
    #[command(flatten)]
    logging: LogArgs,
}

const fn const_version() -> &'static str {
    concat!(env!("CARGO_PKG_VERSION"), " (", env!("TOKEN_REFRESH_COMMIT"), ")")
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Bring the database's schema and the broker's topology up to this version. Safe to repeat.
    Migrate,
    /// Run a scheduler: publishes accounts that are due, closes what ran out.
    Scheduler(serve::SchedulerCommand),
    /// Run a worker: refreshes accounts.
    Worker(serve::WorkerCommand),
    /// Run a log-writer: stores entries.
    LogWriter(serve::LogWriterCommand),
    /// Run the admin: serves the HTTP API.
    Admin(serve::AdminCommand),
    /// Run all four roles in one process.
    All(AllArgs),
    Demo(demo::Demo),
    FakeEbay(fake_ebay::FakeEbayCommand),
    /// Add and list orgs, which own accounts and decide who sees them.
    #[command(subcommand)]
    Orgs(orgs::Orgs),
    /// Add, list and revoke users of the HTTP API.
    #[command(subcommand)]
    Users(users::Users),
    /// Add and list keysets: eBay applications with their client id and secret.
    #[command(subcommand)]
    Keysets(keysets::Keysets),
    /// Import, list and manage seller accounts.
    #[command(subcommand)]
    Accounts(accounts::Accounts),
    /// Refresh one account as a debug run, wait, and print its entry.
    Debug(debug::Debug),
    Verify(verify::Verify),
    /// Show every attempt, newest first; with --follow, live.
    Terminal(terminal::Terminal),
    /// Look at an account from inside, without the network: what is stored, whether it opens, why not.
    Inspect(inspect::Inspect),
    /// Generate, verify and rotate the keys that seal tokens.
    #[command(subcommand)]
    Keys(keys::Keys),
    /// Check configuration, database, broker, keys and processes, and say what to do about each.
    Doctor(doctor::Doctor),
}

impl Command {
    const fn default_filter(&self) -> &'static str {
        match self {
            Self::Scheduler(_) | Self::Worker(_) | Self::LogWriter(_) | Self::Admin(_) | Self::All(_) => {
                "info"
            }
            _ => "warn",
        }
    }
}

/// Runs one command.
pub async fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    startup::harden()?;
    let filter = cli.logging.filter.as_deref().unwrap_or_else(|| cli.command.default_filter());
    logging::start(cli.logging.log_format, filter)?;
    match cli.command {
        Command::Migrate => migrate::run().await,
        Command::Scheduler(command) => serve::scheduler(command).await,
        Command::Worker(command) => serve::worker(command).await,
        Command::LogWriter(command) => serve::log_writer(command).await,
        Command::Admin(command) => serve::admin(command).await,
        Command::All(command) => serve::all(command).await,
        Command::Demo(command) => demo::run(command).await,
        Command::FakeEbay(command) => fake_ebay::run(command).await,
        Command::Orgs(command) => orgs::run(command).await,
        Command::Users(command) => users::run(command).await,
        Command::Keysets(command) => keysets::run(command).await,
        Command::Accounts(command) => accounts::run(command).await,
        Command::Debug(command) => debug::run(command).await,
        Command::Verify(command) => verify::run(command).await,
        Command::Terminal(command) => terminal::run(command).await,
        Command::Inspect(command) => inspect::run(command).await,
        Command::Keys(command) => keys::run(command).await,
        Command::Doctor(command) => doctor::run(command).await,
    }
}
