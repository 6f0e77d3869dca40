//! Reads a call as eBay would, and notes what a correct client never sends.

use std::collections::BTreeMap;

use base64::{Engine, engine::general_purpose::STANDARD};

use super::http::HttpRequest;
use crate::domain::token::{RefreshToken, SEALED_PREFIX};

/// What a request to the token endpoint asks for.
pub(super) struct Asked {
    /// Client id and secret.
    pub(super) credentials: Option<(String, String)>,
    /// The refresh token.
    pub(super) token: Option<String>,
    /// eBay's error for a request that is wrong in itself.
    pub(super) error: Option<(&'static str, &'static str)>,
    /// What a correct client never sends.
    pub(super) violations: Vec<String>,
}

impl Asked {
    pub(super) fn of(request: &HttpRequest) -> Self {
        let mut asked =
            Self { credentials: credentials(request), token: None, error: None, violations: Vec::new() };
        if asked.credentials.is_none() {
            asked.violations.push("the Authorization header is missing or not Basic".to_owned());
        }
        if request.method != "POST" {
            asked.reject("invalid_request", "the method is not POST");
            return asked;
        }
        let content_type = request.header("content-type").unwrap_or_default();
        if content_type.split(';').next().map(str::trim) != Some("application/x-www-form-urlencoded") {
            asked.reject("invalid_request", "the content type is not that of a form");
            return asked;
        }
        if request.body.contains(&b'#') {
            asked.violations.push("the form has a # that is not URL-encoded".to_owned());
        }
        match fields(&request.body) {
            Ok(fields) => asked.read(fields),
            Err(what) => asked.reject("invalid_request", what),
        }
        asked
    }

    fn read(&mut self, mut fields: BTreeMap<String, String>) {
        self.token = fields.remove("refresh_token").filter(|token| !token.is_empty());
        match fields.remove("grant_type").as_deref() {
            Some("refresh_token") => {}
            Some(_) => self.reject("unsupported_grant_type", "the grant type is not refresh_token"),
            None => self.reject("invalid_request", "the grant type is missing"),
        }
        fields.remove("scope");
        if !fields.is_empty() {
            self.violations.push(format!("the form has {} fields that nobody knows", fields.len()));
        }
        match &self.token {
            None => self.reject("invalid_request", "the refresh token is missing"),
            Some(token) if token.starts_with(SEALED_PREFIX) => {
                self.violations.push(format!("the refresh token begins with {SEALED_PREFIX}"));
            }
            Some(token) => {
                if let Err(error) = RefreshToken::checked(token.clone().into()) {
                    self.violations.push(format!("the refresh token {error}"));
                }
            }
        }
    }

    fn reject(&mut self, error: &'static str, what: &'static str) {
        self.violations.push(what.to_owned());
        self.error.get_or_insert((error, what));
    }
}

fn credentials(request: &HttpRequest) -> Option<(String, String)> {
    let (scheme, encoded) = request.header("authorization")?.split_once(' ')?;
    let decoded = STANDARD.decode(encoded.trim()).ok().filter(|_| scheme.eq_ignore_ascii_case("basic"))?;
    let decoded = String::from_utf8(decoded).ok()?;
    let (id, secret) = decoded.split_once(':')?;
    Some((id.to_owned(), secret.to_owned()))
}

/// The fields of a form. As at eBay, a `#` that is not encoded ends it.
fn fields(body: &[u8]) -> Result<BTreeMap<String, String>, &'static str> {
    let body = std::str::from_utf8(body).map_err(|_| "the form is not text")?;
    let body = body.split('#').next().unwrap_or_default();
    let mut fields = BTreeMap::new();
    for pair in body.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').ok_or("a field of the form has no value")?;
        if fields.insert(decode(name)?, decode(value)?).is_some() {
            return Err("a field of the form stands there twice");
        }
    }
    Ok(fields)
}

fn decode(text: &str) -> Result<String, &'static str> {
    let mut bytes = text.bytes();
    let mut decoded = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        decoded.push(match byte {
            b'+' => b' ',
            b'%' => {
                let mut digit = || bytes.next().and_then(|digit| char::from(digit).to_digit(16));
                let code = digit().zip(digit()).map(|(high, low)| high * 16 + low);
                code.and_then(|code| u8::try_from(code).ok())
                    .ok_or("a field of the form is not URL-encoded")?
            }
            _ => byte,
        });
    }
    String::from_utf8(decoded).map_err(|_| "a field of the form is not UTF-8")
}
