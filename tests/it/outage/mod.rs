//! Connections to the database: which are thrown away, and which host they lead to.

mod clock;
mod hosts;
mod migrating;
mod sessions;
