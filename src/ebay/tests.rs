//! What answers mean.

use std::time::Duration;

use proptest::prelude::*;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::{
    answer::{Answer, Ending},
    call::CallFailure,
    classify::{Grant, Refusal, classify},
    endpoint::TokenEndpoint,
    request::{RefreshRequest, synthetic_request},
};
use crate::domain::{
    account::Environment,
    class::{Class, Phase},
    token::{ClientSecret, RefreshToken},
};

mod shown;

const TOKEN: &str = "v^1.1#i^1#f^0#p^3#r^1#I^3#t^Ul4xMF8wOjA5QjY+/RDVF8xXzE0NzA0ODI=";
const GIVEN: &str = "v^1.1#i^1#p^3#f^0#I^3#r^0#t^H4sIAAAAAAAA/+1ZfWwbVx2Pk7RQhcDEoKs6=";
const SECRET: &str = "SBX-1a2b3c4d5e6f-0000-4711-abcd/+";

fn answer(status: u16, headers: &[(&str, &str)], body: impl Into<Vec<u8>>) -> Answer {
    ended(status, headers, body, Ending::Complete)
}

fn ended(status: u16, headers: &[(&str, &str)], body: impl Into<Vec<u8>>, ending: Ending) -> Answer {
    let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let token = RefreshToken::checked(Zeroizing::new(TOKEN.to_owned())).expect("well-formed");
    let secret = ClientSecret::checked(SECRET).expect("well-formed");
    let endpoint = TokenEndpoint::of(Environment::Sandbox, None).expect("eBay's own");
    let request = RefreshRequest {
        endpoint: &endpoint,
        client_id: "an-app-id",
        client_secret: &secret,
        refresh_token: &token,
    };
    Answer::new(status, headers, Zeroizing::new(body.into()), ending).keeping(request.secrets())
}

fn granted(body: &Value) -> Grant {
    classify(&Ok(answer(200, &[], body.to_string()))).expect("a grant")
}

fn refused(answer: Answer) -> Refusal {
    classify(&Ok(answer)).expect_err("a refusal")
}

#[test]
fn ebays_own_success_is_a_grant() {
    let body = json!({"access_token": GIVEN, "expires_in": 7200, "token_type": "User Access Token"});
    let grant = granted(&body);
    assert_eq!(grant.access_token.expose(), GIVEN);
    assert_eq!(grant.expires_in, Duration::from_secs(7_200));
    assert!(
        grant.refresh_token.is_none() && grant.refresh_token_expires_in.is_none() && grant.warning.is_none()
    );
}

#[test]
fn an_absurd_life_is_bounded_and_costs_no_token() {
    for (given, seconds) in [
        (json!(7200), 7_200),
        (json!("3600"), 3_600),
        (json!(7200.9), 7_200),
        (json!(-1), 300),
        (json!(0), 300),
        (json!(1e30), 86_400),
        (json!(u64::MAX), 86_400),
        (json!("NaN"), 7_200),
        (json!("soon"), 7_200),
        (json!([1]), 7_200),
        (Value::Null, 7_200),
    ] {
        let grant = granted(&json!({"access_token": GIVEN, "expires_in": given}));
        assert_eq!(grant.expires_in, Duration::from_secs(seconds), "{given}");
    }
}

#[test]
fn a_changed_refresh_token_is_taken_only_if_it_is_one() {
    let with = |token: Value| {
        granted(&json!({
            "access_token": GIVEN, "refresh_token": token, "refresh_token_expires_in": 47_304_000, "token_type": 1
        }))
    };
    let rotated = with(json!(TOKEN));
    assert_eq!(rotated.refresh_token.expect("taken").expose(), TOKEN);
    assert_eq!(rotated.refresh_token_expires_in, Some(Duration::from_secs(47_304_000)));
    for bad in [
        json!("ENC:v1:k1:aa:9:AAAAAAAAAAAA"),
        json!(""),
        json!(7),
        json!([TOKEN]),
        json!("v^ spaces in it, many"),
    ] {
        let grant = with(bad.clone());
        assert!(grant.refresh_token.is_none() && grant.warning.is_some(), "{bad}");
    }
}

#[test]
fn every_error_of_ebay_has_its_class() {
    let oauth = |error: &str| json!({"error": error, "error_description": "because"}).to_string();
    let gateway = json!({"errors": [{"errorId": 2001, "domain": "ACCESS", "category": "REQUEST",
        "message": "Too many requests.", "longMessage": "The request limit has been reached for the resource."}]})
    .to_string();
    let gateway_text = gateway.replace("2001", "\"2001\"");
    for (status, body, class, reason) in [
        (400, oauth("invalid_grant"), Class::GrantSuspect, Some("invalid_grant")),
        (401, oauth("invalid_client"), Class::ClientInvalid, Some("invalid_client")),
        (401, oauth("invalid_grant"), Class::GrantSuspect, Some("invalid_grant")),
        (401, String::new(), Class::ProviderError, Some("edge")),
        (400, oauth("invalid_client"), Class::ClientInvalid, Some("invalid_client")),
        (400, oauth("unauthorized_client"), Class::ClientInvalid, Some("unauthorized_client")),
        (400, oauth("invalid_scope"), Class::ScopeInvalid, Some("invalid_scope")),
        (400, oauth("invalid_request"), Class::RequestRejected, Some("invalid_request")),
        (400, oauth("unsupported_grant_type"), Class::RequestRejected, Some("unsupported_grant_type")),
        (400, oauth("something_else"), Class::RequestRejected, None),
        (400, "<html>".to_owned(), Class::ProviderError, Some("edge")),
        (400, json!({"error": 7}).to_string(), Class::ProviderError, Some("edge")),
        (400, json!({"error": ["invalid_grant"]}).to_string(), Class::ProviderError, Some("edge")),
        (403, String::new(), Class::ProviderError, Some("edge")),
        (403, "<html>Access Denied</html>".to_owned(), Class::ProviderError, Some("edge")),
        (404, "\0\0\0".to_owned(), Class::ProviderError, Some("edge")),
        (405, "<html>".to_owned(), Class::ProviderError, Some("edge")),
        (403, oauth("invalid_grant"), Class::GrantSuspect, Some("invalid_grant")),
        (429, gateway.clone(), Class::QuotaExhausted, None),
        (429, String::new(), Class::QuotaExhausted, None),
        (400, gateway.clone(), Class::QuotaExhausted, None),
        (500, gateway_text.clone(), Class::QuotaExhausted, None),
        (200, gateway_text, Class::QuotaExhausted, None),
        (500, oauth("invalid_grant"), Class::ProviderError, None),
        (502, "<html>Bad Gateway</html>".to_owned(), Class::ProviderError, None),
        (503, String::new(), Class::ProviderError, None),
        (302, "<html>Moved</html>".to_owned(), Class::ProviderError, Some("edge")),
        (999, String::new(), Class::ProviderError, Some("edge")),
        (200, String::new(), Class::BadResponse, Some("empty")),
        (204, " \r\n".to_owned(), Class::BadResponse, Some("empty")),
        (200, "<!doctype html>".to_owned(), Class::BadResponse, Some("html")),
        (200, "{\"access_token\":\"v^1.1#i".to_owned(), Class::BadResponse, Some("not_json")),
        (200, "\0\0\0".to_owned(), Class::BadResponse, Some("not_json")),
        (200, json!({"token_type": "User Access Token"}).to_string(), Class::BadResponse, Some("no_token")),
        (200, json!({"access_token": null}).to_string(), Class::BadResponse, Some("no_token")),
        (200, json!([GIVEN]).to_string(), Class::BadResponse, Some("no_token")),
        (200, json!(GIVEN).to_string(), Class::BadResponse, Some("no_token")),
        (200, json!({"access_token": ""}).to_string(), Class::BadResponse, Some("malformed_token")),
        (200, json!({"access_token": 12}).to_string(), Class::BadResponse, Some("malformed_token")),
        (
            200,
            json!({"access_token": format!("{GIVEN}\0")}).to_string(),
            Class::BadResponse,
            Some("malformed_token"),
        ),
        (
            200,
            json!({"access_token": "x".repeat(9_000)}).to_string(),
            Class::BadResponse,
            Some("malformed_token"),
        ),
    ] {
        let refusal = refused(answer(status, &[], body.clone()));
        assert_eq!((refusal.class, refusal.reason), (class, reason), "{status} {body}");
        assert!(refusal.text.starts_with(&format!("HTTP {status}: ")) && refusal.text.len() < 400);
    }
}

#[test]
fn an_answer_that_did_not_come_whole_is_no_grant() {
    let body = json!({"access_token": GIVEN, "expires_in": 7200}).to_string();
    for (status, ending, class, reason) in [
        (200, Ending::Cut, Class::BadResponse, "cut"),
        (200, Ending::TooLong, Class::BadResponse, "too_long"),
        (200, Ending::TimedOut, Class::Timeout, "body"),
        (400, Ending::Cut, Class::Network, "body"),
        (400, Ending::TimedOut, Class::Timeout, "body"),
    ] {
        let refusal = refused(ended(status, &[], body.clone(), ending));
        assert_eq!((refusal.class, refusal.reason), (class, Some(reason)), "{status} {ending:?}");
    }
    assert_eq!(refused(ended(503, &[], body.clone(), Ending::Cut)).class, Class::ProviderError);
    assert_eq!(refused(ended(401, &[], body, Ending::TimedOut)).class, Class::Timeout);
}

#[test]
fn without_an_answer_the_phase_is_the_reason() {
    let network = CallFailure::Network { phase: Phase::Connect, text: "connection refused".to_owned() };
    let refusal = classify(&Err(network)).expect_err("a refusal");
    assert_eq!((refusal.class, refusal.reason), (Class::Network, Some("connect")));
    assert_eq!(refusal.text, "connection refused");
    let refusal = classify(&Err(CallFailure::Timeout { phase: Phase::Answer })).expect_err("a refusal");
    assert_eq!((refusal.class, refusal.reason), (Class::Timeout, Some("answer")));
}

#[test]
fn retry_after_is_read_as_seconds_or_against_the_answers_own_date() {
    const DATE: (&str, &str) = ("date", "Sun, 06 Nov 1994 08:49:37 GMT");
    for (value, date, expected) in [
        ("120", None, Some(120)),
        (" 0 ", None, Some(0)),
        ("60000", None, Some(3_600)),
        ("3600000", None, Some(3_600)),
        ("784111837", Some(DATE), Some(3_600)),
        ("99999999999999999999999", None, Some(3_600)),
        ("1700000060", Some(("date", "Tue, 14 Nov 2023 22:13:20 GMT")), Some(60)),
        ("1700000060", None, Some(3_600)),
        ("-5", None, None),
        ("1.5", None, None),
        ("", None, None),
        ("Sun, 06 Nov 1994 08:50:37 GMT", Some(DATE), Some(60)),
        ("Sun, 06 Nov 1994 08:40:37 GMT", Some(DATE), Some(0)),
        ("Sat, 06 Nov 2094 08:50:37 GMT", Some(DATE), Some(3_600)),
        ("Sun, 06 Nov 1994 08:50:37 GMT", None, None),
        ("tomorrow", Some(DATE), None),
    ] {
        let mut headers = vec![("retry-after", value)];
        headers.extend(date);
        let wait = refused(answer(429, &headers, "")).retry_after;
        assert_eq!(wait, expected.map(Duration::from_secs), "{value:?}");
    }
}

#[test]
fn the_text_says_what_ebay_said_on_one_line() {
    let body = json!({"error": "invalid_grant", "error_description": "the token\r\nis\u{1b}[31m\0 invalid"});
    let text = refused(answer(400, &[], body.to_string())).text;
    assert_eq!(text, "HTTP 400: invalid_grant: the token\u{fffd} is\u{fffd}[31m invalid");
    let body = json!({"errors": [{"errorId": 2001, "message": "Too many requests."}]});
    assert_eq!(refused(answer(429, &[], body.to_string())).text, "HTTP 429: 2001: Too many requests.");
    assert_eq!(refused(answer(502, &[], "<html>")).text, "HTTP 502: HTML instead of JSON");
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(status in 100_u16..1_000, body: Vec<u8>, header: String, ending in 0..4) {
        let ending = [Ending::Complete, Ending::TooLong, Ending::Cut, Ending::TimedOut][usize::try_from(ending).expect("small")];
        let answer = ended(status, &[("retry-after", &header), ("date", &header)], body, ending);
        let shown = serde_json::to_string(&answer.shown(true)).expect("text keys");
        prop_assert!(!shown.contains("\\u0000"));
        let _ = classify(&Ok(answer));
    }

    #[test]
    fn g4_no_token_in_any_text_is_shown(
        before in "\\PC{0,40}", token in "v\\^[0-9A-Za-z^#+/=.]{30,200}", after in "(\"|'|<| |>)\\PC{0,40}",
        wrap in 0..4,
    ) {
        let text = match wrap {
            0 => format!("{before}{token}{after}"),
            1 => json!({ "x": [format!("{before}{token}{after}")] }).to_string(),
            2 => json!({ format!("{before}{token}{after}"): 1 }).to_string(),
            _ => format!("{{\"access_token\":\"{token}"),
        };
        let answer = answer(400, &[("location", &text)], text.clone());
        let shown = serde_json::to_string(&answer.shown(true)).expect("text keys");
        let refusal = refused(answer).text;
        for shown in [shown, refusal] {
            for at in 0..token.len() - 11 {
                prop_assert!(!shown.contains(&token[at..at + 12]), "{}", shown);
            }
        }
    }
}
