//! The queue against a real broker: topology, publishing, consuming, watching, and what happens when
//! connections, queues or the whole broker go away.

mod batches;
mod consuming;
mod faults;
mod line;
mod publishing;
mod topology;
mod watching;

/// For connections to a broker that is silent: what is usually waited for takes a moment only.
const IMPATIENT: &str = "heartbeat=1&connection_timeout=500";
