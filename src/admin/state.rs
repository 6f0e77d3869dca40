//! What handlers work with; each asks for the one thing it uses.

use std::{sync::Arc, time::Duration};

use axum::extract::FromRef;
use tokio_util::sync::CancellationToken;

use super::{
    api::{
        health::FleetFigures, metrics::Arrivals, press::PressState, ready::Readiness, stream::Sources,
        stream_slots::StreamSlots,
    },
    auth::{authenticator::Authenticator, bad_tokens::BadTokens},
    lead::Lead,
};
use crate::{connect_log::Feed, crypto::Keyring, queue::Broker, store::Store, vital::Vitals};

/// What the API works with.
#[derive(Clone)]
pub struct AdminParts {
    /// Accounts, entries, users.
    pub store: Store,
    /// Publishes people's requests, and says how full the queues are.
    pub broker: Broker,
    /// For `inspect`.
    pub keyring: Arc<Keyring>,
    /// Live entries.
    pub feed: Feed,
    /// How long before its end an access token is refreshed.
    pub lead: Duration,
    /// The parts that run in this process.
    pub vitals: Vitals,
}

/// All that handlers may ask for; each names the one thing it uses.
#[derive(Clone)]
pub(super) struct AdminState {
    parts: AdminParts,
    fleet: FleetFigures,
    arrivals: Arrivals,
    readiness: Readiness,
    authenticator: Authenticator,
    slots: StreamSlots,
    shutdown: CancellationToken,
}

impl AdminState {
    pub(super) fn new(parts: AdminParts, shutdown: CancellationToken) -> Self {
        let AdminParts { store, broker, feed, vitals, .. } = parts.clone();
        let arrivals = Arrivals::default();
        tokio::spawn(shutdown.clone().run_until_cancelled_owned(arrivals.clone().count(feed.arrivals())));
        Self {
            fleet: FleetFigures::new(store.clone(), broker.clone(), feed.clone()),
            arrivals,
            readiness: Readiness::new(store.clone(), broker, feed, vitals),
            authenticator: Authenticator { store, bad_tokens: BadTokens::new() },
            slots: StreamSlots::default(),
            parts,
            shutdown,
        }
    }
}

macro_rules! hand_out {
    ($($part:ty: $take:expr,)+) => {$(
        impl FromRef<AdminState> for $part {
            fn from_ref(state: &AdminState) -> Self {
                let take: fn(&AdminState) -> Self = $take;
                take(state)
            }
        }
    )+};
}

hand_out! {
    Store: |state| state.parts.store.clone(),
    Arc<Keyring>: |state| Arc::clone(&state.parts.keyring),
    Lead: |state| Lead(state.parts.lead),
    FleetFigures: |state| state.fleet.clone(),
    Arrivals: |state| state.arrivals.clone(),
    Readiness: |state| state.readiness.clone(),
    Authenticator: |state| state.authenticator.clone(),
    Broker: |state| state.parts.broker.clone(),
    PressState: |state| PressState {
        store: state.parts.store.clone(),
        broker: state.parts.broker.clone(),
        feed: state.parts.feed.clone(),
        shutdown: state.shutdown.clone(),
    },
    Sources: |state| Sources {
        store: state.parts.store.clone(),
        feed: state.parts.feed.clone(),
        fleet: state.fleet.clone(),
        authenticator: state.authenticator.clone(),
        slots: state.slots.clone(),
        shutdown: state.shutdown.clone(),
    },
}
