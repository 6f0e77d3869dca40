//! The keys of `TOKEN_KEYS`: the first seals, all open.

use std::{collections::HashSet, fmt, sync::Arc};

use aes_gcm::{Aes256Gcm, KeyInit, aead::Generate};
use base64::{
    Engine, alphabet,
    engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig},
    prelude::BASE64_STANDARD,
};
use zeroize::Zeroizing;

/// Longest id of a key, in characters.
pub(super) const MAX_ID_CHARS: usize = 32;
/// Bytes of a key.
const KEY_BYTES: usize = 32;

const ANY_PADDING: GeneralPurposeConfig =
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent);
const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, ANY_PADDING);
const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, ANY_PADDING);

/// The keys that this process has. Cheap to clone; the keys are overwritten when the last clone goes.
#[derive(Clone)]
pub struct Keyring {
    keys: Arc<[Key]>,
}

/// A key under its id. The cipher holds the expanded key and overwrites it when dropped.
pub(super) struct Key {
    pub(super) id: String,
    pub(super) cipher: Aes256Gcm,
}

/// Why a text is no keyring. Never repeats a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyringError {
    /// The text is empty.
    #[error("no keys: expected <id>:<base64>, the sealing key first")]
    Empty,
    /// An entry has no colon. It is not shown, as it may be a key.
    #[error("entry {0} is not <id>:<base64>")]
    Entry(usize),
    /// What stands before an entry's colon is no id. It is not shown, as it may be a key.
    #[error("entry {0} has an id that is not 1 to 32 characters of A-Z a-z 0-9 _ -")]
    Id(usize),
    /// Two entries have the same id.
    #[error("key \"{0}\" appears twice")]
    DuplicateId(String),
    /// Two ids have the same key, so a text could pass for sealed by either.
    #[error("keys \"{0}\" and \"{1}\" are the same key")]
    SameKey(String, String),
    /// A key is not base64.
    #[error("key \"{0}\" is not base64")]
    Base64(String),
    /// A key has another length than AES-256 asks for.
    #[error("key \"{id}\" is {bytes} bytes long, not 32")]
    Length {
        /// The key's id.
        id: String,
        /// Its length once decoded.
        bytes: usize,
    },
    /// All bytes of a key are equal: a placeholder, not a key.
    #[error("key \"{0}\" consists of one repeated byte; make one with `token-refresh keys generate`")]
    Weak(String),
}

impl Keyring {
    /// Reads `<id>:<base64>` entries separated by commas; white space around an entry is ignored.
    ///
    /// An id is 1 to 32 characters of `A-Z a-z 0-9 _ -`, a key exactly 32 bytes in standard or URL-safe
    /// base64, padded or not.
    pub fn parse(text: &str) -> Result<Self, KeyringError> {
        if text.trim().is_empty() {
            return Err(KeyringError::Empty);
        }
        let mut ids = HashSet::new();
        let mut read: Vec<(&str, Zeroizing<[u8; KEY_BYTES]>)> = Vec::new();
        for (at, entry) in text.split(',').enumerate() {
            let (id, encoded) = entry.trim().split_once(':').ok_or(KeyringError::Entry(at + 1))?;
            if !is_key_id(id) {
                return Err(KeyringError::Id(at + 1));
            }
            if !ids.insert(id) {
                return Err(KeyringError::DuplicateId(id.to_owned()));
            }
            let key = decode_key(id, encoded)?;
            if let Some((same, _)) = read.iter().find(|(_, other)| **other == *key) {
                return Err(KeyringError::SameKey((*same).to_owned(), id.to_owned()));
            }
            read.push((id, key));
        }
        let keys = read
            .iter()
            .map(|(id, key)| Key { id: (*id).to_owned(), cipher: Aes256Gcm::new((&**key).into()) })
            .collect();
        Ok(Self { keys })
    }

    /// Ids of all keys, the sealing one first.
    pub fn ids(&self) -> Vec<String> {
        self.keys.iter().map(|key| key.id.clone()).collect()
    }

    /// Id of the key that seals.
    pub fn sealing_id(&self) -> &str {
        &self.sealing().id
    }

    /// Whether there is a key of this id.
    pub fn has(&self, id: &str) -> bool {
        self.key(id).is_some()
    }

    /// A random key in standard base64, as [`Keyring::parse`] takes it behind an id.
    pub fn generate_key() -> String {
        let key = Zeroizing::new(<[u8; KEY_BYTES]>::generate());
        BASE64_STANDARD.encode(*key)
    }

    pub(super) fn sealing(&self) -> &Key {
        self.keys.first().expect("a keyring is never empty")
    }

    pub(super) fn key(&self, id: &str) -> Option<&Key> {
        self.keys.iter().find(|key| key.id == id)
    }

    pub(super) fn keys(&self) -> &[Key] {
        &self.keys
    }
}

impl fmt::Debug for Keyring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Keyring").field(&self.ids()).finish()
    }
}

/// Whether `text` can be a key's id.
pub(super) fn is_key_id(text: &str) -> bool {
    (1..=MAX_ID_CHARS).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-')
}

fn decode_key(id: &str, encoded: &str) -> Result<Zeroizing<[u8; KEY_BYTES]>, KeyringError> {
    let engine = if encoded.contains(['-', '_']) { &URL_SAFE } else { &STANDARD };
    let decoded = Zeroizing::new(engine.decode(encoded).map_err(|_| KeyringError::Base64(id.to_owned()))?);
    let mut key = Zeroizing::new([0; KEY_BYTES]);
    if decoded.len() != KEY_BYTES {
        return Err(KeyringError::Length { id: id.to_owned(), bytes: decoded.len() });
    }
    key.copy_from_slice(&decoded);
    if key.iter().all(|byte| *byte == key[0]) {
        return Err(KeyringError::Weak(id.to_owned()));
    }
    Ok(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "+/8CAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

    #[test]
    fn the_first_key_seals_and_all_are_had() {
        let text = format!(" k2:{},\n k_1-X:{}\n", Keyring::generate_key(), Keyring::generate_key());
        let keyring = Keyring::parse(&text).expect("two good keys");
        assert_eq!(keyring.ids(), ["k2", "k_1-X"]);
        assert_eq!(keyring.sealing_id(), "k2");
        assert!(keyring.has("k_1-X") && !keyring.has("k1") && !keyring.has(""));
    }

    #[test]
    fn both_alphabets_are_read_with_and_without_padding() {
        let url_safe = KEY.replace('+', "-").replace('/', "_");
        for key in [KEY, KEY.trim_end_matches('='), &url_safe, url_safe.trim_end_matches('=')] {
            assert!(Keyring::parse(&format!("k1:{key}")).is_ok(), "{key}");
        }
    }

    #[test]
    fn g4_what_is_no_keyring_is_refused_without_showing_a_key() {
        let id = || "k1".to_owned();
        let short = &KEY[..40];
        let zeros = "A".repeat(43);
        for (text, expected) in [
            (String::new(), KeyringError::Empty),
            (" \n".to_owned(), KeyringError::Empty),
            (KEY.to_owned(), KeyringError::Entry(1)),
            (format!("k1:{KEY},"), KeyringError::Entry(2)),
            (format!("{KEY}:k1"), KeyringError::Id(1)),
            (format!(":{KEY}"), KeyringError::Id(1)),
            (format!("k 1:{KEY}"), KeyringError::Id(1)),
            (format!("{}:{KEY}", "k".repeat(33)), KeyringError::Id(1)),
            (format!("k1:{KEY},k1:{}", Keyring::generate_key()), KeyringError::DuplicateId(id())),
            (format!("k1:{KEY},k2:{KEY}"), KeyringError::SameKey(id(), "k2".to_owned())),
            (format!("k1:{KEY}!"), KeyringError::Base64(id())),
            (format!("k1:{}", KEY.replace('A', "-")), KeyringError::Base64(id())),
            // Stray bits behind the last byte: a mistyped key.
            (format!("k1:{}", KEY.replace("8=", "9=")), KeyringError::Base64(id())),
            (format!("k1:{short}"), KeyringError::Length { id: id(), bytes: 30 }),
            (format!("k1:{KEY}{KEY}"), KeyringError::Base64(id())),
            (format!("k1:{}", "ab".repeat(32)), KeyringError::Length { id: id(), bytes: 48 }),
            (format!("k1:{zeros}"), KeyringError::Weak(id())),
        ] {
            let error = Keyring::parse(&text).expect_err("no keyring");
            assert_eq!(error, expected);
            assert!(!error.to_string().contains(&KEY[..8]), "{error}");
        }
    }

    #[test]
    fn g4_debug_shows_ids_only() {
        let keyring = Keyring::parse(&format!("k1:{KEY}")).expect("good");
        assert_eq!(format!("{keyring:?}"), "Keyring([\"k1\"])");
    }
}
