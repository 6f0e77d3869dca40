//! What happened over time, for plots: refreshes by class from the stored entries, and what waited,
//! sampled once a minute.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Serialize;
use tokio_postgres::Row;

use crate::{
    domain::account::{Environment, OrgId},
    store::{
        attempt::due::count_due,
        fleet::figures::uuids,
        postgres::{
            error::StoreError,
            pool::Store,
            row::{FromRow, get, read_all},
        },
    },
};

/// Entries of one class in one span of time.
#[derive(Debug, Clone, Serialize)]
pub struct ClassCount {
    /// When the span begins.
    pub at: DateTime<Utc>,
    /// The class.
    pub class: String,
    /// Entries.
    pub entries: i64,
}

impl FromRow for ClassCount {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self { at: get(row, "at")?, class: get(row, "class")?, entries: get(row, "entries")? })
    }
}

/// What waited at one minute.
#[derive(Debug, Clone, Serialize)]
pub struct BacklogSample {
    /// The span that the minute falls into.
    pub at: DateTime<Utc>,
    /// Accounts that were due and neither published nor under way; the most in the span.
    pub due: i32,
    /// Entries that were decided and not yet stored; the most in the span.
    pub outbox: i32,
}

impl FromRow for BacklogSample {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self { at: get(row, "at")?, due: get(row, "due")?, outbox: get(row, "outbox")? })
    }
}

const BY_CLASS: &str = "/* entries_by_class */
    select date_bin(make_interval(secs => $2), created_at, 'epoch') as at, class, count(*) as entries
    from connect_logs
    where created_at > clock() - make_interval(secs => $1) and ($3::uuid[] is null or org_id = any($3))
        and ($4::text is null or environment = $4)
    group by 1, 2 order by 1, 2";

const BACKLOG: &str = "/* backlog_samples */
    select date_bin(make_interval(secs => $2), minute, 'epoch') as at, max(due) as due, max(outbox) as outbox
    from backlog_samples where minute > clock() - make_interval(secs => $1) group by 1 order by 1";

/// The statement counts only where the minute has no sample yet.
const SAMPLE: &str = concat!(
    "/* sample_backlog */
    insert into backlog_samples (minute, due, outbox, in_flight)
    select c.minute, ",
    count_due!(),
    "::integer,
        (select count(*) from connect_log_outbox)::integer,
        (select count(*) from refresh_state where lease_attempt is not null)::integer
    from (select at, date_trunc('minute', at) as minute from (select clock() as at) now) c
    where not exists (select from backlog_samples b where b.minute = c.minute)
    on conflict do nothing"
);

const FORGET_SAMPLES: &str =
    "/* forget_samples */ delete from backlog_samples where minute < clock() - interval '8 days'";

impl Store {
    /// Entries of the last `past` by class, in spans of `step`; of `orgs`, or of all.
    pub async fn entries_by_class(
        &self,
        orgs: Option<&[OrgId]>,
        environment: Option<Environment>,
        past: Duration,
        step: Duration,
    ) -> Result<Vec<ClassCount>, StoreError> {
        let environment = environment.map(Environment::as_str);
        let params: [&(dyn tokio_postgres::types::ToSql + Sync); 4] =
            [&past.as_secs_f64(), &step.as_secs_f64(), &uuids(orgs), &environment];
        read_all(&self.query(BY_CLASS, &params).await?)
    }

    /// What waited during the last `past`, in spans of `step`.
    pub async fn backlog(&self, past: Duration, step: Duration) -> Result<Vec<BacklogSample>, StoreError> {
        read_all(&self.query(BACKLOG, &[&past.as_secs_f64(), &step.as_secs_f64()]).await?)
    }

    /// Keeps what waits at this minute, unless somebody has done so.
    pub async fn sample_backlog(&self) -> Result<(), StoreError> {
        self.execute(SAMPLE, &[]).await?;
        Ok(())
    }

    /// Deletes samples that no plot shows.
    pub async fn forget_samples(&self) -> Result<(), StoreError> {
        self.execute(FORGET_SAMPLES, &[]).await?;
        Ok(())
    }
}
