//! How a statement can fail, by what the caller does next.

use std::sync::Arc;

use deadpool_postgres::PoolError;
use tokio_postgres::error::{DbError, SqlState};

/// Why the store did not do what it was asked.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// The database cannot be reached or is shutting down: wait and try again.
    #[error("database unavailable")]
    Unavailable(#[source] Arc<dyn std::error::Error + Send + Sync>),
    /// A value of one row is refused: the other rows of the slice are innocent.
    #[error("database refused a row{}", constraint.as_ref().map(|name| format!(" ({name})")).unwrap_or_default())]
    Refused {
        /// The constraint that refused it, where there is one.
        constraint: Option<String>,
        /// What PostgreSQL said. Its detail is not repeated: it may quote the row.
        #[source]
        source: Arc<tokio_postgres::Error>,
    },
    /// A stored value does not fit its type.
    #[error("{table}.{column} of {row}: {problem}")]
    Unreadable {
        /// The table it was read from.
        table: &'static str,
        /// The column.
        column: &'static str,
        /// The row's id.
        row: String,
        /// What is wrong with it.
        problem: String,
    },
    /// A table, column or function is missing: the schema is not this program's.
    #[error("the database has another schema than this program needs: run `token-refresh migrate`")]
    Schema(#[source] Arc<tokio_postgres::Error>),
    /// The statement itself failed: a fault of this program.
    #[error("statement failed")]
    Failed(#[source] Arc<tokio_postgres::Error>),
}

impl StoreError {
    /// Whether the same call may succeed later without any change.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }

    /// Whether one row of the slice is at fault.
    pub fn is_row_fault(&self) -> bool {
        matches!(self, Self::Refused { .. } | Self::Unreadable { .. })
    }

    /// Whether `name` is the constraint that refused the row.
    pub fn violates(&self, name: &str) -> bool {
        matches!(self, Self::Refused { constraint: Some(constraint), .. } if constraint == name)
    }
}

impl From<tokio_postgres::Error> for StoreError {
    fn from(error: tokio_postgres::Error) -> Self {
        let Some(refusal) = error.as_db_error() else {
            // Without an answer of the database it is the connection, unless a parameter of ours
            // could not be written.
            let lost = error.is_closed()
                || std::error::Error::source(&error)
                    .is_some_and(<dyn std::error::Error>::is::<std::io::Error>);
            return if lost { Self::Unavailable(Arc::new(error)) } else { Self::Failed(Arc::new(error)) };
        };
        let constraint = refusal.constraint().map(str::to_owned);
        if is_unavailable(refusal) {
            Self::Unavailable(Arc::new(error))
        } else if refusal.code().code().starts_with("22") || refusal.code().code().starts_with("23") {
            Self::Refused { constraint, source: Arc::new(error) }
        } else if is_schema(refusal.code()) {
            Self::Schema(Arc::new(error))
        } else {
            Self::Failed(Arc::new(error))
        }
    }
}

fn is_schema(code: &SqlState) -> bool {
    [SqlState::UNDEFINED_TABLE, SqlState::UNDEFINED_COLUMN, SqlState::UNDEFINED_FUNCTION].contains(code)
}

/// Classes 08 (connection), 53 (resources), 57 (operator intervention), and what a second try cures.
fn is_unavailable(refusal: &DbError) -> bool {
    let code = refusal.code();
    ["08", "53", "57"].iter().any(|class| code.code().starts_with(class))
        || *code == SqlState::T_R_DEADLOCK_DETECTED
        || *code == SqlState::T_R_SERIALIZATION_FAILURE
        || *code == SqlState::LOCK_NOT_AVAILABLE
        || *code == SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT
        || *code == SqlState::READ_ONLY_SQL_TRANSACTION
}

impl From<PoolError> for StoreError {
    fn from(error: PoolError) -> Self {
        Self::Unavailable(Arc::new(error))
    }
}
