//! All that continuous integration runs, in one order and one build profile.
//!
//! Every step is run whatever became of those before it, except those that need a build that
//! failed. The last line says `N passed, N failed`: steps and the tests that they counted.

use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};

use crate::faults::Storage;
use crate::objects::Store;
use crate::process::{cargo, follow, run as run_command};
use crate::{conformance, docs, examples, faults, objects, random, readme, restart, syncs, tidy};

const FAULT_ROUNDS: u64 = 150;
/// In an object store.
const OBJECT_FAULT_ROUNDS: u64 = 50;
const RESTART_ROUNDS: u64 = 200;
/// On a slow machine there are fewer rounds.
const RESTART_LIMIT: Duration = Duration::from_secs(90);
/// But no fewer kills. Two cores with three to four times their work had time for 15 in 20 seconds; of 56
/// kills 18 fell into a seal and 13 into a join.
const RESTART_KILLS_LEAST: u64 = 35;
/// for which, and for kills that fell into a seal and a join, it goes on as long as this.
const RESTART_LIMIT_OF_LEAST: Duration = Duration::from_secs(240);
/// With each of the two journals.
const SEAWEEDFS_ROUNDS: u64 = 8;
const AZURITE_ROUNDS: u64 = 4;

/// Tests that ran, by their runners' own count.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Counted {
    pub(crate) passed: u64,
    pub(crate) failed: u64,
}

impl Counted {
    /// These tests and others.
    pub(crate) fn and(self, others: Self) -> Self {
        Self { passed: self.passed + others.passed, failed: self.failed + others.failed }
    }
}

/// Runs every step and says whether all went well.
pub(crate) fn run() -> ExitCode {
    let mut report = Report::default();
    report.step("format", || plain(&["fmt", "--all", "--check"]));
    report.step("tidy", || tidy::run().map(|()| Counted::default()));
    report.step("clippy", || {
        plain(&["clippy", "--workspace", "--all-targets", "--quiet", "--", "-D", "warnings"])
    });
    let built = report.step("build", || plain(&["build", "--workspace", "--locked", "--quiet"]));
    report.step("tests", || {
        let mut cargo = cargo(&["test", "--workspace", "--no-fail-fast"]);
        counted(&mut cargo)
    });
    if built {
        report.step("docs", || docs::check().map(|()| Counted::default()));
        report.step("readme", || readme::run().map(|()| Counted::default()));
        report.step("examples", examples::run);
        report.step("conformance: python", || conformance::count(conformance::Client::Python));
        report.step("conformance: node", || conformance::count(conformance::Client::Node));
        report.step("conformance: table", || conformance::count(conformance::Client::Table));
        report.step("conformance: focus", || conformance::count(conformance::Client::Focus));
        report.step("conformance: oidc", || conformance::count(conformance::Client::Oidc));
        report.step("conformance: az", || conformance::count(conformance::Client::Az));
        report.step("faults", || {
            let seed = random::seed_of_process();
            for (storage, rounds) in
                [(Storage::Local, FAULT_ROUNDS), (Storage::Objects, OBJECT_FAULT_ROUNDS)]
            {
                faults::run(&faults::Plan { storage, rounds, seed })?;
            }
            Ok(Counted::default())
        });
        report.step("syncs", || syncs::run().map(|()| Counted::default()));
        report.step("restart", || {
            let (rounds, limit) = (RESTART_ROUNDS, RESTART_LIMIT);
            let seed = random::seed_of_process();
            let least =
                Some(restart::Least { kills: RESTART_KILLS_LEAST, limit: RESTART_LIMIT_OF_LEAST });
            let plan = restart::Plan { rounds, seed, limit, least, place: None };
            restart::run(&plan).map(|()| Counted::default())
        });
        for (store, rounds) in
            [(Store::SeaweedFs, SEAWEEDFS_ROUNDS), (Store::Azurite, AZURITE_ROUNDS)]
        {
            let name = format!("objects: {}", store.name());
            report.step(&name, || objects::run(store, rounds, random::seed_of_process()));
        }
    } else {
        report.leave_out(&[
            "docs",
            "readme",
            "examples",
            "conformance",
            "faults",
            "syncs",
            "restart",
            "objects",
        ]);
    }
    report.finish()
}

#[derive(Default)]
struct Report {
    steps: Counted,
    tests: Counted,
    failures: Vec<String>,
}

impl Report {
    /// Runs a step under a heading and says whether it went well.
    fn step(&mut self, name: &str, work: impl FnOnce() -> Result<Counted>) -> bool {
        println!("\n== {name}");
        let begun = Instant::now();
        let outcome = work().and_then(|counted| {
            self.tests.passed += counted.passed;
            self.tests.failed += counted.failed;
            ensure!(counted.failed == 0, "{} tests failed", counted.failed);
            Ok(())
        });
        let seconds = begun.elapsed().as_secs();
        match outcome {
            Ok(()) => {
                println!("== {name}: passed, {seconds} s");
                self.steps.passed += 1;
                true
            }
            Err(error) => {
                println!("== {name}: FAILED, {seconds} s: {error:#}");
                self.steps.failed += 1;
                self.failures.push(name.to_owned());
                false
            }
        }
    }

    fn leave_out(&mut self, names: &[&str]) {
        for name in names {
            println!("\n== {name}: FAILED: there is no build to run");
            self.steps.failed += 1;
            self.failures.push((*name).to_owned());
        }
    }

    fn finish(self) -> ExitCode {
        let Counted { passed, failed } = self.tests;
        println!("\nsteps: {} passed, {} failed", self.steps.passed, self.steps.failed);
        println!("tests: {passed} passed, {failed} failed");
        if !self.failures.is_empty() {
            println!("failed: {}", self.failures.join(", "));
        }
        println!("\n{} passed, {} failed", self.steps.passed + passed, self.steps.failed + failed);
        if self.failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}

fn plain(arguments: &[&str]) -> Result<Counted> {
    run_command(&mut cargo(arguments)).map(|()| Counted::default())
}

/// Runs a test command and counts by its runner's closing lines. No test at all is an error, and
/// so is a runner that failed without a failed test.
pub(crate) fn counted(command: &mut Command) -> Result<Counted> {
    let mut sum = Counted::default();
    let succeeded = follow(command, |line| {
        if let Some(counted) = closing_line(line) {
            sum.passed += counted.passed;
            sum.failed += counted.failed;
        }
    })?;
    ensure!(succeeded || sum.failed > 0, "the test runner failed");
    ensure!(sum != Counted::default(), "no test ran");
    Ok(sum)
}

/// What a closing line counts: cargo's, node's two, or the plain one (`N passed, N failed`).
fn closing_line(line: &str) -> Option<Counted> {
    let line = line.trim();
    if let Some(passed) = line.strip_prefix("# pass ") {
        return Some(Counted { passed: passed.parse().ok()?, failed: 0 });
    }
    if let Some(failed) = line.strip_prefix("# fail ") {
        return Some(Counted { passed: 0, failed: failed.parse().ok()? });
    }
    let counts = match line.strip_prefix("test result: ") {
        Some(rest) => rest.split_once(". ").context("cargo's form").ok()?.1,
        None => line,
    };
    let (passed, rest) = counts.split_once(" passed")?;
    let failed = rest.trim_start_matches([',', ';', ' ']).split_once(" failed")?.0;
    Some(Counted { passed: passed.parse().ok()?, failed: failed.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn closing_lines_are_counted_and_nothing_else() {
        let some = |passed, failed| Some(Counted { passed, failed });
        for (line, counted) in [
            ("test result: ok. 12 passed; 0 failed; 1 ignored; finished in 0.00s", some(12, 0)),
            ("test result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured", some(3, 2)),
            ("7 passed, 1 failed", some(7, 1)),
            ("# pass 22", some(22, 0)),
            ("# fail 0", some(0, 0)),
            ("test tests::it_passed ... ok", None),
            ("all passed, none failed", None),
        ] {
            assert_eq!(closing_line(line), counted, "{line}");
        }
    }
}
