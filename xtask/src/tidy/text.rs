//! Rules about the text of one file.

use super::{Finding, finding, has_extension};

/// Longest file, without its tests.
const FILE_LINES: usize = 500;
/// The mark of unfinished work, spelt so that this file does not carry it.
const MARK: &str = concat!("TO", "DO");
/// The page that has every route.
const ROUTER: &str = "crates/server/src/router.rs";
/// What adds a route.
const ROUTES: [&str; 4] = [".route(", ".routes(", ".route_service(", ".nest("];

/// All rules that apply to a file of this name.
pub(super) fn check(path: &str, text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    if ["rs", "md", "toml", "py", "mjs", "yml"].iter().any(|known| has_extension(path, known)) {
        white_space(path, text, &mut findings);
        marks(path, text, &mut findings);
    }
    if path.ends_with("package-lock.json") {
        downloads(path, text, &mut findings);
    }
    if has_extension(path, "rs") {
        opening(path, text, &mut findings);
        length(path, text, &mut findings);
        routes(path, text, &mut findings);
        floats(path, text, &mut findings);
    }
    findings
}

fn white_space(path: &str, text: &str, findings: &mut Vec<Finding>) {
    if is_test(path) && has_extension(path, "rs") {
        return; // expected output is data: it may have tabs and ends of lines of its own
    }
    for (place, line) in text.lines().enumerate() {
        if line.ends_with([' ', '\t', '\r']) {
            findings.push(finding(path, place + 1, "white space at the end of the line"));
        }
        if line.contains('\t') {
            findings.push(finding(path, place + 1, "a tab: indent with spaces"));
        }
    }
    if !text.is_empty() && !text.ends_with('\n') {
        findings.push(finding(path, text.lines().count(), "the last line has no end"));
    }
}

fn marks(path: &str, text: &str, findings: &mut Vec<Finding>) {
    for (place, line) in text.lines().enumerate() {
        for (at, _) in line.match_indices(MARK) {
            let rest = &line[at + MARK.len()..];
            let number = rest.strip_prefix("(#").and_then(|rest| rest.split_once(')'));
            if number.is_none_or(|(number, _)| number.parse::<u32>().is_err()) {
                let message = format!("{MARK} without the number of its issue: {MARK}(#12)");
                findings.push(finding(path, place + 1, message));
            }
        }
    }
}

fn downloads(path: &str, text: &str, findings: &mut Vec<Finding>) {
    for (place, line) in text.lines().enumerate() {
        if line.trim_start().starts_with("\"resolved\":") {
            let message = "names a server to download from: let .npmrc leave that out";
            findings.push(finding(path, place + 1, message));
        }
    }
}

fn opening(path: &str, text: &str, findings: &mut Vec<Finding>) {
    if !text.starts_with("//! ") {
        let message = "begins without `//!`: what it is for and what always holds in it";
        findings.push(finding(path, 1, message));
    }
}

fn length(path: &str, text: &str, findings: &mut Vec<Finding>) {
    if is_test(path) {
        return;
    }
    let lines: Vec<&str> = text.lines().collect();
    let count = code_lines(&lines);
    if count > FILE_LINES {
        let message = format!("{count} lines without tests: at most {FILE_LINES}");
        findings.push(finding(path, FILE_LINES + 1, message));
    }
}

/// Lines before the test module that ends a file.
fn code_lines(lines: &[&str]) -> usize {
    let tests = lines.windows(2).position(|pair| {
        pair[0] == "#[cfg(test)]" && pair[1].starts_with("mod ") && pair[1].ends_with('{')
    });
    tests.unwrap_or(lines.len())
}

fn routes(path: &str, text: &str, findings: &mut Vec<Finding>) {
    if path == ROUTER || !path.starts_with("crates/") || is_test(path) {
        return;
    }
    let lines: Vec<&str> = text.lines().collect();
    for (place, line) in lines[..code_lines(&lines)].iter().enumerate() {
        if ROUTES.iter().any(|adds| line.contains(adds)) {
            findings.push(finding(path, place + 1, format!("all routes are in {ROUTER}")));
        }
    }
}

fn floats(path: &str, text: &str, findings: &mut Vec<Finding>) {
    let forecast = path.starts_with("crates/domain/src/forecast");
    if !path.starts_with("crates/domain/") || forecast {
        return;
    }
    for (place, line) in text.lines().enumerate() {
        let code = line.split("//").next().expect("a split has a first part");
        let mut words = code.split(|letter: char| !letter.is_alphanumeric() && letter != '_');
        if words.any(|word| word == "f32" || word == "f64") {
            let message = "a float: domain is exact everywhere but in its forecast";
            findings.push(finding(path, place + 1, message));
        }
    }
}

fn is_test(path: &str) -> bool {
    path.ends_with("/tests.rs") || path.split('/').any(|part| part == "tests")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(path: &str, text: &str) -> Vec<String> {
        let found = check(path, text).into_iter();
        found.map(|finding| format!("{}: {}", finding.line, finding.message)).collect()
    }

    #[test]
    fn a_clean_file_has_no_findings() {
        let text = "//! What it is for.\n\nfn f() {}\n";
        assert_eq!(found("crates/domain/src/a.rs", text), [""; 0]);
    }

    #[test]
    fn white_space_and_openings_are_checked() {
        let text = "fn f() {} \n\tlet a = 1;";
        let expected = [
            "1: white space at the end of the line",
            "2: a tab: indent with spaces",
            "2: the last line has no end",
            "1: begins without `//!`: what it is for and what always holds in it",
        ];
        assert_eq!(found("crates/wire/src/a.rs", text), expected);
    }

    #[test]
    fn unfinished_work_names_its_issue() {
        let marked = |rest: &str| found("README.md", &format!("{MARK}{rest}\n")).len();
        assert_eq!((marked("(#12): more"), marked(": more"), marked("(me)")), (0, 1, 1));
    }

    #[test]
    fn tests_do_not_count_as_length() {
        let code = format!("//! A.\n{}", "fn f() {}\n".repeat(FILE_LINES - 1));
        let tests = format!("#[cfg(test)]\nmod tests {{\n{}}}\n", "// \u{2026}\n".repeat(90));
        assert_eq!(found("xtask/src/a.rs", &format!("{code}{tests}")), [""; 0]);
        assert_eq!(found("xtask/src/a.rs", &format!("{code}fn g() {{}}\n{tests}")).len(), 1);
        assert_eq!(found("xtask/src/a/tests.rs", &format!("{code}fn g() {{}}\n")), [""; 0]);
    }

    #[test]
    fn a_lock_file_names_no_servers() {
        let lock = "{\n  \"version\": \"1.0.0\",\n  \"resolved\": \"https://example.org/a\"\n}\n";
        assert_eq!(found("conformance/node/package-lock.json", lock).len(), 1);
    }

    #[test]
    fn routes_are_on_one_page() {
        let text = "//! A.\nfn f() { Router::new().route(\"/\", get(g)); }\n";
        assert_eq!(found("crates/server/src/usage.rs", text).len(), 1);
        assert_eq!(found(ROUTER, text).len(), 0);
    }

    #[test]
    fn domain_has_no_floats_but_in_its_forecast() {
        let text = "//! No f64 in words.\nfn f(a: f64) {}\n";
        assert_eq!(found("crates/domain/src/rate.rs", text).len(), 1);
        assert_eq!(found("crates/domain/src/forecast.rs", text).len(), 0);
        assert_eq!(found("crates/server/src/a.rs", text).len(), 0);
    }
}
