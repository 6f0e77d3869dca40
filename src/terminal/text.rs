//! Foreign text on a terminal.

use crate::domain::screen::is_hidden;

/// Makes text harmless for a terminal: control characters, escape sequences and marks that turn the
/// writing direction stand as `\u{…}`. Line breaks and tabs too, unless `multiline`.
pub fn printable(text: &str, multiline: bool) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        let harmless = match character {
            '\n' | '\t' => multiline,
            _ => !is_hidden(character),
        };
        if harmless { out.push(character) } else { out.extend(character.escape_unicode()) }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::printable;

    #[test]
    fn escape_sequences_and_turned_text_are_shown_not_obeyed() {
        assert_eq!(printable("a\u{1b}[2Jb", false), "a\\u{1b}[2Jb");
        assert_eq!(printable("x\u{202e}y\nz", false), "x\\u{202e}y\\u{a}z");
        assert_eq!(printable("x\ny", true), "x\ny");
    }
}
