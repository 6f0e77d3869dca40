//! A running process: what it checks before it starts, the roles it runs, how others see that it
//! lives, and how it stops.

pub mod instance;
pub(crate) mod roles;
pub(crate) mod signal;
pub(crate) mod startup;
mod tasks;
