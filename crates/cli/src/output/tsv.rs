//! Tab-separated values as `az -o tsv` writes them: a line for each item, values only. A list
//! inside an item is its length, an object nothing.

use std::io::{self, Write};

use crate::document::Document;

/// Writes a line for each item of a list, or one line.
pub(crate) fn write(out: &mut dyn Write, document: &Document) -> io::Result<()> {
    match document {
        Document::Array(items) => items.iter().try_for_each(|item| write_line(out, item)),
        other => write_line(out, other),
    }
}

/// Writes the values of one item and the end of the line.
pub(crate) fn write_line(out: &mut dyn Write, item: &Document) -> io::Result<()> {
    let values: Vec<String> = match item {
        Document::Array(items) => items.iter().map(value).collect(),
        Document::Object(members) => members.iter().map(|(_, member)| value(member)).collect(),
        scalar => vec![value(scalar)],
    };
    writeln!(out, "{}", values.join("\t"))
}

fn value(document: &Document) -> String {
    match document {
        Document::Null | Document::Object(_) => String::new(),
        Document::Bool(value) => value.to_string(),
        Document::Number(text) => text.clone(),
        // A tab or line end within a value would make two of it.
        Document::String(text) => text.replace(['\t', '\n', '\r'], " "),
        Document::Array(items) => items.len().to_string(),
    }
}
