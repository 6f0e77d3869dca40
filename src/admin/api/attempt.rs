//! `GET /api/admin/ebay/tokens/{account}/attempts/{attempt}`: what became of one attempt, or how far it is.

use axum::{
    Json,
    extract::State,
    http::StatusCode,
    response::{IntoResponse, Response},
};
use serde_json::json;

use super::{
    extract::{Params, Segments},
    lookup::{Narrow, find_account},
};
use crate::{
    admin::{auth::authenticator::SignedIn, problem::Problem},
    domain::account::AttemptId,
    store::Store,
};

/// 200 with the entry; 202 while a person's request waits or runs.
pub(in crate::admin) async fn get(
    user: SignedIn,
    State(store): State<Store>,
    Segments(account, attempt): Segments,
    Params(narrow): Params<Narrow>,
) -> Result<Response, Problem> {
    let account = find_account(&store, &user, &account, &narrow).await?.subject.account_id;
    let attempt: AttemptId = attempt.parse().map_err(|_| no_attempt())?;
    // Asked for first: between a request that is not closed and an entry that is not there, the
    // attempt may have finished.
    let request = store.request_state(attempt, Some(account)).await?;
    if let Some(entry) = store.entry_of(account, attempt).await? {
        return Ok(Json(entry).into_response());
    }
    let Some(request) = request else { return Err(no_attempt()) };
    let state = match (request.claimed_at, request.called_at) {
        (None, _) => "waiting",
        (Some(_), None) => "claimed",
        (Some(_), Some(_)) => "calling",
    };
    let body = json!({ "attempt_id": attempt, "state": state, "phases": request });
    Ok((StatusCode::ACCEPTED, Json(body)).into_response())
}

fn no_attempt() -> Problem {
    Problem::not_found(
        "no-such-attempt",
        "No such attempt",
        "This account has no entry of that attempt, and no request for it waits. \
         A scheduled attempt shows here once it has ended.",
    )
}
