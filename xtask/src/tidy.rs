//! House rules that neither the compiler nor clippy knows. Each finding is `file:line: message`.
//!
//! A rule is a function from a file's path and text to findings, so that its tests are data.

mod edges;
mod links;
mod text;

use std::fmt;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, bail};

use crate::process::{command, output, root};

/// A rule broken.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Finding {
    path: String,
    line: usize,
    message: String,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.path, self.line, self.message)
    }
}

fn finding(path: &str, line: usize, message: impl Into<String>) -> Finding {
    Finding { path: path.to_owned(), line, message: message.into() }
}

/// A file of the project that is text.
struct TextFile {
    /// From the project's root, with `/`.
    path: String,
    text: String,
}

/// Checks every file of the project that git knows or would add.
pub(crate) fn run() -> Result<()> {
    let paths = paths()?;
    let files = read(&paths)?;
    let mut findings = edges::check()?;
    for file in &files {
        findings.extend(text::check(&file.path, &file.text));
        if has_extension(&file.path, "md") {
            findings.extend(links::check(&file.path, &file.text, &files));
        }
    }
    findings.extend(check_notice(&paths, &files));
    findings.sort();
    for finding in &findings {
        println!("{finding}");
    }
    match findings.len() {
        0 => {
            println!("tidy: {} files, nothing found", files.len());
            Ok(())
        }
        count => bail!("{count} house rules broken"),
    }
}

fn paths() -> Result<Vec<String>> {
    let mut git = command("git");
    git.args(["ls-files", "--cached", "--others", "--exclude-standard", "-z"]);
    let listed = output(&mut git)?;
    let mut paths: Vec<String> = listed
        .split_terminator('\0')
        .filter(|path| root().join(path).is_file()) // a file deleted but not yet committed
        .map(str::to_owned)
        .collect();
    paths.sort();
    paths.dedup();
    Ok(paths)
}

fn read(paths: &[String]) -> Result<Vec<TextFile>> {
    let mut files = Vec::new();
    for path in paths {
        let bytes = fs::read(root().join(path)).with_context(|| format!("reading {path}"))?;
        if let Ok(text) = String::from_utf8(bytes) {
            files.push(TextFile { path: path.clone(), text });
        }
    }
    Ok(files)
}

fn has_extension(path: &str, extension: &str) -> bool {
    Path::new(path).extension().is_some_and(|found| found == extension)
}

/// What was taken from elsewhere has its origin in NOTICE: all samples, and test data that its
/// name calls recorded.
fn check_notice(paths: &[String], files: &[TextFile]) -> Vec<Finding> {
    let notice = files.iter().find(|file| file.path == "NOTICE");
    let notice = notice.map_or("", |file| file.text.as_str());
    let copied = |path: &&String| {
        let name = path.rsplit('/').next().expect("a path has a last part");
        let sample = path.starts_with("samples/") && name != "README.md";
        sample || path.starts_with("tests/") && name.starts_with("recorded")
    };
    let missing = paths.iter().filter(copied).filter(|path| !notice.contains(path.as_str()));
    missing.map(|path| finding(path, 1, "NOTICE does not say where this file is from")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_sample_has_its_origin_in_the_notice() {
        let paths = ["NOTICE", "samples/a.json", "samples/b.json", "tests/http/recorded_c.http"];
        let paths = paths.map(str::to_owned);
        let notice = "samples/a.json is from elsewhere".to_owned();
        let files = [TextFile { path: "NOTICE".to_owned(), text: notice }];
        let found: Vec<String> =
            check_notice(&paths, &files).into_iter().map(|found| found.path).collect();
        assert_eq!(found, ["samples/b.json", "tests/http/recorded_c.http"]);
    }
}
