//! What people register: orgs, users, credentials, keysets, accounts, tokens, keys.

pub(super) mod account;
pub(super) mod canary;
pub(super) mod inspect;
pub(super) mod keyset;
pub(super) mod org;
pub(super) mod seal;
pub(super) mod session;
pub(super) mod token;
pub(super) mod user;
