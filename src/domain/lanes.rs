//! The day's calls of one keyset, in fixed lanes: people's debug runs have a reserve that scheduled
//! refreshes cannot use up, and cannot use more than it (G10).

/// Calls under way at once for a keyset that nobody knows to be good: should its secret be wrong or
/// eBay be down, that is what it costs.
pub const COLD_CALLS_MAX: i64 = 4;

/// Whose calls are counted together.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lane {
    /// What the schedule or an ordinary press causes.
    Scheduled,
    /// People's debug runs.
    Debug,
}

/// A keyset's calls and probe as a claim finds them.
#[derive(Debug, Clone, Copy)]
pub struct Terms {
    /// Calls that may begin in any 24 hours.
    pub daily_quota: i64,
    /// Of these, those kept for debug runs; none: both lanes share the day.
    pub debug_reserve: i64,
    /// eBay has accepted the keyset's credentials lately.
    pub warm: bool,
    /// No probe is under way.
    pub probe_free: bool,
    /// The time of the next probe has come.
    pub probe_due: bool,
}

/// What may still begin.
#[derive(Debug)]
pub struct Lanes {
    scheduled: i64,
    debug: i64,
    cold_room: i64,
    shared: bool,
    probe_free: bool,
    probe_due: bool,
}

impl Lanes {
    /// The whole day of a keyset.
    pub fn of(terms: Terms) -> Self {
        let Terms { daily_quota, debug_reserve, warm, probe_free, probe_due } = terms;
        let shared = debug_reserve == 0;
        Self {
            scheduled: daily_quota - debug_reserve,
            debug: if shared { daily_quota } else { debug_reserve },
            shared,
            cold_room: if warm { i64::MAX } else { COLD_CALLS_MAX },
            probe_free,
            probe_due,
        }
    }

    /// Takes off what the day has seen, debug runs among it.
    pub fn spent(&mut self, calls: i64, debug_calls: i64) {
        self.scheduled -= if self.shared { calls } else { calls - debug_calls };
        self.debug -= if self.shared { calls } else { debug_calls };
    }

    /// Takes off what is under way: it counts where the keyset is cold.
    pub fn under_way(&mut self, calls: i64) {
        self.cold_room = self.cold_room.saturating_sub(calls);
    }

    /// Whether it matters how many calls are under way.
    pub fn is_cold(&self) -> bool {
        self.cold_room < i64::MAX
    }

    /// Whether another due account may begin while eBay has not lately accepted the credentials.
    pub fn has_cold_room(&self) -> bool {
        self.cold_room > 0
    }

    /// How many calls may still begin.
    pub fn left(&self, lane: Lane) -> i64 {
        match lane {
            Lane::Debug => self.debug,
            Lane::Scheduled => self.scheduled,
        }
    }

    /// No probe is under way.
    pub fn probe_free(&self) -> bool {
        self.probe_free
    }

    /// The time of the next probe has come.
    pub fn probe_due(&self) -> bool {
        self.probe_due
    }

    /// Takes the probe's place.
    pub fn take_probe(&mut self) {
        self.probe_free = false;
    }

    /// Takes off a call that begins.
    pub fn take(&mut self, lane: Lane) {
        match lane {
            Lane::Debug => self.spent(1, 1),
            Lane::Scheduled => {
                self.spent(1, 0);
                self.under_way(1);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(daily_quota: i64, debug_reserve: i64, warm: bool) -> Lanes {
        Lanes::of(Terms { daily_quota, debug_reserve, warm, probe_free: true, probe_due: true })
    }

    #[test]
    fn g10_neither_lane_takes_from_the_other() {
        let mut lanes = day(100, 5, true);
        lanes.spent(40, 3);
        assert_eq!((lanes.left(Lane::Scheduled), lanes.left(Lane::Debug)), (58, 2));
        lanes.take(Lane::Debug);
        lanes.take(Lane::Scheduled);
        assert_eq!((lanes.left(Lane::Scheduled), lanes.left(Lane::Debug)), (57, 1));
    }

    #[test]
    fn without_a_reserve_both_share_the_day() {
        let mut lanes = day(10, 0, true);
        lanes.spent(4, 1);
        lanes.take(Lane::Debug);
        assert_eq!((lanes.left(Lane::Scheduled), lanes.left(Lane::Debug)), (5, 5));
    }

    #[test]
    fn a_cold_keyset_has_few_calls_under_way_and_a_warm_one_any_number() {
        let (mut cold, mut warm) = (day(100, 5, false), day(100, 5, true));
        assert!(cold.is_cold() && !warm.is_cold());
        cold.under_way(COLD_CALLS_MAX - 1);
        assert!(cold.has_cold_room());
        cold.take(Lane::Scheduled);
        assert!(!cold.has_cold_room());
        warm.under_way(1_000_000);
        assert!(warm.has_cold_room());
    }
}
