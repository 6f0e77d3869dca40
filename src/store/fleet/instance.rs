//! Heartbeats: every process says that it lives, and which code and keys it runs.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Serialize;
use tokio_postgres::Row;

use crate::store::postgres::{
    error::StoreError,
    pool::Store,
    row::{FromRow, get, read_all},
};

/// What a process says of itself.
#[derive(Debug, Clone)]
pub struct Heartbeat {
    /// The instance's id.
    pub id: String,
    /// `scheduler`, `worker`, `log-writer`, `admin` or `all`.
    pub role: &'static str,
    /// The crate's version.
    pub version: String,
    /// The git commit it was built from.
    pub commit: String,
    /// Where it runs: host, process id.
    pub environment: serde_json::Value,
    /// Ids of the keys it holds.
    pub key_ids: Vec<String>,
    /// Attempts under way.
    pub in_flight: i32,
    /// It runs a worker that takes messages.
    pub takes_work: bool,
    /// Why its worker takes none.
    pub note: Option<String>,
}

/// An instance as others see it.
#[derive(Debug, Clone, Serialize)]
pub struct Instance {
    /// Its id.
    pub id: String,
    /// Its role.
    pub role: String,
    /// Its version.
    pub version: String,
    /// Its git commit.
    pub commit: String,
    /// Where it runs.
    pub environment: serde_json::Value,
    /// Ids of the keys it holds.
    pub key_ids: Vec<String>,
    /// When it started.
    pub started_at: DateTime<Utc>,
    /// When it was last heard of.
    pub last_seen_at: DateTime<Utc>,
    /// Seconds since then.
    pub silent_seconds: f64,
    /// When it said that it stops.
    pub stopped_at: Option<DateTime<Utc>>,
    /// Attempts under way.
    pub in_flight: i32,
    /// It runs a worker that takes messages.
    pub takes_work: bool,
    /// Why its worker takes none.
    pub note: Option<String>,
    /// A scheduler's last finished tick.
    pub last_tick_at: Option<DateTime<Utc>>,
    /// Whether it is running, by what it said and how long ago.
    pub live: bool,
}

/// How long a silent process is taken for alive; heartbeats come every five seconds.
pub(in crate::store) const LIVE_WITHIN: Duration = Duration::from_secs(15);

/// Whether process `i` lives; the parameter takes [`LIVE_WITHIN`] in seconds.
macro_rules! is_live {
    ($within:literal) => {
        concat!("(i.stopped_at is null and i.last_seen_at > clock() - make_interval(secs => ", $within, "))")
    };
}
pub(in crate::store) use is_live;

impl FromRow for Instance {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: get(row, "id")?,
            role: get(row, "role")?,
            version: get(row, "version")?,
            commit: get(row, "git_commit")?,
            environment: get(row, "environment")?,
            key_ids: get(row, "key_ids")?,
            started_at: get(row, "started_at")?,
            last_seen_at: get(row, "last_seen_at")?,
            silent_seconds: get(row, "silent_seconds")?,
            stopped_at: get(row, "stopped_at")?,
            in_flight: get(row, "in_flight")?,
            takes_work: get(row, "takes_work")?,
            note: get(row, "note")?,
            last_tick_at: get(row, "last_tick_at")?,
            live: get(row, "live")?,
        })
    }
}

const BEAT: &str = "/* beat */
    insert into instances (id, role, version, git_commit, environment, key_ids, in_flight, note, takes_work)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
    on conflict (id) do update set last_seen_at = clock(), in_flight = excluded.in_flight, note = excluded.note,
        takes_work = excluded.takes_work, stopped_at = null
    returning clock_timestamp() as said";

const CLOCK_STEPPED: &str = "/* clock_stepped */
    update instances set clock_step_seconds = $2, clock_stepped_at = clock() where id = $1";

const STOPPED: &str = "/* instance_stopped */
    update instances set stopped_at = clock(), last_seen_at = clock(), in_flight = 0, takes_work = false where id = $1";

const TICKED: &str = "/* scheduler_ticked */ update instances set last_tick_at = clock() where id = $1";

/// Instances that have been silent for an hour are history.
const LIST: &str = concat!(
    "/* list_instances */
    with c as materialized (select clock() as at)
    select i.id, i.role, i.version, i.git_commit, i.environment, i.key_ids, i.started_at, i.last_seen_at,
        extract(epoch from c.at - i.last_seen_at)::float8 as silent_seconds, i.stopped_at, i.in_flight, i.takes_work,
        i.note, i.last_tick_at, ",
    is_live!("$1"),
    " as live
    from c, instances i where i.last_seen_at > c.at - interval '1 hour'
    order by i.stopped_at is not null, i.role, i.started_at limit 500"
);

const FORGET: &str =
    "/* forget_instances */ delete from instances where last_seen_at < clock() - interval '7 days'";

impl Store {
    /// Says that a process lives, and returns what the server's own clock says, which no test moves.
    pub async fn beat(&self, heartbeat: &Heartbeat) -> Result<DateTime<Utc>, StoreError> {
        let h = heartbeat;
        let params: [&(dyn tokio_postgres::types::ToSql + Sync); 9] = [
            &h.id,
            &h.role,
            &h.version,
            &h.commit,
            &h.environment,
            &h.key_ids,
            &h.in_flight,
            &h.note,
            &h.takes_work,
        ];
        let row = self.query_opt(BEAT, &params).await?.expect("what was put is returned");
        get(&row, "said")
    }

    /// Says that a process saw the database's clock jump by so many seconds.
    pub async fn clock_stepped(&self, id: &str, seconds: i64) -> Result<(), StoreError> {
        self.execute(CLOCK_STEPPED, &[&id, &seconds]).await?;
        Ok(())
    }

    /// Says that a process stops on purpose.
    pub async fn instance_stopped(&self, id: &str) -> Result<(), StoreError> {
        self.execute(STOPPED, &[&id]).await?;
        Ok(())
    }

    /// Says that a scheduler finished a tick.
    pub async fn scheduler_ticked(&self, id: &str) -> Result<(), StoreError> {
        self.execute(TICKED, &[&id]).await?;
        Ok(())
    }

    /// All instances heard of within the hour, the live ones first.
    pub async fn list_instances(&self) -> Result<Vec<Instance>, StoreError> {
        read_all(&self.query(LIST, &[&LIVE_WITHIN.as_secs_f64()]).await?)
    }

    /// Deletes instances that nobody has heard of for a week.
    pub async fn forget_instances(&self) -> Result<u64, StoreError> {
        self.execute(FORGET, &[]).await
    }
}
