//! The terminal: what people are shown of entries and of the health behind them, as text.

mod health;
mod render;
mod text;

pub use self::{
    health::{HealthReport, QueueDepth, keysets},
    render::{Layout, render},
    text::printable,
};
