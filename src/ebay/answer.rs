//! An answer of the token endpoint: as it came, and as it may be shown.

use std::fmt;

use serde_json::Value;
use zeroize::Zeroizing;

use super::{
    json::Json,
    mask::{self, Masker},
    secrets::Secrets,
};
use crate::message::{ShownResponse, clean};

/// Longest body that is read, in bytes. A real one has about 2,500.
pub const MAX_BODY_BYTES: usize = 64 * 1024;
/// Longest body that is shown, in bytes.
const SHOWN_BODY_BYTES: usize = 8 * 1024;
/// Longest header value that is shown, in bytes.
const SHOWN_HEADER_BYTES: usize = 512;
/// Most headers that are shown.
const SHOWN_HEADERS: usize = 48;

/// Headers that every entry shows.
const HEADERS: [&str; 11] = [
    "content-type",
    "content-length",
    "content-encoding",
    "date",
    "location",
    "retry-after",
    "rlogid",
    "server",
    "via",
    "x-ebay-c-request-id",
    "x-ebay-c-version",
];
/// Headers that no entry shows.
const SECRET_HEADERS: [&str; 7] = [
    "authorization",
    "cookie",
    "proxy-authenticate",
    "proxy-authorization",
    "set-cookie",
    "set-cookie2",
    "www-authenticate",
];

/// How an answer's body ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// As announced.
    Complete,
    /// It is longer than [`MAX_BODY_BYTES`]; the rest was not read.
    TooLong,
    /// The connection broke before its end.
    Cut,
    /// The deadline passed before its end.
    TimedOut,
}

/// An answer, from its head to as much of its body as came. Its body is overwritten when it is dropped.
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// Headers in the order in which they came, by lower-case name.
    pub headers: Vec<(String, String)>,
    /// The body, raw: at most [`MAX_BODY_BYTES`].
    pub body: Zeroizing<Vec<u8>>,
    /// How the body ended.
    pub ending: Ending,
    secrets: Secrets,
}

impl fmt::Debug for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bytes = self.body.len();
        write!(f, "Answer {{ status: {}, ending: {:?}, body: {bytes} bytes }}", self.status, self.ending)
    }
}

impl Answer {
    /// An answer as it came.
    pub fn new(
        status: u16,
        headers: Vec<(String, String)>,
        body: Zeroizing<Vec<u8>>,
        ending: Ending,
    ) -> Self {
        Self { status, headers, body, ending, secrets: Secrets::default() }
    }

    /// The answer to a request with `secrets`, which it may echo.
    pub(super) fn keeping(self, secrets: Secrets) -> Self {
        Self { secrets, ..self }
    }

    /// The value of the first header called `name` (lower case).
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(found, _)| found == name).map(|(_, value)| value.as_str())
    }

    /// The answer as an entry shows it; `all_headers` for debug runs.
    pub fn shown(&self, all_headers: bool) -> ShownResponse {
        let json = self.json();
        let masker = self.masker(json.as_ref());
        let headers = self.headers.iter().filter(|(name, _)| {
            let name = name.as_str();
            HEADERS.contains(&name) || (all_headers && !is_secret_header(name))
        });
        let shown_headers = headers.take(SHOWN_HEADERS).map(|(name, value)| {
            (clean(&masker.text(name), 128), clean(&masker.text(value), SHOWN_HEADER_BYTES))
        });
        ShownResponse {
            status: self.status,
            headers: shown_headers.collect(),
            body: self.shown_body(json.as_ref(), &masker),
        }
    }

    fn shown_body(&self, json: Option<&Json>, masker: &Masker) -> Value {
        if let Some(json) = json {
            let shown = masker.json(json.value());
            let text = shown.to_string();
            return if text.len() <= SHOWN_BODY_BYTES {
                shown
            } else {
                Value::String(clean(&text, SHOWN_BODY_BYTES))
            };
        }
        if self.body.is_empty() {
            return Value::Null;
        }
        let text = Zeroizing::new(String::from_utf8_lossy(&self.body).into_owned());
        Value::String(clean(&masker.text(&text), SHOWN_BODY_BYTES))
    }

    /// The body as JSON. A body that did not come whole is none, even if it reads like it.
    pub(super) fn json(&self) -> Option<Json> {
        match self.ending {
            Ending::Complete => Json::read(&self.body),
            Ending::TooLong | Ending::Cut | Ending::TimedOut => None,
        }
    }

    pub(super) fn masker(&self, json: Option<&Json>) -> Masker {
        let headers = self.headers.iter().map(|(name, value)| name.len().max(value.len())).max();
        // A text that is not JSON may have been cut anywhere, also inside of a secret.
        let body = json.map_or(usize::MAX, |json| mask::longest_shown(json.value()));
        Masker::of(&self.secrets, json.map(Json::value), body.max(headers.unwrap_or(0)))
    }
}

fn is_secret_header(name: &str) -> bool {
    SECRET_HEADERS.contains(&name)
        || name.contains("token")
        || name.contains("secret")
        || name.contains("cookie")
}
