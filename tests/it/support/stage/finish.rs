//! How every story ends: whatever happened in it, what must be true afterwards is looked at.

use std::{
    collections::HashMap,
    ops::{Bound, RangeBounds},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
};

use token_refresh::{domain::class::Sent, fake_ebay::Call, message::Entry, queue::names};

use super::{Actor, Stage};
use crate::support::{actor::Process, come_true, eventually};

/// Where what nobody can handle is kept.
pub(crate) const DEAD: [&str; 4] =
    [names::REFRESH_DUE_DEAD, names::REFRESH_DEBUG_DEAD, names::CONNECT_LOG_STORE_DEAD, names::UNROUTABLE];
/// Where work waits.
const WORK: [&str; 3] = [names::REFRESH_DUE, names::REFRESH_DEBUG, names::CONNECT_LOG_STORE];

/// How much of each process's output a story that fails tells.
const LINES_TOLD: usize = 20;

/// Insists that the story that holds it ends with its `finish`.
#[derive(Default)]
pub(crate) struct MustFinish(bool);

impl MustFinish {
    /// It does. First of all, so that a check that fails tells its own reason only.
    pub(crate) fn finishes(&mut self) {
        self.0 = true;
    }
}

impl Drop for MustFinish {
    fn drop(&mut self) {
        assert!(self.0 || thread::panicking(), "this story ends without `finish`");
    }
}

/// Who played on a stage, and which troubles its story is about.
#[derive(Default)]
pub(in crate::support) struct Ending {
    must: MustFinish,
    expected: Expected,
    /// Entries that no attempt made.
    made_up: AtomicUsize,
    cast: Mutex<Vec<Arc<Process>>>,
    /// What commands that ran to their end wrote to standard error: their line and that.
    ran: Mutex<Vec<(String, String)>>,
}

#[derive(Default)]
struct Expected {
    errors: Vec<String>,
    dead_letters: Option<(Bound<u32>, Bound<u32>)>,
    leases: i64,
}

impl Ending {
    /// Notes a process that plays.
    pub(super) fn entered(&self, actor: &Actor) {
        lock(&self.cast).push(Arc::clone(actor.process()));
    }

    /// Notes a command that ran to its end.
    pub(in crate::support) fn ran(&self, arguments: &[&str], error: &str) {
        lock(&self.ran).push((arguments.join(" "), error.to_owned()));
    }

    fn cast(&self) -> Vec<Arc<Process>> {
        lock(&self.cast).clone()
    }
}

impl Drop for Ending {
    fn drop(&mut self) {
        if !thread::panicking() {
            return;
        }
        for process in self.cast() {
            let lines = process.lines(|_| true);
            let last = lines.len().saturating_sub(LINES_TOLD);
            eprintln!(
                "{}, {} lines, the last of them:\n{}\n",
                process.name(),
                lines.len(),
                lines[last..].join("\n")
            );
        }
    }
}

impl Stage {
    /// The story is about an error: some process logs one with `text`, and that is as it should be.
    pub(crate) fn expect_errors(&mut self, text: &str) {
        self.ending.expected.errors.push(text.to_owned());
    }

    /// The story is about messages that nobody can handle: so many are kept at its end.
    pub(crate) fn expect_dead_letters(&mut self, count: impl RangeBounds<u32>) {
        self.ending.expected.dead_letters = Some((count.start_bound().cloned(), count.end_bound().cloned()));
    }

    /// The story leaves so many leases behind, whose workers are dead and whose time is not over.
    pub(crate) fn expect_leases(&mut self, count: i64) {
        self.ending.expected.leases = count;
    }

    /// The story stores entries that no attempt made, so many more.
    pub(crate) fn note_made_up(&self, count: usize) {
        self.ending.made_up.fetch_add(count, Ordering::SeqCst);
    }

    /// No process has ended: none needs a restart.
    pub(crate) async fn expect_everybody_runs(&self) {
        for process in self.ending.cast() {
            assert!(process.runs().await, "{} has ended: {}", process.name(), process.output());
        }
    }

    /// Ends the story. Nothing new begins, what is under way ends, all processes stop, and then: no
    /// message is held, waits or is dead, no lease is open, every attempt is accounted for (G1), every
    /// answered call has its entry, rows were locked in one order, and no process panicked or logged an
    /// error that the story is not about.
    pub(crate) async fn finish(mut self) {
        self.ending.must.finishes();
        self.pause_everybody().await;
        self.expect_no_leases().await;
        self.expect_idle().await;
        let taken = self.expect_nothing_waits().await;
        self.stop_everybody().await;
        self.take_what_came_back(&taken).await;
        self.expect_no_dead_letters().await;
        self.expect_every_attempt_kept().await;
        self.expect_every_call_told().await;
        self.expect_no_deadlock().await;
        self.expect_quiet_logs();
    }

    async fn expect_no_leases(&self) {
        let expected = self.ending.expected.leases;
        eventually("no lease is open but those that the story leaves", || async {
            let open = "select count(*) from refresh_state where lease_attempt is not null";
            (self.value::<i64>(open).await == expected).then_some(())
        })
        .await;
    }

    /// Waits until no message waits where somebody takes it; returns those queues.
    async fn expect_nothing_waits(&self) -> Vec<&'static str> {
        eventually("no message waits where somebody takes it", || async {
            let queues = self.broker.queue_status().await.expect("the broker answers");
            let taken: Vec<_> = queues
                .into_iter()
                .filter(|queue| WORK.contains(&queue.name.as_str()) && queue.consumers > 0)
                .collect();
            let done = taken.iter().all(|queue| queue.messages == 0);
            done.then(|| {
                WORK.into_iter().filter(|name| taken.iter().any(|queue| queue.name == *name)).collect()
            })
        })
        .await
    }

    async fn stop_everybody(&self) {
        let stopping = self.ending.cast().into_iter().map(|process| async move {
            if process.runs().await {
                // Who only reads has nothing to finish, and ends by the signal.
                let code = if process.name().starts_with("terminal") { None } else { Some(0) };
                assert_eq!(process.stop().await, code, "{}: {}", process.name(), process.output());
            }
        });
        futures::future::join_all(stopping).await;
    }

    /// A message that a consumer held when it stopped waits again. It may have been about to be tried
    /// once more, so somebody else takes it; one that nobody ever settles comes back from him too.
    async fn take_what_came_back(&self, taken: &[&str]) {
        if self.waiting_in(taken).await == 0 {
            return;
        }
        let mut successors = [self.worker().await, self.log_writer().await];
        come_true("what came back is taken", async || self.waiting_in(taken).await == 0).await;
        for successor in &mut successors {
            assert_eq!(successor.stop().await, Some(0), "{}", successor.output());
        }
        assert_eq!(self.waiting_in(taken).await, 0, "messages of {taken:?} that nobody settles");
    }

    async fn waiting_in(&self, queues: &[&str]) -> u32 {
        let mut waiting = 0;
        for queue in queues {
            waiting += self.vhost.depth(queue).await;
        }
        waiting
    }

    async fn expect_no_dead_letters(&self) {
        let letters = self.waiting_in(&DEAD).await;
        let expected = self.ending.expected.dead_letters.unwrap_or((Bound::Included(0), Bound::Included(0)));
        assert!(expected.contains(&letters), "{letters} messages that nobody could handle, not {expected:?}");
    }

    async fn expect_every_attempt_kept(&self) {
        let health = self.store.health(None).await.expect("the store answers");
        let made_up = i64::try_from(self.ending.made_up.load(Ordering::SeqCst)).expect("few");
        assert_eq!(health.missing, -made_up, "attempts = stored + outbox + in flight: {health:?}");
        assert_eq!(health.in_flight, self.ending.expected.leases, "{health:?}");
    }

    /// Holds the entries against the calls that the fake saw. An entry with an answer names exactly
    /// one call, a call is named at most once, and a call that no entry names belongs to an attempt
    /// that does not know whether it was sent.
    async fn expect_every_call_told(&self) {
        assert_eq!(self.ebay.violations(), []);
        let calls = self.ebay.calls();
        let mut unnamed: HashMap<&str, &Call> =
            calls.iter().map(|call| (call.rlogid.as_str(), call)).collect();
        assert_eq!(unnamed.len(), calls.len(), "trace ids are unique");
        let kept =
            "select array(select body from connect_logs union all select body from connect_log_outbox o
            where not exists (select from connect_logs l where l.id = o.id))";
        let (mut unsure, mut strangers) = (self.ending.expected.leases, Vec::new());
        for text in self.value::<Vec<String>>(kept).await {
            let entry: Entry = serde_json::from_str(&text).expect("a kept entry can be read");
            let named = entry.response.as_ref().and_then(|response| response.headers.get("rlogid"));
            let call = named.and_then(|rlogid| unnamed.remove(rlogid.as_str()));
            match entry.sent {
                Sent::Yes if call.is_none() => strangers.push(entry),
                Sent::Yes => {}
                Sent::Unknown => unsure += i64::from(call.is_none()),
                Sent::No => assert_eq!(named, None, "nothing was sent: {entry:?}"),
            }
        }
        let made_up = self.ending.made_up.load(Ordering::SeqCst);
        assert!(
            strangers.len() <= made_up,
            "an answer is told once, by the call it came from: {strangers:#?}"
        );
        assert!(
            i64::try_from(unnamed.len()).expect("few") <= unsure,
            "calls that no entry tells of: {unnamed:#?}"
        );
    }

    /// Rows are locked in one order everywhere, so nobody waits in a circle (40P01).
    async fn expect_no_deadlock(&self) {
        let deadlocks = "select coalesce(sum(deadlocks), 0)::bigint from pg_stat_database
            where datname = current_database()";
        assert_eq!(self.value::<i64>(deadlocks).await, 0, "deadlocks; the server's log shows them");
    }

    fn expect_quiet_logs(&self) {
        let mut expected: HashMap<&str, usize> =
            self.ending.expected.errors.iter().map(|text| (text.as_str(), 0)).collect();
        let commands = lock(&self.ending.ran).clone();
        let commands =
            commands.into_iter().map(|(name, error)| (name, error.lines().map(str::to_owned).collect()));
        let processes = self.ending.cast();
        let processes = processes.iter().map(|process| (process.name().to_owned(), process.lines(|_| true)));
        for (name, lines) in processes.chain(commands) {
            let lines: Vec<String> = lines;
            for line in lines.iter().filter(|line| is_trouble(line)) {
                let known = expected.iter_mut().find(|(text, _)| line.contains(**text));
                let (_, times) = known.unwrap_or_else(|| panic!("{name} logs an error: {line}"));
                *times += 1;
            }
        }
        assert!(expected.values().all(|times| *times > 0), "errors that nobody logged: {expected:?}");
    }
}

/// Whether a line of a log tells of a panic or an error, in either format.
fn is_trouble(line: &str) -> bool {
    line.contains("panicked at") || line.contains("\"level\":\"ERROR\"") || line.contains(" ERROR ")
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
