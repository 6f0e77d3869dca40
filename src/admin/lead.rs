//! The one setting that handlers judge accounts by.

use std::time::Duration;

/// How long before its end an access token is refreshed.
#[derive(Debug, Clone, Copy)]
pub(super) struct Lead(pub(super) Duration);
