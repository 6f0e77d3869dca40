//! Why a line, or a whole file, is not taken. Nothing here repeats what stands in the file (G4).

use std::io;

use super::{
    column::Column,
    expiry::ExpiryError,
    limits::{MAX_LINE_BYTES, MAX_NAME_CHARS},
};
use crate::domain::token::TokenError;

/// A line that is not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {reason}")]
pub struct Refused {
    /// The line's number in the file, from 1.
    pub line: u64,
    /// What is wrong with it.
    pub reason: RefusedReason,
}

/// What is wrong with a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RefusedReason {
    /// Reading failed, and with it everything from this line on.
    #[error("cannot be read: {0}")]
    Unreadable(io::ErrorKind),
    /// The line is longer than any account can be.
    #[error("longer than {MAX_LINE_BYTES} bytes")]
    LineTooLong,
    /// The line is not UTF-8.
    #[error("not UTF-8 at byte {0} of the line")]
    NotUtf8(usize),
    /// The line has a NUL byte.
    #[error("a NUL byte at byte {0} of the line")]
    Nul(usize),
    /// The line is not JSON.
    #[error("not JSON at column {0}")]
    NotJson(usize),
    /// The JSON ends before it is whole.
    #[error("the JSON ends too early; an object stands on one line")]
    JsonEndsEarly,
    /// The JSON is something else than an object.
    #[error("not a JSON object")]
    NotAnObject,
    /// There is something behind the JSON object.
    #[error("text behind the JSON object, at column {0}")]
    TextAfterObject(usize),
    /// The object names a column twice.
    #[error("{0} is given twice")]
    GivenTwice(Column),
    /// The JSON value is not text.
    #[error("{0} is not text")]
    NotText(Column),
    /// A quote that opens on this line does not close where it must.
    #[error("a quote is not closed")]
    OpenQuote,
    /// A quoted field goes on behind its closing quote.
    #[error("text behind the closing quote of field {0}")]
    TextAfterQuote(usize),
    /// The row has more or fewer fields than the header.
    #[error("{have} fields where the header has {expected}")]
    FieldCount {
        /// Fields of the row.
        have: usize,
        /// Columns of the header.
        expected: usize,
    },
    /// A required value is missing or empty.
    #[error("{0} is missing")]
    Missing(Column),
    /// A name is too long.
    #[error("{0} is longer than {MAX_NAME_CHARS} characters")]
    NameTooLong(Column),
    /// A name has characters that do not print, or that change how others print.
    #[error("{0} has a control character")]
    ControlCharacter(Column),
    /// A token stands where a name belongs; names are stored and shown in the clear.
    #[error("{0} looks like a token: are the columns shifted?")]
    LooksLikeToken(Column),
    /// The environment is none of eBay's.
    #[error("environment is neither production nor sandbox")]
    UnknownEnvironment,
    /// The refresh token is not well-formed.
    #[error("refresh_token {0}")]
    Token(TokenError),
    /// The expiry is not a time.
    #[error("refresh_token_expires_at {0}")]
    Expiry(ExpiryError),
    /// The file named the account before.
    #[error("the same account stands in line {first_line}")]
    Duplicate {
        /// Where it stands first.
        first_line: u64,
    },
}

impl From<io::Error> for RefusedReason {
    fn from(error: io::Error) -> Self {
        Self::Unreadable(error.kind())
    }
}

/// Why a file cannot be read at all.
#[derive(Debug, thiserror::Error)]
pub enum Unusable {
    /// Reading failed.
    #[error("the file cannot be read")]
    Unreadable(#[from] io::Error),
    /// There is nothing in it.
    #[error("the file is empty")]
    Empty,
    /// It is in an encoding that is not read.
    #[error("the file is UTF-16; save it as UTF-8")]
    Utf16,
    /// It is one JSON array.
    #[error("the file is a JSON array; write one object per line")]
    JsonArray,
    /// Its first line cannot be read as a header.
    #[error("line {line} should be the header: {reason}")]
    Header {
        /// The header's line number.
        line: u64,
        /// What is wrong with it.
        reason: RefusedReason,
    },
    /// Its header does not name every column that is needed.
    #[error("line {line} should be the header, and lacks {}", named(.columns))]
    MissingColumns {
        /// The header's line number.
        line: u64,
        /// What it lacks.
        columns: Vec<Column>,
    },
    /// Its header names a column twice, by one name or two.
    #[error("the header names {0} twice")]
    RepeatedColumn(Column),
}

fn named(columns: &[Column]) -> String {
    columns.iter().map(|column| column.as_str()).collect::<Vec<_>>().join(", ")
}
