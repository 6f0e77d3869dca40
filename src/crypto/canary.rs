//! Canaries: a known text sealed by each key, so that a wrong key under a known id stops a process
//! at its start instead of breaking accounts.

use super::{
    context::SealContext,
    error::{DecryptReason, OpenError},
    keyring::Keyring,
    sealed::Sealed,
};

/// What every canary says once it is opened.
const SONG: &str = "token-refresh canary";

/// Why a key's canary cannot be made or does not confirm it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CanaryError {
    /// The keyring has no such key.
    #[error("no key \"{0}\" in the keyring")]
    UnknownKey(String),
    /// The canary was sealed by another key than the one that stands under its id here.
    #[error("key \"{0}\" is not the key that sealed its canary: another key stands under this id")]
    WrongKey(String),
    /// The canary itself is no longer what was stored; it says nothing about the key.
    #[error("the canary of key \"{key_id}\" is damaged")]
    Damaged {
        /// The key's id.
        key_id: String,
        /// What is wrong with the canary.
        source: OpenError,
    },
    /// The canary names another key, so it says nothing about this one.
    #[error("the canary of key \"{0}\" names another key")]
    OtherKey(String),
    /// The canary opens and says something else.
    #[error("the canary of key \"{0}\" holds another text")]
    OtherText(String),
}

/// Seals a canary by the key `key_id`, whether or not it is the one that seals.
pub fn make_canary(keyring: &Keyring, key_id: &str) -> Result<String, CanaryError> {
    let key = keyring.key(key_id).ok_or_else(|| CanaryError::UnknownKey(key_id.to_owned()))?;
    Ok(key.seal(&SealContext::canary(key_id), SONG))
}

/// Checks that `canary`, stored for `key_id`, was sealed by the key that this keyring has under that id.
pub fn check_canary(keyring: &Keyring, key_id: &str, canary: &str) -> Result<(), CanaryError> {
    if !keyring.has(key_id) {
        return Err(CanaryError::UnknownKey(key_id.to_owned()));
    }
    if Sealed::named_key(canary).is_some_and(|named| named != key_id) {
        return Err(CanaryError::OtherKey(key_id.to_owned()));
    }
    match keyring.open(&SealContext::canary(key_id), canary) {
        Ok(text) if *text == SONG => Ok(()),
        Ok(_) => Err(CanaryError::OtherText(key_id.to_owned())),
        // A damaged payload looks the same as a wrong key; the more dangerous of the two is named.
        Err(error) if error.reason() == DecryptReason::Corrupt => {
            Err(CanaryError::WrongKey(key_id.to_owned()))
        }
        Err(source) => Err(CanaryError::Damaged { key_id: key_id.to_owned(), source }),
    }
}
