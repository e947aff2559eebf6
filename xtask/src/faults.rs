//! Rounds of the ledger's simulation over a disk that fails: each from its seed, with an auditor who knows
//! what was acknowledged (`crates/ledger/src/simulation.rs`).
//!
//! A round that fails prints the one command that repeats it.

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::process::{cargo, command, follow, output};

/// Where in the ledger the rounds are.
const TEST: &str = "simulation::what_was_acknowledged_is_there_once_whatever_happens";

/// How many rounds there are, and the seed of the first; the others follow it.
pub(crate) struct Plan {
    pub(crate) rounds: u64,
    pub(crate) seed: u64,
}

/// Runs the rounds, one behind the other, and shows how far they are.
pub(crate) fn run(plan: &Plan) -> Result<()> {
    println!("cargo xtask faults --rounds {} --seed {}", plan.rounds, plan.seed);
    let mut rounds = command(tests_of_ledger()?);
    rounds.args(["--exact", TEST, "--nocapture"]);
    rounds.env("TALLYHOUSE_SEED", plan.seed.to_string());
    rounds.env("TALLYHOUSE_ROUNDS", plan.rounds.to_string());
    rounds.env("RUST_BACKTRACE", "0");
    let (mut ran, said) = (false, format!("{} rounds: ", plan.rounds));
    let passed = follow(&mut rounds, |line| ran |= line.contains(&said))?;
    ensure!(passed && ran, "a round failed: what it prints above says how to repeat it");
    Ok(())
}

/// Builds the ledger's own tests, as all tests are built.
fn tests_of_ledger() -> Result<String> {
    let build = ["test", "--workspace", "--lib", "--no-run", "--quiet", "--message-format=json"];
    let built = output(&mut cargo(&build))?;
    let messages = built.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let mut artifacts = messages.filter(|message| message["target"]["name"] == "ledger");
    let program = artifacts.find_map(|message| message["executable"].as_str().map(str::to_owned));
    program.context("cargo names no program of the ledger's tests")
}
