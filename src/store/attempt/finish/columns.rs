//! The rows of a slice as columns, one array each, as `unnest` takes them.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::types::{Effect, Finish};
use crate::domain::verdict::Verdict;

#[derive(Default)]
pub(in crate::store) struct RefreshedColumns<'a> {
    pub(in crate::store) accounts: Vec<Uuid>,
    pub(in crate::store) at: Vec<DateTime<Utc>>,
    pub(in crate::store) claimed_at: Vec<DateTime<Utc>>,
    pub(in crate::store) next_in: Vec<f64>,
    pub(in crate::store) demoted_next_in: Vec<f64>,
    pub(in crate::store) secret_versions: Vec<i32>,
    pub(in crate::store) access: Vec<&'a str>,
    pub(in crate::store) expires_in: Vec<f64>,
    pub(in crate::store) refresh: Vec<Option<&'a str>>,
    pub(in crate::store) refresh_expires_in: Vec<Option<f64>>,
    /// The refresh token has a new end, so its warnings begin anew.
    pub(in crate::store) ends_anew: Vec<bool>,
    pub(in crate::store) scopes: Vec<Option<&'a str>>,
    pub(in crate::store) rotated: Vec<Uuid>,
    pub(in crate::store) digests: Vec<&'a [u8]>,
}

impl<'a> RefreshedColumns<'a> {
    pub(in crate::store) fn push(&mut self, row: &'a Finish, at: DateTime<Utc>) {
        let Effect::Refreshed { access_token, expires_in, refresh_token, scopes, next_in, demoted_next_in } =
            &row.effect
        else {
            return;
        };
        self.accounts.push(row.account.0);
        self.at.push(at);
        self.claimed_at.push(row.claimed_at);
        self.next_in.push(next_in.as_secs_f64());
        self.demoted_next_in.push(demoted_next_in.as_secs_f64());
        self.secret_versions.push(row.secret_version);
        self.access.push(access_token);
        self.expires_in.push(expires_in.as_secs_f64());
        self.refresh.push(refresh_token.as_ref().map(|token| token.sealed.as_str()));
        let refresh_life = refresh_token.as_ref().and_then(|token| token.expires_in);
        self.ends_anew.push(refresh_life.is_some());
        self.scopes.push(scopes.as_deref());
        self.refresh_expires_in.push(refresh_life.map(|life| life.as_secs_f64()));
        if let Some(token) = refresh_token {
            self.rotated.push(row.account.0);
            self.digests.push(&token.sha256);
        }
    }
}

#[derive(Default)]
pub(in crate::store) struct FailedColumns<'a> {
    pub(in crate::store) accounts: Vec<Uuid>,
    pub(in crate::store) at: Vec<DateTime<Utc>>,
    pub(in crate::store) classes: Vec<&'static str>,
    pub(in crate::store) errors: Vec<String>,
    pub(in crate::store) retry_in: Vec<f64>,
    pub(in crate::store) standings: Vec<&'static str>,
    pub(in crate::store) missing_keys: Vec<Option<&'a str>>,
    pub(in crate::store) claimed_at: Vec<DateTime<Utc>>,
    pub(in crate::store) secret_versions: Vec<i32>,
    pub(in crate::store) token_versions: Vec<i64>,
}

impl<'a> FailedColumns<'a> {
    pub(in crate::store) fn push(&mut self, row: &'a Finish, at: DateTime<Utc>) {
        let Effect::Failed { class, error, retry_in, verdict } = &row.effect else { return };
        let (standing, missing_key) = match verdict {
            Verdict::Unchanged => ("unchanged", None),
            Verdict::Suspected => ("suspected", None),
            Verdict::ReconnectRequired => ("reconnect_required", None),
            Verdict::Blocked => ("blocked", None),
            Verdict::MissingKey(key) => ("blocked", Some(key.as_str())),
        };
        self.accounts.push(row.account.0);
        self.at.push(at);
        self.classes.push(class.as_str());
        self.errors.push(format!("{class}: {error}"));
        self.retry_in.push(retry_in.as_secs_f64());
        self.standings.push(standing);
        self.missing_keys.push(missing_key);
        self.claimed_at.push(row.claimed_at);
        self.secret_versions.push(row.secret_version);
        self.token_versions.push(row.token_version);
    }
}
