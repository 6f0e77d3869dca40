//! A person's press: stored, published, and if wanted waited for.
//!
//! The request stands in the database before the answer, so it will have an entry whatever happens;
//! publishing it only saves time. The answer does not wait for the broker longer than a moment.

use std::time::Duration;

use axum::{
    Json,
    http::{HeaderName, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Deserializer};
use serde_json::{Value, json};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::lookup::no_account;
use crate::{
    admin::{auth::authenticator::SignedIn, problem::Problem},
    connect_log::{Feed, wait_for},
    domain::account::{AccountId, AttemptId, Role},
    message::Source,
    queue::Broker,
    refresh::request_refresh,
    store::{Account, Store, StoreError},
};

/// How long an answer waits for the broker's confirm. The message is published to the end in any case.
const PUBLISH_WITHIN: Duration = Duration::from_secs(1);
/// Longest wait that may be asked for.
pub(in crate::admin) const WAIT_MAX_SECS: u64 = 60;

/// How long the client wants to wait for the entry: `?wait=` 1 to 60 seconds.
#[derive(Debug, Clone, Copy)]
pub(in crate::admin) struct Wait(Duration);

impl<'de> Deserialize<'de> for Wait {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        match String::deserialize(deserializer)?.parse() {
            Ok(seconds @ 1..=WAIT_MAX_SECS) => Ok(Self(Duration::from_secs(seconds))),
            _ => Err(serde::de::Error::custom(format!("not a number of seconds from 1 to {WAIT_MAX_SECS}"))),
        }
    }
}

/// What a press works with.
#[derive(Clone)]
pub(in crate::admin) struct PressState {
    pub(in crate::admin) store: Store,
    pub(in crate::admin) broker: Broker,
    pub(in crate::admin) feed: Feed,
    pub(in crate::admin) shutdown: CancellationToken,
}

/// Accepts a refresh of `account` as `source`: 202 with the attempt's id, or with `wait` 200 with its
/// entry if that comes in time.
pub(in crate::admin) async fn press(
    state: &PressState,
    user: &SignedIn,
    account: &Account,
    source: Source,
    wait: Option<Wait>,
) -> Result<Response, Problem> {
    user.require(Role::Operator, account.subject.org_id)?;
    let id = account.subject.account_id;
    if state.store.stored_tokens(id).await?.is_none() {
        return Err(no_token());
    }
    let ahead = ahead_of(&state.store, id, source).await?;
    let by = user.id().to_string();
    let wait = wait.map(|Wait(limit)| (limit, state.feed.arrivals()));
    let request = match request_refresh(&state.store, state.broker.publisher(), id, source, &by).await {
        Ok(request) => request,
        // The account was removed a moment ago.
        Err(error) if error.is_row_fault() => return Err(no_account(None)),
        Err(error) => return Err(error.into()),
    };
    let attempt = request.attempt;
    let published = matches!(timeout(PUBLISH_WITHIN, request.published()).await, Ok(Ok(())));
    if let Some((limit, arrivals)) = wait {
        let found = wait_for(&state.store, arrivals, id, attempt, limit);
        if let Some(Some(entry)) = state.shutdown.run_until_cancelled(found).await.transpose()? {
            return Ok(
                Json(json!({ "attempt_id": attempt, "account_id": id, "entry": entry })).into_response()
            );
        }
    }
    Ok(accepted(account, (attempt, source), published, ahead))
}

/// The account has no token that could be refreshed.
pub(in crate::admin) fn no_token() -> Problem {
    Problem::conflict(
        "no-token",
        "The account has no token yet",
        "Import the seller's refresh token first (`token-refresh accounts import`).",
    )
}

/// The attempt that stands in the way: under way, or waiting for a worker.
async fn ahead_of(
    store: &Store,
    account: AccountId,
    source: Source,
) -> Result<Option<AttemptId>, StoreError> {
    match store.lease_of(account).await? {
        Some(attempt) => Ok(Some(attempt)),
        None => store.waiting_request(account, source).await,
    }
}

fn accepted(
    account: &Account,
    (attempt, source): (AttemptId, Source),
    published: bool,
    ahead: Option<AttemptId>,
) -> Response {
    let account_id = account.subject.account_id;
    let entry_url = format!("/api/admin/ebay/tokens/{account_id}/attempts/{attempt}");
    let mut body = json!({
        "attempt_id": attempt,
        "account_id": account_id,
        "account": account.subject.username,
        "environment": account.subject.environment,
        "source": source,
        "entry_url": entry_url,
        "published": published,
    });
    if !published {
        body["note"] = "The broker has not confirmed the request yet. It is stored, and the scheduler publishes it again until a worker takes it; after a minute without one its entry says so.".into();
    }
    if let Some(other) = ahead {
        body["in_flight"] = json!(other);
    }
    let location: [(HeaderName, String); 1] = [(header::LOCATION, entry_url)];
    (StatusCode::ACCEPTED, location, Json::<Value>(body)).into_response()
}
