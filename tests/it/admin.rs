//! The HTTP API on the real database and broker: who sees what, what is refused and how, presses,
//! streams and figures.

mod errors;
mod figures;
mod press;
mod proxied;
mod ready;
mod stage;
mod stream;
mod terminal_logs;
mod visibility;
