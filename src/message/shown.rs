//! An HTTP exchange with eBay as an entry shows it: masked, cleaned and bounded.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::domain::screen::is_hidden;

/// The request as it was sent, with the refresh token masked and without Authorization.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownRequest {
    /// `POST`.
    pub method: String,
    /// The token endpoint.
    pub url: String,
    /// Headers that may be shown, by lower-case name.
    pub headers: BTreeMap<String, String>,
    /// Form fields. `refresh_token` is `v^1.1#i^…(1824 chars, fp 3fa92c1b)`, or `<decrypt_failed>`
    /// where no request was sent.
    pub body: BTreeMap<String, String>,
}

/// eBay's answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShownResponse {
    /// HTTP status.
    pub status: u16,
    /// Headers that may be shown, by lower-case name.
    pub headers: BTreeMap<String, String>,
    /// The body with tokens masked: JSON where it was JSON, else its text.
    pub body: Value,
}

/// Makes foreign text fit for storing and showing: nothing hidden, at most `max_bytes`, cut at a
/// character.
pub fn clean(text: &str, max_bytes: usize) -> String {
    let text = text.replace(is_hidden, "\u{fffd}");
    if text.len() <= max_bytes {
        return text;
    }
    let end = (0..=max_bytes).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
    format!("{}… ({} bytes in all)", &text[..end], text.len())
}
