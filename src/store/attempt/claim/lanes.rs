//! The day's calls of one keyset, in fixed lanes: people's debug runs have a reserve that scheduled
//! refreshes cannot use up, and cannot use more than it (G10).

use super::candidate::Candidate;
use crate::message::Source;

/// Calls under way at once for a keyset that nobody knows to be good: should its secret be wrong or
/// eBay be down, that is what it costs.
pub(in crate::store) const COLD_CALLS_MAX: i64 = 4;

/// What may still begin, and whether the breaker's probe is free.
#[derive(Debug)]
pub(in crate::store) struct Lanes {
    scheduled: i64,
    debug: i64,
    /// How many due accounts may begin while eBay has not lately accepted the keyset's credentials.
    pub(in crate::store) cold_room: i64,
    /// No reserve: both share one lane.
    shared: bool,
    /// No probe is under way.
    pub(in crate::store) probe_free: bool,
    /// The time of the next probe has come.
    pub(in crate::store) probe_due: bool,
}

impl Lanes {
    /// The whole day of the candidate's keyset.
    pub(in crate::store) fn of(candidate: &Candidate) -> Self {
        let (quota, reserve) = (candidate.daily_quota, candidate.debug_reserve);
        let shared = reserve == 0;
        Self {
            scheduled: quota - reserve,
            debug: if shared { quota } else { reserve },
            shared,
            cold_room: if candidate.warm { i64::MAX } else { COLD_CALLS_MAX },
            probe_free: candidate.probe_free,
            probe_due: candidate.probe_due,
        }
    }

    /// Takes off what the day has seen.
    pub(in crate::store) fn spent(&mut self, calls: i64, debug_calls: i64) {
        self.scheduled -= if self.shared { calls } else { calls - debug_calls };
        self.debug -= if self.shared { calls } else { debug_calls };
    }

    /// How many calls `source` may still begin.
    pub(in crate::store) fn left(&self, source: Source) -> i64 {
        match source {
            Source::Debug => self.debug,
            Source::Scheduled | Source::Admin => self.scheduled,
        }
    }

    /// Takes off a call that begins.
    pub(in crate::store) fn take(&mut self, source: Source) {
        match source {
            Source::Debug => self.spent(1, 1),
            Source::Scheduled | Source::Admin => {
                self.spent(1, 0);
                self.cold_room = self.cold_room.saturating_sub(1);
            }
        }
    }
}
