//! Random cases through `domain` and through the oracle: both say the same, to the last digit.
//!
//! `RATING_CASES=100000 cargo test --release -p domain --test it random` checks more of them.

use testkit::{Case, oracle};

use crate::bill::bill;
use crate::generator::{count, statements};

/// Cases that every run checks.
const CASES: u64 = 2_000;

/// The two bills where they differ; none too where these are no statements of a case.
fn difference(statements: &str) -> Option<(String, String)> {
    let case = Case::parse(statements).ok()?;
    let (expected, found) = (oracle::bill(&case), bill(&case));
    (expected != found).then_some((expected, found))
}

/// Fewer statements that the two tell apart as well.
fn shrunk(statements: &str) -> String {
    let mut lines: Vec<&str> = statements.lines().collect();
    let text = |lines: &[&str]| lines.iter().map(|line| format!("{line}\n")).collect::<String>();
    let mut place = 0;
    while place < lines.len() {
        let mut fewer = lines.clone();
        fewer.remove(place);
        if difference(&text(&fewer)).is_some() {
            // What could not be left out before may be now.
            (lines, place) = (fewer, 0);
        } else {
            place += 1;
        }
    }
    text(&lines)
}

#[test]
fn random_cases_give_the_bill_that_the_oracle_gives() {
    for number in 0..count(CASES) {
        let text = statements(number);
        let case =
            Case::parse(&text).unwrap_or_else(|error| panic!("case {number}: {error}\n{text}"));
        if oracle::bill(&case) != bill(&case) {
            let small = shrunk(&text);
            let (expected, found) = difference(&small).unwrap();
            panic!(
                "case {number}:\n{small}----\n{expected}---- and not\n{found}---- in full\n{text}"
            );
        }
    }
}
