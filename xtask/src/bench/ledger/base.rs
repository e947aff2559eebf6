//! The ledgers that are asked: made once for each number of records, and kept.
//!
//! A base is a data folder with accounts and a filled ledger, which nothing changes once it is made.
//! What is measured with a server is a copy, which shares the files that are never changed by hard
//! links.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::bench::{data, import_card};
use crate::process::{command, follow, fresh_folder, output, target};
use crate::server::Server;

/// Raised when other records are made, or the ledger keeps them in another way, so that no older folder
/// is taken for one.
const VERSION: u64 = 4;
pub(super) const SUBSCRIPTIONS: u64 = 1_000;
/// Written last: what loading said, and when.
const DONE: &str = "load.json";
/// Files that are never changed once they have their names: data, log entries, segments of the index.
const UNCHANGING: [&str; 3] = ["parquet", "json", "ids"];

/// The programs that were built.
pub(super) struct Programs {
    pub(super) server: PathBuf,
    /// `crates/ledger/benches/fill`.
    pub(super) fill: PathBuf,
}

/// A filled ledger.
pub(super) struct Base {
    folder: PathBuf,
    pub(super) records: u64,
    /// What loading said, a line for each part of it.
    pub(super) load: Vec<Value>,
    /// The day it was made, and whether in this run.
    pub(super) made: String,
    pub(super) is_new: bool,
}

/// Bytes on disk.
#[derive(Debug, Default)]
pub(super) struct Sizes {
    pub(super) data: u64,
    pub(super) rollups: u64,
    pub(super) log: u64,
    pub(super) index: u64,
    pub(super) journal: u64,
    pub(super) data_files: u64,
}

impl Base {
    /// The base of so many records, which is made if there is none.
    pub(super) fn of(records: u64, programs: &Programs) -> Result<Self> {
        let name = format!("bench/ledger-{records}-v{VERSION}");
        let done = target().join(&name).join(DONE);
        let is_new = !done.exists();
        if is_new {
            make(&fresh_folder(&name)?, records, programs)?;
        }
        let text = fs::read_to_string(&done)?;
        let said: Value = serde_json::from_str(&text).context("what loading said")?;
        Ok(Self {
            folder: target().join(name),
            records,
            load: said["load"].as_array().context("no load")?.clone(),
            made: said["made"].as_str().context("no made")?.to_owned(),
            is_new,
        })
    }

    /// What the records come to: `meter.csv`, `tag.csv`, `day.csv` and `resource.csv`.
    pub(super) fn sums(&self) -> PathBuf {
        self.folder.join("sums")
    }

    /// The Delta table, to be read alone.
    pub(super) fn table(&self) -> PathBuf {
        self.folder.join("data/ledger/usage")
    }

    /// A data folder of this base that may be changed.
    pub(super) fn copy(&self, name: &str) -> Result<PathBuf> {
        let folder = fresh_folder(&format!("bench/{name}"))?.join("data");
        copy(&self.folder.join("data"), &folder)?;
        Ok(folder)
    }

    pub(super) fn sizes(&self) -> Result<Sizes> {
        let mut sizes = Sizes::default();
        each_file(&self.folder.join("data/ledger"), &mut |path, bytes| {
            let has = |name: &str| path.iter().any(|part| part == name);
            if has("_rollup") {
                sizes.rollups += bytes;
            } else if has("_delta_log") {
                sizes.log += bytes;
            } else if has("index") {
                sizes.index += bytes;
            } else if has("journal") {
                sizes.journal += bytes;
            } else if has("usage") {
                sizes.data += bytes;
                sizes.data_files += 1;
            }
        })?;
        Ok(sizes)
    }

    /// The data files of the table, largest first.
    pub(super) fn data_files(&self) -> Result<Vec<PathBuf>> {
        let mut files = Vec::new();
        each_file(&self.table().join("data"), &mut |path, bytes| {
            files.push((std::cmp::Reverse(bytes), path.to_path_buf()));
        })?;
        files.sort();
        Ok(files.into_iter().map(|(_, path)| path).collect())
    }
}

fn make(folder: &Path, records: u64, programs: &Programs) -> Result<()> {
    println!("making a ledger of {records} records in {}", folder.display());
    let data = folder.join("data");
    let server = Server::start(&programs.server, &data)?;
    let client = server.client()?;
    for number in 0..SUBSCRIPTIONS {
        let (path, id) = ("/tallyhouse/v1/subscriptions", data::subscription(number));
        let body = json!({
            "subscriptionId": id, "displayName": "bench", "offer": "MS-AZR-0003P",
            "currency": "USD", "locale": "en-US", "region": "US",
        });
        let body = body.to_string();
        client.post(path, "application/json", body.as_bytes())?.json(path, &[201])?;
    }
    import_card(&client)?;
    let status = server.stop()?;
    ensure!(status.success(), "the server ended with {status}");

    let sums = folder.join("sums");
    fs::create_dir(&sums)?;
    let mut fill = command(&programs.fill);
    fill.arg("load").arg(data.join("ledger")).arg(records.to_string()).arg(sums);
    let load = said(&mut fill)?;
    let date = output(command("date").args(["-u", "+%Y-%m-%d"]))?;
    let done = json!({ "load": load, "made": date.trim() });
    Ok(fs::write(folder.join(DONE), done.to_string())?)
}

/// Runs `fill` and reads its lines.
pub(super) fn said(fill: &mut Command) -> Result<Vec<Value>> {
    let mut lines = Vec::new();
    let succeeded = follow(fill, |line| lines.push(line.to_owned()))?;
    ensure!(succeeded, "filling the ledger failed");
    lines.iter().map(|line| serde_json::from_str(line).context("a line of fill")).collect()
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir(to)?;
    for entry in fs::read_dir(from)? {
        let entry = entry?;
        let (path, to) = (entry.path(), to.join(entry.file_name()));
        let unchanging =
            path.extension().is_some_and(|kind| UNCHANGING.iter().any(|it| kind == *it));
        if path.is_dir() {
            copy(&path, &to)?;
        } else if unchanging {
            fs::hard_link(&path, &to)?;
        } else {
            fs::copy(&path, &to)?;
        }
    }
    Ok(())
}

fn each_file(folder: &Path, each: &mut impl FnMut(&Path, u64)) -> Result<()> {
    for entry in fs::read_dir(folder).with_context(|| format!("reading {}", folder.display()))? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            each_file(&entry.path(), each)?;
        } else {
            each(&entry.path(), entry.metadata()?.len());
        }
    }
    Ok(())
}
