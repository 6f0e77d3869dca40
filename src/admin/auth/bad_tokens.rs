//! A brake on bad bearer tokens.
//!
//! Tokens have 256 random bits, so nobody guesses one; what is to be kept small is the load of a
//! client that keeps trying. The process has one budget of bad tokens for all clients: an address
//! says little behind a proxy. Valid tokens never meet the brake.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use axum::http::{StatusCode, header};

use crate::admin::problem::Problem;

/// Bad tokens answered at once, after a quiet time.
const BURST: f64 = 20.0;
/// Bad tokens answered at once per second, in the long run.
const PER_SECOND: f64 = 2.0;
/// How long the answer to one on top of that takes.
const PAUSE: Duration = Duration::from_secs(1);

/// The process's budget. Cheap to clone.
#[derive(Clone)]
pub(in crate::admin) struct BadTokens(Arc<Mutex<Budget>>);

struct Budget {
    left: f64,
    at: Instant,
}

impl Budget {
    fn take(&mut self, at: Instant) -> bool {
        let grown = at.saturating_duration_since(self.at).as_secs_f64() * PER_SECOND;
        (self.left, self.at) = ((self.left + grown).min(BURST), at);
        let taken = self.left >= 1.0;
        if taken {
            self.left -= 1.0;
        }
        taken
    }
}

impl BadTokens {
    /// A full budget.
    pub(in crate::admin) fn new() -> Self {
        Self(Arc::new(Mutex::new(Budget { left: BURST, at: Instant::now() })))
    }

    /// Counts a bad token; where there were too many, pauses and refuses.
    pub(in crate::admin) async fn bear_one(&self) -> Result<(), Problem> {
        // A budget is whole after every line, so a poisoned one is as good.
        let borne = self.0.lock().unwrap_or_else(PoisonError::into_inner).take(Instant::now());
        if borne {
            return Ok(());
        }
        tokio::time::sleep(PAUSE).await;
        Err(Problem::new(
            StatusCode::TOO_MANY_REQUESTS,
            "too-many-bad-tokens",
            "Too many bad tokens",
            "The token is unknown, expired or revoked, and too many like it came. Do not repeat it.",
        )
        .header(header::RETRY_AFTER, 10))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_budget_runs_out_and_grows_again() {
        let start = Instant::now();
        let mut budget = Budget { left: BURST, at: start };
        assert_eq!((0..50).filter(|_| budget.take(start)).count(), 20);
        assert_eq!((0..50).filter(|_| budget.take(start + Duration::from_secs(3))).count(), 6);
        assert_eq!((0..50).filter(|_| budget.take(start + Duration::from_secs(3_600))).count(), 20);
    }
}
