//! Rows as CSV: a line of names, a line for each row, fields quoted as RFC 4180 has it. Null is
//! an empty field.

use std::borrow::Cow;
use std::io::{self, Write};

use crate::column::{COLUMNS, Number, ValueOf};
use crate::row::FocusRow;

/// Writes rows as CSV in UTF-8, each as it comes.
#[derive(Debug)]
pub struct CsvWriter<W> {
    output: W,
    line: String,
}

impl<W: Write> CsvWriter<W> {
    /// Writes the line of names.
    ///
    /// # Errors
    /// What the output says.
    pub fn new(output: W) -> io::Result<Self> {
        let mut writer = Self { output, line: String::new() };
        writer.write_line(COLUMNS.iter().map(|column| Some(Cow::Borrowed(column.name))))?;
        Ok(writer)
    }

    /// Writes a row.
    ///
    /// # Errors
    /// What the output says.
    pub fn write(&mut self, row: &FocusRow) -> io::Result<()> {
        self.write_line(COLUMNS.iter().map(|column| match column.value {
            ValueOf::Text(value) => value(row),
            ValueOf::Number(value) => value(row).map(|number| decimal(number).into()),
            ValueOf::Time(value) => value(row).map(|time| time.to_string().into()),
            ValueOf::Flag(value) => {
                value(row).map(|flag| if flag { "true" } else { "false" }.into())
            }
        }))
    }

    /// Ends the file.
    ///
    /// # Errors
    /// What the output says when it is flushed.
    pub fn finish(mut self) -> io::Result<W> {
        self.output.flush()?;
        Ok(self.output)
    }

    fn write_line<'a>(
        &mut self,
        fields: impl Iterator<Item = Option<Cow<'a, str>>>,
    ) -> io::Result<()> {
        self.line.clear();
        for (position, field) in fields.enumerate() {
            if position > 0 {
                self.line.push(',');
            }
            push_field(&mut self.line, field.as_deref().unwrap_or_default());
        }
        self.line.push('\n');
        self.output.write_all(self.line.as_bytes())
    }
}

/// Plain decimals with every digit, and with a point even in whole numbers: readers that guess the
/// type of a column would else take one of whole numbers for integers.
fn decimal(number: Number) -> String {
    let mut text = number.to_string();
    if !text.contains('.') {
        text.push_str(".0");
    }
    text
}

fn push_field(line: &mut String, field: &str) {
    if !field.contains([',', '"', '\n', '\r']) {
        line.push_str(field);
        return;
    }
    line.push('"');
    line.push_str(&field.replace('"', "\"\""));
    line.push('"');
}
