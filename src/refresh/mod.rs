//! The refresh: one handler for every trigger, and the pure decision beside it.
//!
//! # What is wanted
//!
//! - **Nothing is lost** (G1): every attempt gets exactly one entry, whatever process or broker dies
//!   or freezes, and even if every message is lost. An attempt is a committed claim, or a person's
//!   request that was accepted.
//! - **Single flight** (G2): one attempt at a time holds an account, and only its finish has an effect.
//! - **A failure destroys nothing** (G5), **one bad row stops nobody else** (G6), and **a person is
//!   answered at once** (G7).
//!
//! Broker and eBay take part in no transaction of ours, so nothing is done "exactly once". Instead
//! PostgreSQL alone decides who refreshes, and a message is a hint: it may be lost, come late, come
//! twice or come from a stranger. Each step below is one transaction, and between any two of them
//! the process may die.
//!
//! # The steps
//!
//! 1. **Id.** Whoever publishes makes the attempt's UUIDv7. It is message id, lease owner and entry
//!    id, and is claimed at most once. A person's request is a row in `refresh_requests` before
//!    anybody observes that it was accepted.
//! 2. **Due.** Each tick the scheduler takes accounts whose time has come, the longest overdue first,
//!    and stores `queued_attempt` and `queued_until` with them before it publishes. Unclaimed by then,
//!    an account is due again under another id. It publishes no more than workers take in the next
//!    minutes: a backlog waits in PostgreSQL, in order.
//! 3. **Claim.** One transaction for a slice of messages locks the rows, and only then reads and
//!    judges them. A due account is taken only under the id stored last, without a lease, and while
//!    account, breaker and the day's calls allow it; otherwise it is put off or the message is stale.
//!    A person's request is taken once; one that cannot run is closed in the same transaction with an
//!    entry `not_run` that says why. Taking it writes the lease (attempt, source, `triggered_by`,
//!    instance, version, times) and spends one call of the keyset's day.
//! 4. **Reap.** Each tick, and each claim that meets one, closes leases that ran out, whatever state
//!    the account is in: the epoch rises, the lease is cleared, and the entry `interrupted` is made
//!    from the lease's own columns. The third in a row blocks the account.
//! 5. **Call.** The sealed texts are opened, the one request is built and sent, without redirect or
//!    repetition. Its deadline counts from before the claim was sent, is well below the lease, and is
//!    looked at once more immediately before the first byte is written.
//! 6. **Finish.** A pure function decides what the result means. One transaction for a slice writes
//!    it, each row only where attempt and epoch are still its own. Token and verdict apply only where
//!    `tokens.version` is the one that was read; the refresh token is rewritten only if eBay sent
//!    one. The entry gets its `created_at` here and goes into `connect_log_outbox` as the very bytes
//!    that are published. It never changes from here on.
//! 7. **Ack.** After the commit the delivery is acked, and the entry is announced to `connect-log` in
//!    the background. A broker that does not take it costs time only.
//! 8. **Persist.** The log-writer moves entries from the outbox into `connect_logs` by the ids that
//!    the exchange brings, and acks after its commit. The relay moves what is older than some seconds
//!    by the same statement, without the broker. What a message says beside its id is not believed.
//!    Positions are taken under one row's lock, held until the commit, so they become visible in
//!    their order.
//! 9. **Stream.** A viewer shows entries as the exchange fans them out. Behind that each follower walks
//!    the store by position and brings what the exchange did not. Its cursor is how far the walk has
//!    come, so a reconnect loses nothing; an id seen before is not shown again.
//!
//! # The races, and what was chosen
//!
//! - **A publish fails, or its confirm is missing.** What the broker surely does not have is given
//!   back and is due at once. What it may have keeps its id until `queued_until`: a second id would
//!   make the first message stale. A person's request is published again under its own id until it
//!   is claimed, and closed as `undelivered` when that takes too long.
//! - **A message comes twice, or late.** The first claim takes the id away; for every later copy the
//!   id is stale, and it is acked without effect. So is an id that nobody stored.
//! - **A person presses while the scheduler's message is under way.** Whoever claims first holds the
//!   lease. A press that meets a live lease is answered at once: `in_flight`, with the other attempt's
//!   id. A press that wins makes the due message stale.
//! - **Two claims race for the last call of the day.** A statement that waits for a lock goes on with
//!   the sums that were true before it waited. So the ledger row is locked by a statement of its own,
//!   and the buckets are summed by a later one: under the lock the sum is the whole truth.
//! - **The claim's commit is not answered.** The lease may stand, but nobody calls under it: the
//!   redelivered message is stale, the lease runs out, and the entry says `interrupted`. Whoever took
//!   it over instead could not tell a lost answer from a process that is calling.
//! - **A worker dies after its claim.** The lease runs out, and step 4 writes the entry.
//! - **A worker freezes after its claim and thaws.** Before the write the deadline has passed, and
//!   nothing is sent. After it the epoch has risen: its finish writes nothing, and the entry that
//!   stands is `interrupted`. If it froze between the last look at the clock and the write, two calls
//!   overlap; eBay answers both, and the one without a lease has no effect. That window cannot be
//!   closed from this side; it is a few instructions wide.
//! - **The finish's commit is not answered.** It is tried again, because a rotated token must not
//!   be lost to an outage. If the try finds the lease gone, the entry
//!   tells whether the first one was committed.
//! - **An import replaces the token during the call.** The version has moved on: the answer belongs to
//!   a token that is gone, so it changes nothing and the entry says `superseded`.
//! - **The process dies between finish and publish, or between publish and ack.** The entry is in the
//!   outbox, and the redelivered message is stale.
//! - **Log-writer and relay meet at one entry.** Both take the outbox row by deleting it under lock:
//!   one finds it, the other finds nothing. A commit without an answer is the same case.
//! - **A viewer's cursor meets a commit that comes late.** It cannot: the counter row's lock makes
//!   "everything up to the cursor" a whole.
//! - **The database is away.** The first claim or finish that finds it so stops the worker's
//!   consumers: what was not begun goes back, which is one counted delivery for an outage, and no
//!   message comes near the queue's limit of deliveries. What is under way goes on; its result is kept
//!   and tried again, beyond the lease too, for nobody can close a lease in a database that is away.
//!   Once the database answers again, leases that ran out stand for some seconds more (`reap`), so
//!   that such results are written first. The worker consumes again when a write succeeds (`taking`).
//! - **The database answers and refuses.** A row that it refuses concerns that row. Anything else is
//!   tried again until the lease ends; after refusals for three different accounts in a row the worker
//!   takes nothing more until a finish for nobody, taken back again, goes through: otherwise each
//!   message would cost a call and its answer.
//! - **A worker lacks a key that another has.** The claim sees which keys sealed the texts, so no
//!   attempt is made of it: a due account is put off for a moment, a person's message goes back to the
//!   queue, and the other worker takes it. Where no worker has the key, the attempt fails and says so.
//! - **A row cannot be read or written.** A slice that the database refuses is halved down to that
//!   row, whose message is dead-lettered with the reason, while the others go on.
//! - **Two transactions lock the same rows.** Every transaction takes its locks in the order that
//!   `store` writes down, so one waits for the other and never in a circle. Background work passes
//!   over rows that somebody holds.
//! - **Somebody holds an account's rows for long.** A slice of claims or finishes does not wait for
//!   them: what it cannot lock at once is busy, nothing is judged of it, and the others go on. A busy
//!   claim is tried again for a moment and gives its message back. A busy finish is tried until it is
//!   written: nobody can close its lease while the row is held.
//! - **An answer comes after its keyset was mended.** It counts for the breaker only under the version
//!   under which its call began. Sellers are judged by proof alone (G8).
//!
//! # Time
//!
//! Instants come from SQL `clock()`, which all processes share and which tests move. A process
//! contributes durations only, measured on its monotonic clock. An access token's end is `claimed_at`
//! plus eBay's `expires_in`, so it is never believed to live longer than it does. The time inside a
//! UUID decides nothing.

mod decide;
mod exchange;
mod handler;
mod housekeeping;
mod in_flight;
mod inspect;
mod part;
mod reap;
mod request;
pub mod scheduler;
mod shared;
mod taking;
mod worker;

pub use self::{
    decide::{Decision, Policy, Unopened, decide, retry_in, spread_of},
    handler::{Handler, HandlerParts, Limits},
    housekeeping::Housekeeping,
    in_flight::InFlight,
    inspect::{Inspection, SealedView, inspect},
    reap::reap,
    request::{Requested, publish_refresh, request_refresh},
    taking::Taking,
    worker::{WorkerSettings, run},
};
