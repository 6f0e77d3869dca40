//! Bytes as they come: malformed calls, requests in pieces, and its control by other processes.

use super::*;

#[tokio::test]
async fn a_malformed_call_gets_ebays_error_and_is_noticed() {
    let stage = Stage::start().await;
    let form = form_headers();
    let json_headers = form.replace("x-www-form-urlencoded", "json");
    let unencoded = format!("grant_type=refresh_token&refresh_token={TOKEN}");
    for (headers, body, status, error) in [
        ("", "grant_type=refresh_token", 401, "invalid_client"),
        ("Authorization: Bearer x\r\n", "", 401, "invalid_client"),
        (&json_headers, "{}", 400, "invalid_request"),
        (&form, "", 400, "invalid_request"),
        (&form, "grant_type=refresh_token", 400, "invalid_request"),
        (&form, "grant_type=password&refresh_token=x", 400, "unsupported_grant_type"),
        (&form, "grant_type=refresh_token&refresh_token=%zz", 400, "invalid_request"),
        (&form, "grant_type=refresh_token&grant_type=refresh_token", 400, "invalid_request"),
        (&form, &unencoded, 400, "invalid_grant"),
    ] {
        let before = stage.fake.violations().len();
        let answer = stage.raw(&post(headers, body)).await;
        let expected = format!("\"error\":\"{error}\"");
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")) && answer.contains(&expected), "{answer}");
        assert!(stage.fake.violations().len() > before, "{body}");
    }
}

#[tokio::test]
async fn what_is_not_a_request_is_refused() {
    let stage = Stage::start().await;
    for (bytes, status) in [
        ("\x16\x03\x01\r\n\r\n".to_owned(), 400),
        ("POST / HTTP/1.1\r\nContent-Length: x\r\n\r\n".to_owned(), 400),
        ("POST / HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n".to_owned(), 413),
        ("POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n".to_owned(), 411),
        (format!("GET /{} HTTP/1.1\r\n", "x".repeat(20_000)), 431),
        ("GET / HTTP/1.0\r\n\r\n".to_owned(), 404),
    ] {
        let answer = stage.raw(&bytes).await;
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{answer}");
    }
    assert!(classify(&stage.call().await.result).is_ok());
}

#[tokio::test]
async fn requests_in_pieces_and_in_one_piece_are_both_understood() {
    let stage = Stage::start().await;
    let token = TOKEN.replace('^', "%5E").replace('#', "%23").replace('+', "%2B").replace('=', "%3D");
    let request = post(&form_headers(), &format!("grant_type=refresh_token&refresh_token={token}"));
    let kept = request.replace("Connection: close\r\n", "");
    let mut stream = stage.connect().await;
    stream.write_all(format!("{kept}{kept}").as_bytes()).await.expect("writable");
    for byte in request.as_bytes() {
        stream.write_all(&[*byte]).await.expect("writable");
    }
    let mut answers = String::new();
    stream.read_to_string(&mut answers).await.expect("text");
    assert_eq!(answers.matches("HTTP/1.1 200 OK").count(), 3);
    assert_eq!(stage.fake.violations(), []);
}

#[tokio::test]
async fn g4_a_page_that_echoes_the_request_gives_nothing_away() {
    let stage = Stage::start().await;
    stage.fake.set_behaviour("mil_243", Behaviour::Echo);
    let answer = stage.call().await.result.expect("an answer");
    let came = String::from_utf8_lossy(&answer.body).into_owned();
    assert!(came.contains("Basic ") && came.contains("v%5E1.1%23i"), "{came}");
    let shown = serde_json::to_string(&answer.shown(true)).expect("text keys");
    assert!(shown.contains("<credentials>") && shown.contains(&Masked::of(TOKEN).fingerprint), "{shown}");
    let encoded = TOKEN.replace('^', "%5E").replace('#', "%23");
    for secret in [&TOKEN[8..20], &encoded[12..30], SECRET, "sbf"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

#[tokio::test]
async fn another_process_can_set_it_up_and_look_at_it() {
    let stage = Stage::start().await;
    let application = json!({"client_id": "app-2", "client_secret": "secret-2"}).to_string();
    assert_eq!(stage.control("POST", "applications", &application).await.0, 200);
    let token = "v^1.1#i^1#f^0#p^3#second-seller";
    let sellers = json!([{"client_id": "app-2", "username": "second", "refresh_token": token, "behaviour": "revoked*1"}]);
    assert_eq!(stage.control("POST", "sellers", &sellers.to_string()).await, (200, json!({"sellers": 1})));
    for expected in [Some(Class::GrantSuspect), None] {
        let exchange = stage.call_as("app-2", "secret-2", token, AMPLE).await;
        assert_eq!(classify(&exchange.result).err().map(|refusal| refusal.class), expected);
    }
    let setting = json!({"everywhere": "unavailable_503", "random": "cut=1", "expires_in": 600}).to_string();
    assert_eq!(stage.control("POST", "behaviour", &setting).await.0, 200);
    assert_eq!(classify(&stage.call().await.result).expect_err("503").class, Class::ProviderError);
    let setting =
        json!({"everywhere": null, "random": null, "username": "mil_243", "behaviour": "slow:1"}).to_string();
    assert_eq!(stage.control("POST", "behaviour", &setting).await.0, 200);
    let grant = classify(&stage.call().await.result).expect("a grant");
    assert_eq!(grant.expires_in, Duration::from_secs(600));

    let (status, calls) = stage.control("GET", "calls?after=1&limit=2", "").await;
    assert_eq!((status, calls["calls"].as_array().map(Vec::len)), (200, Some(2)));
    assert_eq!(
        (&calls["calls"][0]["number"], &calls["next"], &calls["in_flight"]),
        (&json!(1), &json!(3), &json!(0))
    );
    let (_, sellers) = stage.control("GET", "sellers", "").await;
    assert_eq!(sellers["sellers"][1]["username"], "second");
    let shown = format!("{calls}{sellers}");
    assert!(!shown.contains("v^1.1") && !shown.contains("secret-2"), "{shown}");
    assert_eq!(stage.control("DELETE", "calls", "").await.0, 200);
    assert_eq!(stage.fake.calls(), []);
    assert_eq!(stage.fake.violations(), []);
}

#[tokio::test]
async fn a_wrong_control_request_says_what_is_wrong() {
    let stage = Stage::start().await;
    for (method, path, body, status) in [
        ("POST", "applications", "{", 400),
        ("POST", "applications", "{\"client_id\":\"a\"}", 400),
        ("POST", "behaviour", "{\"username\":\"nobody\",\"behaviour\":\"cut\"}", 400),
        ("POST", "behaviour", "{\"behaviour\":\"cut\"}", 400),
        ("POST", "behaviour", "{\"everywhere\":\"no such\"}", 400),
        ("PUT", "calls", "", 405),
        ("GET", "nothing", "", 404),
    ] {
        let (found, answer) = stage.control(method, path, body).await;
        assert!(found == status && answer["error"].is_string(), "{path} {body}: {answer}");
    }
}
