//! Lines of bounded length from a reader, which can be put back.

use std::io::{self, BufRead, Read};

use zeroize::Zeroizing;

use super::refused::RefusedReason;

/// What reading a line came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum LineRead {
    /// A line, with its line break unless the input ends without one.
    Whole,
    /// The beginning of a line that is longer than the limit; the rest is still to be read.
    Cut,
    /// There is nothing more.
    End,
}

/// The lines of `input`, numbered from 1.
pub(super) struct Lines<R> {
    input: R,
    number: u64,
    bytes: u64,
    /// Text that was put back and is read before the input; from `at` on it is still to be read.
    returned: Zeroizing<Vec<u8>>,
    at: usize,
}

impl<R: BufRead> Lines<R> {
    pub(super) fn new(input: R) -> Self {
        Self { input, number: 0, bytes: 0, returned: Zeroizing::default(), at: 0 }
    }

    /// Number of the line that was read last.
    pub(super) const fn number(&self) -> u64 {
        self.number
    }

    /// Bytes taken from the input.
    pub(super) const fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Appends the next line to `line`: at most `limit` bytes and the line break, or one byte more than
    /// `limit` if it is longer.
    pub(super) fn read(&mut self, line: &mut Vec<u8>, limit: usize) -> io::Result<LineRead> {
        let start = line.len();
        let rest = &self.returned[self.at..];
        let rest = &rest[..rest.len().min(limit + 1)];
        let taken = rest.iter().position(|byte| *byte == b'\n').map_or(rest.len(), |at| at + 1);
        line.extend_from_slice(&rest[..taken]);
        self.at += taken;
        if taken <= limit && !line[start..].ends_with(b"\n") {
            let most = u64::try_from(limit + 1 - taken).unwrap_or(u64::MAX);
            let read = self.input.by_ref().take(most).read_until(b'\n', line)?;
            self.bytes += read as u64;
        }
        let got = line.len() - start;
        if got == 0 {
            return Ok(LineRead::End);
        }
        self.number += 1;
        let cut = got > limit && !line.ends_with(b"\n");
        Ok(if cut { LineRead::Cut } else { LineRead::Whole })
    }

    /// Passes over what is left of a line that was cut.
    pub(super) fn skip_rest(&mut self) -> io::Result<()> {
        let rest = &self.returned[self.at..];
        if let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            self.at += end + 1;
            return Ok(());
        }
        self.at = self.returned.len();
        self.bytes += self.input.skip_until(b'\n')? as u64;
        Ok(())
    }

    /// Puts back `text`, which was read last, to be read again.
    pub(super) fn put_back(&mut self, text: &[u8]) {
        self.number -= text.split_inclusive(|byte| *byte == b'\n').count() as u64;
        let rest = &self.returned[self.at..];
        let mut returned = Zeroizing::new(Vec::with_capacity(text.len() + rest.len()));
        returned.extend_from_slice(text);
        returned.extend_from_slice(rest);
        self.returned = returned;
        self.at = 0;
    }
}

/// The text of a line without its line break, if it is text.
pub(super) fn text_of(line: &[u8]) -> Result<&str, RefusedReason> {
    let line = line.strip_suffix(b"\n").unwrap_or(line);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    let text = std::str::from_utf8(line).map_err(|error| RefusedReason::NotUtf8(error.valid_up_to()))?;
    match text.find('\0') {
        Some(at) => Err(RefusedReason::Nul(at)),
        None => Ok(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(lines: &mut Lines<&[u8]>, limit: usize) -> (LineRead, String, u64) {
        let mut line = Vec::new();
        let read = lines.read(&mut line, limit).expect("memory is readable");
        (read, String::from_utf8(line).expect("ASCII"), lines.number())
    }

    #[test]
    fn lines_are_numbered_and_cut_at_the_limit() {
        let mut lines = Lines::new(&b"one\n\nthree is long\nfour"[..]);
        assert_eq!(read(&mut lines, 5), (LineRead::Whole, "one\n".to_owned(), 1));
        assert_eq!(read(&mut lines, 5), (LineRead::Whole, "\n".to_owned(), 2));
        assert_eq!(read(&mut lines, 5), (LineRead::Cut, "three ".to_owned(), 3));
        lines.skip_rest().expect("readable");
        assert_eq!(read(&mut lines, 4), (LineRead::Whole, "four".to_owned(), 4));
        assert_eq!(read(&mut lines, 5), (LineRead::End, String::new(), 4));
        assert_eq!(lines.bytes(), 23);
    }

    #[test]
    fn a_line_as_long_as_the_limit_is_whole() {
        for text in [&b"12345\n12345\n"[..], b"12345\n12345"] {
            let mut lines = Lines::new(text);
            for number in 1..=2 {
                let (read, line, found) = read(&mut lines, 5);
                assert_eq!((read, line.trim_end(), found), (LineRead::Whole, "12345", number));
            }
            assert_eq!(read(&mut lines, 5).0, LineRead::End);
        }
    }

    #[test]
    fn what_is_put_back_is_read_again_under_its_own_number() {
        let mut lines = Lines::new(&b"one\ntwo\nthree\nfour\n"[..]);
        for _ in 0..3 {
            read(&mut lines, 9);
        }
        lines.put_back(b"two\nthree\n");
        assert_eq!(read(&mut lines, 9), (LineRead::Whole, "two\n".to_owned(), 2));
        lines.put_back(b"two\n");
        assert_eq!(read(&mut lines, 9), (LineRead::Whole, "two\n".to_owned(), 2));
        assert_eq!(read(&mut lines, 9), (LineRead::Whole, "three\n".to_owned(), 3));
        // The beginning of a line that was cut joins what is left of it.
        assert_eq!(read(&mut lines, 1), (LineRead::Cut, "fo".to_owned(), 4));
        lines.put_back(b"fo");
        assert_eq!(read(&mut lines, 9), (LineRead::Whole, "four\n".to_owned(), 4));
        assert_eq!(read(&mut lines, 9).0, LineRead::End);
    }

    #[test]
    fn a_returned_line_is_cut_and_passed_over_like_any_other() {
        let mut lines = Lines::new(&b"a long line\nnext\n"[..]);
        read(&mut lines, 99);
        lines.put_back(b"a long line\n");
        assert_eq!(read(&mut lines, 3), (LineRead::Cut, "a lo".to_owned(), 1));
        lines.skip_rest().expect("readable");
        assert_eq!(read(&mut lines, 9), (LineRead::Whole, "next\n".to_owned(), 2));
    }
}
