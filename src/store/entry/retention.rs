//! What is kept for how long: partitions of entries, closed requests, quota buckets.

use tokio_postgres::Row;

use crate::store::postgres::{
    error::StoreError,
    pool::Store,
    row::{FromRow, get, read_all},
};

struct Partition(String);

impl FromRow for Partition {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        get(row, "partition").map(Self)
    }
}

const MAKE_AHEAD: &str = "/* make_partitions_ahead */
    select ensure_connect_log_day(((clock() at time zone 'UTC')::date + day)::date) from generate_series(0, 2) day";

/// A partition is old when its day ended before retention began; one that an outbox row needs stays.
const OLD_PARTITIONS: &str = "/* old_partitions */
    select c.relname::text as partition from pg_inherits i join pg_class c on c.oid = i.inhrelid
    where i.inhparent = 'connect_logs'::regclass
        and to_date(right(c.relname, 8), 'YYYYMMDD') < (clock() at time zone 'UTC')::date - $1::int
        and not exists (select from connect_log_outbox o
            where (o.created_at at time zone 'UTC')::date = to_date(right(c.relname, 8), 'YYYYMMDD'))
    order by 1";

const FORGET_REQUESTS: &str = "/* forget_requests */
    delete from refresh_requests where attempt in (
        select attempt from refresh_requests where closed_at < clock() - interval '7 days'
        order by attempt for update skip locked)";

const FORGET_CALLS: &str = "/* forget_calls */
    delete from quota_usage where (keyset_id, bucket) in (
        select keyset_id, bucket from quota_usage where bucket < clock() - interval '8 days'
        order by keyset_id, bucket for update skip locked)";

impl Store {
    /// Makes the partitions of the next days.
    pub async fn make_partitions(&self) -> Result<(), StoreError> {
        self.query(MAKE_AHEAD, &[]).await?;
        Ok(())
    }

    /// Drops what is older than `days` and returns the names of the dropped partitions.
    pub async fn retain(&self, days: i32) -> Result<Vec<String>, StoreError> {
        let old: Vec<Partition> = read_all(&self.query(OLD_PARTITIONS, &[&days]).await?)?;
        for Partition(name) in &old {
            // The name comes from the catalogue and is one of ours; it has letters, digits and `_`.
            self.execute(&format!("/* drop_partition */ drop table if exists \"{name}\""), &[]).await?;
        }
        self.execute(FORGET_REQUESTS, &[]).await?;
        self.execute(FORGET_CALLS, &[]).await?;
        self.forget_samples().await?;
        self.forget_sessions().await?;
        Ok(old.into_iter().map(|Partition(name)| name).collect())
    }
}
