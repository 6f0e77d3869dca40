//! Characters that must not reach a screen as they are.

/// Ranges of characters that a screen would not show, or that would change how others are shown:
/// control characters, marks that turn the writing direction, and those without a width. Line breaks and
/// tabs are not among them: where they may stand is for the place to say.
pub const HIDDEN: [(char, char); 12] = [
    ('\u{0}', '\u{8}'),
    ('\u{b}', '\u{1f}'),
    ('\u{7f}', '\u{9f}'),
    ('\u{ad}', '\u{ad}'),
    ('\u{61c}', '\u{61c}'),
    ('\u{180e}', '\u{180e}'),
    ('\u{200b}', '\u{200f}'),
    ('\u{2028}', '\u{202e}'),
    ('\u{2060}', '\u{206f}'),
    ('\u{feff}', '\u{feff}'),
    ('\u{fff9}', '\u{fffb}'),
    ('\u{e0000}', '\u{e007f}'),
];

/// Whether `character` is one of [`HIDDEN`].
pub fn is_hidden(character: char) -> bool {
    HIDDEN.iter().any(|(from, to)| (*from..=*to).contains(&character))
}

/// Whether `character` must not stand in a text of one line: a hidden one, a line break or a tab.
pub fn in_no_line(character: char) -> bool {
    matches!(character, '\n' | '\t') || is_hidden(character)
}

/// At most `max_chars` of `text` on one line, without what must not stand there.
pub fn one_line(text: &str, max_chars: usize) -> String {
    text.chars().filter(|character| !in_no_line(*character)).take(max_chars).collect()
}

#[cfg(test)]
mod tests {
    use super::{is_hidden, one_line};

    #[test]
    fn a_line_stays_one_and_short() {
        assert_eq!(one_line("a\nb\tc\u{1b}[2Jd\u{202e}\u{2028}e", 100), "abc[2Jde");
        assert_eq!(one_line("\n\n\nabc", 2), "ab");
    }

    #[test]
    fn every_control_character_is_hidden_but_line_breaks_and_tabs() {
        for character in ('\0'..=char::MAX).filter(|character| character.is_control()) {
            assert_eq!(is_hidden(character), !matches!(character, '\n' | '\t'), "{character:?}");
        }
        for plain in ['a', ' ', 'é', '漢', '\u{1f600}'] {
            assert!(!is_hidden(plain), "{plain:?}");
        }
    }
}
