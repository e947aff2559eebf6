//! The work of erasures: those that were asked for, and once a day those that retention asks for.
//!
//! All that are due are done in one walk over the ledger's files. That an erasure was begun is on file
//! with its key, so one that a crash or a stop cut off goes on at the next look, which is soon after the
//! start; a legal hold stops one, and lifted lets it go on.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::{Arc, Mutex as StdMutex, PoisonError};

use accounts::{Erasure, ErasureCause, ErasureEnd, NewErasure, Retention, UnfinishedErasure};
use aws_lc_rs::rand;
use domain::erasure::ErasureKey;
use domain::id::{ErasureId, SubscriptionId};
use domain::time::{Date, UtcTime};
use ledger::{EraseError, EraseProgress, Erased, ErasedRows, ErasureReport, SealError};
use tokio::sync::{Mutex, Notify, RwLock, RwLockReadGuard, watch};
use uuid::Uuid;

use crate::app::App;
use crate::error::{ApiError, ErasureError};
use crate::limits;
use crate::own::erasures::refusal;

/// Who asks for what retention asks for, in the audit log.
const RETENTION: &str = "retention";

/// Erasures under way.
#[derive(Debug)]
pub(crate) struct Erasing {
    /// Told when there may be something to do.
    work: Notify,
    /// Held by whoever does it.
    turn: Mutex<Turn>,
    /// The erasures that the ledger works on.
    running: watch::Sender<Running>,
    /// Those that failed, and from when on they are tried again.
    failed: StdMutex<BTreeMap<ErasureId, UtcTime>>,
    /// Held by corrections, from reading what they take back until that is stored.
    correcting: RwLock<()>,
}

/// What one look knows of those before.
#[derive(Debug)]
struct Turn {
    /// The day of the last retention run.
    last_run: Option<Date>,
    /// Whether the accounts' log may have the key of an erasure that has ended.
    key_in_log: bool,
}

impl Default for Turn {
    fn default() -> Self {
        // An earlier run may have been cut off in between.
        Self { last_run: None, key_in_log: true }
    }
}

#[derive(Debug, Default)]
struct Running {
    /// In the order in which the ledger was asked.
    of: Vec<Target>,
    progress: EraseProgress,
    /// Whether they are to stop: a hold is on one of the subscriptions.
    stops: bool,
}

/// What an erasure is of.
#[derive(Debug, Clone, Copy)]
struct Target {
    id: ErasureId,
    subscription: SubscriptionId,
    /// Usage that starts before; none: whenever it starts.
    before: Option<UtcTime>,
}

impl Running {
    fn of(erasures: &[UnfinishedErasure]) -> Vec<Target> {
        let target = |UnfinishedErasure { erasure, .. }: &UnfinishedErasure| Target {
            id: erasure.id,
            subscription: erasure.subscription,
            before: erasure.before.map(Date::start),
        };
        erasures.iter().map(target).collect()
    }

    fn find(&self, subscription: SubscriptionId) -> Option<Target> {
        self.of.iter().find(|target| target.subscription == subscription).copied()
    }
}

/// What a correction holds, from before it reads until it has stored.
pub(crate) struct Correcting<'a> {
    /// While it is there no erasure begins.
    _turn: RwLockReadGuard<'a, ()>,
    /// The erasure that runs.
    running: Option<Target>,
}

impl Correcting<'_> {
    /// Refuses to take back usage that is being erased: what was read of it may have the names still.
    pub(crate) fn check(&self, usage_start: UtcTime) -> Result<(), ErasureError> {
        match self.running {
            Some(Target { subscription, before, .. })
                if before.is_none_or(|before| usage_start < before) =>
            {
                Err(ErasureError::Runs { subscription })
            }
            _ => Ok(()),
        }
    }
}

/// While it is there erasures run; also ones that are given up run no more.
struct Runs<'a>(&'a watch::Sender<Running>);

impl Drop for Runs<'_> {
    fn drop(&mut self) {
        self.0.send_replace(Running::default());
    }
}

/// How far an erasure is that the ledger works on.
pub(crate) struct Far {
    pub(crate) files_done: u64,
    pub(crate) files_to_do: u64,
    pub(crate) rows: u64,
}

impl Default for Erasing {
    fn default() -> Self {
        let (running, _) = watch::channel(Running::default());
        Self {
            work: Notify::new(),
            turn: Mutex::default(),
            running,
            failed: StdMutex::default(),
            correcting: RwLock::default(),
        }
    }
}

impl Erasing {
    /// Says that there may be something to do.
    pub(crate) fn wake(&self) {
        self.work.notify_one();
    }

    /// How far an erasure is; none unless the ledger works on it.
    pub(crate) fn progress(&self, id: ErasureId) -> Option<Far> {
        let running = self.running.borrow();
        let position = running.of.iter().position(|target| target.id == id)?;
        let EraseProgress { files_done, files_to_do, of } = &running.progress;
        let rows = of.get(position).map_or(0, |of| of.rows);
        Some(Far { files_done: *files_done, files_to_do: *files_to_do, rows })
    }

    /// When an erasure that failed is tried again.
    pub(crate) fn retry(&self, id: ErasureId) -> Option<UtcTime> {
        self.failed.lock().unwrap_or_else(PoisonError::into_inner).get(&id).copied()
    }

    fn has_failed(&self, id: ErasureId, now: UtcTime) {
        let retry = now.plus_seconds(limits::ERASURE_RETRY_SECONDS);
        tracing::error!(erasure = %id, %retry, "an erasure failed, and is tried again");
        self.failed.lock().unwrap_or_else(PoisonError::into_inner).insert(id, retry);
    }

    /// Forgets that erasures failed which are tried now, or are under way no more.
    fn forget_failed(&self, is_waiting: impl Fn(ErasureId, UtcTime) -> bool) {
        let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        failed.retain(|id, retry| is_waiting(*id, *retry));
    }

    /// Whether those that run are to stop.
    fn stops(&self) -> bool {
        self.running.borrow().stops
    }

    /// Has the erasures stop, if one runs of a subscription that a hold was put on.
    pub(crate) fn stop(&self, subscription: SubscriptionId) {
        self.running.send_if_modified(|running| {
            running.stops |= running.find(subscription).is_some();
            running.stops
        });
    }

    /// Lets a correction read what it takes back, and store: no erasure begins in between, which would
    /// leave the names that were read.
    pub(crate) async fn correcting(&self, subscription: SubscriptionId) -> Correcting<'_> {
        let turn = self.correcting.read().await;
        Correcting { _turn: turn, running: self.running.borrow().find(subscription) }
    }

    /// Returns once nothing of a subscription is erased any more, as it was told to stop.
    pub(crate) async fn stopped(&self, subscription: SubscriptionId) {
        let mut changes = self.running.subscribe();
        // The sender is this.
        let _ = changes.wait_for(|running| running.find(subscription).is_none()).await;
    }
}

impl App {
    /// Begins an erasure, which is on file from then on.
    pub(crate) async fn begin_erasure(
        self: &Arc<Self>,
        subscription: SubscriptionId,
        before: Option<Date>,
        by: String,
    ) -> Result<Erasure, ApiError> {
        let new = new_erasure(subscription, before, ErasureCause::Request);
        let now = (self.clock)();
        self.change(move |accounts| async move {
            accounts.begin_erasure(new, &by, now).await.map_err(refusal)
        })
        .await
    }

    /// Erases what is due, whenever it is, until it is stopped.
    pub(crate) async fn keep_erasing(self: Arc<Self>) {
        loop {
            self.erase_due().await;
            let told = self.erasing.work.notified();
            let _ = tokio::time::timeout(limits::ERASURE_LOOK, told).await;
        }
    }

    /// Erases what is due now: what was begun and has not ended, and once a day what retention asks for.
    /// What fails is logged, and due again.
    pub async fn erase_due(self: &Arc<Self>) {
        let mut turn = self.erasing.turn.lock().await;
        if let Err(error) = self.finish_erasures(&mut turn).await {
            tracing::error!(code = error.code(), "erasures that were begun go on later");
            return;
        }
        let today = (self.clock)().date();
        if turn.last_run != Some(today) {
            match self.run_retention(&mut turn, today).await {
                Ok(()) => turn.last_run = Some(today),
                Err(error) => tracing::error!(code = error.code(), "retention goes on later"),
            }
        }
        if turn.key_in_log {
            match self.accounts.empty_log().await {
                Ok(is_empty) => turn.key_in_log = !is_empty,
                Err(error) => tracing::error!(%error, "the accounts' log was not emptied"),
            }
        }
    }

    /// Begins what retention asks for, and erases it.
    async fn run_retention(self: &Arc<Self>, turn: &mut Turn, today: Date) -> Result<(), ApiError> {
        let failed = |error| ApiError::internal("reading retention", &error);
        let retentions = self.accounts.retentions().await.map_err(failed)?;
        let last = self.accounts.last_retention_erasures().await.map_err(failed)?;
        let mut new = Vec::new();
        for Retention { subscription, days, .. } in retentions {
            let days = i32::try_from(days).expect("days of retention are few");
            let before = Some(today.plus_days(-days));
            // A later bound is of before retention was lengthened: what came since may be older.
            if last.get(&subscription).is_none_or(|last| last.before != before) {
                new.push(new_erasure(subscription, before, ErasureCause::Retention));
            }
        }
        let now = (self.clock)();
        let begun = self.change(move |accounts| async move {
            let begun = accounts.begin_erasures(new, RETENTION, now).await;
            begun.map_err(|error| ApiError::internal("beginning erasures", &error))
        });
        for refused in begun.await?.into_iter().filter_map(Result::err).map(refusal) {
            match refused {
                ApiError::Erasure(ErasureError::Held { subscription, reason }) => {
                    tracing::info!(%subscription, %reason, "a legal hold stops retention");
                }
                ApiError::Erasure(ErasureError::UnderWay { subscription, erasure }) => {
                    tracing::info!(%subscription, %erasure, "retention waits for an erasure");
                }
                error => return Err(error),
            }
        }
        self.finish_erasures(turn).await?;
        self.metrics.retention_ran((self.clock)());
        Ok(())
    }

    /// Goes on with the erasures that were begun, until all that can have ended. A hold that is put on
    /// the subscription of one stops all, and the others go on without it.
    async fn finish_erasures(&self, turn: &mut Turn) -> Result<(), ApiError> {
        loop {
            let due = self.due_erasures().await?;
            // In this order: whoever puts a hold on one afterwards finds that it runs.
            let of = Running::of(&due);
            self.erasing.running.send_replace(Running { of, ..Running::default() });
            let runs = Runs(&self.erasing.running);
            let due = self.without_held(due).await?;
            if due.is_empty() {
                return Ok(());
            }
            self.erasing.running.send_modify(|running| running.of = Running::of(&due));
            drop(self.erasing.correcting.write().await); // those who read before have stored
            let erased = self.erase(&due).await;
            drop(runs);
            match erased {
                Ok(Some(report)) => turn.key_in_log |= self.end_erasures(&due, report).await?,
                Ok(None) => {}
                Err(error @ (ApiError::LedgerRefuses | ApiError::LedgerStalled)) => {
                    return Err(error);
                }
                Err(_) => {
                    for UnfinishedErasure { erasure, .. } in &due {
                        self.erasing.has_failed(erasure.id, (self.clock)());
                    }
                }
            }
        }
    }

    /// The erasures that were begun, but for those that failed a short while ago.
    async fn due_erasures(&self) -> Result<Vec<UnfinishedErasure>, ApiError> {
        let unfinished = self.accounts.unfinished_erasures().await;
        let unfinished = unfinished.map_err(|error| ApiError::internal("reading erasures", &error));
        let mut unfinished = unfinished?;
        let now = (self.clock)();
        self.erasing.forget_failed(|id, retry| {
            now < retry && unfinished.iter().any(|one| one.erasure.id == id)
        });
        unfinished.retain(|one| self.erasing.retry(one.erasure.id).is_none());
        Ok(unfinished)
    }

    async fn without_held(
        &self,
        erasures: Vec<UnfinishedErasure>,
    ) -> Result<Vec<UnfinishedErasure>, ApiError> {
        let mut free = Vec::with_capacity(erasures.len());
        for one in erasures {
            let hold = self.accounts.legal_hold(one.erasure.subscription).await;
            let hold = hold.map_err(|error| ApiError::internal("reading legal holds", &error))?;
            if hold.is_none() {
                free.push(one);
            }
        }
        Ok(free)
    }

    /// Has the ledger erase; answers nothing if a hold stops it.
    async fn erase(&self, due: &[UnfinishedErasure]) -> Result<Option<ErasureReport>, ApiError> {
        let last = self.accounts.last_retention_erasures().await;
        let failed = |error| ApiError::internal("reading what was erased", &error);
        let mut last = last.map_err(failed)?;
        let erasures = due.iter().map(|UnfinishedErasure { erasure, key }| ledger::Erasure {
            subscription: erasure.subscription,
            before: erasure.before.map(Date::start),
            since: last.remove(&erasure.subscription).and_then(erased),
            key: ErasureKey::from_bytes(*key),
        });
        let running = self.erasing.running.clone();
        let progress = move |far: &EraseProgress| {
            running.send_modify(|running| running.progress.clone_from(far));
            let stops = running.borrow().stops;
            if stops { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let report = self.ledger.erase(erasures.collect(), progress).await;
        for UnfinishedErasure { erasure, .. } in due {
            // What was read before may name what is gone.
            self.known_groups.forget(erasure.subscription);
        }
        match report {
            Ok(report) => Ok(Some(report)),
            Err(EraseError::Stopped) if self.erasing.stops() => {
                tracing::info!("a legal hold stops erasures");
                Ok(None)
            }
            Err(EraseError::Stopped | EraseError::Refused) => Err(ApiError::LedgerRefuses),
            Err(EraseError::Log(SealError::Stalled)) => Err(ApiError::LedgerStalled),
            Err(error) => Err(ApiError::internal("erasing", &error)),
        }
    }

    /// Notes what came of erasures, whether one has ended.
    async fn end_erasures(
        &self,
        due: &[UnfinishedErasure],
        report: ErasureReport,
    ) -> Result<bool, ApiError> {
        let (at, mut ends) = ((self.clock)(), Vec::new());
        for (UnfinishedErasure { erasure, .. }, of) in due.iter().zip(report.of) {
            let ErasedRows { files, rows, damaged, left } = of;
            if !left.is_empty() {
                self.erasing.has_failed(erasure.id, at);
                continue;
            }
            let Erasure { id, subscription, before, cause, .. } = erasure;
            let (cause, before) = (cause.as_str(), before.map(|day| day.to_string()));
            let damaged_files = damaged.len();
            tracing::info!(%subscription, erasure = %id, cause, before, files, rows, damaged_files, "erased details of usage");
            let ledger_version = report.version.to_string();
            ends.push((*id, ErasureEnd { at, ledger_version, files, rows, damaged }));
        }
        let rows: Vec<_> = ends.iter().map(|(_, end)| end.rows).collect();
        let ended = self.accounts.end_erasures(ends).await;
        ended.map_err(|error| ApiError::internal("ending erasures", &error))?;
        rows.iter().for_each(|rows| self.metrics.erased(*rows));
        Ok(!rows.is_empty())
    }
}

fn new_erasure(
    subscription: SubscriptionId,
    before: Option<Date>,
    cause: ErasureCause,
) -> NewErasure {
    let mut key = [0; 32];
    rand::fill(&mut key).expect("the machine has randomness");
    let id = ErasureId::from_bits(Uuid::new_v4().as_u128());
    NewErasure { id, subscription, before, cause, key }
}

/// What the ledger need not look at again; nothing unless the erasure is done.
fn erased(erasure: Erasure) -> Option<Erased> {
    let version = erasure.end?.ledger_version.parse().ok()?;
    Some(Erased { before: erasure.before.map(Date::start), version })
}
