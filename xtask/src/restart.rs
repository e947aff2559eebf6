//! Kills the real server under load, again and again: what was acknowledged is there, once.
//!
//! The law, for each meter exactly. After every kill under load, once a server is ready again: the
//! ledger's sum is that of all acknowledged events, plus some of those that were under way when a server
//! died. After every round, which is several kills: sending everything again makes it the sum of all, and
//! stores nothing that was acknowledged.
//!
//! From the seed follow the load and the moments of the kills: after how many answers, and how long
//! after that. How fast the machine does what is asked meanwhile does not: a run that is repeated has
//! the same rounds, and its kills fall near the same places, not on the same instruction.

mod load;
mod traces;

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
use load::{Event, Load, MONTH, Told};
pub(crate) use load::{SUBSCRIPTION, send_new};
use traces::Traces;

/// Joins and the clean-up after them happen all the time.
const CONFIGURATION: &str = "keep_replaced_seconds = 0\nseal_after_seconds = 1\n";
/// Rounds on one data folder, which would grow for ever.
const ROUNDS_OF_A_FOLDER: u64 = 25;
/// Kills of a round under load, before all is sent again. In an object store, where starts take long: one.
const KILLS_OF_A_ROUND: u64 = 4;
/// A kill comes after fewer answers than this, and less long after them than that.
const ANSWERS: u64 = 40;
const DELAY_MICROS: u64 = 30_000;
/// Of so many starts one is killed before the server is ready.
const STARTS_KILLED_IN: u64 = 4;

/// How often the server is killed, and from which seed the rest follows.
pub(crate) struct Plan {
    pub(crate) rounds: u64,
    pub(crate) seed: u64,
    /// No round begins after this time, unless the least is lacking.
    pub(crate) limit: Duration,
    /// What the run must come to.
    pub(crate) least: Option<Least>,
    /// Where the ledger lies, if not in the data folder.
    pub(crate) place: Option<Place>,
}

impl Plan {
    /// Whether another round begins so long after the first.
    fn goes_on(&self, elapsed: Duration, kills: u64, traces: &Traces) -> bool {
        let is_lacking =
            |least: &Least| elapsed < least.limit && least.check(kills, traces).is_err();
        elapsed < self.limit || self.least.as_ref().is_some_and(is_lacking)
    }
}

/// Kills that a run is not without: a slow machine goes on for them.
pub(crate) struct Least {
    /// So many, of which one fell into a seal and one into a join.
    pub(crate) kills: u64,
    /// No round begins after this time, and what is lacking then is a failure.
    pub(crate) limit: Duration,
}

impl Least {
    fn check(&self, kills: u64, traces: &Traces) -> Result<()> {
        ensure!(kills >= self.kills, "there was time for {kills} kills, not for {}", self.kills);
        traces.check()
    }
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
    let mut traces = Traces::default();
    while round < plan.rounds && plan.goes_on(begun.elapsed(), kills, &traces) {
        let folder = fresh_folder("restart")?;
        let config = folder.join("tallyhouse.toml");
        std::fs::write(&config, CONFIGURATION)?;
        let options = Options { config: Some(config), place: plan.place.clone() };
        let data = folder.join("data");
        let mut killed = Killed { binary: &binary, data, options, kills, traces };
        let mut stored = Stored::default();
        let mut server = killed.start()?;
        server.make_subscription(SUBSCRIPTION, "restart", "MS-AZR-0003P")?;
        let end = plan.rounds.min(rounds_of_a_folder.saturating_add(round));
        while round < end && plan.goes_on(begun.elapsed(), killed.kills, &killed.traces) {
            server = killed.round(server, &mut random, &mut stored, round)?;
            round += 1;
        }
        killed.check_clean_stop(server, &stored)?;
        events += stored.count;
        (last, kills, traces) = (stored, killed.kills, killed.traces);
    }
    println!("{events} events, each there once after {round} rounds with {kills} kills");
    if plan.place.is_none() {
        println!("under way when killed: {traces}");
    }
    if let Some(least) = &plan.least {
        least.check(kills, &traces)?;
    }
    Ok(last)
}

/// A server that is killed again and again.
struct Killed<'a> {
    binary: &'a Path,
    data: PathBuf,
    options: Options,
    kills: u64,
    traces: Traces,
}

impl Killed<'_> {
    fn start(&self) -> Result<Server> {
        Server::start_with(self.binary, &self.data, &self.options)
    }

    /// Kills the server under load, more than once; gives one that has everything.
    fn round(
        &mut self,
        mut server: Server,
        random: &mut Random,
        stored: &mut Stored,
        round: u64,
    ) -> Result<Server> {
        let kills = if self.options.place.is_some() { 1 } else { KILLS_OF_A_ROUND };
        let (mut acknowledged, mut unanswered) = (Vec::new(), Vec::new());
        let mut ready_ms = 0;
        for kill in 0..kills {
            let number = round * kills + kill;
            let told = self.kill_under_load(server, random, number)?;
            acknowledged.extend(told.0);
            unanswered.extend(told.1);
            self.kill_a_start(random)?;
            let begun = Instant::now();
            server = self.start()?;
            ready_ms = begun.elapsed().as_millis();
            stored
                .check(&server.client()?, &acknowledged, &unanswered)
                .with_context(|| format!("round {round}, after kill {} of it", kill + 1))?;
        }
        stored
            .send_again(&server.client()?, &acknowledged, &unanswered)
            .with_context(|| format!("round {round}"))?;
        println!(
            "round {round:2}: {:5} acknowledged, {:3} under way when killed, ready after {ready_ms} ms",
            acknowledged.len(),
            unanswered.len(),
        );
        Ok(server)
    }

    /// Kills the server under a load of this number; gives what it had acknowledged.
    fn kill_under_load(
        &mut self,
        server: Server,
        random: &mut Random,
        number: u64,
    ) -> Result<Told> {
        let load = Load::start(&server.client()?, number, random.next());
        load.wait_for_answers(random.below(ANSWERS))?;
        std::thread::sleep(Duration::from_micros(random.below(DELAY_MICROS)));
        self.kill(server)?;
        let told = load.join()?;
        match &self.options.place {
            None => self.traces.look(&self.data.join("ledger"))?,
            Some(place) if place.journal == "object" && random.below(2) == 0 => {
                std::fs::remove_dir_all(self.data.join("ledger"))?; // the objects are all there is
            }
            Some(_) => {}
        }
        Ok(told)
    }

    /// A start replays the journal and clears what the kill has left: now and then it is killed, too.
    fn kill_a_start(&mut self, random: &mut Random) -> Result<()> {
        if random.below(STARTS_KILLED_IN) == 0 {
            let server = Server::begin_with(self.binary, &self.data, &self.options)?;
            std::thread::sleep(Duration::from_millis(random.below(250)));
            self.kill(server)?;
        }
        Ok(())
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

    /// Checks the law after a kill, of what a round had acknowledged and under way so far.
    fn check(&self, client: &Client, acknowledged: &[Event], unanswered: &[Event]) -> Result<()> {
        let mut least = self.sums.clone();
        add(&mut least, acknowledged);
        let mut most = least.clone();
        add(&mut most, unanswered);
        let found = ledger_sums(client)?;
        for meter in most.keys() {
            let sum = found.get(meter).copied().unwrap_or_default();
            let least = least.get(meter).copied().unwrap_or_default();
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
        Ok(())
    }

    /// Checks the law after a round, and adds what it has sent.
    fn send_again(
        &mut self,
        client: &Client,
        acknowledged: &[Event],
        unanswered: &[Event],
    ) -> Result<()> {
        send_again(client, acknowledged, true)?;
        send_again(client, unanswered, false)?;
        add(&mut self.sums, acknowledged);
        add(&mut self.sums, unanswered);
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slow_machine_goes_on_until_there_are_the_least_kills_or_no_time() {
        let seconds = Duration::from_secs;
        let least = Some(Least { kills: 3, limit: seconds(20) });
        let mut plan = Plan { rounds: 9, seed: 1, limit: seconds(10), least, place: None };
        let (none, some) = (Traces::default(), Traces::of_a_seal_and_a_join());
        assert!(plan.goes_on(seconds(9), 3, &some));
        assert!(!plan.goes_on(seconds(10), 3, &some));
        assert!(plan.goes_on(seconds(19), 2, &some));
        assert!(plan.goes_on(seconds(19), 3, &none));
        assert!(!plan.goes_on(seconds(20), 2, &none));
        plan.least = None;
        assert!(!plan.goes_on(seconds(10), 2, &none));
    }
}
