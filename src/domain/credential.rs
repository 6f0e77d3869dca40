//! Secrets that this system gives out: bearer tokens, sessions, and links that sign in once.
//!
//! A secret is a prefix that names its kind and 256 random bits. It is shown once, and only its
//! SHA-256 is kept and looked up: nobody can guess a secret whose digest comes near another's, so a
//! look-up that takes longer for some digests gives nothing away.

use std::fmt;

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use sha2::{Digest, Sha256};

/// What a secret is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CredentialKind {
    /// Signs API calls.
    Bearer,
    /// Stands in the page's cookie.
    Session,
    /// Signs in at the page, once.
    Link,
}

/// What is kept of a secret.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct CredentialDigest([u8; 32]);

impl CredentialKind {
    const fn prefix(self) -> &'static str {
        match self {
            Self::Bearer => "tr_",
            Self::Session => "ts_",
            Self::Link => "tl_",
        }
    }

    /// A fresh secret of this kind.
    pub fn mint(self) -> String {
        format!("{}{}", self.prefix(), URL_SAFE_NO_PAD.encode(rand::random::<[u8; 32]>()))
    }

    /// Whether `secret` says that it is of this kind.
    pub fn claimed_by(self, secret: &str) -> bool {
        secret.starts_with(self.prefix())
    }
}

impl CredentialDigest {
    /// Longest secret that is looked up, in bytes; real ones have 46.
    const SECRET_MAX_BYTES: usize = 256;

    /// What is kept of `secret`.
    pub fn of(secret: &str) -> Self {
        Self(Sha256::digest(secret).into())
    }

    /// The digest of what somebody shows; none where it can be no secret of ours.
    pub fn of_shown(secret: &str) -> Option<Self> {
        (1..=Self::SECRET_MAX_BYTES).contains(&secret.len()).then(|| Self::of(secret))
    }

    /// Its bytes.
    pub const fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for CredentialDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CredentialDigest(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::{CredentialDigest, CredentialKind};

    #[test]
    fn a_secret_names_its_kind_and_is_like_no_other() {
        for kind in [CredentialKind::Bearer, CredentialKind::Session, CredentialKind::Link] {
            let (one, other) = (kind.mint(), kind.mint());
            assert_eq!((one.len(), kind.claimed_by(&one)), (46, true));
            assert_ne!(CredentialDigest::of(&one), CredentialDigest::of(&other));
            assert_eq!(CredentialDigest::of_shown(&one), Some(CredentialDigest::of(&one)));
        }
        assert!(!CredentialKind::Link.claimed_by(&CredentialKind::Bearer.mint()));
    }

    #[test]
    fn what_cannot_be_a_secret_is_not_looked_up() {
        assert_eq!(CredentialDigest::of_shown(""), None);
        assert_eq!(CredentialDigest::of_shown(&"x".repeat(257)), None);
    }
}
