//! An attempt from due to done: who is due, who asked, the claim, the lease, the finish, and what
//! holds a keyset back.

pub(super) mod breaker;
pub(super) mod budget;
pub(super) mod claim;
pub(super) mod due;
pub(super) mod finish;
pub(super) mod lease;
pub(super) mod request;
