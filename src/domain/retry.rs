//! Pauses between tries: each twice as long as the one before, up to a longest.
//!
//! [`doubled`] is for pauses whose count is kept in the database, [`Pauses`] for those of a supervisor,
//! exponential with full jitter and without an end.
//!
//! The `backoff` crate is unmaintained (RUSTSEC-2025-0012, and through it `instant`,
//! RUSTSEC-2024-0384; both informational: its code is small, finished and without a known fault). It
//! is used in this module alone, so that replacing it means replacing these lines.

use std::time::Duration;

use backoff::{ExponentialBackoff, ExponentialBackoffBuilder, backoff::Backoff};

/// `first`, doubled so many times, and at most `longest`.
pub fn doubled((first, longest): (Duration, Duration), times: u32) -> Duration {
    1_u32.checked_shl(times).map_or(longest, |factor| first.saturating_mul(factor).min(longest))
}

/// The pauses of one supervisor: each is drawn evenly from zero to a bound that begins at `min`,
/// doubles with every pause and stays at `max`.
///
/// Full jitter keeps a fleet that lost the same server at the same moment from coming back at the
/// same moment.
#[derive(Debug, Clone)]
pub struct Pauses(ExponentialBackoff);

impl Pauses {
    /// Pauses whose bound grows from `min` to `max`.
    pub fn new(min: Duration, max: Duration) -> Self {
        // The crate draws from interval × (1 ± factor): with a factor of 1 and half the bound as the
        // interval, that is zero to the bound.
        let pauses = ExponentialBackoffBuilder::new()
            .with_initial_interval(min / 2)
            .with_max_interval(max / 2)
            .with_multiplier(2.0)
            .with_randomization_factor(1.0)
            // The crate's default stops after 15 minutes; a supervisor never does.
            .with_max_elapsed_time(None)
            .build();
        Self(pauses)
    }

    /// The next pause.
    #[expect(clippy::should_implement_trait, reason = "there is always a next one, so no `Option`")]
    pub fn next(&mut self) -> Duration {
        self.0.next_backoff().unwrap_or(self.0.max_interval * 2)
    }

    /// Begins again at `min`: what was waited for has worked.
    pub fn reset(&mut self) {
        self.0.reset();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIN: Duration = Duration::from_millis(100);
    const MAX: Duration = Duration::from_secs(1);
    const ROUNDING: Duration = Duration::from_nanos(2);

    #[test]
    fn a_pause_doubles_up_to_the_longest_however_often() {
        for (times, pause) in
            [(0, MIN), (1, MIN * 2), (3, MIN * 8), (4, MAX), (31, MAX), (32, MAX), (u32::MAX, MAX)]
        {
            assert_eq!(doubled((MIN, MAX), times), pause, "{times}");
        }
    }

    #[test]
    fn the_bound_doubles_up_to_its_maximum_and_begins_again_after_a_reset() {
        let mut pauses = Pauses::new(MIN, MAX);
        for _ in 0..100 {
            for bound in [MIN, MIN * 2, MIN * 4, MIN * 8, MAX, MAX] {
                assert!(pauses.next() <= bound + ROUNDING);
            }
            pauses.reset();
        }
    }

    #[test]
    fn pauses_are_spread_from_zero_to_the_bound() {
        let mut pauses = Pauses::new(MAX, MAX);
        let drawn: Vec<_> = (0..1_000).map(|_| pauses.next()).collect();
        assert!(drawn.iter().any(|pause| *pause < MAX / 10));
        assert!(drawn.iter().any(|pause| *pause > MAX / 10 * 9));
    }
}
