//! Secrets that cannot be printed: tokens and client secrets, and what of them may be shown.
//!
//! None of these types has `Display` or `Serialize`, and their `Debug` prints no content (G4). Their
//! bytes are overwritten when they are dropped. A [`RefreshToken`] exists only for text that passed
//! the check of G3, so a sealed text can never be built into a request.

use std::fmt;

use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use super::screen::in_no_line;

/// Shortest token that is taken for one, in bytes.
pub const TOKEN_MIN_BYTES: usize = 16;
/// Longest token that is taken for one, in bytes.
pub const TOKEN_MAX_BYTES: usize = 8_192;
/// Longest client secret, in bytes.
const SECRET_MAX_BYTES: usize = 1_024;
/// What every sealed text begins with; never part of a token.
pub const SEALED_PREFIX: &str = "ENC:";
/// What every eBay token begins with.
pub const TOKEN_PREFIX: &str = "v^";
/// Longest prefix of a secret or a sealed text that is ever shown, in characters.
pub const SHOWN_PREFIX_CHARS: usize = 8;

/// Why a text is not a well-formed token. Never repeats the text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// The text is a sealed one: it was never opened, or it was sealed twice.
    #[error("begins with ENC:, so it is a sealed text and not a token")]
    Sealed,
    /// The text does not begin as eBay's tokens do.
    #[error("does not begin with v^")]
    Prefix,
    /// The text is shorter or longer than a token can be.
    #[error("is {0} bytes long; a token has {TOKEN_MIN_BYTES} to {TOKEN_MAX_BYTES}")]
    Length(usize),
    /// The client secret is empty or too long.
    #[error("is {0} bytes long; a client secret has 1 to {SECRET_MAX_BYTES}")]
    SecretLength(usize),
    /// The text has a character that no token has.
    #[error("has a character at byte {0} that is not printable ASCII")]
    Character(usize),
}

/// A refresh token in the clear: `v^…`, printable ASCII without spaces, 16–8,192 bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct RefreshToken(Zeroizing<String>);

impl RefreshToken {
    /// Takes `text` as a refresh token if it is well-formed (G3).
    pub fn checked(text: Zeroizing<String>) -> Result<Self, TokenError> {
        if text.starts_with(SEALED_PREFIX) {
            return Err(TokenError::Sealed);
        }
        check_shape(&text)?;
        if !text.starts_with(TOKEN_PREFIX) {
            return Err(TokenError::Prefix);
        }
        Ok(Self(text))
    }

    /// The token itself: only for the request to eBay and for sealing.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// What of it may be shown.
    pub fn masked(&self) -> Masked {
        Masked::of(&self.0)
    }

    /// SHA-256 of the token, by which an import recognises one that an account already had.
    pub fn sha256(&self) -> [u8; 32] {
        Sha256::digest(self.0.as_bytes()).into()
    }
}

/// An access token in the clear: printable ASCII without spaces, 16–8,192 bytes.
#[derive(Clone, PartialEq, Eq)]
pub struct AccessToken(Zeroizing<String>);

impl AccessToken {
    /// Takes `text` as an access token if it can be one.
    pub fn checked(text: Zeroizing<String>) -> Result<Self, TokenError> {
        if text.starts_with(SEALED_PREFIX) {
            return Err(TokenError::Sealed);
        }
        check_shape(&text)?;
        Ok(Self(text))
    }

    /// The token itself: only for sealing and for the service that asked for it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// What of it may be shown.
    pub fn masked(&self) -> Masked {
        Masked::of(&self.0)
    }
}

/// The secret of an eBay application ("Cert ID"): 1–1,024 bytes without control characters.
#[derive(Clone, PartialEq, Eq)]
pub struct ClientSecret(Zeroizing<String>);

impl ClientSecret {
    /// Takes `text` as a client secret if it can be one. A trailing line break is not part of it.
    pub fn checked(text: &str) -> Result<Self, TokenError> {
        let text = text.trim_end_matches(['\r', '\n']);
        if text.starts_with(SEALED_PREFIX) {
            return Err(TokenError::Sealed);
        }
        if text.is_empty() || text.len() > SECRET_MAX_BYTES {
            return Err(TokenError::SecretLength(text.len()));
        }
        if let Some(at) = text.bytes().position(|byte| !byte.is_ascii_graphic()) {
            return Err(TokenError::Character(at));
        }
        Ok(Self(Zeroizing::new(text.to_owned())))
    }

    /// The secret itself: only for the Authorization header and for sealing.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

fn check_shape(text: &str) -> Result<(), TokenError> {
    if !(TOKEN_MIN_BYTES..=TOKEN_MAX_BYTES).contains(&text.len()) {
        return Err(TokenError::Length(text.len()));
    }
    match text.bytes().position(|byte| !byte.is_ascii_graphic()) {
        Some(at) => Err(TokenError::Character(at)),
        None => Ok(()),
    }
}

/// What of a secret may be shown: its first characters, its length and a fingerprint.
///
/// Prints as `v^1.1#i^…(1824 chars, fp 3fa92c1b)`. The fingerprint is the first four bytes of the
/// token's SHA-256: two runs can be compared by it, and nothing can be read from it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Masked {
    /// The first characters, at most [`SHOWN_PREFIX_CHARS`].
    pub prefix: String,
    /// Length in characters.
    pub chars: usize,
    /// Eight hexadecimal digits.
    pub fingerprint: String,
}

impl Masked {
    /// Masks `secret`.
    pub fn of(secret: &str) -> Self {
        let digest = Sha256::digest(secret.as_bytes());
        let [a, b, c, d] = [digest[0], digest[1], digest[2], digest[3]];
        let fingerprint = format!("{a:02x}{b:02x}{c:02x}{d:02x}");
        Self { prefix: shown_prefix(secret), chars: secret.chars().count(), fingerprint }
    }
}

impl fmt::Display for Masked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}…({} chars, fp {})", self.prefix, self.chars, self.fingerprint)
    }
}

/// The part of a secret or sealed text that may be shown: its first eight characters, and of a
/// short text no more than a quarter, so that little of it is given away.
pub fn shown_prefix(text: &str) -> String {
    let shown = SHOWN_PREFIX_CHARS.min(text.chars().count() / 4);
    text.chars().take(shown).filter(|character| !in_no_line(*character)).collect()
}

macro_rules! opaque_debug {
    ($($name:ident),+) => {$(
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(..)"))
            }
        }
    )+};
}
opaque_debug!(RefreshToken, AccessToken, ClientSecret);

#[cfg(test)]
mod tests {
    use super::*;

    fn refresh(text: &str) -> Result<RefreshToken, TokenError> {
        RefreshToken::checked(Zeroizing::new(text.to_owned()))
    }

    #[test]
    fn g3_only_a_well_formed_token_is_a_refresh_token() {
        assert!(refresh("v^1.1#i^1#f^0#p^3#r^1#I^3#t^Ul4x").is_ok());
        assert_eq!(refresh("ENC:v1:k1:abcd:24:AAAAAAAAAAAAAAAA"), Err(TokenError::Sealed));
        assert_eq!(refresh("AgAAAA**AQAAAA**aAAAAA**"), Err(TokenError::Prefix));
        assert_eq!(refresh("v^1.1#short"), Err(TokenError::Length(11)));
        assert_eq!(refresh("v^1.1#i^1#f^0#p^3 #r^1"), Err(TokenError::Character(17)));
        assert_eq!(refresh("v^1.1#i^1#f^0#p^3\0#r^1"), Err(TokenError::Character(17)));
        assert_eq!(refresh(&format!("v^{}", "x".repeat(8_191))), Err(TokenError::Length(8_193)));
    }

    #[test]
    fn g4_a_secret_has_a_debug_without_content_and_a_mask_with_a_fingerprint() {
        let token = refresh("v^1.1#i^1#f^0#p^3#r^1#I^3#t^Ul4xMF8").expect("well-formed");
        assert_eq!(format!("{token:?}"), "RefreshToken(..)");
        let masked = token.masked().to_string();
        assert!(masked.starts_with("v^1.1#i^…(35 chars, fp "), "{masked}");
    }
}
