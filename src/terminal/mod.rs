//! The terminal: what people are shown of entries and of the health behind them, as text.

mod health;
mod render;
mod text;

pub use health::{HealthReport, QueueDepth};
pub use render::{Layout, render};
pub use text::printable;
