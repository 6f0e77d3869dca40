//! How much of a file is taken.

/// Longest line that is read, in bytes without its line break; a row of CSV that spans lines counts as one.
pub const MAX_LINE_BYTES: usize = 64 * 1024;

/// Longest name that is taken, in characters.
pub const MAX_NAME_CHARS: usize = 200;
