//! CSV: a header, and rows that follow it.
//!
//! A quoted field may hold line breaks, so a row may span lines; and a quote that was left open by
//! mistake makes the lines behind it look like one field. The two are told apart by what the row
//! comes to: lines are joined until the quotes are even, and taken as one row only if it has the
//! header's number of fields and no line break in a column that is read. Otherwise the first line
//! alone is refused, and the others are read again on their own.

use std::io::BufRead;

use super::{
    column::Column,
    limits::MAX_LINE_BYTES,
    lines::{LineRead, Lines, text_of},
    record::{Raw, Value},
    refused::{RefusedReason, Unusable},
    row::split_row,
};

/// What the header of a CSV file says.
#[derive(Debug)]
pub(super) struct Table {
    delimiter: char,
    columns: Vec<Option<Column>>,
}

impl Table {
    /// Reads the header, which stands in line `line`.
    pub(super) fn from_header(header: &str, line: u64) -> Result<Self, Unusable> {
        let mut table = Self::split_by(header, ',');
        for delimiter in [';', '\t'] {
            let other = Self::split_by(header, delimiter);
            if other.as_ref().map_or(0, Self::known) > table.as_ref().map_or(0, Self::known) {
                table = other;
            }
        }
        let table = table.map_err(|reason| Unusable::Header { line, reason })?;
        let lacks = |column: &Column| !table.columns.contains(&Some(*column));
        let columns: Vec<Column> = Column::REQUIRED.into_iter().filter(lacks).collect();
        if !columns.is_empty() {
            return Err(Unusable::MissingColumns { line, columns });
        }
        let repeated =
            |column: &&Column| table.columns.iter().flatten().filter(|named| named == column).count() > 1;
        match Column::ALL.iter().find(repeated) {
            Some(column) => Err(Unusable::RepeatedColumn(*column)),
            None => Ok(table),
        }
    }

    /// Reads the row that begins with the line in `buffer`. Takes more of `lines` where it spans several.
    pub(super) fn read<'a, R: BufRead>(
        &self,
        lines: &mut Lines<R>,
        buffer: &'a mut Vec<u8>,
    ) -> Result<Raw<'a>, RefusedReason> {
        if self.leaves_quote_open(buffer)? {
            let first = buffer.len();
            if !close_quote(lines, buffer)? || !self.is_one_row(buffer) {
                lines.put_back(&buffer[first..]);
                return Err(RefusedReason::OpenQuote);
            }
        }
        self.row(text_of(buffer)?)
    }

    fn split_by(header: &str, delimiter: char) -> Result<Self, RefusedReason> {
        let columns = split_row(header, delimiter)?.iter().map(|name| Column::named(name)).collect();
        Ok(Self { delimiter, columns })
    }

    fn known(&self) -> usize {
        self.columns.iter().flatten().count()
    }

    fn leaves_quote_open(&self, line: &[u8]) -> Result<bool, RefusedReason> {
        let open = line.contains(&b'"')
            && split_row(text_of(line)?, self.delimiter) == Err(RefusedReason::OpenQuote);
        Ok(open)
    }

    fn is_one_row(&self, joined: &[u8]) -> bool {
        let row = text_of(joined).and_then(|text| self.row(text));
        row.is_ok_and(|raw| !raw.texts().any(|text| text.contains('\n')))
    }

    fn row<'a>(&self, text: &'a str) -> Result<Raw<'a>, RefusedReason> {
        let fields = split_row(text, self.delimiter)?;
        if fields.len() != self.columns.len() {
            return Err(RefusedReason::FieldCount { have: fields.len(), expected: self.columns.len() });
        }
        let mut raw = Raw::default();
        for (column, field) in self.columns.iter().zip(fields) {
            if let Some(column) = column {
                raw.put(*column, Value::Text(field));
            }
        }
        Ok(raw)
    }
}

/// Appends lines until the quotes are even. False where that is not so within a line's bounds.
fn close_quote<R: BufRead>(lines: &mut Lines<R>, buffer: &mut Vec<u8>) -> Result<bool, RefusedReason> {
    loop {
        let before = buffer.len();
        match lines.read(buffer, MAX_LINE_BYTES.saturating_sub(before))? {
            LineRead::Whole => {}
            LineRead::Cut | LineRead::End => return Ok(false),
        }
        // A line with an even number of quotes leaves the field as open as it was.
        if buffer[before..].iter().fold(false, |odd, byte| odd ^ (*byte == b'"')) {
            return Ok(true);
        }
    }
}
