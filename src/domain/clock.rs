//! Whether the database's clock runs as time does.
//!
//! Leases and deadlines stand on that clock. One that jumps ends a lease early, and then two calls of
//! one account may overlap although no process froze.

use std::time::{Duration, Instant};

use chrono::{DateTime, TimeDelta, Utc};

/// Clocks that are set gently stay within this between two heartbeats.
const STEP_MIN: TimeDelta = TimeDelta::seconds(5);

/// What the database's clock said, at some moment between question and answer.
#[derive(Debug, Clone, Copy)]
pub struct Reading {
    /// When it was asked, on this process's monotonic clock.
    pub asked: Instant,
    /// How long the answer took.
    pub took: Duration,
    /// What it said.
    pub said: DateTime<Utc>,
}

impl Reading {
    /// By how much the clock surely jumped since an earlier reading: forwards, or backwards where
    /// negative; none if not by more than is normal.
    pub fn step_since(&self, earlier: &Self) -> Option<TimeDelta> {
        let said = self.said - earlier.said;
        let shortest = self.asked.saturating_duration_since(earlier.asked + earlier.took);
        let longest = (self.asked + self.took).saturating_duration_since(earlier.asked);
        let ahead = said - TimeDelta::from_std(longest).ok()?;
        let behind = said - TimeDelta::from_std(shortest).ok()?;
        if ahead > STEP_MIN { Some(ahead) } else { Some(behind).filter(|behind| *behind < -STEP_MIN) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_no_slow_answer_explains_is_a_step() {
        let start = Instant::now();
        let reading = |asked: u64, took: u64, said: i64| Reading {
            asked: start + Duration::from_secs(asked),
            took: Duration::from_secs(took),
            said: DateTime::UNIX_EPOCH + TimeDelta::seconds(said),
        };
        let first = reading(0, 0, 1_000);
        for (earlier, later, step) in [
            (first, reading(5, 0, 1_005), None),
            (first, reading(5, 0, 1_010), None),
            (first, reading(5, 0, 1_011), Some(6)),
            (first, reading(5, 0, 1_000), None),
            (first, reading(5, 0, 999), Some(-6)),
            // An hour in which nobody asked is no step.
            (first, reading(3_600, 0, 4_600), None),
            // Said at the beginning or the end of a slow answer.
            (first, reading(5, 20, 1_005), None),
            (first, reading(5, 20, 1_025), None),
            (first, reading(5, 20, 1_031), Some(6)),
            (reading(0, 20, 1_020), reading(25, 0, 1_025), None),
            (reading(0, 20, 1_000), reading(25, 0, 1_025), None),
            (reading(0, 20, 1_000), reading(25, 0, 999), Some(-6)),
        ] {
            assert_eq!(later.step_since(&earlier), step.map(TimeDelta::seconds), "{earlier:?} {later:?}");
        }
    }
}
