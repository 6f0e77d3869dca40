//! The connection pool: TLS and a limit on every wait.

use std::{net::IpAddr, str::FromStr, sync::Arc, time::Duration};

use deadpool_postgres::{Hook, Manager, ManagerConfig, Object, Pool, RecyclingMethod, Runtime};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, pem::PemObject},
};
use tokio_postgres::{
    Config, NoTls, Statement, Transaction,
    config::{Host, SslMode},
};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::{error::StoreError, row::Params};

/// PostgreSQL, through a pool. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    pool: Pool,
}

/// How many connections, and what they call themselves.
#[derive(Debug, Clone)]
pub struct PoolSettings {
    /// Most connections held at once.
    pub connections: usize,
    /// Shown in `pg_stat_activity`.
    pub application_name: String,
    /// Longest run of one statement.
    pub statement_timeout: Duration,
}

impl Default for PoolSettings {
    fn default() -> Self {
        Self {
            connections: 16,
            application_name: "token-refresh".into(),
            statement_timeout: Duration::from_secs(15),
        }
    }
}

/// Why a database address cannot be used. Never repeats the address: it holds a password.
#[derive(Debug, thiserror::Error)]
pub enum BadDatabaseUrl {
    /// Not `postgres://…`, or a parameter is wrong.
    #[error("not a PostgreSQL address (postgres://user:password@host:port/database?sslmode=…): {0}")]
    Syntax(String),
    /// `sslmode` is none of PostgreSQL's.
    #[error("sslmode={0}: use disable, require or verify-full")]
    SslMode(String),
    /// The file of `sslrootcert` cannot be used.
    #[error("sslrootcert: {0}")]
    RootCertificate(String),
    /// The pool cannot be built.
    #[error("connection pool: {0}")]
    Pool(String),
}

/// Longest wait for a free connection.
const WAIT: Duration = Duration::from_secs(5);
/// Longest wait for a connection to be made.
const CONNECT: Duration = Duration::from_secs(5);
/// Longest silence inside a transaction. A process that freezes there holds its locks, a keyset's
/// ledger among them, and everybody who wants them waits so long.
const IDLE_IN_TRANSACTION: Duration = Duration::from_secs(5);

impl Store {
    /// Prepares a pool for the database at `url`; nothing is connected yet.
    ///
    /// `sslmode` is `disable`, `require` or `verify-full`; the last two both verify certificate and
    /// host name, against `sslrootcert` where given, else the system's roots. Without `sslmode`, TLS
    /// is required unless the host is this machine.
    pub fn new(url: &str, settings: &PoolSettings) -> Result<Self, BadDatabaseUrl> {
        let Address { mut config, tls, root_certificate } = Address::parse(url)?;
        let (timeout_ms, idle_ms) = (settings.statement_timeout.as_millis(), IDLE_IN_TRANSACTION.as_millis());
        config
            .application_name(&settings.application_name)
            .connect_timeout(CONNECT)
            .tcp_user_timeout(Duration::from_secs(10))
            .keepalives_idle(Duration::from_secs(30))
            .options(format!(
                "-c statement_timeout={timeout_ms} -c idle_in_transaction_session_timeout={idle_ms} -c timezone=UTC"
            ));
        let recycling = ManagerConfig { recycling_method: RecyclingMethod::Verified };
        let manager = if tls {
            config.ssl_mode(SslMode::Require);
            Manager::from_config(config, MakeRustlsConnect::new(verifying(root_certificate)?), recycling)
        } else {
            config.ssl_mode(SslMode::Disable);
            Manager::from_config(config, NoTls, recycling)
        };
        let pool = Pool::builder(manager)
            .max_size(settings.connections)
            .runtime(Runtime::Tokio1)
            .wait_timeout(Some(WAIT))
            .create_timeout(Some(CONNECT))
            .recycle_timeout(Some(CONNECT))
            .post_create(Hook::sync_fn(|_, _| Ok(())))
            .build()
            .map_err(|error| BadDatabaseUrl::Pool(error.to_string()))?;
        Ok(Self { pool })
    }

    /// A connection of the pool.
    pub(in crate::store) async fn client(&self) -> Result<Object, StoreError> {
        Ok(self.pool.get().await?)
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.client().await?.simple_query("/* ping */ select 1").await?;
        Ok(())
    }

    /// The rows of one statement, prepared through the cache.
    pub(in crate::store) async fn query(
        &self,
        sql: &str,
        params: Params<'_>,
    ) -> Result<Vec<tokio_postgres::Row>, StoreError> {
        let client = self.client().await?;
        let statement = client.prepare_cached(sql).await?;
        Ok(client.query(&statement, params).await?)
    }

    /// The one row of a statement, if there is one.
    pub(in crate::store) async fn query_opt(
        &self,
        sql: &str,
        params: Params<'_>,
    ) -> Result<Option<tokio_postgres::Row>, StoreError> {
        Ok(self.query(sql, params).await?.into_iter().next())
    }

    /// How many rows a statement touched.
    pub(in crate::store) async fn execute(&self, sql: &str, params: Params<'_>) -> Result<u64, StoreError> {
        let client = self.client().await?;
        let statement = client.prepare_cached(sql).await?;
        Ok(client.execute(&statement, params).await?)
    }
}

/// Statements inside a transaction, prepared through the connection's cache.
pub(in crate::store) trait InTransaction {
    /// The rows of one statement.
    async fn rows(&self, sql: &str, params: Params<'_>) -> Result<Vec<tokio_postgres::Row>, StoreError>;
    /// How many rows a statement touched.
    async fn run(&self, sql: &str, params: Params<'_>) -> Result<u64, StoreError>;
}

impl InTransaction for deadpool_postgres::Transaction<'_> {
    async fn rows(&self, sql: &str, params: Params<'_>) -> Result<Vec<tokio_postgres::Row>, StoreError> {
        let statement: Statement = self.prepare_cached(sql).await?;
        Ok(Transaction::query(self, &statement, params).await?)
    }

    async fn run(&self, sql: &str, params: Params<'_>) -> Result<u64, StoreError> {
        let statement: Statement = self.prepare_cached(sql).await?;
        Ok(Transaction::execute(self, &statement, params).await?)
    }
}

/// An address, with what tokio-postgres does not understand taken out of it.
pub(in crate::store) struct Address {
    pub(in crate::store) config: Config,
    tls: bool,
    root_certificate: Option<String>,
}

impl Address {
    fn parse(url: &str) -> Result<Self, BadDatabaseUrl> {
        let (base, query) = url.split_once('?').unwrap_or((url, ""));
        let (mut mode, mut root_certificate, mut kept) = (None, None, Vec::new());
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            match pair.split_once('=') {
                Some(("sslmode", value)) => mode = Some(value.to_owned()),
                Some(("sslrootcert", value)) => root_certificate = Some(value.to_owned()),
                _ => kept.push(pair),
            }
        }
        let rest = if kept.is_empty() { base.to_owned() } else { format!("{base}?{}", kept.join("&")) };
        let config = Config::from_str(&rest).map_err(|error| BadDatabaseUrl::Syntax(error.to_string()))?;
        if config.get_hosts().is_empty() {
            return Err(BadDatabaseUrl::Syntax("no host".into()));
        }
        let tls = match mode.as_deref() {
            Some("disable") => false,
            Some("require" | "verify-ca" | "verify-full") => true,
            Some(other) => return Err(BadDatabaseUrl::SslMode(other.chars().take(20).collect())),
            None => !config.get_hosts().iter().all(is_this_machine),
        };
        Ok(Self { config, tls, root_certificate })
    }
}

fn is_this_machine(host: &Host) -> bool {
    match host {
        Host::Tcp(name) => name == "localhost" || name.parse().is_ok_and(|ip: IpAddr| ip.is_loopback()),
        Host::Unix(_) => true,
    }
}

fn verifying(root_certificate: Option<String>) -> Result<ClientConfig, BadDatabaseUrl> {
    let mut roots = RootCertStore::empty();
    let refused = |error: &dyn std::fmt::Display| BadDatabaseUrl::RootCertificate(error.to_string());
    match root_certificate {
        Some(path) => {
            for certificate in CertificateDer::pem_file_iter(&path).map_err(|error| refused(&error))? {
                let certificate = certificate.map_err(|error| refused(&error))?;
                roots.add(certificate).map_err(|error| refused(&error))?;
            }
        }
        None => {
            roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|error| BadDatabaseUrl::Pool(error.to_string()))?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

#[cfg(test)]
mod tests {
    use super::Address;

    fn tls(url: &str) -> bool {
        Address::parse(url).map(|address| address.tls).expect("a good address")
    }

    #[test]
    fn tls_is_required_except_for_this_machine() {
        assert!(!tls("postgres://u:p@127.0.0.1:5432/db"));
        assert!(!tls("postgres://u:p@localhost/db"));
        assert!(!tls("postgres:///db?host=/run/postgresql"));
        assert!(tls("postgres://u:p@db.example/db"));
        assert!(tls("postgres://u:p@localhost/db?sslmode=verify-full&connect_timeout=3"));
        assert!(!tls("postgres://u:p@db.example/db?sslmode=disable"));
    }

    #[test]
    fn g4_a_bad_address_is_not_repeated() {
        for url in
            ["http://u:secret@h/db", "postgres://u:secret@h/db?sslmode=maybe", "postgres://u:secret@h:x/db"]
        {
            let Err(error) = Address::parse(url) else { panic!("{url} was accepted") };
            assert!(!error.to_string().contains("secret"), "{error}");
        }
    }
}
