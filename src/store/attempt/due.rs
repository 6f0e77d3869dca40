//! What the scheduler reads and writes: accounts that are due.

use std::time::Duration;

use tokio_postgres::Row;
use uuid::Uuid;

use crate::{
    domain::account::{AccountId, AttemptId},
    message::{RefreshMessage, Source},
    store::{
        fleet::instance::{LIVE_WITHIN, is_live},
        fragment::unqueued,
        postgres::{
            error::StoreError,
            pool::Store,
            row::{FromRow, get, get_parsed, read_each},
        },
    },
};

/// Whether account `a` with the state `s` is refreshed on schedule.
macro_rules! is_scheduled {
    () => {
        "(a.paused_at is null and s.standing = 'active')"
    };
}

/// Whether nothing of account `s` is published or under way.
macro_rules! is_free {
    () => {
        "(s.lease_attempt is null and (s.queued_until is null or s.queued_until <= clock()))"
    };
}

/// Whether account `a` with the state `s`, of keyset `k`, is to be refreshed. By `clock()` itself and
/// not by an instant read before, so that the planner knows how few rows this is and finds them by the
/// index.
macro_rules! is_due {
    () => {
        concat!(
            "(s.next_refresh_at <= clock() and ",
            crate::store::attempt::due::is_free!(),
            " and ",
            crate::store::attempt::due::is_scheduled!(),
            " and k.state = 'ready')"
        )
    };
}

/// How many accounts are due; where there are very many, the exact number tells no more.
macro_rules! count_due {
    () => {
        concat!(
            "(select count(*) from (select from refresh_state s
                join accounts a on a.id = s.account_id join keysets k on k.id = a.keyset_id
            where ",
            crate::store::attempt::due::is_due!(),
            " limit 100000) due)"
        )
    };
}

pub(in crate::store) use {count_due, is_due, is_free, is_scheduled};

/// An account that was taken as due, under a fresh attempt id.
pub(super) struct Due(pub(super) RefreshMessage);

impl FromRow for Due {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        let id: Uuid = get(row, "account_id")?;
        Ok(Self(RefreshMessage {
            attempt: AttemptId(get(row, "queued_attempt")?),
            account: AccountId(id),
            source: get_parsed(row, "refresh_state", "due_source", &id)?,
        }))
    }
}

const TAKE_DUE: &str = concat!(
    "/* take_due */
    with due as (
        select s.account_id from refresh_state s
            join accounts a on a.id = s.account_id join keysets k on k.id = a.keyset_id
        where ",
    is_due!(),
    "
        order by s.next_refresh_at limit cardinality($1::uuid[]) for update of s skip locked
    ), numbered as (select account_id, row_number() over () as number from due)
    update refresh_state s set queued_attempt = ($1::uuid[])[n.number],
        queued_until = clock() + make_interval(secs => $2)
    from numbered n where s.account_id = n.account_id
    returning s.account_id, s.queued_attempt, s.due_source"
);

const GIVE_BACK: &str = concat!(
    "/* give_back_due */
    with held as (
        select account_id from refresh_state where queued_attempt = any($1) order by account_id for update)
    update refresh_state s set ",
    unqueued!(),
    " from held where s.account_id = held.account_id"
);

const COUNT_QUEUED: &str = "/* count_queued */
    select count(*) as queued from refresh_state where queued_attempt is not null and queued_until > clock()";

const UNBLOCK_BY_KEY: &str = concat!(
    "/* unblock_by_key */
    with c as materialized (select clock() as at), held as (
        select s.account_id from c, refresh_state s where s.missing_key is not null and exists (
            select from instances i where i.takes_work and s.missing_key = any(i.key_ids) and ",
    is_live!("$1"),
    ")
        order by s.account_id for update of s skip locked)
    update refresh_state s set standing = 'active', missing_key = null, next_refresh_at = c.at
    from c, held where s.account_id = held.account_id"
);

const MAKE_DUE: &str = concat!(
    "/* make_due */
    with held as (select account_id from refresh_state where account_id = any($1) order by account_id for update)
    update refresh_state s set next_refresh_at = clock(), due_source = $2, due_triggered_by = $3,
        standing = 'active', missing_key = null,
        ",
    unqueued!(),
    "
    from held where s.account_id = held.account_id"
);

impl Store {
    /// Takes at most `limit` due accounts, the longest overdue first. Each stays taken until it is
    /// claimed, given back, or `claim_within` has passed. Several schedulers share the work.
    pub async fn take_due(
        &self,
        limit: usize,
        claim_within: Duration,
    ) -> Result<Vec<RefreshMessage>, StoreError> {
        let attempts: Vec<Uuid> = (0..limit).map(|_| AttemptId::fresh().0).collect();
        let taken = self.query(TAKE_DUE, &[&attempts, &claim_within.as_secs_f64()]).await?;
        Ok(read_each(&taken)?.into_iter().map(|Due(message)| message).collect())
    }

    /// Gives back accounts whose message the broker did not take: they are due at once.
    pub async fn give_back(&self, attempts: &[AttemptId]) -> Result<(), StoreError> {
        let attempts: Vec<Uuid> = attempts.iter().map(|attempt| attempt.0).collect();
        self.execute(GIVE_BACK, &[&attempts]).await?;
        Ok(())
    }

    /// Brings back accounts that were blocked for a key which a live process has; returns how many.
    pub async fn unblock_by_key(&self) -> Result<u64, StoreError> {
        self.execute(UNBLOCK_BY_KEY, &[&LIVE_WITHIN.as_secs_f64()]).await
    }

    /// How many accounts are published and not yet claimed.
    pub async fn count_queued(&self) -> Result<i64, StoreError> {
        match self.query_opt(COUNT_QUEUED, &[]).await? {
            Some(row) => get(&row, "queued"),
            None => Ok(0),
        }
    }

    /// Makes accounts due at once, as `source`. A person asks for it, so a blocked or dead account is
    /// tried once more.
    pub async fn make_due(
        &self,
        accounts: &[AccountId],
        source: Source,
        triggered_by: Option<&str>,
    ) -> Result<(), StoreError> {
        let accounts: Vec<Uuid> = accounts.iter().map(|account| account.0).collect();
        self.execute(MAKE_DUE, &[&accounts, &source.as_str(), &triggered_by]).await?;
        Ok(())
    }
}
