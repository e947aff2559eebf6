//! Files of cases: the behaviour in words, the statements, and what is to come out.

use std::fmt;
use std::fs;
use std::path::Path;

/// Largest file of cases, in bytes.
const FILE_BYTES: u64 = 1 << 20;
/// Stands between two cases.
const BETWEEN: &str = "====";
/// Stands between statements and what they give.
const GIVES: &str = "----";

/// A case as it stands in its file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextCase {
    /// The file's name and the line on which the case begins: `tiers.txt:12`.
    pub name: String,
    /// What it shows, in words.
    pub behaviour: String,
    /// What [`Case::parse`](crate::Case::parse) reads.
    pub statements: String,
    /// The bill, as [`oracle::bill`](crate::oracle::bill) writes it.
    pub expected: String,
}

/// Why the cases of a folder cannot be read.
#[derive(Debug)]
pub enum CaseError {
    /// The folder or file cannot be read.
    Unreadable(std::path::PathBuf, std::io::Error),
    /// The file is over the limit.
    TooLarge(std::path::PathBuf),
    /// The case that begins there does not begin with `# behaviour`.
    NoBehaviour(String),
    /// The case that begins there has no line `----`.
    NoExpectation(String),
}

impl fmt::Display for CaseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(path, _) => write!(f, "cannot read {}", path.display()),
            Self::TooLarge(path) => write!(f, "{} is over {FILE_BYTES} bytes", path.display()),
            Self::NoBehaviour(name) => write!(f, "{name}: a case begins with `# behaviour`"),
            Self::NoExpectation(name) => write!(f, "{name}: a case needs a line `{GIVES}`"),
        }
    }
}

impl std::error::Error for CaseError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Unreadable(_, source) => Some(source),
            _ => None,
        }
    }
}

/// All cases of the `.txt` files of a folder, in order of file name and place.
///
/// # Errors
/// [`CaseError`] if a file cannot be read or is not made of cases.
pub fn cases(folder: &Path) -> Result<Vec<TextCase>, CaseError> {
    let unreadable = |path: &Path| {
        let path = path.to_owned();
        |error| CaseError::Unreadable(path, error)
    };
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreadable(folder))? {
        let path = entry.map_err(unreadable(folder))?.path();
        if path.extension().is_some_and(|extension| extension == "txt") {
            paths.push(path);
        }
    }
    paths.sort();
    let mut cases = Vec::new();
    for path in paths {
        if fs::metadata(&path).map_err(unreadable(&path))?.len() > FILE_BYTES {
            return Err(CaseError::TooLarge(path));
        }
        let text = fs::read_to_string(&path).map_err(unreadable(&path))?;
        let file = path.file_name().map(|name| name.display().to_string()).unwrap_or_default();
        read(&file, &text, &mut cases)?;
    }
    Ok(cases)
}

/// The text of a file with these cases.
#[must_use]
pub fn written(cases: &[TextCase]) -> String {
    let texts = cases.iter().map(|case| {
        let TextCase { behaviour, statements, expected, .. } = case;
        format!("# {behaviour}\n{statements}{GIVES}\n{expected}")
    });
    texts.collect::<Vec<_>>().join(&format!("{BETWEEN}\n"))
}

fn read(file: &str, text: &str, cases: &mut Vec<TextCase>) -> Result<(), CaseError> {
    let lines: Vec<&str> = text.lines().collect();
    let mut first = 0;
    for block in lines.split(|line| *line == BETWEEN) {
        let name = format!("{file}:{}", first + 1);
        first += block.len() + 1;
        let opening = block.first().and_then(|line| line.strip_prefix("# "));
        let Some(behaviour) = opening else {
            return Err(CaseError::NoBehaviour(name));
        };
        let Some(gives) = block.iter().position(|line| *line == GIVES) else {
            return Err(CaseError::NoExpectation(name));
        };
        cases.push(TextCase {
            name,
            behaviour: behaviour.to_owned(),
            statements: joined(&block[1..gives]),
            expected: joined(&block[gives + 1..]),
        });
    }
    Ok(())
}

fn joined(lines: &[&str]) -> String {
    lines.iter().map(|line| format!("{line}\n")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_cut_into_its_cases_and_written_alike() {
        let text = "# one\nanchor 1\n----\nperiod\n====\n# two\n----\n";
        let mut cases = Vec::new();
        read("a.txt", text, &mut cases).unwrap();
        let names: Vec<_> = cases.iter().map(|case| case.name.as_str()).collect();
        assert_eq!(names, ["a.txt:1", "a.txt:6"]);
        assert_eq!(cases[0].statements, "anchor 1\n");
        assert_eq!(cases[0].expected, "period\n");
        assert_eq!(written(&cases), text);
    }

    #[test]
    fn a_case_that_lacks_a_part_is_named_with_its_place() {
        for (text, expected) in [
            ("anchor 1\n----\n", "a.txt:1: a case begins with `# behaviour`"),
            ("# one\n----\n====\n# two\n", "a.txt:4: a case needs a line `----`"),
        ] {
            assert_eq!(read("a.txt", text, &mut Vec::new()).unwrap_err().to_string(), expected);
        }
    }
}
