//! Standing aside: a worker that lacks a key which others have takes no more work, and says so.
//!
//! Each account it would touch would fail for a reason that is this worker's alone (G8). Keys are
//! read at the start of a process, so only a restart brings it back.

use std::sync::{Arc, OnceLock};

use tokio_util::sync::CancellationToken;

use crate::message::Entry;

/// Whether this worker stands aside, and why. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub struct StandAside {
    token: CancellationToken,
    reason: Arc<OnceLock<String>>,
}

impl StandAside {
    /// Stands aside because of what `entry` tells.
    pub(super) fn step(&self, entry: &Entry) {
        let error = entry.error.as_deref().unwrap_or("a key is missing");
        let reason =
            format!("stands aside: {error}, which other processes have; add it to TOKEN_KEYS and restart");
        if self.reason.set(reason.clone()).is_ok() {
            tracing::error!(reason, "this worker takes no more work");
        }
        self.token.cancel();
    }

    /// Resolves when it stands aside.
    pub(super) fn token(&self) -> &CancellationToken {
        &self.token
    }

    /// Why it stands aside, for the heartbeat.
    pub fn reason(&self) -> Option<String> {
        self.reason.get().cloned()
    }
}
