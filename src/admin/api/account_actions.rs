//! `POST /api/admin/ebay/tokens/{account}/pause`, `resume` and `refresh`.

use axum::{Json, extract::State, response::Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    extract::{Params, Segment},
    lookup::{Narrow, find_account},
    press::{PressState, Wait, press},
};
use crate::{
    admin::{auth::authenticator::SignedIn, problem::Problem},
    domain::account::{Environment, Role},
    message::Source,
    store::{Account, Store},
};

/// Stops refreshing the account. What is under way goes on.
pub(in crate::admin) async fn pause(
    user: SignedIn,
    State(store): State<Store>,
    Segment(account): Segment,
    Params(narrow): Params<Narrow>,
) -> Result<Json<Value>, Problem> {
    let account = find_operated(&store, &user, &account, &narrow).await?;
    store.pause_account(account.subject.account_id).await?;
    Ok(done(&user, &account, true, account.paused_at.is_none()))
}

/// Lets the account be refreshed, at once if it was paused.
pub(in crate::admin) async fn resume(
    user: SignedIn,
    State(store): State<Store>,
    Segment(account): Segment,
    Params(narrow): Params<Narrow>,
) -> Result<Json<Value>, Problem> {
    let account = find_operated(&store, &user, &account, &narrow).await?;
    let changed = store.resume_account(account.subject.account_id, &user.id().to_string()).await?;
    Ok(done(&user, &account, false, changed))
}

/// What narrows the account, and how long to wait.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::admin) struct RefreshQuery {
    env: Option<Environment>,
    org: Option<String>,
    wait: Option<Wait>,
}

/// A refresh like the scheduler's, at a person's wish.
pub(in crate::admin) async fn refresh(
    user: SignedIn,
    State(state): State<PressState>,
    Segment(account): Segment,
    Params(query): Params<RefreshQuery>,
) -> Result<Response, Problem> {
    let narrow = Narrow { env: query.env, org: query.org };
    let account = find_account(&state.store, &user, &account, &narrow).await?;
    press(&state, &user, &account, Source::Admin, query.wait).await
}

async fn find_operated(
    store: &Store,
    user: &SignedIn,
    account: &str,
    narrow: &Narrow,
) -> Result<Account, Problem> {
    let account = find_account(store, user, account, narrow).await?;
    user.require(Role::Operator, account.subject.org_id)?;
    Ok(account)
}

fn done(user: &SignedIn, account: &Account, paused: bool, changed: bool) -> Json<Value> {
    tracing::info!(account.id = %account.subject.account_id, user.id = %user.id(), "{}",
        if paused { "paused" } else { "resumed" });
    Json(json!({
        "account_id": account.subject.account_id,
        "account": account.subject.username,
        "environment": account.subject.environment,
        "paused": paused,
        "changed": changed,
    }))
}
