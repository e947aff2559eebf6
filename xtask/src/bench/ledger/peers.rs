//! DuckDB, Polars and chDB on the ledger's own files, each in a process of its own
//! (`bench/ledger_peer.py`), which compares its sums with those that the data was made with.

use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::base::Base;
use super::pages::GRANULARITIES;
use crate::bench::data::subscription;
use crate::bench::peer::interpreter;
use crate::bench::report::median;
use crate::decimal::Decimal;
use crate::process::{output, root};

/// Subscription whose pages are asked for.
pub(super) const ASKED: u64 = 7;
const RUNS: u64 = 5;
const ENGINES: [(&str, &str); 3] = [("duckdb", "DuckDB"), ("polars", "Polars"), ("chdb", "chDB")];

/// What the engines said.
pub(super) struct Peers {
    answers: Vec<(&'static str, Value)>,
}

/// How long a question took one engine.
pub(super) struct Took {
    pub(super) engine: &'static str,
    pub(super) wall_us: u64,
    pub(super) cpu_us: u64,
}

/// Asks all engines all questions, or for pages alone.
pub(super) fn measure(base: &Base, pages_only: bool) -> Result<Peers> {
    let python = interpreter("requirements-ledger.txt", "ledger-environment")?;
    let mut answers = Vec::new();
    for (engine, name) in ENGINES {
        println!("asking {name}");
        let task = json!({
            "engine": engine, "table": base.table(), "sums": base.sums(), "runs": RUNS,
            "subscription": subscription(ASKED), "pages_only": pages_only,
        });
        let mut peer = Command::new(&python);
        peer.current_dir(root()).arg("bench/ledger_peer.py").arg(task.to_string());
        let said = output(&mut peer)?;
        let line = said.lines().last().context("the peer said nothing")?;
        answers.push((name, serde_json::from_str(line).context("what the peer said")?));
    }
    Ok(Peers { answers })
}

impl Peers {
    /// How long a question took each, of the rows, of the rollups or of pages, these also with nothing
    /// cached; nothing if there are no rollups, or the cache could not be emptied.
    pub(super) fn took(&self, place: &str, question: &str) -> Result<Vec<Took>> {
        let mut all = Vec::new();
        for (engine, answer) in &self.answers {
            let measured = &answer[place][question];
            if measured.is_null() {
                continue;
            }
            let wall = measured["wall_us"].as_array().context("no wall_us")?;
            let mut wall: Vec<u64> = wall.iter().filter_map(Value::as_u64).collect();
            let cpu_us = measured["cpu_us"].as_u64().context("no cpu_us")?;
            all.push(Took { engine, wall_us: median(&mut wall), cpu_us });
        }
        Ok(all)
    }

    /// Bytes on disk of the columns that a question has to read of the rows.
    pub(super) fn bytes(&self, question: &str) -> Result<u64> {
        let found = self.answers.iter().find_map(|(_, answer)| answer["bytes"][question].as_u64());
        found.with_context(|| format!("no bytes of {question}"))
    }

    /// Names with versions.
    pub(super) fn names(&self) -> String {
        let names = self.answers.iter().map(|(engine, answer)| {
            format!("{engine} {}", answer["version"].as_str().unwrap_or("of no version"))
        });
        names.collect::<Vec<_>>().join(", ")
    }

    /// The first page is the same to all, as far as its sum shows.
    pub(super) fn compare_pages(&self, ours: impl Fn(&str) -> Result<Decimal>) -> Result<()> {
        for granularity in GRANULARITIES {
            let sum = ours(granularity)?;
            for (engine, answer) in &self.answers {
                let text = answer["page"][granularity]["sum"].as_str().context("no sum")?;
                let theirs = Decimal::parse(text)?;
                ensure!(theirs == sum, "{granularity} page: {sum} here, {theirs} by {engine}");
            }
        }
        Ok(())
    }
}
