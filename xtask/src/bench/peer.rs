//! DuckDB on the same files, in one process of its own (`bench/duckdb_peer.py`).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use super::data::{BATCH_EVENTS, BATCHES, Files, subscription};
use super::queries::ASKED;
use super::report::{Line, thousands};
use crate::decimal::Decimal;
use crate::process::{command, output, root, run, target};

/// What the peer measured, as it said it.
pub(crate) struct Peer {
    answer: Value,
}

/// Runs the peer on the files and on the ledger's own table.
pub(crate) fn measure(files: &Files, table: &Path, folder: &Path) -> Result<Peer> {
    let task = json!({
        "aggregates": files.aggregates, "batches": files.batches, "table": table,
        "database": folder.join("peer.duckdb"), "subscription": subscription(ASKED),
        "rating_usage": folder.join("rating_usage.csv"),
        "rating_tiers": folder.join("rating_tiers.csv"),
    });
    let mut peer = Command::new(interpreter("requirements.txt", "environment")?);
    peer.current_dir(root()).arg("bench/duckdb_peer.py").arg(task.to_string());
    let answer = serde_json::from_str(&output(&mut peer)?).context("what the peer said")?;
    Ok(Peer { answer })
}

/// An environment with what a pinned list names, made once for the list.
pub(crate) fn interpreter(list: &str, environment: &str) -> Result<PathBuf> {
    let folder = target().join("bench").join(environment);
    let list = root().join("bench").join(list);
    let copy = folder.join("requirements.txt");
    let interpreter = folder.join("bin/python");
    let wanted = std::fs::read_to_string(&list)?;
    if std::fs::read_to_string(&copy).is_ok_and(|installed| installed == wanted) {
        return Ok(interpreter);
    }
    run(command("python3").args(["-m", "venv", "--clear"]).arg(&folder))?;
    let install = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r"];
    run(command(&interpreter).args(install).arg(&list))?;
    std::fs::write(copy, wanted)?;
    Ok(interpreter)
}

impl Peer {
    /// Loading all rows at once into a table with a unique key.
    pub(crate) fn load_lines(&self) -> Vec<Line> {
        self.rates("load", "DuckDB, same file into a table with a key", self.number("records"))
    }

    /// Loading batches of events, each durable before the next.
    pub(crate) fn batch_lines(&self) -> Vec<Line> {
        let what = format!("DuckDB, {} a transaction, table with a key", thousands(BATCH_EVENTS));
        self.rates("batches", &what, BATCHES * BATCH_EVENTS)
    }

    /// The same question, to its own table and to the ledger's files.
    pub(crate) fn query_lines(&self, question: &str) -> Result<Vec<Line>> {
        let mut lines = Vec::new();
        for (place, what) in
            [("own", "DuckDB, own table"), ("ledger", "DuckDB, the ledger's files")]
        {
            let measured = &self.answer["queries"][question][place];
            let wall = measured["wall_us"].as_array().with_context(|| format!("no {question}"))?;
            let mut wall: Vec<u64> = wall.iter().filter_map(Value::as_u64).collect();
            let cpu_us = measured["cpu_us"].as_u64().context("no cpu_us")?;
            lines.push(Line::answer(what, &mut wall, cpu_us));
        }
        Ok(lines)
    }

    /// Both have the same usage, to the last digit.
    pub(crate) fn compare_sums(&self, sums: &BTreeMap<String, String>) -> Result<()> {
        for place in ["own", "ledger"] {
            let told = self.answer["sums"][place].as_object().context("no sums")?;
            let mut found = BTreeMap::new();
            for (meter, sum) in told {
                let sum = sum.as_str().context("a sum is no text")?;
                found.insert(meter.clone(), Decimal::parse(sum)?.to_string());
            }
            ensure!(found == *sums, "{place}: the peer sums {found:?}, the server {sums:?}");
        }
        println!("\nsums by meter: the same in both, to the last digit");
        Ok(())
    }

    /// Rating a row a day of each meter.
    pub(crate) fn rating_line(&self) -> Result<Line> {
        let measured = &self.answer["rating"];
        let wall = measured["wall_us"].as_array().context("no rating")?;
        let mut wall: Vec<u64> = wall.iter().filter_map(Value::as_u64).collect();
        let cpu_us = measured["cpu_us"].as_u64().context("no cpu_us")?;
        Ok(Line::answer("DuckDB, the same rows and tiers in tables of its own", &mut wall, cpu_us))
    }

    /// What that costs.
    pub(crate) fn rating_total(&self) -> Result<Decimal> {
        Decimal::parse(self.answer["rating"]["total"].as_str().context("no total")?)
    }

    fn rates(&self, name: &str, what: &str, records: u64) -> Vec<Line> {
        let of = |unit: &str| self.answer[name][unit].as_u64().unwrap_or(0);
        vec![Line::rate(what, records, of("wall_us"), of("cpu_us"))]
    }

    fn number(&self, name: &str) -> u64 {
        self.answer[name].as_u64().unwrap_or(0)
    }
}
