//! Statements that take locks for more than one transaction, in the order of this module's rule.

pub(super) const LOCK_LEDGER: &str = "/* lock_ledger */
    select keyset_id from keyset_ledger
    where keyset_id in (select keyset_id from accounts where id = any($1)) order by keyset_id for update";

pub(super) const LOCK_STATES: &str = "/* lock_states */
    select account_id from refresh_state where account_id = any($1) order by account_id for update";

pub(super) const COUNT_ATTEMPTS: &str = "/* count_attempts */
    update keyset_ledger l set attempts = l.attempts + c.attempts
    from unnest($1::uuid[], $2::bigint[]) as c (keyset, attempts) where l.keyset_id = c.keyset";
