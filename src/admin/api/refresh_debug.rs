//! `POST /api/admin/ebay/token/refresh-debug`: a debug run.

use axum::{extract::State, response::Response};
use serde::Deserialize;

use super::{
    extract::{Body, Params},
    lookup::{Narrow, find_account},
    press::{PressState, Wait, press},
};
use crate::{
    admin::{auth::authenticator::SignedIn, problem::Problem},
    domain::account::Environment,
    message::Source,
};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::admin) struct Query {
    wait: Option<Wait>,
}

/// The body: an account by id or username, which environment and org narrow down.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::admin) struct Asked {
    account: String,
    env: Option<Environment>,
    org: Option<String>,
}

pub(in crate::admin) async fn post(
    user: SignedIn,
    State(state): State<PressState>,
    Params(query): Params<Query>,
    Body(asked): Body<Asked>,
) -> Result<Response, Problem> {
    let narrow = Narrow { env: asked.env, org: asked.org };
    let account = find_account(&state.store, &user, &asked.account, &narrow).await?;
    press(&state, &user, &account, Source::Debug, query.wait).await
}
