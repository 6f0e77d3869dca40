//! How many attempts this process has under way, for its heartbeat.

use std::sync::{
    Arc,
    atomic::{AtomicI32, Ordering},
};

/// The count. Cheap to clone; all clones count together.
#[derive(Debug, Clone, Default)]
pub struct InFlight(Arc<AtomicI32>);

/// An attempt that is counted until this is dropped.
#[derive(Debug)]
pub(super) struct Counted<'a>(&'a AtomicI32);

impl InFlight {
    /// Attempts under way.
    pub fn count(&self) -> i32 {
        self.0.load(Ordering::Relaxed)
    }

    /// Counts an attempt for as long as the answer is held, also where it panics or is abandoned.
    #[must_use]
    pub(super) fn begin(&self) -> Counted<'_> {
        self.0.fetch_add(1, Ordering::Relaxed);
        Counted(&self.0)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::panic::AssertUnwindSafe;

    use futures::FutureExt;

    use super::InFlight;

    #[tokio::test]
    async fn an_attempt_that_panics_or_is_abandoned_is_counted_no_longer() {
        let in_flight = InFlight::default();
        let panicking = async {
            let _counted = in_flight.begin();
            tokio::task::yield_now().await;
            assert_eq!(in_flight.count(), 0, "it is one, so this panics");
        };
        assert!(AssertUnwindSafe(panicking).catch_unwind().await.is_err());
        assert_eq!(in_flight.count(), 0);
        let endless = async {
            let _counted = in_flight.begin();
            std::future::pending::<()>().await;
        };
        assert!(endless.now_or_never().is_none());
        assert_eq!(in_flight.count(), 0);
    }
}
