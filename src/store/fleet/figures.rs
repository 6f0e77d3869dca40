//! The health of the whole, in figures that prove themselves: every attempt that was ever accepted
//! is stored, waits in the outbox, or holds a lease. A difference is a lost entry.

use chrono::{DateTime, Utc};
use serde::Serialize;
use tokio_postgres::Row;
use uuid::Uuid;

use super::instance::{LIVE_WITHIN, is_live};
use crate::{
    domain::{account::OrgId, health::LATE},
    store::{
        attempt::due::{count_due, is_scheduled},
        postgres::{
            error::StoreError,
            pool::Store,
            row::{FromRow, get},
        },
    },
};

/// Figures of one instant, read in one statement.
#[derive(Debug, Clone, Serialize)]
pub struct Health {
    /// The instant.
    pub at: DateTime<Utc>,
    /// When the newest entry that the reader may see was made.
    pub newest_entry_at: Option<DateTime<Utc>>,
    /// Seconds since then.
    pub newest_entry_age_seconds: Option<f64>,
    /// When any scheduler last finished a tick.
    pub last_tick_at: Option<DateTime<Utc>>,
    /// Seconds since then.
    pub last_tick_age_seconds: Option<f64>,
    /// Live processes that run the worker's role.
    pub workers: i64,
    /// Live processes that run the scheduler's role.
    pub schedulers: i64,
    /// Live processes that run the log-writer's role.
    pub log_writers: i64,
    /// Different versions among live processes.
    pub versions: Vec<String>,
    /// Keysets whose breaker has tripped, each with its state and reason.
    pub tripped_breakers: Vec<String>,
    /// Live workers that take no work, each with the reason.
    pub not_taking: Vec<String>,
    /// Different sets of keys among live processes.
    pub key_sets: i64,
    /// Processes that fell silent within the hour without saying that they stop.
    pub silent: i64,
    /// The last jump of the database's clock that a process saw within the hour, in seconds.
    pub clock_step_seconds: Option<i64>,
    /// Seconds since then.
    pub clock_step_age_seconds: Option<f64>,
    /// Accounts that are late and have no valid token, although they may be refreshed.
    pub overdue: i64,
    /// Others without a valid token, never refreshed or not again: they wait for a later time, or for
    /// their keyset.
    pub expired: i64,
    /// Accounts whose sellers must connect again.
    pub reconnect_required: i64,
    /// Accounts that something of ours keeps from being refreshed.
    pub blocked: i64,
    /// Accounts that are due and neither published nor under way.
    pub due_backlog: i64,
    /// Entries that are decided and not yet stored.
    pub outbox: i64,
    /// Seconds that the oldest of them waits: the log-writer's lag.
    pub outbox_age_seconds: Option<f64>,
    /// Attempts ever accepted.
    pub attempts: i64,
    /// Entries ever stored.
    pub stored: i64,
    /// Attempts under way.
    pub in_flight: i64,
    /// Attempts without an entry: `attempts - stored - outbox - in_flight`. Anything but 0 is a fault.
    pub missing: i64,
}

impl FromRow for Health {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        let (attempts, stored): (i64, i64) = (get(row, "attempts")?, get(row, "stored")?);
        let (outbox, in_flight): (i64, i64) = (get(row, "outbox")?, get(row, "in_flight")?);
        Ok(Self {
            at: get(row, "at")?,
            newest_entry_at: get(row, "newest_entry_at")?,
            newest_entry_age_seconds: get(row, "newest_entry_age")?,
            last_tick_at: get(row, "last_tick_at")?,
            last_tick_age_seconds: get(row, "last_tick_age")?,
            workers: get(row, "workers")?,
            schedulers: get(row, "schedulers")?,
            log_writers: get(row, "log_writers")?,
            versions: get(row, "versions")?,
            tripped_breakers: get(row, "tripped_breakers")?,
            not_taking: get(row, "not_taking")?,
            key_sets: get(row, "key_sets")?,
            silent: get(row, "silent")?,
            clock_step_seconds: get(row, "clock_step_seconds")?,
            clock_step_age_seconds: get(row, "clock_step_age")?,
            overdue: get(row, "overdue")?,
            expired: get(row, "expired")?,
            reconnect_required: get(row, "reconnect_required")?,
            blocked: get(row, "blocked")?,
            due_backlog: get(row, "due_backlog")?,
            outbox,
            outbox_age_seconds: get(row, "outbox_age")?,
            attempts,
            stored,
            in_flight,
            missing: attempts - stored - outbox - in_flight,
        })
    }
}

const HEALTH: &str = concat!(
    "/* health */
    with c as materialized (select clock() as at),
    heard as (select i.id, i.role, i.note, i.version, i.git_commit, i.key_ids, i.last_seen_at, i.last_tick_at, i.started_at, i.stopped_at,
        i.clock_step_seconds, i.clock_stepped_at, ",
    is_live!("$2"),
    " as live from c, instances i where i.last_seen_at > clock() - interval '1 hour'),
    live as (select id, role, note, version, git_commit, key_ids, last_seen_at, last_tick_at from heard where live),
    newest as (select max(created_at) as at from connect_logs
        where $1::uuid[] is null or org_id = any($1)),
    step as (select clock_step_seconds as seconds, clock_stepped_at as at from heard, c
        where clock_stepped_at > c.at - interval '1 hour' order by clock_stepped_at desc limit 1),
    tick as (select max(last_tick_at) as at from instances),
    oldest as (select min(created_at) as at, count(*) as n from connect_log_outbox)
    select c.at, newest.at as newest_entry_at, extract(epoch from c.at - newest.at)::float8 as newest_entry_age,
        tick.at as last_tick_at, extract(epoch from c.at - tick.at)::float8 as last_tick_age,
        (select seconds from step) as clock_step_seconds,
        (select extract(epoch from c.at - at)::float8 from step) as clock_step_age,
        (select count(*) from live where role in ('worker', 'all') and note is null) as workers,
        array(select id || ' ' || note from live where note is not null order by 1) as not_taking,
        (select count(distinct key_ids) from live) as key_sets,
        (select count(*) from heard where not live and stopped_at is null) as silent,
        (select count(*) from (select from refresh_state s join accounts a on a.id = s.account_id
                join keysets k on k.id = a.keyset_id join tokens t on t.account_id = a.id
            where s.next_refresh_at <= clock() - make_interval(secs => $3) and k.state = 'ready' and ",
    is_scheduled!(),
    " and coalesce(t.access_expires_at <= c.at, true) limit 100000) late) as overdue,
        (select count(*) from (select from tokens t join refresh_state s on s.account_id = t.account_id
                join accounts a on a.id = s.account_id join keysets k on k.id = a.keyset_id
            where (t.access_expires_at <= clock() or t.access_expires_at is null)
                and (s.next_refresh_at > c.at and k.state = 'ready' or k.state = 'suspended') and ",
    is_scheduled!(),
    " limit 100000) expired) as expired,
        array(select client_id || ' (' || environment || ') is ' || state || ': ' || coalesce(state_reason, '')
            from keysets where state <> 'ready' order by 1 limit 20) as tripped_breakers,
        (select count(*) from refresh_state where standing = 'reconnect_required') as reconnect_required,
        (select count(*) from refresh_state where standing = 'blocked') as blocked,
        (select count(*) from live where role in ('scheduler', 'all')) as schedulers,
        (select count(*) from live where role in ('log-writer', 'all')) as log_writers,
        array(select distinct version || ' ' || git_commit from live order by 1) as versions,
        ",
    count_due!(),
    " as due_backlog,
        oldest.n as outbox, extract(epoch from c.at - oldest.at)::float8 as outbox_age,
        (select coalesce(sum(attempts), 0)::bigint from keyset_ledger) as attempts,
        (select stored from connect_log_position) as stored,
        (select count(*) from refresh_state where lease_attempt is not null) as in_flight
    from c, newest, tick, oldest"
);

/// When the newest entry was made.
#[derive(Debug, Clone, Copy)]
pub struct NewestEntry {
    /// The instant.
    pub at: DateTime<Utc>,
    /// Seconds since then.
    pub age_seconds: f64,
}

const NEWEST_ENTRY: &str = "/* newest_entry */
    select at, extract(epoch from clock() - at)::float8 as age from (
        select max(created_at) as at from connect_logs where $1::uuid[] is null or org_id = any($1)) n";

impl Store {
    /// The health of the whole; the newest entry is that of `orgs`, or of all.
    pub async fn health(&self, orgs: Option<&[OrgId]>) -> Result<Health, StoreError> {
        let row = self
            .query_opt(HEALTH, &[&uuids(orgs), &LIVE_WITHIN.as_secs_f64(), &LATE.as_secs_f64()])
            .await?
            .expect("a select of figures returns a row");
        Health::from_row(&row)
    }

    /// The newest stored entry of `orgs`, or of all.
    pub async fn newest_entry(&self, orgs: Option<&[OrgId]>) -> Result<Option<NewestEntry>, StoreError> {
        let Some(row) = self.query_opt(NEWEST_ENTRY, &[&uuids(orgs)]).await? else { return Ok(None) };
        let (at, age): (Option<DateTime<Utc>>, Option<f64>) = (get(&row, "at")?, get(&row, "age")?);
        Ok(at.zip(age).map(|(at, age_seconds)| NewestEntry { at, age_seconds }))
    }
}

pub(in crate::store) fn uuids(orgs: Option<&[OrgId]>) -> Option<Vec<Uuid>> {
    orgs.map(|orgs| orgs.iter().map(|org| org.0).collect())
}
