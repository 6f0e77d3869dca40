//! What health is judged by. A reader who may not see something is judged without it.

use std::time::Duration;

use crate::domain::breaker::KeysetState;

/// From here on a tick, a refresh, and an entry that waits to be stored, is late.
pub const LATE: Duration = Duration::from_secs(30);
/// How many days before its end a refresh token is warned of.
pub const ENDS_SOON_DAYS: u16 = 30;

/// All that is known of the whole.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Figures {
    /// What became of the accounts; zeros where nobody counted.
    pub accounts: Accounts,
    /// How many there are; none where nobody counted.
    pub count: Option<Count>,
    /// Live processes that refresh.
    pub workers: i64,
    /// The processes, for those who may see them.
    pub processes: Option<Processes>,
    /// Time since a scheduler last finished a tick; none if none ever did.
    pub tick_age: Option<Duration>,
    /// How long the oldest entry waits to be stored.
    pub outbox_age: Option<Duration>,
    /// Attempts without an entry.
    pub missing: i64,
    /// The broker, as far as it was asked.
    pub broker: Broker,
    /// Whether entries come late to this reader, from the store instead of the broker.
    pub feed_interrupted: bool,
    /// Keysets and their days.
    pub keysets: Vec<Keyset>,
}

/// Accounts that want somebody.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Accounts {
    /// Late and without a valid token, although they may be refreshed.
    pub overdue: i64,
    /// Others without a valid token.
    pub expired: i64,
    /// Something of ours keeps them from being refreshed.
    pub blocked: i64,
    /// Their sellers must connect again.
    pub reconnect_required: i64,
    /// Their sellers must soon connect again.
    pub ending: i64,
    /// Their last refresh failed; their token is still valid.
    pub failing: i64,
}

/// Accounts in all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Count {
    /// All.
    pub all: i64,
    /// Those that somebody paused.
    pub paused: i64,
    /// Time since any of them was refreshed.
    pub last_success_age: Option<Duration>,
}

/// Who runs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Processes {
    /// Live schedulers.
    pub schedulers: i64,
    /// Live log-writers.
    pub log_writers: i64,
    /// Live workers that take no work, each with the reason.
    pub not_taking: Vec<String>,
    /// Different versions among the live.
    pub versions: Vec<String>,
    /// Different sets of keys among the live.
    pub key_sets: i64,
    /// Those that fell silent without saying that they stop.
    pub silent: i64,
    /// The last jump of the database's clock, if there was one within the hour.
    pub clock_step: Option<ClockStep>,
}

/// A jump of the database's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockStep {
    /// By how much: ahead, or back where negative.
    pub seconds: i64,
    /// How long ago.
    pub age: Duration,
}

/// Whether the broker answers, and what nobody handled.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Broker {
    /// Nobody asked it.
    #[default]
    NotAsked,
    /// It does not answer.
    Away,
    /// It answers: the queues of dead letters, each with its messages.
    Answers(Vec<(String, u32)>),
}

/// One keyset and its day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keyset {
    /// eBay's client id, and the environment.
    pub name: String,
    /// Whether its calls may begin.
    pub state: KeysetState,
    /// Why not.
    pub reason: Option<String>,
    /// Calls begun in the last 24 hours.
    pub calls: i64,
    /// Calls that may begin in any 24 hours.
    pub daily_quota: i64,
    /// Time until they are spent at the last hour's pace; none if they last.
    pub exhausted_in: Option<Duration>,
    /// Accounts that the quota keeps from being always fresh.
    pub demoted: i64,
}
