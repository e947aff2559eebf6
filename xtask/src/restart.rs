//! Kills the real server under load, again and again: what was acknowledged is there, once.
//!
//! The law, checked after every restart, for each meter exactly: the ledger's sum is that of all
//! acknowledged events, plus some of those that were under way when the server died; sending
//! everything again makes it the sum of all, and stores nothing that was acknowledged.

mod load;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use crate::decimal::Decimal;
use crate::http::Client;
use crate::objects::Place;
use crate::process::{fresh_folder, tallyhouse};
use crate::random::Random;
use crate::server::{Options, Server};
pub(crate) use load::send_new;
use load::{Event, Load, MONTH, SUBSCRIPTION};

/// Joins and the clean-up after them happen all the time.
const CONFIGURATION: &str = "keep_replaced_seconds = 0\nseal_after_seconds = 1\n";
/// Rounds on one data folder, which would grow for ever.
const ROUNDS_OF_A_FOLDER: u64 = 25;
/// Of so many starts one is killed before the server is ready.
const STARTS_KILLED_IN: u64 = 4;

/// How often the server is killed, and from which seed the rest follows.
pub(crate) struct Plan {
    pub(crate) rounds: u64,
    pub(crate) seed: u64,
    /// No round begins after this time.
    pub(crate) limit: Duration,
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

/// The same, without the name of the command; gives what is in the last ledger then.
pub(crate) fn rounds(plan: &Plan) -> Result<Stored> {
    let binary = tallyhouse()?;
    let mut random = Random::new(plan.seed);
    let begun = Instant::now();
    let (mut round, mut events, mut kills) = (0, 0, 0);
    let rounds_of_a_folder = plan.place.as_ref().map_or(ROUNDS_OF_A_FOLDER, |_| u64::MAX);
    let mut last = Stored::default();
    while round < plan.rounds && begun.elapsed() < plan.limit {
        let folder = fresh_folder("restart")?;
        let config = folder.join("tallyhouse.toml");
        std::fs::write(&config, CONFIGURATION)?;
        let options = Options { config: Some(config), place: plan.place.clone() };
        let mut killed = Killed { binary: &binary, data: folder.join("data"), options, kills: 0 };
        let mut stored = Stored::default();
        let mut server = killed.start()?;
        server.make_subscription(SUBSCRIPTION, "restart", "MS-AZR-0003P")?;
        let end = plan.rounds.min(rounds_of_a_folder.saturating_add(round));
        while round < end && begun.elapsed() < plan.limit {
            server = killed.round(server, &mut random, &mut stored, round)?;
            round += 1;
        }
        killed.check_clean_stop(server, &stored)?;
        (events, kills) = (events + stored.count, kills + killed.kills);
        last = stored;
    }
    println!("{events} events, each there once after {round} rounds with {kills} kills");
    Ok(last)
}

/// A server that is killed again and again.
struct Killed<'a> {
    binary: &'a Path,
    data: PathBuf,
    options: Options,
    kills: u64,
}

impl Killed<'_> {
    fn start(&self) -> Result<Server> {
        Server::start_with(self.binary, &self.data, &self.options)
    }

    /// Kills the server under load; gives one that has everything.
    fn round(
        &mut self,
        server: Server,
        random: &mut Random,
        stored: &mut Stored,
        round: u64,
    ) -> Result<Server> {
        let load = Load::start(&server.client()?, round, random.next());
        std::thread::sleep(Duration::from_millis(10 + random.below(250)));
        self.kill(server)?;
        let (acknowledged, unanswered) = load.join()?;
        let has_journal = self.options.place.as_ref().is_some_and(|it| it.journal == "object");
        if has_journal && random.below(2) == 0 {
            std::fs::remove_dir_all(self.data.join("ledger"))?; // the objects are all there is
        }
        if random.below(STARTS_KILLED_IN) == 0 {
            // A start replays the journal and clears what the kill has left: it is killed, too.
            let server = Server::begin_with(self.binary, &self.data, &self.options)?;
            std::thread::sleep(Duration::from_millis(random.below(250)));
            self.kill(server)?;
        }
        let begun = Instant::now();
        let server = self.start()?;
        let ready_ms = begun.elapsed().as_millis();
        stored
            .check(&server.client()?, &acknowledged, &unanswered)
            .with_context(|| format!("round {round}"))?;
        println!(
            "round {round:2}: {:5} acknowledged, {:3} under way when killed, ready after {ready_ms} ms",
            acknowledged.len(),
            unanswered.len(),
        );
        Ok(server)
    }

    fn kill(&mut self, server: Server) -> Result<()> {
        self.kills += 1;
        server.kill()
    }

    /// After sealing and a clean stop everything is still there.
    fn check_clean_stop(&self, server: Server, stored: &Stored) -> Result<()> {
        server.tallyhouse(&["ledger", "seal"])?;
        let status = server.stop()?;
        ensure!(status.success(), "the server ended with {status} after SIGTERM");
        let server = self.start()?;
        let sums = ledger_sums(&server.client()?)?;
        ensure!(sums == stored.sums, "after a clean stop: {}", differences(&stored.sums, &sums));
        server.stop()?;
        Ok(())
    }
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
