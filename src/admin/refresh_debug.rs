//! `POST /api/admin/ebay/token/refresh-debug`: a debug run.

use axum::{extract::State, response::Response};
use serde::Deserialize;

use super::{
    account::{Narrow, find_account},
    auth::SignedIn,
    extract::{Body, Params},
    press::{Bench, Wait, press},
    problem::Problem,
};
use crate::{account::Environment, message::Source};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Query {
    wait: Option<Wait>,
}

/// The body: an account by id or username, which environment and org narrow down.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    account: String,
    env: Option<Environment>,
    org: Option<String>,
}

pub(super) async fn post(
    user: SignedIn,
    State(bench): State<Bench>,
    Params(query): Params<Query>,
    Body(asked): Body<Asked>,
) -> Result<Response, Problem> {
    let narrow = Narrow { env: asked.env, org: asked.org };
    let account = find_account(&bench.store, &user, &asked.account, &narrow).await?;
    press(&bench, &user, &account, Source::Debug, query.wait).await
}
