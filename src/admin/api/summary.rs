//! `GET /api/admin/ebay/tokens/summary`: how many accounts are in which state, and the quota they share.

use axum::{Json, extract::State};
use serde_json::{Value, json};

use super::{extract::Params, health::FleetFigures, lookup::Narrow, workers::with_forecast};
use crate::{
    admin::{auth::authenticator::SignedIn, lead::Lead, problem::Problem},
    store::{StatusFilter, Store},
};

pub(in crate::admin) async fn get(
    user: SignedIn,
    State(store): State<Store>,
    State(fleet): State<FleetFigures>,
    State(Lead(lead)): State<Lead>,
    Params(narrow): Params<Narrow>,
) -> Result<Json<Value>, Problem> {
    let filter = StatusFilter { orgs: user.orgs(), environment: narrow.env, ..StatusFilter::default() };
    let orgs = user.orgs();
    let (statuses, quota, health) = tokio::try_join!(
        store.status_counts(&filter, lead),
        store.quota_use(orgs.as_deref()),
        fleet.seen_by(&user)
    )?;
    let health = health.with_accounts(&statuses).with_keysets(&quota);
    let quota: Vec<Value> = quota.iter().map(|used| with_forecast(used, Lead(lead))).collect();
    let accounts: i64 = statuses.iter().map(|count| count.accounts).sum();
    Ok(Json(json!({ "accounts": accounts, "statuses": statuses, "quota": quota, "health": health.judged() })))
}
