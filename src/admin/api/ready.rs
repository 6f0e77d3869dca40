//! `GET /healthz` and `GET /readyz`: whether the process is up, and whether it can do its work.
//!
//! Ready means that the servers answer and that the last work of every part that runs in this process
//! succeeded. They need no token, so the answers name parts and never reasons, which may hold addresses.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};
use tokio::{sync::Mutex, time::timeout};

use crate::{connect_log::Feed, queue::Broker, store::Store, vital::Vitals};

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
    let ready = parts.values().all(|ready| *ready);
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(json!({ "ready": ready, "parts": parts }))).into_response()
}

/// Each part, and whether it is ready.
type Parts = BTreeMap<&'static str, bool>;

/// What the process needs, looked at. Cheap to clone.
#[derive(Clone)]
pub(in crate::admin) struct Readiness {
    store: Store,
    broker: Broker,
    feed: Feed,
    vitals: Vitals,
    asked: Arc<Mutex<Option<(Instant, Parts)>>>,
}

impl Readiness {
    pub(in crate::admin) fn new(store: Store, broker: Broker, feed: Feed, vitals: Vitals) -> Self {
        Self { store, broker, feed, vitals, asked: Arc::default() }
    }

    async fn look(&self) -> Parts {
        let mut parts = self.servers().await;
        parts.insert("feed", self.feed.is_live());
        parts.extend(self.vitals.ready());
        parts
    }

    /// Whether the servers answer, and the schema is this binary's or that of a later one.
    async fn servers(&self) -> Parts {
        let mut asked = self.asked.lock().await;
        if let Some((_, parts)) = asked.as_ref().filter(|(at, _)| at.elapsed() < FRESH) {
            return parts.clone();
        }
        let (schema, queues) = tokio::join!(
            timeout(PART_WITHIN, self.store.schema()),
            timeout(PART_WITHIN, self.broker.queue_status())
        );
        let schema = schema.ok().and_then(Result::ok);
        let parts = Parts::from([
            ("database", schema.is_some()),
            ("schema", schema.is_some_and(|schema| schema.check().is_ok())),
            ("broker", matches!(queues, Ok(Ok(_)))),
        ]);
        *asked = Some((Instant::now(), parts.clone()));
        parts
    }
}
