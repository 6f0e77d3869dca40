//! Reading stored entries: newest first for people, by position for the live feed.

use std::{fmt, str::FromStr};

use chrono::{DateTime, Utc};
use tokio_postgres::{Row, types::ToSql};
use uuid::Uuid;

use crate::{
    domain::{
        account::{AccountId, AttemptId, Environment, OrgId},
        class::Class,
    },
    message::{Action, Entry, Source},
    store::{
        fleet::figures::uuids,
        postgres::{
            error::StoreError,
            pool::Store,
            row::{FromRow, get, read_all},
        },
    },
};

/// Entries that one page looks at where the filter asks for what no index knows: a second's work.
const LOOKED_AT: i64 = 20_000;

/// Which entries a reader wants, and which they may have.
#[derive(Debug, Clone, Default)]
pub struct EntryFilter {
    /// The orgs that the reader may see; none is all (G9).
    pub orgs: Option<Vec<OrgId>>,
    /// Only this environment.
    pub environment: Option<Environment>,
    /// Only this account.
    pub account: Option<AccountId>,
    /// Only this cause.
    pub source: Option<Source>,
    /// Only this action.
    pub action: Option<Action>,
    /// Only this class.
    pub class: Option<Class>,
    /// Only entries that have this text anywhere in them, in whatever case.
    pub text: Option<String>,
    /// Only entries of this time or later.
    pub since: Option<DateTime<Utc>>,
    /// Only entries before this time.
    pub until: Option<DateTime<Utc>>,
}

impl EntryFilter {
    /// Whether a live entry passes.
    pub fn admits(&self, entry: &Entry) -> bool {
        self.orgs.as_ref().is_none_or(|orgs| orgs.contains(&entry.org_id))
            && self.account.is_none_or(|account| account == entry.account_id)
            && self.words().iter().all(|Word(_, wanted, of)| wanted.is_none_or(|wanted| wanted == of(entry)))
            && self.since.is_none_or(|since| entry.created_at >= since)
            && self.until.is_none_or(|until| entry.created_at < until)
            && self.needle().is_none_or(|needle| entry.to_text().to_lowercase().contains(&needle))
    }

    /// Whether it asks for what no index knows, so that every entry must be looked at.
    fn searches(&self) -> bool {
        self.text.is_some() || self.words().iter().any(|Word(_, wanted, _)| wanted.is_some())
    }

    /// What is asked of an entry's words, which no index knows.
    fn words(&self) -> [Word; 4] {
        [
            Word("environment", self.environment.map(Environment::as_str), |entry| {
                entry.environment.as_str()
            }),
            Word("source", self.source.map(Source::as_str), |entry| entry.source.as_str()),
            Word("action", self.action.map(Action::as_str), |entry| entry.action.as_str()),
            Word("class", self.class.map(Class::as_str), |entry| entry.class.as_str()),
        ]
    }

    /// That part of it which indexes know.
    fn indexed(&self) -> Self {
        Self {
            orgs: self.orgs.clone(),
            account: self.account,
            since: self.since,
            until: self.until,
            ..Self::default()
        }
    }

    /// The text as it stands in an entry's bytes, where JSON escapes quotes and backslashes.
    fn needle(&self) -> Option<String> {
        let json = serde_json::to_string(&self.text.as_deref()?.to_lowercase()).expect("a text is JSON");
        Some(json[1..json.len() - 1].to_owned())
    }
}

/// One of an entry's words: its column, what a filter wants of it, and what an entry has.
struct Word(&'static str, Option<&'static str>, fn(&Entry) -> &'static str);

/// A place in history: everything older than this entry. Its text is `<microseconds>-<id>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Cursor {
    /// The entry's time.
    pub created_at: DateTime<Utc>,
    /// The entry.
    pub id: AttemptId,
}

impl Cursor {
    /// The place of `entry`.
    pub fn of(entry: &Entry) -> Self {
        Self { created_at: entry.created_at, id: entry.id }
    }
}

impl fmt::Display for Cursor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.created_at.timestamp_micros(), self.id.0.simple())
    }
}

/// The text is no cursor of ours.
#[derive(Debug, thiserror::Error)]
#[error("not a cursor; take next_before from the page before")]
pub struct BadCursor;

impl FromStr for Cursor {
    type Err = BadCursor;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (micros, id) = text.split_once('-').ok_or(BadCursor)?;
        let micros: i64 = micros.parse().map_err(|_| BadCursor)?;
        // PostgreSQL's timestamps end in the year 294,276; chrono's end in 262,142.
        let created_at =
            DateTime::from_timestamp_micros(micros).filter(|at| at.timestamp() >= 0).ok_or(BadCursor)?;
        Ok(Self { created_at, id: AttemptId(Uuid::parse_str(id).map_err(|_| BadCursor)?) })
    }
}

/// A page of history.
#[derive(Debug, Clone)]
pub struct EntryPage {
    /// Entries, newest first.
    pub entries: Vec<Entry>,
    /// Where the next page begins; none where this one is the last.
    pub next: Option<Cursor>,
}

struct Stored {
    position: i64,
    created_at: DateTime<Utc>,
    id: Uuid,
    body: String,
}

impl FromRow for Stored {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            position: get(row, "position")?,
            created_at: get(row, "created_at")?,
            id: get(row, "id")?,
            body: get(row, "body")?,
        })
    }
}

impl Stored {
    fn read(self) -> Result<Entry, StoreError> {
        let mut entry: Entry = serde_json::from_str(&self.body).map_err(|error| StoreError::Unreadable {
            table: "connect_logs",
            column: "body",
            row: self.id.to_string(),
            problem: error.to_string(),
        })?;
        entry.position = Some(self.position);
        Ok(entry)
    }
}

impl Store {
    /// At most `limit` entries older than `before`, newest first, each with its position, however far
    /// back they lie.
    pub async fn history(
        &self,
        filter: &EntryFilter,
        before: Option<&Cursor>,
        limit: i64,
    ) -> Result<Vec<Entry>, StoreError> {
        let mut page = self.history_page(filter, before, limit).await?;
        let mut entries = std::mem::take(&mut page.entries);
        while let Some(next) = page.next {
            let left = limit - i64::try_from(entries.len()).unwrap_or(limit);
            if left <= 0 {
                break;
            }
            page = self.history_page(filter, Some(&next), left).await?;
            entries.append(&mut page.entries);
        }
        Ok(entries)
    }

    /// A page of at most `limit` entries older than `before`, each with its position, and where the
    /// next page begins.
    ///
    /// Where a filter has no index, a page looks at 20,000 entries and may come back short, or
    /// empty, though older ones match: no search takes longer than that. An entry that cannot be read
    /// is missing from its page, and hides nothing behind it.
    pub async fn history_page(
        &self,
        filter: &EntryFilter,
        before: Option<&Cursor>,
        limit: i64,
    ) -> Result<EntryPage, StoreError> {
        let end = if filter.searches() { self.search_end(filter, before).await? } else { None };
        let mut conditions = Conditions::of(filter);
        if let Some(cursor) = before {
            conditions.beside("<", cursor);
        }
        if let Some(cursor) = &end {
            conditions.beside(">=", cursor);
        }
        let stored = self.read_stored("history", conditions, "created_at desc, id desc", limit).await?;
        let full = i64::try_from(stored.len()).is_ok_and(|rows| rows >= limit);
        let last = stored.last().filter(|_| full);
        let last = last.map(|last| Cursor { created_at: last.created_at, id: AttemptId(last.id) });
        Ok(EntryPage { entries: readable(stored), next: last.or(end) })
    }

    /// The last entry that a search from `before` looks at; none where it reaches the first of all.
    async fn search_end(
        &self,
        filter: &EntryFilter,
        before: Option<&Cursor>,
    ) -> Result<Option<Cursor>, StoreError> {
        let mut conditions = Conditions::of(&filter.indexed());
        if let Some(cursor) = before {
            conditions.beside("<", cursor);
        }
        let sql = format!(
            "/* search_end */ select created_at, id from connect_logs where {} \
             order by created_at desc, id desc offset {} limit 1",
            conditions.all(),
            LOOKED_AT - 1
        );
        let row = self.query_opt(&sql, &conditions.params()).await?;
        row.map(|row| Ok(Cursor { created_at: get(&row, "created_at")?, id: AttemptId(get(&row, "id")?) }))
            .transpose()
    }

    /// At most `limit` entries that were stored after `position`, in the order of storing.
    pub async fn entries_after(
        &self,
        filter: &EntryFilter,
        position: i64,
        limit: i64,
    ) -> Result<Vec<Entry>, StoreError> {
        let mut conditions = Conditions::of(filter);
        let after = conditions.place(Box::new(position));
        conditions.texts.push(format!("position > {after}"));
        Ok(readable(self.read_stored("entries_after", conditions, "position", limit).await?))
    }

    /// The entry of one attempt of `account`, stored or still in the outbox. Walks the account's own
    /// entries, and of a person's request only those since it, where an attempt's id alone would be
    /// looked for in every day. An hour of grace is for a database whose clock was set back.
    pub async fn entry_of(
        &self,
        account: AccountId,
        attempt: AttemptId,
    ) -> Result<Option<Entry>, StoreError> {
        const ENTRY_OF: &str = "/* entry_of */
            select 0::bigint as position, created_at, id, body from connect_log_outbox where id = $1 and account_id = $2
            union all select position, created_at, id, body from connect_logs where id = $1 and account_id = $2
                and created_at >= coalesce((select requested_at - interval '1 hour' from refresh_requests where attempt = $1),
                    '-infinity')
            order by position desc limit 1";
        read_one(self.query_opt(ENTRY_OF, &[&attempt.0, &account.0]).await?)
    }

    /// The last position taken, and the first that retention has kept (none while nothing is stored).
    pub async fn positions(&self) -> Result<(i64, Option<i64>), StoreError> {
        const POSITIONS: &str = "/* positions */
            select (select last from connect_log_position) as last, (select min(position) from connect_logs) as first";
        let row = self.query_opt(POSITIONS, &[]).await?.expect("a select of two values returns a row");
        Ok((get(&row, "last")?, get(&row, "first")?))
    }

    async fn read_stored(
        &self,
        name: &str,
        conditions: Conditions,
        order: &str,
        limit: i64,
    ) -> Result<Vec<Stored>, StoreError> {
        let limit = limit.clamp(1, 10_000);
        let sql = format!(
            "/* {name} */ select position, created_at, id, body from connect_logs where {} order by {order} limit {limit}",
            conditions.all()
        );
        read_all(&self.query(&sql, &conditions.params()).await?)
    }
}

/// A body that cannot be read hides itself, not those behind it (G6).
fn readable(stored: Vec<Stored>) -> Vec<Entry> {
    stored.into_iter().filter_map(|stored| stored.read().map_err(report).ok()).collect()
}

/// Position 0 is that of an entry in the outbox.
fn read_one(row: Option<Row>) -> Result<Option<Entry>, StoreError> {
    let Some(row) = row else { return Ok(None) };
    let stored = Stored::from_row(&row)?;
    let position = Some(stored.position).filter(|position| *position > 0);
    Ok(Some(Entry { position, ..stored.read()? }))
}

fn report(error: StoreError) -> StoreError {
    tracing::error!(error = %error, "a stored entry cannot be read");
    error
}

/// The filter's conditions that are set; each becomes part of the statement, so that the planner
/// sees only those.
#[derive(Default)]
struct Conditions {
    texts: Vec<String>,
    values: Vec<Box<dyn ToSql + Sync + Send>>,
}

impl Conditions {
    fn of(filter: &EntryFilter) -> Self {
        let mut conditions = Self::default();
        if let Some(orgs) = uuids(filter.orgs.as_deref()) {
            let place = conditions.place(Box::new(orgs));
            conditions.texts.push(format!("org_id = any({place})"));
        }
        if let Some(account) = filter.account {
            let place = conditions.place(Box::new(account.0));
            conditions.texts.push(format!("account_id = {place}"));
        }
        for Word(column, wanted, _) in filter.words() {
            if let Some(wanted) = wanted {
                let place = conditions.place(Box::new(wanted));
                conditions.texts.push(format!("{column} = {place}"));
            }
        }
        if let Some(since) = filter.since {
            let place = conditions.place(Box::new(since));
            conditions.texts.push(format!("created_at >= {place}"));
        }
        if let Some(until) = filter.until {
            let place = conditions.place(Box::new(until));
            conditions.texts.push(format!("created_at < {place}"));
        }
        if let Some(needle) = filter.needle() {
            let place = conditions.place(Box::new(needle));
            conditions.texts.push(format!("position({place} in lower(body)) > 0"));
        }
        conditions
    }

    /// Only what lies on one side of `cursor`, which is `<` or `>=`.
    fn beside(&mut self, side: &str, cursor: &Cursor) {
        let at = self.place(Box::new(cursor.created_at));
        let id = self.place(Box::new(cursor.id.0));
        self.texts.push(format!("(created_at, id) {side} ({at}, {id})"));
    }

    fn all(&self) -> String {
        if self.texts.is_empty() { "true".to_owned() } else { self.texts.join(" and ") }
    }

    fn params(&self) -> Vec<&(dyn ToSql + Sync)> {
        self.values.iter().map(|value| &**value as &(dyn ToSql + Sync)).collect()
    }

    fn place(&mut self, value: Box<dyn ToSql + Sync + Send>) -> String {
        self.values.push(value);
        format!("${}", self.values.len())
    }
}
