//! Whether a grant is confirmed to be dead: only proof marks an account (G8).
//!
//! eBay's `invalid_grant` has one text for a revoked seller and for faults of ours, so alone it
//! proves nothing. It does once another account of the keyset succeeded with the same secret in a
//! call that began no earlier: then the credentials, the endpoint and eBay were good when the refusal
//! came, and the fault is the seller's. The other call may have begun earlier than ours ended or
//! long after, so both finishes look: the refused one for a success, the successful one for refusals
//! that wait for it. When a whole keyset is refused, nothing confirms it, and nobody is marked dead.
//!
//! An account that no other can confirm needs three such answers over at least an hour.

use std::collections::HashSet;

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::types::Finish;
use crate::store::postgres::{error::StoreError, row::get, session::Transaction};

/// How long a refusal waits for another account's success.
const GUARD_HOURS: i32 = 24;

/// The refused ones of this slice, against what others came to.
const CONFIRM: &str = "/* confirm_refused */
    with refused as (
        select s.account_id, a.keyset_id, s.suspect_claimed_at as claimed_at, s.suspect_secret_version as secret_version,
            s.suspicions >= 3 and s.suspected_at <= clock() - interval '1 hour' as insistent
        from refresh_state s join accounts a on a.id = s.account_id where s.account_id = any($1)
    ), judged as (
        select r.account_id, exists (
                select from accounts oa join refresh_state o on o.account_id = oa.id
                where oa.keyset_id = r.keyset_id and oa.id <> r.account_id
                    and o.success_secret_version = r.secret_version and o.success_claimed_at >= r.claimed_at) as confirmed,
            r.insistent and not exists (
                select from accounts oa join refresh_state o on o.account_id = oa.id
                where oa.keyset_id = r.keyset_id and oa.id <> r.account_id
                    and oa.paused_at is null and o.standing = 'active') as alone
        from refused r)
    update refresh_state s set standing = 'reconnect_required', class = 'grant_invalid',
        refresh_error = 'grant_invalid: ' || case when j.confirmed
            then 'eBay refused this grant while it accepted another account of the same keyset'
            else 'eBay refused this grant three times over an hour' end
    from judged j where s.account_id = j.account_id and (j.confirmed or j.alone) returning s.account_id";

/// Refusals that waited for the successes of this slice. Rows that somebody else holds are passed
/// over: the next success finds them.
const PROMOTE: &str = "/* confirm_waiting */
    with accepted as (
        select keyset, secret_version, max(claimed_at) as claimed_at
        from unnest($1::uuid[], $2::int[], $3::timestamptz[]) as a (keyset, secret_version, claimed_at) group by 1, 2
    ), waiting as (
        select s.account_id from refresh_state s
            join accounts a on a.id = s.account_id join tokens t on t.account_id = s.account_id
            join accepted o on o.keyset = a.keyset_id and o.secret_version = s.suspect_secret_version
        where s.class = 'grant_suspect' and s.standing = 'active' and s.lease_attempt is null
            and s.account_id <> all($4) and t.version = s.suspect_token_version
            and o.claimed_at >= s.suspect_claimed_at
            and s.suspect_claimed_at > o.claimed_at - make_interval(hours => $5)
        for update of s skip locked)
    update refresh_state s set standing = 'reconnect_required', class = 'grant_invalid',
        refresh_error = 'grant_invalid: eBay refused this grant while it accepted another account of the same keyset'
    from waiting where s.account_id = waiting.account_id";

/// Marks what is confirmed dead; returns which of the refused of this slice are.
pub(in crate::store) async fn confirm(
    transaction: &Transaction<'_>,
    refused: &[Uuid],
    refreshed: &[(&Finish, DateTime<Utc>)],
) -> Result<HashSet<Uuid>, StoreError> {
    let mut confirmed = HashSet::new();
    if !refused.is_empty() {
        for row in transaction.rows(CONFIRM, &[&refused]).await? {
            confirmed.insert(get(&row, "account_id")?);
        }
    }
    if !refreshed.is_empty() {
        let keysets: Vec<Uuid> = refreshed.iter().map(|(row, _)| row.keyset.0).collect();
        let secret_versions: Vec<i32> = refreshed.iter().map(|(row, _)| row.secret_version).collect();
        let claimed_at: Vec<DateTime<Utc>> = refreshed.iter().map(|(row, _)| row.claimed_at).collect();
        transaction.run(PROMOTE, &[&keysets, &secret_versions, &claimed_at, &refused, &GUARD_HOURS]).await?;
    }
    Ok(confirmed)
}
