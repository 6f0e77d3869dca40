//! What a claim is judged by, and the judgement: read under lock, decided without I/O.

use chrono::{DateTime, Utc};
use tokio_postgres::Row;
use uuid::Uuid;

use super::types::{Claim, LeaseTerms};
use crate::{
    domain::{
        account::{AttemptId, KeysetId, Standing},
        breaker::KeysetState,
        class::{Class, NotRun},
        lanes::{Lanes, Terms},
    },
    message::{Draft, Entry, Source, Subject},
    store::{
        fragment::subject,
        postgres::{
            error::StoreError,
            row::{FromRow, get, get_parsed},
        },
    },
};

/// Everything about one account that a claim is judged by, under lock.
#[expect(clippy::struct_excessive_bools, reason = "each is a column's answer, judged on its own")]
pub(in crate::store) struct Candidate {
    pub(in crate::store) subject: Subject,
    paused: bool,
    pub(in crate::store) keyset: KeysetId,
    pub(in crate::store) keyset_state: KeysetState,
    breaker_version: i64,
    provider_failures: i32,
    probe_free: bool,
    probe_due: bool,
    /// eBay accepted the keyset's credentials within the last minute.
    warm: bool,
    accepted_lately: bool,
    standing: Standing,
    secret_version: i32,
    debug_reserve: i64,
    client_id: String,
    client_secret: String,
    api_url: Option<String>,
    daily_quota: i64,
    refresh_token: String,
    token_version: i64,
    pub(in crate::store) queued_attempt: Option<Uuid>,
    pub(in crate::store) lease_attempt: Option<Uuid>,
    lease_expired: bool,
    /// Ids of the keys that sealed refresh token and client secret.
    key_ids: [String; 2],
    epoch: i64,
    failures: i32,
    due_source: Source,
    due_triggered_by: Option<String>,
    overdue_ms: i64,
    at: DateTime<Utc>,
}

impl FromRow for Candidate {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        let id: Uuid = get(row, "account_id")?;
        Ok(Self {
            subject: Subject::from_row(row)?,
            paused: get(row, "paused")?,
            keyset: KeysetId(get(row, "keyset_id")?),
            keyset_state: get_parsed(row, "keysets", "state", &id)?,
            breaker_version: get(row, "state_version")?,
            provider_failures: get(row, "provider_failures")?,
            probe_free: get(row, "probe_free")?,
            probe_due: get(row, "probe_due")?,
            warm: get(row, "warm")?,
            accepted_lately: get(row, "accepted_lately")?,
            standing: get_parsed(row, "refresh_state", "standing", &id)?,
            secret_version: get(row, "secret_version")?,
            debug_reserve: get(row, "debug_reserve")?,
            client_id: get(row, "client_id")?,
            client_secret: get(row, "client_secret")?,
            api_url: get(row, "api_url")?,
            daily_quota: get(row, "daily_quota")?,
            refresh_token: get(row, "refresh_token")?,
            token_version: get(row, "token_version")?,
            queued_attempt: get(row, "queued_attempt")?,
            lease_attempt: get(row, "lease_attempt")?,
            lease_expired: get(row, "lease_expired")?,
            key_ids: [get(row, "token_key")?, get(row, "secret_key")?],
            epoch: get(row, "epoch")?,
            failures: get(row, "consecutive_failures")?,
            due_source: get_parsed(row, "refresh_state", "due_source", &id)?,
            due_triggered_by: get(row, "due_triggered_by")?,
            overdue_ms: get(row, "overdue_ms")?,
            at: get(row, "at")?,
        })
    }
}

/// A person's request, under lock.
pub(in crate::store) struct RequestRow {
    pub(in crate::store) attempt: Uuid,
    pub(in crate::store) account: Uuid,
    source: Source,
    triggered_by: String,
    open: bool,
    waited_ms: i64,
    /// Somebody else holds it, so what is read of it is not judged.
    busy: bool,
}

impl FromRow for RequestRow {
    fn from_row(row: &Row) -> Result<Self, StoreError> {
        let attempt: Uuid = get(row, "attempt")?;
        Ok(Self {
            attempt,
            account: get(row, "account_id")?,
            source: get_parsed(row, "refresh_requests", "source", &attempt)?,
            triggered_by: get(row, "triggered_by")?,
            open: get(row, "open")?,
            waited_ms: get(row, "waited_ms")?,
            busy: get(row, "busy")?,
        })
    }
}

pub(in crate::store) const LOCK_REQUESTS: &str = "/* claim_lock_requests */
    with held as materialized (
        select attempt, account_id, source, triggered_by, claimed_at is null and closed_at is null as open,
            greatest(0, extract(epoch from clock() - requested_at) * 1000)::bigint as waited_ms, false as busy
        from refresh_requests where attempt = any($1) order by attempt for update skip locked)
    select attempt, account_id, source, triggered_by, open, waited_ms, busy from held
    union all select attempt, account_id, source, triggered_by, false, 0, true
    from refresh_requests where attempt = any($1) and attempt not in (select attempt from held)";

/// Read after the locks are held: a statement that waits for a lock sees the rows that it joins as
/// they were before it waited.
pub(in crate::store) const READ_CANDIDATES: &str = concat!(
    "/* claim_read_candidates */
    with c as materialized (select clock() as at)
    select ",
    subject!(),
    ", a.paused_at is not null as paused,
        k.id as keyset_id, k.state, k.state_version, k.secret_version, k.debug_reserve::bigint as debug_reserve,
        l.provider_failures, coalesce(l.accepted_at > c.at - interval '60 seconds', false) as warm,
        coalesce(l.accepted_at > c.at - interval '10 seconds', false) as accepted_lately,
        coalesce(l.probe_until <= c.at, true) as probe_free,
        coalesce(l.probe_at <= c.at, true) as probe_due, s.standing, k.client_id, k.client_secret, k.api_url,
        k.daily_quota::bigint as daily_quota, t.refresh_token, t.version as token_version,
        split_part(t.refresh_token, ':', 3) as token_key, split_part(k.client_secret, ':', 3) as secret_key,
        s.queued_attempt, s.lease_attempt, coalesce(s.lease_until <= c.at, false) as lease_expired, s.epoch,
        s.consecutive_failures, s.due_source, s.due_triggered_by,
        greatest(0, extract(epoch from c.at - s.next_refresh_at) * 1000)::bigint as overdue_ms, c.at
    from c, refresh_state s
        join accounts a on a.id = s.account_id join keysets k on k.id = a.keyset_id
        join keyset_ledger l on l.keyset_id = k.id join tokens t on t.account_id = s.account_id
    where s.account_id = any($1)"
);

/// Why a due account is not called for now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::store) enum PutOff {
    /// It, or its keyset, may not run: whoever lets it run makes it due.
    Dropped,
    /// Its keyset's day is spent.
    Spent,
    /// A worker that has the key should take it.
    Elsewhere,
}

/// What is to happen with one request.
pub(in crate::store) enum Judged {
    Take { source: Source, triggered_by: Option<String>, waited_ms: i64 },
    NotRun { source: Source, triggered_by: Option<String>, reason: NotRun },
    PutOff(PutOff),
    Elsewhere,
    LeaseExpired,
    Busy,
    Stale,
}

impl Candidate {
    /// The keys that its call needs and that are not among `held`.
    pub(in crate::store) fn lacks<'a>(&'a self, held: &'a [String]) -> impl Iterator<Item = &'a str> {
        self.key_ids.iter().filter(|key| !held.contains(key)).map(String::as_str)
    }

    /// The whole day of its keyset.
    pub(in crate::store) fn lanes(&self) -> Lanes {
        Lanes::of(Terms {
            daily_quota: self.daily_quota,
            debug_reserve: self.debug_reserve,
            warm: self.warm,
            probe_free: self.probe_free,
            probe_due: self.probe_due,
        })
    }

    /// A person's request runs unless it was claimed or closed before; if it cannot run, it is
    /// answered.
    pub(in crate::store) fn judge_request(
        &self,
        request: &mut RequestRow,
        lanes: &Lanes,
        elsewhere: bool,
    ) -> Judged {
        if request.busy {
            return Judged::Busy;
        }
        if !request.open {
            return Judged::Stale;
        }
        if self.lease_expired {
            return Judged::LeaseExpired;
        }
        let refused = self.refuses_request(request.source, lanes);
        if refused.is_none() && elsewhere {
            return Judged::Elsewhere;
        }
        request.open = false;
        let (source, triggered_by) = (request.source, Some(request.triggered_by.clone()));
        match refused {
            Some(reason) => Judged::NotRun { source, triggered_by, reason },
            None => Judged::Take { source, triggered_by, waited_ms: request.waited_ms },
        }
    }

    /// A due account runs only under the id that the scheduler stored last, and behind a tripped
    /// breaker only as its probe.
    pub(in crate::store) fn judge_due(&self, attempt: AttemptId, lanes: &Lanes, elsewhere: bool) -> Judged {
        if self.queued_attempt != Some(attempt.0) {
            Judged::Stale
        } else if self.lease_expired {
            Judged::LeaseExpired
        } else if self.lease_attempt.is_some() {
            Judged::Stale
        } else if self.paused
            || self.standing != Standing::Active
            || !self.may_call(lanes, lanes.probe_due())
            || !lanes.has_cold_room()
        {
            Judged::PutOff(PutOff::Dropped)
        } else if lanes.left(self.due_source.lane()) <= 0 {
            Judged::PutOff(PutOff::Spent)
        } else if elsewhere {
            Judged::PutOff(PutOff::Elsewhere)
        } else {
            let triggered_by = self.due_triggered_by.clone();
            Judged::Take { source: self.due_source, triggered_by, waited_ms: self.overdue_ms }
        }
    }

    /// Whether a call may begin: the keyset is ready, or this is its probe.
    fn may_call(&self, lanes: &Lanes, probe_due: bool) -> bool {
        self.keyset_state == KeysetState::Ready || lanes.probe_free() && probe_due
    }

    /// A person's request takes the probe if none is under way, without waiting for its time.
    fn refuses_request(&self, source: Source, lanes: &Lanes) -> Option<NotRun> {
        if self.lease_attempt.is_some() {
            Some(NotRun::InFlight)
        } else if self.paused {
            Some(NotRun::Paused)
        } else if !self.may_call(lanes, true) {
            Some(if self.keyset_state == KeysetState::Blocked {
                NotRun::KeysetBlocked
            } else {
                NotRun::BreakerTripped
            })
        } else if lanes.left(source.lane()) <= 0 {
            Some(NotRun::Budget)
        } else {
            None
        }
    }

    pub(in crate::store) fn not_run(
        &self,
        attempt: AttemptId,
        source: Source,
        triggered_by: Option<String>,
        reason: NotRun,
        terms: &LeaseTerms,
    ) -> Entry {
        let mut draft = Draft::without_exchange(attempt, &self.subject, source, Class::NotRun, &terms.runner);
        let entry = draft.entry_mut();
        entry.reason = Some(reason.as_str().to_owned());
        entry.error = Some(match (reason, self.lease_attempt) {
            (NotRun::InFlight, Some(other)) => format!("{} Attempt {other} is under way.", reason.meaning()),
            _ => reason.meaning().to_owned(),
        });
        entry.attempt = u32::try_from(self.failures).unwrap_or(0) + 1;
        entry.triggered_by = triggered_by;
        draft.stamp(self.at)
    }

    pub(in crate::store) fn claim(
        &self,
        attempt: AttemptId,
        source: Source,
        triggered_by: Option<String>,
        waited_ms: i64,
        probe: bool,
    ) -> Claim {
        Claim {
            attempt,
            subject: self.subject.clone(),
            source,
            triggered_by,
            epoch: self.epoch,
            claimed_at: self.at,
            waited_ms: u64::try_from(waited_ms).unwrap_or(0),
            failures: u32::try_from(self.failures).unwrap_or(0),
            keyset: self.keyset,
            client_id: self.client_id.clone(),
            client_secret: self.client_secret.clone(),
            api_url: self.api_url.clone(),
            refresh_token: self.refresh_token.clone(),
            token_version: self.token_version,
            secret_version: self.secret_version,
            breaker_version: self.breaker_version,
            probe,
            breaker_observes: probe || self.provider_failures > 0 || !self.accepted_lately,
        }
    }
}
