//! The ledger when it is large: one run on one machine, beside DuckDB, Polars and chDB on the same
//! files, against the targets of `bench/README.md` and what the machine can do at best.
//!
//! Figures are medians, of a release build. No figure counts unless the sums are those that the data
//! was made with.

mod base;
mod machine;
mod pages;
mod peers;
mod spend;
mod work;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use super::ingest::SHAPES;
use super::report::{Report, hundredths, median, micros, thousands, waits};
use super::{Plan, run_again};
use crate::process::{cargo, output, run as run_command, target};
use crate::server::Server;
use base::{Base, Programs, SUBSCRIPTIONS};
use machine::Machine;
use peers::Peers;
use spend::{MonthOfAll, Took};

/// Records of the large ledger, unless asked otherwise; the small one has a tenth.
pub(crate) const RECORDS: u64 = 50_000_000;
const BUILD: [&str; 10] = [
    "build",
    "--release",
    "--package",
    "cli",
    "--package",
    "ledger",
    "--package",
    "xtask",
    "--bins",
    "--bench=fill",
];
const STARTS: usize = 5;
/// Rows of a page.
const PAGE_ROWS: u64 = 1_000;
const NONE: &str = "–";

/// Measures, with everything built for release.
pub(crate) fn run(plan: &Plan) -> Result<()> {
    ensure!(plan.records >= 100_000, "fewer than 100,000 records say nothing");
    if cfg!(debug_assertions) {
        run_command(&mut cargo(&BUILD))?;
        return run_again(&["bench", "ledger"], plan);
    }
    let programs = Programs { server: target().join("release/tallyhouse"), fill: fill_program()? };
    let mut report = Report::new("bench ledger", plan.records)?;
    let small = Base::of(plan.records / 10, &programs)?;
    let large = Base::of(plan.records, &programs)?;
    let machine = machine::measure(&target().join("bench"), &large.data_files()?)?;
    report_machine(&machine, &mut report);
    report_load(&large, &mut report)?;
    report_sizes(&large, &mut report)?;

    let small_data = small.copy("ledger-small")?;
    let server = Server::start(&programs.server, &small_data)?;
    let small_pages = pages::measure(&server)?;
    let small_peers = peers::measure(&small, true)?;
    let client = server.client()?;
    small_peers.compare_pages(|name| pages::sum_of_first(&client, peers::ASKED, name))?;
    report_events(&server, &small, &machine, [NONE; 6], &mut report)?;
    server.stop()?;
    let data = large.copy("ledger-large")?;
    let server = report_start(&programs, &data, &mut report)?;
    let large_pages = pages::measure(&server)?;
    let peers = peers::measure(&large, false)?;
    let client = server.client()?;
    peers.compare_pages(|name| pages::sum_of_first(&client, peers::ASKED, name))?;
    let pages = [small_pages, large_pages];
    report_pages([&small, &large], pages, [&small_peers, &peers], &machine, &mut report)?;
    server.stop()?;
    machine::read_all(&data)?; // what was asked with nothing cached has left nothing there
    let start = |data: &Path| Server::start(&programs.server, data);
    let months =
        spend::month_of_all(|| start(&data), (&spend::GROUPS_OF_ALL, spend::RUNS), &large.sums())?;
    let rows_only = large.copy("ledger-rows")?;
    let rollups = rows_only.join("ledger/usage/_rollup");
    std::fs::remove_dir_all(&rollups)?;
    let of_rows =
        spend::month_of_all(|| start(&rows_only), (&spend::GROUPS_OF_ROWS, 0), &large.sums())?;
    ensure!(!rollups.exists(), "rollups were made meanwhile");
    report_spend(&months, &of_rows, &large, &peers, &machine, &mut report)?;
    let server = Server::start(&programs.server, &data)?;
    report_groups(&server, &large, &mut report)?;
    report_ingest(&server, &large, &machine, &data, &mut report)?;
    let status = server.stop()?;
    ensure!(status.success(), "the server ended with {status}");
    report_ids(&large, &programs, &data, &mut report)?;
    report.finish(plan.write)
}

/// Where cargo put the benchmark of the crate `ledger`.
fn fill_program() -> Result<PathBuf> {
    let said = output(cargo(&BUILD).args(["--quiet", "--message-format=json"]))?;
    for line in said.lines() {
        let message: Value = serde_json::from_str(line)?;
        if message["target"]["name"] == "fill" && message["executable"].is_string() {
            return Ok(PathBuf::from(message["executable"].as_str().context("no executable")?));
        }
    }
    anyhow::bail!("cargo did not say where the benchmark is")
}

fn report_machine(machine: &Machine, report: &mut Report) {
    report.table("The machine", "What no figure can be better than.", &["what", "measured"]);
    let sync = |what: &str, us: u64, report: &mut Report| {
        let rate = thousands(1_000_000 / us.max(1));
        let text = format!("{} ms, {rate} a second", hundredths(us / 10));
        report.row(&[what, &text]);
    };
    sync("append and sync of 4 KiB", machine.sync_us, report);
    sync("append and sync of 400 KiB, about 1,000 records", machine.sync_batch_us, report);
    let rate = |bytes: u64| format!("{} MB/s", thousands(bytes / 1_000_000));
    let disk = machine
        .disk_rate
        .map_or_else(|| "not measured: the page cache could not be emptied".to_owned(), rate);
    report.row(&["sequential read from the disk", &disk]);
    report.row(&["sequential read from the page cache", &rate(machine.memory_rate)]);
}

fn report_load(base: &Base, report: &mut Report) -> Result<()> {
    let when = if base.is_new { "in this run" } else { "when its folder was made" };
    let how = format!(
        "Durable append of batches of 10,000 through `Ledger::append`, four under way, with seals and \
         joins; ids are checked against all before. Measured {when}, on {}. Making the records is \
         part of it.",
        base.made
    );
    report.table(
        "Loading",
        &how,
        &["records stored by then", "records/s, wall", "processor, µs a record"],
    );
    for [total, rate, cpu_ns] in work::load_rows(&base.load)? {
        let cpu = hundredths(cpu_ns / 10);
        report.row(&[&thousands(total), &thousands(rate), &cpu]);
    }
    // Compaction of everything, which the background leaves off where a join would gain little.
    let [_, wall_us, cpu_us] = work::load_line(&base.load, "seal and join the rest")?;
    let wall = format!("{} s in all", hundredths(wall_us / 10_000));
    let cpu = hundredths(cpu_us * 100 / base.records.max(1));
    report.row(&["sealing and joining the rest at the end", &wall, &cpu]);
    let [records, wall_us, cpu_us] = work::load_line(&base.load, "make")?;
    let rate = thousands(records * 1_000_000 / wall_us.max(1));
    report.row(&["making the records alone", &rate, &hundredths(cpu_us * 100 / records.max(1))]);
    Ok(())
}

fn report_sizes(base: &Base, report: &mut Report) -> Result<()> {
    let sizes = base.sizes()?;
    let files = thousands(sizes.data_files);
    let how = format!("{} records in {files} data files.", thousands(base.records));
    report.table("On disk", &how, &["what", "MB", "bytes a record"]);
    for (what, bytes) in [
        ("data files", sizes.data),
        ("rollups", sizes.rollups),
        ("index of ids", sizes.index),
        ("log of the table", sizes.log),
        ("journal", sizes.journal),
    ] {
        let each = hundredths(bytes * 100 / base.records);
        report.row(&[what, &thousands(bytes / 1_000_000), &each]);
    }
    Ok(())
}

/// Starts the server a few times; the last one goes on.
fn report_start(programs: &Programs, data: &Path, report: &mut Report) -> Result<Server> {
    let mut waits_us = Vec::new();
    let server = loop {
        let begun = Instant::now();
        let server = Server::start(&programs.server, data)?;
        waits_us.push(micros(begun));
        if waits_us.len() == STARTS {
            break server;
        }
        server.stop()?;
    };
    report.table(
        "Start",
        "On the large ledger; until `/readyz` says so.",
        &["what", "measured", "target"],
    );
    let wait = format!("{} s", hundredths(median(&mut waits_us) / 10_000));
    report.row(&["start", &wait, "≤ 1 s"]);
    let memory = format!("{} MB", server.memory_kb()? / 1024);
    report.row(&["resident memory at rest", &memory, "≤ 200 MB"]);
    Ok(server)
}

fn report_pages(
    bases: [&Base; 2],
    pages: [Vec<pages::Pages>; 2],
    peers: [&Peers; 2],
    machine: &Machine,
    report: &mut Report,
) -> Result<()> {
    let a_page = bases.map(|base| Ok(base.sizes()?.data * PAGE_ROWS / base.records));
    let [small_bytes, large_bytes]: [Result<u64>; 2] = a_page;
    let least = |bytes: u64| {
        let cached = hundredths(machine.least_us(bytes) / 10);
        let disk = machine.disk_rate.map(|rate| hundredths(bytes * 100_000 / rate.max(1)));
        format!("{cached} ms, nothing cached {} ms", disk.unwrap_or_else(|| NONE.to_owned()))
    };
    let least = [least(small_bytes?), least(large_bytes?)];
    let [small, large] = bases.map(|base| format!("{} records", thousands(base.records)));
    let how = "Of up to 1,000 rows, of many subscriptions, by one client on one connection. Others' \
               times are medians, and how often they hold ours.";
    report.table("Usage pages", how, &["what", &small, &large, "target"]);
    let [small, large] = pages;
    let mut medians = BTreeMap::new();
    for (mut small, mut large) in small.into_iter().zip(large) {
        ensure!(small.what == large.what || small.what.contains("token"), "pages in two orders");
        let cell = |waits_us: &mut Vec<u64>| {
            if waits_us.is_empty() { NONE.to_owned() } else { waits(waits_us) }
        };
        let target = if large.what.contains("cached") { NONE } else { "p99 ≤ 20 ms" };
        if !small.waits_us.is_empty() && !large.waits_us.is_empty() {
            let ours = [median(&mut small.waits_us), median(&mut large.waits_us)];
            medians.insert(large.what.clone(), ours);
        }
        let (small, cells) = (cell(&mut small.waits_us), cell(&mut large.waits_us));
        report.row(&[&large.what, &small, &cells, target]);
    }
    let [small_least, large_least] = &least;
    report.row(&["least: the bytes of 1,000 records", small_least, large_least, NONE]);
    for name in pages::GRANULARITIES {
        for (place, what) in [("page", pages::first(name)), ("cold", pages::first_cold(name))] {
            let Some(ours) = medians.get(&what) else {
                ensure!(place == "cold", "no {what} of ours");
                continue; // the page cache could not be emptied
            };
            let cells = |peers: &Peers, ours: u64| -> Result<Vec<(&str, String)>> {
                let cell = |took: peers::Took| {
                    let ratio = hundredths(took.wall_us * 100 / ours.max(1));
                    (took.engine, format!("{} ms, × {ratio}", hundredths(took.wall_us / 10)))
                };
                Ok(peers.took(place, name)?.into_iter().map(cell).collect())
            };
            let (small, large) = (cells(peers[0], ours[0])?, cells(peers[1], ours[1])?);
            for ((engine, small), (_, large)) in small.into_iter().zip(large) {
                report.row(&[&format!("{engine}, {what}"), &small, &large, NONE]);
            }
        }
    }
    Ok(())
}

fn report_spend(
    months: &[MonthOfAll],
    of_rows: &[MonthOfAll],
    base: &Base,
    peers: &Peers,
    machine: &Machine,
    report: &mut Report,
) -> Result<()> {
    let how = format!(
        "The month's {} records. {} on the ledger's files, by one process each; \"least\" is the time to \
         read the needed columns from the page cache. Tallyhouse is asked over HTTPS and prices what it \
         sums, each subscription by itself; one answer has all {}. Sums of meters that were asked for before \
         are kept. \"DuckDB\" is how many times as long DuckDB takes on the rows. By resource, of which there \
         are more than an answer has groups, Tallyhouse is asked for resource groups, which reads the same and names fewer.",
        thousands(base.records),
        peers.names(),
        thousands(SUBSCRIPTIONS)
    );
    let columns = ["what", "wall", "DuckDB", "processor", "least", "target"];
    report.table("Spend and cost", &how, &columns);
    let ms = |us: u64| format!("{} ms", thousands(us / 1_000));
    let duckdb = |question: &str, wall_us: u64| -> Result<String> {
        let took = peers.took("rows", question)?;
        let rows = took.iter().find(|took| took.engine == "DuckDB").context("no DuckDB")?;
        Ok(format!("× {}", hundredths(rows.wall_us * 100 / wall_us.max(1))))
    };
    let mut ours = |month: &MonthOfAll, when: &str, took: &Took, target: &str| -> Result<()> {
        let what = format!("Tallyhouse, cost by {}, {when}", month.group);
        let question = question_of(month.group);
        let ratio = question.map_or_else(|| Ok(NONE.to_owned()), |it| duckdb(it, took.wall_us))?;
        report.row(&[&what, &ms(took.wall_us), &ratio, &ms(took.cpu_us), NONE, target]);
        Ok(())
    };
    for month in months {
        let target = match month.group {
            "subscription" | "meter" => "≤ 100 ms; DuckDB × ≥ 20",
            _ => "≤ 500 ms",
        };
        ours(month, "the first time after a start", &month.first, target)?;
        if let Some(again) = &month.again {
            ours(month, "asked again", again, target)?;
        }
    }
    for month in of_rows {
        ours(month, "of rows without rollups", &month.first, "DuckDB × ≥ 1")?;
    }
    for (question, title) in [
        ("meter", "by subscription and meter"),
        ("tag", "by tag"),
        ("resource", "by resource"),
        ("day", "by day"),
    ] {
        let least = ms(machine.least_us(peers.bytes(question)?));
        for (place, of, least) in [("rows", "", least.as_str()), ("rollup", ", of rollups", NONE)] {
            for took in peers.took(place, question)? {
                let what = format!("{}, {title}{of}", took.engine);
                let ratio = duckdb(question, took.wall_us)?;
                report.row(&[&what, &ms(took.wall_us), &ratio, &ms(took.cpu_us), least, NONE]);
            }
        }
    }
    Ok(())
}

/// What others are asked that our groups are set against; nothing the same for resource groups.
fn question_of(group: &str) -> Option<&'static str> {
    match group {
        "day" => Some("day"),
        "tag:cost-center" => Some("tag"),
        "resource-group" => None,
        _ => Some("meter"),
    }
}

fn report_groups(server: &Server, base: &Base, report: &mut Report) -> Result<()> {
    let how = "Over HTTPS, a median over twenty subscriptions.";
    report.table("Cost of one subscription", how, &["what", "wall", "processor", "", "target"]);
    for line in spend::by_groups(server, &base.sums())? {
        report.line_with_target(&line, "≤ 500 ms, of all subscriptions");
    }
    Ok(())
}

fn report_events(
    server: &Server,
    base: &Base,
    machine: &Machine,
    targets: [&str; 6],
    report: &mut Report,
) -> Result<()> {
    let records = thousands(base.records);
    let how = format!(
        "Ids are checked against {records} records. Each request is answered when its records are durable. \
         \"at most\" is about what the records of all clients come to if each sync takes what it took above."
    );
    let columns = ["what", "wall", "processor", "", "target", "at most"];
    report.table(&format!("Ingest, {records} records stored"), &how, &columns);
    for ((line, shape), target) in work::events(server)?.iter().zip(&SHAPES).zip(targets) {
        let most = format!("{}/s", thousands(machine.most_durable(shape.under_way())));
        report.line_with_limit(line, target, &most);
    }
    Ok(())
}

fn report_ingest(
    server: &Server,
    base: &Base,
    machine: &Machine,
    data: &Path,
    report: &mut Report,
) -> Result<()> {
    let targets = [NONE, "≥ 10,000/s; p99 ≤ 50 ms", NONE, NONE, "processor ≥ 100,000/s", NONE];
    report_events(server, base, machine, targets, report)?;
    let folder = data.parent().context("a data folder lies in a folder")?;
    for line in work::imports(server, folder)? {
        report.line_with_limit(&line, "≥ 250,000/s", NONE);
    }
    let peak_mb = server.peak_memory_kb()? / 1024;
    report.note(&format!("Highest resident memory of the server until here: {peak_mb} MB."));
    Ok(())
}

/// What has the ledger for itself: no server runs.
fn report_ids(base: &Base, programs: &Programs, data: &Path, report: &mut Report) -> Result<()> {
    let how = "Without a server, but for the start.";
    report.table("Index of ids", how, &["what", "wall", "processor", "", "target"]);
    report.line_with_target(&work::again(base, programs, data)?, "as fast as new records");
    let (wall_us, peak_kb) = work::rebuild(programs, data)?;
    let wall = format!("{} s", hundredths(wall_us / 10_000));
    let memory = format!("highest memory {} MB", peak_kb / 1024);
    report.row(&["start that makes the whole index anew", &wall, NONE, &memory, NONE]);
    Ok(())
}
