//! `GET /healthz` and `GET /readyz`: whether the process is up, and whether it can do its work.
//!
//! They need no token, so the answers name parts and never reasons, which may hold addresses.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde::Serialize;
use serde_json::{Value, json};
use tokio::{sync::Mutex, time::timeout};

use crate::{connect_log::Feed, queue::Broker, store::Store};

/// How long each part may take to answer.
const PART_WITHIN: Duration = Duration::from_secs(3);
/// For how long an answer is given again, however many ask.
const FRESH: Duration = Duration::from_secs(1);

/// The process is up.
pub(in crate::admin) async fn healthz() -> Json<Value> {
    Json(json!({ "status": "up" }))
}

/// 200 where every part is ready, else 503.
pub(in crate::admin) async fn readyz(State(readiness): State<Readiness>) -> Response {
    let parts = readiness.look().await;
    let ready = parts.database && parts.schema && parts.broker && parts.feed;
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(json!({ "ready": ready, "parts": parts }))).into_response()
}

/// What the process needs, looked at. Cheap to clone.
#[derive(Clone)]
pub(in crate::admin) struct Readiness {
    store: Store,
    broker: Broker,
    feed: Feed,
    seen: Arc<Mutex<Option<(Instant, Parts)>>>,
}

/// Each part, and whether it is ready.
#[derive(Debug, Clone, Copy, Serialize)]
#[expect(clippy::struct_excessive_bools, reason = "four questions, each with yes or no for an answer")]
struct Parts {
    /// The database answers.
    database: bool,
    /// It has this binary's schema, or that of a later one.
    schema: bool,
    /// The broker answers.
    broker: bool,
    /// Live entries arrive.
    feed: bool,
}

impl Readiness {
    pub(in crate::admin) fn new(store: Store, broker: Broker, feed: Feed) -> Self {
        Self { store, broker, feed, seen: Arc::default() }
    }

    async fn look(&self) -> Parts {
        let mut seen = self.seen.lock().await;
        if let Some((_, parts)) = seen.filter(|(at, _)| at.elapsed() < FRESH) {
            return parts;
        }
        let (schema, queues) = tokio::join!(
            timeout(PART_WITHIN, self.store.schema()),
            timeout(PART_WITHIN, self.broker.queue_status())
        );
        let schema = schema.ok().and_then(Result::ok);
        let parts = Parts {
            database: schema.is_some(),
            schema: schema.is_some_and(|schema| schema.check().is_ok()),
            broker: matches!(queues, Ok(Ok(_))),
            feed: self.feed.is_live(),
        };
        *seen = Some((Instant::now(), parts));
        parts
    }
}
