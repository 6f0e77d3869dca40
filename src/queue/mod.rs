//! All AMQP of the project: topology, supervised connections, publishing with confirms, consuming,
//! dead letters. Knows no business rule.
//!
//! What it promises:
//! - **No await without an end.** lapin waits for ever for everything; here each wait has a limit, and
//!   a connection that does not answer is cut and replaced (`link`, `supervisor`).
//! - **A delivery is settled exactly once**, by the one [`Disposition`] its handler returns; a
//!   panic is one too. What cannot be settled comes again, so handlers must bear repeats.
//! - **A dead letter keeps its reason** (`x-reason`, `x-source-queue`), and dies without one rather than
//!   be lost (`dead_letter`).
//! - **Publishers and consumers never share a connection**, so an alarm that stops publishers does not
//!   stop acks (`publisher`).
//! - **Stopping is clean**: no more deliveries, what was not begun goes back, what is under way is
//!   finished within a limit.
//!
//! lapin's own log targets print message bodies (returned messages, at WARN) and an error for each
//! lost connection that is reported here anyway: a log filter should begin with `lapin=off`.

mod address;
mod batch;
mod broker;
mod bury;
mod consumer;
mod dead_letters;
mod declare;
mod error;
mod incoming;
mod intake;
mod link;
pub mod names;
mod publisher;
#[cfg(test)]
mod schema_tests;
mod server;
mod session;
mod settle;
mod status;
mod supervisor;
mod topology;
mod viewer;

pub use self::{
    address::BadUrl,
    broker::Broker,
    bury::{REASON, SOURCE_QUEUE},
    dead_letters::{DeadLetter, DeadLetterError, Fate},
    declare::{Difference, DifferenceKind},
    error::{PublishError, QueueError},
    incoming::Incoming,
    publisher::{Publication, Publisher},
    settle::{Disposition, PANIC_REASON},
    status::{BrokerReport, QueueStatus},
    topology::DEFINITIONS,
    viewer::ViewerEvent,
};
