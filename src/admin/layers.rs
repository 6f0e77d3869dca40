//! What every request passes through: a limit on its time, protection from a panic, headers that keep
//! answers out of caches, and a line in the log without anything that the client sent.

use std::{
    panic::AssertUnwindSafe,
    time::{Duration, Instant},
};

use axum::{
    extract::{MatchedPath, Request, State},
    http::{HeaderName, HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use futures::FutureExt;

use super::problem::Problem;

const HEADERS: [(HeaderName, HeaderValue); 4] = [
    (header::CACHE_CONTROL, HeaderValue::from_static("no-store")),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
];

/// Answers 503 where a request takes longer than `limit`. A stream's answer is its head: what follows
/// has no limit.
pub(super) async fn within(State(limit): State<Duration>, request: Request, next: Next) -> Response {
    match tokio::time::timeout(limit, next.run(request)).await {
        Ok(response) => response,
        Err(_) => Problem::unavailable(
            "too-slow",
            "The answer took too long",
            format!("It was given up after {} s. Try again in a few seconds.", limit.as_secs()),
        )
        .into_response(),
    }
}

/// Answers 500 where a handler panics. The panic's text is on standard error, never in the answer.
pub(super) async fn catch_panic(request: Request, next: Next) -> Response {
    let answering = AssertUnwindSafe(next.run(request)).catch_unwind();
    answering.await.unwrap_or_else(|_| {
        tracing::error!("a request's handler panicked");
        Problem::internal().into_response()
    })
}

/// Sets the headers of every answer, but for those that may have their own.
pub(super) async fn secure(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    for (name, value) in HEADERS {
        // A page has a policy of its own and assets may be kept, but a stream's `no-cache` is too little.
        let own = response.headers().get(&name);
        let stays =
            own.is_some_and(|own| name != header::CACHE_CONTROL || own.as_bytes().starts_with(b"public"));
        if !stays {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

/// Logs the route and not the path, since a path may name a seller.
pub(super) async fn log(request: Request, next: Next) -> Response {
    let began = Instant::now();
    let method = request.method().clone();
    let route = request.extensions().get::<MatchedPath>().cloned();
    let response = next.run(request).await;
    tracing::debug!(
        http.method = %method,
        http.route = route.as_ref().map_or("none", MatchedPath::as_str),
        http.status = response.status().as_u16(),
        duration_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
        "answered"
    );
    response
}

/// The answer where no route matches.
pub(super) async fn no_route() -> Problem {
    Problem::not_found(
        "no-such-resource",
        "No such resource",
        "The API's paths begin with /api/admin; beside them there are the page at /, /healthz, /readyz and /metrics.",
    )
}

/// The answer where a route has no such method; the router adds `Allow`.
pub(super) async fn no_method() -> Problem {
    Problem::new(
        StatusCode::METHOD_NOT_ALLOWED,
        "method-not-allowed",
        "Method not allowed",
        "This resource takes the methods that the header Allow names.",
    )
}

#[cfg(test)]
mod tests {
    use axum::{Router, middleware::from_fn, routing::get};
    use tokio::net::TcpListener;
    use tokio_util::sync::CancellationToken;

    use super::*;

    #[tokio::test]
    async fn a_panic_and_a_slow_handler_are_answered_without_their_text() {
        async fn panics() {
            panic!("the secret is 42");
        }
        let router = Router::new()
            .route("/panics", get(panics))
            .route("/hangs", get(std::future::pending::<()>))
            .route_layer(axum::middleware::from_fn_with_state(Duration::from_millis(50), within))
            .layer(from_fn(catch_panic))
            .layer(from_fn(secure));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has a free port");
        let address = listener.local_addr().expect("a bound socket has an address");
        let shutdown = CancellationToken::new();
        let serving = tokio::spawn(super::super::server::run(listener, router, shutdown.clone()));
        // reqwest wants a provider even for plain HTTP; an error says that another test installed it.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder().no_proxy().build().expect("a client");
        for (path, status, title) in [("panics", 500, "Internal error"), ("hangs", 503, "too long")] {
            let response = client.get(format!("http://{address}/{path}")).send().await.expect("an answer");
            assert_eq!(response.status(), status);
            assert_eq!(response.headers()["content-type"], "application/problem+json");
            assert_eq!(response.headers()["cache-control"], "no-store");
            let text = response.text().await.expect("a body");
            assert!(text.contains(title) && !text.contains("42"), "{text}");
        }
        shutdown.cancel();
        serving.await.expect("the server ends");
    }
}
