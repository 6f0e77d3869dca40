//! The HTTP API: one file per thing that is asked for.

pub(super) mod account_actions;
pub(super) mod attempt;
pub(super) mod dead_letters;
pub(super) mod download;
pub(super) mod extract;
pub(super) mod filter;
pub(super) mod health;
pub(super) mod inspect;
pub(super) mod lookup;
pub(super) mod metrics;
pub(super) mod press;
pub(super) mod ready;
pub(super) mod refresh_debug;
pub(super) mod series;
pub(super) mod status;
pub(super) mod stream;
pub(super) mod stream_slots;
pub(super) mod summary;
pub(super) mod terminal_logs;
pub(super) mod workers;
