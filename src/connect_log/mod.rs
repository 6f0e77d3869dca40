//! The connect-log: every entry is announced to the exchange, stored once, and followed live.

mod announce;
mod feed;
mod relay;
mod writer;

pub use announce::Announcer;
pub use feed::{Feed, FeedEvent};
pub use relay::relay;
pub use writer::write;
