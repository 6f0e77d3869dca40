//! The finish: the only way a result has an effect (G3).
//!
//! One transaction per slice. A row whose attempt or epoch is no longer ours writes nothing: a
//! worker that froze and thawed has lost its lease, and whoever closed it has written the entry.
//! Where the token row is not the one that was read, the answer belongs to a token that is gone:
//! the lease is closed, and the entry says `superseded`.

mod columns;
mod confirm;
mod rehearse;
pub(in crate::store) mod types;

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use tokio_postgres::Row;
use uuid::Uuid;

use self::{
    columns::{FailedColumns, RefreshedColumns},
    confirm::confirm,
    types::{Effect, Finish, FinishOutcome},
};
use super::breaker::{lock_breakers, observe};
use crate::{
    domain::{class::Sent, verdict::Verdict},
    message::{Draft, Source},
    store::{
        entry::outbox::{EntryRow, put_outbox},
        fragment::{lease_ended, unqueued},
        lock::{FREE_REQUESTS, FREE_STATES_AND_TOKENS, LOCK_CALLS, lock_free},
        postgres::{
            error::StoreError,
            pool::Store,
            row::{FromRow, get, read_all},
            session::Transaction,
        },
    },
};

struct Held {
    account: Uuid,
    lease_attempt: Option<Uuid>,
    epoch: i64,
    token_version: i64,
    at: DateTime<Utc>,
}

impl FromRow for Held {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            account: get(row, "account_id")?,
            lease_attempt: get(row, "lease_attempt")?,
            epoch: get(row, "epoch")?,
            token_version: get(row, "token_version")?,
            at: get(row, "at")?,
        })
    }
}

/// Read after the locks are held.
const READ_HELD: &str = "/* finish_read_held */
    with c as materialized (select clock() as at)
    select s.account_id, s.lease_attempt, s.epoch, t.version as token_version, c.at
    from c, refresh_state s join tokens t on t.account_id = s.account_id
    where s.account_id = any($1)";

const CLOSE_REQUESTS: &str = "/* finish_close_requests */
    update refresh_requests set closed_at = clock() where attempt = any($1) and closed_at is null";

const CLEAR_LEASES: &str = concat!(
    "/* finish_clear_leases */
    update refresh_state set ",
    lease_ended!(),
    "
    where account_id = any($1)"
);

const STATE_REFRESHED: &str = concat!(
    "/* finish_state_refreshed */
    update refresh_state s set last_success_at = f.at, consecutive_failures = 0, class = null, refresh_error = null,
        next_refresh_at = f.claimed_at + make_interval(secs => case when s.demoted then f.demoted_next_in else f.next_in end),
        due_source = 'scheduled', due_triggered_by = null, ",
    unqueued!(),
    ",
        standing = 'active', missing_key = null, interruptions = 0, suspicions = 0, suspected_at = null,
        suspect_claimed_at = null, suspect_secret_version = null, suspect_token_version = null,
        success_claimed_at = f.claimed_at, success_secret_version = f.secret_version,
        warned_days = case when f.ends_anew then null else s.warned_days end
    from unnest($1::uuid[], $2::timestamptz[], $3::timestamptz[], $4::float8[], $5::float8[], $6::int[], $7::boolean[])
        as f (account, at, claimed_at, next_in, demoted_next_in, secret_version, ends_anew)
    where s.account_id = f.account"
);

const TOKEN_REFRESHED: &str = "/* finish_token_refreshed */
    update tokens t set access_token = f.access, access_expires_at = f.claimed_at + make_interval(secs => f.expires_in),
        refresh_token = coalesce(f.refresh, t.refresh_token),
        refresh_expires_at = coalesce(f.claimed_at + make_interval(secs => f.refresh_expires_in), t.refresh_expires_at),
        scopes = coalesce(f.scopes, t.scopes), version = t.version + 1, updated_at = f.at
    from unnest($1::uuid[], $2::timestamptz[], $3::timestamptz[], $4::text[], $5::float8[], $6::text[], $7::float8[],
            $8::text[])
        as f (account, at, claimed_at, access, expires_in, refresh, refresh_expires_in, scopes)
    where t.account_id = f.account";

const REMEMBER_TOKENS: &str = "/* finish_remember_tokens */
    insert into refresh_token_digests (account_id, sha256)
    select account, sha256 from unnest($1::uuid[], $2::bytea[]) as d (account, sha256) on conflict do nothing";

const STATE_FAILED: &str = concat!(
    "/* finish_state_failed */
    update refresh_state s set
        consecutive_failures = s.consecutive_failures + 1,
        class = f.class, refresh_error = f.error,
        next_refresh_at = f.at + make_interval(secs => f.retry_in), due_source = 'scheduled',
        due_triggered_by = null, ",
    unqueued!(),
    ",
        standing = case when f.standing in ('reconnect_required', 'blocked') then f.standing else s.standing end,
        missing_key = case when f.standing = 'blocked' then f.missing_key else s.missing_key end,
        interruptions = 0,
        suspicions = case when f.standing = 'suspected' then s.suspicions + 1 else s.suspicions end,
        suspected_at = case when f.standing = 'suspected' then coalesce(s.suspected_at, f.at) else s.suspected_at end,
        suspect_claimed_at = case when f.standing = 'suspected' then f.claimed_at else s.suspect_claimed_at end,
        suspect_secret_version = case when f.standing = 'suspected' then f.secret_version else s.suspect_secret_version end,
        suspect_token_version = case when f.standing = 'suspected' then f.token_version else s.suspect_token_version end
    from unnest($1::uuid[], $2::timestamptz[], $3::text[], $4::text[], $5::float8[], $6::text[], $7::text[],
            $8::timestamptz[], $9::int[], $10::bigint[])
        as f (account, at, class, error, retry_in, standing, missing_key, claimed_at, secret_version, token_version)
    where s.account_id = f.account"
);

/// Only a finish that knows that nothing was sent gives its call back.
const RETURN_CALLS: &str = "/* finish_return_calls */
    update quota_usage q set calls = greatest(0, q.calls - f.calls),
        debug_calls = greatest(0, q.debug_calls - f.debug_calls)
    from (select keyset, date_bin('5 minutes', claimed_at, 'epoch') as bucket, count(*)::int as calls,
            count(*) filter (where debug)::int as debug_calls
        from unnest($1::uuid[], $2::timestamptz[], $3::boolean[]) as f (keyset, claimed_at, debug) group by 1, 2) f
    where q.keyset_id = f.keyset and q.bucket = f.bucket";

impl Store {
    /// Finishes a slice of attempts; one outcome per row, in their order.
    pub async fn finish(&self, rows: &[Finish]) -> Result<Vec<FinishOutcome>, StoreError> {
        let mut client = self.client().await?;
        let transaction = client.transaction().await?;
        lock_breakers(&transaction, rows).await?;
        let attempts: Vec<Uuid> = rows.iter().map(|row| row.attempt.0).collect();
        let accounts: Vec<Uuid> = rows.iter().map(|row| row.account.0).collect();
        let requests = lock_free(&transaction, &FREE_REQUESTS, &attempts).await?;
        let states = lock_free(&transaction, &FREE_STATES_AND_TOKENS, &accounts).await?;
        let free =
            |row: &&Finish| !requests.busy.contains(&row.attempt.0) && !states.busy.contains(&row.account.0);
        observe(&transaction, rows.iter().filter(free)).await?;
        let held: Vec<Held> = read_all(&transaction.rows(READ_HELD, &[&states.held]).await?)?;
        let held: HashMap<Uuid, Held> = held.into_iter().map(|held| (held.account, held)).collect();
        let mut writes = FinishWrites::default();
        for row in rows {
            if free(&row) {
                writes.judge(row, held.get(&row.account.0));
            } else {
                writes.results.push(Err(FinishOutcome::Busy));
            }
        }
        if !requests.held.is_empty() {
            let free: Vec<Uuid> = rows.iter().filter(free).map(|row| row.attempt.0).collect();
            transaction.run(CLOSE_REQUESTS, &[&free]).await?;
        }
        writes.apply(&transaction).await?;
        let outcomes = writes.tell(&transaction).await?;
        transaction.commit().await?;
        Ok(outcomes)
    }
}

/// What a slice of finishes writes.
#[derive(Default)]
struct FinishWrites<'a> {
    results: Vec<Result<Finished, FinishOutcome>>,
    closed: Vec<Uuid>,
    refreshed: Vec<(&'a Finish, DateTime<Utc>)>,
    failed: Vec<(&'a Finish, DateTime<Utc>)>,
    suspected: Vec<Uuid>,
    unsent: Vec<&'a Finish>,
}

/// A row whose result is written: its entry as far as it is known.
struct Finished {
    account: Uuid,
    draft: Draft,
    at: DateTime<Utc>,
}

impl<'a> FinishWrites<'a> {
    fn judge(&mut self, row: &'a Finish, held: Option<&Held>) {
        let ours = |held: &&Held| held.lease_attempt == Some(row.attempt.0) && held.epoch == row.epoch;
        let Some(held) = held.filter(ours) else {
            self.results.push(Err(FinishOutcome::Lost));
            return;
        };
        self.closed.push(row.account.0);
        if row.draft.entry().sent == Sent::No {
            self.unsent.push(row);
        }
        let draft = if held.token_version == row.token_version {
            match &row.effect {
                Effect::Refreshed { .. } => self.refreshed.push((row, held.at)),
                Effect::Failed { verdict, .. } => {
                    if *verdict == Verdict::Suspected {
                        self.suspected.push(row.account.0);
                    }
                    self.failed.push((row, held.at));
                }
            }
            row.draft.clone()
        } else {
            row.draft.superseded()
        };
        self.results.push(Ok(Finished { account: row.account.0, draft, at: held.at }));
    }

    async fn apply(&self, transaction: &Transaction<'_>) -> Result<(), StoreError> {
        if !self.closed.is_empty() {
            transaction.run(CLEAR_LEASES, &[&self.closed]).await?;
        }
        if !self.refreshed.is_empty() {
            self.write_refreshed(transaction).await?;
        }
        if !self.failed.is_empty() {
            self.write_failed(transaction).await?;
        }
        Ok(())
    }

    async fn return_calls(&self, transaction: &Transaction<'_>) -> Result<(), StoreError> {
        let keysets: Vec<Uuid> = self.unsent.iter().map(|row| row.keyset.0).collect();
        let claimed_at: Vec<DateTime<Utc>> = self.unsent.iter().map(|row| row.claimed_at).collect();
        let debug: Vec<bool> =
            self.unsent.iter().map(|row| row.draft.entry().source == Source::Debug).collect();
        transaction.rows(LOCK_CALLS, &[&keysets, &claimed_at]).await?;
        transaction.run(RETURN_CALLS, &[&keysets, &claimed_at, &debug]).await?;
        Ok(())
    }

    /// Decides on proof, and puts the entries into the outbox.
    async fn tell(self, transaction: &Transaction<'_>) -> Result<Vec<FinishOutcome>, StoreError> {
        let confirmed = confirm(transaction, &self.suspected, &self.refreshed).await?;
        if !self.unsent.is_empty() {
            self.return_calls(transaction).await?;
        }
        let mut rows = Vec::with_capacity(self.results.len());
        let outcomes = self
            .results
            .into_iter()
            .map(|result| {
                let Finished { account, draft, at } = match result {
                    Ok(finished) => finished,
                    Err(outcome) => return outcome,
                };
                let draft = if confirmed.contains(&account) { draft.confirmed() } else { draft };
                let entry = Box::new(draft.stamp(at));
                rows.push(EntryRow::from(&*entry));
                FinishOutcome::Finished(entry)
            })
            .collect();
        put_outbox(transaction, &rows).await?;
        Ok(outcomes)
    }

    async fn write_refreshed(&self, transaction: &Transaction<'_>) -> Result<(), StoreError> {
        let mut columns = RefreshedColumns::default();
        for (row, at) in &self.refreshed {
            columns.push(row, *at);
        }
        let c = &columns;
        let state: [&(dyn tokio_postgres::types::ToSql + Sync); 7] = [
            &c.accounts,
            &c.at,
            &c.claimed_at,
            &c.next_in,
            &c.demoted_next_in,
            &c.secret_versions,
            &c.ends_anew,
        ];
        transaction.run(STATE_REFRESHED, &state).await?;
        let params: [&(dyn tokio_postgres::types::ToSql + Sync); 8] = [
            &c.accounts,
            &c.at,
            &c.claimed_at,
            &c.access,
            &c.expires_in,
            &c.refresh,
            &c.refresh_expires_in,
            &c.scopes,
        ];
        transaction.run(TOKEN_REFRESHED, &params).await?;
        if !c.rotated.is_empty() {
            transaction.run(REMEMBER_TOKENS, &[&c.rotated, &c.digests]).await?;
        }
        Ok(())
    }

    async fn write_failed(&self, transaction: &Transaction<'_>) -> Result<(), StoreError> {
        let mut columns = FailedColumns::default();
        for (row, at) in &self.failed {
            columns.push(row, *at);
        }
        let c = &columns;
        let params: [&(dyn tokio_postgres::types::ToSql + Sync); 10] = [
            &c.accounts,
            &c.at,
            &c.classes,
            &c.errors,
            &c.retry_in,
            &c.standings,
            &c.missing_keys,
            &c.claimed_at,
            &c.secret_versions,
            &c.token_versions,
        ];
        transaction.run(STATE_FAILED, &params).await?;
        Ok(())
    }
}
