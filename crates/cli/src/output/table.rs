//! Tables for people, in the form of `az -o table`: a header, a rule, and columns two spaces apart.

use std::borrow::Cow;
use std::io::{self, Write};

use unicode_width::UnicodeWidthStr;

use crate::document::Document;

/// Members of an answer that only make a table wide.
pub(crate) const WIDE: [&str; 3] = ["id", "type", "etag"];

/// A column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Column {
    /// Its header.
    pub(crate) header: String,
    /// Whether its cells stand at the right: amounts and quantities.
    pub(crate) right: bool,
}

impl Column {
    /// A column of texts.
    pub(crate) fn left(header: impl Into<String>) -> Self {
        Self { header: header.into(), right: false }
    }

    /// A column of numbers.
    pub(crate) fn right(header: impl Into<String>) -> Self {
        Self { header: header.into(), right: true }
    }
}

/// Writes rows of cells below the columns' headers, and a sum below them.
pub(crate) fn write_rows(
    out: &mut dyn Write,
    columns: &[Column],
    rows: &[Vec<String>],
    sum: Option<Vec<String>>,
) -> io::Result<()> {
    let widths: Vec<usize> = columns
        .iter()
        .enumerate()
        .map(|(position, column)| {
            let cells = rows.iter().chain(&sum).map(|row| printable(&row[position]).width());
            cells.chain([printable(&column.header).width()]).max().unwrap_or(0)
        })
        .collect();
    let mut line = |cells: Vec<&str>| {
        let cells = cells.into_iter().map(printable).zip(columns).zip(&widths).map(
            |((cell, column), width)| {
                let space = " ".repeat(width.saturating_sub(cell.width()));
                if column.right { format!("{space}{cell}") } else { format!("{cell}{space}") }
            },
        );
        writeln!(out, "{}", cells.collect::<Vec<_>>().join("  ").trim_end())
    };
    line(columns.iter().map(|column| column.header.as_str()).collect())?;
    let rules: Vec<String> = widths.iter().map(|width| "-".repeat(*width)).collect();
    line(rules.iter().map(String::as_str).collect())?;
    rows.iter().try_for_each(|row| line(row.iter().map(String::as_str).collect()))?;
    if let Some(sum) = sum {
        line(rules.iter().map(String::as_str).collect())?;
        line(sum.iter().map(String::as_str).collect())?;
    }
    Ok(())
}

/// A cell without what would act on the terminal instead of being shown.
fn printable(cell: &str) -> Cow<'_, str> {
    if cell.chars().any(char::is_control) {
        return Cow::Owned(cell.replace(char::is_control, " "));
    }
    Cow::Borrowed(cell)
}

/// Writes a list, or one item, as a table of its scalar members but the skipped ones; what is nested
/// is left out.
pub(crate) fn write(out: &mut dyn Write, document: &Document, skipped: &[&str]) -> io::Result<()> {
    let items = match document {
        Document::Array(items) => items.iter().collect(),
        Document::Null => vec![],
        one => vec![one],
    };
    let mut columns: Vec<Column> = vec![];
    let mut cells: Vec<Vec<(usize, String)>> = vec![];
    for item in items {
        let mut row = vec![];
        for (header, value) in scalars(item, skipped) {
            let numeric = matches!(value, Document::Number(_));
            let known = columns.iter().position(|column| column.header == header);
            let position = known.unwrap_or_else(|| {
                columns.push(Column { header, right: true });
                columns.len() - 1
            });
            columns[position].right &= numeric;
            row.push((position, cell(value)));
        }
        cells.push(row);
    }
    let rows = cells.into_iter().map(|row| {
        let mut line = vec![String::new(); columns.len()];
        row.into_iter().for_each(|(position, text)| line[position] = text);
        line
    });
    let rows: Vec<Vec<String>> = rows.collect();
    if columns.is_empty() { Ok(()) } else { write_rows(out, &columns, &rows, None) }
}

/// The cells of one item with their headers.
fn scalars<'a>(item: &'a Document, skipped: &[&str]) -> Vec<(String, &'a Document)> {
    let is_scalar = |value: &Document| {
        !matches!(value, Document::Null | Document::Array(_) | Document::Object(_))
    };
    match item {
        Document::Object(members) => members
            .iter()
            .filter(|(name, _)| !skipped.contains(&name.as_str()))
            .filter(|(_, value)| is_scalar(value))
            .map(|(name, value)| (capitalised(name), value))
            .collect(),
        Document::Array(items) => items
            .iter()
            .enumerate()
            .filter(|(_, value)| is_scalar(value))
            .map(|(position, value)| (format!("Column{}", position + 1), value))
            .collect(),
        scalar => vec![("Result".to_owned(), scalar)],
    }
}

fn capitalised(name: &str) -> String {
    let mut characters = name.chars();
    let first = characters.next().into_iter().flat_map(char::to_uppercase);
    first.chain(characters).collect()
}

fn cell(value: &Document) -> String {
    match value {
        Document::Bool(true) => "True".to_owned(),
        Document::Bool(false) => "False".to_owned(),
        Document::Number(text) => text.clone(),
        Document::String(text) => text.clone(),
        Document::Null | Document::Array(_) | Document::Object(_) => String::new(),
    }
}
