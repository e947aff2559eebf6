//! How fast the real server is, beside DuckDB on the same files, in one run on one machine.
//!
//! Both are asked the same questions and their answers are compared before any figure is printed.
//! Figures are medians; work of the server is also given as its CPU time, which does not depend
//! on how much of the machine the clients take.

mod data;
mod ingest;
pub(crate) mod ledger;
mod peer;
mod queries;
mod rating;
mod report;

use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Result, ensure};

use crate::http::Client;
use crate::process::{cargo, command, fresh_folder, run as run_command, target};
use crate::server::Server;
use report::{Line, Report};

/// How much usage is imported, and whether BENCHMARKS.md is written.
pub(crate) struct Plan {
    pub(crate) records: u64,
    pub(crate) write: bool,
}

/// Measures, with both the server and this program built for release.
pub(crate) fn run(plan: &Plan) -> Result<()> {
    if cfg!(debug_assertions) {
        run_command(&mut cargo(&["build", "--release", "--package", "cli", "--package", "xtask"]))?;
        return run_again(&["bench"], plan);
    }
    let mut report = Report::new("bench", plan.records)?;
    let folder = fresh_folder("bench/run")?;
    let files = data::write(&folder, plan.records)?;
    let server = Server::start(&binary(), &folder.join("data"))?;
    set_up(&server)?;
    report
        .section("Bulk import", "`tallyhouse usage import` of rows in the shape of the Usage API");
    let (wall_us, cpu_us) = import(&server, &files.aggregates, "accepted", plan.records)?;
    report.line(Line::rate("Tallyhouse, import", plan.records, wall_us, cpu_us));
    server.tallyhouse(&["ledger", "seal"])?;
    let table = folder.join("data/ledger/usage");
    let rating = rating::measure(&folder)?;
    let peer = peer::measure(&files, &table, &folder)?;
    report.lines(&peer.load_lines());

    report.section("Queries", "One client on one connection; the ledger is sealed");
    let client = server.client()?;
    for question in queries::questions() {
        report.line(queries::measure(&server, &client, &question)?);
        report.lines(&peer.query_lines(question.name)?);
    }
    peer.compare_sums(&queries::sums_by_meter(&client)?)?;

    rating.report(&peer, &mut report)?;
    report.section("Events over HTTPS", "Each request is answered when its records are durable");
    for shape in ingest::SHAPES {
        report.line(ingest::measure(&server, &shape, plan.records, data::SUBSCRIPTIONS)?);
    }
    report.lines(&peer.batch_lines());
    let peak_kb = server.peak_memory_kb()?;
    measure_start(server, &folder.join("data"), peak_kb, &mut report)?;
    report.finish(plan.write)
}

/// Stops the server and times its next start, on all that was stored until then.
fn measure_start(server: Server, data: &Path, peak_kb: u64, report: &mut Report) -> Result<()> {
    let status = server.stop()?;
    ensure!(status.success(), "the server ended with {status}");
    let begun = Instant::now();
    let server = Server::start(&binary(), data)?;
    report.start(report::micros(begun), server.peak_memory_kb()?, peak_kb);
    server.stop()?;
    Ok(())
}

fn binary() -> PathBuf {
    target().join("release/tallyhouse")
}

/// Runs the command with the program that was built for release.
fn run_again(command_line: &[&str], plan: &Plan) -> Result<()> {
    let mut again = command(target().join("release/xtask"));
    again.args(command_line).args(["--records", &plan.records.to_string()]);
    if plan.write {
        again.arg("--write");
    }
    run_command(&mut again)
}

fn set_up(server: &Server) -> Result<()> {
    for number in 0..data::SUBSCRIPTIONS {
        let id = data::subscription(number);
        server.make_subscription(&id, "bench", "MS-AZR-0003P")?;
    }
    import_card(&server.client()?)
}

fn import_card(client: &Client) -> Result<()> {
    let card = data::rate_card();
    let path = "/tallyhouse/v1/rate-cards?offer=MS-AZR-0003P&currency=USD&locale=en-US&region=US";
    client.post(path, "application/json", card.as_bytes())?.json(path, &[201]).map(drop)
}

/// Imports a file, all of whose rows must have this outcome; wall and CPU time, in microseconds.
fn import(server: &Server, file: &Path, outcome: &str, records: u64) -> Result<(u64, u64)> {
    let (begun, cpu) = (Instant::now(), server.cpu_ms()?);
    let said = server.tallyhouse(&["usage", "import", &file.to_string_lossy(), "-o", "json"])?;
    let answer: serde_json::Value = serde_json::from_str(&said)?;
    ensure!(answer[outcome] == serde_json::json!(records), "import said {said}");
    Ok((report::micros(begun), (server.cpu_ms()? - cpu) * 1000))
}
