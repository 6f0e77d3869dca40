//! `GET /api/admin/ebay/tokens/series`: refreshes by class and what waited, over the last hour or day.

use std::time::Duration;

use axum::{Json, extract::State};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::extract::Params;
use crate::{
    admin::{auth::authenticator::SignedIn, problem::Problem},
    domain::account::Environment,
    store::Store,
};

/// How far back.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(in crate::admin) enum Past {
    /// In spans of a minute.
    Hour,
    /// In spans of half an hour.
    Day,
}

impl Past {
    /// All there are, the first of which is shown first.
    pub(in crate::admin) const ALL: [Self; 2] = [Self::Hour, Self::Day];
}

/// The query's parameters.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::admin) struct Query {
    env: Option<Environment>,
    past: Past,
}

pub(in crate::admin) async fn get(
    user: SignedIn,
    State(store): State<Store>,
    Params(query): Params<Query>,
) -> Result<Json<Value>, Problem> {
    let (past, step) = match query.past {
        Past::Hour => (Duration::from_secs(3_600), Duration::from_secs(60)),
        Past::Day => (Duration::from_secs(86_400), Duration::from_secs(1_800)),
    };
    let orgs = user.orgs();
    let classes = store.entries_by_class(orgs.as_deref(), query.env, past, step).await?;
    // What waits is the fleet's, so only platform admins see it.
    let backlog = if user.is_platform_admin() { Some(store.backlog(past, step).await?) } else { None };
    let at = store.clock().await?;
    Ok(Json(json!({
        "at": at,
        "past_seconds": past.as_secs(),
        "step_seconds": step.as_secs(),
        "classes": classes,
        "backlog": backlog,
    })))
}
