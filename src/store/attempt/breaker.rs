//! Keysets' breakers in PostgreSQL: shared by the whole fleet, changed only under the ledger row's lock.

use std::collections::HashMap;

use tokio_postgres::Row;
use uuid::Uuid;

use super::{
    due::{Due, is_free, is_scheduled},
    finish::types::Finish,
};
use crate::{
    domain::{
        account::AttemptId,
        breaker::{Breaker, Change, Signal, SignalKind},
    },
    message::RefreshMessage,
    store::{
        fragment::unqueued,
        lock::LOCK_LEDGER_OF,
        postgres::{
            error::StoreError,
            pool::Store,
            row::{FromRow, get, get_parsed, read_all, read_each},
            session::Transaction,
        },
    },
};

/// Accounts that come back per second after a breaker was reset: a ramp, not a herd.
const RAMP_PER_SECOND: f64 = 20.0;

struct StoredBreaker {
    keyset: Uuid,
    breaker: Breaker,
    probe_attempt: Option<Uuid>,
}

impl FromRow for StoredBreaker {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        let keyset: Uuid = get(row, "keyset_id")?;
        let breaker = Breaker {
            state: get_parsed(row, "keysets", "state", &keyset)?,
            version: get(row, "state_version")?,
            provider_failures: get(row, "provider_failures")?,
            probes: get(row, "probes")?,
            standby: get(row, "standby")?,
        };
        Ok(Self { keyset, breaker, probe_attempt: get(row, "probe_attempt")? })
    }
}

const READ_BREAKERS: &str = "/* read_breakers */
    select l.keyset_id, k.state, k.state_version, l.provider_failures, l.probes, l.probe_attempt,
        k.standby_secret is not null and not k.standby_refused as standby
    from keyset_ledger l join keysets k on k.id = l.keyset_id where l.keyset_id = any($1)";

const WRITE_COUNTERS: &str = "/* write_breaker_counters */
    update keyset_ledger set provider_failures = $2, probes = $3,
        accepted_at = case when $5 then clock() else accepted_at end,
        probe_attempt = case when $4 then null else probe_attempt end,
        probe_until = case when $4 then null else probe_until end
    where keyset_id = $1";

/// Spread out beyond the pause and never into it: before its `Retry-After` eBay is not asked again.
const TRIP: &str = "/* trip_breaker */
    with ledger as (
        update keyset_ledger set probe_at = clock() + make_interval(secs => least(3600, $4 * (1 + 0.2 * random())))
        where keyset_id = $1)
    update keysets set state = $2, state_version = $3, state_reason = $5,
        state_since = case when state = $2 then state_since else clock() end
    where id = $1";

const RESET: &str = "/* reset_breaker */
    with ledger as (update keyset_ledger set probe_at = null where keyset_id = $1)
    update keysets set state = 'ready', state_version = $2, state_reason = null, state_since = clock() where id = $1";

const SWAP_SECRET: &str = "/* swap_secret */
    with ledger as (update keyset_ledger set probe_at = clock() where keyset_id = $1)
    update keysets set client_secret = standby_secret, standby_secret = client_secret, standby_refused = true,
        secret_version = secret_version + 1, state_version = $2
    where id = $1";

/// The accounts that waited behind the breaker, or failed for its reason, come back one after the
/// other, those first that did not fail, then those whose access token ends first: who tripped the breaker
/// comes back last. A row that somebody holds is under way anyway.
const RAMP: &str = concat!(
    "/* ramp_up */
    with late as (
        select s.account_id, s.consecutive_failures from refresh_state s join accounts a on a.id = s.account_id
        where a.keyset_id = $1 and s.lease_attempt is null and ",
    is_scheduled!(),
    "
            and (s.next_refresh_at <= clock() or s.class in ('client_invalid', 'provider_error', 'network', 'timeout',
                'bad_response', 'quota_exhausted'))
        for update of s skip locked
    ), ranked as (
        select l.account_id, row_number() over (
            order by l.consecutive_failures, t.access_expires_at nulls first, l.account_id) as place
        from late l join tokens t on t.account_id = l.account_id)
    update refresh_state s set next_refresh_at = clock() + make_interval(secs => r.place / $2::float8),
        ",
    unqueued!(),
    "
    from ranked r where s.account_id = r.account_id"
);

/// The keysets of which calls say something.
fn signalled<'a>(rows: impl Iterator<Item = &'a Finish>) -> Vec<Uuid> {
    let mut keysets: Vec<Uuid> = rows.filter(|row| row.signal.is_some()).map(|row| row.keyset.0).collect();
    keysets.sort_unstable();
    keysets.dedup();
    keysets
}

/// Locks the breakers of which a slice of finished calls may say something.
pub(in crate::store) async fn lock_breakers(
    transaction: &Transaction<'_>,
    rows: &[Finish],
) -> Result<(), StoreError> {
    let keysets = signalled(rows.iter());
    if !keysets.is_empty() {
        transaction.rows(LOCK_LEDGER_OF, &[&keysets]).await?;
    }
    Ok(())
}

/// Takes what finished calls say of their keysets, whose breakers are locked. Calls whose lease was
/// lost count too: eBay did answer them.
pub(in crate::store) async fn observe<'a>(
    transaction: &Transaction<'_>,
    rows: impl Iterator<Item = &'a Finish> + Clone,
) -> Result<(), StoreError> {
    let keysets = signalled(rows.clone());
    if keysets.is_empty() {
        return Ok(());
    }
    let breakers: Vec<StoredBreaker> = read_all(&transaction.rows(READ_BREAKERS, &[&keysets]).await?)?;
    let mut breakers: HashMap<Uuid, StoredBreaker> =
        breakers.into_iter().map(|stored| (stored.keyset, stored)).collect();
    for row in rows {
        let (Some(signal), Some(stored)) = (row.signal, breakers.get_mut(&row.keyset.0)) else {
            continue;
        };
        let probe = stored.probe_attempt == Some(row.attempt.0);
        let change = stored.breaker.observe(&Signal { probe, ..signal });
        write(transaction, &stored.breaker, row, probe, change).await?;
        if probe {
            stored.probe_attempt = None;
        }
    }
    Ok(())
}

async fn write(
    transaction: &Transaction<'_>,
    breaker: &Breaker,
    row: &Finish,
    probe: bool,
    change: Change,
) -> Result<(), StoreError> {
    let keyset = row.keyset.0;
    let accepted = row.signal.is_some_and(|signal| signal.kind == SignalKind::Accepted);
    transaction
        .run(WRITE_COUNTERS, &[&keyset, &breaker.provider_failures, &breaker.probes, &probe, &accepted])
        .await?;
    match change {
        Change::None => {}
        Change::Trip(state, pause) => {
            let reason = row.draft.entry().error.as_deref().unwrap_or_default();
            let params: [&(dyn tokio_postgres::types::ToSql + Sync); 5] =
                [&keyset, &state.as_str(), &breaker.version, &pause.as_secs_f64(), &reason];
            transaction.run(TRIP, &params).await?;
            tracing::warn!(keyset.id = %row.keyset, state = %state, reason, "the keyset's breaker has tripped; a probe will ask again");
        }
        Change::Reset => {
            transaction.run(RESET, &[&keyset, &breaker.version]).await?;
            let accounts = transaction.run(RAMP, &[&keyset, &RAMP_PER_SECOND]).await?;
            tracing::info!(keyset.id = %row.keyset, accounts, "the keyset's breaker is reset; its accounts come back one after the other");
        }
        Change::SwapSecret => {
            transaction.run(SWAP_SECRET, &[&keyset, &breaker.version]).await?;
            tracing::warn!(keyset.id = %row.keyset, "eBay refused the client secret; the standby secret takes its place");
        }
    }
    Ok(())
}

/// One account per tripped breaker whose time for a probe has come: the one that succeeded last. The
/// oldest go first, and those that have no account to probe with take nobody's place.
const TAKE_PROBES: &str = concat!(
    "/* take_probes */
    with c as materialized (select clock() as at), chosen as (
        select p.account_id from c, keyset_ledger l join keysets k on k.id = l.keyset_id cross join lateral (
            select s.account_id from accounts a join refresh_state s on s.account_id = a.id
            where a.keyset_id = l.keyset_id and ",
    is_scheduled!(),
    " and ",
    is_free!(),
    "
            order by coalesce(s.class in ('decrypt_failed', 'grant_suspect'), false),
                s.last_success_at desc nulls last, s.account_id limit 1) p
        where k.state <> 'ready' and l.probe_at <= c.at and coalesce(l.probe_until <= c.at, true)
        order by l.probe_at limit 100
    ), held as (
        select s.account_id from c, refresh_state s join chosen o on o.account_id = s.account_id
        where ",
    is_free!(),
    " order by s.account_id for update of s skip locked
    ), numbered as (select account_id, row_number() over () as number from held)
    update refresh_state s set queued_attempt = ($1::uuid[])[n.number], queued_until = clock() + make_interval(secs => 15)
    from numbered n where s.account_id = n.account_id
    returning s.account_id, s.queued_attempt, s.due_source"
);

impl Store {
    /// Takes an account for each tripped breaker that is to be probed, under fresh attempt ids. The
    /// claim sees to it that one probe runs at a time.
    pub async fn take_probes(&self) -> Result<Vec<RefreshMessage>, StoreError> {
        let attempts: Vec<Uuid> = (0..100).map(|_| AttemptId::fresh().0).collect();
        let taken = self.query(TAKE_PROBES, &[&attempts]).await?;
        Ok(read_each(&taken)?.into_iter().map(|Due(message)| message).collect())
    }
}
