//! Bringing the schema up to this binary's version, by one process at a time.

use std::time::Duration;

use uuid::Uuid;

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
    /// Another process holds the lease, and renews it.
    #[error(
        "another process has been applying migrations for {wait:?}: see what it waits for, then try again"
    )]
    Busy {
        /// How long this one waited.
        wait: Duration,
    },
    /// The lease ran out, and another process took it. What was under way is rolled back.
    #[error("another process took over the migration, because this one did not answer for too long")]
    Lost,
    /// A migration failed.
    #[error("migration failed")]
    Migration(#[from] refinery::Error),
}

/// Time, and the table of leases: there before the first migration, so that it too is applied by one.
const BOOTSTRAP: &str = include_str!("../../../migrations/bootstrap.sql");

/// The lease of whoever migrates: refinery itself lets two processes migrate together.
const LEASE: &str = "migrate";
/// How long others wait for a holder that died.
const LEASE_LASTS: Duration = Duration::from_secs(30);
const RENEW_EVERY: Duration = Duration::from_secs(5);
/// How often it is looked whether the other one is done.
const LOOK_EVERY: Duration = Duration::from_millis(200);
/// A migration may rewrite a large table.
const WAIT: Duration = Duration::from_secs(30 * 60);

/// Applies what is missing and returns the names of what it applied. While another process does so,
/// it waits, half an hour at most.
pub async fn migrate(store: &Store) -> Result<Vec<String>, MigrateError> {
    migrate_within(store, WAIT).await
}

/// Like [`migrate`], but waits at most `wait` for another process.
pub async fn migrate_within(store: &Store, wait: Duration) -> Result<Vec<String>, MigrateError> {
    store.schema().await?.check_set()?;
    let (mut client, _carrying) = store.dial_unlimited().await?;
    client.batch_execute(BOOTSTRAP).await.map_err(StoreError::from)?;
    let holder = Uuid::now_v7().to_string();
    take_lease(store, &holder, wait).await?;
    let applied = tokio::select! {
        applied = apply(store, &mut client) => applied,
        () = until_lost(store, &holder) => Err(MigrateError::Lost),
    };
    if let Err(error) = store.release_lease(LEASE, &holder).await {
        tracing::warn!(error = %error, "others wait until the lease of this migration is over");
    }
    applied
}

async fn take_lease(store: &Store, holder: &str, wait: Duration) -> Result<(), MigrateError> {
    let waiting = async {
        let mut told = false;
        while !store.hold_lease(LEASE, holder, LEASE_LASTS).await? {
            if !told {
                tracing::warn!("another process applies the migrations; waiting for it");
                told = true;
            }
            tokio::time::sleep(LOOK_EVERY).await;
        }
        Ok(())
    };
    tokio::time::timeout(wait, waiting).await.unwrap_or(Err(MigrateError::Busy { wait }))
}

async fn apply(store: &Store, client: &mut tokio_postgres::Client) -> Result<Vec<String>, MigrateError> {
    // Another process may have applied its own while this one waited.
    store.schema().await?.check_set()?;
    let report = embedded::migrations::runner().run_async(client).await?;
    Ok(report.applied_migrations().iter().map(ToString::to_string).collect())
}

/// Renews the lease until another process has it.
async fn until_lost(store: &Store, holder: &str) {
    loop {
        tokio::time::sleep(RENEW_EVERY).await;
        match store.hold_lease(LEASE, holder, LEASE_LASTS).await {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => tracing::warn!(error = %error, "the lease of this migration is not renewed yet"),
        }
    }
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
