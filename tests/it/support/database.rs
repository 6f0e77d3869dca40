//! A database of its own for each test, dropped with the value that stands for it.

use std::path::Path;

use reqwest::Url;
use sha2::{Digest, Sha256};
use token_refresh::store::{PoolSettings, Store};
use tokio::sync::OnceCell;
use tokio_postgres::{Client, NoTls};
use uuid::Uuid;

use super::servers::servers;
use super::{clean_up, in_time};

/// Databases of killed runs, and templates that nobody takes any more. `it_` and a UUIDv7, whose time
/// tells the age, name a test's database; a template's name goes on.
const STALE_DATABASES: &str = "-- stale_databases
    select datname from (
        select datname, now() - to_timestamp(('x' || substr(datname, 4, 12))::bit(48)::bigint / 1000.0) as age
        from pg_database where datname ~ '^it_[0-9a-f]{32}(_|$)'
    ) as test_databases
    where age > case when length(datname) = 35 then interval '1 hour' else interval '1 day' end";

/// The template with this digest. Half its life before it is stale, so that nobody copies it then.
const FIND_TEMPLATE: &str = "-- find_template
    select datname from (
        select datname, now() - to_timestamp(('x' || substr(datname, 4, 12))::bit(48)::bigint / 1000.0) as age
        from pg_database where datname ~ ('^it_[0-9a-f]{32}_' || $1 || '$')
    ) as templates
    where age < interval '12 hours' order by datname desc limit 1";

/// Held while a template is made: other processes wait for it instead of making their own.
const LOCK_TEMPLATES: &str = "select pg_advisory_lock(hashtext('token-refresh test templates'))";

/// One test's database.
pub(crate) struct TestDatabase {
    /// Empty for one that goes with its server.
    name: String,
    url: String,
}

impl TestDatabase {
    /// Makes an empty database.
    pub(crate) async fn create() -> Self {
        Self::create_from(None).await
    }

    /// Makes a copy of the database `template`, to which nobody may be connected; without one an
    /// empty database.
    pub(crate) async fn create_from(template: Option<&str>) -> Self {
        static SWEPT: OnceCell<()> = OnceCell::const_new();
        SWEPT.get_or_init(drop_stale).await;
        let name = format!("it_{}", Uuid::now_v7().simple());
        // template1 may have visitors, and a copy waits for them to go.
        let create = format!("create database {name} template {}", template.unwrap_or("template0"));
        let admin = admin().await;
        in_time("a database", admin.batch_execute(&create)).await.expect("DATABASE_URL may create databases");
        Self { url: database_url(&name).await, name }
    }

    /// Makes a copy of a template that has this crate's schema. The template is made once and found
    /// again by later runs while the files of `migrations/` are the same: copying it takes a fraction
    /// of the time that migrating takes.
    pub(crate) async fn migrated() -> Self {
        static TEMPLATE: OnceCell<String> = OnceCell::const_new();
        let make = async || find_or_make_template(&digest_of_migrations(), migrate).await;
        let template = TEMPLATE.get_or_init(make).await;
        Self::create_from(Some(template)).await
    }

    /// The database of a server of the test's own, with this crate's schema.
    pub(crate) async fn on(url: String) -> Self {
        migrate(url.clone()).await;
        Self { name: String::new(), url }
    }

    /// `postgres://…/it_…`, with the rights of the server's owner.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The database's name.
    pub(crate) fn name(&self) -> &str {
        &self.name
    }

    /// Opens a connection, which ends with the client.
    pub(crate) async fn connect(&self) -> Client {
        in_time("a connection to the test's database", connect(&self.url))
            .await
            .expect("the database was made")
    }
}

impl Drop for TestDatabase {
    /// Drops the database and whoever is connected to it, also when the test panics.
    fn drop(&mut self) {
        let name = std::mem::take(&mut self.name);
        if name.is_empty() {
            return;
        }
        // Best effort: the server may be down because a test took it down; a later run drops it then.
        clean_up(async move { drop(drop_database(&name).await) });
    }
}

/// Returns the name of the template of `digest`, made by `migrate` if nobody made it yet.
pub(crate) async fn find_or_make_template<F: Future<Output = ()>>(
    digest: &str,
    migrate: impl FnOnce(String) -> F,
) -> String {
    let admin = admin().await;
    in_time("the lock of the templates", admin.batch_execute(LOCK_TEMPLATES)).await.expect("a lock");
    if let Some(found) = admin.query_opt(FIND_TEMPLATE, &[&digest]).await.expect("pg_database can be read") {
        return found.get(0);
    }
    // Only a finished template gets a template's name.
    let template = TestDatabase::create().await;
    in_time("the migration of the template", migrate(template.url.clone())).await;
    let name = format!("{}_{digest}", template.name);
    let rename = format!("alter database {} rename to {name}", template.name);
    admin.batch_execute(&rename).await.expect("nobody is connected to the template");
    name
}

/// Brings the database at `url` up to this crate's schema. The pool's connections end with it;
/// PostgreSQL waits for them before it renames or copies the template.
async fn migrate(url: String) {
    let store = Store::new(&url, &PoolSettings::default()).expect("the test's database has an address");
    token_refresh::store::migrate(&store).await.expect("an empty database can be migrated");
}

/// Which migrations a template was made by.
fn digest_of_migrations() -> String {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("migrations");
    let files = directory.read_dir().expect("migrations/ can be read");
    let mut paths: Vec<_> = files.map(|file| file.expect("migrations/ can be read").path()).collect();
    paths.sort();
    let mut digest = Sha256::new();
    for path in paths {
        digest.update(path.file_name().expect("a file has a name").as_encoded_bytes());
        digest.update(std::fs::read(&path).expect("a migration can be read"));
    }
    Uuid::from_slice(&digest.finalize()[..16]).expect("16 bytes").simple().to_string()[..16].to_owned()
}

/// Drops what killed runs left behind.
pub(crate) async fn drop_stale() {
    let stale = admin().await.query(STALE_DATABASES, &[]).await.expect("pg_database can be read");
    for row in stale {
        // Another run may be dropping it too.
        drop(drop_database(row.get(0)).await);
    }
}

async fn drop_database(name: &str) -> Result<(), tokio_postgres::Error> {
    let admin = connect(&servers().await.database).await?;
    admin.batch_execute(&format!("drop database if exists {name} with (force)")).await
}

/// A connection to the database that `DATABASE_URL` names.
pub(crate) async fn admin() -> Client {
    let url = &servers().await.database;
    in_time("a connection to DATABASE_URL", connect(url)).await.expect("DATABASE_URL answers")
}

async fn connect(url: &str) -> Result<Client, tokio_postgres::Error> {
    let (client, connection) = tokio_postgres::connect(url, NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

async fn database_url(name: &str) -> String {
    let mut url = Url::parse(&servers().await.database).expect("DATABASE_URL is a URL");
    url.set_path(name);
    url.into()
}
