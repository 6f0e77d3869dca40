//! Whether the parts of this process do their work, by what each last came to.
//!
//! A server that answers is not enough: a scheduler may hang, a session may only read, a right to
//! store may be missing. So each part says itself how its last work ended. No I/O, and no reasons:
//! those stand in the log.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// How long a part may take after its start until its work first ends.
const GRACE: Duration = Duration::from_secs(15);

/// The parts that run in this process. Cheap to clone; all clones show the same.
#[derive(Debug, Clone, Default)]
pub struct Vitals(Arc<Mutex<BTreeMap<&'static str, Part>>>);

/// What one part says of itself. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Vital {
    name: &'static str,
    all: Vitals,
}

#[derive(Debug, Clone, Copy)]
struct Part {
    since: Instant,
    /// How long a success holds; none for a part that may have nothing to do.
    holds: Option<Duration>,
    last: Option<Last>,
}

/// How the last work ended.
#[derive(Debug, Clone, Copy)]
enum Last {
    Succeeded(Instant),
    Failed,
}

impl Vitals {
    /// Adds a part that does something at least every `holds`, or only when there is something to do.
    #[must_use]
    pub fn part(&self, name: &'static str, holds: Option<Duration>) -> Vital {
        self.parts().insert(name, Part { since: Instant::now(), holds, last: None });
        Vital { name, all: self.clone() }
    }

    /// Each part, and whether it does its work.
    pub fn ready(&self) -> BTreeMap<&'static str, bool> {
        let now = Instant::now();
        self.parts().iter().map(|(name, part)| (*name, part.is_ready(now))).collect()
    }

    fn parts(&self) -> MutexGuard<'_, BTreeMap<&'static str, Part>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Vital {
    /// Its work succeeded.
    pub fn succeeded(&self) {
        self.ended(Last::Succeeded(Instant::now()));
    }

    /// Its work failed.
    pub fn failed(&self) {
        self.ended(Last::Failed);
    }

    /// Its work ended so.
    pub fn note<T, E>(&self, result: &Result<T, E>) {
        if result.is_ok() { self.succeeded() } else { self.failed() }
    }

    fn ended(&self, last: Last) {
        if let Some(part) = self.all.parts().get_mut(self.name) {
            part.last = Some(last);
        }
    }
}

impl Part {
    fn is_ready(&self, now: Instant) -> bool {
        match self.last {
            None => now.duration_since(self.since) <= GRACE,
            Some(Last::Failed) => false,
            Some(Last::Succeeded(at)) => self.holds.is_none_or(|holds| now.duration_since(at) <= holds),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_ready_by_its_last_work_and_for_as_long_as_that_holds() {
        let start = Instant::now();
        let minute = Duration::from_secs(60);
        let (good, bad) = (Some(Last::Succeeded(start)), Some(Last::Failed));
        for (holds, last, after, ready) in [
            (Some(minute), None, GRACE, true),
            (Some(minute), None, GRACE * 2, false),
            (None, None, GRACE * 2, false),
            (Some(minute), good, minute, true),
            (Some(minute), good, minute * 2, false),
            (None, good, minute * 1_000, true),
            (Some(minute), bad, Duration::ZERO, false),
            (None, bad, Duration::ZERO, false),
        ] {
            let part = Part { since: start, holds, last };
            assert_eq!(part.is_ready(start + after), ready, "{part:?} after {after:?}");
        }
    }

    #[test]
    fn parts_are_told_by_name_and_recover() {
        let vitals = Vitals::default();
        let (beat, tick) = (vitals.part("heartbeat", None), vitals.part("scheduler", None));
        beat.note(&Err::<(), ()>(()));
        tick.note(&Ok::<(), ()>(()));
        assert_eq!(vitals.ready(), BTreeMap::from([("heartbeat", false), ("scheduler", true)]));
        beat.succeeded();
        assert_eq!(vitals.clone().ready(), BTreeMap::from([("heartbeat", true), ("scheduler", true)]));
    }
}
