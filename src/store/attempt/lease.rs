//! Closing leases that ran out: their worker died or froze.
//!
//! The epoch rises, so that the worker, should it thaw, finds its finish refused. Whatever state
//! the account is in, its attempt gets its entry: `interrupted`, made from the lease's own columns.

use std::time::Duration;

use chrono::{DateTime, Utc};
use tokio_postgres::Row;
use uuid::Uuid;

use crate::{
    domain::{
        account::{AccountId, AttemptId},
        class::{Class, Sent},
    },
    message::{Draft, Entry, Runner, Source, Subject},
    store::{
        entry::outbox::{EntryRow, put_outbox},
        fragment::{lease_ended, subject},
        lock::{FREE_REQUESTS, lock_free},
        postgres::{
            error::StoreError,
            pool::Store,
            row::{FromRow, get, get_parsed, read_each},
        },
    },
};

struct Expired {
    attempt: AttemptId,
    subject: Subject,
    source: Source,
    triggered_by: Option<String>,
    runner: Runner,
    failures: u32,
    held_ms: i64,
    at: DateTime<Utc>,
}

impl FromRow for Expired {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        let id: Uuid = get(row, "account_id")?;
        Ok(Self {
            attempt: AttemptId(get(row, "lease_attempt")?),
            subject: Subject::from_row(row)?,
            source: get_parsed(row, "refresh_state", "lease_source", &id)?,
            triggered_by: get(row, "lease_triggered_by")?,
            runner: Runner { instance: get(row, "lease_instance")?, version: get(row, "lease_version")? },
            failures: u32::try_from(get::<i32>(row, "consecutive_failures")?).unwrap_or(0),
            held_ms: get(row, "held_ms")?,
            at: get(row, "at")?,
        })
    }
}

const TAKE_EXPIRED: &str = concat!(
    "/* take_expired */
    with c as materialized (select clock() as at)
    select s.lease_attempt, s.lease_source, s.lease_triggered_by, s.lease_instance, s.lease_version,
        s.consecutive_failures, (extract(epoch from c.at - s.lease_claimed_at) * 1000)::bigint as held_ms,
        ",
    subject!(),
    ", c.at
    from c, refresh_state s join accounts a on a.id = s.account_id
    where s.lease_attempt = any($1) and s.lease_until <= clock() order by s.account_id for update of s skip locked"
);

const EXPIRED_LEASES: &str = "/* expired_leases */
    select account_id, lease_attempt from refresh_state
    where lease_attempt is not null and lease_until <= clock() and ($1::uuid[] is null or account_id = any($1))
    limit $2";

const CLOSE_EXPIRED: &str = concat!(
    "/* close_expired */
    update refresh_state s set epoch = s.epoch + 1, ",
    lease_ended!(),
    ", consecutive_failures = s.consecutive_failures + 1, class = 'interrupted',
        refresh_error = 'interrupted: the worker stopped before it could say how the call ended',
        interruptions = s.interruptions + 1,
        standing = case when s.interruptions >= 2 and s.standing = 'active' then 'blocked' else s.standing end,
        next_refresh_at = e.at + make_interval(secs => e.retry_in), due_source = 'scheduled', due_triggered_by = null
    from unnest($1::uuid[], $2::timestamptz[], $3::float8[]) as e (account, at, retry_in)
    where s.account_id = e.account"
);

const LEASE_OF: &str = "/* lease_of */
    select lease_attempt from refresh_state
    where account_id = $1 and lease_attempt is not null and lease_until > clock()";

const CLOSE_REQUESTS: &str = "/* expired_close_requests */
    update refresh_requests set closed_at = clock() where attempt = any($1) and closed_at is null";

impl Store {
    /// The attempt that holds the account's lease, if it has not run out.
    pub async fn lease_of(&self, account: AccountId) -> Result<Option<AttemptId>, StoreError> {
        let row = self.query_opt(LEASE_OF, &[&account.0]).await?;
        row.map(|row| Ok(AttemptId(get(&row, "lease_attempt")?))).transpose()
    }

    /// At most `limit` accounts whose lease ran out.
    pub async fn expired_leases(&self, limit: i64) -> Result<Vec<AccountId>, StoreError> {
        let rows = self.query(EXPIRED_LEASES, &[&None::<&[Uuid]>, &limit]).await?;
        rows.iter().map(|row| Ok(AccountId(get(row, "account_id")?))).collect()
    }

    /// Closes at most `limit` leases that ran out, of `accounts` or of all, and returns their
    /// entries. `retry_in` says how long to wait after that many failures in a row.
    pub async fn reap(
        &self,
        accounts: Option<&[AccountId]>,
        limit: i64,
        retry_in: impl Fn(u32) -> Duration + Send + Sync,
    ) -> Result<Vec<Entry>, StoreError> {
        let mut client = self.client().await?;
        let transaction = client.transaction().await?;
        let only: Option<Vec<Uuid>> =
            accounts.map(|accounts| accounts.iter().map(|account| account.0).collect());
        let leases = transaction.rows(EXPIRED_LEASES, &[&only, &limit]).await?;
        if leases.is_empty() {
            return Ok(Vec::new());
        }
        let mut attempts: Vec<Uuid> =
            leases.iter().map(|row| get(row, "lease_attempt")).collect::<Result<_, _>>()?;
        // A person's request is closed with its lease, and locked before it.
        let requests = lock_free(&transaction, &FREE_REQUESTS, &attempts).await?;
        attempts.retain(|attempt| !requests.busy.contains(attempt));
        let expired: Vec<Expired> = read_each(&transaction.rows(TAKE_EXPIRED, &[&attempts]).await?)?;
        if expired.is_empty() {
            return Ok(Vec::new());
        }
        let accounts: Vec<Uuid> = expired.iter().map(|lease| lease.subject.account_id.0).collect();
        let at: Vec<DateTime<Utc>> = expired.iter().map(|lease| lease.at).collect();
        let pauses: Vec<f64> =
            expired.iter().map(|lease| retry_in(lease.failures + 1).as_secs_f64()).collect();
        let attempts: Vec<Uuid> = expired.iter().map(|lease| lease.attempt.0).collect();
        transaction.run(CLOSE_EXPIRED, &[&accounts, &at, &pauses]).await?;
        transaction.run(CLOSE_REQUESTS, &[&attempts]).await?;
        let entries: Vec<Entry> = expired.iter().map(interrupted).collect();
        put_outbox(&transaction, &entries.iter().map(EntryRow::from).collect::<Vec<_>>()).await?;
        transaction.commit().await?;
        Ok(entries)
    }
}

fn interrupted(lease: &Expired) -> Entry {
    let mut draft = Draft::without_exchange(
        lease.attempt,
        &lease.subject,
        lease.source,
        Class::Interrupted,
        &lease.runner,
    );
    let entry = draft.entry_mut();
    entry.sent = Sent::Unknown;
    entry.error = Some(Class::Interrupted.meaning().to_owned());
    entry.attempt = lease.failures + 1;
    entry.triggered_by.clone_from(&lease.triggered_by);
    entry.timings_ms.insert("held".into(), u64::try_from(lease.held_ms).unwrap_or(0));
    draft.stamp(lease.at)
}
