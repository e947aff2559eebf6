//! Clients that others wrote, unmodified, against the real server over TLS.
//!
//! The server gets usage whose sums are computed here (`case`), the clients read it back, and
//! their tests (`conformance/`) compare. What they install stays under `target/conformance`.

mod case;
mod focus;
mod install;
mod live;
mod oidc;

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

use anyhow::{Context, Result, bail, ensure};
use flate2::read::GzDecoder;
use serde_json::{Map, Value, json};

use crate::ci::{Counted, counted};
use crate::process::{command, fresh_folder, root, tallyhouse};
use crate::server::Server;
use case::{Case, OFFER, OTHERS, OURS, READER, STRANGER};
pub(crate) use install::{node, python};

const SEED: u64 = 20_260_301;
/// Seals of single events: enough for a checkpoint of the table's log.
const SEALS: usize = 120;
const CLIENT_TESTS: [&str; 9] = [
    "test_usage",
    "test_rate_card",
    "test_refusals",
    "test_cost",
    "test_focus",
    "test_billing",
    "test_access",
    "test_consumption",
    "test_cost_management",
];

/// What reads the usage back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Client {
    /// PyPI `azure-identity`, `azure-mgmt-commerce` and others, and `requests` for the raw pages.
    Python,
    /// npm `azure-arm-commerce`, `@azure/arm-commerce` and others, and `@azure/identity`.
    Node,
    /// PyPI `deltalake`, `polars` and `duckdb`, which open the ledger's table themselves.
    Table,
    /// PyPI `focus-validator`, which reads exports.
    Focus,
    /// npm `oidc-provider`, whose tokens the server takes.
    Oidc,
    /// PyPI `azure-cli`: the program `az`.
    Az,
}

/// Runs one client by name, or all.
pub(crate) fn run(only: Option<&str>) -> Result<()> {
    let clients: &[Client] = match only {
        None => {
            &[Client::Python, Client::Node, Client::Table, Client::Focus, Client::Oidc, Client::Az]
        }
        Some("python") => &[Client::Python],
        Some("node") => &[Client::Node],
        Some("table") => &[Client::Table],
        Some("focus") => &[Client::Focus],
        Some("oidc") => &[Client::Oidc],
        Some("az") => &[Client::Az],
        Some(other) => bail!("no client {other}: python, node, table, focus, oidc or az"),
    };
    let mut sum = Counted::default();
    for client in clients {
        sum = sum.and(count(*client)?);
    }
    ensure!(sum.failed == 0, "{} conformance tests failed", sum.failed);
    println!("conformance: all {} tests passed", sum.passed);
    Ok(())
}

/// Runs the tests of one client.
pub(crate) fn count(client: Client) -> Result<Counted> {
    match client {
        Client::Python => count_filled(tests_of(client_python()?, &CLIENT_TESTS), Single::Plain),
        Client::Table => {
            let tests = tests_of(table_python()?, &["test_table"]);
            Ok(count_filled(tests, Single::SealedEach)?.and(live::count()?))
        }
        Client::Node => count_filled(tests_of_node()?, Single::Plain),
        Client::Focus => count_focus(),
        Client::Oidc => oidc::count(),
        Client::Az => count_filled(tests_of(az_python()?, &["test_az"]), Single::Plain),
    }
}

/// Fills a new server and runs tests against it.
fn count_filled(mut tests: Command, single: Single) -> Result<Counted> {
    let folder = fresh_folder("conformance/run")?;
    let case = Case::new(SEED, &read_card(&folder)?)?;
    let server = Server::start(&tallyhouse()?, &folder.join("data"))?;
    fill(&server, &case, &folder, single)?;
    let file = describe(&server, &case, &folder)?;
    let outcome = counted(tests.env("TALLYHOUSE_CASE", &file));
    let counted = outcome.with_context(|| format!("the server's log ends:\n{}", server.log()))?;
    let said = server.said()?;
    ensure!(said.lines().count() == 1 && said.contains(&server.url), "serve said: {said}");
    let status: ExitStatus = server.stop()?;
    ensure!(status.success(), "the server ended with {status} after SIGTERM");
    Ok(counted)
}

/// Exports a bill and lets the validator read it.
fn count_focus() -> Result<Counted> {
    let folder = fresh_folder("conformance/focus")?;
    let server = Server::start(&tallyhouse()?, &folder.join("data"))?;
    let files = focus::files(&server, &folder)?;
    let status = server.stop()?;
    ensure!(status.success(), "the server ended with {status} after SIGTERM");
    let requirements = root().join("conformance/python/requirements-focus.txt");
    // The package asks for a Python newer than Debian's, and the script mends the one line that does.
    let interpreter = install::python_of_any_version(&requirements, "focus")?;
    let mut tests = command(interpreter);
    tests.arg("check_focus.py").args(files).current_dir(root().join("conformance/python"));
    tests.env("PYTHONDONTWRITEBYTECODE", "1");
    counted(&mut tests)
}

/// The Python that has Azure's SDK.
pub(crate) fn client_python() -> Result<PathBuf> {
    let requirements = root().join("conformance/python/requirements-client.txt");
    install::python(&requirements, "client")
}

/// The Python that reads the table.
fn table_python() -> Result<PathBuf> {
    install::python(&root().join("conformance/python/requirements-table.txt"), "table")
}

/// The Python that has `az`, which lies beside it.
pub(crate) fn az_python() -> Result<PathBuf> {
    install::python(&root().join("conformance/python/requirements-az.txt"), "az")
}

/// The folder that has Azure's packages for Node.
pub(crate) fn client_node() -> Result<PathBuf> {
    install::node(&root().join("conformance/node"), "node")
}

fn tests_of(interpreter: PathBuf, modules: &[&str]) -> Command {
    let mut tests = command(interpreter);
    tests.arg("run.py").args(modules).current_dir(root().join("conformance/python"));
    tests.env("PYTHONDONTWRITEBYTECODE", "1");
    tests
}

fn tests_of_node() -> Result<Command> {
    let folder = client_node()?;
    let mut tests = command("node");
    let files = ["clients.test.mjs", "management.test.mjs"];
    tests.args(["--test", "--test-reporter=tap"]).args(files).current_dir(folder);
    // Read when node starts, so it cannot be set by the tests.
    tests.env("NODE_EXTRA_CA_CERTS", crate::process::target().join("conformance/run/data/ca.pem"));
    Ok(tests)
}

/// Unpacks the recorded card beside the data folder, as the one who imports it would.
fn read_card(folder: &Path) -> Result<Value> {
    let packed = fs::File::open(sample_card()?)?;
    let mut text = Vec::new();
    GzDecoder::new(packed).read_to_end(&mut text).context("unpacking the sample card")?;
    fs::write(folder.join("card.json"), &text)?;
    serde_json::from_slice(text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&text))
        .context("the sample card")
}

fn sample_card() -> Result<PathBuf> {
    for entry in fs::read_dir(root().join("samples"))? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        if name.contains(OFFER) && name.ends_with(".json.gz") {
            return Ok(path);
        }
    }
    bail!("no {OFFER} card in samples/");
}

/// Two subscriptions, the card, and all usage, by the command line and by HTTP.
fn fill(server: &Server, case: &Case, folder: &Path, single: Single) -> Result<()> {
    let key = ["--offer", OFFER, "--currency", "USD", "--locale", "en-US", "--region", "US"];
    for (id, name) in [(OURS, "ours"), (OTHERS, "others")] {
        server.make_subscription(id, name, OFFER)?;
    }
    let card = folder.join("card.json");
    let card = card.to_str().context("the folder's name is UTF-8")?;
    server.tallyhouse(&[&["ratecard", "import", card][..], &key].concat())?;
    let scope = format!("/subscriptions/{OURS}");
    let role = ["role", "assign", "--assignee", READER, "--role", "Reader", "--scope", &scope];
    server.tallyhouse(&role)?;

    let files = [("hourly.json", case.hourly_document()), ("daily.ndjson", case.daily_lines())];
    for (name, text) in &files {
        import(server, &folder.join(name), text, "accepted")?;
        server.tallyhouse(&["ledger", "seal"])?; // so that there are files to join
    }
    for (name, text) in &files {
        import(server, &folder.join(name), text, "duplicate")?; // adds nothing
    }
    send_events(server, case, single)
}

/// Imports a file, all of whose rows must have this outcome.
fn import(server: &Server, file: &Path, text: &str, outcome: &str) -> Result<()> {
    fs::write(file, text)?;
    let path = file.to_str().context("the folder's name is UTF-8")?;
    let said = server.tallyhouse(&["usage", "import", path, "-o", "json"])?;
    let answer: Value =
        serde_json::from_str(&said).with_context(|| format!("import said {said}"))?;
    let rows = text.matches("usageStartTime").count();
    ensure!(answer[outcome] == json!(rows), "{path}: {rows} rows, but import said {said}");
    Ok(())
}

/// How events are sent that come one by one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Single {
    Plain,
    /// Many of them, each sealed by itself, so that the table's log is long.
    SealedEach,
}

/// Single events, then a batch and lines that also carry one event again and one bad one.
fn send_events(server: &Server, case: &Case, single: Single) -> Result<()> {
    let client = server.client()?;
    let path = "/tallyhouse/v1/events";
    let singles = if single == Single::SealedEach { SEALS } else { 20 };
    let (singles, rest) = case.events.split_at(singles);
    let (batch, lines) = rest.split_at(rest.len() / 2);
    for (times, status) in [("new", 201), ("again", 200)] {
        for event in singles {
            let answer = client.post(path, "application/cloudevents+json", event.as_bytes())?;
            ensure!(answer.status == status, "{times}, single event {event}: {}", answer.status);
            if single == Single::SealedEach && status == 201 {
                client.post("/tallyhouse/v1/ledger/seal", "application/json", b"")?;
            }
        }
    }
    let bad = singles[0]
        .replace("\"id\":\"", "\"id\":\"bad-")
        .replace("\"usageEndTime\":\"2", "\"usageEndTime\":\"x");
    let conflict =
        singles[0].replace("\"meterId\":\"", "\"location\":\"elsewhere\",\"meterId\":\"");
    let extra = [singles[1].clone(), bad, conflict];
    let all = |events: &[String]| [events, &extra].concat();
    let batch_body = format!("[{}]", all(batch).join(","));
    let bodies = [
        ("application/cloudevents-batch+json", batch_body, batch.len()),
        ("application/x-ndjson", all(lines).join("\n"), lines.len()),
    ];
    for (content_type, body, new) in bodies {
        let answer = client.post(path, content_type, body.as_bytes())?.json(path, &[200])?;
        let count = |name: &str| answer[name].as_array().map_or(usize::MAX, Vec::len);
        let as_expected = answer["accepted"] == json!(new)
            && answer["duplicate"] == json!(1)
            && count("conflicting") == 1
            && count("rejected") == 1;
        ensure!(as_expected, "{content_type}: {new} new events, but the answer is {answer}");
    }
    Ok(())
}

/// Writes what the tests need to know, and says where.
fn describe(server: &Server, case: &Case, folder: &Path) -> Result<PathBuf> {
    let token = |object: &str| -> Result<String> {
        let said = server.tallyhouse(&["token", "issue", "--object-id", object, "-o", "json"])?;
        let answer: Value = serde_json::from_str(&said)?;
        Ok(answer["access_token"].as_str().context("no access_token")?.to_owned())
    };
    let (reader, stranger) = (token(READER)?, token(STRANGER)?);
    let tenant = tenant(server)?;
    let applications = applications(server, &tenant)?;
    server.tallyhouse(&["ledger", "seal"])?;
    server.tallyhouse(&["ledger", "compact"])?;
    let description = json!({
        "url": server.url,
        "authority": server.authority(),
        "table": folder.join("data/ledger/usage"),
        "card": folder.join("card.json"),
        "offer": OFFER,
        "subscription": OURS,
        "otherSubscription": OTHERS,
        "tenant": tenant,
        "applications": applications,
        "tokens": { "reader": reader, "stranger": stranger, "forged": forge(&reader) },
        "queries": case.queries(),
        "meters": case.meter_sums(OURS),
        "records": case.record_count(),
        "sum": case.sum().to_string(),
    });
    let file = folder.join("case.json");
    fs::write(&file, serde_json::to_vec(&description)?)?;
    Ok(file)
}

/// The tenant of the subscriptions.
fn tenant(server: &Server) -> Result<String> {
    let one = ["subscription", "show", "--id", OURS, "--query", "tenantId", "-o", "tsv"];
    Ok(server.tallyhouse(&one)?.trim().to_owned())
}

/// Service principals by the names that the tests know: who reads bills, who gives roles, who may
/// download the invoices of the other subscription, and who has none.
fn applications(server: &Server, tenant: &str) -> Result<Value> {
    let mut all = Map::new();
    let invoices = ["subscription", "update", "--id", OTHERS, "--invoice-download", "true"];
    server.tallyhouse(&invoices)?;
    for (name, role) in [
        ("reader", Some(("Billing Reader", OURS))),
        ("owner", Some(("Owner", OURS))),
        ("accountant", Some(("Billing Reader", OTHERS))),
        ("nobody", None),
    ] {
        let make = ["service-principal", "create", "--name", name, "--tenant", tenant];
        let made: Value = serde_json::from_str(&server.tallyhouse(&make)?)?;
        if let Some((role, subscription)) = role {
            let scope = format!("/subscriptions/{subscription}");
            let object = made["objectId"].as_str().context("no objectId")?;
            let assignee = ["role", "assign", "--assignee", object];
            server.tallyhouse(&[&assignee[..], &["--role", role, "--scope", &scope]].concat())?;
        }
        all.insert(name.to_owned(), made);
    }
    Ok(Value::Object(all))
}

/// The token with another signature.
fn forge(token: &str) -> String {
    let middle = (token.rfind('.').expect("a JWT has three parts") + token.len()) / 2;
    let other = if &token[middle..=middle] == "A" { "B" } else { "A" };
    format!("{}{other}{}", &token[..middle], &token[middle + 1..])
}
