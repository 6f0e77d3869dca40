//! People's requests: stored before they are accepted, published again while nobody claims them,
//! and closed with an entry if nobody does (G1).

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Serialize;
use tokio_postgres::Row;
use uuid::Uuid;

use crate::{
    domain::{
        account::{AccountId, AttemptId, KeysetId},
        class::{Class, NotRun},
    },
    message::{Draft, Entry, RefreshMessage, Runner, Source, Subject},
    store::{
        entry::outbox::{EntryRow, put_outbox},
        fragment::subject,
        lock::{LOCK_LEDGER, count_attempts},
        postgres::{
            error::StoreError,
            pool::Store,
            row::{FromRow, get, get_parsed, read_each},
        },
    },
};

impl FromRow for RefreshMessage {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        let attempt: Uuid = get(row, "attempt")?;
        Ok(Self {
            attempt: AttemptId(attempt),
            account: AccountId(get(row, "account_id")?),
            source: get_parsed(row, "refresh_requests", "source", &attempt)?,
        })
    }
}

/// How far a request has come, and when; all by the database's clock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct RequestState {
    /// It was accepted.
    pub requested_at: DateTime<Utc>,
    /// A worker has claimed it.
    pub claimed_at: Option<DateTime<Utc>>,
    /// Its token was opened, and the call to eBay began.
    pub called_at: Option<DateTime<Utc>>,
    /// Its entry is decided.
    pub closed_at: Option<DateTime<Utc>>,
    /// When this was read.
    pub at: DateTime<Utc>,
}

impl FromRow for RequestState {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            requested_at: get(row, "requested_at")?,
            claimed_at: get(row, "claimed_at")?,
            called_at: get(row, "called_at")?,
            closed_at: get(row, "closed_at")?,
            at: get(row, "at")?,
        })
    }
}

const PUT_REQUEST: &str = "/* put_request */
    insert into refresh_requests (attempt, account_id, source, triggered_by, published_at)
    values ($1, $2, $3, $4, clock())";

const TOUCH: &str = "/* touch_account */ update accounts set last_used_at = clock() where id = $1";

const TAKE_UNCLAIMED: &str = "/* take_unclaimed_requests */
    update refresh_requests r set published_at = clock()
    where attempt in (
        select attempt from refresh_requests
        where claimed_at is null and closed_at is null and requested_at > clock() - make_interval(secs => $2)
            and coalesce(published_at, requested_at) <= clock() - make_interval(secs => $1)
        order by requested_at limit 500 for update skip locked)
    returning r.attempt, r.account_id, r.source";

const OVERDUE_ACCOUNTS: &str = "/* overdue_request_accounts */
    select distinct account_id from refresh_requests
    where claimed_at is null and closed_at is null and requested_at <= clock() - make_interval(secs => $1) limit 500";

/// A bounded part: the ledgers are locked meanwhile. Read before they are closed: a row that cannot be read gets no entry, so it must stay open.
const TAKE_OVERDUE: &str = concat!(
    "/* take_overdue_requests */
    select r.attempt, r.source, r.triggered_by, clock() as at, ",
    subject!(),
    ", a.keyset_id
    from refresh_requests r join accounts a on a.id = r.account_id
    where r.claimed_at is null and r.closed_at is null and r.account_id = any($2)
        and r.requested_at <= clock() - make_interval(secs => $1)
    order by r.attempt limit 500 for update of r skip locked"
);

const CLOSE_OVERDUE: &str = "/* close_overdue_requests */
    update refresh_requests set closed_at = clock() where attempt = any($1)";

const REQUEST_STATE: &str = "/* request_state */
    select requested_at, claimed_at, called_at, closed_at, clock() as at from refresh_requests
    where attempt = $1 and ($2::uuid is null or account_id = $2)";

const TELL_CALLED: &str = "/* tell_called */
    update refresh_requests set called_at = clock() where attempt = $1 and closed_at is null";

const OPEN_FOR_ACCOUNT: &str = "/* open_request_for_account */
    select attempt from refresh_requests
    where account_id = $1 and source = $2 and claimed_at is null and closed_at is null order by requested_at limit 1";

struct Overdue {
    attempt: AttemptId,
    subject: Subject,
    source: Source,
    triggered_by: String,
    keyset: KeysetId,
    at: DateTime<Utc>,
}

impl FromRow for Overdue {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        let attempt: Uuid = get(row, "attempt")?;
        Ok(Self {
            attempt: AttemptId(attempt),
            subject: Subject::from_row(row)?,
            source: get_parsed(row, "refresh_requests", "source", &attempt)?,
            triggered_by: get(row, "triggered_by")?,
            keyset: KeysetId(get(row, "keyset_id")?),
            at: get(row, "at")?,
        })
    }
}

impl Store {
    /// Accepts a person's request. From here on it will have an entry, whatever happens.
    pub async fn put_request(
        &self,
        account: AccountId,
        source: Source,
        triggered_by: &str,
    ) -> Result<RefreshMessage, StoreError> {
        let attempt = AttemptId::fresh();
        if source == Source::Admin {
            // On-demand use: the account comes first when the quota does not suffice for all.
            self.execute(TOUCH, &[&account.0]).await?;
        }
        self.execute(PUT_REQUEST, &[&attempt.0, &account.0, &source.as_str(), &triggered_by]).await?;
        Ok(RefreshMessage { attempt, account, source })
    }

    /// Requests that nobody has claimed for `after`, to be published again; those older than
    /// `close_after` are left for [`close_undelivered`](Self::close_undelivered).
    pub async fn take_unclaimed_requests(
        &self,
        after: Duration,
        close_after: Duration,
    ) -> Result<Vec<RefreshMessage>, StoreError> {
        read_each(&self.query(TAKE_UNCLAIMED, &[&after.as_secs_f64(), &close_after.as_secs_f64()]).await?)
    }

    /// Closes requests that nobody claimed within `after`, each with an entry
    /// `not_run`/`undelivered`, and returns the entries. A request that cannot be closed stays, and the
    /// others are closed (G6).
    pub async fn close_undelivered(
        &self,
        after: Duration,
        runner: &Runner,
    ) -> Result<Vec<Entry>, StoreError> {
        let mut accounts: Vec<Uuid> = Vec::new();
        for row in self.query(OVERDUE_ACCOUNTS, &[&after.as_secs_f64()]).await? {
            accounts.push(get(&row, "account_id")?);
        }
        if accounts.is_empty() {
            return Ok(Vec::new());
        }
        match self.close_overdue(after, &accounts, runner).await {
            Err(error) if error.is_row_fault() => {}
            closed => return closed,
        }
        let mut entries = Vec::new();
        for account in accounts {
            match self.close_overdue(after, &[account], runner).await {
                Ok(closed) => entries.extend(closed),
                Err(error) if error.is_row_fault() => {
                    tracing::error!(account.id = %account, error = %crate::error_chain::Chain(&error),
                        "requests of an account cannot be closed");
                }
                Err(error) => return Err(error),
            }
        }
        Ok(entries)
    }

    async fn close_overdue(
        &self,
        after: Duration,
        accounts: &[Uuid],
        runner: &Runner,
    ) -> Result<Vec<Entry>, StoreError> {
        let mut client = self.client().await?;
        let transaction = client.transaction().await?;
        transaction.rows(LOCK_LEDGER, &[&accounts]).await?;
        let overdue: Vec<Overdue> =
            read_each(&transaction.rows(TAKE_OVERDUE, &[&after.as_secs_f64(), &accounts]).await?)?;
        let attempts: Vec<Uuid> = overdue.iter().map(|request| request.attempt.0).collect();
        transaction.run(CLOSE_OVERDUE, &[&attempts]).await?;
        count_attempts(&transaction, overdue.iter().map(|request| request.keyset)).await?;
        let entries: Vec<Entry> = overdue.iter().map(|request| undelivered(request, runner)).collect();
        put_outbox(&transaction, &entries.iter().map(EntryRow::from).collect::<Vec<_>>()).await?;
        transaction.commit().await?;
        Ok(entries)
    }

    /// How far a request has come; none if there is no such request, or if `account` has none such.
    pub async fn request_state(
        &self,
        attempt: AttemptId,
        account: Option<AccountId>,
    ) -> Result<Option<RequestState>, StoreError> {
        let account = account.map(|account| account.0);
        let row = self.query_opt(REQUEST_STATE, &[&attempt.0, &account]).await?;
        row.as_ref().map(RequestState::from_row).transpose()
    }

    /// Notes that the call of a person's request begins, for whoever watches it.
    pub async fn tell_called(&self, attempt: AttemptId) -> Result<(), StoreError> {
        self.execute(TELL_CALLED, &[&attempt.0]).await.map(drop)
    }

    /// A request of the same kind that already waits for this account.
    pub async fn waiting_request(
        &self,
        account: AccountId,
        source: Source,
    ) -> Result<Option<AttemptId>, StoreError> {
        let row = self.query_opt(OPEN_FOR_ACCOUNT, &[&account.0, &source.as_str()]).await?;
        row.map(|row| Ok(AttemptId(get(&row, "attempt")?))).transpose()
    }
}

fn undelivered(request: &Overdue, runner: &Runner) -> Entry {
    let mut draft =
        Draft::without_exchange(request.attempt, &request.subject, request.source, Class::NotRun, runner);
    let entry = draft.entry_mut();
    entry.reason = Some(NotRun::Undelivered.as_str().to_owned());
    entry.error = Some(NotRun::Undelivered.meaning().to_owned());
    entry.triggered_by = Some(request.triggered_by.clone());
    draft.stamp(request.at)
}
