//! Kills the real server under load, again and again: what was acknowledged is there, once.
//!
//! The law, checked after every restart, for each meter exactly: the ledger's sum is that of all
//! acknowledged events, plus some of those that were under way when the server died; sending
//! everything again makes it the sum of all, and stores nothing that was acknowledged.

mod load;

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::decimal::Decimal;
use crate::http::Client;
use crate::objects::Place;
use crate::process::{fresh_folder, tallyhouse};
use crate::random::Random;
use crate::server::Server;
pub(crate) use load::send_new;
use load::{Event, Load, MONTH, SUBSCRIPTION};

/// How often the server is killed, and from which seed the rest follows.
pub(crate) struct Plan {
    pub(crate) rounds: u64,
    pub(crate) seed: u64,
    /// Where the ledger lies, if not in the data folder.
    pub(crate) place: Option<Place>,
}

type Sums = BTreeMap<String, Decimal>;

/// Runs the rounds; a failure names the command that repeats it.
pub(crate) fn run(plan: &Plan) -> Result<()> {
    let repeat = format!("cargo xtask restart --rounds {} --seed {}", plan.rounds, plan.seed);
    println!("{repeat}");
    rounds(plan).map(drop).with_context(|| format!("repeat with: {repeat}"))
}

/// The same, without the name of the command; gives what is in the ledger then.
pub(crate) fn rounds(plan: &Plan) -> Result<Stored> {
    let binary = tallyhouse()?;
    let data = fresh_folder("restart")?.join("data");
    let mut random = Random::new(plan.seed);
    let mut stored = Stored::default();
    let place = plan.place.as_ref();
    let mut server = Server::start_at(&binary, &data, place)?;
    server.make_subscription(SUBSCRIPTION, "restart", "MS-AZR-0003P")?;
    for round in 0..plan.rounds {
        let load = Load::start(&server.client()?, round, random.next());
        std::thread::sleep(Duration::from_millis(20 + random.below(700)));
        server.kill()?;
        let (acknowledged, unanswered) = load.join()?;
        if place.is_some_and(|place| place.journal == "object") && random.below(2) == 0 {
            std::fs::remove_dir_all(data.join("ledger"))?; // the objects are all there is
        }
        let begun = Instant::now();
        server = Server::start_at(&binary, &data, place)?;
        let ready_ms = begun.elapsed().as_millis();
        stored
            .check(&server.client()?, &acknowledged, &unanswered)
            .with_context(|| format!("round {round}"))?;
        println!(
            "round {round:2}: {:5} acknowledged, {:3} under way when killed, ready after {ready_ms} ms",
            acknowledged.len(),
            unanswered.len(),
        );
    }
    check_clean_stop(server, (&binary, &data, place), &stored)?;
    println!("{} events, each there once after {} kills", stored.count, plan.rounds);
    Ok(stored)
}

/// After sealing and a clean stop everything is still there.
fn check_clean_stop(
    server: Server,
    (binary, data, place): (&Path, &Path, Option<&Place>),
    stored: &Stored,
) -> Result<()> {
    server.tallyhouse(&["ledger", "seal"])?;
    let status = server.stop()?;
    ensure!(status.success(), "the server ended with {status} after SIGTERM");
    let server = Server::start_at(binary, data, place)?;
    let sums = ledger_sums(&server.client()?)?;
    ensure!(sums == stored.sums, "after a clean stop: {}", differences(&stored.sums, &sums));
    server.stop()?;
    Ok(())
}

/// What must be in the ledger.
#[derive(Default)]
pub(crate) struct Stored {
    pub(crate) count: usize,
    sums: Sums,
}

impl Stored {
    /// Adds an event that was acknowledged.
    pub(crate) fn add(&mut self, event: &Event) {
        add(&mut self.sums, std::slice::from_ref(event));
        self.count += 1;
    }

    /// Quantity for each meter, as text.
    pub(crate) fn meters(&self) -> BTreeMap<&str, String> {
        self.sums.iter().map(|(meter, sum)| (meter.as_str(), sum.to_string())).collect()
    }

    /// Checks the law for one restart.
    fn check(
        &mut self,
        client: &Client,
        acknowledged: &[Event],
        unanswered: &[Event],
    ) -> Result<()> {
        add(&mut self.sums, acknowledged);
        let mut most = self.sums.clone();
        add(&mut most, unanswered);
        let found = ledger_sums(client)?;
        for meter in most.keys() {
            let sum = found.get(meter).copied().unwrap_or_default();
            let least = self.sums.get(meter).copied().unwrap_or_default();
            ensure!(
                least <= sum,
                "acknowledged usage is lost: meter {meter} has {sum}, not {least}"
            );
            ensure!(
                sum <= most[meter],
                "usage counts twice: meter {meter} has {sum}, at most {}",
                most[meter]
            );
        }
        send_again(client, acknowledged, true)?;
        send_again(client, unanswered, false)?;
        self.sums = most;
        self.count += acknowledged.len() + unanswered.len();
        let found = ledger_sums(client)?;
        ensure!(found == self.sums, "after sending again: {}", differences(&self.sums, &found));
        Ok(())
    }
}

fn add(sums: &mut Sums, events: &[Event]) {
    for event in events {
        let sum = sums.entry(event.meter.clone()).or_default();
        *sum = sum.plus(event.quantity);
    }
}

/// Sends events once more. Those that were acknowledged must all be duplicates.
fn send_again(client: &Client, events: &[Event], acknowledged: bool) -> Result<()> {
    for chunk in events.chunks(5_000) {
        let answer = load::send_batch(client, chunk)?;
        let number = |name: &str| answer[name].as_u64().with_context(|| format!("no {name}"));
        let (accepted, duplicate) = (number("accepted")?, number("duplicate")?);
        let expected = u64::try_from(chunk.len())?;
        ensure!(accepted + duplicate == expected, "sending again was answered {answer}");
        if acknowledged && accepted > 0 {
            bail!("{accepted} acknowledged events were not there");
        }
    }
    Ok(())
}

/// Quantity for each meter, as the ledger has it now.
fn ledger_sums(client: &Client) -> Result<Sums> {
    let path = format!("/tallyhouse/v1/subscriptions/{SUBSCRIPTION}/cost?{MONTH}&groupBy=meter");
    let cost = client.get_json(&path)?;
    let mut sums = Sums::new();
    for (list, key) in [("groups", "key"), ("unpriced", "meterId")] {
        for group in cost[list].as_array().context("no groups in the cost")? {
            let text =
                |name: &str| group[name].as_str().with_context(|| format!("no {name} in {group}"));
            let sum = sums.entry(text(key)?.to_owned()).or_default();
            *sum = sum.plus(Decimal::parse(text("quantity")?)?);
        }
    }
    Ok(sums)
}

fn differences(expected: &Sums, found: &Sums) -> Value {
    let show = |sums: &Sums| -> Value {
        sums.iter().map(|(meter, sum)| (meter.clone(), Value::from(sum.to_string()))).collect()
    };
    serde_json::json!({"expected": show(expected), "found": show(found)})
}
