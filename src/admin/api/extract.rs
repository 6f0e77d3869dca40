//! Reading what a request brings, with errors that say what would be right.

use axum::{
    Json,
    extract::{FromRequest, FromRequestParts, Path, Query, Request, rejection::JsonRejection},
    http::{StatusCode, request::Parts},
};
use serde::{Deserialize, Deserializer, de::DeserializeOwned};

use crate::admin::problem::Problem;

/// Longest body that is read.
pub(in crate::admin) const BODY_MAX_BYTES: usize = 16 * 1024;
/// Rows of a page where the client names no number.
pub(in crate::admin) const LIMIT_DEFAULT: i64 = 100;
/// Most rows of a page.
const LIMIT_MAX: i64 = 1_000;

/// Query parameters. Their type denies unknown ones, so a misspelt filter is never ignored.
pub(in crate::admin) struct Params<T>(pub(in crate::admin) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Params<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match Query::<T>::from_request_parts(parts, state).await {
            Ok(Query(params)) => Ok(Self(params)),
            Err(rejection) => Err(Problem::bad_request(
                "bad-parameter",
                "A query parameter is wrong",
                std::error::Error::source(&rejection)
                    .map_or_else(|| rejection.body_text(), ToString::to_string),
            )),
        }
    }
}

/// A JSON body.
pub(in crate::admin) struct Body<T>(pub(in crate::admin) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        match Json::<T>::from_request(request, state).await {
            Ok(Json(body)) => Ok(Self(body)),
            Err(rejection) => Err(bad_body(&rejection)),
        }
    }
}

fn bad_body(rejection: &JsonRejection) -> Problem {
    match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => Problem::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "body-too-large",
            "The body is too large",
            format!("At most {BODY_MAX_BYTES} bytes are read."),
        ),
        StatusCode::UNSUPPORTED_MEDIA_TYPE => Problem::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "not-json",
            "The body must be JSON",
            "Send the header `Content-Type: application/json`.",
        ),
        _ => Problem::bad_request(
            "bad-body",
            "The body is wrong",
            std::error::Error::source(rejection).map_or_else(|| rejection.body_text(), ToString::to_string),
        ),
    }
}

/// The one variable part of a path.
pub(in crate::admin) struct Segment(pub(in crate::admin) String);

impl<S: Send + Sync> FromRequestParts<S> for Segment {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let read = Path::<String>::from_request_parts(parts, state).await;
        read.map(|Path(segment)| Self(segment)).map_err(|_| bad_path())
    }
}

/// The two variable parts of a path.
pub(in crate::admin) struct Segments(pub(in crate::admin) String, pub(in crate::admin) String);

impl<S: Send + Sync> FromRequestParts<S> for Segments {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let read = Path::<(String, String)>::from_request_parts(parts, state).await;
        read.map(|Path((one, other))| Self(one, other)).map_err(|_| bad_path())
    }
}

fn bad_path() -> Problem {
    Problem::bad_request("bad-path", "The path is wrong", "Its percent-encoded parts must be UTF-8.")
}

/// A page's `limit`: 1 to 1,000, 100 where it is absent.
#[derive(Debug, Clone, Copy)]
pub(in crate::admin) struct Limit(pub(in crate::admin) i64);

impl Default for Limit {
    fn default() -> Self {
        Self(LIMIT_DEFAULT)
    }
}

impl<'de> Deserialize<'de> for Limit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        match text.parse() {
            Ok(limit @ 1..=LIMIT_MAX) => Ok(Self(limit)),
            _ => Err(serde::de::Error::custom(format!("not a number from 1 to {LIMIT_MAX}"))),
        }
    }
}
