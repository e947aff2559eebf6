//! What the ledger's threads count and time, for whoever watches it. Nothing here changes what they do.

use std::fmt;
use std::time::Duration;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use crate::together::{Settled, Together};
use crate::{CompactError, Ledger, Outcome, SealError};

/// Upper bounds of seconds that a sync takes: from a fast disk to a broken one.
const SYNC_SECONDS: [f64; 12] =
    [0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 2.0];
/// Upper bounds of records in a group commit.
const GROUP_RECORDS: [f64; 10] =
    [1.0, 4.0, 16.0, 64.0, 256.0, 1_000.0, 4_000.0, 16_000.0, 64_000.0, 256_000.0];
/// Upper bounds of seconds that a seal or a join takes.
const WORK_SECONDS: [f64; 9] = [0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0, 60.0];

/// The counts and times; shared by handle and threads.
#[derive(Debug, Clone)]
pub(crate) struct Measures {
    sync_seconds: Histogram,
    group_records: Histogram,
    stored: Counter,
    duplicates: Counter,
    conflicts: Counter,
    pub(crate) refused_as_busy: Counter,
    seal_seconds: Histogram,
    seal_failures: Counter,
    join_seconds: Histogram,
    join_failures: Counter,
    pub(crate) rollups_damaged: Counter,
}

impl Default for Measures {
    fn default() -> Self {
        Self {
            sync_seconds: Histogram::new(SYNC_SECONDS),
            group_records: Histogram::new(GROUP_RECORDS),
            stored: Counter::default(),
            duplicates: Counter::default(),
            conflicts: Counter::default(),
            refused_as_busy: Counter::default(),
            seal_seconds: Histogram::new(WORK_SECONDS),
            seal_failures: Counter::default(),
            join_seconds: Histogram::new(WORK_SECONDS),
            join_failures: Counter::default(),
            rollups_damaged: Counter::default(),
        }
    }
}

impl Measures {
    /// A frame of this many records was written and synced.
    pub(crate) fn group_commit(&self, records: u32, took: Duration) {
        self.group_records.observe(f64::from(records));
        self.sync_seconds.observe(took.as_secs_f64());
    }

    /// A request of this many records was settled.
    pub(crate) fn settled(&self, settled: &Settled, records: usize) {
        let outcomes = match settled {
            Settled::Each(outcomes) => outcomes,
            Settled::Together(Together::Stored(_)) => {
                self.stored.inc_by(records as u64);
                return;
            }
            Settled::Together(Together::Duplicate(_)) => {
                self.duplicates.inc_by(records as u64);
                return;
            }
            Settled::Together(Together::Refused { .. }) => {
                self.conflicts.inc();
                return;
            }
        };
        for outcome in outcomes {
            match outcome {
                Outcome::Stored(_) => &self.stored,
                Outcome::Duplicate(_) => &self.duplicates,
                Outcome::Conflict(_) => &self.conflicts,
            }
            .inc();
        }
    }

    /// A seal that had something to do took this long, or failed.
    pub(crate) fn sealed(&self, sealed: &Result<(), SealError>, took: Duration) {
        match sealed {
            Ok(()) => self.seal_seconds.observe(took.as_secs_f64()),
            Err(_) => {
                self.seal_failures.inc();
            }
        }
    }

    /// A join took this long, or failed.
    pub(crate) fn joined(&self, joined: &Result<(), CompactError>, took: Duration) {
        match joined {
            Ok(()) => self.join_seconds.observe(took.as_secs_f64()),
            Err(CompactError::Refused | CompactError::Stopped) => {}
            Err(CompactError::Read(_) | CompactError::File(_) | CompactError::Log(_)) => {
                self.join_failures.inc();
            }
        }
    }

    fn register(&self, registry: &mut Registry) {
        let seconds = || Unit::Seconds;
        let records = "Records of a group commit";
        registry.register("ledger_group_commit_records", records, self.group_records.clone());
        let sync = "Time to write and sync the journal frame of a group commit";
        registry.register_with_unit("ledger_sync", sync, seconds(), self.sync_seconds.clone());
        let seal = "Time to move the journal into the table";
        registry.register_with_unit("ledger_seal", seal, seconds(), self.seal_seconds.clone());
        let join = "Time to join small data files into one";
        registry.register_with_unit("ledger_join", join, seconds(), self.join_seconds.clone());
        for (name, help, counter) in [
            ("ledger_records_stored", "Records stored", &self.stored),
            ("ledger_records_duplicate", "Records sent again", &self.duplicates),
            ("ledger_records_conflicting", "Records refused for their content", &self.conflicts),
            ("ledger_requests_busy", "Requests refused for back-pressure", &self.refused_as_busy),
            ("ledger_seal_failures", "Seals that failed", &self.seal_failures),
            ("ledger_join_failures", "Joins that failed", &self.join_failures),
            (
                "ledger_rollups_damaged",
                "Rollups found damaged, so that rows are read in their place",
                &self.rollups_damaged,
            ),
        ] {
            registry.register(name, help, counter.clone());
        }
    }
}

impl Ledger {
    /// Has a registry know what the ledger counts and times, and how it is.
    pub fn register_metrics(&self, registry: &mut Registry) {
        self.0.shared.measures.register(registry);
        registry.register_collector(Box::new(StatusCollector(self.clone())));
    }
}

/// What the status says at the time it is asked.
struct StatusCollector(Ledger);

impl fmt::Debug for StatusCollector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("StatusCollector").finish_non_exhaustive()
    }
}

impl Collector for StatusCollector {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let status = self.0.status();
        for (name, help, unit, value) in [
            ("ledger_writable", "Whether it takes records", None, status.writable.into()),
            (
                "ledger_compacts",
                "Whether small data files are joined",
                None,
                status.compacts.into(),
            ),
            (
                "ledger_stalled",
                "Whether the journal waits for an object store",
                None,
                status.stalled.into(),
            ),
            ("ledger_last_commit", "Last commit that readers see", None, status.last_commit.0),
            ("ledger_journal", "Journal not sealed yet", Some(Unit::Bytes), status.journal_bytes),
            (
                "ledger_waiting",
                "Waiting for a group commit",
                Some(Unit::Bytes),
                status.queued_bytes,
            ),
            ("ledger_data_files", "Data files of the table", None, status.files),
            ("ledger_rows", "Rows of the table and the journal", None, status.rows),
        ] {
            let gauge = ConstGauge::new(value);
            let described =
                encoder.encode_descriptor(name, help, unit.as_ref(), MetricType::Gauge)?;
            gauge.encode(described)?;
        }
        Ok(())
    }
}
