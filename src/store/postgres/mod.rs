//! How one speaks to PostgreSQL: the pool, rows, errors, slices of rows, the schema.

pub(super) mod coalesce;
pub(super) mod error;
pub(super) mod migrate;
pub(super) mod pool;
pub(super) mod row;
