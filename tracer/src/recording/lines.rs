//! Lines of a text that may be cut or hostile.

use std::io::{self, BufRead, BufReader, Read};

/// The longest line that is read: a closing line of all series that can be.
const LONGEST: u64 = 64 << 20;

/// What comes next.
pub(super) enum Line<'a> {
    /// A line with its end, which is not in the bytes.
    Whole(&'a [u8]),
    /// A line without an end, or the end of a compressed stream that lacks its trailer: the input was cut.
    Cut(&'a [u8]),
    /// No more lines, and nothing is missing.
    End,
    /// Longer than any line of a recording; this is its beginning.
    TooLong(&'a [u8]),
}

/// Reads lines of bounded length.
pub(super) struct Lines<'a> {
    from: BufReader<Box<dyn Read + 'a>>,
    line: Vec<u8>,
    number: u64,
}

impl<'a> Lines<'a> {
    pub(super) fn new(from: Box<dyn Read + 'a>) -> Self {
        Self { from: BufReader::new(from), line: Vec::new(), number: 0 }
    }

    /// The number of the line that was returned last, from 1.
    pub(super) const fn number(&self) -> u64 {
        self.number
    }

    pub(super) fn next(&mut self) -> io::Result<Line<'_>> {
        self.line.clear();
        self.number += 1;
        match self.from.by_ref().take(LONGEST).read_until(b'\n', &mut self.line) {
            Ok(0) => return Ok(Line::End),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => return Ok(Line::Cut(&self.line)),
            Err(error) => return Err(error),
        }
        Ok(match self.line.split_last() {
            Some((b'\n', rest)) => Line::Whole(rest.strip_suffix(b"\r").unwrap_or(rest)),
            _ if self.line.len() as u64 >= LONGEST => Line::TooLong(&self.line),
            _ => Line::Cut(&self.line),
        })
    }
}
