//! The admin page: a shell per view, rendered here, and small scripts that fill it from the API.
//!
//! Everything comes from this binary. The policy forbids inline scripts and styles and foreign hosts;
//! what entries and accounts say is put into the page by scripts as text, never as markup.

mod assets;
mod shell;
mod sign_in;
mod vocabulary;

use axum::{
    Router,
    http::{HeaderName, HeaderValue, header},
    routing::{get, post},
};

use super::state::AdminState;

/// What a page may load and where it may go.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; \
    img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

/// Headers of every page. The referrer stays inside, so that a form's `Origin` is told.
const HEADERS: [(HeaderName, HeaderValue); 2] = [
    (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)),
    (header::REFERRER_POLICY, HeaderValue::from_static("same-origin")),
];

/// The page's routes.
pub(super) fn router() -> Router<AdminState> {
    Router::new()
        .route("/", get(shell::workers))
        .route("/terminal", get(shell::terminal))
        .route("/accounts", get(shell::accounts))
        .route("/accounts/{account}", get(shell::account))
        .route("/sign-in", get(sign_in::get).post(sign_in::post))
        .route("/sign-out", post(sign_in::sign_out))
        .route("/assets/{digest}/{name}", get(assets::get))
        .route("/favicon.ico", get(assets::icon))
}
