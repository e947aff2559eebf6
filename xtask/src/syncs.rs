//! The sync calls of one append and one seal, in their order, as the kernel saw them.
//!
//! Killing the process does not notice a missing sync, for the kernel keeps what was written; only
//! its calls tell. Needs `strace`.

use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};

use crate::process::{command, fresh_folder, output, tallyhouse};
use crate::server::Server;

const SUBSCRIPTION: &str = "11111111-1111-1111-1111-111111111111";

const EVENT: &str = r#"{"specversion":"1.0","type":"tallyhouse.usage.v1","source":"urn:syncs","id":"1",
"data":{"subscriptionId":"11111111-1111-1111-1111-111111111111","meterId":"e41c0dc6-9337-49a0-88a8-68df68c0b6b5",
"usageStartTime":"2026-01-01T00:00:00Z","usageEndTime":"2026-01-01T01:00:00Z","quantity":"1"}}"#;

/// What an append calls before it is acknowledged, and a seal after it. `DAY` stands for the day's
/// folder, `FILE` for the data file.
const EXPECTED: &[&str] = &[
    "fdatasync journal/00000000000000000001.journal",
    // The journal goes on in a new segment.
    "fsync journal/00000000000000000002.journal",
    "fsync journal",
    // The rows, and the names of their file and folder; that of the folder above once more.
    "fsync usage",
    "fsync usage/data",
    "fsync usage/data/DAY/FILE",
    "fsync usage/data/DAY",
    // The log entry, which names them: synced before it has its name, and then the name. What a crash
    // may have left in the place of the unfinished one goes first.
    "unlink usage/_delta_log/.00000000000000000001.json.tmp",
    "fsync usage/_delta_log/.00000000000000000001.json.tmp",
    "linkat usage/_delta_log/00000000000000000001.json",
    "fsync usage/_delta_log",
    "unlink usage/_delta_log/.00000000000000000001.json.tmp",
    // Only now the journal is cut.
    "unlink journal/00000000000000000001.journal",
    "fsync journal",
    // What the table has is in the index too, which could be made anew.
    "unlink index/.00000000000000000001-00000000000000000001.ids.tmp",
    "fsync index/.00000000000000000001-00000000000000000001.ids.tmp",
    "fsync index",
];

/// Traces a server that stores one event and seals it.
pub(crate) fn run() -> Result<()> {
    let folder = fresh_folder("syncs")?;
    let trace = folder.join("trace");
    serve_traced(&folder, &trace)?;
    let text = fs::read_to_string(&trace).context("strace wrote no trace")?;
    let calls: Vec<String> = text.lines().filter_map(ledger_call).collect();
    let append = calls.iter().position(|call| call.starts_with("fdatasync"));
    let seen = &calls[append.context("an append was acknowledged without a sync")?..];
    ensure!(
        seen == EXPECTED,
        "the sync calls of an append and a seal are not as they must be:\n{}",
        seen.join("\n")
    );
    println!("syncs: {} calls, as they must be", seen.len());
    Ok(())
}

fn serve_traced(folder: &Path, trace: &Path) -> Result<()> {
    let binary = tallyhouse()?;
    output(command("strace").arg("-V")).context("is strace installed?")?;
    let mut traced = command("strace");
    // The tracer runs beside the server, so that signals reach the server itself.
    traced.args(["-D", "-f", "-y", "-e", "trace=fsync,fdatasync,linkat,unlink", "-o"]);
    traced.arg(trace).arg(&binary);
    let server = Server::start_as(traced, &binary, &folder.join("data"))?;
    server.make_subscription(SUBSCRIPTION, "syncs", "MS-AZR-0003P")?;
    let path = "/tallyhouse/v1/events";
    let client = server.client()?;
    let event = "application/cloudevents+json";
    client.post(path, event, EVENT.as_bytes())?.json(path, &[201])?;
    server.tallyhouse(&["ledger", "seal"])?;
    let status = server.stop()?;
    ensure!(status.success(), "the server ended with {status}");
    Ok(())
}

/// `CALL path` of a line of the trace, if it is about the ledger; paths as [`EXPECTED`] has them.
fn ledger_call(line: &str) -> Option<String> {
    let (_, call) = line.split_once(' ')?;
    let (name, arguments) = call.trim_start().split_once('(')?;
    let path = match name {
        "fsync" | "fdatasync" => arguments.split_once('<')?.1.split_once('>')?.0,
        "unlink" => arguments.split('"').nth(1)?,
        "linkat" => arguments.split('"').nth(3)?,
        _ => return None,
    };
    let path = path.split_once("/data/ledger/")?.1;
    let parts = path.split('/').map(|part| match part {
        _ if part.starts_with("reported_day=") => "DAY",
        _ if part.ends_with(".parquet") => "FILE",
        _ => part,
    });
    Some(format!("{name} {}", parts.collect::<Vec<_>>().join("/")))
}

#[cfg(test)]
mod tests {
    use super::ledger_call;

    #[test]
    fn calls_are_read_from_the_lines_of_a_trace() {
        for (line, expected) in [
            ("7 fsync(3</t/data/ledger/journal>) = 0", Some("fsync journal")),
            (
                "7 fdatasync(3</t/data/ledger/journal/1> <unfinished ...>",
                Some("fdatasync journal/1"),
            ),
            ("7 <... fdatasync resumed>) = 0", None),
            ("7 unlink(\"/t/data/ledger/journal/1\") = 0", Some("unlink journal/1")),
            (
                "7 linkat(AT_FDCWD</t>, \"/t/data/ledger/a\", AT_FDCWD</t>, \"/t/data/ledger/b\", 0) = 0",
                Some("linkat b"),
            ),
            (
                "7 fsync(3</t/data/ledger/usage/data/reported_day=2026-01-01/1-1.parquet>) = 0",
                Some("fsync usage/data/DAY/FILE"),
            ),
            ("7 fsync(3</t/data/accounts.db>) = 0", None),
            ("7 +++ exited with 0 +++", None),
        ] {
            assert_eq!(ledger_call(line).as_deref(), expected, "{line}");
        }
    }
}
