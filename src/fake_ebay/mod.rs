//! A stand-in for eBay's token endpoint: exact on the wire, with a memory, and mean where it is told.
//!
//! It is an independent check: it shares the crate's words and none of the client's code, speaks
//! HTTP by hand so that it can break off anywhere, counts and records what it saw, and notes as a
//! [`Violation`] whatever a correct client never sends (G3). Each answer has an `rlogid`, by which
//! calls and entries are joined.
//!
//! What happens to a call is the first that is set: what is set for everywhere, the seller's own
//! script, the random mixture, healthy. Random choices depend on seed, seller and the seller's count
//! of calls only, so a run can be repeated.

mod answer;
mod behaviour;
mod call;
mod connection;
mod control;
mod form;
mod http;
mod mint;
mod script;
mod state;

#[cfg(test)]
mod tests;

use std::{
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{net::TcpListener, sync::Notify, time::Instant};
use tokio_util::sync::CancellationToken;

pub use self::{
    behaviour::{Behaviour, BehaviourError},
    call::{Call, SellerState, Violation},
    script::{Chaos, Script},
};
use self::{mint::Mint, state::State};

/// A running fake. Clones are handles to the same one.
#[derive(Clone)]
pub struct FakeEbay(Arc<Inner>);

struct Inner {
    url: String,
    start: Instant,
    mint: Mint,
    state: Mutex<State>,
    /// A call began or ended, or calls were released.
    changed: Notify,
}

impl fmt::Debug for FakeEbay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FakeEbay({})", self.0.url)
    }
}

impl Inner {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn until(&self, holds: impl Fn(&State) -> bool) {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            // Enabled before the look, so that a change after it is not missed.
            changed.as_mut().enable();
            if holds(&self.state()) {
                return;
            }
            changed.await;
        }
    }
}

impl FakeEbay {
    /// Serves on `listener` until `shutdown`, which also cuts all connections.
    #[expect(clippy::unused_async, reason = "it spawns, so it must be called inside a runtime")]
    pub async fn start(listener: TcpListener, seed: u64, shutdown: CancellationToken) -> Self {
        let url = listener.local_addr().map(|address| format!("http://{address}")).unwrap_or_default();
        let fake = Self(Arc::new(Inner {
            url,
            start: Instant::now(),
            mint: Mint::new(seed),
            state: Mutex::default(),
            changed: Notify::new(),
        }));
        tokio::spawn(accept(fake.clone(), listener, shutdown));
        fake
    }

    /// Its address, to be given as `api_url`.
    pub fn url(&self) -> String {
        self.0.url.clone()
    }

    /// Adds an application, or another valid secret of it.
    pub fn add_application(&self, client_id: &str, client_secret: &str) {
        self.0.state().add_application(client_id, client_secret);
    }

    /// Makes a secret invalid, as when it is rotated in the developer portal.
    pub fn remove_secret(&self, client_id: &str, client_secret: &str) {
        self.0.state().remove_secret(client_id, client_secret);
    }

    /// Adds a seller who consented to an application. A known one gets `refresh_token` in place of the old one.
    pub fn add_seller(&self, client_id: &str, username: &str, refresh_token: &str) {
        self.0.state().add_seller(client_id, username, refresh_token);
    }

    /// Sets what happens to a seller's calls. `false` if nobody has that name.
    pub fn set_behaviour(&self, username: &str, script: impl Into<Script>) -> bool {
        self.0.state().set_behaviour(username, Some(&script.into()))
    }

    /// Leaves a seller to the random mixture again. `false` if nobody has that name.
    pub fn clear_behaviour(&self, username: &str) -> bool {
        self.0.state().set_behaviour(username, None)
    }

    /// Sets what happens to every call, whoever makes it.
    pub fn set_everywhere(&self, behaviour: Option<Behaviour>) {
        self.0.state().everywhere = behaviour;
    }

    /// Sets what happens to the calls of sellers that nothing is set for.
    pub fn set_random(&self, chaos: Option<Chaos>) {
        self.0.state().random = chaos;
    }

    /// Sets how long tokens live, in seconds; none stands for eBay's 7,200.
    pub fn set_expires_in(&self, seconds: Option<u32>) {
        self.0.state().expires_in = seconds.unwrap_or(0);
    }

    /// Lets go of the calls of `username` that are held at this moment.
    pub fn release(&self, username: &str) {
        self.0.state().release(Some(username));
        self.0.changed.notify_waiters();
    }

    /// Lets go of all calls that are held at this moment.
    pub fn release_all(&self) {
        self.0.state().release(None);
        self.0.changed.notify_waiters();
    }

    /// Every call, in the order in which they came.
    pub fn calls(&self) -> Vec<Call> {
        self.0.state().calls().to_vec()
    }

    /// Forgets the calls so far; they go on if they are in flight.
    pub fn clear_calls(&self) {
        self.0.state().clear_calls();
    }

    /// How many calls are in flight.
    pub fn in_flight(&self) -> usize {
        self.0.state().in_flight()
    }

    /// What a correct client never does. Empty after every honest run.
    pub fn violations(&self) -> Vec<Violation> {
        self.0.state().violations().to_vec()
    }

    /// What is known of each seller.
    pub fn sellers(&self) -> Vec<SellerState> {
        self.0.state().sellers()
    }

    /// Waits until the calls in flight are `count` or more: for a call that is held.
    pub async fn until_in_flight(&self, count: usize) {
        self.0.until(|state| state.in_flight() >= count).await;
    }

    /// Waits until no call is in flight.
    pub async fn until_idle(&self) {
        self.0.until(|state| state.in_flight() == 0).await;
    }

    /// Waits until the calls so far fulfil `holds`.
    pub async fn until_calls(&self, holds: impl Fn(&[Call]) -> bool) {
        self.0.until(|state| holds(state.calls())).await;
    }
}

async fn accept(fake: FakeEbay, listener: TcpListener, shutdown: CancellationToken) {
    let serving = async {
        loop {
            let Ok((stream, _)) = listener.accept().await else {
                // Too many open files: over as soon as a client leaves.
                tokio::time::sleep(Duration::from_millis(20)).await;
                continue;
            };
            let _ = stream.set_nodelay(true);
            let (fake, shutdown) = (fake.clone(), shutdown.clone());
            tokio::spawn(async move {
                shutdown.run_until_cancelled(connection::serve(fake, stream)).await;
            });
        }
    };
    shutdown.run_until_cancelled(serving).await;
}
