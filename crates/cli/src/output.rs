//! Data on standard output, in the form that `--output` and `--query` ask for. Messages go to
//! standard error by [`message`], and nowhere else.

pub(crate) mod amounts;
pub(crate) mod json;
pub(crate) mod table;
mod tsv;
mod yaml;

use std::fmt;
use std::io::{self, IsTerminal, Write};

use clap::ValueEnum;

use crate::document::Document;
use crate::failure::Failure;
use crate::query::Query;
use json::Palette;

/// Form of the data on standard output.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub(crate) enum Format {
    /// JSON.
    #[default]
    Json,
    /// JSON in colours, on a terminal or where CLICOLOR_FORCE=1 is set.
    Jsonc,
    /// A table of the first level, for reading.
    Table,
    /// Values separated by tabs, for scripts.
    Tsv,
    /// YAML.
    Yaml,
}

/// Where data goes, and in which form.
pub(crate) struct Output<W> {
    out: W,
    format: Format,
    palette: Palette,
    query: Option<Query>,
}

/// Writes a line to standard error; a closed one is no reason to stop.
pub(crate) fn message(text: impl fmt::Display) {
    let _ = writeln!(io::stderr(), "{text}");
}

impl<W: Write> Output<W> {
    /// An output that writes to `out`.
    pub(crate) fn new(out: W, format: Format, query: Option<Query>) -> Self {
        let palette = if format == Format::Jsonc && colours() {
            Palette::COLOURS
        } else {
            Palette::default()
        };
        Self { out, format, palette, query }
    }

    /// The form, if it is to be a table of the whole answer: a command may have a better one.
    pub(crate) fn is_plain_table(&self) -> bool {
        self.format == Format::Table && self.query.is_none()
    }

    /// Whether only the first level is printed, and the command chooses what stands there.
    pub(crate) fn is_flat(&self) -> bool {
        matches!(self.format, Format::Table | Format::Tsv) && self.query.is_none()
    }

    /// The stream, for a table of the command's own.
    pub(crate) fn stream(&mut self) -> &mut W {
        &mut self.out
    }

    /// Writes one answer.
    ///
    /// # Errors
    /// If the query does not fit it, or standard output does not take it.
    pub(crate) fn write(&mut self, document: Document) -> Result<(), Failure> {
        let (document, skipped) = match &self.query {
            Some(query) => (query.select(document)?, &[][..]),
            None => (document, &table::WIDE[..]),
        };
        let out = &mut self.out;
        match self.format {
            Format::Json | Format::Jsonc => {
                json::write(out, &document, 0, self.palette)?;
                writeln!(out)?;
            }
            Format::Table => table::write(out, &document, skipped)?,
            Format::Tsv => tsv::write(out, &document)?,
            Format::Yaml => yaml::write(out, &document, 0)?,
        }
        Ok(out.flush()?)
    }

    /// Begins a list whose items come one after the other. They are kept only where the whole list
    /// is needed: for a query or a table.
    pub(crate) fn list(&mut self) -> List<'_, W> {
        let whole = self.query.is_some() || self.format == Format::Table;
        List { kept: whole.then(Vec::new), written: 0, output: self }
    }
}

/// A list under way; it is complete with [`List::finish`].
pub(crate) struct List<'a, W> {
    output: &'a mut Output<W>,
    kept: Option<Vec<Document>>,
    written: u64,
}

impl<W: Write> List<'_, W> {
    /// Adds an item.
    ///
    /// # Errors
    /// If standard output does not take it.
    pub(crate) fn push(&mut self, item: Document) -> Result<(), Failure> {
        if let Some(kept) = &mut self.kept {
            kept.push(item);
            return Ok(());
        }
        let Output { out, format, palette, .. } = &mut *self.output;
        match format {
            Format::Json | Format::Jsonc => {
                out.write_all(if self.written == 0 { b"[\n  " } else { b",\n  " })?;
                json::write(out, &item, 1, *palette)?;
            }
            Format::Table => unreachable!("a table's items are kept"),
            Format::Tsv => tsv::write_line(out, &item)?,
            Format::Yaml => {
                out.write_all(b"- ")?;
                yaml::write(out, &item, 1)?;
            }
        }
        self.written += 1;
        Ok(())
    }

    /// Writes what is left of the list.
    ///
    /// # Errors
    /// If the query does not fit it, or standard output does not take it.
    pub(crate) fn finish(self) -> Result<(), Failure> {
        if let Some(kept) = self.kept {
            return self.output.write(Document::Array(kept));
        }
        if self.written == 0 {
            return self.output.write(Document::Array(vec![]));
        }
        let out = &mut self.output.out;
        if matches!(self.output.format, Format::Json | Format::Jsonc) {
            out.write_all(b"\n]\n")?;
        }
        Ok(out.flush()?)
    }
}

/// Whether to colour: as <https://no-color.org> and <https://bixense.com/clicolors> say.
fn colours() -> bool {
    let set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty() && value != "0");
    !set("NO_COLOR") && (set("CLICOLOR_FORCE") || io::stdout().is_terminal())
}

#[cfg(test)]
mod tests;
