//! One connect-log entry: what is known of one attempt, for people and for machines.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::shown::{ShownRequest, ShownResponse, clean};
use crate::{
    domain::{
        account::{AccountId, AttemptId, Environment, OrgId},
        class::{Class, Sent},
        lanes::Lane,
    },
    text_enum::text_enum,
};

/// Longest entry that is stored and published, in bytes.
pub const MAX_ENTRY_BYTES: usize = 64 * 1024;

text_enum! {
    /// Who caused an attempt.
    pub enum Source {
        /// The scheduler found the account due.
        Scheduled = "scheduled",
        /// A person pressed "Refresh (debug)".
        Debug = "debug",
        /// A resume, an import or a plain refresh by a person, or on-demand use.
        Admin = "admin",
    }
}

impl Source {
    /// The lane that its calls are counted in.
    pub const fn lane(self) -> Lane {
        match self {
            Self::Debug => Lane::Debug,
            Self::Scheduled | Self::Admin => Lane::Scheduled,
        }
    }
}

text_enum! {
    /// What happened, in the terms of the terminal.
    pub enum Action {
        /// A new token was stored.
        TokenRefreshed = "token_refreshed",
        /// eBay said no, or there is no token that opens to ask with.
        TokenRefreshFailed = "token_refresh_failed",
        /// There was no usable answer.
        TokenRefreshError = "token_refresh_error",
        /// A debug run, whatever its result.
        TokenRefreshDebug = "token_refresh_debug",
    }
}

impl Action {
    /// The action under which an attempt of `source` that ended in `class` is shown.
    pub const fn of(source: Source, class: Class) -> Self {
        match (source, class) {
            (Source::Debug, _) => Self::TokenRefreshDebug,
            (_, Class::Refreshed) => Self::TokenRefreshed,
            (
                _,
                Class::GrantInvalid
                | Class::GrantSuspect
                | Class::ClientInvalid
                | Class::ScopeInvalid
                | Class::RequestRejected
                | Class::QuotaExhausted
                | Class::DecryptFailed,
            ) => Self::TokenRefreshFailed,
            (
                _,
                Class::PreflightRejected
                | Class::ProviderError
                | Class::Network
                | Class::Timeout
                | Class::BadResponse
                | Class::Interrupted
                | Class::Superseded
                | Class::NotRun,
            ) => Self::TokenRefreshError,
        }
    }
}

/// What is known of one attempt. Written once; `(created_at, id)` recognises every copy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Entry {
    /// The attempt's id.
    pub id: AttemptId,
    /// Place in the order of storing; only in what readers are given, never in the stored bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub position: Option<i64>,
    /// The database's time at which the attempt was finished, in microseconds.
    pub created_at: DateTime<Utc>,
    /// The account's org: decides who sees the entry.
    pub org_id: OrgId,
    /// The account.
    pub account_id: AccountId,
    /// The account's username at eBay.
    pub account: String,
    /// The platform's own name for the account.
    pub house_name: Option<String>,
    /// The account's environment.
    pub environment: Environment,
    /// What happened.
    pub action: Action,
    /// Who caused it.
    pub source: Source,
    /// How it ended.
    pub class: Class,
    /// The class's finer reason, where it has one (`unknown_key`, `in_flight`, `connect`, …).
    pub reason: Option<String>,
    /// Whether the request was written.
    pub sent: Sent,
    /// The request, synthetic where none was sent; null where there was nothing to send.
    pub request: Option<ShownRequest>,
    /// eBay's answer; null where there was none.
    pub response: Option<ShownResponse>,
    /// What went wrong, in words.
    pub error: Option<String>,
    /// Milliseconds by phase: `queued`, `claim`, `open`, `call`, `total`.
    pub timings_ms: BTreeMap<String, u64>,
    /// Which consecutive try this was: 1 after a success.
    pub attempt: u32,
    /// The instance that ran it.
    pub instance: String,
    /// That instance's version.
    pub version: String,
    /// The user's id, or `cli:<name>`; null for scheduled runs.
    pub triggered_by: Option<String>,
    /// Fields of a newer writer, kept as they came.
    #[serde(flatten)]
    pub unknown: Map<String, Value>,
}

/// The account that an entry is about, as its row says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subject {
    /// The account.
    pub account_id: AccountId,
    /// Its org.
    pub org_id: OrgId,
    /// Its environment.
    pub environment: Environment,
    /// Its username at eBay.
    pub username: String,
    /// The platform's own name for it.
    pub house_name: Option<String>,
}

/// The process that runs an attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Runner {
    /// The instance's id.
    pub instance: String,
    /// Its version.
    pub version: String,
}

impl Entry {
    /// The bytes that are stored and published: cleaned, at most [`MAX_ENTRY_BYTES`].
    ///
    /// An entry that is too long loses the content of its answer first, then its other long texts;
    /// what identifies it always stays.
    pub fn to_text(&self) -> String {
        let text = self.serialise();
        if text.len() <= MAX_ENTRY_BYTES {
            return text;
        }
        let mut entry = self.clone();
        if let Some(response) = &mut entry.response {
            response.body = Value::String(clean(&response.body.to_string(), 2_048));
            response.headers.clear();
        }
        entry.error = entry.error.map(|error| clean(&error, 1_024));
        let text = entry.serialise();
        if text.len() <= MAX_ENTRY_BYTES {
            return text;
        }
        entry.response = entry.response.map(|response| ShownResponse { body: Value::Null, ..response });
        entry.request = None;
        entry.unknown.clear();
        entry.account = clean(&entry.account, 256);
        entry.house_name = entry.house_name.map(|name| clean(&name, 256));
        entry.serialise()
    }

    fn serialise(&self) -> String {
        // serde_json writes NUL as \u0000, which PostgreSQL's json types refuse.
        serde_json::to_string(&Self { position: None, ..self.clone() })
            .expect("an entry has only text keys")
            .replace("\\u0000", "\\ufffd")
    }
}

/// An entry that has no time yet: its attempt is not finished.
///
/// Only the transaction that finishes the attempt may stamp it, with the database's time.
#[derive(Debug, Clone)]
pub struct Draft(Entry);

impl Draft {
    /// A draft without an exchange: nothing is known to have been sent.
    pub fn without_exchange(
        id: AttemptId,
        subject: &Subject,
        source: Source,
        class: Class,
        runner: &Runner,
    ) -> Self {
        Self(Entry {
            id,
            position: None,
            // Nobody sees it before the stamp.
            created_at: DateTime::UNIX_EPOCH,
            org_id: subject.org_id,
            account_id: subject.account_id,
            account: subject.username.clone(),
            house_name: subject.house_name.clone(),
            environment: subject.environment,
            action: Action::of(source, class),
            source,
            class,
            reason: None,
            sent: Sent::No,
            request: None,
            response: None,
            error: None,
            timings_ms: BTreeMap::new(),
            attempt: 1,
            instance: runner.instance.clone(),
            version: runner.version.clone(),
            triggered_by: None,
            unknown: Map::new(),
        })
    }

    /// The entry, created at `created_at`.
    pub fn stamp(&self, created_at: DateTime<Utc>) -> Entry {
        Entry { created_at, ..self.0.clone() }
    }

    /// The same attempt, whose result was not used because the token was replaced meanwhile.
    #[must_use]
    pub fn superseded(&self) -> Self {
        let class = Class::Superseded;
        Self(Entry {
            class,
            action: Action::of(self.0.source, class),
            reason: Some(self.0.class.as_str().to_owned()),
            error: Some(class.meaning().to_owned()),
            ..self.0.clone()
        })
    }

    /// The same attempt, whose `invalid_grant` is confirmed.
    #[must_use]
    pub fn confirmed(&self) -> Self {
        let class = Class::GrantInvalid;
        Self(Entry { class, action: Action::of(self.0.source, class), ..self.0.clone() })
    }

    /// The entry as far as it is known.
    pub fn entry(&self) -> &Entry {
        &self.0
    }

    /// The same, to be told more.
    pub fn entry_mut(&mut self) -> &mut Entry {
        &mut self.0
    }
}
