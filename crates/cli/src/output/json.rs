//! JSON: two spaces, members in their order, numbers as their text; in colours for `jsonc`.

use std::io::{self, Write};

use crate::document::Document;

/// The escape sequences around each kind of value; empty for plain JSON.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Palette {
    name: &'static str,
    string: &'static str,
    literal: &'static str,
    reset: &'static str,
}

impl Palette {
    /// The colours of `az -o jsonc`.
    pub(crate) const COLOURS: Self =
        Self { name: "\x1b[94m", string: "\x1b[33m", literal: "\x1b[36m", reset: "\x1b[39m" };
}

/// Writes a value that begins at this depth; the first line is not indented.
pub(crate) fn write(
    out: &mut dyn Write,
    document: &Document,
    depth: usize,
    palette: Palette,
) -> io::Result<()> {
    match document {
        Document::Null => literal(out, "null", palette),
        Document::Bool(true) => literal(out, "true", palette),
        Document::Bool(false) => literal(out, "false", palette),
        Document::Number(text) => literal(out, text, palette),
        Document::String(text) => {
            write!(out, "{}{}{}", palette.string, quoted(text), palette.reset)
        }
        Document::Array(items) if items.is_empty() => out.write_all(b"[]"),
        Document::Array(items) => {
            let mut before = "[";
            for item in items {
                write!(out, "{before}\n{:1$}", "", 2 * (depth + 1))?;
                write(out, item, depth + 1, palette)?;
                before = ",";
            }
            write!(out, "\n{:1$}]", "", 2 * depth)
        }
        Document::Object(members) if members.is_empty() => out.write_all(b"{}"),
        Document::Object(members) => {
            let mut before = "{";
            for (name, value) in members {
                write!(out, "{before}\n{:1$}", "", 2 * (depth + 1))?;
                write!(out, "{}{}{}: ", palette.name, quoted(name), palette.reset)?;
                write(out, value, depth + 1, palette)?;
                before = ",";
            }
            write!(out, "\n{:1$}}}", "", 2 * depth)
        }
    }
}

fn literal(out: &mut dyn Write, text: &str, palette: Palette) -> io::Result<()> {
    write!(out, "{}{text}{}", palette.literal, palette.reset)
}

/// The text as a JSON string.
pub(crate) fn quoted(text: &str) -> String {
    serde_json::to_string(text).expect("a text is a JSON string")
}

/// The value on one line.
#[cfg(test)]
pub(crate) fn compact(document: &Document) -> String {
    match document {
        Document::Null => "null".to_owned(),
        Document::Bool(value) => value.to_string(),
        Document::Number(text) => text.clone(),
        Document::String(text) => quoted(text),
        Document::Array(items) => {
            format!("[{}]", items.iter().map(compact).collect::<Vec<_>>().join(","))
        }
        Document::Object(members) => {
            let members =
                members.iter().map(|(name, value)| format!("{}:{}", quoted(name), compact(value)));
            format!("{{{}}}", members.collect::<Vec<_>>().join(","))
        }
    }
}
