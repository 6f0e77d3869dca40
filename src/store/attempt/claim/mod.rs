//! The claim: the only way into an attempt.
//!
//! Properties wanted: an id is claimed at most once; one attempt holds an account's lease; a
//! person's request that cannot run is answered at once with an entry; the day's calls are never
//! overdrawn. Rows are locked first and judged afterwards, in one transaction, because a statement
//! that waits for a lock would go on with counts that were true before it waited: under the
//! ledger's lock, the sum over the quota's buckets is the whole truth.

mod candidate;
pub(in crate::store) mod types;
mod writes;

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use uuid::Uuid;

use self::{
    candidate::{Candidate, Judged, LOCK_REQUESTS, READ_CANDIDATES, RequestRow},
    types::{ClaimOutcome, ClaimRequest, LeaseTerms},
    writes::ClaimWrites,
};
use crate::{
    domain::{account::KeysetId, breaker::KeysetState, lanes::Lanes},
    store::{
        entry::outbox::EntryRow,
        lock::{FREE_STATES, LOCK_LEDGER, Obtained, lock_free},
        postgres::{
            error::StoreError,
            pool::Store,
            row::{get, read_all},
            session::Transaction,
        },
    },
};

/// A call counts for a day after it can last have begun: the claim's bucket may be almost over when
/// it is made, and the call may start as late as the lease ends.
const CALLS_TODAY: &str = "/* calls_today */
    select keyset_id, sum(calls)::bigint as calls, sum(debug_calls)::bigint as debug_calls from quota_usage
    where keyset_id = any($1) and bucket > clock() - interval '24 hours' - make_interval(secs => $2) - interval '5 minutes'
    group by keyset_id";

const UNDER_WAY: &str = "/* calls_under_way */
    select a.keyset_id, count(*) as under_way from refresh_state s join accounts a on a.id = s.account_id
    where s.lease_attempt is not null and a.keyset_id = any($1) group by a.keyset_id";

impl Store {
    /// Claims a slice of attempts; one outcome per request, in their order.
    pub async fn claim(
        &self,
        requests: &[ClaimRequest],
        terms: &LeaseTerms,
    ) -> Result<Vec<ClaimOutcome>, StoreError> {
        let mut client = self.client().await?;
        let transaction = client.transaction().await?;
        let attempts: Vec<Uuid> = requests.iter().map(|request| request.attempt.0).collect();
        let accounts: Vec<Uuid> = requests.iter().map(|request| request.account.0).collect();
        transaction.rows(LOCK_LEDGER, &[&accounts]).await?;
        let asked: Vec<RequestRow> = read_all(&transaction.rows(LOCK_REQUESTS, &[&attempts]).await?)?;
        let Obtained { held, busy } = lock_free(&transaction, &FREE_STATES, &accounts).await?;
        let candidates: Vec<Candidate> = read_all(&transaction.rows(READ_CANDIDATES, &[&held]).await?)?;
        let mut judge = Judge {
            elsewhere: keys_elsewhere(&transaction, &candidates, &terms.key_ids).await?,
            lanes: calls_left(&transaction, &candidates, terms.lease).await?,
            candidates: candidates.into_iter().map(|c| (c.subject.account_id.0, c)).collect(),
            requests: asked.into_iter().map(|request| (request.attempt, request)).collect(),
            busy,
            writes: ClaimWrites::default(),
            terms,
        };
        let outcomes = requests.iter().map(|request| judge.judge(request)).collect();
        judge.writes.apply(&transaction, terms).await?;
        transaction.commit().await?;
        Ok(outcomes)
    }
}

async fn calls_left(
    transaction: &Transaction<'_>,
    candidates: &[Candidate],
    lease: Duration,
) -> Result<HashMap<KeysetId, Lanes>, StoreError> {
    let mut lanes: HashMap<KeysetId, Lanes> = candidates.iter().map(|c| (c.keyset, c.lanes())).collect();
    let keysets: Vec<Uuid> = lanes.keys().map(|keyset| keyset.0).collect();
    for row in transaction.rows(CALLS_TODAY, &[&keysets, &lease.as_secs_f64()]).await? {
        let (calls, debug_calls): (i64, i64) = (get(&row, "calls")?, get(&row, "debug_calls")?);
        lanes.entry(KeysetId(get(&row, "keyset_id")?)).and_modify(|lanes| lanes.spent(calls, debug_calls));
    }
    if lanes.values().any(Lanes::is_cold) {
        for row in transaction.rows(UNDER_WAY, &[&keysets]).await? {
            let under_way: i64 = get(&row, "under_way")?;
            lanes.entry(KeysetId(get(&row, "keyset_id")?)).and_modify(|lanes| lanes.under_way(under_way));
        }
    }
    Ok(lanes)
}

const KEYS_ELSEWHERE: &str = "/* keys_elsewhere */
    select key from unnest($1::text[]) key where exists (
        select from instances i where i.takes_work and i.stopped_at is null
            and i.last_seen_at > clock() - interval '15 seconds' and key = any(i.key_ids))";

/// The keys that `held` lacks, candidates need, and a live worker that takes work has.
async fn keys_elsewhere(
    transaction: &Transaction<'_>,
    candidates: &[Candidate],
    held: &[String],
) -> Result<HashSet<String>, StoreError> {
    let lacking: HashSet<&str> = candidates.iter().flat_map(|candidate| candidate.lacks(held)).collect();
    if lacking.is_empty() {
        return Ok(HashSet::new());
    }
    let lacking: Vec<&str> = lacking.into_iter().collect();
    transaction.rows(KEYS_ELSEWHERE, &[&lacking]).await?.iter().map(|row| get(row, "key")).collect()
}

/// Judges requests one after the other against the locked rows, and collects what to write.
struct Judge<'a> {
    candidates: HashMap<Uuid, Candidate>,
    requests: HashMap<Uuid, RequestRow>,
    lanes: HashMap<KeysetId, Lanes>,
    /// Accounts whose row somebody else holds.
    busy: HashSet<Uuid>,
    writes: ClaimWrites,
    terms: &'a LeaseTerms,
    /// Keys that this worker lacks and another that takes work has.
    elsewhere: HashSet<String>,
}

impl Judge<'_> {
    fn judge(&mut self, asked: &ClaimRequest) -> ClaimOutcome {
        let Self { candidates, requests, lanes, busy, writes, terms, elsewhere } = self;
        if busy.contains(&asked.account.0) {
            return ClaimOutcome::Busy;
        }
        let Some(candidate) = candidates.get_mut(&asked.account.0) else { return ClaimOutcome::Stale };
        let Some(lanes) = lanes.get_mut(&candidate.keyset) else { return ClaimOutcome::Stale };
        let request = requests.get_mut(&asked.attempt.0).filter(|request| request.account == asked.account.0);
        let elsewhere = candidate.lacks(&terms.key_ids).any(|key| elsewhere.contains(key));
        let judged = match request {
            Some(request) => candidate.judge_request(request, lanes, elsewhere),
            None => candidate.judge_due(asked.attempt, lanes, elsewhere),
        };
        match judged {
            Judged::Take { source, triggered_by, waited_ms } => {
                lanes.take(source.lane());
                let probe = candidate.keyset_state != KeysetState::Ready;
                if probe {
                    lanes.take_probe();
                    writes.probes.push((candidate.keyset.0, asked.attempt.0));
                }
                candidate.lease_attempt = Some(asked.attempt.0);
                candidate.queued_attempt = None;
                let claim = candidate.claim(asked.attempt, source, triggered_by, waited_ms, probe);
                writes.claims.push(claim.clone());
                ClaimOutcome::Claimed(Box::new(claim))
            }
            Judged::NotRun { source, triggered_by, reason } => {
                let entry = candidate.not_run(asked.attempt, source, triggered_by, reason, terms);
                writes.closed.push(EntryRow::from(&entry));
                writes.closed_keysets.push(candidate.keyset);
                ClaimOutcome::NotRun(Box::new(entry))
            }
            Judged::PutOff(why) => {
                candidate.queued_attempt = None;
                writes.put_off.push((asked.account.0, why));
                ClaimOutcome::Stale
            }
            Judged::Elsewhere => ClaimOutcome::Elsewhere,
            Judged::LeaseExpired => ClaimOutcome::LeaseExpired,
            Judged::Busy => ClaimOutcome::Busy,
            Judged::Stale => ClaimOutcome::Stale,
        }
    }
}
