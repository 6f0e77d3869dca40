//! Keysets' days: what was spent, what is left, and which accounts to keep always fresh.

use std::time::Duration;

use serde::Serialize;
use tokio_postgres::Row;
use uuid::Uuid;

use crate::{
    domain::{
        account::{KeysetId, OrgId},
        breaker::KeysetState,
        budget::{Day, Forecast, forecast},
    },
    store::{
        attempt::due::is_scheduled,
        fleet::figures::uuids,
        postgres::{
            error::StoreError,
            pool::Store,
            row::{FromRow, get, get_parsed, read_all},
        },
    },
};

/// One keyset's calls of the last 24 hours, against its quota.
#[derive(Debug, Clone, Serialize)]
pub struct QuotaUse {
    /// The keyset.
    pub keyset_id: KeysetId,
    /// Its environment.
    pub environment: String,
    /// eBay's client id.
    pub client_id: String,
    /// Whether its calls may begin.
    pub state: KeysetState,
    /// Why it is not ready.
    pub state_reason: Option<String>,
    /// Calls begun in the last 24 hours, in both lanes.
    pub calls: i64,
    /// Of these, people's debug runs.
    pub debug_calls: i64,
    /// Calls that may begin in any 24 hours.
    pub daily_quota: i64,
    /// Of these, those kept for debug runs.
    pub debug_reserve: i64,
    /// Scheduled calls begun in the last hour.
    pub calls_last_hour: i64,
    /// Accounts that are to be kept fresh.
    pub accounts: i64,
    /// Of these, those refreshed once a day because the quota does not suffice for all.
    pub demoted: i64,
}

impl FromRow for QuotaUse {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        let id: Uuid = get(row, "keyset_id")?;
        Ok(Self {
            keyset_id: KeysetId(id),
            environment: get(row, "environment")?,
            client_id: get(row, "client_id")?,
            state: get_parsed(row, "keysets", "state", &id)?,
            state_reason: get(row, "state_reason")?,
            calls: get(row, "calls")?,
            debug_calls: get(row, "debug_calls")?,
            daily_quota: get(row, "daily_quota")?,
            debug_reserve: get(row, "debug_reserve")?,
            calls_last_hour: get(row, "calls_last_hour")?,
            accounts: get(row, "accounts")?,
            demoted: get(row, "demoted")?,
        })
    }
}

impl QuotaUse {
    /// What comes of it, if tokens are refreshed `lead` before their end.
    pub fn forecast(&self, lead: Duration) -> Forecast {
        forecast(&self.day(), lead)
    }

    /// Time until its calls are spent at the last hour's pace; none if they last.
    pub fn exhausted_in(&self) -> Option<Duration> {
        let seconds = self.day().exhausted_in_seconds()?;
        Some(Duration::from_secs(seconds.unsigned_abs()))
    }

    fn day(&self) -> Day {
        Day {
            daily_quota: self.daily_quota,
            debug_reserve: self.debug_reserve,
            scheduled_calls: self.calls - self.debug_calls,
            calls_last_hour: self.calls_last_hour,
            accounts: self.accounts,
        }
    }
}

const QUOTA_USE: &str = concat!(
    "/* quota_use */
    select k.id as keyset_id, k.environment, k.client_id, k.state, k.state_reason, k.daily_quota::bigint as daily_quota,
        k.debug_reserve::bigint as debug_reserve, q.calls, q.debug_calls, q.calls_last_hour, a.accounts, a.demoted
    from keysets k
        cross join lateral (
            select coalesce(sum(calls), 0)::bigint as calls, coalesce(sum(debug_calls), 0)::bigint as debug_calls,
                coalesce(sum(calls - debug_calls) filter (where bucket > clock() - interval '1 hour'), 0)::bigint
                    as calls_last_hour
            from quota_usage where keyset_id = k.id and bucket > clock() - interval '24 hours') q
        cross join lateral (
            select count(*) as accounts, count(*) filter (where s.demoted) as demoted
            from accounts a join refresh_state s on s.account_id = a.id
            where a.keyset_id = k.id and ",
    is_scheduled!(),
    ") a
    where $1::uuid[] is null or exists (select from keyset_orgs l where l.keyset_id = k.id and l.org_id = any($1))
    order by k.environment, k.client_id"
);

/// Those used last stay always fresh. A demoted account waits for its daily refresh; one that comes
/// back is due within ten minutes. Rows that somebody holds are changed at the next look.
const DEMOTE: &str = concat!(
    "/* demote */
    with held as (
        select s.account_id from refresh_state s join accounts a on a.id = s.account_id
        where a.keyset_id = $1 and ",
    is_scheduled!(),
    " for update of s skip locked
    ), ranked as (
        select h.account_id, row_number() over (order by a.last_used_at desc nulls last, h.account_id) > $2 as demoted
        from held h join accounts a on a.id = h.account_id)
    update refresh_state s set demoted = r.demoted,
        next_refresh_at = case
            when r.demoted and s.last_success_at is not null
                then greatest(s.next_refresh_at, s.last_success_at + interval '1 day' * (1 + 0.1 * random()))
            when r.demoted then s.next_refresh_at
            else least(s.next_refresh_at, clock() + interval '10 minutes' * random()) end
    from ranked r where s.account_id = r.account_id and s.demoted is distinct from r.demoted"
);

const WARN_EXPIRY: &str = "/* warn_expiry */
    with near as (
        select t.account_id, min(d.days) as days
        from tokens t join unnest(array[90, 30, 14, 7, 1]) d (days)
            on t.refresh_expires_at <= clock() + make_interval(days => d.days)
        where t.refresh_expires_at <= clock() + interval '90 days' group by t.account_id
    ), held as (
        select s.account_id, w.days from refresh_state s join near w on w.account_id = s.account_id
        where s.warned_days is null or s.warned_days > w.days order by s.account_id for update of s skip locked)
    update refresh_state s set warned_days = h.days from held h where s.account_id = h.account_id
    returning s.account_id, h.days";

impl Store {
    /// Calls of the last 24 hours by keyset, of those lent to `orgs`, or of all.
    pub async fn quota_use(&self, orgs: Option<&[OrgId]>) -> Result<Vec<QuotaUse>, StoreError> {
        read_all(&self.query(QUOTA_USE, &[&uuids(orgs)]).await?)
    }

    /// Keeps the keyset's `keep` accounts that were used last always fresh and demotes the others;
    /// returns how many changed.
    pub async fn demote(&self, keyset: KeysetId, keep: i64) -> Result<u64, StoreError> {
        self.execute(DEMOTE, &[&keyset.0, &keep]).await
    }

    /// Accounts whose refresh token ends within 90, 30, 14, 7 or 1 days, each named once for each of
    /// these, with the days.
    pub async fn warn_expiry(&self) -> Result<Vec<(Uuid, i32)>, StoreError> {
        let rows = self.query(WARN_EXPIRY, &[]).await?;
        rows.iter().map(|row| Ok((get(row, "account_id")?, get(row, "days")?))).collect()
    }
}
