//! The lanes in which the claims, and the finishes, of many attempts share transactions.
//!
//! A debug run has lanes of its own: a person waits for it, and what holds up due accounts, a
//! keyset's ledger perhaps, must not hold up the runs of other keysets.

use std::sync::Arc;

use crate::{
    message::Source,
    store::{ClaimOutcome, ClaimRequest, Coalescer, Finish, FinishOutcome, LeaseTerms, Store},
};

/// Transactions of each kind at once, and rows in each.
const LANES: usize = 2;
const SLICE_MAX: usize = 128;

/// The claims and finishes of one kind of run.
#[derive(Clone)]
pub(super) struct Shared {
    pub(super) claims: Coalescer<ClaimRequest, ClaimOutcome>,
    pub(super) finishes: Coalescer<Finish, FinishOutcome>,
}

impl Shared {
    fn new(store: &Store, terms: &Arc<LeaseTerms>) -> Self {
        let (claiming, terms, finishing) = (store.clone(), Arc::clone(terms), store.clone());
        let claims = Coalescer::spawn(LANES, SLICE_MAX, move |rows: Vec<ClaimRequest>| {
            let (store, terms) = (claiming.clone(), Arc::clone(&terms));
            async move { store.claim(&rows, &terms).await }
        });
        let finishes = Coalescer::spawn(LANES, SLICE_MAX, move |rows: Vec<Finish>| {
            let store = finishing.clone();
            async move { store.finish(&rows).await }
        });
        Self { claims, finishes }
    }
}

/// The claims and finishes of all runs.
#[derive(Clone)]
pub(super) struct SharedByKind {
    due: Shared,
    debug: Shared,
}

impl SharedByKind {
    pub(super) fn new(store: &Store, terms: LeaseTerms) -> Self {
        let terms = Arc::new(terms);
        Self { due: Shared::new(store, &terms), debug: Shared::new(store, &terms) }
    }

    /// Those of runs that `source` causes.
    pub(super) fn of(&self, source: Source) -> &Shared {
        match source {
            Source::Debug => &self.debug,
            Source::Scheduled | Source::Admin => &self.due,
        }
    }
}
