//! `token-refresh` keeps the eBay OAuth tokens of any number of seller accounts alive, and shows
//! every refresh attempt, scheduled or by hand, in one terminal that can be trusted.
//!
//! The rooms, from the bottom up; each knows only those below it, and a test sees to it:
//! words and rules without I/O (`domain`, `message`), adapters (`crypto`, `store`, `queue`, `ebay`), flow
//! (`connect_log`, `refresh`), surfaces (`terminal`, `admin`), assembly (`config`, `process`, `commands`).
//! `import` reads files of accounts; `fake_ebay` stands in for eBay and shares no code with `ebay`.

pub mod admin;
pub mod commands;
pub mod config;
pub mod connect_log;
pub mod crypto;
pub mod domain;
pub mod ebay;
pub mod error_chain;
pub mod fake_ebay;
pub mod import;
pub mod logging;
pub mod message;
pub mod process;
pub mod queue;
pub mod refresh;
pub mod store;
pub mod terminal;
pub mod text_enum;
pub mod tls;
pub mod version;
pub mod vital;
