//! How a statement can fail, by what the caller does next.
//!
//! Only what names its row is final: the same row is refused again. Everything else may be cured,
//! by itself ([`is_transient`](StoreError::is_transient)) or by an operator, so whoever has
//! something to lose and holds a lease tries again until the lease ends.

use std::sync::Arc;

use deadpool::managed::PoolError;
use tokio_postgres::error::SqlState;

use super::dial::DialError;

/// Why the store did not do what it was asked.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// The database cannot be reached or is shutting down, or the session is of no more use: wait
    /// and try again.
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
    /// A table, column or function is missing: the schema is not this program's, until somebody
    /// migrates it.
    #[error("the database has another schema than this program needs: run `token-refresh migrate`")]
    Schema(#[source] Arc<tokio_postgres::Error>),
    /// The statement failed, and no row is named: a right that is missing, a disk that fails, a
    /// fault of the server or of this program. It stays until somebody acts.
    #[error("statement failed")]
    Failed(#[source] Arc<tokio_postgres::Error>),
    /// The code around the statement panicked: a fault of this program. The panic is in the log.
    #[error("the statement's code panicked")]
    Panicked,
}

impl StoreError {
    /// Whether it is the state of the server or the connection, which passes by itself.
    pub fn is_transient(&self) -> bool {
        matches!(self, Self::Unavailable(_))
    }

    /// Whether one row of the slice is at fault. Only this is final: no later try ends otherwise.
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
            let lost = is_lost(&error);
            return if lost { Self::Unavailable(Arc::new(error)) } else { Self::Failed(Arc::new(error)) };
        };
        let (code, constraint) = (refusal.code(), refusal.constraint().map(str::to_owned));
        if is_unavailable(code) || is_session_fault(code) {
            Self::Unavailable(Arc::new(error))
        } else if code.code().starts_with("22") || code.code().starts_with("23") {
            Self::Refused { constraint, source: Arc::new(error) }
        } else if is_schema(code) {
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
fn is_unavailable(code: &SqlState) -> bool {
    ["08", "53", "57"].iter().any(|class| code.code().starts_with(class))
        || *code == SqlState::T_R_DEADLOCK_DETECTED
        || *code == SqlState::T_R_SERIALIZATION_FAILURE
        || *code == SqlState::LOCK_NOT_AVAILABLE
}

/// What the next session does not suffer from: a server that writes no more, plans that a migration
/// made void, prepared statements that are gone, the end of the server (57P0x) or of the session.
fn is_session_fault(code: &SqlState) -> bool {
    ["08", "57P0"].iter().any(|class| code.code().starts_with(class))
        || *code == SqlState::READ_ONLY_SQL_TRANSACTION
        || *code == SqlState::FEATURE_NOT_SUPPORTED
        || *code == SqlState::INVALID_SQL_STATEMENT_NAME
        || *code == SqlState::IDLE_IN_TRANSACTION_SESSION_TIMEOUT
}

/// Whether the session that met `error` is of no more use.
pub(super) fn ends_session(error: &tokio_postgres::Error) -> bool {
    error.code().map_or_else(|| is_lost(error), is_session_fault)
}

/// Without an answer of the database it is the connection, unless a parameter of ours could not be
/// written or a column not be read.
fn is_lost(error: &tokio_postgres::Error) -> bool {
    error.is_closed()
        || std::error::Error::source(error).is_some_and(<dyn std::error::Error>::is::<std::io::Error>)
}

impl From<DialError> for StoreError {
    fn from(error: DialError) -> Self {
        Self::Unavailable(Arc::new(error))
    }
}

impl From<PoolError<DialError>> for StoreError {
    fn from(error: PoolError<DialError>) -> Self {
        match error {
            PoolError::Backend(error) => error.into(),
            error => Self::Unavailable(Arc::new(error)),
        }
    }
}
