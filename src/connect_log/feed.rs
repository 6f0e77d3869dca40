//! The live feed: entries as the exchange fans them out, and behind them a walk through the store
//! that brings what the exchange did not.
//!
//! Wanted: an entry is shown within moments of its finish; none is missed, whatever the broker, the
//! viewer's link or this process went through; none is shown twice; what is shown is what is stored.
//!
//! A follower's cursor is the position up to which it has walked the store. Positions become
//! visible in their order, so "everything up to the cursor" is a whole. An entry from the exchange
//! has no position yet: it is shown at once, its id is remembered, and when the walk comes to it,
//! only the cursor moves. A reconnect continues the walk from the cursor; entries that were shown
//! ahead of it come again, and the viewer knows them by their id.
//!
//! Whoever may publish may publish what is not true. So a digest of what was shown is remembered
//! with the id, and where the stored entry differs, the walk shows it again as a correction.

use std::{
    collections::{HashMap, VecDeque, hash_map::RandomState},
    hash::BuildHasher,
    sync::Arc,
    time::Duration,
};

use tokio::sync::{broadcast, mpsc, watch};
use tokio_util::sync::CancellationToken;
use uuid::Uuid;

use crate::{
    message::{Entry, MAX_ENTRY_BYTES},
    queue::{Broker, ViewerEvent, names},
    store::{EntryFilter, Store, StoreError},
};

/// What a follower is told.
#[derive(Debug, Clone)]
pub enum FeedEvent {
    /// An entry, and how far the walk has come.
    Entry {
        /// The entry.
        entry: Arc<Entry>,
        /// Where a reconnect goes on.
        cursor: i64,
        /// Whether another was shown under its id, which is not the one that is stored.
        corrects: bool,
    },
    /// The walk has come further without anything to show.
    Cursor(i64),
    /// Entries after the asked cursor are no longer kept: the view begins anew.
    Gap {
        /// The asked cursor.
        asked: i64,
        /// The first position that is kept.
        first: i64,
    },
    /// Whether live entries arrive from the broker; the walk goes on either way.
    Live(bool),
}

/// Live entries waiting for a slow follower; what overflows comes by the walk.
const BUFFER: usize = 4_096;
/// Entries remembered as shown ahead of the walk.
const REMEMBERED: usize = 20_000;
const WALK_EVERY: Duration = Duration::from_secs(1);
const WALK_SLICE: i64 = 500;

/// One process's source of live entries, for any number of followers. Cheap to clone.
#[derive(Clone)]
pub struct Feed {
    store: Store,
    entries: broadcast::Sender<Arc<Entry>>,
    live: watch::Receiver<bool>,
}

impl Feed {
    /// Listens to the exchange until `shutdown`.
    pub fn start(store: Store, broker: &Broker, shutdown: CancellationToken) -> Self {
        let (entries, _) = broadcast::channel(BUFFER);
        let (set_live, live) = watch::channel(false);
        let mut viewer = broker.subscribe(names::CONNECT_LOG, "#", shutdown);
        let sender = entries.clone();
        tokio::spawn(async move {
            while let Some(event) = viewer.recv().await {
                match event {
                    ViewerEvent::Connected => drop(set_live.send(true)),
                    ViewerEvent::Disconnected => drop(set_live.send(false)),
                    ViewerEvent::Message(incoming) => {
                        // The log-writer dead-letters what is no entry; a viewer passes over it.
                        if incoming.body.len() <= MAX_ENTRY_BYTES
                            && let Ok(mut entry) = serde_json::from_slice::<Entry>(&incoming.body)
                        {
                            // Only the store gives positions, so only a stored entry is shown with one.
                            entry.position = None;
                            drop(sender.send(Arc::new(entry)));
                        }
                    }
                }
            }
        });
        Self { store, entries, live }
    }

    /// Whether live entries arrive from the broker.
    pub fn is_live(&self) -> bool {
        *self.live.borrow()
    }

    /// Waits until live entries arrive from the broker, but not longer than `limit`.
    pub async fn live_within(&self, limit: Duration) {
        let mut live = self.live.clone();
        drop(tokio::time::timeout(limit, live.wait_for(|live| *live)).await);
    }

    /// Entries as the broker brings them, and nothing else: what it does not bring is missing, and what
    /// it brings twice comes twice.
    pub fn arrivals(&self) -> broadcast::Receiver<Arc<Entry>> {
        self.entries.subscribe()
    }

    /// Follows what `filter` admits, from `after` or from this moment on. Ends when the receiver is
    /// dropped.
    pub fn follow(&self, filter: EntryFilter, after: Option<i64>) -> mpsc::Receiver<FeedEvent> {
        let (events, receiver) = mpsc::channel(256);
        // Subscribed before the cursor is read, so that nothing falls between the two.
        let follower =
            Follower { store: self.store.clone(), filter, cursor: 0, shown: Shown::default(), events };
        tokio::spawn(follower.run(after, self.entries.subscribe(), self.live.clone()));
        receiver
    }
}

/// The follower has gone.
struct Gone;

struct Follower {
    store: Store,
    filter: EntryFilter,
    cursor: i64,
    shown: Shown,
    events: mpsc::Sender<FeedEvent>,
}

impl Follower {
    async fn run(
        mut self,
        after: Option<i64>,
        mut entries: broadcast::Receiver<Arc<Entry>>,
        mut live: watch::Receiver<bool>,
    ) {
        let mut every = tokio::time::interval(WALK_EVERY);
        every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let started = tokio::time::Instant::now();
        while let Err(error) = self.begin(after).await {
            tracing::warn!(error = %crate::error_chain::Chain(&error), "the feed cannot read the store yet");
            every.tick().await;
            if self.events.is_closed() {
                return;
            }
        }
        // A link that is still being made is no bad news; one that is missing after a walk is.
        let (mut was_live, mut walked) = (None, false);
        loop {
            let is_live = *live.borrow_and_update();
            if was_live != Some(is_live) && (is_live || walked || was_live.is_some()) {
                was_live = Some(is_live);
                if self.events.send(FeedEvent::Live(is_live)).await.is_err() {
                    return;
                }
            }
            let step = tokio::select! {
                received = entries.recv() => match received {
                    Ok(entry) => self.show(entry).await,
                    // What overflowed is in the store.
                    Err(broadcast::error::RecvError::Lagged(_)) => Ok(()),
                    Err(broadcast::error::RecvError::Closed) => return,
                },
                _ = every.tick() => {
                    walked = was_live.is_some() || started.elapsed() > WALK_EVERY * 3;
                    self.walk().await
                }
                changed = live.changed() => if changed.is_ok() { Ok(()) } else { return },
                () = self.events.closed() => return,
            };
            if step.is_err() {
                return;
            }
        }
    }

    async fn begin(&mut self, after: Option<i64>) -> Result<(), StoreError> {
        let (last, first) = self.store.positions().await?;
        // A cursor from beyond the end is another database's, or one from before a restore.
        self.cursor = after.unwrap_or(last).min(last);
        let first = first.unwrap_or(last + 1);
        if let Some(asked) = after.filter(|asked| asked + 1 < first) {
            self.cursor = first - 1;
            drop(self.events.send(FeedEvent::Gap { asked, first }).await);
        }
        Ok(())
    }

    async fn show(&mut self, entry: Arc<Entry>) -> Result<(), Gone> {
        if !self.filter.admits(&entry) || self.shown.note(&entry) != Before::Nothing {
            return Ok(());
        }
        let event = FeedEvent::Entry { entry, cursor: self.cursor, corrects: false };
        self.events.send(event).await.map_err(|_| Gone)
    }

    /// Walks to the end of the store. A store that is away is tried again at the next step.
    async fn walk(&mut self) -> Result<(), Gone> {
        let before = self.cursor;
        loop {
            // Read first: every position up to it is visible to the statement after it.
            let Ok((last, _)) = self.store.positions().await else { return Ok(()) };
            if last <= self.cursor {
                break;
            }
            let Ok(entries) = self.store.entries_after(&self.filter, self.cursor, WALK_SLICE).await else {
                return Ok(());
            };
            // A short slice is no sign of the end: entries that cannot be read are left out of it.
            if entries.is_empty() {
                self.cursor = last;
                break;
            }
            for entry in entries {
                self.cursor = entry.position.unwrap_or(self.cursor);
                let before = self.shown.note(&entry);
                if before == Before::Same {
                    continue;
                }
                let corrects = before == Before::Another;
                if corrects {
                    self.shown.replace(&entry);
                    tracing::warn!(attempt.id = %entry.id, "an entry was shown that is not what is stored");
                }
                let event = FeedEvent::Entry { entry: Arc::new(entry), cursor: self.cursor, corrects };
                self.events.send(event).await.map_err(|_| Gone)?;
            }
        }
        if self.cursor > before {
            self.events.send(FeedEvent::Cursor(self.cursor)).await.map_err(|_| Gone)?;
        }
        Ok(())
    }
}

/// What was shown before under an entry's id.
#[derive(PartialEq)]
enum Before {
    Nothing,
    Same,
    Another,
}

/// What was shown last, in a memory of fixed size.
#[derive(Default)]
struct Shown {
    digests: HashMap<Uuid, u64>,
    order: VecDeque<Uuid>,
    /// Keyed by chance, so that nobody makes two entries of one digest.
    hasher: RandomState,
}

impl Shown {
    /// Remembers `entry` unless another was shown under its id, and tells what was.
    fn note(&mut self, entry: &Entry) -> Before {
        let digest = self.digest(entry);
        if let Some(before) = self.digests.get(&entry.id.0) {
            return if *before == digest { Before::Same } else { Before::Another };
        }
        self.digests.insert(entry.id.0, digest);
        self.order.push_back(entry.id.0);
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.digests.remove(&oldest);
        }
        Before::Nothing
    }

    /// Remembers `entry` in place of what was shown under its id.
    fn replace(&mut self, entry: &Entry) {
        self.digests.insert(entry.id.0, self.digest(entry));
    }

    fn digest(&self, entry: &Entry) -> u64 {
        self.hasher.hash_one(entry.to_text())
    }
}
