//! Whether this worker takes work: not while the database is away, nor while it refuses what
//! attempts come to.
//!
//! A database that is away makes no dead letter, however long: the worker cancels its consumers,
//! gives back once what it has not begun, and consumes again when the database answers. What is under
//! way goes on, and its result is kept until it can be written.
//!
//! A database that answers and refuses is worse: each message would cost a call to eBay and its
//! answer. So refusals for several accounts in a row stop the worker too, until a write of the same
//! kind succeeds that costs no call.

use std::{
    collections::HashSet,
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::reap::WRITTEN_FIRST;
use crate::{
    domain::{account::AccountId, retry::Pauses},
    error_chain::Chain,
    store::{FinishOutcome, Store, StoreError},
    vital::Vital,
};

/// Refusals for so many different accounts in a row, and it is not the accounts.
const REFUSALS_MAX: usize = 3;
/// Pauses between two looks at a database that is away: short, so that a fleet is back within
/// seconds.
const AWAY_PAUSES: (Duration, Duration) = (Duration::from_millis(200), Duration::from_secs(2));
/// The same for one that answers and refuses: a person must mend it.
const REFUSED_PAUSES: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(30));

/// What keeps a worker from taking work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Obstacle {
    /// The database does not answer.
    Away,
    /// It refuses what attempts come to.
    Refuses,
}

/// A worker's readiness to take messages.
#[derive(Debug)]
pub struct Taking {
    wanted: watch::Sender<bool>,
    seen: Mutex<Seen>,
    vital: Vital,
}

#[derive(Debug, Default)]
struct Seen {
    obstacle: Option<Obstacle>,
    /// Why, in words.
    reason: Option<String>,
    /// Accounts whose writes were refused since the last that was not.
    refused: HashSet<AccountId>,
    /// When the database was last found to be well again.
    well_since: Option<Instant>,
}

impl Taking {
    /// Takes work until something speaks against it, and says so to `vital`.
    pub fn new(vital: Vital) -> Self {
        vital.succeeded();
        Self { wanted: watch::Sender::new(true), seen: Mutex::default(), vital }
    }

    /// Changes as messages are wanted or not.
    pub(super) fn wanted(&self) -> watch::Receiver<bool> {
        self.wanted.subscribe()
    }

    /// Why no work is taken, for the heartbeat.
    pub fn reason(&self) -> Option<String> {
        self.seen().reason.clone()
    }

    /// Whether leases that ran out may be closed: not at once after the database was away.
    pub(super) fn may_reap(&self) -> bool {
        self.seen().well_since.is_none_or(|since| since.elapsed() >= WRITTEN_FIRST)
    }

    /// What the database did with a result of `account`. A row that somebody else holds says nothing
    /// of whether results are stored.
    pub(super) fn observe(&self, account: AccountId, outcome: &Result<FinishOutcome, StoreError>) {
        match outcome {
            Ok(FinishOutcome::Finished(_) | FinishOutcome::Lost) => self.seen().refused.clear(),
            Ok(FinishOutcome::Busy) => {}
            Err(error) => self.failed(account, error),
        }
    }

    /// The database did not do what an attempt of `account` asked of it.
    pub(super) fn failed(&self, account: AccountId, error: &StoreError) {
        let mut seen = self.seen();
        if error.is_transient() {
            self.stop(&mut seen, Obstacle::Away, "the database is away", error);
            return;
        }
        seen.refused.insert(account);
        if seen.refused.len() >= REFUSALS_MAX {
            self.stop(&mut seen, Obstacle::Refuses, "the database refuses what attempts come to", error);
        }
    }

    fn stop(&self, seen: &mut Seen, obstacle: Obstacle, what: &str, error: &StoreError) {
        if seen.obstacle.is_some() {
            return;
        }
        let reason = format!("takes no work: {what}: {}", Chain(error));
        match obstacle {
            Obstacle::Away => tracing::warn!(reason, "this worker takes no work until the database is back"),
            Obstacle::Refuses => {
                tracing::error!(reason, "this worker takes no work until the database takes its results");
            }
        }
        *seen = Seen { obstacle: Some(obstacle), reason: Some(reason), ..Seen::default() };
        self.vital.failed();
        self.wanted.send_replace(false);
    }

    /// Takes up work again when the database is well, each time that it was not, until `shutdown`.
    pub(super) async fn watch(&self, store: &Store, shutdown: &CancellationToken) {
        let mut wanted = self.wanted();
        let watching = async {
            loop {
                // The sender is this value's own.
                let _ = wanted.wait_for(|wanted| !wanted).await;
                self.until_well(store).await;
                tracing::info!("the database is well; this worker takes work");
                *self.seen() = Seen { well_since: Some(Instant::now()), ..Seen::default() };
                self.vital.succeeded();
                self.wanted.send_replace(true);
            }
        };
        let _: Option<()> = shutdown.run_until_cancelled(watching).await;
    }

    async fn until_well(&self, store: &Store) {
        let refuses = self.seen().obstacle == Some(Obstacle::Refuses);
        let (first, longest) = if refuses { REFUSED_PAUSES } else { AWAY_PAUSES };
        let mut pauses = Pauses::new(first, longest);
        loop {
            tokio::time::sleep(pauses.next()).await;
            match store.rehearse_finish().await {
                Ok(()) => return,
                Err(error) => tracing::debug!(error = %Chain(&error), "the database is not well yet"),
            }
        }
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::vital::Vitals;

    fn away() -> StoreError {
        StoreError::Unavailable(Arc::new(std::io::Error::other("gone")))
    }

    fn refused() -> StoreError {
        StoreError::Unreadable { table: "t", column: "c", row: "r".into(), problem: "p".into() }
    }

    #[test]
    fn one_answer_that_stays_away_is_enough() {
        let vitals = Vitals::default();
        let taking = Taking::new(vitals.part("worker", None));
        assert!(vitals.ready()["worker"]);
        taking.failed(AccountId::fresh(), &away());
        assert!(!vitals.ready()["worker"]);
        assert!(!*taking.wanted().borrow());
        assert!(taking.reason().is_some_and(|reason| reason.contains("away")));
    }

    #[test]
    fn one_bad_account_stops_nobody_and_three_in_a_row_do() {
        let taking = Taking::new(Vitals::default().part("worker", None));
        let bad = AccountId::fresh();
        for _ in 0..10 {
            taking.failed(bad, &refused());
        }
        taking.failed(AccountId::fresh(), &refused());
        assert!(*taking.wanted().borrow());
        taking.observe(bad, &Ok(FinishOutcome::Lost));
        taking.failed(AccountId::fresh(), &refused());
        taking.failed(AccountId::fresh(), &refused());
        assert!(*taking.wanted().borrow());
        taking.failed(AccountId::fresh(), &refused());
        assert!(!*taking.wanted().borrow());
    }

    #[test]
    fn a_held_row_says_nothing_of_whether_results_are_stored() {
        let taking = Taking::new(Vitals::default().part("worker", None));
        for _ in 0..REFUSALS_MAX {
            assert!(*taking.wanted().borrow());
            let account = AccountId::fresh();
            taking.observe(account, &Ok(FinishOutcome::Busy));
            taking.observe(account, &Err(refused()));
        }
        assert!(!*taking.wanted().borrow());
    }
}
