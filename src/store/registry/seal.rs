//! Sealed texts as a key rotation reads and writes them.

use tokio_postgres::Row;
use uuid::Uuid;

use crate::{
    domain::account::Environment,
    store::postgres::{
        error::StoreError,
        pool::Store,
        row::{FromRow, get, get_parsed, read_all},
    },
    text_enum::text_enum,
};

text_enum! {
    /// Where sealed texts stand.
    pub enum SealedColumn {
        /// `tokens.access_token`.
        AccessToken = "access_token",
        /// `tokens.refresh_token`.
        RefreshToken = "refresh_token",
        /// `keysets.client_secret`.
        ClientSecret = "client_secret",
    }
}

/// A sealed text in its place.
#[derive(Debug, Clone)]
pub struct SealedText {
    /// Its column.
    pub column: SealedColumn,
    /// Its row.
    pub row: Uuid,
    /// Its row's environment.
    pub environment: Environment,
    /// The text.
    pub sealed: String,
}

impl FromRow for SealedText {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        let id: Uuid = get(row, "row")?;
        Ok(Self {
            column: get_parsed(row, "tokens", "column_name", &id)?,
            row: id,
            environment: get_parsed(row, "accounts", "environment", &id)?,
            sealed: get(row, "sealed")?,
        })
    }
}

const NOT_SEALED_BY: &str = "/* texts_not_sealed_by */
    select column_name, row, environment, sealed from (
        select 'access_token' as column_name, t.account_id as row, a.environment, t.access_token as sealed
            from tokens t join accounts a on a.id = t.account_id
        union all select 'refresh_token', t.account_id, a.environment, t.refresh_token
            from tokens t join accounts a on a.id = t.account_id
        union all select 'client_secret', id, environment, client_secret from keysets) s
    where sealed is not null and split_part(sealed, ':', 3) <> $1
        and ($2::uuid is null or (row, column_name) > ($2, $3))
    order by row, column_name limit $4";

/// Only where the very text still stands: a refresh that came between has sealed with its own key.
/// The token's version stays, because the token is the same: a call under way keeps its effect.
const RESEAL: [(SealedColumn, &str); 3] = [
    (
        SealedColumn::AccessToken,
        "/* reseal_access_token */ update tokens set access_token = $3 where account_id = $1 and access_token = $2",
    ),
    (
        SealedColumn::RefreshToken,
        "/* reseal_refresh_token */ update tokens set refresh_token = $3 where account_id = $1 and refresh_token = $2",
    ),
    (
        SealedColumn::ClientSecret,
        "/* reseal_client_secret */ update keysets set client_secret = $3 where id = $1 and client_secret = $2",
    ),
];

impl Store {
    /// At most `limit` texts that another key than `key_id` sealed, after the place `after`.
    pub async fn texts_not_sealed_by(
        &self,
        key_id: &str,
        after: Option<&SealedText>,
        limit: i64,
    ) -> Result<Vec<SealedText>, StoreError> {
        let (row, column) = (after.map(|text| text.row), after.map(|text| text.column.as_str()));
        read_all(&self.query(NOT_SEALED_BY, &[&key_id, &row, &column, &limit]).await?)
    }

    /// Puts `sealed` in the place of `text`, unless that was replaced meanwhile.
    pub async fn reseal(&self, text: &SealedText, sealed: &str) -> Result<(), StoreError> {
        for (column, statement) in RESEAL {
            if column == text.column {
                self.execute(statement, &[&text.row, &text.sealed, &sealed]).await?;
            }
        }
        Ok(())
    }
}
