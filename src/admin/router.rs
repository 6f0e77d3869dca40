//! The routes, what they pass through, and what each handler may ask for.

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    extract::{DefaultBodyLimit, FromRef},
    middleware::{from_fn, from_fn_with_state},
    routing::{get, post},
};
use tokio_util::sync::CancellationToken;
use tower_http::compression::CompressionLayer;

use super::{
    AdminParts,
    api::{
        account_actions, attempt, dead_letters, download,
        extract::BODY_MAX_BYTES,
        health::FleetFigures,
        inspect, metrics,
        press::{PressState, WAIT_MAX_SECS},
        ready::{self, Readiness},
        refresh_debug, series, status,
        stream::{self, Sources},
        stream_slots::StreamSlots,
        summary, terminal_logs, workers,
    },
    auth::{authenticator::Authenticator, bad_tokens::BadTokens},
    layers, page,
};
use crate::{crypto::Keyring, queue::Broker, store::Store};

/// Longest time for an answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(30);
/// The same where a client may wait for an entry.
const PRESS_WITHIN: Duration = Duration::from_secs(30 + WAIT_MAX_SECS);

/// The API over `parts`. Its streams end with `shutdown`.
pub(super) fn router(parts: AdminParts, shutdown: CancellationToken) -> Router {
    let presses = Router::new()
        .route("/api/admin/ebay/token/refresh-debug", post(refresh_debug::post))
        .route("/api/admin/ebay/tokens/{account}/refresh", post(account_actions::refresh))
        .route_layer(from_fn_with_state(PRESS_WITHIN, layers::within));
    let others = Router::new()
        .route("/api/admin/ebay/tokens/terminal-logs", get(terminal_logs::get))
        .route("/api/admin/ebay/tokens/terminal-logs/stream", get(stream::get))
        .route("/api/admin/ebay/tokens/terminal-logs/download", get(download::get))
        .route("/api/admin/ebay/tokens/status", get(status::get))
        .route("/api/admin/ebay/tokens/summary", get(summary::get))
        .route("/api/admin/ebay/tokens/series", get(series::get))
        .route("/api/admin/dead-letters/{queue}", get(dead_letters::get))
        .route("/api/admin/dead-letters/{queue}/{fate}", post(dead_letters::post))
        .route("/api/admin/ebay/tokens/{account}/inspect", get(inspect::get))
        .route("/api/admin/ebay/tokens/{account}/attempts/{attempt}", get(attempt::get))
        .route("/api/admin/ebay/tokens/{account}/pause", post(account_actions::pause))
        .route("/api/admin/ebay/tokens/{account}/resume", post(account_actions::resume))
        .route("/api/admin/workers", get(workers::get))
        .route("/healthz", get(ready::healthz))
        .route("/readyz", get(ready::readyz))
        .route("/metrics", get(metrics::get))
        .merge(page::router())
        .route_layer(from_fn_with_state(ANSWER_WITHIN, layers::within));
    presses
        .merge(others)
        .fallback(layers::no_route)
        .method_not_allowed_fallback(layers::no_method)
        .layer(DefaultBodyLimit::max(BODY_MAX_BYTES))
        .layer(from_fn(layers::catch_panic))
        .layer(from_fn(layers::secure))
        // Pages of entries shrink to a tenth; event streams stay as they are.
        .layer(CompressionLayer::new())
        .layer(from_fn(layers::log))
        .with_state(Shared::new(parts, shutdown))
}

/// How long before its end an access token is refreshed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lead(pub(super) Duration);

/// All that handlers may ask for; each names the one thing it uses.
#[derive(Clone)]
pub(super) struct Shared {
    parts: AdminParts,
    fleet: FleetFigures,
    readiness: Readiness,
    authenticator: Authenticator,
    slots: StreamSlots,
    shutdown: CancellationToken,
}

impl Shared {
    fn new(parts: AdminParts, shutdown: CancellationToken) -> Self {
        let AdminParts { store, broker, feed, .. } = parts.clone();
        Self {
            fleet: FleetFigures::new(store.clone(), broker.clone(), feed.clone()),
            readiness: Readiness::new(store.clone(), broker, feed),
            authenticator: Authenticator { store, bad_tokens: BadTokens::new() },
            slots: StreamSlots::default(),
            parts,
            shutdown,
        }
    }
}

macro_rules! hand_out {
    ($($part:ty: $take:expr,)+) => {$(
        impl FromRef<Shared> for $part {
            fn from_ref(shared: &Shared) -> Self {
                let take: fn(&Shared) -> Self = $take;
                take(shared)
            }
        }
    )+};
}

hand_out! {
    Store: |shared| shared.parts.store.clone(),
    Arc<Keyring>: |shared| Arc::clone(&shared.parts.keyring),
    Lead: |shared| Lead(shared.parts.lead),
    FleetFigures: |shared| shared.fleet.clone(),
    Readiness: |shared| shared.readiness.clone(),
    Authenticator: |shared| shared.authenticator.clone(),
    Broker: |shared| shared.parts.broker.clone(),
    PressState: |shared| PressState {
        store: shared.parts.store.clone(),
        broker: shared.parts.broker.clone(),
        shutdown: shared.shutdown.clone(),
    },
    Sources: |shared| Sources {
        store: shared.parts.store.clone(),
        feed: shared.parts.feed.clone(),
        fleet: shared.fleet.clone(),
        authenticator: shared.authenticator.clone(),
        slots: shared.slots.clone(),
        shutdown: shared.shutdown.clone(),
    },
}
