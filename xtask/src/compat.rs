//! `COMPAT.md`: what of Azure's wire is answered, written from one checked table.
//!
//! The table is `conformance/compat.txt`. It names every operation that the server calls Azure's,
//! with its parameters and the fields of its answers, and for each whether it is answered and the
//! tests that show it. What it claims is checked against the tests and the server's description.

mod check;

use std::fmt::Write as _;
use std::fs;

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::process::root;

const TABLE: &str = "conformance/compat.txt";

/// Text under a heading, and what it lists.
#[derive(Debug, PartialEq, Eq)]
struct Section {
    title: String,
    paragraphs: Vec<String>,
    rows: Vec<Row>,
}

/// One statement: `what | state | note | tests`.
#[derive(Debug, PartialEq, Eq)]
struct Row {
    line: usize,
    what: What,
    state: State,
    note: String,
    tests: Vec<Citation>,
}

#[derive(Debug, PartialEq, Eq)]
enum What {
    /// A call; the parameters and fields below it are its own.
    Operation {
        method: String,
        path: String,
    },
    Parameters(Vec<String>),
    /// Fields of the answer, by their path from its root or from an item.
    Fields(Vec<String>),
    /// Anything else.
    Fact(String),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Yes,
    Partial,
    No,
}

/// A test: its file from the root, and its name there.
#[derive(Debug, PartialEq, Eq)]
struct Citation {
    path: String,
    name: String,
}

/// The page, and what is wrong with the table, given the server's OpenAPI document.
pub(crate) fn page(openapi: &str) -> Result<(String, Vec<String>)> {
    let text = fs::read_to_string(root().join(TABLE)).with_context(|| TABLE.to_owned())?;
    let sections = parse(&text)?;
    let openapi: Value = serde_json::from_str(openapi).context("openapi.json is JSON")?;
    let read = |path: &str| fs::read_to_string(root().join(path)).ok();
    Ok((write(&sections), check::problems(&sections, &openapi, read)))
}

/// Reads the table. A line is a heading (`# …`), text (`> …`) or a row.
fn parse(text: &str) -> Result<Vec<Section>> {
    let mut sections: Vec<Section> = Vec::new();
    for (place, line) in text.lines().enumerate() {
        let line = line.trim();
        if let Some(title) = line.strip_prefix("# ") {
            let title = title.to_owned();
            sections.push(Section { title, paragraphs: Vec::new(), rows: Vec::new() });
        } else if !line.is_empty() {
            let section = sections.last_mut().context("the table begins without a heading")?;
            match line.strip_prefix("> ") {
                Some(paragraph) => section.paragraphs.push(paragraph.to_owned()),
                None => section
                    .rows
                    .push(row(place + 1, line).with_context(|| format!("{TABLE}:{}", place + 1))?),
            }
        }
    }
    Ok(sections)
}

fn row(line: usize, text: &str) -> Result<Row> {
    let cells: Vec<&str> = text.split('|').map(str::trim).collect();
    let [what, state, note, tests] = cells[..] else {
        bail!("a row is `what | state | note | tests`: {text}");
    };
    let state = match state {
        "yes" => State::Yes,
        "partial" => State::Partial,
        "no" => State::No,
        other => bail!("{other} is neither yes, partial nor no"),
    };
    let tests = tests.split("; ").filter(|test| !test.is_empty());
    let tests = tests.map(citation).collect::<Result<Vec<_>>>()?;
    ensure!(!what.is_empty(), "a row of nothing");
    ensure!(state == State::No || !tests.is_empty(), "{what}: no test shows it");
    ensure!(state != State::Partial || !note.is_empty(), "{what}: which part of it?");
    Ok(Row { line, what: subject(what), state, note: note.to_owned(), tests })
}

fn subject(text: &str) -> What {
    let names = |mark: char| {
        let names = text.split(", ").map(|name| name.strip_prefix(mark).map(str::to_owned));
        names.collect::<Option<Vec<_>>>()
    };
    if let Some((method, path)) = text.split_once(' ')
        && ["GET", "HEAD", "PUT", "POST", "PATCH", "DELETE"].contains(&method)
    {
        return What::Operation { method: method.to_owned(), path: path.to_owned() };
    }
    if let Some(names) = names('?') {
        return What::Parameters(names);
    }
    if let Some(names) = names('.') {
        return What::Fields(names);
    }
    What::Fact(text.to_owned())
}

/// `FILE#NAME`; a file without a folder lies where its kind does.
fn citation(text: &str) -> Result<Citation> {
    let (file, name) = text.split_once('#').with_context(|| format!("{text} is no FILE#NAME"))?;
    let folder = match file.rsplit_once('.') {
        _ if file.contains('/') => "",
        Some((_, "http")) => "tests/http/",
        Some((_, "txt")) => "tests/cli/",
        Some((_, "py")) => "conformance/python/",
        Some((_, "mjs")) => "conformance/node/",
        _ => bail!("{file}: in which folder?"),
    };
    Ok(Citation { path: format!("{folder}{file}"), name: name.to_owned() })
}

/// The page in Markdown.
fn write(sections: &[Section]) -> String {
    let mut page =
        String::from("<!-- Written by `cargo xtask docs` from conformance/compat.txt. -->\n\n");
    for (place, section) in sections.iter().enumerate() {
        let level = if place == 0 { "#" } else { "\n##" };
        page.push_str(&format!("{level} {}\n", section.title));
        for paragraph in &section.paragraphs {
            page.push_str(&format!("\n{paragraph}\n"));
        }
        if !section.rows.is_empty() {
            page.push_str("\n| what | state | note | shown by |\n|---|---|---|---|\n");
        }
        for row in &section.rows {
            let tests: Vec<String> = row.tests.iter().map(link).collect();
            let (what, note) = (row.what.cell(), &row.note);
            writeln!(page, "| {what} | {} | {note} | {} |", row.state.word(), tests.join("<br>"))
                .expect("a string takes all");
        }
    }
    page
}

fn link(test: &Citation) -> String {
    let Citation { path, name } = test;
    let file = path.rsplit('/').next().unwrap_or(path);
    format!("[{file}]({path}): {name}")
}

impl State {
    fn word(self) -> &'static str {
        match self {
            Self::Yes => "yes",
            Self::Partial => "partial",
            Self::No => "no",
        }
    }
}

impl What {
    fn cell(&self) -> String {
        let coded = |names: &[String]| {
            let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
            names.join(", ")
        };
        match self {
            Self::Operation { method, path } => format!("**`{method} {path}`**"),
            Self::Parameters(names) => format!("parameter {}", coded(names)),
            Self::Fields(names) => format!("field {}", coded(names)),
            Self::Fact(text) => text.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_say_what_and_by_which_test() {
        let table =
            "# A\n> Text.\n\nGET /a | yes | | a.http#one; b.py#two\n  ?x, ?y | no | late |\n";
        let page = write(&parse(table).expect("a table"));
        let rows: Vec<&str> = page.lines().filter(|line| line.starts_with("| ")).skip(1).collect();
        assert_eq!(
            rows,
            [
                "| **`GET /a`** | yes |  | [a.http](tests/http/a.http): one<br>[b.py](conformance/python/b.py): two |",
                "| parameter `x`, `y` | no | late |  |",
            ]
        );
    }

    #[test]
    fn what_is_claimed_without_a_test_is_no_row() {
        for (table, said) in [
            ("a | yes | |", "no test"),
            ("a | partial | | a.http#b", "which part"),
            ("a | maybe | |", "neither"),
            ("a | no |", "a row is"),
            ("a | yes | | b", "no FILE#NAME"),
        ] {
            let error = parse(&format!("# A\n{table}")).expect_err(table);
            assert!(format!("{error:#}").contains(said), "{table}: {error:#}");
        }
    }
}
