//! The ledger on a real object store that others wrote: killed under load with either journal, taken
//! from one server by another, and its table read from there by programs that know nothing of it.

mod weed;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::json;

use crate::ci::{Counted, counted};
use crate::conformance;
use crate::process::{command, fresh_folder, root, tallyhouse};
use crate::restart::{self, Plan, Stored};
use crate::server::{Options, Server};
use weed::{BUCKET, KEY, KEY_NAME, Weed};

/// Where a server's ledger lies, if not in its data folder.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) url: String,
    pub(crate) journal: &'static str,
    endpoint: String,
}

impl Place {
    fn new(store: &Weed, journal: &'static str) -> Self {
        let url = format!("s3://{BUCKET}/with/journal-{journal}");
        Self { url, journal, endpoint: store.endpoint.clone() }
    }

    /// The server's arguments.
    pub(crate) fn arguments(&self) -> Vec<String> {
        ["--ledger", &self.url, "--journal", self.journal].map(str::to_owned).into()
    }

    /// Tells a server how to reach it.
    pub(crate) fn reach(&self, server: &mut Command) {
        server.envs([
            ("AWS_ENDPOINT_URL", self.endpoint.as_str()),
            ("AWS_ACCESS_KEY_ID", KEY_NAME),
            ("AWS_SECRET_ACCESS_KEY", KEY),
            ("AWS_REGION", "us-east-1"),
        ]);
    }
}

fn at(place: &Place) -> Options {
    Options { config: None, place: Some(place.clone()) }
}

/// Runs the rounds on a store that is started here.
pub(crate) fn run(rounds: u64, seed: u64) -> Result<Counted> {
    let repeat = format!("cargo xtask objects --rounds {rounds} --seed {seed}");
    println!("{repeat}");
    let program = weed::program()?;
    let requirements = root().join("conformance/python/requirements-table.txt");
    let interpreter = conformance::python(&requirements, "table")?;
    let folder = fresh_folder("objects")?;
    let store = Weed::start(&program, &folder)?;
    let mut sum = Counted::default();
    for journal in ["local", "object"] {
        let place = Place::new(&store, journal);
        println!("journal {journal}:");
        let plan = Plan { rounds, seed, limit: Duration::MAX, place: Some(place.clone()) };
        let counted = rounds_on(&plan, &place, &interpreter, &folder);
        let counted = counted.with_context(|| format!("repeat with: {repeat}"))?;
        sum.passed += counted.passed;
        sum.failed += counted.failed;
    }
    wrong_places(&store, &folder)?;
    Ok(sum)
}

/// Kills, a second writer, and readers outside.
fn rounds_on(plan: &Plan, place: &Place, interpreter: &Path, folder: &Path) -> Result<Counted> {
    let mut stored = restart::rounds(plan)?;
    let data = crate::process::target().join("restart/data");
    second_writer(place, &data, folder, &mut stored)?;
    let case = json!({
        "table": format!("{}/usage", place.url),
        "storage": {
            "AWS_ENDPOINT_URL": place.endpoint, "AWS_ACCESS_KEY_ID": KEY_NAME,
            "AWS_SECRET_ACCESS_KEY": KEY, "AWS_REGION": "us-east-1", "AWS_ALLOW_HTTP": "true",
        },
        "records": stored.count,
        "meters": stored.meters(),
    });
    let file = folder.join("case.json");
    fs::write(&file, case.to_string())?;
    let mut tests = command(interpreter);
    tests.args(["run.py", "test_objects"]).current_dir(root().join("conformance/python"));
    tests.env("PYTHONDONTWRITEBYTECODE", "1").env("TALLYHOUSE_CASE", &file);
    counted(&mut tests)
}

/// While one server has the ledger another one starts on it.
fn second_writer(place: &Place, data: &Path, folder: &Path, stored: &mut Stored) -> Result<()> {
    let binary = tallyhouse()?;
    let copy = folder.join(format!("second-{}", place.journal)).join("data");
    copy_folder(data, &copy)?;
    let first = Server::start_with(&binary, data, &at(place))?;
    let second = Server::start_with(&binary, &copy, &at(place));
    let seal = "/tallyhouse/v1/ledger/seal";
    if place.journal == "local" {
        let error = format!("{:#}", second.err().context("a second writer was let in")?);
        ensure!(error.contains("was not made by this ledger"), "it was refused with: {error}");
        let answer = first.client()?.post(seal, "application/json", b"")?;
        ensure!(answer.status < 300, "the first writer was answered {}", answer.status);
        println!("a second writer is refused");
    } else {
        let second = second?;
        let (answer, _) = restart::send_new(&first.client()?, "overtaken")?;
        ensure!(answer == 503, "the writer that was overtaken answered {answer}");
        let (answer, event) = restart::send_new(&second.client()?, "overtaking")?;
        ensure!(answer == 201, "the writer that has taken over answered {answer}");
        stored.add(&event);
        second.tallyhouse(&["ledger", "seal"])?;
        second.stop()?;
        println!("a second writer takes over, and the first one writes no more");
    }
    first.stop()?;
    Ok(())
}

/// What cannot be reached is named.
fn wrong_places(store: &Weed, folder: &Path) -> Result<()> {
    let binary = tallyhouse()?;
    let good = Place::new(store, "local");
    let url = "s3://no-such-bucket/prefix".to_owned();
    let endpoint = "http://127.0.0.1:9".to_owned();
    for (name, place) in
        [("bucket", Place { url, ..good.clone() }), ("endpoint", Place { endpoint, ..good })]
    {
        let data = folder.join(format!("wrong-{name}/data"));
        fs::create_dir_all(data.parent().context("a folder above")?)?;
        let error = Server::start_with(&binary, &data, &at(&place)).err();
        let error = format!("{:#}", error.with_context(|| format!("a wrong {name} is taken"))?);
        ensure!(error.contains(&place.url), "the error does not name the place: {error}");
        println!("a wrong {name} is named");
    }
    Ok(())
}

fn copy_folder(from: &Path, to: &Path) -> Result<()> {
    fs::create_dir_all(to)?;
    for entry in fs::read_dir(from)? {
        let path: PathBuf = entry?.path();
        let target = to.join(path.file_name().context("a file has a name")?);
        if path.is_dir() {
            copy_folder(&path, &target)?;
        } else {
            fs::copy(&path, &target)?;
        }
    }
    Ok(())
}
