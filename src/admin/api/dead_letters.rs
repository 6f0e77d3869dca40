//! `GET /api/admin/dead-letters/{queue}`, `POST …/redrive` and `POST …/discard`: what nobody could
//! handle. For platform admins: a letter may concern any org.

use axum::{Json, extract::State};
use serde::Deserialize;
use serde_json::{Value, json};

use super::extract::{Body, Limit, Params, Segment, Segments};
use crate::{
    admin::{auth::authenticator::SignedIn, problem::Problem},
    queue::{Broker, DeadLetterError, Fate},
};

/// Most letters dealt with in one request.
const AT_ONCE: usize = 1_000;

/// The query's parameters.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::admin) struct Query {
    #[serde(default)]
    limit: Limit,
}

pub(in crate::admin) async fn get(
    user: SignedIn,
    State(broker): State<Broker>,
    Segment(queue): Segment,
    Params(query): Params<Query>,
) -> Result<Json<Value>, Problem> {
    user.require_platform_admin("Dead letters")?;
    let limit = usize::try_from(query.limit.0).unwrap_or(1);
    let mut letters = broker.dead_letters(&queue, limit + 1).await?;
    let more = letters.len() > limit;
    letters.truncate(limit);
    let letters: Vec<Value> = letters
        .into_iter()
        .map(|letter| {
            json!({
                "key": letter.key,
                "message_id": letter.message_id,
                "message_type": letter.message_type,
                "reason": letter.reason,
                "source_queue": letter.source_queue,
                "body_bytes": letter.body_bytes,
                "body": letter.body,
            })
        })
        .collect();
    Ok(Json(json!({ "queue": queue, "letters": letters, "more": more })))
}

/// The body: one letter by its key, or all.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::admin) struct Asked {
    key: Option<String>,
    #[serde(default)]
    all: bool,
}

pub(in crate::admin) async fn post(
    user: SignedIn,
    State(broker): State<Broker>,
    Segments(queue, fate): Segments,
    Body(asked): Body<Asked>,
) -> Result<Json<Value>, Problem> {
    user.require_platform_admin("Dead letters")?;
    let fate = match fate.as_str() {
        "redrive" => Fate::Redrive,
        "discard" => Fate::Discard,
        _ => return Err(no_queue()),
    };
    if asked.key.is_some() == asked.all {
        return Err(Problem::bad_request(
            "bad-body",
            "The body is wrong",
            "Name one letter by \"key\", or say \"all\": true.",
        ));
    }
    let settled = broker.settle_dead_letters(&queue, asked.key.as_deref(), fate, AT_ONCE).await?;
    if settled == 0 && asked.key.is_some() {
        return Err(Problem::not_found(
            "no-such-letter",
            "No such letter",
            "Somebody else has dealt with it. Look at the queue again.",
        ));
    }
    tracing::info!(user.id = %user.id(), queue.name = queue, letters = settled, fate = ?fate, "dealt with dead letters");
    Ok(Json(json!({ "queue": queue, "letters": settled })))
}

fn no_queue() -> Problem {
    Problem::not_found(
        "no-such-queue",
        "No such queue of dead letters",
        "`GET /api/admin/workers` lists the queues; those that end in .dead, and unroutable, hold dead letters.",
    )
}

impl From<DeadLetterError> for Problem {
    fn from(error: DeadLetterError) -> Self {
        let chain = crate::error_chain::Chain(&error);
        match &error {
            DeadLetterError::UnknownQueue => return no_queue(),
            DeadLetterError::NoWayBack => {
                return Self::conflict(
                    "no-way-back",
                    "Where the letter came from is not known",
                    "It cannot be sent back. Read it, and discard it.",
                );
            }
            DeadLetterError::Broker(_) | DeadLetterError::Publish(_) => {}
        }
        tracing::warn!(error = %chain, "dead letters could not be dealt with");
        Self::unavailable(
            "broker-unavailable",
            "The broker is away, or its queue is full",
            "Letters that were not dealt with stay where they are. Try again in a few seconds.",
        )
    }
}
