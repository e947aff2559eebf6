//! The work of erasures: those that were asked for, and once a day those that retention asks for.
//!
//! One runs at a time. That an erasure was begun is on file with its key, so one that a crash or a stop
//! cut off goes on at the next look, which is soon after the start; a legal hold stops one, and lifted
//! lets it go on.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use accounts::{Erasure, ErasureCause, ErasureEnd, NewErasure, Retention, UnfinishedErasure};
use aws_lc_rs::rand;
use domain::erasure::ErasureKey;
use domain::id::{ErasureId, SubscriptionId};
use domain::time::{Date, UtcTime};
use ledger::{EraseError, EraseProgress, Erased, SealError};
use tokio::sync::{Mutex, Notify, watch};
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
    /// The erasure that the ledger works on.
    running: watch::Sender<Option<Running>>,
}

/// What one look knows of those before.
#[derive(Debug)]
struct Turn {
    /// The day of the last retention run.
    last_run: Option<Date>,
    /// Erasures that failed, and from when on they are tried again.
    failed: BTreeMap<ErasureId, UtcTime>,
    /// Whether the accounts' log may have the key of an erasure that is done.
    key_in_log: bool,
}

impl Default for Turn {
    fn default() -> Self {
        // An earlier run may have been cut off in between.
        Self { last_run: None, failed: BTreeMap::new(), key_in_log: true }
    }
}

#[derive(Debug, Clone, Copy)]
struct Running {
    id: ErasureId,
    subscription: SubscriptionId,
    progress: EraseProgress,
    /// Whether it is to stop: a hold is on the subscription.
    stops: bool,
}

/// While it is there an erasure runs; also one that is given up runs no more.
struct Runs<'a>(&'a watch::Sender<Option<Running>>);

impl Drop for Runs<'_> {
    fn drop(&mut self) {
        self.0.send_replace(None);
    }
}

impl Default for Erasing {
    fn default() -> Self {
        let (running, _) = watch::channel(None);
        Self { work: Notify::new(), turn: Mutex::default(), running }
    }
}

impl Erasing {
    /// Says that there may be something to do.
    pub(crate) fn wake(&self) {
        self.work.notify_one();
    }

    /// How far an erasure is; none unless the ledger works on it.
    pub(crate) fn progress(&self, id: ErasureId) -> Option<EraseProgress> {
        let running = self.running.borrow();
        running.filter(|running| running.id == id).map(|running| running.progress)
    }

    /// Whether the one that runs is to stop.
    fn stops(&self) -> bool {
        self.running.borrow().is_some_and(|running| running.stops)
    }

    /// Has the erasure of a subscription that a hold was put on stop, if one runs.
    pub(crate) fn stop(&self, subscription: SubscriptionId) {
        self.running.send_if_modified(|running| match running {
            Some(running) if running.subscription == subscription => {
                running.stops = true;
                true
            }
            _ => false,
        });
    }

    /// Returns once nothing of a subscription is erased any more, as it was told to stop.
    pub(crate) async fn stopped(&self, subscription: SubscriptionId) {
        let is_its = |running: &Option<Running>| {
            running.is_some_and(|running| running.subscription == subscription)
        };
        let mut changes = self.running.subscribe();
        // The sender is this.
        let _ = changes.wait_for(|running| !is_its(running)).await;
    }
}

impl App {
    /// Begins an erasure, which is on file from then on.
    pub(crate) async fn begin_erasure(
        self: &Arc<Self>,
        subscription: SubscriptionId,
        before: Option<Date>,
        cause: ErasureCause,
        by: String,
    ) -> Result<Erasure, ApiError> {
        let mut key = [0; 32];
        rand::fill(&mut key).expect("the machine has randomness");
        let id = ErasureId::from_bits(Uuid::new_v4().as_u128());
        let (new, now) = (NewErasure { id, subscription, before, cause, key }, (self.clock)());
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

    /// Erases what is due now: what was begun and not done, and once a day what retention asks for. What
    /// fails is logged, and due again.
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

    /// Goes on with the erasures that were begun, but for those that a hold is on; one that fails
    /// stands in no other's way.
    async fn finish_erasures(&self, turn: &mut Turn) -> Result<(), ApiError> {
        let unfinished = self.accounts.unfinished_erasures().await;
        let unfinished = unfinished.map_err(|error| ApiError::internal("reading erasures", &error));
        let unfinished = unfinished?;
        turn.failed.retain(|id, _| unfinished.iter().any(|one| one.erasure.id == *id));
        for unfinished in unfinished {
            let (id, now) = (unfinished.erasure.id, (self.clock)());
            if turn.failed.get(&id).is_some_and(|retry| now < *retry) {
                continue;
            }
            match self.finish_erasure(unfinished).await {
                Ok(is_done) => turn.key_in_log |= is_done,
                Err(error @ (ApiError::LedgerRefuses | ApiError::LedgerStalled)) => {
                    return Err(error);
                }
                Err(_) => {
                    let retry = now.plus_seconds(limits::ERASURE_RETRY_SECONDS);
                    tracing::error!(erasure = %id, %retry, "an erasure failed, and is tried again");
                    turn.failed.insert(id, retry);
                }
            }
        }
        Ok(())
    }

    /// Erases what is older than retention allows, one subscription after the other.
    async fn run_retention(self: &Arc<Self>, turn: &mut Turn, today: Date) -> Result<(), ApiError> {
        let retentions = self.accounts.retentions().await;
        let failed = |error| ApiError::internal("reading retention", &error);
        for Retention { subscription, days, .. } in retentions.map_err(failed)? {
            let days = i32::try_from(days).expect("days of retention are few");
            let before = today.plus_days(-days);
            let last = self.accounts.last_retention_erasure(subscription).await.map_err(failed)?;
            // A later bound is of before retention was lengthened: what came since may be older.
            if last.and_then(|last| last.before).is_some_and(|last| last == before) {
                continue;
            }
            let (cause, by) = (ErasureCause::Retention, RETENTION.to_owned());
            match self.begin_erasure(subscription, Some(before), cause, by).await {
                Ok(_) => self.finish_erasures(turn).await?,
                Err(ApiError::Erasure(ErasureError::Held { reason, .. })) => {
                    tracing::info!(%subscription, %before, %reason, "a legal hold stops retention");
                }
                Err(ApiError::Erasure(ErasureError::UnderWay { erasure, .. })) => {
                    tracing::info!(%subscription, %before, %erasure, "retention waits for an erasure");
                }
                Err(error) => return Err(error),
            }
        }
        self.metrics.retention_ran((self.clock)());
        Ok(())
    }

    /// Goes on with an erasure to its end, unless a hold is on it; answers whether it is done.
    async fn finish_erasure(&self, unfinished: UnfinishedErasure) -> Result<bool, ApiError> {
        let Erasure { id, subscription, .. } = unfinished.erasure;
        let progress = EraseProgress::default();
        // In this order: whoever puts a hold on it afterwards finds that it runs.
        let running = Running { id, subscription, progress, stops: false };
        self.erasing.running.send_replace(Some(running));
        let runs = Runs(&self.erasing.running);
        let erased = self.erase(&unfinished).await;
        drop(runs);
        let Some(end) = erased? else { return Ok(false) };
        let (files, rows) = (end.files, end.rows);
        let failed = |error| ApiError::internal("ending an erasure", &error);
        self.accounts.end_erasure(id, end).await.map_err(failed)?;
        self.metrics.erased(rows);
        let cause = unfinished.erasure.cause.as_str();
        let before = unfinished.erasure.before.map(|day| day.to_string());
        tracing::info!(%subscription, erasure = %id, cause, before, files, rows, "erased details of usage");
        Ok(true)
    }

    /// Has the ledger erase; answers nothing if a hold stops it.
    async fn erase(&self, unfinished: &UnfinishedErasure) -> Result<Option<ErasureEnd>, ApiError> {
        let Erasure { subscription, before, .. } = unfinished.erasure;
        let failed = |error| ApiError::internal("reading what is to be erased", &error);
        if self.accounts.legal_hold(subscription).await.map_err(failed)?.is_some() {
            return Ok(None);
        }
        let last = self.accounts.last_retention_erasure(subscription).await.map_err(failed)?;
        let erasure = ledger::Erasure {
            subscription,
            before: before.map(Date::start),
            since: last.and_then(erased),
            key: ErasureKey::from_bytes(unfinished.key),
        };
        let running = self.erasing.running.clone();
        let progress = move |far: EraseProgress| {
            let mut stops = false;
            running.send_if_modified(|running| match running {
                Some(running) => {
                    running.progress = far;
                    stops = running.stops;
                    true
                }
                None => false,
            });
            if stops { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let report = self.ledger.erase(erasure, progress).await;
        // What was read before may name what is gone.
        self.known_groups.forget(subscription);
        let report = match report {
            Ok(report) => report,
            Err(EraseError::Stopped) if self.erasing.stops() => {
                tracing::info!(%subscription, "a legal hold stops an erasure");
                return Ok(None);
            }
            Err(EraseError::Stopped | EraseError::Refused) => return Err(ApiError::LedgerRefuses),
            Err(EraseError::Log(SealError::Stalled)) => return Err(ApiError::LedgerStalled),
            Err(error) => return Err(ApiError::internal("erasing", &error)),
        };
        if report.held > 0 {
            let files = report.held;
            tracing::info!(%subscription, files, "files that are still read are removed later");
        }
        Ok(Some(ErasureEnd {
            at: (self.clock)(),
            ledger_version: report.version.to_string(),
            files: report.files,
            rows: report.rows,
        }))
    }
}

/// What the ledger need not look at again; nothing unless the erasure is done.
fn erased(erasure: Erasure) -> Option<Erased> {
    let version = erasure.end?.ledger_version.parse().ok()?;
    Some(Erased { before: erasure.before.map(Date::start), version })
}
