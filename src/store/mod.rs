//! All SQL: what is true about accounts, attempts and entries stands in PostgreSQL, and only here
//! is it read and written.
//!
//! Functions take slices, so that many callers' rows share one statement and one commit. Instants
//! come from SQL `clock()`; a process contributes durations only.
//!
//! # Locks
//! A transaction takes row locks in one order, whatever it does, and rows of one table by id:
//! `keyset_ledger` → `refresh_requests` → `refresh_state` → `tokens` → `quota_usage` → outbox →
//! `connect_log_position`. So transactions wait for each other, but never in a circle.

mod account;
mod canary;
mod claim;
mod coalesce;
mod connect;
mod due;
mod entry;
mod error;
mod finish;
mod gate;
mod health;
mod history;
mod inspect;
mod instance;
mod keyset;
mod lease;
mod lock;
mod migrate;
mod org;
mod quota;
mod request;
mod retention;
mod row;
mod seal;
mod series;
mod session;
mod status;
mod token;
mod user;

pub use account::{Account, AccountSelector, NewAccount, Removal, SelectError};
pub use claim::{Claim, ClaimOutcome, ClaimRequest, LeaseTerms};
pub use coalesce::Coalescer;
pub use connect::{BadDatabaseUrl, PoolSettings, Store};
pub use due::DueAccount;
pub use entry::EntryRow;
pub use error::StoreError;
pub use finish::{Effect, Finish, FinishOutcome, NewRefreshToken, Verdict};
pub use health::{Health, NewestEntry};
pub use history::{BadCursor, Cursor, EntryFilter, EntryPage};
pub use inspect::StoredTokens;
pub use instance::{Heartbeat, Instance};
pub use keyset::{Keyset, KeysetChange, NewKeyset};
pub use migrate::{SchemaVersion, migrate};
pub use org::Org;
pub use quota::QuotaUse;
pub use request::{OpenRequest, RequestState};
pub use seal::{SealedColumn, SealedText};
pub use series::{BacklogSample, ClassCount};
pub use status::{AccountStatus, StatusCount, StatusFilter};
pub use token::{ImportOutcome, ImportToken};
pub use user::{Member, Membership, User};
