//! Rounds of the ledger's simulation over a disk or an object store that fails: each from its seed, with an
//! auditor who knows what was acknowledged (`crates/ledger/src/simulation.rs`).
//!
//! A round that fails prints the one command that repeats it.

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::process::{cargo, command, follow, output};

/// Where the ledger of a round lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Storage {
    /// On a disk.
    Local,
    /// With its table in an object store, and in every second round its journal too.
    Objects,
}

impl Storage {
    pub(crate) fn parse(name: &str) -> Result<Self> {
        match name {
            "local" => Ok(Self::Local),
            "objects" => Ok(Self::Objects),
            _ => bail!("--storage is local or objects, not {name}"),
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Local => "local",
            Self::Objects => "objects",
        }
    }

    /// Where in the ledger its rounds are.
    fn test(self) -> &'static str {
        match self {
            Self::Local => "simulation::what_was_acknowledged_is_there_once_whatever_happens",
            Self::Objects => {
                "simulation::what_was_acknowledged_is_there_once_whatever_an_object_store_does"
            }
        }
    }
}

/// How many rounds there are, and the seed of the first; the others follow it.
pub(crate) struct Plan {
    pub(crate) storage: Storage,
    pub(crate) rounds: u64,
    pub(crate) seed: u64,
}

/// Runs the rounds, one behind the other, and shows how far they are.
pub(crate) fn run(plan: &Plan) -> Result<()> {
    let Plan { storage, rounds, seed } = plan;
    println!("cargo xtask faults --storage {} --rounds {rounds} --seed {seed}", storage.name());
    let mut test = command(tests_of_ledger()?);
    test.args(["--exact", storage.test(), "--nocapture"]);
    test.env("TALLYHOUSE_SEED", seed.to_string());
    test.env("TALLYHOUSE_ROUNDS", rounds.to_string());
    test.env("RUST_BACKTRACE", "0");
    let (mut ran, said) = (false, format!("{rounds} rounds: "));
    let passed = follow(&mut test, |line| ran |= line.contains(&said))?;
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
