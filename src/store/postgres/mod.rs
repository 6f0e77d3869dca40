//! How one speaks to PostgreSQL: the pool, rows, errors, slices of rows, the schema, leases.

pub(super) mod address;
pub(super) mod coalesce;
mod dial;
pub(super) mod error;
pub(super) mod exclusive;
pub(super) mod migrate;
pub(super) mod pool;
pub(super) mod row;
pub(super) mod session;
mod tls;
