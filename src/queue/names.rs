//! The names of the topology, as `queues/definitions.json` spells them.

/// Direct exchange for requests to refresh.
pub const REFRESH: &str = "refresh";
/// Topic exchange for connect-log entries.
pub const CONNECT_LOG: &str = "connect-log";
/// Direct exchange for dead letters; the routing key is the source queue's name.
pub const DEAD_LETTER: &str = "dead-letter";
/// Alternate exchange of all others, and the queue behind it: what matched no queue.
pub const UNROUTABLE: &str = "unroutable";

/// Queue and routing key for accounts that are due.
pub const REFRESH_DUE: &str = "refresh.due";
/// Queue and routing key for debug runs.
pub const REFRESH_DEBUG: &str = "refresh.debug";
/// Queue of every entry, for the log-writer.
pub const CONNECT_LOG_STORE: &str = "connect-log.store";

/// Dead letters of [`REFRESH_DUE`].
pub const REFRESH_DUE_DEAD: &str = "refresh.due.dead";
/// Dead letters of [`REFRESH_DEBUG`].
pub const REFRESH_DEBUG_DEAD: &str = "refresh.debug.dead";
/// Dead letters of [`CONNECT_LOG_STORE`].
pub const CONNECT_LOG_STORE_DEAD: &str = "connect-log.store.dead";

/// Where messages end that nobody handled: any at all is a person's business.
pub const DEAD: [&str; 4] = [REFRESH_DUE_DEAD, REFRESH_DEBUG_DEAD, CONNECT_LOG_STORE_DEAD, UNROUTABLE];
