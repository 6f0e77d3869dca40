//! The sizes and marks of the format.

/// What every sealed text of this format begins with.
pub const FORMAT_PREFIX: &str = "ENC:v1:";
/// Bytes of a nonce.
pub(super) const NONCE_BYTES: usize = 12;
/// Bytes of a tag.
pub(super) const TAG_BYTES: usize = 16;
