//! `GET /api/admin/workers`: what runs, how full the queues are, and what of the quota is spent.

use std::collections::BTreeMap;

use axum::{Json, extract::State};
use serde_json::{Value, json};

use super::health::FleetFigures;
use crate::{
    admin::{auth::authenticator::SignedIn, lead::Lead, problem::Problem, tone::Tone},
    queue::names,
    store::{Instance, QuotaUse, Store},
    terminal::QueueDepth,
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
        "instances": shown(&instances),
        "queues": report.queues.as_ref().map(|queues| queues.iter().map(with_state).collect::<Vec<_>>()),
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
    value["tone"] = json!(if used.state == "ready" { Tone::Ok } else { Tone::Bad });
    value
}

/// Instances with their state, and whether they differ from most live ones.
fn shown(instances: &[Instance]) -> Vec<Value> {
    let version = |one: &Instance| (one.version.clone(), one.commit.clone());
    let keys = |one: &Instance| one.key_ids.clone();
    let live = || instances.iter().filter(|one| one.live);
    let (usual_version, usual_keys) = (usual(live().map(version)), usual(live().map(keys)));
    let shown = |one: &Instance| {
        let state = match (one.live, one.stopped_at) {
            (true, _) => (Tone::Ok, "live"),
            (false, Some(_)) => (Tone::Off, "stopped"),
            (false, None) => (Tone::Bad, "silent"),
        };
        let mut value = json!(one);
        value["state"] = state_of(state);
        value["odd_version"] = (one.live && Some(version(one)) != usual_version).into();
        value["odd_keys"] = (one.live && Some(keys(one)) != usual_keys).into();
        value
    };
    instances.iter().map(shown).collect()
}

/// What occurs most often; of several the greatest.
fn usual<T: Ord>(all: impl Iterator<Item = T>) -> Option<T> {
    let mut counts = BTreeMap::new();
    for one in all {
        *counts.entry(one).or_insert(0) += 1;
    }
    counts.into_iter().max_by_key(|(_, count)| *count).map(|(one, _)| one)
}

/// A queue with its state.
fn with_state(queue: &QueueDepth) -> Value {
    let dead = names::DEAD.contains(&queue.name.as_str());
    let state = match (dead, queue.messages, queue.consumers) {
        (true, 0, _) => (Tone::Ok, "empty"),
        (true, ..) => (Tone::Warn, "dead letters"),
        (false, _, 0) => (Tone::Bad, "no consumer"),
        (false, ..) => (Tone::Ok, "consumed"),
    };
    let mut value = json!(queue);
    value["dead"] = dead.into();
    value["state"] = state_of(state);
    value
}

fn state_of((tone, text): (Tone, &str)) -> Value {
    json!({ "tone": tone, "text": text })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_usual_is_what_most_have() {
        assert_eq!(usual(["a", "b", "b"].into_iter()), Some("b"));
        assert_eq!(usual(std::iter::empty::<&str>()), None);
    }

    #[test]
    fn a_queue_is_consumed_or_empty_of_dead_letters() {
        let state = |name: &str, messages, consumers| {
            let queue = with_state(&QueueDepth { name: name.into(), messages, consumers });
            (queue["dead"] == true, queue["state"]["text"].as_str().expect("a text").to_owned())
        };
        assert_eq!(state(names::REFRESH_DUE, 5, 1), (false, "consumed".into()));
        assert_eq!(state(names::REFRESH_DUE, 0, 0), (false, "no consumer".into()));
        assert_eq!(state(names::UNROUTABLE, 0, 0), (true, "empty".into()));
        assert_eq!(state(names::REFRESH_DUE_DEAD, 1, 0), (true, "dead letters".into()));
    }
}
