//! Errors as RFC 9457 problem documents: what went wrong, and what to do about it.

use axum::{
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::{Map, Value, json};

use crate::store::StoreError;

/// Longest detail, in characters: part of it may be the client's own text.
const DETAIL_MAX_CHARS: usize = 600;
/// When to try again while the database is away.
const RETRY_AFTER_SECS: u32 = 5;

/// An error as the client gets it. Its text never holds an inner error's.
#[derive(Debug)]
pub(super) struct Problem {
    status: StatusCode,
    kind: &'static str,
    title: &'static str,
    detail: String,
    members: Map<String, Value>,
    headers: Vec<(HeaderName, HeaderValue)>,
}

impl Problem {
    /// A problem of the type `urn:token-refresh:problem:<kind>`.
    pub(super) fn new(
        status: StatusCode,
        kind: &'static str,
        title: &'static str,
        detail: impl Into<String>,
    ) -> Self {
        let detail = detail.into().chars().take(DETAIL_MAX_CHARS).collect();
        Self { status, kind, title, detail, members: Map::new(), headers: Vec::new() }
    }

    /// The answer's status.
    pub(super) fn status(&self) -> StatusCode {
        self.status
    }

    /// What went wrong, and what to do about it.
    pub(super) fn words(&self) -> (&str, &str) {
        (self.title, &self.detail)
    }

    /// With a member of its own beside RFC 9457's.
    pub(super) fn with(mut self, member: &str, value: impl Into<Value>) -> Self {
        self.members.insert(member.to_owned(), value.into());
        self
    }

    /// With a header.
    pub(super) fn header(mut self, name: HeaderName, value: impl Into<HeaderValue>) -> Self {
        self.headers.push((name, value.into()));
        self
    }

    /// The client's query or body is not as it should be.
    pub(super) fn bad_request(kind: &'static str, title: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, kind, title, detail)
    }

    /// The user may see it, but not do this.
    pub(super) fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", "Not allowed", detail)
    }

    /// There is no such thing among what the user may see.
    pub(super) fn not_found(kind: &'static str, title: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, kind, title, detail)
    }

    /// It cannot be done as things stand.
    pub(super) fn conflict(kind: &'static str, title: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, kind, title, detail)
    }

    /// It may be done a little later.
    pub(super) fn unavailable(kind: &'static str, title: &'static str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, kind, title, detail)
            .header(header::RETRY_AFTER, RETRY_AFTER_SECS)
    }

    /// A fault of this program; what it is stands in the log alone.
    pub(super) fn internal() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal",
            "Internal error",
            "This is a fault of the service and stands in its log. Try again; if it recurs, tell its operator.",
        )
    }
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        let chain = crate::error_chain::Chain(&error);
        if error.is_transient() {
            tracing::warn!(error = %chain, "a request met a database that is away");
            return Self::unavailable(
                "database-unavailable",
                "The database is away",
                "Nothing can be read or accepted without it. Try again in a few seconds.",
            );
        }
        tracing::error!(error = %chain, "a request failed");
        Self::internal()
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut document = Map::new();
        document.insert("type".into(), format!("urn:token-refresh:problem:{}", self.kind).into());
        document.insert("title".into(), self.title.into());
        document.insert("status".into(), self.status.as_u16().into());
        document.insert("detail".into(), self.detail.into());
        document.extend(self.members);
        let content_type = HeaderValue::from_static("application/problem+json");
        let mut response = (self.status, [(header::CONTENT_TYPE, content_type)], json!(document).to_string())
            .into_response();
        response.headers_mut().extend(self.headers);
        response
    }
}
