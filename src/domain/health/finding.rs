//! What can be found, and how much it matters.

use serde::Serialize;

use crate::text_enum::text_enum;

text_enum! {
    /// How much something matters.
    pub enum Weight {
        /// Users feel it, or entries are out of sight: somebody must act.
        Bad = "bad",
        /// It will want somebody in time.
        Warn = "warn",
        /// Good to know; it passes by itself.
        Note = "note",
    }
}

text_enum! {
    /// What can be found, in the order in which it is told among its equals in weight.
    pub enum Kind {
        /// Accounts without a valid token that could have been refreshed.
        Overdue = "overdue",
        /// No worker is live.
        NoWorker = "no_worker",
        /// No scheduler is live.
        NoScheduler = "no_scheduler",
        /// No log-writer is live.
        NoLogWriter = "no_log_writer",
        /// The broker does not answer.
        BrokerAway = "broker_away",
        /// The last tick is too long ago.
        TickLate = "tick_late",
        /// Entries wait too long to be stored.
        OutboxLate = "outbox_late",
        /// Attempts and entries do not match.
        Missing = "missing",
        /// Messages that nobody handled.
        DeadLetters = "dead_letters",
        /// Live processes hold different keys.
        KeysDiffer = "keys_differ",
        /// Live processes run different versions.
        VersionsDiffer = "versions_differ",
        /// The database's clock jumped.
        ClockStep = "clock_step",
        /// A live worker takes no work.
        NotTaking = "not_taking",
        /// eBay does not accept a keyset's credentials.
        KeysetBlocked = "keyset_blocked",
        /// eBay does not answer a keyset's calls, or has reached its quota.
        KeysetSuspended = "keyset_suspended",
        /// Other accounts without a valid token.
        Expired = "expired",
        /// Accounts that something of ours keeps from being refreshed.
        Blocked = "blocked",
        /// Accounts whose sellers must connect again.
        ReconnectRequired = "reconnect_required",
        /// A keyset's calls are spent.
        QuotaSpent = "quota_spent",
        /// A keyset's calls will soon be spent.
        QuotaEnding = "quota_ending",
        /// Accounts that the quota keeps from being always fresh.
        Demoted = "demoted",
        /// Accounts whose sellers must soon connect again.
        Ending = "ending",
        /// Entries come late to the reader.
        FeedInterrupted = "feed_interrupted",
        /// Accounts whose last refresh failed, still with a valid token.
        Failing = "failing",
        /// Processes that fell silent.
        Silent = "silent",
    }
}

impl Kind {
    /// How much it matters.
    pub const fn weight(self) -> Weight {
        match self {
            Self::Overdue
            | Self::NoWorker
            | Self::NoScheduler
            | Self::NoLogWriter
            | Self::BrokerAway
            | Self::TickLate
            | Self::OutboxLate
            | Self::Missing
            | Self::DeadLetters
            | Self::KeysDiffer
            | Self::KeysetBlocked
            | Self::KeysetSuspended
            | Self::Expired
            | Self::Blocked
            | Self::QuotaSpent => Weight::Bad,
            Self::VersionsDiffer
            | Self::ClockStep
            | Self::NotTaking
            | Self::ReconnectRequired
            | Self::QuotaEnding
            | Self::Demoted
            | Self::Ending
            | Self::FeedInterrupted => Weight::Warn,
            Self::Failing | Self::Silent => Weight::Note,
        }
    }

    /// Whether it may be why no entry comes, or why entries come late.
    pub const fn explains_silence(self) -> bool {
        matches!(
            self,
            Self::NoWorker
                | Self::NoScheduler
                | Self::NoLogWriter
                | Self::BrokerAway
                | Self::TickLate
                | Self::OutboxLate
                | Self::Missing
                | Self::DeadLetters
                | Self::NotTaking
                | Self::KeysetBlocked
                | Self::KeysetSuspended
                | Self::FeedInterrupted
        )
    }
}

/// One thing that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// How much it matters.
    pub weight: Weight,
    /// What it is.
    pub kind: Kind,
    /// What is wrong, in a sentence without its full stop. May hold foreign text.
    pub text: String,
    /// What to do; commands stand in backticks.
    pub remedy: String,
}
