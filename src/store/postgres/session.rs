//! Sessions of the pool: statements through the cache, and which sessions are of no more use.
//!
//! A fault of the session itself would come back with every statement that is given to it: a server
//! that writes no more, a plan or a prepared statement that is gone. So whatever statement meets
//! one, in a transaction or not, the pool throws the session away instead of lending it again.

use std::{
    sync::atomic::{AtomicBool, Ordering},
    time::Duration,
};

use deadpool::managed::{self, Metrics, RecycleError, RecycleResult};
use deadpool_postgres::ClientWrapper;
use tokio_postgres::Row;

use super::{
    dial::{DialError, Dialer},
    error::{StoreError, ends_session},
    row::Params,
};

/// Makes sessions and says which may be lent again.
pub(super) struct Manager {
    pub(super) dialer: Dialer,
    pub(super) options: String,
    pub(super) max_age: Duration,
}

/// A connection of the pool.
pub(super) struct Pooled {
    client: ClientWrapper,
    broken: AtomicBool,
    max_age: Duration,
}

impl managed::Manager for Manager {
    type Type = Pooled;
    type Error = DialError;

    async fn create(&self) -> Result<Pooled, DialError> {
        // Boxed: it is seldom run, and would be in the future of every statement.
        let (client, carrying) = Box::pin(self.dialer.dial(&self.options)).await?;
        // Sessions that were made together do not end together.
        let max_age = self.max_age.mul_f64(0.8 + 0.2 * rand::random::<f64>());
        Ok(Pooled { client: ClientWrapper::new(client, carrying), broken: AtomicBool::new(false), max_age })
    }

    async fn recycle(&self, pooled: &mut Pooled, metrics: &Metrics) -> RecycleResult<DialError> {
        if *pooled.broken.get_mut() || pooled.client.is_closed() {
            return Err(RecycleError::message("it is broken"));
        }
        if metrics.age() >= pooled.max_age {
            return Err(RecycleError::message("it is old"));
        }
        // A connection can be dead without knowing it.
        pooled.client.simple_query("").await.map_err(|_| RecycleError::message("it does not answer"))?;
        Ok(())
    }
}

/// A session on loan.
pub(in crate::store) struct Session {
    pooled: managed::Object<Manager>,
}

impl Session {
    pub(super) fn new(pooled: managed::Object<Manager>) -> Self {
        Self { pooled }
    }

    /// The rows of one statement.
    pub(super) async fn rows(&self, sql: &str, params: Params<'_>) -> Result<Vec<Row>, StoreError> {
        let client = &self.pooled.client;
        let asking = async { client.query(&client.prepare_cached(sql).await?, params).await };
        note(&self.pooled.broken, asking.await)
    }

    /// How many rows a statement touched.
    pub(super) async fn run(&self, sql: &str, params: Params<'_>) -> Result<u64, StoreError> {
        let client = &self.pooled.client;
        let running = async { client.execute(&client.prepare_cached(sql).await?, params).await };
        note(&self.pooled.broken, running.await)
    }

    /// Statements without parameters, in one message and without the cache.
    pub(super) async fn batch(&self, sql: &str) -> Result<(), StoreError> {
        note(&self.pooled.broken, self.pooled.client.batch_execute(sql).await)
    }

    /// Begins a transaction, which is rolled back unless it is committed.
    pub(in crate::store) async fn transaction(&mut self) -> Result<Transaction<'_>, StoreError> {
        let Pooled { client, broken, .. } = &mut *self.pooled;
        let broken = &*broken;
        let begun = note(broken, client.transaction().await)?;
        Ok(Transaction { begun, broken })
    }
}

/// A transaction of a session.
pub(in crate::store) struct Transaction<'a> {
    begun: deadpool_postgres::Transaction<'a>,
    broken: &'a AtomicBool,
}

impl Transaction<'_> {
    /// The rows of one statement.
    pub(in crate::store) async fn rows(&self, sql: &str, params: Params<'_>) -> Result<Vec<Row>, StoreError> {
        let asking = async { self.begun.query(&self.begun.prepare_cached(sql).await?, params).await };
        note(self.broken, asking.await)
    }

    /// How many rows a statement touched.
    pub(in crate::store) async fn run(&self, sql: &str, params: Params<'_>) -> Result<u64, StoreError> {
        let running = async { self.begun.execute(&self.begun.prepare_cached(sql).await?, params).await };
        note(self.broken, running.await)
    }

    /// Makes it true.
    pub(in crate::store) async fn commit(self) -> Result<(), StoreError> {
        note(self.broken, self.begun.commit().await)
    }
}

/// Remembers whether the answer ends the session.
fn note<T>(broken: &AtomicBool, answer: Result<T, tokio_postgres::Error>) -> Result<T, StoreError> {
    answer.map_err(|error| {
        if ends_session(&error) {
            broken.store(true, Ordering::Relaxed);
        }
        error.into()
    })
}
