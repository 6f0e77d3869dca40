//! The words for who is refreshed: orgs, keysets, accounts, attempts, and where they belong.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::text_enum::text_enum;

macro_rules! ids {
    ($($(#[$meta:meta])* $name:ident)+) => {$(
        $(#[$meta])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// A fresh id (UUIDv7). The time inside it decides nothing; it only keeps indexes dense.
            pub fn fresh() -> Self {
                Self(Uuid::now_v7())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                text.parse().map(Self)
            }
        }
    )+};
}

ids! {
    /// An organisation: owns accounts, and decides who sees them.
    OrgId
    /// A person who signs in. Never equal to an org's id.
    UserId
    /// One eBay application: environment, client id and secret.
    KeysetId
    /// One seller whose token is kept alive.
    AccountId
    /// One attempt to refresh: message id, lease owner and entry id at once.
    AttemptId
}

text_enum! {
    /// eBay's two worlds. Tokens of one mean nothing in the other.
    pub enum Environment {
        /// `api.ebay.com`.
        Production = "production",
        /// `api.sandbox.ebay.com`.
        Sandbox = "sandbox",
    }
}

text_enum! {
    /// What a member of an org may do there; each may do all that those before it may.
    pub enum Role {
        /// Reads.
        Viewer = "viewer",
        /// Refreshes, pauses and resumes accounts.
        Operator = "operator",
        /// Manages accounts and members.
        Admin = "admin",
    }
}

text_enum! {
    /// Whether an account is refreshed on schedule.
    pub enum Standing {
        /// It is.
        Active = "active",
        /// Its grant is confirmed dead, or its stored token destroyed: the seller must connect again.
        ReconnectRequired = "reconnect_required",
        /// Something of ours is in the way: a missing key, a text that is no token.
        Blocked = "blocked",
    }
}

text_enum! {
    /// An account's state as shown: the first that holds, in this order.
    pub enum Status {
        /// A person stopped its refreshes.
        Paused = "paused",
        /// Proven dead: the seller must connect again.
        ReconnectRequired = "reconnect_required",
        /// A key or the keyset keeps it from being refreshed.
        Blocked = "blocked",
        /// Its access token is no longer valid, or it never had one.
        Expired = "expired",
        /// Its access token ends inside the refresh lead.
        ExpiringSoon = "expiring_soon",
        /// All is well.
        Ok = "ok",
    }
}
