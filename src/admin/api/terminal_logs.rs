//! `GET /api/admin/ebay/tokens/terminal-logs`: every attempt, newest first, and how far the view can
//! be trusted.

use axum::{Json, extract::State};
use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{
    extract::{Limit, Params},
    health::FleetFigures,
    lookup::{Narrow, find_account},
};
use crate::{
    admin::{auth::authenticator::SignedIn, problem::Problem},
    domain::{
        account::{AccountId, Environment},
        class::Class,
    },
    message::{Action, Entry, Source},
    store::{Cursor, EntryFilter, Store},
};

/// The query's parameters; absent ones filter nothing.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::admin) struct Query {
    env: Option<Environment>,
    account: Option<String>,
    source: Option<Source>,
    action: Option<Action>,
    class: Option<Class>,
    q: Option<String>,
    since: Option<DateTime<Utc>>,
    until: Option<DateTime<Utc>>,
    #[serde(default)]
    limit: Limit,
    before: Option<String>,
}

/// A filter as a query names it.
pub(in crate::admin) struct Filter<'a> {
    pub(in crate::admin) env: Option<Environment>,
    pub(in crate::admin) account: Option<&'a str>,
    pub(in crate::admin) source: Option<Source>,
    pub(in crate::admin) action: Option<Action>,
    pub(in crate::admin) class: Option<Class>,
    pub(in crate::admin) text: Option<&'a str>,
    pub(in crate::admin) since: Option<DateTime<Utc>>,
    pub(in crate::admin) until: Option<DateTime<Utc>>,
}

/// Longest text that is searched for.
const TEXT_MAX_CHARS: usize = 200;

pub(in crate::admin) async fn get(
    user: SignedIn,
    State(store): State<Store>,
    State(fleet): State<FleetFigures>,
    Params(query): Params<Query>,
) -> Result<Json<Value>, Problem> {
    let before: Option<Cursor> = query.before.as_deref().map(str::parse).transpose().map_err(|error| {
        Problem::bad_request("bad-cursor", "The cursor is wrong", format!("before is {error}."))
    })?;
    let filter = Filter::of(&query).for_user(&store, &user).await?;
    let (page, health) =
        tokio::try_join!(store.history_page(&filter, before.as_ref(), query.limit.0), fleet.seen_by(&user))?;
    let entries: Vec<Placed<'_>> = page.entries.iter().map(Placed::of).collect();
    Ok(Json(json!({
        "entries": entries,
        "next_before": page.next.map(|cursor| cursor.to_string()),
        "searched_to": page.next.map(|cursor| cursor.created_at),
        "health": health,
    })))
}

/// An entry with its place in history: what is asked for `before` that is older. As texts, cursors
/// sort as their entries do.
#[derive(Serialize)]
pub(in crate::admin) struct Placed<'a> {
    #[serde(flatten)]
    entry: &'a Entry,
    cursor: String,
}

impl<'a> Placed<'a> {
    pub(in crate::admin) fn of(entry: &'a Entry) -> Self {
        Self { entry, cursor: Cursor::of(entry).to_string() }
    }
}

impl<'a> Filter<'a> {
    /// What a query asks for.
    pub(in crate::admin) fn of(query: &'a Query) -> Self {
        Self {
            env: query.env,
            account: query.account.as_deref(),
            source: query.source,
            action: query.action,
            class: query.class,
            text: query.q.as_deref(),
            since: query.since,
            until: query.until,
        }
    }

    /// What of it the user may see.
    pub(in crate::admin) async fn for_user(
        &self,
        store: &Store,
        user: &SignedIn,
    ) -> Result<EntryFilter, Problem> {
        let mut filter = EntryFilter {
            orgs: user.orgs(),
            environment: self.env,
            account: None,
            source: self.source,
            action: self.action,
            class: self.class,
            text: self.text()?,
            since: self.since,
            until: self.until,
        };
        if let Some(name) = self.account {
            filter.account = Some(self.account(store, user, name).await?);
        }
        Ok(filter)
    }

    /// PostgreSQL's text has no NUL; spaces around it are hardly ever meant, and an empty text finds all.
    fn text(&self) -> Result<Option<String>, Problem> {
        let text = self.text.map(str::trim).filter(|text| !text.is_empty());
        if text.is_some_and(|text| text.contains('\0') || text.chars().count() > TEXT_MAX_CHARS) {
            return Err(Problem::bad_request(
                "bad-parameter",
                "A query parameter is wrong",
                format!("q is a text of at most {TEXT_MAX_CHARS} characters."),
            ));
        }
        Ok(text.map(str::to_owned))
    }

    /// An unknown account is an error, lest an empty answer look like one without entries. One that
    /// was removed still has entries, under its id.
    async fn account(&self, store: &Store, user: &SignedIn, name: &str) -> Result<AccountId, Problem> {
        let narrow = Narrow { env: self.env, org: None };
        let Ok(id) = name.parse::<AccountId>() else {
            return Ok(find_account(store, user, name, &narrow).await?.subject.account_id);
        };
        let filter = EntryFilter {
            orgs: user.orgs(),
            environment: self.env,
            account: Some(id),
            ..EntryFilter::default()
        };
        if !store.history(&filter, None, 1).await?.is_empty() {
            return Ok(id);
        }
        find_account(store, user, name, &narrow).await.map(|_| id)
    }
}
