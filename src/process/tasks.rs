//! Tasks that run as long as the process does: one that ends before it is told to is a fault.

use std::{future::Future, panic::AssertUnwindSafe};

use futures::FutureExt;
use tokio::task::JoinSet;

/// How a task ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Ended {
    /// What ended.
    pub(super) name: &'static str,
    /// By a panic.
    pub(super) panicked: bool,
}

/// Tasks with names.
#[derive(Debug, Default)]
pub(super) struct Tasks(JoinSet<Ended>);

impl Tasks {
    /// Runs `task` beside the others.
    pub(super) fn spawn(&mut self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        self.0.spawn(async move {
            let panicked = AssertUnwindSafe(task).catch_unwind().await.is_err();
            Ended { name, panicked }
        });
    }

    /// The next task that ends; for ever, if there is none.
    pub(super) async fn ended(&mut self) -> Ended {
        match self.0.join_next().await {
            Some(Ok(ended)) => ended,
            // What is spawned here catches its panics, and nobody aborts it.
            Some(Err(_)) => Ended { name: "a task", panicked: true },
            None => std::future::pending().await,
        }
    }

    /// Waits until all have ended.
    pub(super) async fn join(&mut self) {
        while let Some(ended) = self.0.join_next().await {
            if let Ok(Ended { name, panicked: true }) = ended {
                tracing::error!(role = name, "a role panicked");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_task_that_ends_or_panics_is_told_by_name() {
        let mut tasks = Tasks::default();
        tasks.spawn("lives", std::future::pending());
        tasks.spawn("panics", async { panic!("a panic of the test") });
        assert_eq!(tasks.ended().await, Ended { name: "panics", panicked: true });
        tasks.spawn("ends", async {});
        assert_eq!(tasks.ended().await, Ended { name: "ends", panicked: false });
    }
}
