//! The routes, what they pass through, and what each handler may ask for.

use std::time::Duration;

use axum::{
    Router,
    extract::DefaultBodyLimit,
    middleware::{from_fn, from_fn_with_state},
    routing::{get, post},
};
use tokio_util::sync::CancellationToken;
use tower_http::compression::CompressionLayer;

use super::{
    api::{
        account_actions, attempt, dead_letters, download,
        extract::BODY_MAX_BYTES,
        inspect, metrics,
        press::WAIT_MAX_SECS,
        ready::{self},
        refresh_debug, series, status,
        stream::{self},
        summary, terminal_logs, workers,
    },
    layers, page,
    state::{AdminParts, AdminState},
};

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
        .with_state(AdminState::new(parts, shutdown))
}
