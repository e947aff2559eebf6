//! One round: from its seed, what is asked of a ledger, and what goes wrong meanwhile.
//!
//! Each thing that is asked is waited for, so that a seed repeats as well as threads allow. What may be
//! refused is refused only if something went wrong.

mod erase;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use domain::aggregate::{Granularity, UsageQuery};
use domain::record::Commit;
use domain::time::{ReportedTime, UtcTime};

use super::ROOT;
use super::auditor::{Asked, Auditor, Finding, SUBSCRIPTIONS, Wrong, hold, wrong};
use super::faults::{Call, Crash, Plan, Role, SyncOf};
use super::machine::Machine;
use super::random::Random;
use super::table;
use crate::seam::Seams;
use crate::storage::{Disk, Folder, Storage};
use crate::support::{Clock, Spec, hour, subscription};
use crate::{
    AppendError, CompactError, Erased, Ledger, NewRecord, OpenError, Options, SealError, Snapshot,
    Version,
};

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
    /// How often the machine stopped, and how often of them with its power.
    pub(super) stops: u64,
    pub(super) power_losses: u64,
    pub(super) openings: u64,
    /// Erasures that were acknowledged.
    pub(super) erasures: u64,
    /// Every sync call that there was.
    pub(super) syncs: BTreeSet<(Role, Call, String)>,
}

/// A round under way.
struct Round {
    random: Random,
    machine: Machine,
    clock: Clock,
    auditor: Auditor,
    options: Options,
    checkpoint_entries: u64,
    /// Whether calls may fail, or the machine only stops.
    has_faults: bool,
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
pub(super) async fn run(seed: u64, steps: u64, ignored: Option<SyncOf>) -> Result<Tally, Finding> {
    let mut random = Random::new(seed);
    let clock = Clock::at(hour(24 * 3));
    let options = Options {
        clock: clock.reader(),
        seal_bytes: random.pick(&[u64::MAX, 1_500, 8_000]),
        seal_after_seconds: random.pick(&[u64::MAX, 600]),
        keep_replaced_seconds: random.pick(&[0, 0, 7_200, 7 * 86_400]),
    };
    let mut round = Round {
        machine: Machine::new(seed, ignored),
        clock,
        auditor: Auditor::default(),
        options,
        checkpoint_entries: random.pick(&[2, 3, 7]),
        has_faults: random.chance(600),
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
        } else if done? {
            ledger = round.reopen(ledger).await?;
        }
    }
    round.end(ledger).await?;
    Ok(round.tally)
}

impl Round {
    /// Does one thing; whether the ledger is to be opened again.
    async fn step(&mut self, ledger: &Ledger) -> Result<bool, Finding> {
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
            80..82 => return Ok(true),
            82..85 => {
                let power = self.random.chance(700);
                self.stop(power);
            }
            85..97 => self.arm(),
            _ => self.space(),
        }
        Ok(!ledger.status().writable && self.machine.is_on() && self.random.chance(500))
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

    /// The disk has little room, or much again.
    fn space(&mut self) {
        let plan = self.machine.set_plan(Plan::default());
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
        let ask = |specs: Vec<Spec>| {
            let ledger = ledger.clone();
            async move {
                let made =
                    |spec: &Spec| NewRecord { record: spec.record(), reported: spec.reported() };
                let answer = ledger.append(specs.iter().map(made).collect()).await;
                Asked { specs, answer }
            }
        };
        let tasks: Vec<_> = batches.into_iter().map(|specs| tokio::spawn(ask(specs))).collect();
        let mut asked = Vec::new();
        for task in tasks {
            asked.push(task.await.map_err(|error| error.to_string())?);
        }
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

    /// Reads something, now or as it was.
    async fn read(&mut self, ledger: &Ledger) -> Result<(), Finding> {
        let snapshot = ledger.snapshot(None).await.map_err(|error| error.to_string())?;
        let last = self.auditor.last();
        if self.versions.len() == VERSIONS {
            self.versions.remove(0);
        }
        self.versions.push((snapshot.version(), last));
        let read = match self.random.below(5) {
            0 => self.auditor.check_records(&snapshot, last).await,
            1 => {
                let (version, commit) =
                    self.versions[self.random.place(self.versions.len())].clone();
                match snapshot.as_of(&version) {
                    Ok(past) => self.auditor.check_records(&past, commit).await,
                    Err(error) => Err(Wrong::Answer(format!("{version} is gone: {error}"))),
                }
            }
            2 => self.read_moment(ledger).await,
            3 => {
                // A reader that goes on with what it began with, whatever is joined and cleared.
                let (held, commit) = self.held.take().unwrap_or((snapshot, last));
                let read = self.auditor.check_held(&held, commit).await;
                self.held = Some((held, commit));
                read
            }
            _ => {
                let (version, commit) =
                    self.versions[self.random.place(self.versions.len())].clone();
                let past = snapshot.as_of(&version).map_err(|error| error.to_string())?;
                let query = self.query();
                self.auditor.check_pages(&past, commit, &query).await
            }
        };
        match read {
            Ok(()) => Ok(()),
            Err(Wrong::Error(error)) => self.excused(&format!("a read was answered {error:?}")),
            Err(Wrong::Answer(_)) if !self.machine.is_on() => Ok(()),
            Err(answer) => Err(wrong(answer)),
        }
    }

    /// What was known at a moment, now and for ever.
    async fn read_moment(&mut self, ledger: &Ledger) -> Result<(), Wrong> {
        let moments: Vec<UtcTime> = self.moments.keys().copied().collect();
        let moment = match self.random.chance(500) && !moments.is_empty() {
            true => self.random.pick(&moments),
            false => {
                let ago = i64::try_from(self.random.below(2 * 86_400)).unwrap();
                self.clock.now().plus_seconds(-1 - ago)
            }
        };
        let snapshot = ledger.snapshot_at(moment).await?;
        let expected = self.auditor.last_at(moment);
        let before = *self.moments.entry(moment).or_insert(expected);
        if before != expected {
            return Err(Wrong::Answer(format!("{moment} was {before:?} and is {expected:?}")));
        }
        self.auditor.check_records(&snapshot, expected).await
    }

    fn query(&mut self) -> UsageQuery {
        let number = u8::try_from(self.random.below(SUBSCRIPTIONS.into())).unwrap();
        let (from, to) = self.random.pick(&[(0, 24 * 400), (24, 48), (60, 73)]);
        UsageQuery {
            subscription: subscription(number),
            reported: ReportedTime(hour(from))..ReportedTime(hour(to)),
            granularity: self.random.pick(&[Granularity::Daily, Granularity::Hourly]),
            details: self.random.chance(500),
            within: None,
        }
    }

    /// An error needs a reason.
    fn excused(&self, what: &str) -> Result<(), Finding> {
        let happened = self.machine.happened();
        let excused = happened.failed + happened.rotten > 0 || !self.machine.is_on();
        hold!(excused, "nothing went wrong, and {what}");
        Ok(())
    }
}

impl Round {
    /// Closes the ledger and opens it again.
    async fn reopen(&mut self, ledger: Ledger) -> Result<Ledger, Finding> {
        self.held = None;
        ledger.close().await.map_err(|error| error.to_string())?;
        drop(ledger);
        if !self.machine.is_on() {
            return self.open().await;
        }
        let power = self.random.chance(300);
        self.stop(power);
        if self.random.chance(300) {
            self.audit_table()?;
        }
        self.harm();
        self.open().await
    }

    /// The machine has stopped.
    async fn crashed(&mut self, ledger: Ledger) -> Result<Ledger, Finding> {
        self.held = None;
        ledger.close().await.map_err(|error| error.to_string())?;
        drop(ledger);
        let power = self.random.chance(200);
        self.stop(power);
        if self.random.chance(200) {
            self.harm();
        }
        self.open().await
    }

    /// Opens the ledger, however often it takes.
    async fn open(&mut self) -> Result<Ledger, Finding> {
        for attempt in 0.. {
            let plan = if attempt < 4 { self.plan() } else { Plan::default() };
            let disk: Arc<dyn Disk> = self.machine.start(plan);
            self.tally.openings += 1;
            let seams =
                Seams { disk, checkpoint_entries: self.checkpoint_entries, ..Seams::default() };
            match Ledger::open_with(Path::new(ROOT), self.options.clone(), seams) {
                Ok(ledger) => {
                    // Nothing goes wrong while everything is looked at.
                    let plan = self.machine.set_plan(Plan::default());
                    if self.machine.is_on() {
                        let (whole, was_unsure) =
                            (self.random.chance(250), self.auditor.is_unsure());
                        self.auditor.opened(&ledger, whole).await?;
                        if was_unsure && self.random.chance(700) {
                            // What is there once the ledger was opened stays there.
                            self.stop(true);
                        }
                    }
                    self.machine.set_plan(plan);
                    return Ok(ledger);
                }
                Err(error) => self.refused(&error)?,
            }
            let power = self.random.chance(500);
            self.stop(power);
        }
        unreachable!("openings without faults end")
    }

    /// What goes wrong until the next start.
    fn plan(&mut self) -> Plan {
        let mut plan = Plan::default();
        if self.has_faults && self.random.chance(600) {
            plan.failing = self.random.pick(&[0, 5, 20, 60, 120]);
            plan.rotten = self.random.pick(&[0, 0, 20]);
            plan.space = self.random.chance(100).then(|| self.random.below(50_000));
        }
        if self.random.chance(250) {
            let (calls, power) = (1 + self.random.below(60), self.random.chance(750));
            plan.crash = Some(Crash { role: None, calls, power });
        }
        plan
    }

    /// An opening that fails needs a reason, and one that speaks of damage needs damage.
    fn refused(&self, error: &OpenError) -> Result<(), Finding> {
        self.excused(&format!("the ledger was not opened: {error}"))?;
        let is_damage = !matches!(error, OpenError::File(_));
        let rotten = self.machine.happened().rotten > 0;
        hold!(!is_damage || rotten, "nothing is damaged, and the ledger was not opened: {error}");
        Ok(())
    }

    /// Deletes or damages files that are derived: of the index any, of the checkpoints the last one, once.
    fn harm(&mut self) {
        if !self.random.chance(400) {
            return;
        }
        let folder = PathBuf::from(ROOT).join("index");
        for name in self.machine.names(&folder) {
            if self.random.chance(300) {
                self.machine.damage(&folder.join(name), self.random.next());
                self.harmed = true;
            }
        }
        let folder = PathBuf::from(ROOT).join("usage/_delta_log");
        let mut names = self.machine.names(&folder);
        names.retain(|name| name.ends_with(".checkpoint.parquet"));
        if names.len() >= 2 && !std::mem::replace(&mut self.has_harmed_checkpoint, true) {
            let flipped = self.random.next() | 1;
            self.machine.damage(&folder.join(&names[names.len() - 1]), flipped);
        }
    }

    /// Reads the table without the ledger.
    fn audit_table(&mut self) -> Result<(), Finding> {
        let disk: Arc<dyn Disk> = self.machine.start(Plan::default());
        let root = Folder { storage: Storage::on(disk), path: PathBuf::from(ROOT) };
        table::check(&root, &self.auditor)?;
        self.machine.stop(false);
        Ok(())
    }

    /// What was erased is nowhere: neither in files that others have taken the place of, nor in the journal.
    fn audit_names(&mut self) -> Result<(), Finding> {
        let disk: Arc<dyn Disk> = self.machine.start(Plan::default());
        let root = Folder { storage: Storage::on(disk), path: PathBuf::from(ROOT) };
        table::check_erased(&root, &self.auditor)?;
        self.machine.stop(false);
        Ok(())
    }

    /// Stops the machine, unless it has; it may lose its power in either case.
    fn stop(&mut self, power: bool) {
        self.machine.stop(power);
    }

    /// Once more without faults: everything that was acknowledged is there.
    async fn end(&mut self, ledger: Ledger) -> Result<(), Finding> {
        self.has_faults = false;
        self.stop(true);
        let mut ledger = self.crashed(ledger).await?;
        while !self.machine.is_on() {
            ledger = self.crashed(ledger).await?;
        }
        self.machine.set_plan(Plan::default());
        ledger.seal().await.map_err(|error| error.to_string())?;
        ledger.compact().await.map_err(|error| error.to_string())?;
        self.auditor.check(&ledger).await?;
        ledger.close().await.map_err(|error| error.to_string())?;
        self.audit_table()?;
        self.audit_names()?;
        let happened = self.machine.all_happened();
        self.tally.calls = happened.calls;
        self.tally.failed = happened.failed + happened.rotten;
        self.tally.stops = happened.stops;
        self.tally.power_losses = happened.power_losses;
        self.tally.records = self.auditor.count();
        self.tally.syncs = self.machine.syncs();
        Ok(())
    }
}
