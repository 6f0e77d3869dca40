//! What a slice of claims writes.

use std::collections::HashMap;

use chrono::{DateTime, Utc};
use deadpool_postgres::Transaction;
use uuid::Uuid;

use super::types::{Claim, LeaseTerms};
use crate::{
    domain::account::KeysetId,
    message::Source,
    store::{
        entry::outbox::{EntryRow, put_outbox},
        fragment::unqueued,
        lock::COUNT_ATTEMPTS,
        postgres::{error::StoreError, pool::InTransaction},
    },
};

const TAKE_LEASES: &str = concat!(
    "/* claim_take_leases */
    update refresh_state s set ",
    unqueued!(),
    ", lease_attempt = c.attempt,
        lease_source = c.source, lease_triggered_by = c.triggered_by, lease_instance = $5, lease_version = $6,
        lease_claimed_at = c.at, lease_until = c.at + make_interval(secs => $7), last_attempt_at = c.at
    from unnest($1::uuid[], $2::uuid[], $3::text[], $4::text[], $8::timestamptz[])
        as c (account, attempt, source, triggered_by, at)
    where s.account_id = c.account"
);

const CLAIM_REQUESTS: &str = "/* claim_requests */
    update refresh_requests set claimed_at = clock() where attempt = any($1)";

const CLOSE_REQUESTS: &str = "/* close_requests */
    update refresh_requests set closed_at = clock() where attempt = any($1)";

const SPEND: &str = "/* spend */
    insert into quota_usage (keyset_id, bucket, calls, debug_calls)
    select keyset, date_bin('5 minutes', at, 'epoch'), count(*), count(*) filter (where debug)
    from unnest($1::uuid[], $2::timestamptz[], $3::boolean[]) as c (keyset, at, debug) group by 1, 2
    on conflict (keyset_id, bucket) do update set calls = quota_usage.calls + excluded.calls,
        debug_calls = quota_usage.debug_calls + excluded.debug_calls";

/// A probe that is never finished frees its place with its lease.
const TAKE_PROBES: &str = "/* claim_take_probes */
    update keyset_ledger l set probe_attempt = p.attempt, probe_until = clock() + make_interval(secs => $3)
    from unnest($1::uuid[], $2::uuid[]) as p (keyset, attempt) where l.keyset_id = p.keyset";

/// A paused account's message is dropped; one whose keyset has spent its day waits a while, spread
/// out so that the accounts do not come back together.
const PUT_OFF: &str = concat!(
    "/* put_off */
    update refresh_state set ",
    unqueued!(),
    ",
        next_refresh_at = case when c.spent then clock() + make_interval(secs => 300 + 600 * random())
            else next_refresh_at end,
        class = case when c.spent then 'quota_exhausted' else class end,
        refresh_error = case when c.spent
            then 'quota_exhausted: the keyset has begun all the calls it may in 24 hours' else refresh_error end
    from unnest($1::uuid[], $2::boolean[]) as c (account, spent) where account_id = c.account"
);

/// What a slice of claims writes.
#[derive(Default)]
pub(in crate::store) struct ClaimWrites {
    pub(in crate::store) claims: Vec<Claim>,
    pub(in crate::store) closed: Vec<EntryRow>,
    pub(in crate::store) closed_keysets: Vec<KeysetId>,
    pub(in crate::store) put_off: Vec<(Uuid, bool)>,
    pub(in crate::store) probes: Vec<(Uuid, Uuid)>,
}

impl ClaimWrites {
    pub(in crate::store) async fn apply(
        &self,
        transaction: &Transaction<'_>,
        terms: &LeaseTerms,
    ) -> Result<(), StoreError> {
        if !self.probes.is_empty() {
            let (keysets, attempts): (Vec<Uuid>, Vec<Uuid>) = self.probes.iter().copied().unzip();
            transaction.run(TAKE_PROBES, &[&keysets, &attempts, &terms.lease.as_secs_f64()]).await?;
        }
        if !self.claims.is_empty() {
            let ids: Vec<Uuid> = self.claims.iter().map(|claim| claim.attempt.0).collect();
            transaction.run(CLAIM_REQUESTS, &[&ids]).await?;
        }
        if !self.closed.is_empty() {
            let ids: Vec<Uuid> = self.closed.iter().map(|row| row.id).collect();
            transaction.run(CLOSE_REQUESTS, &[&ids]).await?;
        }
        if !self.put_off.is_empty() {
            let (accounts, spent): (Vec<Uuid>, Vec<bool>) = self.put_off.iter().copied().unzip();
            transaction.run(PUT_OFF, &[&accounts, &spent]).await?;
        }
        if !self.claims.is_empty() {
            self.take_leases(transaction, terms).await?;
        }
        self.count_attempts(transaction).await?;
        put_outbox(transaction, &self.closed).await
    }

    async fn take_leases(&self, transaction: &Transaction<'_>, terms: &LeaseTerms) -> Result<(), StoreError> {
        let accounts: Vec<Uuid> = self.claims.iter().map(|claim| claim.subject.account_id.0).collect();
        let attempts: Vec<Uuid> = self.claims.iter().map(|claim| claim.attempt.0).collect();
        let sources: Vec<&str> = self.claims.iter().map(|claim| claim.source.as_str()).collect();
        let triggered: Vec<Option<&str>> =
            self.claims.iter().map(|claim| claim.triggered_by.as_deref()).collect();
        let at: Vec<DateTime<Utc>> = self.claims.iter().map(|claim| claim.claimed_at).collect();
        let (instance, version, lease) =
            (&terms.runner.instance, &terms.runner.version, terms.lease.as_secs_f64());
        let params: [&(dyn tokio_postgres::types::ToSql + Sync); 8] =
            [&accounts, &attempts, &sources, &triggered, instance, version, &lease, &at];
        transaction.run(TAKE_LEASES, &params).await?;
        let keysets: Vec<Uuid> = self.claims.iter().map(|claim| claim.keyset.0).collect();
        let debug: Vec<bool> = self.claims.iter().map(|claim| claim.source == Source::Debug).collect();
        transaction.run(SPEND, &[&keysets, &at, &debug]).await?;
        Ok(())
    }

    async fn count_attempts(&self, transaction: &Transaction<'_>) -> Result<(), StoreError> {
        let mut attempts: HashMap<KeysetId, i64> = HashMap::new();
        let keysets = self.claims.iter().map(|claim| claim.keyset).chain(self.closed_keysets.iter().copied());
        for keyset in keysets {
            *attempts.entry(keyset).or_default() += 1;
        }
        if attempts.is_empty() {
            return Ok(());
        }
        let (keysets, counts): (Vec<Uuid>, Vec<i64>) =
            attempts.into_iter().map(|(keyset, n)| (keyset.0, n)).unzip();
        transaction.run(COUNT_ATTEMPTS, &[&keysets, &counts]).await?;
        Ok(())
    }
}
