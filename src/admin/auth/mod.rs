//! Who asks, and what they may: credentials, sessions, and the brakes on guessing.

pub(super) mod authenticator;
pub(super) mod bad_tokens;
pub(super) mod csrf;
pub(super) mod session;
