//! The cases of rating: `tests/rating/*.txt` at the root hold what the oracle says of each.
//! `UPDATE_EXPECT=1 cargo test -p testkit` writes it anew; read what changed before it is kept.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use testkit::{Case, TextCase, cases, oracle, written};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/rating")
}

fn billed(case: &TextCase) -> String {
    let parsed = Case::parse(&case.statements);
    oracle::bill(&parsed.unwrap_or_else(|error| panic!("{}: statement {error}", case.name)))
}

#[test]
fn the_oracle_says_what_the_cases_expect() {
    let cases = cases(&folder()).unwrap();
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        let mut files = BTreeMap::<String, Vec<TextCase>>::new();
        for case in cases {
            let (file, _) = case.name.split_once(':').unwrap();
            let expected = billed(&case);
            files.entry(file.to_owned()).or_default().push(TextCase { expected, ..case });
        }
        for (file, cases) in files {
            std::fs::write(folder().join(file), written(&cases)).unwrap();
        }
        return;
    }
    for case in &cases {
        let (name, behaviour) = (&case.name, &case.behaviour);
        assert_eq!(billed(case), case.expected, "{name}: {behaviour}");
    }
}

#[test]
fn every_case_shows_something_of_its_own() {
    let cases = cases(&folder()).unwrap();
    assert!(cases.len() >= 60, "only {} cases", cases.len());
    let behaviours: BTreeSet<_> = cases.iter().map(|case| &case.behaviour).collect();
    let statements: BTreeSet<_> = cases.iter().map(|case| &case.statements).collect();
    assert_eq!((behaviours.len(), statements.len()), (cases.len(), cases.len()));
}
