//! Properties of files that nobody thought of.

use std::io::{BufRead, BufReader};

use proptest::prelude::*;

use super::*;

/// A reader that hands out a byte at a time, so that every line spans buffers.
fn trickle(file: &[u8]) -> impl BufRead + '_ {
    BufReader::with_capacity(1, file)
}

fn tokens() -> impl Strategy<Value = String> {
    "v\\^1\\.1#[A-Za-z0-9#^+/=]{12,60}"
}

fn pieces() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        Just(b"\"".to_vec()),
        Just(b",".to_vec()),
        Just(b"\n".to_vec()),
        Just(b"\r\n".to_vec()),
        Just(b"{".to_vec()),
        Just(b"}".to_vec()),
        Just(b"\\".to_vec()),
        Just(csv("a").into_bytes()),
        Just(json("b").into_bytes()),
        Just(TOKEN.as_bytes().to_vec()),
        prop::collection::vec(any::<u8>(), 0..4),
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

proptest! {
    #[test]
    fn what_is_written_is_read_in_either_format(
        names in prop::collection::hash_set("[a-z0-9é'\" ;,_-]{0,19}[a-z]", 1..20), token in tokens()
    ) {
        let names: Vec<String> = names.into_iter().map(|name| name.trim().to_owned()).collect();
        let mut table = vec![HEADER.to_owned()];
        let mut objects = Vec::new();
        for name in &names {
            table.push(format!("\"{}\",sandbox,\"{token}\"", name.replace('"', "\"\"")));
            let object = serde_json::json!({"username": name, "environment": "sandbox", "refresh_token": token});
            objects.push(object.to_string());
        }
        for file in [table.join("\n"), objects.join("\n")] {
            let items: Vec<_> = Accounts::open(trickle(file.as_bytes()), None).expect("good").collect();
            // Trimming may have made two names one.
            let taken: Vec<&str> = items.iter().flatten().map(|record| record.username.as_str()).collect();
            let mut expected: Vec<&str> = Vec::new();
            for name in &names {
                if !expected.contains(&name.as_str()) {
                    expected.push(name);
                }
            }
            prop_assert_eq!(taken, expected);
            prop_assert!(items.iter().flatten().all(|record| record.refresh_token.expose() == token));
        }
    }

    #[test]
    fn g4_no_refusal_repeats_a_token_wherever_it_stands(
        token in tokens(),
        encode in 0..3,
        order in Just(["a", "production", "T", "2027-05-01", "house", "id"].to_vec()).prop_shuffle()
    ) {
        let header = "username,environment,refresh_token,refresh_expires_at,house_name,ebay_user_id";
        let shown = match encode {
            0 => token.clone(),
            1 => token.replace('^', "%5E").replace('#', "%23"),
            _ => format!("ENC:v1:k1:{token}"),
        };
        let row = order.join(",").replace('T', &shown);
        let object: serde_json::Map<_, _> = header
            .split(',')
            .zip(row.split(','))
            .map(|(column, value)| (column.to_owned(), value.into()))
            .collect();
        let object = serde_json::Value::Object(object).to_string();
        for file in [format!("{header}\n{row}\n"), object] {
            match &read(file)[0] {
                Err(refused) => {
                    let told = format!("{refused} {refused:?}");
                    let leaks = token.as_bytes().windows(6).any(|part| {
                        told.contains(std::str::from_utf8(part).expect("ASCII"))
                    });
                    prop_assert!(!leaks, "{}", told);
                }
                Ok(record) => {
                    prop_assert_eq!(record.refresh_token.expose(), &token);
                    let shown = format!("{record:?}");
 prop_assert!(!shown.contains("v^"));
                }
            }
        }
    }

    #[test]
    fn no_file_whatsoever_panics_or_is_read_differently_in_pieces(file in pieces(), header in any::<bool>()) {
        let mut text = if header { format!("{HEADER}\n").into_bytes() } else { Vec::new() };
        text.extend_from_slice(&file);
        for format in [None, Some(Format::Json), Some(Format::Csv)] {
            let whole = Accounts::open(&text[..], format).map(Iterator::collect::<Vec<_>>);
            let pieces = Accounts::open(trickle(&text), format).map(Iterator::collect::<Vec<_>>);
            match (whole, pieces) {
                (Ok(whole), Ok(pieces)) => {
                    prop_assert_eq!(&whole, &pieces);
                    let lines = whole.iter().map(|item| match item {
                        Ok(record) => record.line,
                        Err(refused) => refused.line,
                    });
                    prop_assert!(lines.is_sorted_by(|one, next| one < next));
                    for refused in whole.iter().filter_map(|item| item.as_ref().err()) {
                        refused_text(refused);
                    }
                }
                (Err(whole), Err(pieces)) => prop_assert_eq!(whole.to_string(), pieces.to_string()),
                (whole, pieces) => prop_assert!(false, "{} and {}", whole.is_ok(), pieces.is_ok()),
            }
        }
    }

    #[test]
    fn g6_rows_around_a_broken_one_are_taken(broken in "[a\",; \\\\{}\\[\\]é]{0,30}", count in 1_usize..5) {
        // Rows without quotes: however the broken one opens them, nothing behind it closes them well.
        let mut table = format!("{HEADER}\n");
        let mut objects = String::new();
        for at in 0..count {
            table += &csv(&format!("before{at}"));
            objects += &json(&format!("before{at}"));
        }
        for file in [&mut table, &mut objects] {
            file.push_str(&broken);
            file.push('\n');
        }
        for at in 0..count {
            table += &csv(&format!("after{at}"));
            objects += &json(&format!("after{at}"));
        }
        for file in [table, objects] {
            prop_assert_eq!(read(file).iter().flatten().count(), 2 * count);
        }
    }
}
