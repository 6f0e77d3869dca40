//! Bringing the schema up to this binary's version, by one process at a time.

use std::time::Duration;

use super::{
    error::StoreError,
    pool::{BadDatabaseUrl, Store},
    row::get,
};

mod embedded {
    refinery::embed_migrations!("migrations");
}

/// The schema's version, and the one this binary brings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SchemaVersion {
    /// The last migration applied to the database; none on an empty one.
    pub found: Option<i32>,
    /// The last migration of this binary.
    pub expected: i32,
}

/// Why the schema could not be brought up to date.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// The database did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// A migration failed, or an applied one differs from this binary's.
    #[error(
        "migration failed; if an applied migration differs, this binary is not the one that made the schema"
    )]
    Migration(#[from] refinery::Error),
    /// The address is wrong.
    #[error(transparent)]
    Address(#[from] BadDatabaseUrl),
}

/// refinery takes no lock, so two processes that start together would migrate together.
const LOCK: i64 = 0x746f_6b65_6e2d_7266;

/// Applies what is missing and answers with the names of what it applied.
pub async fn migrate(store: &Store) -> Result<Vec<String>, MigrateError> {
    let mut client = store.client().await?;
    let locked = "/* migrate_lock */ select pg_try_advisory_lock($1)";
    while !client.query_one(locked, &[&LOCK]).await.map_err(StoreError::from)?.get::<_, bool>(0) {
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    // A migration may rewrite a large table.
    client.batch_execute("set statement_timeout = 0").await.map_err(StoreError::from)?;
    let connection: &mut tokio_postgres::Client = &mut client;
    let report = embedded::migrations::runner().run_async(connection).await;
    // A connection given back with the lock would keep others out: it is taken out of the pool.
    drop(deadpool_postgres::Object::take(client));
    Ok(report?.applied_migrations().iter().map(ToString::to_string).collect())
}

impl Store {
    /// Which schema stands in the database, and which this binary needs.
    pub async fn schema_version(&self) -> Result<SchemaVersion, StoreError> {
        let expected = embedded::migrations::runner()
            .get_migrations()
            .iter()
            .map(refinery::Migration::version)
            .max()
            .unwrap_or(0);
        let table = "/* schema_table */ select to_regclass('refinery_schema_history') is not null as exists";
        let found = match self.query_opt(table, &[]).await? {
            Some(row) if get(&row, "exists")? => {
                let version =
                    "/* schema_version */ select max(version) as version from refinery_schema_history";
                self.query_opt(version, &[]).await?.map(|row| get(&row, "version")).transpose()?.flatten()
            }
            _ => None,
        };
        Ok(SchemaVersion { found, expected })
    }
}
