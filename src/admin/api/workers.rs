//! `GET /api/admin/workers`: what runs, how full the queues are, and what of the quota is spent.

use axum::{Json, extract::State};
use serde_json::{Value, json};

use super::health::FleetFigures;
use crate::{
    admin::{auth::authenticator::SignedIn, lead::Lead, problem::Problem},
    store::{QuotaUse, Store},
};

pub(in crate::admin) async fn get(
    user: SignedIn,
    State(store): State<Store>,
    State(fleet): State<FleetFigures>,
    State(lead): State<Lead>,
) -> Result<Json<Value>, Problem> {
    user.require_platform_admin("Instances, queues and quota")?;
    let (instances, figures, health) =
        tokio::try_join!(store.list_instances(), fleet.figures(), fleet.seen_by(&user))?;
    let report = &figures.report;
    let quota: Vec<Value> = figures.quota.iter().map(|used| with_forecast(used, lead)).collect();
    Ok(Json(json!({
        "instances": instances,
        "queues": report.queues,
        "scheduler": {
            "live": report.figures.schedulers,
            "last_tick_at": report.figures.last_tick_at,
            "last_tick_age_seconds": report.figures.last_tick_age_seconds,
        },
        "health": health,
        "quota": quota,
    })))
}

/// What was spent, and what comes of it.
pub(in crate::admin) fn with_forecast(used: &QuotaUse, Lead(lead): Lead) -> Value {
    let mut value = json!(used);
    value["forecast"] = json!(used.forecast(lead));
    value
}
