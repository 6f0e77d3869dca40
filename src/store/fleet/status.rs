//! A row per account: its status as shown, and what stands behind it.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Serialize;
use tokio_postgres::{Row, types::ToSql};
use uuid::Uuid;

use super::figures::uuids;
use crate::{
    domain::{
        account::{AccountId, Environment, OrgId, Status},
        class::Class,
    },
    store::postgres::{
        error::StoreError,
        pool::Store,
        row::{FromRow, get, get_parsed, get_parsed_opt, read_all, read_each},
    },
};

/// One account's state.
#[derive(Debug, Clone, Serialize)]
pub struct AccountStatus {
    /// The account.
    pub account_id: AccountId,
    /// Its username at eBay.
    pub account: String,
    /// The platform's own name for it.
    pub house_name: Option<String>,
    /// Its org.
    pub org_id: OrgId,
    /// That org's name.
    pub org: String,
    /// Its environment.
    pub environment: Environment,
    /// eBay's client id of its keyset.
    pub client_id: String,
    /// The first state that holds.
    pub status: Status,
    /// `<class>: <text>` of the last failure since the last success.
    pub refresh_error: Option<String>,
    /// That failure's class.
    pub class: Option<Class>,
    /// What to do about it.
    pub next_step: Option<&'static str>,
    /// When the access token ends.
    pub access_expires_at: Option<DateTime<Utc>>,
    /// When the refresh token ends, where known. A past time is a warning, never proof.
    pub refresh_expires_at: Option<DateTime<Utc>>,
    /// Whether it ends within [`ENDS_SOON_DAYS`]: the seller must soon connect again.
    pub ends_soon: bool,
    /// The last success.
    pub last_success_at: Option<DateTime<Utc>>,
    /// The last attempt.
    pub last_attempt_at: Option<DateTime<Utc>>,
    /// When it will be refreshed; none while paused, blocked or dead.
    pub next_refresh_at: Option<DateTime<Utc>>,
    /// Failures since the last success.
    pub consecutive_failures: i32,
    /// Whether an attempt is under way.
    pub in_flight: bool,
}

impl FromRow for AccountStatus {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        let id: Uuid = get(row, "account_id")?;
        let class: Option<Class> = get_parsed_opt(row, "refresh_state", "class", &id)?;
        Ok(Self {
            account_id: AccountId(id),
            account: get(row, "username")?,
            house_name: get(row, "house_name")?,
            org_id: OrgId(get(row, "org_id")?),
            org: get(row, "org")?,
            environment: get_parsed(row, "accounts", "environment", &id)?,
            client_id: get(row, "client_id")?,
            status: get_parsed(row, "refresh_state", "status", &id)?,
            refresh_error: get(row, "refresh_error")?,
            class,
            next_step: class.map(Class::next_step),
            access_expires_at: get(row, "access_expires_at")?,
            refresh_expires_at: get(row, "refresh_expires_at")?,
            ends_soon: get(row, "ends_soon")?,
            last_success_at: get(row, "last_success_at")?,
            last_attempt_at: get(row, "last_attempt_at")?,
            next_refresh_at: get(row, "next_refresh_at")?,
            consecutive_failures: get(row, "consecutive_failures")?,
            in_flight: get(row, "in_flight")?,
        })
    }
}

/// Which accounts a reader wants, and which they may have.
#[derive(Debug, Clone, Default)]
pub struct StatusFilter {
    /// The orgs that the reader may see; none is all (G9).
    pub orgs: Option<Vec<OrgId>>,
    /// Only this environment.
    pub environment: Option<Environment>,
    /// Only this account.
    pub account: Option<AccountId>,
    /// Only accounts with a `refresh_error`.
    pub failing: bool,
    /// Only accounts whose username, house name, org or id has this text in it.
    pub text: Option<String>,
    /// Only this status.
    pub status: Option<Status>,
    /// Only accounts whose refresh token ends within so many days, where that is known.
    pub ends_within_days: Option<i32>,
    /// Only accounts after this one, in the order of the answer.
    pub after: Option<AccountId>,
}

/// How many days before its end a refresh token is warned of.
pub const ENDS_SOON_DAYS: u16 = 30;

/// Every account that the filter lets pass; the order and the end are the statement's.
const ROWS: &str = "select s.account_id, a.username, a.house_name, a.org_id, o.name as org, a.environment, k.client_id,
        case when a.paused_at is not null then 'paused'
            when s.standing = 'reconnect_required' then 'reconnect_required'
            when s.standing = 'blocked' or k.state = 'blocked' then 'blocked'
            when t.access_expires_at is null or t.access_expires_at <= c.at then 'expired'
            when t.access_expires_at <= c.at + make_interval(secs => $5) then 'expiring_soon'
            else 'ok' end as status,
        s.refresh_error, s.class, t.access_expires_at, t.refresh_expires_at, s.last_success_at, s.last_attempt_at,
        case when a.paused_at is null and s.standing = 'active' then s.next_refresh_at end as next_refresh_at, s.consecutive_failures,
        s.lease_attempt is not null as in_flight,
        coalesce(t.refresh_expires_at <= c.at + interval '30 days', false) as ends_soon
    from (select clock() as at) c, refresh_state s
        join accounts a on a.id = s.account_id join orgs o on o.id = a.org_id
        join keysets k on k.id = a.keyset_id join tokens t on t.account_id = s.account_id
    where ($1::uuid[] is null or a.org_id = any($1)) and ($2::text is null or a.environment = $2)
        and ($3::uuid is null or a.id = $3) and (not $4 or s.refresh_error is not null)";

const BY_ID: &str = "where ($6::uuid is null or account_id > $6) order by account_id limit $7";

/// What a person must see to comes first.
const RANKED: &str = "select *, case status when 'reconnect_required' then 0 when 'blocked' then 1 when 'expired' then 2
            when 'paused' then 7 else case when refresh_error is not null then 3
                when ends_soon then 4 when status = 'ok' then 6 else 5 end
        end as rank from rows
    where ($8::text is null or status = $8)
        and ($10::int is null or refresh_expires_at <= clock() + make_interval(days => $10))
        and ($9::text is null or position($9 in lower(concat_ws(' ', username, house_name, org, account_id))) > 0)";

const BY_URGENCY: &str = "where $6::uuid is null
        or (rank, lower(username), account_id) > (select rank, lower(username), account_id from ranked r where r.account_id = $6)
    order by rank, lower(username), account_id limit $7";

impl Store {
    /// The state of at most `limit` accounts, in the order of ids. `lead` is how long before its
    /// end an access token is refreshed. Of the filter, text, status and end are not looked at.
    pub async fn account_status(
        &self,
        filter: &StatusFilter,
        lead: Duration,
        limit: i64,
    ) -> Result<Vec<AccountStatus>, StoreError> {
        let sql =
            format!("/* account_status */ with rows as not materialized ({ROWS}) select * from rows {BY_ID}");
        let Shared { orgs, environment, account, after } = Shared::of(filter);
        let lead = lead.as_secs_f64();
        read_each(
            &self
                .query(&sql, &[&orgs, &environment, &account, &filter.failing, &lead, &after, &limit])
                .await?,
        )
    }

    /// The state of at most `limit` accounts, those that a person must see to first.
    pub async fn accounts_by_urgency(
        &self,
        filter: &StatusFilter,
        lead: Duration,
        limit: i64,
    ) -> Result<Vec<AccountStatus>, StoreError> {
        let sql = format!(
            "/* accounts_by_urgency */ with rows as ({ROWS}), ranked as ({RANKED}) select * from ranked {BY_URGENCY}"
        );
        let Shared { orgs, environment, account, after } = Shared::of(filter);
        let (lead, status) = (lead.as_secs_f64(), filter.status.map(Status::as_str));
        let text = filter.text.as_deref().map(str::to_lowercase);
        let ends = filter.ends_within_days;
        let params: [&(dyn ToSql + Sync); 10] =
            [&orgs, &environment, &account, &filter.failing, &lead, &after, &limit, &status, &text, &ends];
        read_each(&self.query(&sql, &params).await?)
    }

    /// How many accounts are in which state, and how many of those have a `refresh_error`.
    pub async fn status_counts(
        &self,
        filter: &StatusFilter,
        lead: Duration,
    ) -> Result<Vec<StatusCount>, StoreError> {
        let sql = format!(
            "/* status_counts */ with rows as ({ROWS})
             select status, count(*) as accounts, count(refresh_error) as failing, min(next_refresh_at) as next_refresh_at,
                max(last_success_at) as last_success_at,
                count(*) filter (where ends_soon) as ending
             from rows group by status order by status"
        );
        let Shared { orgs, environment, account, .. } = Shared::of(filter);
        let lead = lead.as_secs_f64();
        read_all(&self.query(&sql, &[&orgs, &environment, &account, &filter.failing, &lead]).await?)
    }
}

/// The filter's values as statements take them.
struct Shared {
    orgs: Option<Vec<Uuid>>,
    environment: Option<&'static str>,
    account: Option<Uuid>,
    after: Option<Uuid>,
}

impl Shared {
    fn of(filter: &StatusFilter) -> Self {
        Self {
            orgs: uuids(filter.orgs.as_deref()),
            environment: filter.environment.map(Environment::as_str),
            account: filter.account.map(|account| account.0),
            after: filter.after.map(|account| account.0),
        }
    }
}

/// Accounts in one state.
#[derive(Debug, Clone, Serialize)]
pub struct StatusCount {
    /// The state.
    pub status: String,
    /// Accounts in it.
    pub accounts: i64,
    /// Those of them whose last refresh failed.
    pub failing: i64,
    /// When the first of them is refreshed next.
    pub next_refresh_at: Option<DateTime<Utc>>,
    /// The newest success among them.
    pub last_success_at: Option<DateTime<Utc>>,
    /// Those of them whose refresh token ends within 30 days: their sellers must connect again.
    pub ending: i64,
}

impl FromRow for StatusCount {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            status: get(row, "status")?,
            accounts: get(row, "accounts")?,
            failing: get(row, "failing")?,
            next_refresh_at: get(row, "next_refresh_at")?,
            last_success_at: get(row, "last_success_at")?,
            ending: get(row, "ending")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::{ENDS_SOON_DAYS, ROWS};

    #[test]
    fn a_token_ends_soon_within_the_days_that_are_told() {
        assert!(ROWS.contains(&format!("interval '{ENDS_SOON_DAYS} days'")));
    }
}
