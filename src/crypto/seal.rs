//! Sealing and opening one text.

use aes_gcm::{
    Nonce,
    aead::{Aead, Generate, Payload},
};
use base64::{Engine, prelude::BASE64_URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

use super::{
    context::SealContext,
    error::{Flaw, OpenError},
    format::{FORMAT_PREFIX, NONCE_BYTES, TAG_BYTES},
    keyring::{Key, Keyring, is_key_id},
    sealed::Sealed,
};

impl Keyring {
    /// Seals `secret` for `context` with the sealing key.
    ///
    /// Two seals of one secret differ. The sealed text is ASCII, about 4/3 of the secret's length plus
    /// at most 110 bytes.
    pub fn seal(&self, context: &SealContext, secret: &str) -> String {
        self.sealing().seal(context, secret)
    }

    /// Opens `sealed`, if it was sealed for `context` by a key of this ring and is whole.
    pub fn open(&self, context: &SealContext, sealed: &str) -> Result<Zeroizing<String>, OpenError> {
        let sealed = Sealed::parse(sealed)?;
        let Some(key) = self.key(sealed.key_id()) else {
            return Err(if is_key_id(sealed.key_id()) {
                OpenError::UnknownKey(sealed.key_id().to_owned())
            } else {
                OpenError::ImpossibleKey
            });
        };
        if sealed.hint() != context.hint() {
            return Err(OpenError::WrongContext);
        }
        let opened = key.open(context, sealed.payload());
        let (have, expected) = (sealed.bytes(), sealed.expected_bytes());
        match opened {
            Some(secret) if have == expected => Ok(secret),
            Some(_) => Err(OpenError::Malformed(Flaw::LengthAltered)),
            None if have < expected => Err(OpenError::Truncated { have, expected }),
            None if have > expected => Err(OpenError::Malformed(Flaw::TooLong { have, expected })),
            None => Err(self.explain(context, key, sealed.payload())),
        }
    }

    /// Says why a whole payload does not open with the key that it names.
    fn explain(&self, context: &SealContext, named: &Key, payload: &str) -> OpenError {
        let mut others = self.keys().iter().filter(|key| key.id != named.id);
        let named = named.id.clone();
        match others.find(|key| key.open(context, payload).is_some()) {
            Some(key) => OpenError::Mislabelled { named, sealed_by: key.id.clone() },
            None => OpenError::Corrupt(named),
        }
    }
}

impl Key {
    pub(super) fn seal(&self, context: &SealContext, secret: &str) -> String {
        let nonce = Nonce::generate();
        let associated_data = context.associated_data();
        let message = Payload { msg: secret.as_bytes(), aad: associated_data.as_bytes() };
        let ciphertext = self.cipher.encrypt(&nonce, message).expect("a secret is far below 64 GiB");
        let payload = BASE64_URL_SAFE_NO_PAD.encode([nonce.as_slice(), &ciphertext].concat());
        format!("{FORMAT_PREFIX}{}:{}:{}:{payload}", self.id, context.hint(), payload.len())
    }

    fn open(&self, context: &SealContext, payload: &str) -> Option<Zeroizing<String>> {
        // Refuses padding and stray bits at the end, so a payload has exactly one spelling.
        let bytes = BASE64_URL_SAFE_NO_PAD.decode(payload).ok()?;
        if bytes.len() < NONCE_BYTES + TAG_BYTES {
            return None;
        }
        let (nonce, ciphertext) = bytes.split_at(NONCE_BYTES);
        let nonce: [u8; NONCE_BYTES] = nonce.try_into().expect("split at a nonce's length");
        let associated_data = context.associated_data();
        let message = Payload { msg: ciphertext, aad: associated_data.as_bytes() };
        let secret = self.cipher.decrypt(&nonce.into(), message).ok()?;
        match String::from_utf8(secret) {
            Ok(secret) => Some(Zeroizing::new(secret)),
            Err(error) => {
                drop(Zeroizing::new(error.into_bytes()));
                None
            }
        }
    }
}
