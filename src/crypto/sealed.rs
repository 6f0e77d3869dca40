//! A sealed text taken apart without opening it: all that can be said of it without a key.

use super::{
    error::{Flaw, OpenError},
    format::FORMAT_PREFIX,
    keyring::{MAX_ID_CHARS, is_key_id},
};
use crate::domain::token::SEALED_PREFIX;

/// Characters of a hint.
const HINT_CHARS: usize = 16;
/// Most digits that a length is read from; a longer one is no length.
const MAX_LENGTH_DIGITS: usize = 9;

/// The parts of a sealed text. Nothing here says that it opens.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Sealed<'a> {
    key_id: &'a str,
    hint: &'a str,
    length: usize,
    payload: &'a str,
    bytes: usize,
}

impl<'a> Sealed<'a> {
    /// Takes `text` apart. The payload may be shorter or longer than its length says; that is for
    /// [`Sealed::is_truncated`] and opening to tell.
    pub fn parse(text: &'a str) -> Result<Self, OpenError> {
        let Some(parts) = text.strip_prefix(FORMAT_PREFIX) else {
            let cut = text.starts_with(SEALED_PREFIX) && FORMAT_PREFIX.starts_with(text);
            return Err(if cut { OpenError::HeaderTruncated(text.len()) } else { OpenError::NotSealed });
        };
        // The payload has no colon; one that was put into it is damage to the payload.
        let parts: Vec<&str> = parts.splitn(4, ':').collect();
        let &[key_id, hint, length, payload] = parts.as_slice() else {
            return Err(if is_cut(&parts) {
                OpenError::HeaderTruncated(text.len())
            } else {
                OpenError::Malformed(Flaw::MissingPart)
            });
        };
        if key_id.is_empty() || key_id.len() > MAX_ID_CHARS {
            return Err(OpenError::Malformed(Flaw::KeyId));
        }
        if hint.len() != HINT_CHARS {
            return Err(OpenError::Malformed(Flaw::Hint));
        }
        let length = parse_length(length).ok_or(OpenError::Malformed(Flaw::Length))?;
        Ok(Self { key_id, hint, length, payload, bytes: text.len() })
    }

    /// Id of the key that the text names, even where the rest of it is damaged. None where it names
    /// nothing that can be an id.
    pub fn named_key(text: &'a str) -> Option<&'a str> {
        let (key_id, _) = text.strip_prefix(FORMAT_PREFIX)?.split_once(':')?;
        is_key_id(key_id).then_some(key_id)
    }

    /// Id of the key that sealed it, as the text says. Not checked to be a possible id.
    pub const fn key_id(&self) -> &'a str {
        self.key_id
    }

    /// Hint of the place that it was sealed for, as the text says.
    pub const fn hint(&self) -> &'a str {
        self.hint
    }

    /// Bytes of the whole text.
    pub const fn bytes(&self) -> usize {
        self.bytes
    }

    /// Bytes that the whole text had when it was sealed, as the text says.
    pub const fn expected_bytes(&self) -> usize {
        self.bytes - self.payload.len() + self.length
    }

    /// Whether the text is shorter than it says.
    pub const fn is_truncated(&self) -> bool {
        self.payload.len() < self.length
    }

    pub(super) const fn payload(&self) -> &'a str {
        self.payload
    }
}

impl std::fmt::Debug for Sealed<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sealed")
            .field("key_id", &self.key_id)
            .field("bytes", &self.bytes)
            .field("expected_bytes", &self.expected_bytes())
            .finish_non_exhaustive()
    }
}

/// Whether `parts` are how a sealed text begins: every part but the last is whole, and the last can
/// still become whole. Otherwise a colon is missing in the middle.
fn is_cut(parts: &[&str]) -> bool {
    let is_hint = |text: &str| text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    match *parts {
        [key_id] => key_id.is_empty() || is_key_id(key_id),
        [key_id, hint] => is_key_id(key_id) && hint.len() <= HINT_CHARS && is_hint(hint),
        [key_id, hint, length] => {
            is_key_id(key_id)
                && hint.len() == HINT_CHARS
                && is_hint(hint)
                && (length.is_empty() || parse_length(length).is_some())
        }
        _ => false,
    }
}

/// Reads a length in its one spelling: decimal digits without sign or leading zero.
fn parse_length(text: &str) -> Option<usize> {
    let plain = !text.is_empty()
        && text.len() <= MAX_LENGTH_DIGITS
        && !text.starts_with('0')
        && text.bytes().all(|byte| byte.is_ascii_digit());
    if plain { text.parse().ok() } else { None }
}
