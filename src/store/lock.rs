//! Row locks that more than one kind of transaction takes, in the order of `store`'s rule.
//!
//! A slice waits for its keysets' ledgers alone, which are held for moments. An account's row may be
//! held for long, so a slice locks those that nobody else holds, and passes over the others: they are
//! busy, and nothing is judged of them.

use std::collections::{BTreeMap, HashSet};

use uuid::Uuid;

use super::postgres::{error::StoreError, row::get, session::Transaction};
use crate::domain::account::{AccountId, KeysetId};

pub(super) const LOCK_LEDGER: &str = "/* lock_ledger */
    select keyset_id from keyset_ledger
    where keyset_id in (select keyset_id from accounts where id = any($1)) order by keyset_id for update";

pub(super) const LOCK_LEDGER_OF: &str = "/* lock_ledger_of */
    select keyset_id from keyset_ledger where keyset_id = any($1) order by keyset_id for update";

pub(super) const LOCK_STATES: &str = "/* lock_states */
    select account_id from refresh_state where account_id = any($1) order by account_id for update";

/// A statement that locks which of the rows of `$1` nobody else holds, and says of each that there is
/// whether it is busy.
pub(super) struct LockFree(&'static str);

pub(super) const FREE_REQUESTS: LockFree = LockFree(
    "/* lock_free_requests */
    with held as materialized (
        select attempt from refresh_requests where attempt = any($1) order by attempt for update skip locked)
    select r.attempt as id, r.attempt not in (select attempt from held) as busy
    from refresh_requests r where r.attempt = any($1)",
);

pub(super) const FREE_STATES: LockFree = LockFree(
    "/* lock_free_states */
    with held as materialized (
        select account_id from refresh_state where account_id = any($1) order by account_id for update skip locked)
    select s.account_id as id, s.account_id not in (select account_id from held) as busy
    from refresh_state s where s.account_id = any($1)",
);

/// With the token rows: an import must not slip in between the look at the version and the write.
pub(super) const FREE_STATES_AND_TOKENS: LockFree = LockFree(
    "/* lock_free_tokens */
    with held as materialized (
        select s.account_id from refresh_state s join tokens t on t.account_id = s.account_id
        where s.account_id = any($1) order by s.account_id for update of s, t skip locked)
    select s.account_id as id, s.account_id not in (select account_id from held) as busy
    from refresh_state s join tokens t on t.account_id = s.account_id where s.account_id = any($1)",
);

/// The rows of a slice that are locked, and those that somebody else holds.
pub(super) struct Obtained {
    pub(super) held: Vec<Uuid>,
    pub(super) busy: HashSet<Uuid>,
}

/// Locks which of the rows `ids` nobody else holds, without waiting.
pub(super) async fn lock_free(
    transaction: &Transaction<'_>,
    statement: &LockFree,
    ids: &[Uuid],
) -> Result<Obtained, StoreError> {
    let mut obtained = Obtained { held: Vec::with_capacity(ids.len()), busy: HashSet::new() };
    for row in transaction.rows(statement.0, &[&ids]).await? {
        let id = get(&row, "id")?;
        if get(&row, "busy")? {
            obtained.busy.insert(id);
        } else {
            obtained.held.push(id);
        }
    }
    Ok(obtained)
}

const LOCK_REQUESTS_OF: &str = "/* remove_account_lock_requests */
    select attempt from refresh_requests where account_id = $1 order by attempt for update";

const LOCK_TOKENS_OF: &str = "/* remove_account_lock_tokens */
    select account_id from tokens where account_id = $1 for update";

/// A request that is being accepted holds its account's row.
const LOCK_ACCOUNT: &str = "/* remove_account_lock */ select id from accounts where id = $1 for update";

/// Locks all that a removal of the account takes along, and waits for whoever holds it.
pub(super) async fn lock_account(
    transaction: &Transaction<'_>,
    account: AccountId,
) -> Result<(), StoreError> {
    transaction.rows(LOCK_REQUESTS_OF, &[&account.0]).await?;
    transaction.rows(LOCK_STATES, &[&vec![account.0]]).await?;
    transaction.rows(LOCK_TOKENS_OF, &[&account.0]).await?;
    transaction.rows(LOCK_ACCOUNT, &[&account.0]).await?;
    Ok(())
}

pub(super) const LOCK_CALLS: &str = "/* lock_calls */
    select q.keyset_id from quota_usage q
    where (q.keyset_id, q.bucket) in (
        select keyset, date_bin('5 minutes', at, 'epoch') from unnest($1::uuid[], $2::timestamptz[]) c (keyset, at))
    order by q.keyset_id, q.bucket for update";

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
