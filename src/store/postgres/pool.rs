//! The connection pool, with a limit on every wait.

use std::time::Duration;

use deadpool::{Runtime, managed::Pool};

use super::{
    address::BadDatabaseUrl,
    dial::{Dialer, Dialled},
    error::StoreError,
    row::Params,
    session::{Manager, Session},
};

/// PostgreSQL, through a pool. Cheap to clone.
#[derive(Clone)]
pub struct Store {
    pool: Pool<Manager>,
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
    /// A connection is not lent again after this time or a little less, so that what changes behind
    /// a name or a balancer is found in the end.
    pub max_age: Duration,
}

impl Default for PoolSettings {
    fn default() -> Self {
        Self {
            connections: 16,
            application_name: "token-refresh".into(),
            statement_timeout: Duration::from_secs(15),
            max_age: Duration::from_secs(30 * 60),
        }
    }
}

/// Longest wait for a free connection.
const WAIT: Duration = Duration::from_secs(5);
/// Longest wait for a connection to show that it still answers.
const RECYCLE: Duration = Duration::from_secs(5);
/// Longest silence inside a transaction. A process that freezes there holds its locks, a keyset's
/// ledger among them, and everybody who wants them waits so long.
const IDLE_IN_TRANSACTION: Duration = Duration::from_secs(5);

impl Store {
    /// Prepares a pool for the database at `url`; nothing is connected yet.
    ///
    /// `sslmode` is `disable`, `require` or `verify-full`; the last two both verify certificate and
    /// host name, against `sslrootcert` where given, else the system's roots. Without `sslmode`, TLS
    /// is required unless the host is this machine. Of several hosts the first that serves is taken,
    /// and unless `target_session_attrs` says otherwise one that cannot write does not serve. Each
    /// address of each host has `connect_timeout` seconds, or three.
    pub fn new(url: &str, settings: &PoolSettings) -> Result<Self, BadDatabaseUrl> {
        let manager = Manager {
            dialer: Dialer::new(url, &settings.application_name)?,
            options: session_options(settings.statement_timeout),
            max_age: settings.max_age,
        };
        // Without a limit on making a connection: that is in the dialer, for each address.
        let pool = Pool::builder(manager)
            .max_size(settings.connections)
            .runtime(Runtime::Tokio1)
            .wait_timeout(Some(WAIT))
            .recycle_timeout(Some(RECYCLE))
            .build()
            .map_err(|error| BadDatabaseUrl::Pool(error.to_string()))?;
        Ok(Self { pool })
    }

    /// A connection of the pool.
    pub(in crate::store) async fn client(&self) -> Result<Session, StoreError> {
        Ok(Session::new(self.pool.get().await?))
    }

    /// A connection outside the pool, whose statements may take as long as they like.
    pub(super) async fn dial_unlimited(&self) -> Result<Dialled, StoreError> {
        let options = session_options(Duration::ZERO);
        Ok(Box::pin(self.pool.manager().dialer.dial(&options)).await?)
    }

    /// Whether the database answers.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.client().await?.batch("/* ping */ select 1").await
    }

    /// The rows of one statement, prepared through the cache.
    pub(in crate::store) async fn query(
        &self,
        sql: &str,
        params: Params<'_>,
    ) -> Result<Vec<tokio_postgres::Row>, StoreError> {
        self.client().await?.rows(sql, params).await
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
        self.client().await?.run(sql, params).await
    }
}

/// What every session is set to; a limit of zero is none.
fn session_options(statement_timeout: Duration) -> String {
    let (timeout_ms, idle_ms) = (statement_timeout.as_millis(), IDLE_IN_TRANSACTION.as_millis());
    format!(
        "-c statement_timeout={timeout_ms} -c idle_in_transaction_session_timeout={idle_ms} -c timezone=UTC"
    )
}
