//! Token rows as an import writes them.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use crate::{
    domain::account::AccountId,
    store::{
        fragment::unqueued,
        lock::LOCK_STATES,
        postgres::{error::StoreError, pool::Store, row::get},
    },
};

/// A refresh token that an operator brings.
#[derive(Debug, Clone)]
pub struct ImportToken {
    /// The account that it belongs to.
    pub account: AccountId,
    /// The token, sealed for this account.
    pub sealed: String,
    /// SHA-256 of the token.
    pub sha256: [u8; 32],
    /// When eBay ends it, where known.
    pub refresh_expires_at: Option<DateTime<Utc>>,
    /// Take it even if the account already had it.
    pub replace: bool,
    /// Who brings it.
    pub by: String,
}

/// What an import did with one token.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum ImportOutcome {
    /// The account's first token.
    Added,
    /// It took the place of another.
    Replaced,
    /// The account already had it, now or before: nothing was changed.
    Skipped,
}

const HAD_BEFORE: &str = "/* import_had_before */
    select exists (select from refresh_token_digests where account_id = $1 and sha256 = $2) as had,
        exists (select from tokens where account_id = $1) as present";

const PUT_STATE: &str = "/* import_put_state */
    insert into refresh_state (account_id) values ($1) on conflict do nothing";

const PUT_TOKEN: &str = "/* import_put_token */
    insert into tokens (account_id, refresh_token, refresh_expires_at) values ($1, $2, $3)
    on conflict (account_id) do update set refresh_token = excluded.refresh_token,
        refresh_expires_at = excluded.refresh_expires_at, version = tokens.version + 1, updated_at = clock()";

const REMEMBER: &str = "/* import_remember */
    insert into refresh_token_digests (account_id, sha256) values ($1, $2) on conflict do nothing";

/// The lease stays: a call under way ends as `superseded`, because the version rose.
const DUE_FRESH: &str = concat!(
    "/* import_due_fresh */
    update refresh_state set next_refresh_at = clock(), due_source = 'admin', due_triggered_by = $2,
        ",
    unqueued!(),
    ", consecutive_failures = 0, class = null, refresh_error = null,
        standing = 'active', missing_key = null, interruptions = 0, suspicions = 0, suspected_at = null, warned_days = null
    where account_id = $1"
);

impl Store {
    /// Gives an account a refresh token and makes it due at once. Its access token and the time of
    /// its last success stay (G5).
    pub async fn import_token(&self, token: &ImportToken) -> Result<ImportOutcome, StoreError> {
        let account: Uuid = token.account.0;
        let digest: &[u8] = &token.sha256;
        let mut client = self.client().await?;
        let transaction = client.transaction().await?;
        transaction.run(PUT_STATE, &[&account]).await?;
        transaction.rows(LOCK_STATES, &[&vec![account]]).await?;
        let rows = transaction.rows(HAD_BEFORE, &[&account, &digest]).await?;
        let row = rows.first().expect("a select of two values returns a row");
        let (had, present): (bool, bool) = (get(row, "had")?, get(row, "present")?);
        if had && present && !token.replace {
            return Ok(ImportOutcome::Skipped);
        }
        transaction.run(PUT_TOKEN, &[&account, &token.sealed, &token.refresh_expires_at]).await?;
        transaction.run(REMEMBER, &[&account, &digest]).await?;
        transaction.run(DUE_FRESH, &[&account, &token.by]).await?;
        transaction.commit().await?;
        Ok(if present { ImportOutcome::Replaced } else { ImportOutcome::Added })
    }
}
