//! All SQL: what is true about accounts, attempts and entries stands in PostgreSQL, and only here
//! is it read and written.
//!
//! Functions take slices, so that many callers' rows share one statement and one commit. Instants
//! come from SQL `clock()`; a process contributes durations only.
//!
//! # Names
//! A function says first what it does, then to what; one without a verb is a figure or a value. One
//! verb means one thing:
//!
//! - `put_` adds a row, or completes the one that is there; `change_`, `replace_` and `end_` alter it.
//! - `take_` marks rows as the caller's, so that nobody else gets them; `give_back` undoes it.
//! - `find_` and `select_` look for one row by what a person calls it; `list_` reads all.
//! - `<thing>_of` and `<thing>_by_<key>` read what belongs to an id or a key, `count_` counts.
//! - `forget_` deletes what nobody reads any more; `close_` ends what ran out, and tells of it.
//!
//! A statement begins with a comment that names it, which is its name in `pg_stat_activity`.
//!
//! # Locks
//! A transaction takes row locks in one order, whatever it does, and rows of one table by id:
//! `keyset_ledger` → `keysets` → `refresh_requests` → `refresh_state` → `tokens` → `accounts` →
//! `quota_usage` → outbox → `connect_log_position`. So transactions wait for each other, but never in
//! a circle. A statement that changes many rows locks them by a select first, because an update
//! takes them in the order of its plan. Who passes over what others hold (`skip locked`) waits for
//! nobody, and may do so at any place.

mod attempt;
mod entry;
mod fleet;
mod fragment;
mod lock;
mod postgres;
mod registry;

pub use self::{
    attempt::{
        budget::QuotaUse,
        claim::types::{Claim, ClaimOutcome, ClaimRequest, LeaseTerms},
        finish::types::{Effect, Finish, FinishOutcome, NewRefreshToken},
        request::RequestState,
    },
    entry::{
        history::{BadCursor, Cursor, EntryFilter, EntryPage},
        outbox::{EntryRow, OutboxPlace, Relayed},
        series::{BacklogSample, ClassCount},
    },
    fleet::{
        figures::{Health, NewestEntry},
        instance::{Heartbeat, Instance},
        status::{AccountStatus, StatusCount, StatusFilter},
    },
    postgres::{
        address::BadDatabaseUrl,
        coalesce::Coalescer,
        error::StoreError,
        migrate::{MigrateError, Schema, SchemaMismatch, migrate, migrate_within},
        pool::{PoolSettings, Store},
    },
    registry::{
        account::{Account, AccountSelector, NewAccount, Removal, SelectError},
        inspect::StoredTokens,
        keyset::{Keyset, KeysetChange, NewKeyset},
        org::Org,
        seal::{SealedColumn, SealedText},
        token::{ImportOutcome, ImportToken},
        user::{Member, Membership, User},
    },
};
