//! The accounts of a file, one after the other.

use std::{
    collections::{HashMap, hash_map::Entry},
    hash::{BuildHasher, RandomState},
    io::BufRead,
};

use zeroize::Zeroizing;

use super::{
    format::Format,
    json::read_object,
    limits::MAX_LINE_BYTES,
    lines::{LineRead, Lines, text_of},
    record::{Raw, Record},
    refused::{Refused, RefusedReason, Unusable},
    table::Table,
};

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// The accounts that `R` holds, each read when it is asked for: an account, or the line and the
/// reason why it is none.
///
/// Ends with the input, or with [`RefusedReason::Unreadable`].
pub struct Accounts<R> {
    lines: Lines<R>,
    shape: Shape,
    seen: Seen,
    buffer: Zeroizing<Vec<u8>>,
    broken: bool,
}

/// How the file's lines are read.
enum Shape {
    Objects,
    Table(Table),
}

impl<R: BufRead> Accounts<R> {
    /// Begins to read `input`: up to the header of a table, or the first line of JSON.
    ///
    /// Without a `format`, a file whose first line begins with `{` is JSON lines, and any other CSV.
    pub fn open(input: R, format: Option<Format>) -> Result<Self, Unusable> {
        let mut lines = Lines::new(input);
        let mut buffer = Zeroizing::new(Vec::with_capacity(MAX_LINE_BYTES + 1));
        let read = first_line(&mut lines, &mut buffer)?;
        let first = buffer.iter().find(|byte| !byte.is_ascii_whitespace());
        let format = match format {
            Some(format) => format,
            None if matches!(first, Some(b'{' | b'[')) => Format::Json,
            None => Format::Csv,
        };
        let shape = match format {
            Format::Json if first == Some(&b'[') => return Err(Unusable::JsonArray),
            Format::Json => {
                lines.put_back(&buffer);
                Shape::Objects
            }
            Format::Csv => {
                let line = lines.number();
                let unusable = |reason| Unusable::Header { line, reason };
                if read == LineRead::Cut {
                    return Err(unusable(RefusedReason::LineTooLong));
                }
                Shape::Table(Table::from_header(text_of(&buffer).map_err(unusable)?, line)?)
            }
        };
        Ok(Self { lines, shape, seen: Seen::default(), buffer, broken: false })
    }

    /// How the file is written.
    pub const fn format(&self) -> Format {
        match self.shape {
            Shape::Objects => Format::Json,
            Shape::Table(_) => Format::Csv,
        }
    }

    /// Bytes read so far, to be held against the file's size.
    pub const fn bytes_read(&self) -> u64 {
        self.lines.bytes()
    }

    /// Reads the next account; none at the end.
    fn read(&mut self) -> Option<Result<Record, Refused>> {
        let Self { lines, shape, seen, buffer, .. } = self;
        loop {
            buffer.clear();
            let read = match lines.read(buffer, MAX_LINE_BYTES) {
                Ok(LineRead::End) => return None,
                Ok(LineRead::Whole) if buffer.iter().all(u8::is_ascii_whitespace) => continue,
                Ok(LineRead::Whole) => Ok(()),
                Ok(LineRead::Cut) => {
                    Err(lines.skip_rest().err().map_or(RefusedReason::LineTooLong, Into::into))
                }
                Err(error) => {
                    return Some(Err(Refused { line: lines.number() + 1, reason: error.into() }));
                }
            };
            let line = lines.number();
            let record = read
                .and_then(|()| shape.read(lines, buffer))
                .and_then(|raw| raw.check(line))
                .and_then(|record| seen.first(record));
            return Some(record.map_err(|reason| Refused { line, reason }));
        }
    }
}

impl<R: BufRead> Iterator for Accounts<R> {
    type Item = Result<Record, Refused>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.broken {
            return None;
        }
        let item = self.read()?;
        self.broken = matches!(&item, Err(Refused { reason: RefusedReason::Unreadable(_), .. }));
        Some(item)
    }
}

impl Shape {
    fn read<'a, R: BufRead>(
        &self,
        lines: &mut Lines<R>,
        buffer: &'a mut Vec<u8>,
    ) -> Result<Raw<'a>, RefusedReason> {
        match self {
            Self::Objects => read_object(text_of(buffer)?),
            Self::Table(table) => table.read(lines, buffer),
        }
    }
}

/// Reads the first line that is not blank, without a byte order mark.
fn first_line<R: BufRead>(lines: &mut Lines<R>, buffer: &mut Vec<u8>) -> Result<LineRead, Unusable> {
    loop {
        buffer.clear();
        let read = lines.read(buffer, MAX_LINE_BYTES)?;
        if buffer.starts_with(b"\xff\xfe") || buffer.starts_with(b"\xfe\xff") {
            return Err(Unusable::Utf16);
        }
        if buffer.starts_with(BYTE_ORDER_MARK) {
            buffer.drain(..BYTE_ORDER_MARK.len());
        }
        match read {
            LineRead::End => return Err(Unusable::Empty),
            LineRead::Whole if buffer.iter().all(u8::is_ascii_whitespace) => {}
            LineRead::Whole | LineRead::Cut => return Ok(read),
        }
    }
}

/// The accounts that were taken, each as a hash of 64 bits beside its line, so that a million of them
/// need some 40 MB. That two of a million share a hash happens once in 37 million files.
#[derive(Default)]
struct Seen {
    lines: HashMap<u64, u64>,
    hasher: RandomState,
}

impl Seen {
    /// Gives `record` back if its account was not taken before.
    fn first(&mut self, record: Record) -> Result<Record, RefusedReason> {
        let account = self.hasher.hash_one((record.environment, &record.username));
        match self.lines.entry(account) {
            Entry::Occupied(first) => Err(RefusedReason::Duplicate { first_line: *first.get() }),
            Entry::Vacant(free) => {
                free.insert(record.line);
                Ok(record)
            }
        }
    }
}
