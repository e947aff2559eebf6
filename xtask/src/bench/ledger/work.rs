//! What changes a ledger that is large already: events, files imported twice, records sent again, and
//! an index that has to be made anew.

use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::base::{Base, Programs, SUBSCRIPTIONS, said};
use crate::bench::ingest::{self, SHAPES};
use crate::bench::report::{Line, micros};
use crate::bench::{data, import};
use crate::process::command;
use crate::random::Random;
use crate::server::Server;

/// Rows of the file that is imported.
const IMPORTED: u64 = 200_000;
/// Records of the base that are sent again, into every segment of the index.
const AGAIN: u64 = 1_000_000;
const SEED: u64 = 11;
/// Making the index anew reads the whole table.
const REBUILD_LIMIT: Duration = Duration::from_secs(3_600);

/// Events by batch size and number of clients.
pub(super) fn events(server: &Server) -> Result<Vec<Line>> {
    let measure = |shape| ingest::measure(server, shape, u64::MAX, SUBSCRIPTIONS);
    SHAPES.iter().map(measure).collect()
}

/// A file imported, and the same file again.
pub(super) fn imports(server: &Server, folder: &Path) -> Result<[Line; 2]> {
    let file = folder.join("aggregates.ndjson");
    data::write_aggregates(&file, IMPORTED, SUBSCRIPTIONS, &mut Random::new(SEED))?;
    let line = |what: &str, outcome| -> Result<Line> {
        let (wall_us, cpu_us) = import(server, &file, outcome, IMPORTED)?;
        Ok(Line::rate(what, IMPORTED, wall_us, cpu_us))
    };
    Ok([
        line("`usage import`, new rows", "accepted")?,
        line("`usage import`, the same file again", "duplicate")?,
    ])
}

/// Records of the base once more, through the ledger's own calls.
pub(super) fn again(base: &Base, programs: &Programs, data: &Path) -> Result<Line> {
    let count = AGAIN.min(base.records);
    let mut fill = command(&programs.fill);
    fill.arg("again").arg(data.join("ledger"));
    fill.arg(base.records.to_string()).arg(count.to_string());
    let lines = said(&mut fill)?;
    let line = lines.iter().find(|line| line["what"] == "again").context("fill said nothing")?;
    let number = |name: &str| line[name].as_u64().with_context(|| format!("no {name}"));
    ensure!(number("records")? == count, "{line}");
    let what = "`Ledger::append`, records of the ledger again";
    Ok(Line::rate(what, count, number("wall_us")?, number("cpu_us")?))
}

/// How long a start takes that has to make the whole index anew, in microseconds, and its highest
/// memory in kilobytes.
pub(super) fn rebuild(programs: &Programs, data: &Path) -> Result<(u64, u64)> {
    fs::remove_dir_all(data.join("ledger/index"))?;
    let begun = Instant::now();
    let program = command(&programs.server);
    let server = Server::start_within(program, &programs.server, data, REBUILD_LIMIT)?;
    let (wall_us, peak_kb) = (micros(begun), server.peak_memory_kb()?);
    let status = server.stop()?;
    ensure!(status.success(), "the server ended with {status}");
    Ok((wall_us, peak_kb))
}

/// What loading said, a line each: records so far, records a second and CPU time of one.
pub(super) fn load_rows(load: &[Value]) -> Result<Vec<[u64; 3]>> {
    let mut rows = Vec::new();
    for line in load.iter().filter(|line| line["what"] == "load") {
        let [records, wall_us, cpu_us] = figures(line)?;
        let total = line["total"].as_u64().with_context(|| format!("no total: {line}"))?;
        rows.push([total, records * 1_000_000 / wall_us.max(1), cpu_us * 1_000 / records.max(1)]);
    }
    Ok(rows)
}

/// What it said of one thing: records, wall and CPU time.
pub(super) fn load_line(load: &[Value], what: &str) -> Result<[u64; 3]> {
    let line = load.iter().find(|line| line["what"] == what);
    figures(line.with_context(|| format!("loading said nothing of \"{what}\""))?)
}

fn figures(line: &Value) -> Result<[u64; 3]> {
    let number = |name: &str| line[name].as_u64().with_context(|| format!("no {name}: {line}"));
    Ok([number("records")?, number("wall_us")?, number("cpu_us")?])
}
