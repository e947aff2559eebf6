//! YAML 1.2 in block style. A text is quoted unless every reader takes it for a text.

use std::io::{self, Write};

use crate::document::Document;
use crate::output::json;

/// Words that a YAML reader takes for something else than a text.
const RESERVED: [&str; 9] = ["null", "true", "false", "yes", "no", "on", "off", "y", "n"];

/// Writes a value and the end of its last line; the first line is not indented.
pub(crate) fn write(out: &mut dyn Write, document: &Document, depth: usize) -> io::Result<()> {
    let indent = 2 * depth;
    match document {
        Document::Array(items) if !items.is_empty() => {
            for (position, item) in items.iter().enumerate() {
                let indent = if position == 0 { 0 } else { indent };
                write!(out, "{:indent$}- ", "")?;
                write(out, item, depth + 1)?;
            }
            Ok(())
        }
        Document::Object(members) if !members.is_empty() => {
            for (position, (name, value)) in members.iter().enumerate() {
                let indent = if position == 0 { 0 } else { indent };
                write!(out, "{:indent$}{}:", "", text(name))?;
                if is_block(value) {
                    write!(out, "\n{:1$}", "", 2 * (depth + 1))?;
                    write(out, value, depth + 1)?;
                } else {
                    writeln!(out, " {}", scalar(value))?;
                }
            }
            Ok(())
        }
        other => writeln!(out, "{}", scalar(other)),
    }
}

fn is_block(document: &Document) -> bool {
    match document {
        Document::Array(items) => !items.is_empty(),
        Document::Object(members) => !members.is_empty(),
        _ => false,
    }
}

fn scalar(document: &Document) -> String {
    match document {
        Document::Null => "null".to_owned(),
        Document::Bool(value) => value.to_string(),
        Document::Number(number) => number.clone(),
        Document::String(value) => text(value),
        Document::Array(_) => "[]".to_owned(),
        Document::Object(_) => "{}".to_owned(),
    }
}

fn text(text: &str) -> String {
    let starts = text.bytes().next().is_some_and(|byte| byte.is_ascii_alphabetic() || byte == b'/');
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b" _./-".contains(&byte);
    let reserved = RESERVED.iter().any(|word| text.eq_ignore_ascii_case(word));
    if starts && text.bytes().all(plain) && !text.ends_with(' ') && !reserved {
        return text.to_owned();
    }
    // A JSON string is a YAML one, but for a few characters that YAML does not print.
    let mut quoted = String::new();
    for character in json::quoted(text).chars() {
        match character {
            '\u{7f}'..='\u{9f}' | '\u{2028}' | '\u{2029}' | '\u{feff}' => {
                quoted.push_str(&format!("\\u{:04x}", u32::from(character)));
            }
            _ => quoted.push(character),
        }
    }
    quoted
}
