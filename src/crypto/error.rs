//! Why a sealed text does not open: in one word for machines, and in words for people.

use crate::text_enum::text_enum;

text_enum! {
    /// The part of a sealed text that keeps it from being opened.
    pub enum DecryptReason {
        /// It does not begin as a sealed text does.
        NotSealed = "not_sealed",
        /// Its parts are not those of a sealed text.
        Malformed = "malformed",
        /// Its end is missing.
        Truncated = "truncated",
        /// It was sealed by a key that this process does not have.
        UnknownKey = "unknown_key",
        /// It belongs to another row, field or environment.
        WrongContext = "wrong_context",
        /// Its payload was altered, or sealed by another key under the same id.
        Corrupt = "corrupt",
    }
}

/// Why a sealed text does not open. Repeats nothing of it but a well-formed key id and sizes (G4).
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OpenError {
    /// The text does not begin with `ENC:v1:`.
    #[error("not sealed: does not begin with ENC:v1:")]
    NotSealed,
    /// The text's parts are not those of a sealed text.
    #[error("malformed: {0}")]
    Malformed(Flaw),
    /// The text ends before its length part.
    #[error("truncated: ends after {0} bytes, before its length")]
    HeaderTruncated(usize),
    /// The text is shorter than it says. Both sizes are those of the whole text.
    #[error("truncated: {} of {} bytes", grouped(*.have), grouped(*.expected))]
    Truncated {
        /// Bytes that are there.
        have: usize,
        /// Bytes that were sealed.
        expected: usize,
    },
    /// The keyring has no key of this id.
    #[error("unknown key \"{0}\"")]
    UnknownKey(String),
    /// The text names a key by something that cannot be a key's id.
    #[error("unknown key: its id has characters that no key id has")]
    ImpossibleKey,
    /// The text carries the hint of another place.
    #[error("wrong context: sealed for another row, field or environment")]
    WrongContext,
    /// The payload does not fit its tag under this key.
    #[error("corrupt: does not open with key \"{0}\"")]
    Corrupt(String),
    /// The payload opens, but with another key than the text names.
    #[error("corrupt: names key \"{named}\", but key \"{sealed_by}\" sealed it")]
    Mislabelled {
        /// Id of the key that the text names.
        named: String,
        /// Id of the key that sealed it.
        sealed_by: String,
    },
}

/// What is wrong with the parts of a sealed text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Flaw {
    /// Fewer parts than a sealed text has.
    #[error("a part is missing")]
    MissingPart,
    /// The key id is empty or too long.
    #[error("its key id is not 1 to 32 characters long")]
    KeyId,
    /// The hint has another length than a hint has.
    #[error("its context hint is not 16 characters long")]
    Hint,
    /// The length is not a plain number.
    #[error("its length is not a number")]
    Length,
    /// There is more than was sealed. Both sizes are those of the whole text.
    #[error("{} bytes where {} were sealed", grouped(*.have), grouped(*.expected))]
    TooLong {
        /// Bytes that are there.
        have: usize,
        /// Bytes that were sealed.
        expected: usize,
    },
    /// The payload is whole and opens; it is the length that is wrong.
    #[error("its length was altered, the rest is whole")]
    LengthAltered,
}

impl OpenError {
    /// The reason in one word.
    pub const fn reason(&self) -> DecryptReason {
        match self {
            Self::NotSealed => DecryptReason::NotSealed,
            Self::Malformed(_) => DecryptReason::Malformed,
            Self::HeaderTruncated(_) | Self::Truncated { .. } => DecryptReason::Truncated,
            Self::UnknownKey(_) | Self::ImpossibleKey => DecryptReason::UnknownKey,
            Self::WrongContext => DecryptReason::WrongContext,
            Self::Corrupt(_) | Self::Mislabelled { .. } => DecryptReason::Corrupt,
        }
    }
}

/// `number` with a comma after each thousand: `1,866`.
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_grouped_by_thousands() {
        for (number, text) in
            [(0, "0"), (812, "812"), (1_866, "1,866"), (100_000, "100,000"), (1_234_567, "1,234,567")]
        {
            assert_eq!(grouped(number), text);
        }
        let truncated = OpenError::Truncated { have: 812, expected: 1_866 };
        assert_eq!(truncated.to_string(), "truncated: 812 of 1,866 bytes");
        assert_eq!(OpenError::UnknownKey("k7".to_owned()).to_string(), "unknown key \"k7\"");
    }

    #[test]
    fn every_error_begins_with_its_reason_in_words() {
        for error in [
            OpenError::NotSealed,
            OpenError::Malformed(Flaw::Hint),
            OpenError::HeaderTruncated(9),
            OpenError::Truncated { have: 1, expected: 2 },
            OpenError::UnknownKey("k7".to_owned()),
            OpenError::ImpossibleKey,
            OpenError::WrongContext,
            OpenError::Corrupt("k1".to_owned()),
            OpenError::Mislabelled { named: "k1".to_owned(), sealed_by: "k2".to_owned() },
        ] {
            let reason = error.reason().as_str().replace('_', " ");
            assert!(error.to_string().starts_with(&reason), "{error}");
        }
    }
}
