//! Lines that are refused, among lines that are not.

use super::*;

/// Lines that are each refused for a reason of its own.
fn refused_json_lines() -> Vec<(String, &'static str)> {
    let with = |from: &str, to: &str| json("x").replace(from, to);
    let long = "n".repeat(201);
    vec![
        ("not json\n".to_owned(), "not JSON at column 2"),
        ("[1]\n".to_owned(), "not a JSON object"),
        ("\"text\"\n".to_owned(), "not a JSON object"),
        ("7\n".to_owned(), "not a JSON object"),
        ("null\n".to_owned(), "not a JSON object"),
        ("{\n".to_owned(), "the JSON ends too early; an object stands on one line"),
        (json("x")[..60].to_owned() + "\n", "the JSON ends too early; an object stands on one line"),
        (json("x").trim_end().to_owned() + "{}\n", "text behind the JSON object, at column 131"),
        ("{}\n".to_owned(), "username is missing"),
        (with("\"x\"", "\"  \""), "username is missing"),
        (with("\"x\"", "null"), "username is missing"),
        (with("\"x\"", "12"), "username is not text"),
        (with("\"x\"", "[\"x\"]"), "username is not text"),
        (with("\"x\"", "{}"), "username is not text"),
        (with("\"x\"", &format!("\"{long}\"")), "username is longer than 200 characters"),
        (with("\"x\"", "\"a\\u0000b\""), "username has a control character"),
        (with("\"x\"", "\"a\\u001b[2Jb\""), "username has a control character"),
        (with("\"x\"", "\"a\\u202eb\""), "username has a control character"),
        (with("\"x\"", "\"a\0b\""), "a NUL byte at byte 14 of the line"),
        (with("production", "staging"), "environment is neither production nor sandbox"),
        (with("production", TOKEN), "environment is neither production nor sandbox"),
        (with("environment", "environments"), "environment is missing"),
        (with("refresh_token", "access_token"), "refresh_token is missing"),
        (
            with(TOKEN, "ENC:v1:k1:34500877ece18af3:128:emmsmJmL"),
            "refresh_token begins with ENC:, so it is a sealed text and not a token",
        ),
        (with(TOKEN, "AgAAAA**AQAAAA**aAAAAA**"), "refresh_token does not begin with v^"),
        (with(TOKEN, "v^1.1#"), "refresh_token is 6 bytes long; a token has 16 to 8192"),
        (
            with(TOKEN, "v^1.1#i^1#f^0#p^3 #r^1"),
            "refresh_token has a character at byte 17 that is not printable ASCII",
        ),
        (with("}", ",\"env\":\"sandbox\"}"), "environment is given twice"),
        (
            with("}", ",\"refresh_expires_at\":\"soon\"}"),
            "refresh_token_expires_at is neither RFC 3339 nor YYYY-MM-DD nor Unix seconds",
        ),
        (
            with("}", ",\"refresh_expires_at\":1809129600000}"),
            "refresh_token_expires_at is not between the years 2000 and 2100; Unix time is read in seconds",
        ),
        (
            with("}", ",\"refresh_expires_at\":1.5}"),
            "refresh_token_expires_at is neither RFC 3339 nor YYYY-MM-DD nor Unix seconds",
        ),
        (
            with("}", &format!(",\"house_name\":\"{TOKEN}\"}}")),
            "house_name looks like a token: are the columns shifted?",
        ),
        (with("}", ",\"user_id\":7}"), "ebay_user_id is not text"),
        (
            with("}", &format!(",\"deep\":{}", "[".repeat(9_999))),
            "the JSON ends too early; an object stands on one line",
        ),
        ("{\"username\":\"".to_owned() + &"u".repeat(MAX_LINE_BYTES) + "\n", "longer than 65536 bytes"),
    ]
}

#[test]
fn g6_a_json_line_that_is_refused_stops_no_other() {
    let cases = refused_json_lines();
    let mut file = json("first").into_bytes();
    let mut expected = vec!["1 first".to_owned()];
    for (at, (line, reason)) in cases.iter().enumerate() {
        file.extend_from_slice(line.as_bytes());
        file.extend_from_slice(json(&format!("good{at}")).as_bytes());
        expected.push(format!("line {}: {reason}", 2 * at + 2));
        expected.push(format!("{} good{at}", 2 * at + 3));
    }
    file.extend_from_slice(b"{\"username\":\"\xff\"}\n");
    expected.push(format!("line {}: not UTF-8 at byte 13 of the line", 2 * cases.len() + 2));
    file.extend_from_slice(json("first").as_bytes());
    expected.push(format!("line {}: the same account stands in line 1", 2 * cases.len() + 3));
    assert_eq!(told(file), expected);
}

#[test]
fn g6_a_csv_row_that_is_refused_stops_no_other() {
    let cases = [
        ("a,production".to_owned(), "2 fields where the header has 3"),
        (format!("a,production,{TOKEN},"), "4 fields where the header has 3"),
        (format!("{TOKEN},a,production"), "username looks like a token: are the columns shifted?"),
        (format!("production,{TOKEN},a"), "environment is neither production nor sandbox"),
        ("a,production,".to_owned(), "refresh_token is missing"),
        (",,".to_owned(), "username is missing"),
        (format!("\"a,production,{TOKEN}"), "a quote is not closed"),
        (format!("a,\"production,{TOKEN}"), "a quote is not closed"),
        (format!("a,production,{TOKEN}\""), "refresh_token is well"),
        (format!("\"a\"b,production,{TOKEN}"), "text behind the closing quote of field 1"),
        (format!("a\u{7},production,{TOKEN}"), "username has a control character"),
        (format!("a\rb,production,{TOKEN}"), "username has a control character"),
        (format!("{},production,{TOKEN}", "x".repeat(MAX_LINE_BYTES)), "longer than 65536 bytes"),
        (format!("a,pro\0duction,{TOKEN}"), "a NUL byte at byte 5 of the line"),
    ];
    let mut file = format!("{HEADER}\n");
    let mut expected = Vec::new();
    for (at, (line, reason)) in cases.iter().enumerate() {
        file += line;
        file += "\r\n";
        file += &csv(&format!("good{at}"));
        expected.push(match *reason {
            // A quote at a token's end is printable, so it is for eBay to refuse.
            "refresh_token is well" => format!("{} a", 2 * at + 2),
            reason => format!("line {}: {reason}", 2 * at + 2),
        });
        expected.push(format!("{} good{at}", 2 * at + 3));
    }
    assert_eq!(told(file), expected);
}

#[test]
fn g6_a_quote_left_open_costs_one_line_wherever_the_next_one_stands() {
    let header = "username,environment,refresh_token,notes\n";
    let row = |name: &str, notes: &str| format!("{name},production,{TOKEN},{notes}\n");
    // Nothing closes it; another open one closes it; a quoted field closes it; it is longer than a line.
    for (between, last) in [(0, ""), (3, "\"open too"), (5, "\"a, b\""), (1_000, "\"x\"")] {
        let mut file = header.to_owned() + &row("first", "\"open");
        let mut expected = vec!["line 2: a quote is not closed".to_owned()];
        for at in 0..between {
            file += &row(&format!("n{at}"), "");
            expected.push(format!("{} n{at}", at + 3));
        }
        file += &row("last", last);
        expected.push(match last {
            "\"open too" => format!("line {}: a quote is not closed", between + 3),
            _ => format!("{} last", between + 3),
        });
        assert_eq!(told(file), expected, "{between} rows before {last}");
    }
}

#[test]
fn a_note_may_span_lines_and_hold_what_looks_like_a_row() {
    let file = format!(
        "username,environment,refresh_token,notes\n\
         a,production,{TOKEN},\"one\n\nx,production,{TOKEN},\n\"\"quoted\"\"\nend\"\n\
         b,production,{TOKEN},\n"
    );
    assert_eq!(told(file), ["2 a", "7 b"]);
}

#[test]
fn only_an_account_that_was_taken_makes_a_later_one_a_duplicate() {
    let file = json("a").replace(TOKEN, "v^1")
        + &json("a")
        + &json("a").replace("production", "sandbox")
        + &json("A")
        + &json(" a ");
    assert_eq!(
        told(file),
        [
            "line 1: refresh_token is 3 bytes long; a token has 16 to 8192",
            "2 a",
            "3 a",
            "4 A",
            "line 5: the same account stands in line 2"
        ]
    );
}
