//! Entries on their way into history: the outbox, and the one statement that stores them.

use chrono::{DateTime, NaiveDate, Utc};
use tokio_postgres::Row;
use uuid::Uuid;

use crate::{
    domain::account::AttemptId,
    message::Entry,
    store::postgres::{
        coalesce::isolate,
        error::StoreError,
        pool::Store,
        row::{FromRow, get, read_all},
        session::Transaction,
    },
};

/// An entry as it is kept: its bytes, and what readers filter by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryRow {
    /// The attempt's id.
    pub id: Uuid,
    /// With the id, recognises every copy.
    pub created_at: DateTime<Utc>,
    /// Decides who sees it.
    pub org_id: Uuid,
    /// The account.
    pub account_id: Uuid,
    /// `production` or `sandbox`.
    pub environment: String,
    /// What happened.
    pub action: String,
    /// Who caused it.
    pub source: String,
    /// How it ended.
    pub class: String,
    /// The very bytes that are published.
    pub body: String,
}

impl From<&Entry> for EntryRow {
    fn from(entry: &Entry) -> Self {
        Self {
            id: entry.id.0,
            created_at: entry.created_at,
            org_id: entry.org_id.0,
            account_id: entry.account_id.0,
            environment: entry.environment.as_str().to_owned(),
            action: entry.action.as_str().to_owned(),
            source: entry.source.as_str().to_owned(),
            class: entry.class.as_str().to_owned(),
            body: entry.to_text(),
        }
    }
}

/// The rows' columns, one array each, as `unnest` takes them.
struct Columns<'a> {
    ids: Vec<Uuid>,
    created_at: Vec<DateTime<Utc>>,
    org_ids: Vec<Uuid>,
    account_ids: Vec<Uuid>,
    environments: Vec<&'a str>,
    actions: Vec<&'a str>,
    sources: Vec<&'a str>,
    classes: Vec<&'a str>,
    bodies: Vec<&'a str>,
}

impl<'a> Columns<'a> {
    fn of(rows: &'a [EntryRow]) -> Self {
        Self {
            ids: rows.iter().map(|row| row.id).collect(),
            created_at: rows.iter().map(|row| row.created_at).collect(),
            org_ids: rows.iter().map(|row| row.org_id).collect(),
            account_ids: rows.iter().map(|row| row.account_id).collect(),
            environments: rows.iter().map(|row| row.environment.as_str()).collect(),
            actions: rows.iter().map(|row| row.action.as_str()).collect(),
            sources: rows.iter().map(|row| row.source.as_str()).collect(),
            classes: rows.iter().map(|row| row.class.as_str()).collect(),
            bodies: rows.iter().map(|row| row.body.as_str()).collect(),
        }
    }
}

const PUT_OUTBOX: &str = "/* put_outbox */
    insert into connect_log_outbox (id, created_at, org_id, account_id, environment, action, source, class, body)
    select id, created_at, org_id, account_id, environment, action, source, class, body
    from unnest($1::uuid[], $2::timestamptz[], $3::uuid[], $4::uuid[], $5::text[], $6::text[], $7::text[], $8::text[],
        $9::text[]) as e (id, created_at, org_id, account_id, environment, action, source, class, body)";

/// Puts entries into the outbox, inside the transaction that makes them true.
pub(in crate::store) async fn put_outbox(
    transaction: &Transaction<'_>,
    rows: &[EntryRow],
) -> Result<(), StoreError> {
    if rows.is_empty() {
        return Ok(());
    }
    let c = Columns::of(rows);
    let params: [&(dyn tokio_postgres::types::ToSql + Sync); 9] = [
        &c.ids,
        &c.created_at,
        &c.org_ids,
        &c.account_ids,
        &c.environments,
        &c.actions,
        &c.sources,
        &c.classes,
        &c.bodies,
    ];
    transaction.run(PUT_OUTBOX, &params).await?;
    Ok(())
}

const ENSURE_DAYS: &str = "/* ensure_days */ select ensure_connect_log_day(day) from unnest($1::date[]) day";

const TAKE_POSITIONS: &str = "/* take_positions */
    update connect_log_position set last = last + $1 returning last - $1 as base";

/// Moved inside the database: what is stored is what the finish wrote, whatever a message says.
const STORE_ENTRIES: &str = "/* store_entries */
    with taken as (delete from connect_log_outbox where id = any($2)
        returning id, created_at, org_id, account_id, environment, action, source, class, body)
    insert into connect_logs (position, id, created_at, org_id, account_id, environment, action, source, class, body)
    select $1 + row_number() over (order by created_at, id), id, created_at, org_id, account_id, environment, action,
        source, class, body
    from taken on conflict (created_at, id) do nothing";

const COUNT_STORED: &str = "/* count_stored */ update connect_log_position set stored = stored + $1";

/// Locked before the counter row, in the order of the module's lock rule.
const LOCK_OUTBOX: &str = "/* lock_outbox */
    select id, created_at from connect_log_outbox where id = any($1) order by id for update";

const TAKE_OUTBOX: &str = "/* take_outbox */
    select id, created_at from connect_log_outbox where created_at <= clock() - make_interval(secs => $1)
        and ($3::timestamptz is null or (created_at, id) > ($3, $4))
    order by created_at, id limit $2 for update skip locked";

/// An entry that waits in the outbox, under lock.
struct Waiting {
    id: Uuid,
    created_at: DateTime<Utc>,
}

impl FromRow for Waiting {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self { id: get(row, "id")?, created_at: get(row, "created_at")? })
    }
}

impl Store {
    /// Moves entries from the outbox into the history; returns how many. What is not in the outbox
    /// was stored before, or is no entry of ours: it changes nothing.
    ///
    /// Positions are taken under one row's lock that is held until the commit, so no reader who has
    /// seen a position will later find a smaller one.
    pub async fn store_entries(&self, ids: &[AttemptId]) -> Result<u64, StoreError> {
        let mut client = self.client().await?;
        let transaction = client.transaction().await?;
        let ids: Vec<Uuid> = ids.iter().map(|id| id.0).collect();
        let waiting: Vec<Waiting> = read_all(&transaction.rows(LOCK_OUTBOX, &[&ids]).await?)?;
        let stored = store_within(&transaction, &waiting).await?;
        transaction.commit().await?;
        Ok(stored)
    }

    /// Stores entries like [`store_entries`](Self::store_entries), but finds a row that the database
    /// refuses and stores the others; one answer per row, in their order (G6).
    pub async fn store_entries_isolated(&self, ids: Vec<AttemptId>) -> Vec<Result<(), StoreError>> {
        let statement =
            |ids: Vec<AttemptId>| async move { self.store_entries(&ids).await.map(|_| vec![(); ids.len()]) };
        isolate(&statement, ids).await
    }

    /// Stores at most `limit` outbox rows older than `age_secs`, behind the place `after`, by the same
    /// statement, without the broker. Several relays share the work. A row that the database refuses
    /// stays, and the others are stored (G6).
    pub async fn relay_outbox(
        &self,
        age_secs: f64,
        limit: i64,
        after: Option<OutboxPlace>,
    ) -> Result<Relayed, StoreError> {
        let mut client = self.client().await?;
        let transaction = client.transaction().await?;
        let (at, id) = (after.map(|place| place.0), after.map(|place| place.1));
        let waiting: Vec<Waiting> =
            read_all(&transaction.rows(TAKE_OUTBOX, &[&age_secs, &limit, &at, &id]).await?)?;
        let last = waiting.last().map(|entry| OutboxPlace(entry.created_at, entry.id));
        let ids = || waiting.iter().map(|entry| AttemptId(entry.id));
        let refused = match store_within(&transaction, &waiting).await {
            Ok(_) => {
                transaction.commit().await?;
                Vec::new()
            }
            Err(error) if error.is_row_fault() => {
                drop(transaction);
                drop(client);
                let stored = self.store_entries_isolated(ids().collect()).await;
                ids().zip(stored).filter_map(|(id, stored)| Some((id, stored.err()?))).collect()
            }
            Err(error) => return Err(error),
        };
        Ok(Relayed { stored: waiting.len() - refused.len(), refused, last })
    }
}

/// A place in the outbox's order.
#[derive(Debug, Clone, Copy)]
pub struct OutboxPlace(DateTime<Utc>, Uuid);

/// What a relay did with a slice of the outbox.
#[derive(Debug)]
pub struct Relayed {
    /// Rows that are stored.
    pub stored: usize,
    /// Rows that are not, and why.
    pub refused: Vec<(AttemptId, StoreError)>,
    /// Where the next slice begins; none at the end.
    pub last: Option<OutboxPlace>,
}

async fn store_within(transaction: &Transaction<'_>, waiting: &[Waiting]) -> Result<u64, StoreError> {
    if waiting.is_empty() {
        return Ok(0);
    }
    let mut days: Vec<NaiveDate> = waiting.iter().map(|entry| entry.created_at.date_naive()).collect();
    days.sort_unstable();
    days.dedup();
    transaction.rows(ENSURE_DAYS, &[&days]).await?;
    let wanted = i64::try_from(waiting.len()).expect("a slice fits");
    let base: i64 = match transaction.rows(TAKE_POSITIONS, &[&wanted]).await?.first() {
        Some(row) => get(row, "base")?,
        None => 0,
    };
    let ids: Vec<Uuid> = waiting.iter().map(|entry| entry.id).collect();
    let stored = transaction.run(STORE_ENTRIES, &[&base, &ids]).await?;
    let count = i64::try_from(stored).expect("a slice fits");
    transaction.run(COUNT_STORED, &[&count]).await?;
    Ok(stored)
}
