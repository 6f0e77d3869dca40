//! Splits one row of CSV into fields.
//!
//! Strict where leniency would change a value in silence: text behind a closing quote is refused. A
//! quote inside an unquoted field is part of it.

use std::borrow::Cow;

use super::refused::RefusedReason;

/// Splits `row` at `delimiter`. White space around a field, inside or outside of quotes, stays to be
/// trimmed by the reader of the field, except where it surrounds the quotes.
pub(super) fn split_row(row: &str, delimiter: char) -> Result<Vec<Cow<'_, str>>, RefusedReason> {
    let blank = |character: char| character == ' ' || (character == '\t' && delimiter != '\t');
    let mut fields = Vec::with_capacity(8);
    let mut rest = row;
    loop {
        let inner = rest.trim_start_matches(blank);
        let after = if let Some(quoted) = inner.strip_prefix('"') {
            let (field, after) = split_quoted(quoted)?;
            fields.push(field);
            after.trim_start_matches(blank)
        } else {
            let end = rest.find(delimiter).unwrap_or(rest.len());
            fields.push(Cow::Borrowed(&rest[..end]));
            &rest[end..]
        };
        if after.is_empty() {
            return Ok(fields);
        }
        rest = after.strip_prefix(delimiter).ok_or(RefusedReason::TextAfterQuote(fields.len()))?;
    }
}

/// Reads up to the closing quote, and gives what stands behind it. A doubled quote stands for one.
fn split_quoted(text: &str) -> Result<(Cow<'_, str>, &str), RefusedReason> {
    let mut field = Cow::Borrowed("");
    let mut rest = text;
    loop {
        let (part, after) = rest.split_once('"').ok_or(RefusedReason::OpenQuote)?;
        // Adding to an empty `Cow` borrows, so only a field with doubled quotes is copied.
        field += part;
        match after.strip_prefix('"') {
            Some(after) => {
                field += "\"";
                rest = after;
            }
            None => return Ok((field, after)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_split_as_rfc_4180_says() {
        for (row, delimiter, fields) in [
            ("a,b,c", ',', vec!["a", "b", "c"]),
            ("", ',', vec![""]),
            (",", ',', vec!["", ""]),
            ("\"a,b\",\"say \"\"hi\"\"\",\"\"", ',', vec!["a,b", "say \"hi\"", ""]),
            ("\"\"\"\"", ',', vec!["\""]),
            (" \"a\" ; \"b\" ", ';', vec!["a", "b"]),
            ("\t\"a\"\t", '\t', vec!["", "a", ""]),
            ("a\t b\t", '\t', vec!["a", " b", ""]),
            ("6\" pipe,x\"y\"", ',', vec!["6\" pipe", "x\"y\""]),
            ("\"two\nlines\",é", ',', vec!["two\nlines", "é"]),
        ] {
            assert_eq!(split_row(row, delimiter).expect(row), fields, "{row}");
        }
    }

    #[test]
    fn broken_quotes_are_refused() {
        for (row, reason) in [
            ("a,\"b", RefusedReason::OpenQuote),
            ("a,\"b\"\"", RefusedReason::OpenQuote),
            ("\"", RefusedReason::OpenQuote),
            ("a,\"b\"c,d", RefusedReason::TextAfterQuote(2)),
            ("\"a\" \"b\"", RefusedReason::TextAfterQuote(1)),
        ] {
            assert_eq!(split_row(row, ','), Err(reason), "{row}");
        }
    }
}
