//! The refresh: one handler for every trigger, and the pure decision beside it.

mod aside;
mod decide;
mod exchange;
mod handler;
mod inspect;
mod reap;
mod worker;

pub use aside::Aside;
pub use decide::{Decision, Policy, Unopened, decide, retry_in, spread_of};
pub use handler::{Handler, HandlerParts, Limits};
pub use inspect::{Inspection, SealedView, inspect};
pub use reap::reap;
pub use worker::{WorkerSettings, run};
