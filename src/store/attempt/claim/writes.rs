//! What a slice of claims writes.

use chrono::{DateTime, Utc};
use uuid::Uuid;

use super::{
    candidate::PutOff,
    types::{Claim, LeaseTerms},
};
use crate::{
    domain::account::KeysetId,
    message::Source,
    store::{
        entry::outbox::{EntryRow, put_outbox},
        fragment::unqueued,
        lock::count_attempts,
        postgres::{error::StoreError, session::Transaction},
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
    from unnest($1::uuid[], $2::timestamptz[], $3::boolean[]) as c (keyset, at, debug) group by 1, 2 order by 1, 2
    on conflict (keyset_id, bucket) do update set calls = quota_usage.calls + excluded.calls,
        debug_calls = quota_usage.debug_calls + excluded.debug_calls";

/// A probe that is never finished frees its place with its lease.
const TAKE_PROBES: &str = "/* claim_take_probes */
    update keyset_ledger l set probe_attempt = p.attempt, probe_until = clock() + make_interval(secs => $3)
    from unnest($1::uuid[], $2::uuid[]) as p (keyset, attempt) where l.keyset_id = p.keyset";

/// An account that may not run is dropped; one whose keyset has spent its day waits a while, spread out
/// so that the accounts do not come back together; one whose key another worker has is due again in a
/// moment. What its last refresh came to stays: others judge by it.
const PUT_OFF: &str = concat!(
    "/* put_off */
    update refresh_state set ",
    unqueued!(),
    ",
        next_refresh_at = coalesce(clock() + make_interval(secs => c.least + c.spread * random()), next_refresh_at),
        class = case when c.spent then coalesce(class, 'quota_exhausted') else class end,
        refresh_error = case when c.spent then coalesce(refresh_error,
            'quota_exhausted: the keyset has begun all the calls it may in 24 hours') else refresh_error end
    from unnest($1::uuid[], $2::boolean[], $3::float8[], $4::float8[]) as c (account, spent, least, spread)
    where account_id = c.account"
);

/// What a slice of claims writes.
#[derive(Default)]
pub(in crate::store) struct ClaimWrites {
    pub(in crate::store) claims: Vec<Claim>,
    pub(in crate::store) closed: Vec<EntryRow>,
    pub(in crate::store) closed_keysets: Vec<KeysetId>,
    pub(in crate::store) put_off: Vec<(Uuid, PutOff)>,
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
            self.put_off(transaction).await?;
        }
        if !self.claims.is_empty() {
            self.take_leases(transaction, terms).await?;
        }
        let keysets = self.claims.iter().map(|claim| claim.keyset).chain(self.closed_keysets.iter().copied());
        count_attempts(transaction, keysets).await?;
        put_outbox(transaction, &self.closed).await
    }

    async fn put_off(&self, transaction: &Transaction<'_>) -> Result<(), StoreError> {
        let accounts: Vec<Uuid> = self.put_off.iter().map(|(account, _)| *account).collect();
        let spent: Vec<bool> = self.put_off.iter().map(|(_, why)| *why == PutOff::Spent).collect();
        let pauses = self.put_off.iter().map(|(_, why)| match why {
            PutOff::Dropped => (None, None),
            PutOff::Spent => (Some(300.0), Some(600.0)),
            PutOff::Elsewhere => (Some(1.0), Some(3.0)),
        });
        let (least, spread): (Vec<Option<f64>>, Vec<Option<f64>>) = pauses.unzip();
        transaction.run(PUT_OFF, &[&accounts, &spent, &least, &spread]).await?;
        Ok(())
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
}
