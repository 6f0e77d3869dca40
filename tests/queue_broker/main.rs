//! The queue against a real broker: topology, publishing, consuming, watching, and what happens when
//! connections, queues or the whole broker go away.

mod batches;
mod consuming;
mod faults;
mod proxy;
mod publishing;
mod stage;
mod topology;
mod watching;
