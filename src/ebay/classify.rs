//! What an answer means. Pure: no I/O, no clock, and every shape of answer ends here.
//!
//! eBay's documented shapes are two: OAuth errors (`{"error": …, "error_description": …}`, RFC 6749
//! §5.2) and those of its gateway (`{"errors": [{"errorId": …}]}`), which the rate limit uses. A
//! refusal without an OAuth error is none of eBay's token service: a proxy's page, or one of the edge
//! before it, and it says nothing about a request, a seller or a keyset.
//!
//! `invalid_grant` is never more than a suspicion here: the answer is the same for a revoked token,
//! another application's token and a mangled one. The proof needs knowledge of other accounts.

use std::time::Duration;

use chrono::DateTime;
use serde_json::Value;
use zeroize::Zeroizing;

use super::{
    answer::{Answer, Ending},
    call::CallFailure,
    json::Json,
};
use crate::{
    domain::{
        class::{Class, Phase},
        screen::{in_no_line, one_line},
        token::{AccessToken, RefreshToken},
    },
    message::clean,
};

/// Life of an access token whose answer does not say it readably: eBay's documented one.
const DEFAULT_EXPIRES_IN: Duration = Duration::from_secs(7_200);
/// Shortest and longest life that is believed, in seconds.
const EXPIRES_IN_S: (f64, f64) = (300.0, 86_400.0);
/// Longest life of a refresh token that is believed, in seconds: ten years.
const REFRESH_EXPIRES_IN_MAX_S: f64 = 315_360_000.0;
/// Longest wait that an answer can ask for, in seconds: whatever a header says, an hour later a call
/// looks whether it still holds.
const RETRY_AFTER_MAX_S: i64 = 3_600;
/// From here on a `Retry-After` in digits is a Unix time and no number of seconds: 2001, or 31 years.
const UNIX_TIME_MIN: i64 = 1_000_000_000;
/// `errorId` of the gateway's "Too many requests".
const TOO_MANY_REQUESTS: &str = "2001";
/// Longest list of scopes that is kept, in characters: eBay has about 50 of 60 characters.
const SCOPES_CHARS: usize = 8_192;
/// Longest text of a refusal, in bytes.
const TEXT_BYTES: usize = 300;

/// What eBay gave.
#[derive(Debug)]
pub struct Grant {
    /// The access token.
    pub access_token: AccessToken,
    /// How long it lives: 300–86,400 s, and 7,200 s where the answer does not say.
    pub expires_in: Duration,
    /// A changed refresh token (RFC 6749 §6). eBay sends none; without one the old one stays.
    pub refresh_token: Option<RefreshToken>,
    /// How long the refresh token lives, where the answer says.
    pub refresh_token_expires_in: Option<Duration>,
    /// The scopes that the access token has, where the answer says: separated by spaces.
    pub scopes: Option<String>,
    /// What was odd about the answer, for the entry.
    pub warning: Option<&'static str>,
}

/// Why there is no token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// How the attempt ended. `invalid_grant` is [`Class::GrantSuspect`].
    pub class: Class,
    /// The finer reason: a phase, an OAuth error, or what is wrong with the body.
    pub reason: Option<&'static str>,
    /// For people: short, on one line, masked.
    pub text: String,
    /// How long the answer asks to wait, at most an hour.
    pub retry_after: Option<Duration>,
}

/// Says what came of a call.
pub fn classify(result: &Result<Answer, CallFailure>) -> Result<Grant, Refusal> {
    let answer = match result {
        Ok(answer) => answer,
        Err(failure) => return Err(unanswered(failure)),
    };
    let json = answer.json();
    let body = json.as_ref().map(Json::value);
    if (200..300).contains(&answer.status) {
        match grant(answer, body) {
            Ok(grant) => return Ok(grant),
            Err(_) if is_quota(body) => {}
            Err((class, reason)) => return Err(refusal(answer, class, Some(reason), json.as_ref())),
        }
    }
    let (class, reason) = refused(answer, body);
    Err(refusal(answer, class, reason, json.as_ref()))
}

fn unanswered(failure: &CallFailure) -> Refusal {
    let (class, phase, text) = match failure {
        CallFailure::Network { phase, text } => (Class::Network, *phase, text.clone()),
        CallFailure::Timeout { phase } => {
            let text = match phase {
                Phase::Connect => "the time was up before the request was written",
                Phase::Answer => "no answer in time",
                Phase::Body => "the answer's body did not end in time",
            };
            (Class::Timeout, *phase, text.to_owned())
        }
    };
    Refusal { class, reason: Some(phase.as_str()), text: clean(&text, TEXT_BYTES), retry_after: None }
}

/// The token in a 2xx answer, or what is wrong with it.
fn grant(answer: &Answer, body: Option<&Value>) -> Result<Grant, (Class, &'static str)> {
    const BAD: Class = Class::BadResponse;
    match answer.ending {
        Ending::Complete => {}
        Ending::TooLong => return Err((BAD, "too_long")),
        Ending::Cut => return Err((BAD, "cut")),
        Ending::TimedOut => return Err((Class::Timeout, Phase::Body.as_str())),
    }
    let Some(body) = body else {
        let text = answer.body.trim_ascii();
        return Err(match text.first() {
            None => (BAD, "empty"),
            Some(b'<') => (BAD, "html"),
            Some(_) => (BAD, "not_json"),
        });
    };
    let token = match body.get("access_token") {
        Some(Value::String(token)) => token,
        Some(Value::Null) | None => return Err((BAD, "no_token")),
        Some(_) => return Err((BAD, "malformed_token")),
    };
    let access_token =
        AccessToken::checked(Zeroizing::new(token.clone())).map_err(|_| (BAD, "malformed_token"))?;
    let (refresh_token, warning) = match body.get("refresh_token") {
        None | Some(Value::Null) => (None, None),
        Some(Value::String(token)) => match RefreshToken::checked(Zeroizing::new(token.clone())) {
            Ok(token) => (Some(token), None),
            Err(_) => (None, Some(REFRESH_TOKEN_IGNORED)),
        },
        Some(_) => (None, Some(REFRESH_TOKEN_IGNORED)),
    };
    let expires_in = body.get("expires_in").and_then(seconds).map_or(DEFAULT_EXPIRES_IN, |seconds| {
        Duration::from_secs_f64(seconds.clamp(EXPIRES_IN_S.0, EXPIRES_IN_S.1).floor())
    });
    let refresh_token_expires_in = body
        .get("refresh_token_expires_in")
        .and_then(seconds)
        .map(|seconds| Duration::from_secs_f64(seconds.clamp(0.0, REFRESH_EXPIRES_IN_MAX_S).floor()));
    let scopes = scopes(body);
    Ok(Grant { access_token, expires_in, refresh_token, refresh_token_expires_in, scopes, warning })
}

/// The scopes that an answer names. eBay's are addresses; anything else might be an echoed secret.
fn scopes(body: &Value) -> Option<String> {
    let text = body.get("scope")?.as_str()?;
    let scopes: Vec<&str> = text.split_ascii_whitespace().collect();
    let named = !scopes.is_empty() && scopes.iter().all(|scope| scope.starts_with("https://"));
    named.then(|| one_line(&scopes.join(" "), SCOPES_CHARS))
}

const REFRESH_TOKEN_IGNORED: &str =
    "eBay sent a refresh token that is not a well-formed one; the stored one was kept";

/// Class and reason of an answer that gives no token.
fn refused(answer: &Answer, body: Option<&Value>) -> (Class, Option<&'static str>) {
    if answer.status == 429 || is_quota(body) {
        return (Class::QuotaExhausted, None);
    }
    let error = body.and_then(|body| body.get("error")).and_then(Value::as_str).map(str::trim);
    match (answer.status, error) {
        (500..600, _) => (Class::ProviderError, None),
        (400..500, Some("invalid_client")) => (Class::ClientInvalid, Some("invalid_client")),
        (400..500, Some("unauthorized_client")) => (Class::ClientInvalid, Some("unauthorized_client")),
        (400..500, Some("invalid_grant")) => (Class::GrantSuspect, Some("invalid_grant")),
        (400..500, Some("invalid_scope")) => (Class::ScopeInvalid, Some("invalid_scope")),
        (400..500, Some("invalid_request")) => (Class::RequestRejected, Some("invalid_request")),
        (400..500, Some("unsupported_grant_type")) => {
            (Class::RequestRejected, Some("unsupported_grant_type"))
        }
        // An answer that did not come whole does not say what it rejects.
        (400..500, None) if answer.ending == Ending::Cut => (Class::Network, Some(Phase::Body.as_str())),
        (400..500, None) if answer.ending == Ending::TimedOut => (Class::Timeout, Some(Phase::Body.as_str())),
        (400..500, Some(_)) => (Class::RequestRejected, None),
        // Redirects are among them, and not followed: a secret must not travel to where an answer points.
        _ => (Class::ProviderError, Some("edge")),
    }
}

fn is_quota(body: Option<&Value>) -> bool {
    let errors = body.and_then(|body| body.get("errors")).and_then(Value::as_array);
    errors.is_some_and(|errors| {
        errors.iter().any(|error| match error.get("errorId") {
            Some(Value::Number(id)) => id.to_string() == TOO_MANY_REQUESTS,
            Some(Value::String(id)) => id.trim() == TOO_MANY_REQUESTS,
            _ => false,
        })
    })
}

fn refusal(answer: &Answer, class: Class, reason: Option<&'static str>, json: Option<&Json>) -> Refusal {
    let said = match json.and_then(|json| said(json.value())) {
        Some(said) => answer.masker(json).text(&said),
        None => match (answer.ending, answer.body.trim_ascii().first()) {
            (Ending::TooLong, _) => format!("more than {} KiB", super::answer::MAX_BODY_BYTES / 1_024),
            (Ending::Cut, _) => "the answer was cut".to_owned(),
            (Ending::TimedOut, _) => "the answer's body did not end in time".to_owned(),
            (Ending::Complete, None) => "an empty answer".to_owned(),
            (Ending::Complete, Some(b'<')) => "HTML instead of JSON".to_owned(),
            (Ending::Complete, Some(_)) if json.is_some() => "JSON of another shape".to_owned(),
            (Ending::Complete, Some(_)) => "an answer that is not JSON".to_owned(),
        },
    };
    let text = format!("HTTP {}: {}", answer.status, said.replace(in_no_line, " "));
    Refusal { class, reason, text: clean(&text, TEXT_BYTES), retry_after: retry_after(answer) }
}

/// What an error says of itself, in either of eBay's two shapes.
fn said(body: &Value) -> Option<Zeroizing<String>> {
    let text = |value: Option<&Value>| match value {
        Some(Value::String(text)) if !text.is_empty() => Some(text.clone()),
        Some(Value::Number(number)) => Some(number.to_string()),
        _ => None,
    };
    let error = body.get("errors").and_then(|errors| errors.get(0)).unwrap_or(body);
    let name = text(error.get("error")).or_else(|| text(error.get("errorId")));
    let description = ["error_description", "longMessage", "message"];
    let description = description.iter().find_map(|field| text(error.get(*field)));
    match (name.map(Zeroizing::new), description.map(Zeroizing::new)) {
        (Some(name), Some(description)) => Some(Zeroizing::new([name.as_str(), &description].join(": "))),
        (name, description) => name.or(description),
    }
}

/// A number of seconds, given as a number or as its text.
fn seconds(value: &Value) -> Option<f64> {
    let seconds = match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        _ => None,
    };
    seconds.filter(|seconds| seconds.is_finite())
}

/// `Retry-After` (RFC 9110 §10.2.3): seconds, or a date, which is read against the answer's own
/// `Date`, so that no clock of ours takes part. Some send a Unix time, which is a date as well.
fn retry_after(answer: &Answer) -> Option<Duration> {
    let value = answer.header("retry-after")?.trim();
    let date = answer.header("date").and_then(|date| DateTime::parse_from_rfc2822(date.trim()).ok());
    let wait = if value.bytes().all(|byte| byte.is_ascii_digit()) && !value.is_empty() {
        let number = value.parse().unwrap_or(i64::MAX);
        match date {
            Some(date) if number >= UNIX_TIME_MIN => number.saturating_sub(date.timestamp()),
            _ => number,
        }
    } else {
        (DateTime::parse_from_rfc2822(value).ok()? - date?).num_seconds()
    };
    u64::try_from(wait.clamp(0, RETRY_AFTER_MAX_S)).ok().map(Duration::from_secs)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::scopes;

    #[test]
    fn scopes_are_taken_where_the_answer_names_them_and_nothing_else_is() {
        let named = |scope: Value| scopes(&json!({ "scope": scope }));
        let (api, sell) =
            ("https://api.ebay.com/oauth/api_scope", "https://api.ebay.com/oauth/api_scope/sell");
        assert_eq!(named(json!(format!("{api}  {sell}"))), Some(format!("{api} {sell}")));
        for other in
            [json!("v^1.1#i^1#t^A"), json!(format!("{api} v^1.1#t^A")), json!(" "), json!([api]), Value::Null]
        {
            assert_eq!(named(other.clone()), None, "{other}");
        }
    }
}
