//! What the terminal and its viewers are told of the whole: processes, figures, statuses.

pub(super) mod figures;
pub(super) mod instance;
pub(super) mod status;
