//! `GET /api/admin/ebay/tokens/terminal-logs`: every attempt, newest first, and how far the view can
//! be trusted.

use axum::{Json, extract::State};
use serde::Serialize;
use serde_json::{Value, json};

use super::{
    extract::{Limit, Params},
    filter::filter_query,
    health::FleetFigures,
};
use crate::{
    admin::{auth::authenticator::SignedIn, problem::Problem},
    message::Entry,
    store::{Cursor, Store},
};

filter_query! {
    #[serde(default)]
    limit: Limit,
    before: Option<String>,
}

pub(in crate::admin) async fn get(
    user: SignedIn,
    State(store): State<Store>,
    State(fleet): State<FleetFigures>,
    Params(query): Params<Query>,
) -> Result<Json<Value>, Problem> {
    let before: Option<Cursor> = query.before.as_deref().map(str::parse).transpose().map_err(|error| {
        Problem::bad_request("bad-cursor", "The cursor is wrong", format!("before is {error}."))
    })?;
    let filter = query.filter().for_user(&store, &user).await?;
    let (page, health) =
        tokio::try_join!(store.history_page(&filter, before.as_ref(), query.limit.0), fleet.seen_by(&user))?;
    let entries: Vec<Placed<'_>> = page.entries.iter().map(Placed::of).collect();
    Ok(Json(json!({
        "entries": entries,
        "next_before": page.next.map(|cursor| cursor.to_string()),
        "searched_to": page.next.map(|cursor| cursor.created_at),
        "health": health.judged(),
    })))
}

/// An entry with its place in history: what is asked for `before` that is older. As texts, cursors
/// sort as their entries do.
#[derive(Serialize)]
pub(in crate::admin) struct Placed<'a> {
    #[serde(flatten)]
    entry: &'a Entry,
    cursor: String,
}

impl<'a> Placed<'a> {
    pub(in crate::admin) fn of(entry: &'a Entry) -> Self {
        Self { entry, cursor: Cursor::of(entry).to_string() }
    }
}
