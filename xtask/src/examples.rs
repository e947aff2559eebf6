//! The programs of `examples/`, in every language, against the demo: each must say what the
//! command line says, and all languages the same.
//!
//! They ask as a principal with the role Billing Reader, who sees what they need and no more.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

use crate::ci::Counted;
use crate::conformance;
use crate::decimal::Decimal;
use crate::process::{
    cargo, command, fresh_folder, output, root, run as run_command, tallyhouse, target,
};
use crate::server::Server;

/// First subscription of the demo.
const SUBSCRIPTION: &str = "8c1f9e52-3a61-4f0e-9d0c-3f6f3a4f1001";
/// Object id of the principal that asks.
const READER: &str = "b1946ac9-2249-4bd0-9f2c-000000000003";
/// Days of sample usage: the week that is summed and today, and the billing period before the current
/// one.
const DAYS: &str = "40";
/// The meter whose prices are shown.
const METER: &str = "9995d93a-7d35-4d3f-9c69-7a7fea447ef4";
/// The demo's rate card.
const CARD: [&str; 8] =
    ["--offer", "MS-AZR-0062P", "--currency", "USD", "--locale", "en-US", "--region", "US"];

/// What runs an example.
#[derive(Debug, Clone, Copy)]
enum Language {
    Python,
    JavaScript,
    Go,
    Rust,
    Curl,
}

const LANGUAGES: [Language; 5] =
    [Language::Python, Language::JavaScript, Language::Go, Language::Rust, Language::Curl];

/// A server, and what an example needs to ask it.
struct Asked {
    server: Server,
    token: String,
    python: PathBuf,
    node: PathBuf,
}

/// Runs every example and compares.
pub(crate) fn run() -> Result<Counted> {
    let asked = Asked::start()?;
    let usage = asked.usage()?;
    let card = asked.rate_card()?;
    let invoices = asked.invoices()?;
    let expected = [("usage", usage), ("ratecard", card), ("invoices", invoices)];
    let mut sum = Counted::default();
    for (name, expected) in &expected {
        for language in LANGUAGES {
            let said = asked.command(language, name).and_then(|mut one| output(&mut one));
            let outcome = said.and_then(|said| compare(&said, expected));
            match outcome {
                Ok(()) => sum.passed += 1,
                Err(error) => {
                    println!("{name} in {language:?}: {error:#}");
                    sum.failed += 1;
                }
            }
        }
    }
    println!("examples: {} passed, {} failed", sum.passed, sum.failed);
    let status = asked.server.stop()?;
    ensure!(status.success(), "the server ended with {status} after SIGTERM");
    Ok(sum)
}

/// Every line must be the expected one.
fn compare(said: &str, expected: &[String]) -> Result<()> {
    let said: Vec<&str> = said.lines().collect();
    ensure!(said == expected, "said\n{}\nand not\n{}", said.join("\n"), expected.join("\n"));
    Ok(())
}

impl Asked {
    /// The demo's data, served, and a reader of one subscription.
    fn start() -> Result<Self> {
        let binary = tallyhouse()?;
        run_command(&mut cargo(&["build", "--quiet", "--workspace", "--examples"]))?;
        let data = fresh_folder("examples")?.join("data");
        let mut demo = command(&binary);
        demo.args(["demo", "--exit", "--listen", "127.0.0.1:0", "--days", DAYS, "--data"]);
        output(demo.arg(&data))?;
        let server = Server::start(&binary, &data)?;
        let scope = format!("/subscriptions/{SUBSCRIPTION}");
        let role = ["role", "assign", "--assignee", READER, "--role", "Billing Reader"];
        server.tallyhouse(&[&role[..], &["--scope", &scope]].concat())?;
        let issue = ["token", "issue", "--object-id", READER, "-o", "tsv", "--query"];
        let token = server.tallyhouse(&[&issue[..], &["access_token"]].concat())?;
        let (python, node) = (conformance::client_python()?, conformance::client_node()?);
        for entry in fs::read_dir(root().join("examples"))? {
            let path = entry?.path();
            // Node looks for packages beside the program.
            if path.extension().is_some_and(|extension| extension == "mjs") {
                fs::copy(&path, node.join(path.file_name().expect("a file has a name")))?;
            }
        }
        Ok(Self { server, token: token.trim().to_owned(), python, node })
    }

    /// The example of this name, as its first lines say how to run it.
    fn command(&self, language: Language, name: &str) -> Result<Command> {
        let examples = root().join("examples");
        let authority = self.server.authority();
        let (mut example, names_authority) = match language {
            Language::Python => (with(&self.python, &examples.join(format!("{name}.py"))), true),
            Language::JavaScript => {
                let mut node = with(Path::new("node"), &self.node.join(format!("{name}.mjs")));
                node.env("NODE_EXTRA_CA_CERTS", &authority);
                (node, false)
            }
            Language::Go => {
                let built = target().join("examples").join(name);
                let mut go = command("go");
                go.args(["build", "-o"]).arg(&built);
                run_command(go.arg(examples.join(format!("{name}.go"))))?;
                let mut built = command(built);
                built.env("SSL_CERT_FILE", &authority);
                (built, false)
            }
            Language::Rust => (command(target().join("debug/examples").join(name)), true),
            Language::Curl => (with(Path::new("bash"), &examples.join(format!("{name}.sh"))), true),
        };
        example.env("TOKEN", &self.token).arg(&self.server.url);
        if names_authority {
            example.arg(authority);
        }
        example.arg(SUBSCRIPTION);
        Ok(example)
    }

    /// Usage of seven days as the command line lists it, summed exactly, then rounded.
    fn usage(&self) -> Result<Vec<String>> {
        let day = |ago: &str| output(command("date").args(["-u", "-d", ago, "+%F"]));
        let (start, end) = (day("7 days ago")?, day("today")?);
        let (start, end) = (start.trim(), end.trim());
        let list = ["usage", "list", "--subscription", SUBSCRIPTION, "--granularity", "Hourly"];
        let range = ["--reported-start", start, "--reported-end", end];
        let rows: Value =
            serde_json::from_str(&self.server.tallyhouse(&[&list[..], &range].concat())?)?;
        let rows = rows.as_array().context("rows are a list")?;
        ensure!(rows.len() > 1000, "{} rows are no second page", rows.len());
        let mut sums: BTreeMap<&str, Decimal> = BTreeMap::new();
        for row in rows {
            let unit = row["properties"]["unit"].as_str().context("no unit")?;
            let sum = sums.entry(unit).or_default();
            *sum = sum.plus(Decimal::parse(&row["properties"]["quantity"].to_string())?);
        }
        let first = format!("{} usage aggregates reported from {start} to {end}", rows.len());
        let sums = sums.into_iter().map(|(unit, sum)| format!("{} {unit}", sum.rounded(3)));
        Ok(std::iter::once(first).chain(sums).collect())
    }

    /// The billing periods since the first day of usage, as the command line has costs of them.
    fn invoices(&self) -> Result<Vec<String>> {
        let day = |day: &str| output(command("date").args(["-u", "-d", day, "+%F"]));
        let first = day(&format!("{DAYS} days ago"))?;
        let show = ["cost", "show", "--subscription", SUBSCRIPTION];
        let mut cost: Value = serde_json::from_str(&self.server.tallyhouse(&show)?)?;
        let mut lines = Vec::new();
        loop {
            let (name, from) = (text(&cost, "period")?, day(text(&cost, "from")?)?);
            let last = day(&format!("{} -1 day", text(&cost, "to")?))?;
            lines.push(format!("{name}: {} to {}", from.trim(), last.trim()));
            if from <= first {
                break;
            }
            let before = day(&format!("{} -1 day", from.trim()))?;
            let period = ["--period", &before[..7]];
            cost = serde_json::from_str(&self.server.tallyhouse(&[&show[..], &period].concat())?)?;
        }
        lines.insert(0, format!("billing periods: {}", lines.len()));
        lines.push("no invoice yet".to_owned());
        Ok(lines)
    }

    /// A meter of the card as the command line shows it.
    fn rate_card(&self) -> Result<Vec<String>> {
        let card = self.server.tallyhouse(&[&["ratecard", "show"][..], &CARD].concat())?;
        let card: Value = serde_json::from_str(&card)?;
        let meters = card["Meters"].as_array().context("no meters")?;
        let mut lines = vec![format!("{} meters in USD", meters.len())];
        let meter = meters.iter().find(|meter| meter["MeterId"] == METER).context("no meter")?;
        let text = |name: &str| text(meter, name);
        let (name, region, unit) = (text("MeterName")?, text("MeterRegion")?, text("Unit")?);
        lines.push(format!("{name}, {region}, by {unit}:"));
        let mut tiers = Vec::new();
        for (bound, rate) in meter["MeterRates"].as_object().context("no rates")? {
            tiers.push((Decimal::parse(bound)?, Decimal::parse(&rate.to_string())?));
        }
        tiers.sort();
        ensure!(tiers.len() > 1, "the meter has no tiers to show");
        lines
            .extend(tiers.iter().map(|(bound, rate)| format!("from {bound}: {}", rate.rounded(3))));
        Ok(lines)
    }
}

fn text<'a>(object: &'a Value, name: &str) -> Result<&'a str> {
    object[name].as_str().with_context(|| format!("no {name}"))
}

fn with(program: &Path, script: &Path) -> Command {
    let mut command = command(program);
    command.arg(script);
    command
}
