//! The connect-log: every entry is announced to the exchange, stored once, and followed live.

mod announce;
mod feed;
mod relay;
mod wait;
mod writer;

pub use self::{
    announce::Announcer,
    feed::{Feed, FeedEvent},
    relay::{RELAY_HOLDS, relay},
    wait::wait_for,
    writer::write,
};
