//! Statements that take locks for more than one transaction, in the order of this module's rule.

use std::collections::BTreeMap;

use uuid::Uuid;

use super::postgres::{error::StoreError, session::Transaction};
use crate::domain::account::KeysetId;

pub(super) const LOCK_LEDGER: &str = "/* lock_ledger */
    select keyset_id from keyset_ledger
    where keyset_id in (select keyset_id from accounts where id = any($1)) order by keyset_id for update";

pub(super) const LOCK_STATES: &str = "/* lock_states */
    select account_id from refresh_state where account_id = any($1) order by account_id for update";

const COUNT_ATTEMPTS: &str = "/* count_attempts */
    update keyset_ledger l set attempts = l.attempts + c.attempts
    from unnest($1::uuid[], $2::bigint[]) as c (keyset, attempts) where l.keyset_id = c.keyset";

/// Counts attempts, one for each time that its keyset is named. The ledgers are locked already.
pub(super) async fn count_attempts(
    transaction: &Transaction<'_>,
    keysets: impl Iterator<Item = KeysetId>,
) -> Result<(), StoreError> {
    let mut attempts: BTreeMap<Uuid, i64> = BTreeMap::new();
    for keyset in keysets {
        *attempts.entry(keyset.0).or_default() += 1;
    }
    if !attempts.is_empty() {
        let (keysets, counts): (Vec<Uuid>, Vec<i64>) = attempts.into_iter().unzip();
        transaction.run(COUNT_ATTEMPTS, &[&keysets, &counts]).await?;
    }
    Ok(())
}
