//! Everything that can be set. The only module that reads the environment.
//!
//! Addresses and keys come from the environment or from files named there (`…_FILE`), never from
//! flags: a command line is seen by every user of a machine. All else is a flag with an environment
//! variable of its own; `deploy/env.example` lists them.

pub(crate) mod value;

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use anyhow::{Context, bail};
use clap::Args;

use crate::{
    crypto::Keyring,
    logging::LogFormat,
    queue::Broker,
    refresh::{Limits, Policy, WorkerSettings, scheduler::SchedulerSettings},
    store::{PoolSettings, Store},
};

/// A setting that is a secret, or holds one: read from `NAME`, or from the file that `NAME_FILE` names.
#[derive(Debug, Clone, Copy)]
pub struct SecretSetting {
    /// The environment variable.
    pub name: &'static str,
    /// What it is and what a value looks like.
    pub meaning: &'static str,
}

/// Where the database is.
pub const DATABASE_URL: SecretSetting = SecretSetting {
    name: "DATABASE_URL",
    meaning: "PostgreSQL 15+, for example postgres://user:password@host/database?sslmode=verify-full",
};
/// Where the broker is.
pub const AMQP_URL: SecretSetting = SecretSetting {
    name: "AMQP_URL",
    meaning: "RabbitMQ 3.10+, for example amqps://user:password@host/vhost",
};
/// The keys that seal tokens.
pub const TOKEN_KEYS: SecretSetting = SecretSetting {
    name: "TOKEN_KEYS",
    meaning: "Keys as id:base64, separated by commas; the first seals, all open (`token-refresh keys generate`)",
};

/// All of them.
pub const SECRET_SETTINGS: [SecretSetting; 3] = [DATABASE_URL, AMQP_URL, TOKEN_KEYS];

impl SecretSetting {
    /// The variable that names a file instead.
    pub fn file_name(&self) -> String {
        format!("{}_FILE", self.name)
    }

    /// The value, or an error that says what to set.
    pub fn read(&self) -> anyhow::Result<String> {
        self.find()?
            .with_context(|| format!("{} is not set (nor {}): {}", self.name, self.file_name(), self.meaning))
    }

    /// The value, if it is set.
    #[expect(clippy::disallowed_methods, reason = "this is where the environment is read")]
    pub fn find(&self) -> anyhow::Result<Option<String>> {
        let file = std::env::var_os(self.file_name()).filter(|file| !file.is_empty());
        let value = std::env::var(self.name).ok().filter(|value| !value.is_empty());
        match (value, file) {
            (Some(_), Some(_)) => bail!("{} and {} are both set; keep one", self.name, self.file_name()),
            (Some(value), None) => Ok(Some(value)),
            (None, Some(file)) => {
                let path = PathBuf::from(file);
                let text = std::fs::read_to_string(&path).with_context(|| {
                    format!("{} names {}, which cannot be read", self.file_name(), path.display())
                })?;
                Ok(Some(text.trim().to_owned()).filter(|text| !text.is_empty()))
            }
            (None, None) => Ok(None),
        }
    }
}

/// The database, as `application_name`.
pub fn store(application_name: &str, connections: usize) -> anyhow::Result<Store> {
    let settings =
        PoolSettings { application_name: application_name.into(), connections, ..PoolSettings::default() };
    Store::new(&DATABASE_URL.read()?, &settings).context("DATABASE_URL")
}

/// The broker, as `connection_name`.
pub fn broker(connection_name: &str) -> anyhow::Result<Broker> {
    Broker::new(&AMQP_URL.read()?, connection_name).context("AMQP_URL")
}

/// The keys.
pub fn keyring() -> anyhow::Result<Keyring> {
    Keyring::parse(&TOKEN_KEYS.read()?).context("TOKEN_KEYS")
}

/// Logging.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Logging")]
pub struct LogArgs {
    /// How log lines look: text for people, json for machines. They go to standard error.
    #[arg(long, env = "LOG_FORMAT", default_value = "text", global = true, value_name = "text|json")]
    pub log_format: LogFormat,
    /// Which log lines are written, in tracing's filter syntax. Long-running roles log at `info`,
    /// other commands at `warn`.
    #[arg(long = "log", env = "RUST_LOG", global = true, value_name = "FILTER")]
    pub filter: Option<String>,
}

/// Timing of refreshes: the same for every role that needs it.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Refresh")]
pub struct RefreshArgs {
    /// How long before its end an access token is refreshed. Longer costs calls: with eBay's
    /// two-hour tokens 10m is 13.1 calls per account and day, 0s is 12.
    #[arg(long, env = "REFRESH_BEFORE", default_value = "10m", value_parser = value::duration, value_name = "DURATION")]
    pub refresh_before: Duration,
    /// The pause after a first failure. It doubles with every further one up to `--retry-max`, and
    /// the pause taken is a random part of it.
    #[arg(long, env = "RETRY_BASE", default_value = "30s", value_parser = value::some_time, value_name = "DURATION")]
    pub retry_base: Duration,
    /// The longest pause after a failure.
    #[arg(long, env = "RETRY_MAX", default_value = "1h", value_parser = value::some_time, value_name = "DURATION")]
    pub retry_max: Duration,
}

impl RefreshArgs {
    /// The policy they make.
    pub fn policy(&self) -> Policy {
        Policy { refresh_before: self.refresh_before, retry_base: self.retry_base, retry_max: self.retry_max }
    }
}

/// The scheduler's options.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Scheduler")]
pub struct SchedulerArgs {
    /// Time between two looks for due accounts.
    #[arg(long, env = "SCHEDULER_TICK", default_value = "5s", value_parser = value::some_time, value_name = "DURATION")]
    pub tick: Duration,
    /// Most accounts published and not yet claimed. What workers can take in a few minutes is
    /// enough: RabbitMQ before 3.12 drains long queues slowly.
    #[arg(long, env = "QUEUE_TARGET", default_value_t = 5_000, value_parser = value::some)]
    pub queue_target: usize,
    /// How long a published account may stay unclaimed before it is published again.
    #[arg(long, env = "CLAIM_WITHIN", default_value = "2m", value_parser = value::some_time, value_name = "DURATION")]
    pub claim_within: Duration,
    /// Days for which entries are kept.
    #[arg(long, env = "RETENTION_DAYS", default_value_t = 90, value_parser = clap::value_parser!(i32).range(1..=3650))]
    pub retention_days: i32,
}

impl SchedulerArgs {
    /// The settings they make.
    pub fn settings(&self) -> SchedulerSettings {
        SchedulerSettings {
            tick: self.tick,
            queue_target: self.queue_target,
            claim_within: self.claim_within,
            republish_after: Duration::from_secs(5),
            undelivered_after: Duration::from_secs(60),
        }
    }
}

/// The worker's options.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Worker")]
pub struct WorkerArgs {
    /// Due accounts refreshed at once.
    #[arg(long, env = "WORKER_SLOTS", default_value_t = 64, value_parser = clap::value_parser!(u16).range(1..=2000))]
    pub slots: u16,
    /// Debug runs at once, in slots of their own: a person never waits behind due accounts.
    #[arg(long, env = "WORKER_DEBUG_SLOTS", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=200))]
    pub debug_slots: u16,
    /// Longest time from a claim to the end of its call to eBay.
    #[arg(long, env = "CALL_TIMEOUT", default_value = "20s", value_parser = value::some_time, value_name = "DURATION")]
    pub call_timeout: Duration,
    /// How long an attempt holds its account. A worker that dies costs this long until the account
    /// is tried again; at least twice `--call-timeout`.
    #[arg(long, env = "LEASE", default_value = "60s", value_parser = value::some_time, value_name = "DURATION")]
    pub lease: Duration,
}

impl WorkerArgs {
    /// How much a worker takes on.
    pub fn settings(&self) -> WorkerSettings {
        WorkerSettings { due_slots: self.slots, debug_slots: self.debug_slots }
    }

    /// How long an attempt may take.
    pub fn limits(&self) -> anyhow::Result<Limits> {
        if self.lease < self.call_timeout * 2 {
            bail!(
                "--lease {:?} is less than twice --call-timeout {:?}: a call could outlive its lease",
                self.lease,
                self.call_timeout
            );
        }
        Ok(Limits { call: self.call_timeout, lease: self.lease })
    }
}

/// The admin's options.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Admin")]
pub struct AdminArgs {
    /// Address of the HTTP API.
    #[arg(long = "listen", env = "ADMIN_LISTEN", default_value = "127.0.0.1:8080", value_name = "ADDRESS")]
    pub listen: SocketAddr,
}

/// Where a keyset's calls go.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Keysets")]
pub struct EndpointArgs {
    /// Another token endpoint than eBay's, for a fake: https, or http to this machine. Kept with the
    /// keyset, so that a process set up for a fake never sends it real tokens.
    #[arg(long, env = "EBAY_API_URL", value_name = "URL")]
    pub api_url: Option<String>,
}

/// The database pool's options.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Database")]
pub struct PoolArgs {
    /// Most connections that this process holds.
    #[arg(long, env = "DATABASE_CONNECTIONS", default_value_t = 16, value_parser = clap::value_parser!(u16).range(2..=500))]
    pub database_connections: u16,
}

/// Options of every role.
#[derive(Debug, Clone, Args)]
pub struct AllArgs {
    /// Options of the scheduler.
    #[command(flatten)]
    pub scheduler: SchedulerArgs,
    /// Options of the worker.
    #[command(flatten)]
    pub worker: WorkerArgs,
    /// Options of the admin.
    #[command(flatten)]
    pub admin: AdminArgs,
    /// How refreshes are timed.
    #[command(flatten)]
    pub refresh: RefreshArgs,
    /// The database connections.
    #[command(flatten)]
    pub pool: PoolArgs,
}
