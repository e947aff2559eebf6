//! A file of usage, split into rows without holding it: documents `{"value":[…]}` one after the
//! other, a list, or one object a line.
//!
//! Only the nesting is read here; whether a row is a usage aggregate is for `wire` to say. Between
//! two reads at most one row is in memory, however long the file is.

use std::fmt;
use std::io::{self, BufRead, Read};

use serde::de::IgnoredAny;

use crate::limits;

/// What one row of the file is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Row {
    /// Its text, on one line.
    Text(String),
    /// It cannot be read as text, and why not.
    Unreadable(&'static str),
}

/// Why the file cannot be read on.
#[derive(Debug)]
pub(crate) enum RowsError {
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
pub(crate) struct Rows<R> {
    bytes: Bytes<R>,
    form: Form,
}

impl<R: BufRead> Rows<io::Chain<io::Cursor<Vec<u8>>, R>> {
    /// Looks at the beginning of the file to see how its rows follow each other.
    ///
    /// # Errors
    /// [`RowsError`] if it cannot be read, or begins with no JSON object or list.
    pub(crate) fn new(mut reader: R) -> Result<Self, RowsError> {
        let mut start = Vec::new();
        let most = u64::try_from(limits::SNIFF_BYTES).expect("a limit fits");
        reader.by_ref().take(most).read_to_end(&mut start)?;
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
        let bytes = Bytes {
            reader: io::Cursor::new(start).chain(reader),
            line: 1,
            column: 1,
            is_continued: false,
        };
        Ok(Self { bytes, form })
    }
}

impl<R: BufRead> Rows<R> {
    /// Whether the last document says that further pages follow, which are not in the file.
    pub(crate) fn is_continued(&self) -> bool {
        self.bytes.is_continued
    }

    /// The next row; nothing after the last.
    ///
    /// # Errors
    /// [`RowsError`] if the file cannot be read on: its nesting is broken.
    pub(crate) fn next(&mut self) -> Result<Option<Row>, RowsError> {
        loop {
            match self.form {
                Form::Lines => return self.next_line(),
                Form::Objects => {
                    if self.bytes.peek_token()?.is_none() {
                        return Ok(None);
                    }
                    return self.next_value().map(Some);
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
                    return self.next_value().map(Some);
                }
            }
        }
    }

    fn next_value(&mut self) -> Result<Row, RowsError> {
        let mut row = Text::default();
        self.bytes.value(&mut row)?;
        Ok(row.finish())
    }

    fn next_line(&mut self) -> Result<Option<Row>, RowsError> {
        let reader = &mut self.bytes.reader;
        loop {
            let most = u64::try_from(limits::ROW_BYTES).expect("a limit fits") + 1;
            let mut line = Vec::new();
            if reader.by_ref().take(most).read_until(b'\n', &mut line)? == 0 {
                return Ok(None);
            }
            let is_too_long = line.len() > limits::ROW_BYTES;
            if is_too_long && !line.ends_with(b"\n") {
                reader.skip_until(b'\n')?;
            }
            if !line.trim_ascii().is_empty() {
                let unreadable = is_too_long.then_some(TOO_LONG);
                return Ok(Some(Text { bytes: line, unreadable }.finish()));
            }
        }
    }
}

/// What a file is whose first object begins like this: a document if it has a list called `value`,
/// else a row, which ends on its line unless it is written over several.
fn form_of(start: &[u8]) -> Form {
    let start = start.trim_ascii_start();
    let mut bytes = Bytes { reader: start, line: 1, column: 1, is_continued: false };
    if matches!(bytes.enter_list(), Ok(Form::List { .. })) {
        return Form::Documents;
    }
    let mut bytes = Bytes { reader: start, line: 1, column: 1, is_continued: false };
    let mut object = Text::default();
    let is_whole = bytes.value(&mut object).is_ok()
        && serde_json::from_slice::<IgnoredAny>(&object.bytes).is_ok();
    if is_whole && bytes.line > 1 { Form::Objects } else { Form::Lines }
}

/// The text of a row under way, on one line: line ends between its parts become spaces.
#[derive(Default)]
struct Text {
    bytes: Vec<u8>,
    unreadable: Option<&'static str>,
}

const TOO_LONG: &str = "the row is longer than 1 MiB";

impl Text {
    fn push(&mut self, byte: u8) {
        if self.bytes.len() == limits::ROW_BYTES {
            self.unreadable = Some(TOO_LONG);
            return;
        }
        self.bytes.push(if matches!(byte, b'\n' | b'\r') { b' ' } else { byte });
    }

    fn is(&self, text: &[u8]) -> bool {
        self.unreadable.is_none() && self.bytes.trim_ascii() == text
    }

    fn finish(self) -> Row {
        if let Some(reason) = self.unreadable {
            return Row::Unreadable(reason);
        }
        match String::from_utf8(self.bytes) {
            Ok(text) => Row::Text(text.trim().to_owned()),
            Err(_) => Row::Unreadable("the row is not UTF-8"),
        }
    }
}

/// Bytes with their place in the file.
struct Bytes<R> {
    reader: R,
    line: u64,
    column: u64,
    /// Whether the document read last names a further page.
    is_continued: bool,
}

impl<R: BufRead> Bytes<R> {
    fn peek(&mut self) -> io::Result<Option<u8>> {
        loop {
            match self.reader.fill_buf() {
                Ok(buffer) => return Ok(buffer.first().copied()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Steps over the byte that was peeked at.
    fn advance(&mut self) {
        let is_line_end = self.reader.fill_buf().is_ok_and(|buffer| buffer.first() == Some(&b'\n'));
        if is_line_end {
            (self.line, self.column) = (self.line + 1, 1);
        } else {
            self.column += 1;
        }
        self.reader.consume(1);
    }

    /// The next byte that is no space.
    fn peek_token(&mut self) -> io::Result<Option<u8>> {
        while let Some(byte) = self.peek()? {
            if !byte.is_ascii_whitespace() {
                return Ok(Some(byte));
            }
            self.advance();
        }
        Ok(None)
    }

    fn expected(&self, expected: &'static str) -> RowsError {
        RowsError::Form { line: self.line, column: self.column, expected }
    }

    fn expect(&mut self, byte: u8, expected: &'static str) -> Result<(), RowsError> {
        if self.peek_token()? != Some(byte) {
            return Err(self.expected(expected));
        }
        self.advance();
        Ok(())
    }

    /// Steps into the rows of a document, over the members before them.
    fn enter_list(&mut self) -> Result<Form, RowsError> {
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
            let mut name = Text::default();
            self.value(&mut name)?;
            self.expect(b':', "':'")?;
            let opens = self.peek_token()? == Some(b'[');
            if opens && name.is(b"\"value\"") {
                self.advance();
                return Ok(Form::List { in_document: true, is_first: true });
            }
            self.other_member(&name)?;
            if self.peek_token()? == Some(b',') {
                self.advance();
            }
        }
    }

    /// Steps over a member that has no rows, and takes note of a further page.
    fn other_member(&mut self, name: &Text) -> Result<(), RowsError> {
        let is_link = name.is(b"\"nextLink\"");
        let mut value = Text::default();
        self.value(&mut value)?;
        self.is_continued |= is_link && !value.is(b"null");
        Ok(())
    }

    /// Steps over what follows the rows of a document, such as its `nextLink`.
    fn leave_document(&mut self) -> Result<(), RowsError> {
        while self.peek_token()? == Some(b',') {
            self.advance();
            let mut name = Text::default();
            self.value(&mut name)?;
            if name.is(b"\"value\"") {
                return Err(self.expected("one member \"value\" in a document"));
            }
            self.expect(b':', "':'")?;
            self.other_member(&name)?;
        }
        self.expect(b'}', "'}' at the end of the document")
    }

    /// Reads one value to its end, by its nesting alone.
    fn value(&mut self, text: &mut Text) -> Result<(), RowsError> {
        let mut depth = 0u64;
        self.peek_token()?;
        loop {
            let Some(byte) = self.peek()? else {
                return Err(self.expected("the end of a row, not of the file"));
            };
            match byte {
                b'"' => self.string(text)?,
                b'{' | b'[' => {
                    depth += 1;
                    text.push(byte);
                    self.advance();
                }
                b'}' | b']' if depth > 0 => {
                    depth -= 1;
                    text.push(byte);
                    self.advance();
                }
                b'}' | b']' | b',' | b':' if depth == 0 => {
                    return Err(self.expected("a value"));
                }
                _ if depth == 0 => return self.scalar(text),
                _ => {
                    text.push(byte);
                    self.advance();
                }
            }
            if depth == 0 {
                return Ok(());
            }
        }
    }

    fn string(&mut self, text: &mut Text) -> Result<(), RowsError> {
        let mut is_escaped = true; // the opening quote does not end it
        while let Some(byte) = self.peek()? {
            text.push(byte);
            self.advance();
            if matches!(byte, b'\n' | b'\r') {
                text.unreadable = Some("a string of the row has a line end in it");
            }
            match byte {
                b'"' if !is_escaped => return Ok(()),
                b'\\' if !is_escaped => is_escaped = true,
                _ => is_escaped = false,
            }
        }
        Err(self.expected("the end of a string, not of the file"))
    }

    fn scalar(&mut self, text: &mut Text) -> Result<(), RowsError> {
        while let Some(byte) = self.peek()? {
            if byte.is_ascii_whitespace() || b",]}:".contains(&byte) {
                break;
            }
            text.push(byte);
            self.advance();
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Reads in pieces of a few bytes, so that every bound falls into every place.
    fn check(file: &str, expected: &[&str]) {
        for piece in [1, 7, 1 << 16] {
            let reader = io::BufReader::with_capacity(piece, file.as_bytes());
            let mut found = vec![];
            let mut rows = match Rows::new(reader) {
                Ok(rows) => rows,
                Err(error) => {
                    assert_eq!(vec![error.to_string()], expected, "{file}");
                    continue;
                }
            };
            loop {
                match rows.next() {
                    Ok(Some(Row::Text(text))) => found.push(text),
                    Ok(Some(Row::Unreadable(reason))) => found.push(reason.to_owned()),
                    Ok(None) => break,
                    Err(error) => {
                        found.push(error.to_string());
                        break;
                    }
                }
            }
            assert_eq!(found, expected, "{file}");
        }
    }

    #[test]
    fn a_document_is_split_at_its_rows() {
        check(r#"{"value":[{"a":1},{"b":"]}\"{"}]}"#, &[r#"{"a":1}"#, r#"{"b":"]}\"{"}"#]);
        check("\u{feff}{ \"value\" : [ {\"a\":\n[1, {}]} ] }\n", &[r#"{"a": [1, {}]}"#]);
        check(r#"{"nextLink":"value","x":{"value":[1]},"value":[{}]}"#, &["{}"]);
        check(r#"{"value":[]}"#, &[]);
    }

    #[test]
    fn documents_follow_each_other() {
        let pages =
            "{\"value\":[{\"a\":1}],\"nextLink\":\"https://x/?a=[{\"}\n{\"value\":[{\"b\":2}]}";
        check(pages, &[r#"{"a":1}"#, r#"{"b":2}"#]);
    }

    #[test]
    fn a_list_is_split_too() {
        check("[{\"a\":1}, 2, \"x\"]", &[r#"{"a":1}"#, "2", "\"x\""]);
        check(" [] ", &[]);
    }

    #[test]
    fn lines_stand_alone_and_a_broken_one_does_not_swallow_the_next() {
        check("{\"a\":1}\r\n\n{\"b\":\n{\"c\":3}", &[r#"{"a":1}"#, "{\"b\":", r#"{"c":3}"#]);
        check("{\"properties\":{\"value\":[1]}}\n", &[r#"{"properties":{"value":[1]}}"#]);
        check("", &[]);
        check("\n \n", &[]);
    }

    #[test]
    fn a_broken_document_names_the_place() {
        check(
            "id,quantity\n",
            &[
                "line 1, column 1: expected a JSON document {\"value\": [...]}, or a JSON object on each line",
            ],
        );
        check(
            "{\"value\":[{\"a\":1}\n{\"b\":2}]}",
            &[r#"{"a":1}"#, "line 2, column 1: expected ',' or ']' after a row"],
        );
        check(
            "{\"value\":[{\"a\":1},{\"b\":",
            &[r#"{"a":1}"#, "line 1, column 24: expected the end of a row, not of the file"],
        );
        check("{\"value\":[{}", &["{}", "line 1, column 13: expected ',' or ']' after a row"]);
        check(
            "{\"value\":[{}]",
            &["{}", "line 1, column 14: expected '}' at the end of the document"],
        );
        check(
            "{\"value\":[{}]} x",
            &["{}", "line 1, column 16: expected a document {\"value\": [...]}"],
        );
    }

    #[test]
    fn an_object_over_several_lines_is_one_row() {
        check("\n{\n \"a\": 1\n}\n{\n}\n", &["{  \"a\": 1 }", "{ }"]);
        check("\n{\"a\":1}\n{\"b\":\n", &["{\"a\":1}", "{\"b\":"]);
    }

    #[test]
    fn a_row_has_a_bound() {
        let long = format!("{{\"a\":\"{}\"}}\n{{}}\n", "x".repeat(limits::ROW_BYTES));
        check(&long, &["the row is longer than 1 MiB", "{}"]);
        check("[{\"a\":\"b\nc\"}, {}]", &["a string of the row has a line end in it", "{}"]);
        let document = format!("{{\"value\":[{},{{}}]}}", long.lines().next().unwrap());
        check(&document, &["the row is longer than 1 MiB", "{}"]);
    }

    #[test]
    fn what_is_no_text_is_a_row_of_its_own() {
        let reader = &b"{\"a\":\"\xff\"}\n{}\n"[..];
        let mut rows = Rows::new(reader).unwrap();
        assert_eq!(rows.next().unwrap(), Some(Row::Unreadable("the row is not UTF-8")));
        assert_eq!(rows.next().unwrap(), Some(Row::Text("{}".to_owned())));
    }
}
