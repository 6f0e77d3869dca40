//! Whole files: good ones, and such as cannot be read.

use std::io::{self, BufReader, Read};

use super::*;

#[test]
fn json_lines_are_read_with_every_column() {
    let file = format!(
        "{{\"username\":\"mil_243\",\"environment\":\"production\",\"refresh_token\":\"{TOKEN}\",\
         \"refresh_token_expires_at\":\"2027-05-01T00:00:00Z\",\"house_name\":\"Mil \\u00e9\",\
         \"ebay_user_id\":\"abc\",\"more\":{{\"a\":[1,{{}}]}}}}\r\n\r\n\
         {{\"account\":\"b\",\"ENV\":\"Sandbox\",\"refresh_token\":\" {TOKEN}\\n\",\"refresh_expires_at\":1809129600,\
         \"house\":null,\"user_id\":\"\"}}"
    );
    let records: Vec<Record> = read(file).into_iter().map(|item| item.expect("good")).collect();
    let [one, two] = records.as_slice() else { panic!("two accounts") };
    assert_eq!((one.line, one.username.as_str(), one.environment), (1, "mil_243", Environment::Production));
    assert_eq!(one.refresh_token.expose(), TOKEN);
    assert_eq!(one.refresh_expires_at.map(|at| at.timestamp()), Some(1_809_129_600));
    assert_eq!((one.house_name.as_deref(), one.ebay_user_id.as_deref()), (Some("Mil é"), Some("abc")));
    assert_eq!((two.line, two.username.as_str(), two.environment), (3, "b", Environment::Sandbox));
    assert_eq!(two.refresh_token, one.refresh_token);
    assert_eq!(two.refresh_expires_at, one.refresh_expires_at);
    assert_eq!((two.house_name.as_deref(), two.ebay_user_id.as_deref()), (None, None));
}

#[test]
fn csv_is_read_whatever_separates_it() {
    for (delimiter, name) in [(",", "comma"), (";", "semicolon"), ("\t", "tab")] {
        let rows = [
            "\u{feff}Refresh Token|username|notes|\"Environment\"|house_name|expires|refresh_expires_at\r"
                .to_owned(),
            format!(
                "{TOKEN}|a|\"two\nlines, \"\"quoted\"\"; and more\"|production|\"Joe's, 6\"\"\"|x|2027-05-01\r"
            ),
            format!("\"{TOKEN}\"| b ||SANDBOX|||"),
        ];
        let file = rows.join("\n").replace('|', delimiter);
        let records: Vec<Record> = read(file).into_iter().map(|item| item.expect(name)).collect();
        let [one, two] = records.as_slice() else { panic!("two accounts, {name}") };
        assert_eq!((one.line, one.username.as_str(), one.refresh_token.expose()), (2, "a", TOKEN));
        assert_eq!(one.house_name.as_deref(), Some("Joe's, 6\""));
        assert!(one.refresh_expires_at.is_some());
        assert_eq!((two.line, two.username.as_str(), two.refresh_token.expose()), (4, "b", TOKEN));
        assert_eq!((two.environment, two.refresh_expires_at), (Environment::Sandbox, None));
    }
}

#[test]
fn a_file_that_cannot_be_read_at_all_says_why() {
    for (file, expected) in [
        (&b""[..], "the file is empty"),
        (b"\xef\xbb\xbf\r\n \n", "the file is empty"),
        (b"\xff\xfeu\0s\0e\0r\0", "the file is UTF-16; save it as UTF-8"),
        (b"\xfe\xff\0u\0s\0e\0r", "the file is UTF-16; save it as UTF-8"),
        (b" [\n{}]", "the file is a JSON array; write one object per line"),
        (b"\nusername;env\n", "line 2 should be the header, and lacks refresh_token"),
        (
            b"a,b,v^1.1#i^1#f^0#p^3#r^1\n",
            "line 1 should be the header, and lacks username, environment, refresh_token",
        ),
        (b"username,env,refresh_token,Account", "the header names username twice"),
        (b"username,env,refresh_token,\"x", "line 1 should be the header: a quote is not closed"),
        (b"username,env\0,refresh_token", "line 1 should be the header: a NUL byte at byte 12 of the line"),
        (b"username,\xe9", "line 1 should be the header: not UTF-8 at byte 9 of the line"),
        (&vec![b'u'; MAX_LINE_BYTES + 1], "line 1 should be the header: longer than 65536 bytes"),
    ] {
        assert_eq!(unusable(file).to_string(), expected);
    }
    assert!(read(HEADER).is_empty());
}

#[test]
fn a_format_that_is_given_is_not_guessed() {
    let json = json("a");
    let as_csv = Accounts::open(json.as_bytes(), Some(Format::Csv)).map(drop);
    assert!(matches!(as_csv, Err(Unusable::Header { line: 1, .. })));
    let csv = format!("{HEADER}\n{}", csv("a"));
    let as_json = Accounts::open(csv.as_bytes(), Some(Format::Json)).expect("JSON lines have no header");
    let reasons: Vec<_> = as_json.map(|item| item.expect_err("not JSON").to_string()).collect();
    assert_eq!(reasons, ["line 1: not JSON at column 1", "line 2: not JSON at column 1"]);
}

#[test]
fn g4_a_token_is_in_no_debug_output() {
    let items = read(json("a") + &json(TOKEN) + &json("a").replace("production", TOKEN));
    assert_eq!(items.iter().filter(|item| item.is_err()).count(), 2);
    assert!(!format!("{items:?}").contains("v^1"));
}

/// Gives `text`, then fails.
struct Failing<'a>(&'a [u8]);

impl Read for Failing<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.0.is_empty() { Err(io::ErrorKind::ConnectionReset.into()) } else { self.0.read(into) }
    }
}

#[test]
fn a_reader_that_fails_ends_the_file_with_a_refusal() {
    for text in [json("a") + &json("b")[..20], format!("{HEADER}\n{}\"x", csv("a"))] {
        let accounts = Accounts::open(BufReader::new(Failing(text.as_bytes())), None).expect("begins well");
        let items: Vec<_> = accounts.collect();
        assert_eq!(items.len(), 2, "{items:?}");
        assert!(items[0].is_ok());
        let refused = items[1].as_ref().expect_err("unreadable");
        assert_eq!(refused.reason, RefusedReason::Unreadable(io::ErrorKind::ConnectionReset));
        assert_eq!(refused.line, items[0].as_ref().expect("good").line + 1);
    }
    let failing = BufReader::new(Failing(b""));
    assert!(matches!(Accounts::open(failing, None).map(drop), Err(Unusable::Unreadable(_))));
}

#[test]
fn progress_reaches_the_size_of_the_file() {
    let file = json("a") + "\n{\n" + &"x".repeat(3 * MAX_LINE_BYTES) + "\n" + &json("b");
    let mut accounts = Accounts::open(file.as_bytes(), None).expect("begins well");
    while accounts.next().is_some() {}
    assert_eq!(accounts.bytes_read(), file.len() as u64);
}
