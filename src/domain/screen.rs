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

#[cfg(test)]
mod tests {
    use super::is_hidden;

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
