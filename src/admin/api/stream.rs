//! `GET /api/admin/ebay/tokens/terminal-logs/stream`: entries as they come, as server-sent events.
//!
//! Wanted: a client sees each entry of its orgs, over any number of reconnects to any process; what
//! a user may no longer see is not sent; a slow client costs a bounded amount of memory.
//!
//! The event id is the position up to which the store was walked, so a reconnect with
//! `Last-Event-ID` goes on there; entries that the broker brought ahead of the walk come again, under
//! their own id. The first event tells the position at the start, so a connection that is lost
//! before its first entry loses nothing. Events are made when the connection takes them: nothing
//! waits here beyond the feed's bounded channel.
//!
//! Events: `entry` (an entry; with a `position` it is the stored one, which replaces what came before
//! under its id), `cursor` (only the id moved), `gap` (what lies between is no longer
//! kept: read the past again), `live` (whether the broker brings entries at once), `health`.

use std::{collections::VecDeque, convert::Infallible, time::Duration};

use axum::{
    extract::State,
    http::HeaderMap,
    response::{
        IntoResponse, Sse,
        sse::{Event, KeepAlive},
    },
};
use serde::Serialize;
use serde_json::json;
use tokio::{sync::mpsc, time::Instant};
use tokio_util::sync::CancellationToken;

use super::{
    extract::Params,
    filter::filter_query,
    health::FleetFigures,
    stream_slots::{StreamSlot, StreamSlots},
    terminal_logs::Placed,
};
use crate::{
    admin::{
        auth::authenticator::{Authenticator, SignedIn},
        problem::Problem,
    },
    connect_log::{Feed, FeedEvent},
    store::Store,
};

/// Time between two `health` events; with each the user's right to the stream is looked at again.
const HEALTH_EVERY: Duration = Duration::from_secs(5);
/// How long a stream goes on while its user's right cannot be looked at.
const TRUSTED_FOR: Duration = Duration::from_secs(30);
/// Comments that keep a silent connection open.
const KEEP_ALIVE: Duration = Duration::from_secs(10);
/// When a client comes back after a lost connection.
const RECONNECT: Duration = Duration::from_secs(2);

filter_query! {
    after: Option<String>,
}

pub(in crate::admin) async fn get(
    user: SignedIn,
    State(sources): State<Sources>,
    headers: HeaderMap,
    Params(query): Params<Query>,
) -> Result<impl IntoResponse, Problem> {
    // A reconnecting page repeats its address, so the header knows more than the query.
    let asked = match headers.get("last-event-id") {
        Some(id) => Some(id.to_str().map_err(|_| bad_cursor("Last-Event-ID"))?.to_owned()),
        None => query.after.clone(),
    };
    let asked = asked.as_deref().map(|text| position(text).ok_or_else(|| bad_cursor("after"))).transpose()?;
    let filter = query.filter().for_user(&sources.store, &user).await?;
    let slot = sources.slots.take(user.id())?;
    let (last, first) = sources.store.positions().await?;
    let mut ready = VecDeque::from([Event::default().retry(RECONNECT).comment("terminal-logs")]);
    let after = match asked {
        // A position that does not exist yet is another database's; waiting for it would hide all.
        Some(asked) if asked > last => {
            ready.push_back(event("gap", last, &json!({ "asked": asked, "first": first })));
            last
        }
        asked => asked.unwrap_or(last),
    };
    ready.push_back(cursor(after));
    let events = sources.feed.follow(filter, Some(after));
    let began = Instant::now();
    let stream = Stream { user, sources, events, ready, check_at: began, trusted_at: began, _slot: slot };
    let events = futures::stream::unfold(stream, |mut stream| async {
        let event = stream.next().await?;
        Some((Ok::<_, Infallible>(event), stream))
    });
    // nginx would hold events back until its buffer is full.
    Ok(([("x-accel-buffering", "no")], Sse::new(events).keep_alive(KeepAlive::new().interval(KEEP_ALIVE))))
}

/// What a stream is made from.
#[derive(Clone)]
pub(in crate::admin) struct Sources {
    pub(in crate::admin) store: Store,
    pub(in crate::admin) feed: Feed,
    pub(in crate::admin) fleet: FleetFigures,
    pub(in crate::admin) authenticator: Authenticator,
    pub(in crate::admin) slots: StreamSlots,
    pub(in crate::admin) shutdown: CancellationToken,
}

struct Stream {
    user: SignedIn,
    sources: Sources,
    events: mpsc::Receiver<FeedEvent>,
    ready: VecDeque<Event>,
    check_at: Instant,
    trusted_at: Instant,
    _slot: StreamSlot,
}

impl Stream {
    /// The next event; none where the stream ends.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.ready.pop_front() {
                return Some(event);
            }
            tokio::select! {
                biased;
                () = self.sources.shutdown.cancelled() => return None,
                // Before the entries: a user who lost the right sees none of those that wait.
                () = tokio::time::sleep_until(self.check_at) => self.check().await?,
                event = self.events.recv() => self.ready.push_back(told(event?)),
            }
        }
    }

    /// Looks at the user's right again and tells of the health; none where the right is gone.
    async fn check(&mut self) -> Option<()> {
        self.check_at = Instant::now() + HEALTH_EVERY;
        match self.user.still_holds(&self.sources.authenticator).await {
            Ok(true) => self.trusted_at = Instant::now(),
            Err(_) if self.trusted_at.elapsed() < TRUSTED_FOR => return Some(()),
            Ok(false) | Err(_) => return None,
        }
        if let Ok(health) = self.sources.fleet.seen_by(&self.user).await {
            self.ready.push_back(plain("health", &health.judged()));
        }
        Some(())
    }
}

fn told(event: FeedEvent) -> Event {
    match event {
        FeedEvent::Entry { entry, cursor, .. } => self::event("entry", cursor, &Placed::of(&entry)),
        FeedEvent::Cursor(position) => cursor(position),
        FeedEvent::Gap { asked, first } => {
            self::event("gap", first - 1, &json!({ "asked": asked, "first": first }))
        }
        FeedEvent::Live(live) => plain("live", &json!({ "live": live })),
    }
}

/// An event without data would not reach a page's listeners.
fn cursor(position: i64) -> Event {
    event("cursor", position, &json!({ "position": position }))
}

fn event(name: &str, position: i64, data: &impl Serialize) -> Event {
    plain(name, data).id(position.to_string())
}

fn plain(name: &str, data: &impl Serialize) -> Event {
    Event::default().event(name).json_data(data).expect("entries and figures have only text keys")
}

/// Reads an event id.
fn position(text: &str) -> Option<i64> {
    text.parse().ok().filter(|position| *position >= 0)
}

fn bad_cursor(what: &str) -> Problem {
    Problem::bad_request(
        "bad-cursor",
        "The cursor is wrong",
        format!("{what} is the id of an event of this stream: a number."),
    )
}
