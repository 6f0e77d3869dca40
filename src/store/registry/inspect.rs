//! An account's stored texts, for diagnosis.

use chrono::{DateTime, Utc};
use tokio_postgres::Row;

use crate::{
    domain::account::AccountId,
    store::postgres::{
        error::StoreError,
        pool::Store,
        row::{FromRow, get},
    },
};

/// An account's token row and what its refreshes came to. The texts are sealed.
#[derive(Debug, Clone)]
pub struct StoredTokens {
    /// The sealed refresh token.
    pub refresh_token: String,
    /// The sealed access token.
    pub access_token: Option<String>,
    /// When the access token ends.
    pub access_expires_at: Option<DateTime<Utc>>,
    /// When the refresh token ends, where known.
    pub refresh_expires_at: Option<DateTime<Utc>>,
    /// The access token's scopes, where eBay named them.
    pub scopes: Option<String>,
    /// Rises with every change.
    pub version: i64,
    /// When it was last changed.
    pub updated_at: DateTime<Utc>,
}

impl FromRow for StoredTokens {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            refresh_token: get(row, "refresh_token")?,
            access_token: get(row, "access_token")?,
            access_expires_at: get(row, "access_expires_at")?,
            refresh_expires_at: get(row, "refresh_expires_at")?,
            scopes: get(row, "scopes")?,
            version: get(row, "version")?,
            updated_at: get(row, "updated_at")?,
        })
    }
}

const STORED_TOKENS: &str = "/* stored_tokens */
    select refresh_token, access_token, access_expires_at, refresh_expires_at, scopes, version, updated_at
    from tokens where account_id = $1";

impl Store {
    /// An account's token row.
    pub async fn stored_tokens(&self, account: AccountId) -> Result<Option<StoredTokens>, StoreError> {
        self.query_opt(STORED_TOKENS, &[&account.0]).await?.as_ref().map(StoredTokens::from_row).transpose()
    }
}
