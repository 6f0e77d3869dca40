//! The health of the whole: what is wrong, how much it matters, and what to do. Pure: every surface
//! (command line, `doctor`, API, page, metrics) shows this one judgement of its own figures.
//!
//! What users feel comes first: accounts that nobody refreshes, then who should refresh them, then what
//! would hide it, then what is going to happen.

mod figures;
mod finding;
mod rules;
mod words;

pub use self::{
    figures::{Accounts, Broker, ClockStep, Count, ENDS_SOON_DAYS, Figures, Keyset, LATE, Processes},
    finding::{Finding, Kind, Weight},
    rules::{headline, judge},
};

#[cfg(test)]
mod tests;
