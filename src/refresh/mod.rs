//! The refresh: one handler for every trigger, and the pure decision beside it.

mod decide;
mod exchange;
mod handler;
mod inspect;
mod reap;
pub mod scheduler;
mod stand_aside;
mod worker;

pub use self::{
    decide::{Decision, Policy, Unopened, decide, retry_in, spread_of},
    handler::{Handler, HandlerParts, Limits},
    inspect::{Inspection, SealedView, inspect},
    reap::reap,
    stand_aside::StandAside,
    worker::{WorkerSettings, run},
};
