//! Entries: on their way into history, and as history.

pub(super) mod history;
pub(super) mod outbox;
pub(super) mod retention;
pub(super) mod series;
