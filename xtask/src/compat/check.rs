//! Whether what the table claims is so: its tests exist, and it names all that the server answers.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Citation, Row, Section, State, TABLE, What};

/// The mark of Azure's operations in the server's description.
const TAG: &str = "Azure";

/// What is wrong, one line each. Files are read by their path from the root.
pub(super) fn problems(
    sections: &[Section],
    openapi: &Value,
    read: impl Fn(&str) -> Option<String>,
) -> Vec<String> {
    let mut problems = Vec::new();
    let mut missing = answered(openapi);
    for section in sections {
        let mut operation = None;
        for row in &section.rows {
            let at = |message: String| format!("{TABLE}:{}: {message}", row.line);
            problems.extend(tests_that_lack(row, &read).into_iter().map(at));
            if let What::Operation { method, path } = &row.what {
                operation = Some(format!("{method} {path}").to_lowercase());
            }
            let Some(operation) = &operation else { continue };
            problems.extend(claimed(row, operation, &mut missing).into_iter().map(at));
        }
    }
    problems.extend(missing.into_iter().map(|one| format!("{TABLE} does not name {one}")));
    problems
}

/// Operations and parameters of Azure's that the server describes, in lower case: `get /a` and
/// `get /a ?b`.
fn answered(openapi: &Value) -> BTreeSet<String> {
    let mut all = BTreeSet::new();
    let none = serde_json::Map::new();
    for (path, methods) in openapi["paths"].as_object().unwrap_or(&none) {
        for (method, described) in methods.as_object().unwrap_or(&none) {
            let tags = described["tags"].as_array().map_or(&[][..], Vec::as_slice);
            if !tags.iter().any(|tag| tag == TAG) {
                continue;
            }
            let operation = format!("{method} {path}").to_lowercase();
            for parameter in described["parameters"].as_array().map_or(&[][..], Vec::as_slice) {
                if parameter["in"] == "query"
                    && let Some(name) = parameter["name"].as_str()
                {
                    all.insert(format!("{operation} ?{}", name.to_lowercase()));
                }
            }
            all.insert(operation);
        }
    }
    all
}

/// Strikes out what the row names. What is answered must be described, what is not must not be.
fn claimed(row: &Row, operation: &str, missing: &mut BTreeSet<String>) -> Vec<String> {
    let names: Vec<String> = match &row.what {
        What::Operation { .. } => vec![operation.to_owned()],
        What::Parameters(names) => {
            names.iter().map(|name| format!("{operation} ?{}", name.to_lowercase())).collect()
        }
        What::Fields(_) | What::Fact(_) => Vec::new(),
    };
    let mut problems = Vec::new();
    for name in names {
        match (missing.remove(&name), row.state) {
            (true, State::Yes | State::Partial) | (false, State::No) => {}
            (true, State::No) => problems.push(format!("the server describes {name}")),
            (false, State::Yes | State::Partial) => {
                problems.push(format!("the server does not describe {name}"));
            }
        }
    }
    problems
}

/// Tests that do not exist, and names that none of the row's tests has in its file.
fn tests_that_lack(row: &Row, read: impl Fn(&str) -> Option<String>) -> Vec<String> {
    let mut problems = Vec::new();
    let mut texts = String::new();
    for Citation { path, name } in &row.tests {
        let Some(text) = read(path) else {
            problems.push(format!("there is no {path}"));
            continue;
        };
        if !has_test(path, &text, name) {
            problems.push(format!("{path} has no test {name}"));
        }
        texts.push_str(&text.to_lowercase());
    }
    let named = match &row.what {
        What::Parameters(names) | What::Fields(names) if row.state != State::No => &names[..],
        _ => &[],
    };
    for name in named {
        let last = name.rsplit('.').next().unwrap_or(name).trim_end_matches("[]");
        if !texts.contains(&last.to_lowercase()) {
            problems.push(format!("no test of its row has {last}"));
        }
    }
    problems
}

/// Whether a file has a test of this name, in the form of its kind.
fn has_test(path: &str, text: &str, name: &str) -> bool {
    let is_it = |line: &str| match path.rsplit('.').next() {
        Some("http") => line.strip_prefix("### ") == Some(name),
        Some("txt") => line.strip_prefix("# ") == Some(name),
        Some("py") => line.trim_start().starts_with(&format!("def {name}(")),
        Some("mjs") => line.trim_start().starts_with("test(") && line.contains(name),
        Some("rs") => line.contains(&format!("fn {name}(")),
        _ => false,
    };
    text.lines().any(is_it)
}

#[cfg(test)]
mod tests {
    use super::super::parse;
    use super::*;

    const STORY: &str = "### one\nGET /a?top=1\n\n{\"name\":1}\n";

    fn check(table: &str) -> Vec<String> {
        let openapi = serde_json::json!({"paths": {
            "/a": {"get": {"tags": ["Azure"], "parameters": [{"in": "query", "name": "Top"}]}},
            "/own": {"get": {"tags": ["Cost"], "parameters": [{"in": "query", "name": "x"}]}},
        }});
        let read = |path: &str| (path == "tests/http/a.http").then(|| STORY.to_owned());
        problems(&parse(table).expect("a table"), &openapi, read)
    }

    #[test]
    fn a_whole_table_has_no_problem() {
        let table = "# A\nGET /A | yes | | a.http#one\n?top | yes | | a.http#one\n\
                     .value[].name | yes | | a.http#one\n.other | no | |\n";
        assert_eq!(check(table), Vec::<String>::new());
    }

    #[test]
    fn what_is_not_so_is_found() {
        let operation = "GET /a | yes | | a.http#one\n?top | yes | | a.http#one\n";
        for (table, said) in [
            ("GET /a | yes | | a.http#one\n", "does not name get /a ?top"),
            ("fact | no | |\n", "does not name get /a"),
            ("GET /a | yes | | a.http#two\n?top | no | |\n", "has no test two"),
            ("GET /a | yes | | b.http#one\n?top | no | |\n", "there is no tests/http/b.http"),
            ("GET /a | no | |\n?top | no | |\n", "the server describes get /a"),
            (&format!("{operation}?x | yes | | a.http#one\n"), "does not describe get /a ?x"),
            (
                &format!("{operation}.absent | yes | | a.http#one\n"),
                "no test of its row has absent",
            ),
            (&format!("{operation}GET /own | yes | | a.http#one\n"), "does not describe get /own"),
        ] {
            let found = check(&format!("# A\n{table}"));
            assert!(found.iter().any(|one| one.contains(said)), "{table}: {found:?}");
        }
    }
}
