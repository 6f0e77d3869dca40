//! The demo's end: calls that eBay answered, entries that were live and entries that are stored must
//! be the same.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    fmt,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::Context;
use tokio_util::sync::CancellationToken;

use crate::{
    domain::{account::AttemptId, class::Sent},
    fake_ebay::FakeEbay,
    message::Entry,
    queue::{Broker, ViewerEvent, names},
    store::{EntryFilter, Store},
};

/// Ids of the entries that the exchange fanned out.
#[derive(Clone, Default)]
pub(super) struct LiveIds(Arc<Mutex<BTreeSet<AttemptId>>>);

impl LiveIds {
    /// Listens; returns once the broker has bound the queue.
    pub(super) async fn listen(broker: &Broker, stop: CancellationToken) -> anyhow::Result<Self> {
        let ids = Self::default();
        let mut viewer = broker.subscribe(names::CONNECT_LOG, "#", stop);
        let bound = async {
            while let Some(event) = viewer.recv().await {
                if matches!(event, ViewerEvent::Connected) {
                    return Ok(());
                }
            }
            anyhow::bail!("the broker does not answer")
        };
        tokio::time::timeout(Duration::from_secs(30), bound)
            .await
            .context("the broker does not answer")??;
        let seen = ids.clone();
        tokio::spawn(async move {
            while let Some(event) = viewer.recv().await {
                if let ViewerEvent::Message(message) = event
                    && let Ok(entry) = serde_json::from_slice::<Entry>(&message.body)
                {
                    seen.0.lock().unwrap_or_else(PoisonError::into_inner).insert(entry.id);
                }
            }
        });
        Ok(ids)
    }

    fn taken(&self) -> BTreeSet<AttemptId> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// What was counted, and what does not add up.
pub(super) struct Verdict {
    classes: BTreeMap<String, usize>,
    calls: usize,
    answered: usize,
    stored: usize,
    live: usize,
    faults: Vec<String>,
}

impl Verdict {
    /// Whether all adds up.
    pub(super) fn holds(&self) -> bool {
        self.faults.is_empty()
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\nclass                          entries")?;
        for (class, count) in &self.classes {
            writeln!(f, "{class:<30} {count:>7}")?;
        }
        writeln!(
            f,
            "\n{} call(s) at eBay, {} answered; {} entries stored, {} live",
            self.calls, self.answered, self.stored, self.live
        )?;
        for fault in &self.faults {
            writeln!(f, "FAULT  {fault}")?;
        }
        if self.faults.is_empty() {
            writeln!(
                f,
                "Every answered call has its entry, every entry that says sent has its call, and what was live is what is stored."
            )?;
        }
        Ok(())
    }
}

/// Joins the fake's calls with the stored entries by `rlogid`, and the stored with the live ones.
pub(super) async fn check(store: &Store, fake: &FakeEbay, live: &LiveIds) -> anyhow::Result<Verdict> {
    let entries = all_entries(store).await?;
    let calls = fake.calls();
    let mut faults: Vec<String> =
        fake.violations().into_iter().map(|v| format!("eBay was sent {}", v.what)).collect();
    let mut by_rlogid: HashMap<&str, usize> = HashMap::new();
    for rlogid in entries.iter().filter_map(rlogid) {
        *by_rlogid.entry(rlogid).or_default() += 1;
    }
    for call in calls.iter().filter(|call| call.answered) {
        let joined = by_rlogid.get(call.rlogid.as_str()).copied().unwrap_or(0);
        if joined != 1 {
            faults.push(format!("call {} joins {joined} entries", call.rlogid));
        }
    }
    for entry in entries.iter().filter(|entry| entry.sent == Sent::Yes) {
        if !rlogid(entry).is_some_and(|rlogid| calls.iter().any(|call| call.rlogid == rlogid)) {
            faults.push(format!("entry {} says sent, and eBay knows nothing of it", entry.id));
        }
    }
    let stored: BTreeSet<AttemptId> = entries.iter().map(|entry| entry.id).collect();
    let live = live.taken();
    faults.extend(stored.difference(&live).map(|id| format!("entry {id} is stored and was never live")));
    faults.extend(live.difference(&stored).map(|id| format!("entry {id} was live and is not stored")));
    let health = store.health(None).await?;
    if health.missing != 0 || health.outbox != 0 || health.in_flight != 0 {
        faults.push(format!(
            "{} attempt(s) missing, {} in the outbox, {} in flight",
            health.missing, health.outbox, health.in_flight
        ));
    }
    let mut classes: BTreeMap<String, usize> = BTreeMap::new();
    for entry in &entries {
        *classes.entry(format!("{} {}", entry.source, entry.class)).or_default() += 1;
    }
    Ok(Verdict {
        classes,
        calls: calls.len(),
        answered: calls.iter().filter(|call| call.answered).count(),
        stored: stored.len(),
        live: live.len(),
        faults,
    })
}

async fn all_entries(store: &Store) -> anyhow::Result<Vec<Entry>> {
    let (mut entries, mut position) = (Vec::new(), 0);
    loop {
        let page = store.entries_after(&EntryFilter::default(), position, 1_000).await?;
        let Some(last) = page.last().and_then(|entry| entry.position) else { return Ok(entries) };
        position = last;
        entries.extend(page);
    }
}

fn rlogid(entry: &Entry) -> Option<&str> {
    entry.response.as_ref().and_then(|response| response.headers.get("rlogid")).map(String::as_str)
}
