//! One round: from its seed, what is asked of a ledger, and what goes wrong meanwhile.
//!
//! Each thing that is asked is waited for, so that a seed repeats as well as threads allow. What may be
//! refused is refused only if something went wrong.

mod end;
mod erase;
mod opening;
mod overtaking;
mod reading;

use std::collections::{BTreeMap, BTreeSet};

use domain::record::Commit;
use domain::time::UtcTime;
use tokio::task::JoinHandle;

use super::auditor::{Asked, Auditor, Finding, SUBSCRIPTIONS, hold};
use super::faults::{Call, Crash, Lack, Plan, Role};
use super::home::{Home, Sizes};
use super::machine::Machine;
use super::random::Random;
use crate::limits::ROLLUP_ROWS;
use crate::support::{Clock, Spec, hour};
use crate::{
    AppendError, CompactError, Erased, Ledger, NewRecord, Options, SealError, Snapshot, Version,
};
use overtaking::Overtaken;

pub(super) use erase::key;

/// Versions that are remembered.
const VERSIONS: usize = 16;

/// What happened in a round.
#[derive(Debug, Clone, Default)]
pub(super) struct Tally {
    pub(super) rounds: u64,
    pub(super) records: u64,
    pub(super) calls: u64,
    pub(super) failed: u64,
    /// Reads of data files and of rollups that had a wrong bit.
    pub(super) rotten_data: u64,
    pub(super) rotten_rollups: u64,
    /// How often the machine stopped, and how often of them with its power.
    pub(super) stops: u64,
    pub(super) power_losses: u64,
    pub(super) openings: u64,
    /// Erasures that were acknowledged.
    pub(super) erasures: u64,
    /// Writers that another one has taken the ledger from.
    pub(super) overtaken: u64,
    /// Every call that there was that makes something durable.
    pub(super) durable: BTreeSet<(Role, Call, String)>,
}

impl Tally {
    /// What has happened to a machine that is done with.
    fn of_machine(&mut self, machine: &Machine) {
        let happened = machine.all_happened();
        self.calls += happened.calls;
        self.failed += happened.failed + happened.rotten;
        self.rotten_data += happened.rotten_data;
        self.rotten_rollups += happened.rotten_rollups;
        self.stops += happened.stops;
        self.power_losses += happened.power_losses;
        self.durable.extend(machine.durable());
    }
}

/// A round under way.
struct Round {
    random: Random,
    home: Home,
    machine: Machine,
    /// A writer that this machine has taken the ledger from, and that goes on.
    overtaken: Option<Overtaken>,
    clock: Clock,
    auditor: Auditor,
    options: Options,
    sizes: Sizes,
    /// Whether calls may fail, or the machine only stops.
    has_faults: bool,
    /// Whether nothing goes wrong any more.
    is_calm: bool,
    /// Whether another writer goes on while the ledger is opened.
    has_rival: bool,
    made: Vec<Spec>,
    versions: Vec<(Version, Commit)>,
    moments: BTreeMap<UtcTime, Commit>,
    held: Option<(Snapshot, Commit)>,
    /// What was erased of a subscription last.
    erased: BTreeMap<u8, Erased>,
    /// Whether files of the index were damaged; what is wrong with a block shows when it is read.
    harmed: bool,
    has_harmed_checkpoint: bool,
    tally: Tally,
}

/// Runs the round of a seed.
pub(super) async fn run(
    seed: u64,
    steps: u64,
    home: Home,
    lack: Option<Lack>,
) -> Result<Tally, Finding> {
    let mut random = Random::new(seed);
    let clock = Clock::at(hour(24 * 3));
    let options = Options {
        clock: clock.reader(),
        seal_bytes: random.pick(&[u64::MAX, 1_500, 8_000]),
        unsealed_bytes_max: u64::MAX,
        seal_after_seconds: random.pick(&[u64::MAX, 600]),
        keep_replaced_seconds: random.pick(&[0, 0, 7_200, 7 * 86_400]),
    };
    let mut round = Round {
        home,
        machine: Machine::new(seed, lack),
        overtaken: None,
        clock,
        auditor: Auditor::default(),
        options,
        sizes: Sizes {
            checkpoint_entries: random.pick(&[2, 3, 7]),
            rollup_rows: random.pick(&[1, ROLLUP_ROWS]),
        },
        has_faults: random.chance(600),
        is_calm: false,
        has_rival: false,
        made: Vec::new(),
        versions: Vec::new(),
        moments: BTreeMap::new(),
        held: None,
        erased: BTreeMap::new(),
        harmed: false,
        has_harmed_checkpoint: false,
        tally: Tally { rounds: 1, ..Tally::default() },
        random,
    };
    let mut ledger = round.open().await?;
    for _ in 0..steps {
        let done = round.step(&ledger).await;
        if !round.machine.is_on() {
            // Whatever it was answered: it runs no more.
            ledger = round.crashed(ledger).await?;
            continue;
        }
        ledger = match done? {
            Next::Step => ledger,
            Next::Reopen => round.reopen(ledger).await?,
            Next::Overtake => round.overtake(ledger).await?,
        };
    }
    round.end(ledger).await?;
    Ok(round.tally)
}

/// What is done after a step.
enum Next {
    Step,
    Reopen,
    Overtake,
}

impl Round {
    /// Does one thing.
    async fn step(&mut self, ledger: &Ledger) -> Result<Next, Finding> {
        self.ask_overtaken().await?;
        match self.random.below(100) {
            0..30 => self.append(ledger, 1).await?,
            30..40 => self.append(ledger, 3).await?,
            40..54 => self.seal(ledger).await?,
            54..62 => self.compact(ledger).await?,
            62..66 => self.erase(ledger).await?,
            66..70 => {
                let seconds = self.random.pick(&[1, 60, 3_600, 7_300, 86_400]);
                self.clock.set(self.clock.now().plus_seconds(seconds));
            }
            70..80 => self.read(ledger).await?,
            80..82 => return Ok(Next::Reopen),
            82..85 => {
                let power = self.random.chance(700);
                self.stop(power);
            }
            94..97 if self.home != Home::Folder => return Ok(Next::Overtake),
            85..97 => self.arm(),
            _ => self.space(),
        }
        let is_done = !ledger.status().writable && self.machine.is_on();
        Ok(if is_done && self.random.chance(500) { Next::Reopen } else { Next::Step })
    }

    /// Has the machine stop at some call from now on, or calls of one thread fail.
    fn arm(&mut self) {
        let plan = self.machine.set_plan(Plan::default());
        let roles =
            [Role::Committer, Role::Committer, Role::Sealer, Role::Compactor, Role::Indexer];
        let role = self.random.chance(800).then(|| self.random.pick(&roles));
        if self.has_faults && self.random.chance(500) {
            let failing = self.random.pick(&[20, 60, 200]);
            self.machine.set_plan(Plan { failing, failing_of: role, ..plan });
            return;
        }
        let most = match role {
            Some(Role::Committer) => 8,
            Some(_) => 40,
            None => 150,
        };
        let (calls, power) = (1 + self.random.below(most), self.random.chance(500));
        let crash = Crash { role, calls, power };
        self.machine.set_plan(Plan { crash: Some(crash), ..plan });
    }

    /// The disk has little room, or much again; or the object store is away for a while.
    fn space(&mut self) {
        let plan = self.machine.set_plan(Plan::default());
        if self.has_faults && self.home != Home::Folder && self.random.chance(500) {
            self.machine.set_plan(Plan { away: self.random.below(40), ..plan });
            return;
        }
        let space = match (self.has_faults, plan.space) {
            (true, None) => Some(self.random.below(20_000)),
            _ => None,
        };
        self.machine.set_plan(Plan { space, ..plan });
    }

    async fn append(&mut self, ledger: &Ledger, most: u64) -> Result<(), Finding> {
        let was_writable = ledger.status().writable;
        let requests = 1 + self.random.below(most);
        let batches: Vec<Vec<Spec>> = (0..requests).map(|_| self.batch()).collect();
        let tasks = batches.into_iter().map(|specs| ask(ledger, specs)).collect();
        let asked = answers(ledger, &self.machine, tasks).await?;
        self.auditor.settle(&asked, self.clock.now())?;
        for Asked { answer, .. } in &asked {
            hold!(was_writable || *answer == Err(AppendError::Refused), "taken: {answer:?}");
            match answer {
                Ok(_) => {}
                Err(AppendError::Busy) if self.harmed => {}
                Err(error) => self.excused(&format!("an append was answered {error:?}"))?,
            }
            if *answer == Err(AppendError::Refused) {
                // A failed flush stops the writer.
                hold!(!ledger.status().writable, "the ledger is writable after {answer:?}");
            }
        }
        Ok(())
    }

    /// Records: new ones, some that were sent before, some with the id of another one.
    fn batch(&mut self) -> Vec<Spec> {
        let most = if self.random.chance(100) { 90 } else { 9 };
        let count = 1 + self.random.below(most);
        (0..count)
            .map(|_| {
                let before = self.random.chance(200) && !self.made.is_empty();
                let mut spec = if before { self.random.pick(&self.made) } else { self.new_spec() };
                if before && self.random.chance(200) {
                    spec.cents += 1;
                }
                self.made.push(spec);
                spec
            })
            .collect()
    }

    fn new_spec(&mut self) -> Spec {
        let small = |random: &mut Random, bound| u8::try_from(random.below(bound)).unwrap();
        let random = &mut self.random;
        Spec {
            event: u16::try_from(self.made.len()).unwrap(),
            subscription: small(random, SUBSCRIPTIONS.into()),
            meter: small(random, 2),
            instance: small(random, 4),
            used: small(random, 60),
            length: small(random, 3),
            reported: random.chance(200).then(|| small(random, 40)),
            cents: u32::try_from(random.below(100_000)).unwrap(),
        }
    }

    async fn seal(&mut self, ledger: &Ledger) -> Result<(), Finding> {
        let was_writable = ledger.status().writable;
        let sealed = ledger.seal().await;
        hold!(was_writable || sealed.is_err(), "a ledger that is not writable was sealed");
        match sealed {
            Ok(()) => Ok(()),
            Err(SealError::ForeignCommit { file }) if self.machine.happened().rotten == 0 => {
                Err(format!("{} is taken for somebody else's", file.display()))
            }
            Err(error) => self.excused(&format!("a seal was answered {error:?}")),
        }
    }

    async fn compact(&mut self, ledger: &Ledger) -> Result<(), Finding> {
        match ledger.compact().await {
            Ok(()) => Ok(()),
            Err(CompactError::Log(SealError::ForeignCommit { file }))
                if self.machine.happened().rotten == 0 =>
            {
                Err(format!("{} is taken for somebody else's", file.display()))
            }
            Err(error) => self.excused(&format!("a join was answered {error:?}")),
        }
    }

    /// An error needs a reason.
    fn excused(&self, what: &str) -> Result<(), Finding> {
        let happened = self.machine.happened();
        let has_failed = happened.failed + happened.rotten > 0;
        let excused = has_failed || self.has_rival || !self.machine.is_on();
        hold!(excused, "nothing went wrong, and {what}");
        Ok(())
    }
}

/// Has records appended by a task of its own.
fn ask(ledger: &Ledger, specs: Vec<Spec>) -> JoinHandle<Asked> {
    let ledger = ledger.clone();
    tokio::spawn(async move {
        let made = |spec: &Spec| NewRecord { record: spec.record(), reported: spec.reported() };
        let answer = ledger.append(specs.iter().map(made).collect()).await;
        Asked { specs, answer }
    })
}

/// What appends were answered. One that waits for an object store is answered on a machine that has stopped
/// only when its ledger is closed.
async fn answers(
    ledger: &Ledger,
    machine: &Machine,
    tasks: Vec<JoinHandle<Asked>>,
) -> Result<Vec<Asked>, Finding> {
    let all = async {
        let mut asked = Vec::new();
        for task in tasks {
            asked.push(task.await.map_err(|error| error.to_string())?);
        }
        Ok(asked)
    };
    tokio::pin!(all);
    tokio::select! {
        biased;
        asked = &mut all => return asked,
        () = machine.stopped() => {}
    }
    ledger.close().await.map_err(|error| error.to_string())?;
    all.await
}
