//! Sealing: how tokens and client secrets are kept in tables, and why one cannot be opened.
//!
//! A sealed text is
//!
//! ```text
//! ENC:v1:<key id>:<context hint>:<length>:<payload>
//! ENC:v1:k2:5d1f0c3a9b7e2846:2470:nB0v…
//! ```
//!
//! where the payload is `base64url(nonce ‖ ciphertext ‖ tag)` without padding, made by AES-256-GCM
//! with a random nonce of 96 bits and a tag of 128. The associated data binds it to its [`SealContext`]:
//! format, logical field, row id and environment. A text that was copied to another row, field or
//! environment is refused.
//!
//! **The tag decides, the rest diagnoses.** Key id, hint and length stand in the clear so that a
//! text that does not open can say why ([`DecryptReason`]), without the network and without guessing:
//!
//! - the *hint* is the first 8 bytes of the associated data's SHA-256 in lowercase hexadecimal. It
//!   tells a text that belongs elsewhere from one that is damaged. It covers nothing secret.
//! - the *length* is that of the payload as it stands, in characters. A text cut anywhere, even by one
//!   character, is told from one that was altered, and both sizes can be held against
//!   `length(column)` in SQL.
//!
//! Each part has exactly one spelling and all of them are checked, so every change of a single byte
//! is refused, and the reason names the part that was changed. Where a part could be wrong in two
//! ways the tag is asked: if a text opens although its length is wrong, the length was altered and
//! nothing was cut; if it opens with another key than it names, the key id was altered.
//!
//! **How much one key may seal.** Random nonces of 96 bits allow 2^32 seals per key (NIST SP 800-38D
//! §8.3). A hundred keysets that spend their daily quota of 50,000 refreshes reach that in two years
//! and four months, so a key is rotated every year: put a fresh one in front of `TOKEN_KEYS`, which
//! seals from then on while all others still open, seal again what the old one sealed, and take the
//! old one out.

mod canary;
mod context;
mod error;
mod format;
mod keyring;
mod seal;
mod sealed;
#[cfg(test)]
mod tests;

pub use self::{
    canary::{CanaryError, check_canary, make_canary},
    context::{Field, SealContext},
    error::{DecryptReason, Flaw, OpenError},
    format::FORMAT_PREFIX,
    keyring::{Keyring, KeyringError},
    sealed::Sealed,
};
