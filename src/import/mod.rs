//! Reads files of accounts: JSON lines and CSV, a line at a time, from any reader.
//!
//! Nothing here stores or seals; it says which lines are accounts and, for every other line, why not.
//! A line that is refused never stops the rest, and what is said about it never repeats any of its
//! content (G4): a token may stand in any column of a file whose columns are shifted.
//!
//! | column | also read as | |
//! |---|---|---|
//! | `username` | `account` | the seller's eBay user name, at most 200 characters |
//! | `environment` | `env` | `production` or `sandbox`, in any case |
//! | `refresh_token` | | in the clear, as eBay gave it: `v^1.1#…` |
//! | `refresh_token_expires_at` | `refresh_expires_at` | optional: RFC 3339, `YYYY-MM-DD` (midnight UTC) or Unix seconds |
//! | `house_name` | `house` | optional: what people call the account, at most 200 characters |
//! | `ebay_user_id` | `user_id` | optional: eBay's id that survives a change of name, at most 200 characters |
//!
//! Names of columns are read in any case, with `-` or a space for `_`; other columns are ignored.
//! White space around a value is not part of it, and an empty optional value is none.
//!
//! - **JSON lines**: one object per line. The expiry may be a number (Unix seconds); all else is text.
//! - **CSV**: the first line names the columns, and tells by itself whether commas, semicolons or tabs
//!   separate them. Every row has as many fields as the header. Quoted fields follow RFC 4180; only
//!   ignored columns may hold line breaks, so that one quote left open costs one line and not the file.
//!
//! UTF-8, with or without a byte order mark; lines end in LF or CRLF and have at most
//! [`MAX_LINE_BYTES`]; blank lines are skipped. An account that the file named before is refused, as
//! the file does not say which of the two tokens is right.

mod accounts;
mod column;
mod expiry;
mod format;
mod json;
mod limits;
mod lines;
mod record;
mod refused;
mod row;
mod table;
#[cfg(test)]
mod tests;

pub use self::{
    accounts::Accounts,
    column::Column,
    expiry::ExpiryError,
    format::Format,
    limits::{MAX_LINE_BYTES, MAX_NAME_CHARS},
    record::Record,
    refused::{Refused, RefusedReason, Unusable},
};
