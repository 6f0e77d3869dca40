//! Bringing the schema up to this binary's version, by one process at a time.

use std::time::Duration;

use super::{error::StoreError, pool::Store, row::get};

mod embedded {
    refinery::embed_migrations!("migrations");
}

/// A migration that was applied to the database.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Applied {
    version: i32,
    name: String,
    checksum: String,
}

/// The migrations in the database, to be held against this binary's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schema(Vec<Applied>);

/// Why this binary cannot work with the schema in the database.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum SchemaMismatch {
    /// Nothing was ever applied.
    #[error("the database is empty: run `token-refresh migrate`")]
    Empty,
    /// Migrations of this binary are missing.
    #[error("the database has schema {found}, this binary needs {expected}: run `token-refresh migrate`")]
    Behind {
        /// The last migration applied.
        found: i32,
        /// The last migration of this binary.
        expected: i32,
    },
    /// Until the first release the set of migrations may be folded, so that one number stands for
    /// two migrations: nothing leads from one set to another.
    #[error(
        "the database has the schema of an earlier, unreleased set of migrations (V{version}__{name} is none of this binary's): it must be made anew"
    )]
    OtherSet {
        /// The migration's number.
        version: i32,
        /// Its name.
        name: String,
    },
}

/// Why the schema could not be brought up to date.
#[derive(Debug, thiserror::Error)]
pub enum MigrateError {
    /// The database did not answer.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The database has another set's schema.
    #[error(transparent)]
    Mismatch(#[from] SchemaMismatch),
    /// A migration failed.
    #[error("migration failed")]
    Migration(#[from] refinery::Error),
}

/// refinery takes no lock, so two processes that start together would migrate together.
const LOCK: i64 = 0x746f_6b65_6e2d_7266;

/// Applies what is missing and returns the names of what it applied.
pub async fn migrate(store: &Store) -> Result<Vec<String>, MigrateError> {
    let client = store.client().await?;
    let locked = "/* migrate_lock */ select pg_try_advisory_lock($1)";
    while !client.query_one(locked, &[&LOCK]).await.map_err(StoreError::from)?.get::<_, bool>(0) {
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    // A connection given back with the lock would keep others out: it is taken out of the pool.
    let mut client = deadpool_postgres::Object::take(client);
    store.schema().await?.check_set()?;
    // A migration may rewrite a large table.
    client.batch_execute("set statement_timeout = 0").await.map_err(StoreError::from)?;
    let connection: &mut tokio_postgres::Client = &mut client;
    let report = embedded::migrations::runner().run_async(connection).await?;
    Ok(report.applied_migrations().iter().map(ToString::to_string).collect())
}

impl Store {
    /// Which migrations were applied to the database.
    pub async fn schema(&self) -> Result<Schema, StoreError> {
        let table = "/* schema_table */ select to_regclass('refinery_schema_history') is not null as exists";
        match self.query_opt(table, &[]).await? {
            Some(row) if get(&row, "exists")? => {}
            _ => return Ok(Schema(Vec::new())),
        }
        let applied = "/* schema_applied */ select version, name, checksum from refinery_schema_history order by version";
        let read = |row: &tokio_postgres::Row| {
            Ok(Applied {
                version: get(row, "version")?,
                name: get(row, "name")?,
                checksum: get(row, "checksum")?,
            })
        };
        self.query(applied, &[]).await?.iter().map(read).collect::<Result<_, _>>().map(Schema)
    }
}

impl Schema {
    /// Whether this binary can work with it. A later version of the same set is good too: migrations
    /// serve the binary before them.
    pub fn check(&self) -> Result<(), SchemaMismatch> {
        self.check_set()?;
        let expected = embedded::migrations::runner()
            .get_migrations()
            .iter()
            .map(refinery::Migration::version)
            .max()
            .expect("migrations are compiled in");
        match self.0.last() {
            None => Err(SchemaMismatch::Empty),
            Some(last) if last.version < expected => {
                Err(SchemaMismatch::Behind { found: last.version, expected })
            }
            Some(_) => Ok(()),
        }
    }

    /// Refuses a schema of which a migration differs from this binary's of that number.
    fn check_set(&self) -> Result<(), SchemaMismatch> {
        let ours = embedded::migrations::runner();
        for Applied { version, name, checksum } in &self.0 {
            let same = |ours: &&refinery::Migration| ours.version() == *version;
            let Some(ours) = ours.get_migrations().iter().find(same) else { continue };
            if ours.name() != name || ours.checksum().to_string() != *checksum {
                return Err(SchemaMismatch::OtherSet { version: *version, name: name.clone() });
            }
        }
        Ok(())
    }
}
