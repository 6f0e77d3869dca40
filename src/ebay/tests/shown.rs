//! What is shown of a call: everything but its secrets (G4).

use super::*;

#[test]
fn g4_what_is_shown_of_a_request_is_the_request_without_its_secrets() {
    let token = RefreshToken::checked(Zeroizing::new(TOKEN.to_owned())).expect("well-formed");
    let secret = ClientSecret::checked(SECRET).expect("well-formed");
    let endpoint = TokenEndpoint::of(Environment::Production, None).expect("eBay's own");
    let request = RefreshRequest {
        endpoint: &endpoint,
        client_id: "app",
        client_secret: &secret,
        refresh_token: &token,
    };
    let shown = request.shown();
    assert_eq!(shown.url, "https://api.ebay.com/identity/v1/oauth2/token");
    assert_eq!(shown.body["grant_type"], "refresh_token");
    assert_eq!(shown.body["refresh_token"], token.masked().to_string());
    let mut sent: Vec<_> = request.headers().iter().map(|(name, _)| name.as_str().to_owned()).collect();
    sent.sort();
    sent.retain(|name| name != "authorization");
    assert_eq!(shown.headers.keys().cloned().collect::<Vec<_>>(), sent);
    let form = String::from_utf8(request.form().to_vec()).expect("ASCII");
    assert!(form.starts_with("grant_type=refresh_token&refresh_token=v%5E1.1%23i%5E1%23f%5E0"), "{form}");
    assert!(form.ends_with("%2B%2FRDVF8xXzE0NzA0ODI%3D"), "{form}");
    assert_eq!(shown.headers["content-length"], form.len().to_string());

    let synthetic = synthetic_request(&endpoint, "<decrypt_failed>");
    assert_eq!(synthetic.body["refresh_token"], "<decrypt_failed>");
    assert_eq!(synthetic.body["grant_type"], "refresh_token");
    assert!(!synthetic.headers.contains_key("authorization"));
}

#[test]
fn g4_debug_prints_no_content() {
    let answer = answer(200, &[("set-cookie", GIVEN)], json!({"access_token": GIVEN}).to_string());
    assert_eq!(format!("{answer:?}"), "Answer { status: 200, ending: Complete, body: 84 bytes }");
    let token = RefreshToken::checked(Zeroizing::new(TOKEN.to_owned())).expect("well-formed");
    let secret = ClientSecret::checked(SECRET).expect("well-formed");
    let endpoint = TokenEndpoint::of(Environment::Production, None).expect("eBay's own");
    let request = RefreshRequest {
        endpoint: &endpoint,
        client_id: "app",
        client_secret: &secret,
        refresh_token: &token,
    };
    let grant = classify(&Ok(answer)).expect("a grant");
    for text in [format!("{request:?}"), format!("{grant:?}"), format!("{:?}", request.headers())] {
        assert_no_part_of(
            &text,
            &[TOKEN, GIVEN, SECRET, &request.headers()[4].1.to_str().expect("ASCII")[6..]],
        );
    }
}

#[test]
fn g4_an_answer_that_echoes_what_was_sent_is_masked() {
    let basic = base64_of(&format!("an-app-id:{SECRET}"));
    let mut encoded = Vec::new();
    crate::ebay::percent::percent_encode(TOKEN, &mut encoded);
    let encoded = String::from_utf8(encoded).expect("ASCII");
    let form = format!("grant_type=refresh_token&refresh_token={encoded}");
    let echoes = [
        TOKEN.to_owned(),
        encoded.clone(),
        encoded.replace("%5E", "%5e").replace("%2B", "%2b").replace("%2F", "%2f").replace("%3D", "%3d"),
        form.clone(),
        base64_of(&form),
        base64_of(TOKEN),
        TOKEN.replace('/', "\\/"),
        TOKEN.replace('^', "\\u005e"),
        TOKEN.replace('^', "&#94;"),
        format!("Authorization: Basic {basic}"),
        SECRET.to_owned(),
        format!("client_secret={SECRET}"),
    ];
    for echo in &echoes {
        for body in [
            format!("<html>You sent '{echo}', sorry</html>"),
            json!({"error": "invalid_request", "error_description": format!("bad: {echo}")}).to_string(),
            json!({"a": [{"b": {format!("key {echo}"): echo}}]}).to_string(),
            format!("{{\"error_description\":\"{echo}"),
        ] {
            let answer = answer(400, &[("location", echo), ("x-echo", echo)], body.clone());
            let shown = serde_json::to_string(&answer.shown(true)).expect("text keys");
            let text = refused(answer).text;
            for shown in [shown, text] {
                assert_no_part_of(
                    &shown,
                    &[TOKEN, &encoded, SECRET, &basic, &base64_of(TOKEN), &base64_of(&encoded)],
                );
            }
        }
    }
}

#[test]
fn g4_an_echo_that_was_cut_is_masked() {
    let basic = base64_of(&format!("an-app-id:{SECRET}"));
    for echo in [&basic, SECRET, &base64_of(TOKEN)] {
        for end in 13..echo.len() {
            let body = format!("<pre>{}", &echo[..end]);
            let shown = ended(400, &[], body, Ending::Cut).shown(true);
            assert_no_part_of(&serde_json::to_string(&shown).expect("text keys"), &[echo]);
        }
    }
}

#[test]
fn g4_the_token_given_is_masked_wherever_the_answer_repeats_it() {
    let opaque = "0123456789abcdefghijKLMNOPQRSTuvwxyz";
    for given in [GIVEN, opaque] {
        for body in [
            json!({"access_token": given, "expires_in": 7200, "copy": given, "deep": [[format!("is {given}!")]]}).to_string(),
            json!({"Access-Token": {"value": [given]}, "x": given}).to_string(),
            format!("{{\"access_token\": \"{given}\", \"expires_in\": 7"),
            format!("access_token={given}&expires_in=7200"),
        ] {
            let answer = answer(200, &[("x-copy", given), ("content-type", "application/json")], body.clone());
            let shown = answer.shown(false);
            assert_eq!(shown.headers.len(), 1);
            assert_no_part_of(&serde_json::to_string(&shown).expect("text keys"), &[given]);
        }
    }
    let shown = answer(200, &[], json!({"access_token": GIVEN, "expires_in": 7200}).to_string()).shown(false);
    let masked = crate::domain::token::Masked::of(GIVEN).to_string();
    assert_eq!(shown.body, json!({"access_token": masked, "expires_in": 7200}));
}

#[test]
fn g4_some_headers_are_never_shown_and_others_only_in_debug_runs() {
    let headers = [
        ("content-type", "application/json"),
        ("rlogid", "t6kbwuaf%60jhs"),
        ("set-cookie", "session=1"),
        ("x-csrf-token", "abc"),
        ("x-frame-options", "DENY\u{1b}[2J"),
    ];
    let answer = answer(200, &headers, "");
    let plain = answer.shown(false);
    assert_eq!(plain.headers.keys().map(String::as_str).collect::<Vec<_>>(), ["content-type", "rlogid"]);
    assert_eq!(plain.body, Value::Null);
    let all = answer.shown(true);
    let names: Vec<_> = all.headers.keys().map(String::as_str).collect();
    assert_eq!(names, ["content-type", "rlogid", "x-frame-options"]);
    assert_eq!(all.headers["x-frame-options"], "DENY\u{fffd}[2J");
}

#[test]
fn what_is_shown_is_bounded_and_has_no_nul() {
    let bodies = ["\0".repeat(60_000), "é".repeat(32_000), json!({"error": "\0x".repeat(9_000)}).to_string()];
    for body in bodies {
        let shown = serde_json::to_string(&answer(500, &[], body).shown(true)).expect("text keys");
        assert!(shown.len() < 20_000 && !shown.contains("\\u0000"), "{} bytes", shown.len());
    }
}

fn base64_of(text: &str) -> String {
    use base64::{Engine, engine::general_purpose::STANDARD};
    STANDARD.encode(text)
}

/// Fails where `text` has twelve characters in a row of one of `secrets`.
fn assert_no_part_of(text: &str, secrets: &[&str]) {
    for secret in secrets {
        for at in 0..secret.len().saturating_sub(11) {
            assert!(!text.contains(&secret[at..at + 12]), "{} in {text}", &secret[at..at + 12]);
        }
    }
}
