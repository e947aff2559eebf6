//! A file of usage, split into rows without holding it: documents `{"value":[…]}` one after the
//! other, a list, or one object a line.
//!
//! Only the nesting is read here; whether a row is a usage aggregate is for
//! [`super::parse_aggregate`] to say. Between two reads at most one row is in memory, however long the
//! file is.

mod bytes;

use std::fmt;
use std::io::{self, BufRead, Read};

use serde::de::IgnoredAny;

use bytes::{Bytes, Text};

/// Longest row that is read, in bytes; more than a usage aggregate may have.
pub const ROW_BYTES_MAX: usize = 1 << 20;

/// How much of a file is looked at to tell a document from one row a line, in bytes.
const SNIFF_BYTES: u64 = 64 << 10;

/// What one row of the file is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Row {
    /// Its text, on one line.
    Text(String),
    /// It cannot be read as text, and why not.
    Unreadable(&'static str),
}

/// What a row is of which there are bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RowBytes {
    /// Its bytes were added, on one line; whether they are UTF-8 was not looked at.
    Added,
    /// It cannot be read, and why not; nothing was added.
    Unreadable(&'static str),
}

/// Why the file cannot be read on.
#[derive(Debug)]
pub enum RowsError {
    /// It cannot be read.
    Read(io::Error),
    /// It is not of any known form.
    Form {
        /// Line, from 1.
        line: u64,
        /// Byte within the line, from 1.
        column: u64,
        /// What was expected there.
        expected: &'static str,
    },
}

impl fmt::Display for RowsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read(error) => fmt::Display::fmt(error, f),
            Self::Form { line, column, expected } => {
                write!(f, "line {line}, column {column}: expected {expected}")
            }
        }
    }
}

impl std::error::Error for RowsError {}

impl From<io::Error> for RowsError {
    fn from(error: io::Error) -> Self {
        Self::Read(error)
    }
}

/// How rows follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    /// One object a line.
    Lines,
    /// Objects that span lines.
    Objects,
    /// Between two documents.
    Documents,
    /// Within a list; after it a document goes on, or the file ends.
    List { in_document: bool, is_first: bool },
}

/// The rows of a file, one after the other.
#[derive(Debug)]
pub struct Rows<R> {
    bytes: Bytes<R>,
    form: Form,
}

impl<R: BufRead> Rows<io::Chain<io::Cursor<Vec<u8>>, R>> {
    /// Looks at the beginning of the file to see how its rows follow each other.
    ///
    /// # Errors
    /// [`RowsError`] if it cannot be read, or begins with no JSON object or list.
    pub fn new(mut reader: R) -> Result<Self, RowsError> {
        let mut start = Vec::new();
        reader.by_ref().take(SNIFF_BYTES).read_to_end(&mut start)?;
        let byte_order_mark = if start.starts_with(b"\xef\xbb\xbf") { 3 } else { 0 };
        start.drain(..byte_order_mark);
        let form = match start.iter().find(|byte| !byte.is_ascii_whitespace()) {
            Some(b'{') => form_of(&start),
            None => Form::Lines,
            Some(b'[') => Form::Documents,
            Some(_) => {
                let expected = "a JSON document {\"value\": [...]}, or a JSON object on each line";
                return Err(RowsError::Form { line: 1, column: 1, expected });
            }
        };
        Ok(Self { bytes: Bytes::new(io::Cursor::new(start).chain(reader)), form })
    }
}

impl<R: BufRead> Rows<R> {
    /// Whether the last document says that further pages follow, which are not in the file.
    pub fn is_continued(&self) -> bool {
        self.bytes.is_continued
    }

    /// The next row; nothing after the last.
    ///
    /// # Errors
    /// [`RowsError`] if the file cannot be read on: its nesting is broken.
    #[expect(clippy::should_implement_trait, reason = "an iterator would go on after an error")]
    pub fn next(&mut self) -> Result<Option<Row>, RowsError> {
        let mut row = Vec::new();
        let found = self.next_into(&mut row)?;
        Ok(found.map(|found| match (found, String::from_utf8(row)) {
            (RowBytes::Unreadable(reason), _) => Row::Unreadable(reason),
            (RowBytes::Added, Ok(text)) => Row::Text(text.trim().to_owned()),
            (RowBytes::Added, Err(_)) => Row::Unreadable(NOT_UTF8),
        }))
    }

    /// Adds the next row to what is in `out`; nothing after the last.
    ///
    /// # Errors
    /// As [`Rows::next`]; `out` is then as it was.
    pub fn next_into(&mut self, out: &mut Vec<u8>) -> Result<Option<RowBytes>, RowsError> {
        loop {
            match self.form {
                Form::Lines => return self.bytes.line(Text::behind(out)),
                Form::Objects => {
                    if self.bytes.peek_token()?.is_none() {
                        return Ok(None);
                    }
                    return self.next_value(out).map(Some);
                }
                Form::Documents => match self.bytes.peek_token()? {
                    None => return Ok(None),
                    Some(_) => self.form = self.bytes.enter_list()?,
                },
                Form::List { in_document, is_first } => {
                    match (self.bytes.peek_token()?, is_first) {
                        (Some(b']'), _) => {
                            self.bytes.advance();
                            if in_document {
                                self.bytes.leave_document()?;
                            }
                            self.form = Form::Documents;
                            continue;
                        }
                        (Some(b','), false) => self.bytes.advance(),
                        (Some(_), true) => {}
                        _ => return Err(self.bytes.expected("',' or ']' after a row")),
                    }
                    self.form = Form::List { in_document, is_first: false };
                    return self.next_value(out).map(Some);
                }
            }
        }
    }

    fn next_value(&mut self, out: &mut Vec<u8>) -> Result<RowBytes, RowsError> {
        let mut text = Text::behind(out);
        match self.bytes.value(&mut text) {
            Ok(()) => Ok(text.finish()),
            Err(error) => {
                text.take_back();
                Err(error)
            }
        }
    }
}

/// What is said of a row that is no text.
pub const NOT_UTF8: &str = "the row is not UTF-8";

/// What a file is whose first object begins like this: a document if it has a list called `value`,
/// else a row, which ends on its line unless it is written over several.
fn form_of(start: &[u8]) -> Form {
    let start = start.trim_ascii_start();
    if matches!(Bytes::new(start).enter_list(), Ok(Form::List { .. })) {
        return Form::Documents;
    }
    let (mut bytes, mut object) = (Bytes::new(start), Vec::new());
    let is_whole = bytes.value(&mut Text::behind(&mut object)).is_ok()
        && serde_json::from_slice::<IgnoredAny>(&object).is_ok();
    if is_whole && bytes.line > 1 { Form::Objects } else { Form::Lines }
}

#[cfg(test)]
mod tests;
