//! Keeps something connected: a fresh connection each time, the topology declared on it, and a
//! jittered pause after each failure.
//!
//! lapin's own recovery is not used: across a broker restart under load it now and then leaves a
//! connection that never comes back and never ends.

use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use super::{
    declare::{Missing, reconcile},
    error::QueueError,
    link::{Dial, Link},
};
use crate::{domain::retry::Pauses, error_chain::Chain};

/// The pause after the first failure is drawn up to this.
const PAUSE_MIN: Duration = Duration::from_millis(200);
/// Later pauses are drawn up to this, so a fleet is back within seconds of its broker.
const PAUSE_MAX: Duration = Duration::from_secs(3);

/// Hands out one connection after another.
pub(super) struct Supervisor {
    dial: Dial,
    purpose: String,
    pauses: Pauses,
    /// When the present connection was opened.
    since: Option<Instant>,
    /// What went wrong last, until a connection is open again.
    trouble: Option<String>,
}

impl Supervisor {
    /// `purpose` is shown in logs and, behind the process's name, at the broker.
    pub(super) fn new(dial: &Dial, purpose: impl Into<String>) -> Self {
        let pauses = Pauses::new(PAUSE_MIN, PAUSE_MAX);
        Self { dial: dial.clone(), purpose: purpose.into(), pauses, since: None, trouble: None }
    }

    /// A fresh connection with the topology declared, however long it takes; `None` once `shutdown`.
    pub(super) async fn connect(&mut self, shutdown: &CancellationToken) -> Option<Link> {
        shutdown.run_until_cancelled(self.connected()).await
    }

    async fn connected(&mut self) -> Link {
        loop {
            if self.trouble.is_some() {
                tokio::time::sleep(self.pauses.next()).await;
            }
            match self.open().await {
                Ok(link) => {
                    if self.trouble.take().is_some() {
                        info!(queue.purpose = %self.purpose, "the connection to the broker is restored");
                    }
                    self.since = Some(Instant::now());
                    return link;
                }
                Err(error) => self.troubled("the broker cannot be reached; trying again", &error),
            }
        }
    }

    async fn open(&self) -> Result<Link, QueueError> {
        let link = self.dial.open(&self.purpose).await?;
        for difference in reconcile(&link, Missing::Declare).await? {
            error!(queue.purpose = %self.purpose, "{difference}");
        }
        Ok(link)
    }

    /// Takes note of how the work on `link` ended, and closes it.
    pub(super) async fn ended(&mut self, link: Link, how: Result<(), QueueError>) {
        // A connection that lived shorter than the longest pause must not reset the pauses: a broker
        // that accepts and then drops would be called without end.
        if self.since.take().is_some_and(|since| since.elapsed() > PAUSE_MAX) {
            self.pauses.reset();
        }
        if let Err(error) = how {
            self.troubled("the connection to the broker was lost; connecting again", &error);
        }
        link.close().await;
    }

    /// Warns once of the same trouble, however often it is met again.
    fn troubled(&mut self, what: &str, error: &QueueError) {
        let trouble = Chain(error).to_string();
        if self.trouble.as_ref() != Some(&trouble) {
            warn!(queue.purpose = %self.purpose, error = %trouble, "{what}");
        }
        self.trouble = Some(trouble);
    }
}
