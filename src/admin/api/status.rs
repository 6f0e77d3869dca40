//! `GET /api/admin/ebay/tokens/status`: a row per account.

use axum::{Json, extract::State};
use serde::Deserialize;
use serde_json::{Value, json};

use super::extract::{Limit, Params};
use crate::{
    admin::{auth::authenticator::SignedIn, lead::Lead, problem::Problem},
    domain::account::{AccountId, Environment, Status},
    store::{StatusFilter, Store},
};

/// The query's parameters; absent ones filter nothing.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::admin) struct Query {
    env: Option<Environment>,
    #[serde(default)]
    failing: bool,
    #[serde(default)]
    limit: Limit,
    after: Option<String>,
    account: Option<AccountId>,
    q: Option<String>,
    status: Option<Status>,
    ends_within_days: Option<u16>,
    #[serde(default)]
    order: Order,
}

/// In which order accounts come.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Order {
    /// By id: the order for machines, which misses none however states change.
    #[default]
    Id,
    /// What a person must see to first.
    Urgency,
}

pub(in crate::admin) async fn get(
    user: SignedIn,
    State(store): State<Store>,
    State(Lead(lead)): State<Lead>,
    Params(query): Params<Query>,
) -> Result<Json<Value>, Problem> {
    let after: Option<AccountId> = query.after.as_deref().map(str::parse).transpose().map_err(|_| {
        Problem::bad_request(
            "bad-cursor",
            "The cursor is wrong",
            "after is next_after from the page before: an account's id.",
        )
    })?;
    let filter = StatusFilter {
        orgs: user.orgs(),
        environment: query.env,
        account: query.account,
        failing: query.failing,
        text: query.q.map(|text| text.trim().replace('\0', "")).filter(|text| !text.is_empty()),
        status: query.status,
        ends_within_days: query.ends_within_days.map(i32::from),
        after,
    };
    let urgent = query.order == Order::Urgency
        || filter.text.is_some()
        || filter.status.is_some()
        || filter.ends_within_days.is_some();
    let accounts = if urgent {
        store.accounts_by_urgency(&filter, lead, query.limit.0).await?
    } else {
        store.account_status(&filter, lead, query.limit.0).await?
    };
    let full = i64::try_from(accounts.len()).is_ok_and(|rows| rows >= query.limit.0);
    let next_after = accounts.last().filter(|_| full).map(|account| account.account_id);
    Ok(Json(json!({ "accounts": accounts, "next_after": next_after })))
}
