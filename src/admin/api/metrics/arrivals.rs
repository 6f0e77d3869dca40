//! What became of refreshes, counted as entries arrive at this process.
//!
//! Counted from this process's start, and only what the broker brings: entries that arrive while the link
//! is away are missing, and one that is published twice counts twice. The exact number is `stored_total`.

use std::sync::Arc;

use prometheus_client::{
    metrics::{
        counter::Counter,
        family::Family,
        histogram::{Histogram, exponential_buckets},
    },
    registry::Registry,
};
use tokio::sync::broadcast::{Receiver, error::RecvError};

use crate::message::Entry;

type Labels = [(&'static str, String); 1];

/// Entries by class and source, and how long their phases took. Cheap to clone.
#[derive(Clone)]
pub(in crate::admin) struct Arrivals {
    entries: Family<[(&'static str, &'static str); 2], Counter>,
    phases: Family<Labels, Histogram, fn() -> Histogram>,
}

impl Default for Arrivals {
    fn default() -> Self {
        Self { entries: Family::default(), phases: Family::new_with_constructor(histogram) }
    }
}

/// From 5 ms to 82 s: a claim in the pool, and a worker that could not be had for a minute.
fn histogram() -> Histogram {
    Histogram::new(exponential_buckets(0.005, 2.0, 15))
}

impl Arrivals {
    /// Counts until the feed ends.
    pub(in crate::admin) async fn count(self, mut entries: Receiver<Arc<Entry>>) {
        loop {
            match entries.recv().await {
                Ok(entry) => self.take(&entry),
                Err(RecvError::Lagged(_)) => {}
                Err(RecvError::Closed) => return,
            }
        }
    }

    fn take(&self, entry: &Entry) {
        let labels = [("class", entry.class.as_str()), ("source", entry.source.as_str())];
        self.entries.get_or_create(&labels).inc();
        for (phase, ms) in &entry.timings_ms {
            #[expect(clippy::cast_precision_loss, reason = "milliseconds far below 2^52")]
            let seconds = *ms as f64 / 1_000.0;
            self.phases.get_or_create(&[("phase", phase.clone())]).observe(seconds);
        }
    }

    pub(super) fn register(&self, registry: &mut Registry) {
        let help = "Entries that arrived at this process since its start, by outcome and cause";
        registry.register("entries", help, self.entries.clone());
        let help = "How long each phase of an attempt took, of the entries that arrived at this process";
        registry.register("phase_seconds", help, self.phases.clone());
    }
}
