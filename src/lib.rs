//! `token-refresh` keeps the eBay OAuth tokens of any number of seller accounts alive, and shows
//! every refresh attempt, scheduled or by hand, in one terminal that can be trusted.
//!
//! The modules, in the direction in which they may know each other (each only those above it):
//! words (`domain`, `message`), adapters (`crypto`, `store`, `queue`, `ebay`),
//! flow (`connect_log`, `scheduler`, `refresh`), surfaces (`terminal`, `admin`), assembly (`config`,
//! `commands`).

pub mod admin;
pub mod commands;
pub mod config;
pub mod connect_log;
pub mod crypto;
pub mod domain;
pub mod ebay;
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
