//! The bytes of a file with their place in it, read piece by piece: a line, or a value to its end by
//! its nesting alone.

use std::io::{self, BufRead, Read as _};

use super::{Form, ROW_BYTES_MAX, RowBytes, RowsError};
use crate::scan::plain;

const TOO_LONG: &str = "the row is longer than 1 MiB";
const LINE_END: &str = "a string of the row has a line end in it";

/// The text of a row under way, on one line: line ends between its parts become spaces.
pub(super) struct Text<'a> {
    out: &'a mut Vec<u8>,
    begin: usize,
    unreadable: Option<&'static str>,
}

impl<'a> Text<'a> {
    /// A text behind what is there already.
    pub(super) fn behind(out: &'a mut Vec<u8>) -> Self {
        let begin = out.len();
        Self { out, begin, unreadable: None }
    }

    fn push(&mut self, bytes: &[u8]) {
        let begin = self.out.len();
        if begin - self.begin + bytes.len() > ROW_BYTES_MAX {
            self.unreadable = Some(TOO_LONG);
            return;
        }
        self.out.extend_from_slice(bytes);
        let is_line_end = |byte: &u8| matches!(byte, b'\n' | b'\r');
        if bytes.iter().fold(false, |any, byte| any | is_line_end(byte)) {
            self.out[begin..].iter_mut().filter(|byte| is_line_end(byte)).for_each(|b| *b = b' ');
        }
    }

    fn is(&self, text: &[u8]) -> bool {
        self.unreadable.is_none() && self.out[self.begin..].trim_ascii() == text
    }

    pub(super) fn take_back(self) {
        self.out.truncate(self.begin);
    }

    pub(super) fn finish(self) -> RowBytes {
        let Some(reason) = self.unreadable else { return RowBytes::Added };
        self.take_back();
        RowBytes::Unreadable(reason)
    }
}

/// Where in a value its next byte stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
    /// Before it.
    Start,
    /// In a number or a word.
    Scalar,
    /// Between the parts of objects and lists.
    Nested,
    /// In a string.
    String,
    /// In a string, behind a backslash.
    Escaped,
    /// Behind it.
    End,
}

/// What the bytes of a piece do to a value.
enum Scanned {
    /// It goes on behind them.
    Open,
    /// It ends before this byte.
    Whole(usize),
    /// This byte begins no value.
    NoValue(usize),
}

/// A value of which a part was read.
struct Value {
    place: Place,
    depth: u64,
    has_line_end: bool,
}

impl Value {
    fn scan(&mut self, piece: &[u8]) -> Scanned {
        let mut at = 0;
        while at < piece.len() {
            let rest = &piece[at..];
            at += match self.place {
                Place::Start => match rest[0] {
                    b'}' | b']' | b',' | b':' => return Scanned::NoValue(at),
                    byte => self.begin(byte),
                },
                Place::Scalar => {
                    let ends = |byte: &u8| byte.is_ascii_whitespace() || b",]}:".contains(byte);
                    match rest.iter().position(ends) {
                        Some(length) => return Scanned::Whole(at + length),
                        None => rest.len(),
                    }
                }
                Place::Nested => {
                    let turns = |byte: &u8| matches!(byte, b'"' | b'{' | b'}' | b'[' | b']');
                    match rest.iter().position(turns) {
                        Some(length) => length + self.turn(rest[length]),
                        None => rest.len(),
                    }
                }
                Place::String => {
                    let length = plain(rest);
                    length + rest.get(length).map_or(0, |byte| self.in_string(*byte))
                }
                Place::Escaped => {
                    self.place = Place::String;
                    self.has_line_end |= matches!(rest[0], b'\n' | b'\r');
                    1
                }
                Place::End => return Scanned::Whole(at),
            };
        }
        if self.place == Place::End { Scanned::Whole(at) } else { Scanned::Open }
    }

    /// Steps over the first byte.
    fn begin(&mut self, byte: u8) -> usize {
        match byte {
            b'"' | b'{' | b'[' => self.turn(byte),
            _ => {
                self.place = Place::Scalar;
                1
            }
        }
    }

    /// Steps over a byte of the nesting.
    fn turn(&mut self, byte: u8) -> usize {
        (self.place, self.depth) = match byte {
            b'"' => (Place::String, self.depth),
            b'{' | b'[' => (Place::Nested, self.depth + 1),
            _ if self.depth == 1 => (Place::End, 0),
            _ => (Place::Nested, self.depth - 1),
        };
        1
    }

    /// Steps over a byte of a string that does not stand for itself.
    fn in_string(&mut self, byte: u8) -> usize {
        match byte {
            b'"' if self.depth == 0 => self.place = Place::End,
            b'"' => self.place = Place::Nested,
            b'\\' => self.place = Place::Escaped,
            _ => self.has_line_end |= matches!(byte, b'\n' | b'\r'),
        }
        1
    }
}

/// Bytes with their place in the file.
#[derive(Debug)]
pub(super) struct Bytes<R> {
    reader: R,
    pub(super) line: u64,
    column: u64,
    /// Whether the document read last names a further page.
    pub(super) is_continued: bool,
}

impl<R: BufRead> Bytes<R> {
    pub(super) fn new(reader: R) -> Self {
        Self { reader, line: 1, column: 1, is_continued: false }
    }

    /// What is read already, or the next piece; empty at the end.
    fn piece(&mut self) -> io::Result<&[u8]> {
        loop {
            match self.reader.fill_buf() {
                Ok(_) => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
        self.reader.fill_buf() // what is there already: a borrow cannot leave the loop
    }

    /// Steps over bytes of the piece, and keeps their number of lines.
    fn consume(&mut self, length: usize) -> io::Result<()> {
        let stepped = &self.piece()?[..length];
        let ends = stepped.iter().filter(|byte| **byte == b'\n').count();
        let behind = match ends {
            0 => length,
            _ => stepped.iter().rev().take_while(|byte| **byte != b'\n').count(),
        };
        if ends > 0 {
            (self.line, self.column) = (self.line + ends as u64, 1);
        }
        self.column += behind as u64;
        self.reader.consume(length);
        Ok(())
    }

    /// Steps over the byte that was peeked at.
    pub(super) fn advance(&mut self) {
        self.consume(1).expect("a byte that was peeked at is there");
    }

    /// The next byte that is no space.
    pub(super) fn peek_token(&mut self) -> io::Result<Option<u8>> {
        loop {
            let piece = self.piece()?;
            let (byte, spaces) = match piece.iter().position(|byte| !byte.is_ascii_whitespace()) {
                Some(place) => (Some(piece[place]), place),
                None if piece.is_empty() => return Ok(None),
                None => (None, piece.len()),
            };
            if spaces > 0 {
                self.consume(spaces)?;
            }
            if byte.is_some() {
                return Ok(byte);
            }
        }
    }

    pub(super) fn expected(&self, expected: &'static str) -> RowsError {
        RowsError::Form { line: self.line, column: self.column, expected }
    }

    fn expect(&mut self, byte: u8, expected: &'static str) -> Result<(), RowsError> {
        if self.peek_token()? != Some(byte) {
            return Err(self.expected(expected));
        }
        self.advance();
        Ok(())
    }

    /// The next line that is not empty.
    pub(super) fn line(&mut self, text: Text<'_>) -> Result<Option<RowBytes>, RowsError> {
        let Text { out, begin, .. } = text;
        loop {
            let most = ROW_BYTES_MAX as u64 + 1;
            if (&mut self.reader).take(most).read_until(b'\n', out)? == 0 {
                return Ok(None);
            }
            if out.len() - begin > ROW_BYTES_MAX {
                if out.last() != Some(&b'\n') {
                    self.reader.skip_until(b'\n')?;
                }
                out.truncate(begin);
                return Ok(Some(RowBytes::Unreadable(TOO_LONG)));
            }
            let end = begin + out[begin..].trim_ascii_end().len();
            out.truncate(end);
            if end > begin {
                return Ok(Some(RowBytes::Added));
            }
        }
    }

    /// Reads one value to its end, by its nesting alone.
    pub(super) fn value(&mut self, text: &mut Text<'_>) -> Result<(), RowsError> {
        let mut value = Value { place: Place::Start, depth: 0, has_line_end: false };
        self.peek_token()?;
        loop {
            let piece = self.piece()?;
            if piece.is_empty() {
                return match value.place {
                    Place::Scalar | Place::End => Ok(()),
                    Place::Start | Place::Nested => {
                        Err(self.expected("the end of a row, not of the file"))
                    }
                    Place::String | Place::Escaped => {
                        Err(self.expected("the end of a string, not of the file"))
                    }
                };
            }
            let scanned = value.scan(piece);
            let length = match scanned {
                Scanned::Open => piece.len(),
                Scanned::Whole(length) | Scanned::NoValue(length) => length,
            };
            text.push(&piece[..length]);
            self.consume(length)?;
            if value.has_line_end {
                text.unreadable = Some(LINE_END);
            }
            match scanned {
                Scanned::Open => {}
                Scanned::Whole(_) => return Ok(()),
                Scanned::NoValue(_) => return Err(self.expected("a value")),
            }
        }
    }

    /// Steps into the rows of a document, over the members before them.
    pub(super) fn enter_list(&mut self) -> Result<Form, RowsError> {
        if self.peek_token()? == Some(b'[') {
            self.advance();
            return Ok(Form::List { in_document: false, is_first: true });
        }
        self.expect(b'{', "a document {\"value\": [...]}")?;
        self.is_continued = false;
        loop {
            if self.peek_token()? != Some(b'"') {
                return Err(self.expected("a member \"value\" with a list"));
            }
            let member = self.member()?;
            self.expect(b':', "':'")?;
            if member == Member::Value && self.peek_token()? == Some(b'[') {
                self.advance();
                return Ok(Form::List { in_document: true, is_first: true });
            }
            self.other_member(member)?;
            if self.peek_token()? == Some(b',') {
                self.advance();
            }
        }
    }

    /// Reads a member's name.
    fn member(&mut self) -> Result<Member, RowsError> {
        let mut bytes = Vec::new();
        let mut name = Text::behind(&mut bytes);
        self.value(&mut name)?;
        Ok(if name.is(b"\"value\"") {
            Member::Value
        } else if name.is(b"\"nextLink\"") {
            Member::NextLink
        } else {
            Member::Other
        })
    }

    /// Steps over a member that has no rows, and takes note of a further page.
    fn other_member(&mut self, member: Member) -> Result<(), RowsError> {
        let mut bytes = Vec::new();
        let mut value = Text::behind(&mut bytes);
        self.value(&mut value)?;
        self.is_continued |= member == Member::NextLink && !value.is(b"null");
        Ok(())
    }

    /// Steps over what follows the rows of a document, such as its `nextLink`.
    pub(super) fn leave_document(&mut self) -> Result<(), RowsError> {
        while self.peek_token()? == Some(b',') {
            self.advance();
            let member = self.member()?;
            if member == Member::Value {
                return Err(self.expected("one member \"value\" in a document"));
            }
            self.expect(b':', "':'")?;
            self.other_member(member)?;
        }
        self.expect(b'}', "'}' at the end of the document")
    }
}

/// A member of a document, as far as it matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Member {
    Value,
    NextLink,
    Other,
}
