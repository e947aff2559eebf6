//! The pages that come from the program and its tests, so that they cannot be wrong.
//!
//! `docs/cli.md` is what every command says of itself, `docs/openapi.json` what the server
//! serves, `docs/configuration.md` what `tallyhouse serve` reads, `COMPAT.md` what of Azure's wire
//! is answered.

use std::fs;
use std::iter::Peekable;
use std::path::Path;
use std::str::Chars;

use anyhow::{Context, Result, bail, ensure};

use crate::compat;
use crate::process::{command, fresh_folder, output, root, tallyhouse};
use crate::server::Server;

const FIRST_LINE: &str = "<!-- Written by `cargo xtask docs`. -->\n\n";

/// Where the server keeps the list of its keys.
const SETTINGS: &str = "crates/server/src/config/keys.rs";

const CONFIGURATION: &str = "\
# Configuration

`tallyhouse serve --config FILE` reads a TOML file with the keys below. Every key is optional, an
unknown key is refused, and a flag ([cli.md](cli.md)) goes before the file.
";

/// A page: its path from the root, and its text.
type Page = (&'static str, String);

/// What differs from the program.
struct Stale {
    pages: Vec<Page>,
    /// What the table of `COMPAT.md` claims wrongly or leaves out.
    problems: Vec<String>,
}

/// Writes the pages that differ.
pub(crate) fn write() -> Result<()> {
    let Stale { pages, problems } = stale()?;
    for (path, text) in pages {
        fs::write(root().join(path), text).with_context(|| format!("writing {path}"))?;
        println!("wrote {path}");
    }
    for problem in problems {
        println!("{problem}");
    }
    Ok(())
}

/// An error if a page differs from what the program says.
pub(crate) fn check() -> Result<()> {
    let Stale { pages, problems } = stale()?;
    for problem in &problems {
        println!("{problem}");
    }
    ensure!(problems.is_empty(), "{} claims of compatibility are not so", problems.len());
    let stale: Vec<&str> = pages.into_iter().map(|(path, _)| path).collect();
    if !stale.is_empty() {
        bail!("stale: {}; write them with `cargo xtask docs`", stale.join(", "));
    }
    println!("docs: as the program says");
    Ok(())
}

fn stale() -> Result<Stale> {
    let binary = tallyhouse()?;
    let openapi = openapi(&binary)?;
    let (compat, problems) = compat::page(&openapi)?;
    let pages = [
        ("docs/cli.md", command_line(&binary)?),
        ("docs/configuration.md", configuration()?),
        ("docs/openapi.json", openapi),
        ("COMPAT.md", compat),
    ];
    let differs =
        |page: &Page| fs::read_to_string(root().join(page.0)).ok().as_ref() != Some(&page.1);
    Ok(Stale { pages: pages.into_iter().filter(differs).collect(), problems })
}

fn command_line(binary: &Path) -> Result<String> {
    let mut page = format!("{FIRST_LINE}# The command line\n");
    describe(binary, &[], &mut page)?;
    Ok(page)
}

/// What a command says of itself, then its subcommands.
fn describe(binary: &Path, words: &[&str], page: &mut String) -> Result<()> {
    // The width does not depend on who runs this, nor do values from the environment.
    let mut help = command(binary);
    help.args(words).arg("--help").env_clear().env("COLUMNS", "100");
    let help = output(&mut help)?;
    let title = [&["tallyhouse"], words].concat().join(" ");
    let level = "#".repeat(2 + words.len().min(2));
    let lines: Vec<&str> = help.trim_end().lines().map(str::trim_end).collect();
    page.push_str(&format!("\n{level} {title}\n\n```text\n{}\n```\n", lines.join("\n")));
    for name in subcommands(&help) {
        describe(binary, &[words, &[name]].concat(), page)?;
    }
    Ok(())
}

/// Names under `Commands:`, but for the help itself.
fn subcommands(help: &str) -> Vec<&str> {
    let after = help.lines().skip_while(|line| *line != "Commands:").skip(1);
    let listed = after.take_while(|line| !line.is_empty() && line.starts_with(' '));
    // Names are indented by two; a longer indent goes on with a description.
    let named = listed.filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    named.filter_map(|line| line.split_whitespace().next()).filter(|name| *name != "help").collect()
}

/// The keys of the configuration file, from the list that the server itself keeps of them.
fn configuration() -> Result<String> {
    let source = fs::read_to_string(root().join(SETTINGS))?;
    let keys = text_literals(source.split_once("KEYS:").context("no KEYS in the settings")?.1);
    let (rows, rest) = keys.as_chunks::<3>();
    ensure!(!rows.is_empty() && rest.is_empty(), "KEYS in {SETTINGS} is no list of triples");
    let mut page =
        format!("{FIRST_LINE}{CONFIGURATION}\n| key | default | meaning |\n|---|---|---|\n");
    for [key, default, meaning] in rows {
        let default = if default == "none" { "none".to_owned() } else { format!("`{default}`") };
        page.push_str(&format!("| `{key}` | {default} | {meaning} |\n"));
    }
    Ok(page)
}

/// The string literals of Rust source up to the end of the list.
fn text_literals(source: &str) -> Vec<String> {
    let mut literals = Vec::new();
    let mut letters = source.chars().peekable();
    let mut last = ' ';
    while let Some(letter) = letters.next() {
        if letter == '"' {
            literals.push(text_literal(&mut letters));
        } else if (last, letter) == (']', ';') {
            break;
        }
        last = letter;
    }
    literals
}

fn text_literal(letters: &mut Peekable<Chars<'_>>) -> String {
    let mut literal = String::new();
    while let Some(letter) = letters.next_if(|letter| *letter != '"') {
        if letter != '\\' {
            literal.push(letter);
            continue;
        }
        match letters.next() {
            Some('\n') => while letters.next_if(|next| next.is_whitespace()).is_some() {},
            Some(escaped) => literal.push(escaped),
            None => {}
        }
    }
    letters.next(); // the closing quotation mark
    literal
}

/// The OpenAPI document that the server serves, one member a line.
fn openapi(binary: &Path) -> Result<String> {
    let server = Server::start(binary, &fresh_folder("docs")?.join("data"))?;
    let answer = server.client()?.get("/tallyhouse/v1/openapi.json")?;
    answer.json("openapi.json", &[200])?;
    let text = String::from_utf8(answer.body).context("openapi.json is no UTF-8")?;
    server.stop()?;
    Ok(indented(&text))
}

/// JSON with one member a line, in the order in which it was written.
fn indented(json: &str) -> String {
    let mut out = String::new();
    let mut depth = 0;
    let mut in_text = false;
    let mut escaped = false;
    let mut letters = json.trim().chars().filter(|letter| *letter != '\r').peekable();
    while let Some(letter) = letters.next() {
        if in_text {
            out.push(letter);
            in_text = escaped || letter != '"';
            escaped = !escaped && letter == '\\';
            continue;
        }
        match letter {
            ' ' | '\n' | '\t' => {}
            '{' | '[' => {
                while letters.next_if(|next| next.is_whitespace()).is_some() {}
                out.push(letter);
                if let Some(close) = letters.next_if(|next| "}]".contains(*next)) {
                    out.push(close);
                } else {
                    depth += 1;
                    new_line(&mut out, depth);
                }
            }
            '}' | ']' => {
                depth -= 1;
                new_line(&mut out, depth);
                out.push(letter);
            }
            ',' => {
                out.push(letter);
                new_line(&mut out, depth);
            }
            ':' => out.push_str(": "),
            letter => {
                in_text = letter == '"';
                out.push(letter);
            }
        }
    }
    out.push('\n');
    out
}

fn new_line(out: &mut String, depth: usize) {
    out.push('\n');
    out.push_str(&"  ".repeat(depth));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn json_is_indented_in_its_own_order() {
        let json = r#"{"b":[1,{"c":"x: \"{,}"}],"a":{ },"d":[]}"#;
        let expected = "{\n  \"b\": [\n    1,\n    {\n      \"c\": \"x: \\\"{,}\"\n    }\n  ],\n  \"a\": {},\n  \"d\": []\n}\n";
        assert_eq!(indented(json), expected);
        assert_eq!(indented(expected), expected);
    }

    #[test]
    fn text_literals_are_read_from_source() {
        let source = r#" &[(&str, &str)] = &[("a", "\"b\""), ("c \
            d", "e")]; "not this""#;
        assert_eq!(text_literals(source), ["a", "\"b\"", "c d", "e"]);
    }

    #[test]
    fn subcommands_are_read_from_the_help() {
        let help = "Usage: a\n\nCommands:\n  serve  Serves\n         and more\n  demo   Shows\n  help   Print\n\nOptions:\n  -h\n";
        assert_eq!(subcommands(help), ["serve", "demo"]);
    }
}
