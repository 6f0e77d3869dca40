//! Takes secrets out of foreign text, so that the rest of it can be shown.
//!
//! A text is masked by four rules, in one pass from its beginning:
//! 1. what was sent is replaced, in each spelling in which an answer might echo it;
//! 2. so is what the same answer gives as a token elsewhere;
//! 3. whatever begins like an eBay token (`v^`, also as URL, JSON or HTML spell it) is masked up to
//!    the next space, quote or angle bracket;
//! 4. so is what follows a token's name and `=` or `:`, for JSON that was cut and does not parse.

use serde_json::{Map, Value};
use zeroize::Zeroizing;

use super::secrets::{Secrets, Spelling, spellings};
use crate::domain::{screen::is_hidden, token::Masked};

/// How `v^` is spelled raw and where it was encoded, in lower case.
const BEGINNINGS: [&str; 7] = ["v^", "v%5e", "v%255e", "v\\u005e", "v&#94;", "v&#x5e;", "v&hat;"];
/// Names whose value is a secret, as they may stand in a text, in lower case.
const NAMES: [&str; 6] =
    ["access_token", "refresh_token", "id_token", "client_secret", "accesstoken", "refreshtoken"];
/// Shortest text that an answer gives as a token and that is then looked for elsewhere in it, in bytes.
const GIVEN_MIN_BYTES: usize = 8;
/// Shortest beginning of a secret that is masked at the end of a text, where it may have been cut.
const PART_MIN_BYTES: usize = 6;

/// Masks the texts of one answer.
pub(super) struct Masker {
    /// Spellings of secrets, and what stands in their place.
    known: Vec<Spelling>,
    longest: usize,
}

impl Masker {
    /// A masker for `secrets` and for what `body` gives as tokens, for texts of at most `longest` bytes.
    pub(super) fn of(secrets: &Secrets, body: Option<&Value>, longest: usize) -> Self {
        let mut masker = Self { known: Vec::new(), longest };
        if let Some(token) = &secrets.refresh_token {
            masker.know(token.expose(), || token.masked().to_string());
        }
        if let Some(secret) = &secrets.client_secret {
            masker.know(secret.expose(), || "<client secret>".to_owned());
        }
        masker.know(&secrets.credentials, || "<credentials>".to_owned());
        if let Some(body) = body {
            masker.collect(body, false);
        }
        // The longest first: one spelling may begin with another.
        masker.known.sort_by_key(|(secret, _)| std::cmp::Reverse(secret.len()));
        masker
    }

    /// Knows every spelling of `secret` from here on.
    fn know(&mut self, secret: &str, instead: impl FnOnce() -> String) {
        // No spelling is shorter than the secret, and few answers have texts as long as a token.
        if (1..=self.longest).contains(&secret.len()) {
            spellings(secret, &instead(), &mut self.known);
        }
    }

    /// Finds what `value` gives as tokens.
    fn collect(&mut self, value: &Value, secret: bool) {
        match value {
            Value::String(text) if secret && text.len() >= GIVEN_MIN_BYTES => self.know(text, || mask(text)),
            Value::Array(items) => items.iter().for_each(|item| self.collect(item, secret)),
            Value::Object(fields) => {
                for (name, value) in fields {
                    self.collect(value, secret || names_a_secret(name));
                }
            }
            Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {}
        }
    }

    /// `text` without secrets, without NUL, and with control characters made harmless.
    pub(super) fn text(&self, text: &str) -> String {
        // Without NUL first: text in UTF-16 would hide a token between them.
        let text = Zeroizing::new(text.replace('\0', ""));
        let mut shown = String::with_capacity(text.len().min(16 * 1024));
        let mut rest = text.as_str();
        while let Some(next) = rest.chars().next() {
            if let Some((length, instead)) = self.known_here(rest) {
                shown.push_str(instead);
                rest = &rest[length..];
            } else if BEGINNINGS.iter().any(|beginning| starts_with_ignoring_case(rest, beginning)) {
                let end = rest.find(is_end).unwrap_or(rest.len());
                shown.push_str(&mask(&rest[..end]));
                rest = &rest[end..];
            } else if let Some((label, value)) = labelled(rest) {
                shown.push_str(&harmless(&rest[..label]));
                rest = &rest[label..];
                // A known or telling spelling is left to the rules above.
                if !self.begins(rest) {
                    shown.push_str(&mask(&rest[..value]));
                    rest = &rest[value..];
                }
            } else {
                shown.push(if is_hidden(next) { '\u{fffd}' } else { next });
                rest = &rest[next.len_utf8()..];
            }
        }
        shown
    }

    /// `value` without secrets; all that stands under a token's name is one.
    pub(super) fn json(&self, value: &Value) -> Value {
        match value {
            Value::String(text) => Value::String(self.text(text)),
            Value::Array(items) => Value::Array(items.iter().map(|item| self.json(item)).collect()),
            Value::Object(fields) => {
                let fields = fields.iter().map(|(name, value)| {
                    let shown = if names_a_secret(name) { hidden(value) } else { self.json(value) };
                    (self.text(name), shown)
                });
                Value::Object(fields.collect::<Map<_, _>>())
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => value.clone(),
        }
    }

    /// The length of a known spelling, or of what came of it, at the beginning of `text`.
    fn known_here(&self, text: &str) -> Option<(usize, &str)> {
        self.known.iter().find_map(|(secret, instead)| {
            let whole = text.starts_with(secret.as_str());
            let part = text.len() >= PART_MIN_BYTES && secret.starts_with(text);
            (whole || part).then(|| (secret.len().min(text.len()), instead.as_str()))
        })
    }

    fn begins(&self, text: &str) -> bool {
        self.known_here(text).is_some()
            || BEGINNINGS.iter().any(|beginning| starts_with_ignoring_case(text, beginning))
    }
}

/// The length of the longest text in `value` that does not stand under a secret's name, in bytes.
pub(super) fn longest_shown(value: &Value) -> usize {
    match value {
        Value::String(text) => text.len(),
        Value::Array(items) => items.iter().map(longest_shown).max().unwrap_or(0),
        Value::Object(fields) => {
            let shown = |(name, value): (&String, _)| {
                name.len().max(if names_a_secret(name) { 0 } else { longest_shown(value) })
            };
            fields.iter().map(shown).max().unwrap_or(0)
        }
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
    }
}

/// All that stands under a token's name, masked.
fn hidden(value: &Value) -> Value {
    match value {
        Value::String(text) => Value::String(mask(text)),
        Value::Array(items) => Value::Array(items.iter().map(hidden).collect()),
        // Names under a token's name are no names to be trusted.
        Value::Object(fields) => {
            Value::Object(fields.iter().map(|(name, value)| (mask(name), hidden(value))).collect())
        }
        Value::Null | Value::Bool(_) => value.clone(),
        Value::Number(number) => Value::String(mask(&number.to_string())),
    }
}

fn mask(secret: &str) -> String {
    harmless(&Masked::of(secret).to_string())
}

fn names_a_secret(name: &str) -> bool {
    const SQUEEZED: [&str; 8] = [
        "accesstoken",
        "refreshtoken",
        "idtoken",
        "token",
        "clientsecret",
        "secret",
        "password",
        "authorization",
    ];
    let letters = name.chars().filter(char::is_ascii_alphanumeric);
    let squeezed: String = letters.map(|letter| letter.to_ascii_lowercase()).take(24).collect();
    SQUEEZED.contains(&squeezed.as_str())
}

/// Where a secret's name and `=` or `:` stand at the beginning of `text`: their length with quotes
/// and spaces, and the length of the value behind them.
fn labelled(text: &str) -> Option<(usize, usize)> {
    let name = NAMES.iter().find(|name| starts_with_ignoring_case(text, name))?;
    let between = text[name.len()..].find(|c: char| !matches!(c, '"' | '\'' | '\\' | ' ' | ':' | '='))?;
    let label = name.len() + between;
    if !text[name.len()..label].contains([':', '=']) {
        return None;
    }
    let value = &text[label..];
    let length = value.find(|c: char| is_end(c) || matches!(c, '&' | ',' | '}')).unwrap_or(value.len());
    (length > 0).then_some((label, length))
}

fn is_end(character: char) -> bool {
    character.is_whitespace() || matches!(character, '"' | '\'' | '`' | '<' | '>')
}

fn starts_with_ignoring_case(text: &str, beginning: &str) -> bool {
    text.as_bytes()
        .get(..beginning.len())
        .is_some_and(|start| start.eq_ignore_ascii_case(beginning.as_bytes()))
}

fn harmless(text: &str) -> String {
    text.replace(is_hidden, "\u{fffd}")
}
