//! What was sent and must not come back into view, in every spelling in which it might.

use base64::{
    Engine,
    engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD},
};
use zeroize::Zeroizing;

use super::percent::percent_encode;
use crate::domain::token::{ClientSecret, RefreshToken};

/// Shortest base64 that is looked for, in characters; a shorter one stands in any text by chance.
const BASE64_MIN_BYTES: usize = 8;

/// One spelling of a secret, and what stands in its place.
pub(super) type Spelling = (Zeroizing<String>, String);

/// What must not be shown, and what stands in its place.
#[derive(Default)]
pub(super) struct Secrets {
    pub(super) refresh_token: Option<RefreshToken>,
    pub(super) client_secret: Option<ClientSecret>,
    pub(super) credentials: Zeroizing<String>,
}

impl Secrets {
    pub(super) fn of(token: &RefreshToken, secret: &ClientSecret, credentials: &str) -> Self {
        Self {
            refresh_token: Some(token.clone()),
            client_secret: Some(secret.clone()),
            credentials: Zeroizing::new(credentials.to_owned()),
        }
    }
}

/// Every spelling in which `secret` might come back, each to be replaced by `instead`.
pub(super) fn spellings(secret: &str, instead: &str, known: &mut Vec<Spelling>) {
    let mut upper = Zeroizing::new(Vec::with_capacity(3 * secret.len()));
    percent_encode(secret, &mut upper);
    let upper = Zeroizing::new(String::from_utf8_lossy(&upper).into_owned());
    let lower = lower_hex(&upper);
    let mut add = |text: Zeroizing<String>| {
        if !text.is_empty() && known.iter().all(|(other, _)| *other != text) {
            known.push((text, instead.to_owned()));
        }
    };
    for plain in [secret, &upper] {
        for engine in [STANDARD_NO_PAD, URL_SAFE_NO_PAD] {
            let mut text = Zeroizing::new(engine.encode(plain));
            // The last characters depend on what follows the secret.
            let whole = plain.len() / 3 * 4;
            text.truncate(whole);
            if whole >= BASE64_MIN_BYTES {
                add(text);
            }
        }
    }
    add(Zeroizing::new(secret.replace('/', "\\/")));
    add(lower);
    add(upper.clone());
    add(Zeroizing::new(secret.to_owned()));
}

/// Percent-encoded text with its hexadecimal digits in lower case.
fn lower_hex(encoded: &str) -> Zeroizing<String> {
    let mut left = 0_u8;
    let lower = encoded.chars().map(|character| {
        let digit = left > 0;
        left = if character == '%' { 2 } else { left.saturating_sub(1) };
        if digit { character.to_ascii_lowercase() } else { character }
    });
    Zeroizing::new(lower.collect())
}
