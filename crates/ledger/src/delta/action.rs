//! What the table's log says: its actions as JSON has them, and data files as actions name them.

use std::collections::BTreeMap;
use std::path::Path;

use domain::id::SubscriptionId;
use domain::record::Commit;
use domain::time::{Civil, UtcTime};
use serde::{Deserialize, Serialize};

use crate::schema;
use crate::state::{Bounds, DataFile};
use crate::storage::Folder;

/// One line of a log entry.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Action {
    Protocol(Protocol),
    MetaData(MetaData),
    Add(Add),
    Remove(Remove),
    Txn(Txn),
    CommitInfo(CommitInfo),
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Protocol {
    pub(super) min_reader_version: u64,
    pub(super) min_writer_version: u64,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct MetaData {
    pub(super) id: String,
    pub(super) format: Format,
    pub(super) schema_string: String,
    pub(super) partition_columns: Vec<String>,
    pub(super) configuration: BTreeMap<String, String>,
    pub(super) created_time: i64,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Format {
    pub(super) provider: String,
    pub(super) options: BTreeMap<String, String>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Add {
    pub(super) path: String,
    pub(super) partition_values: BTreeMap<String, String>,
    pub(super) size: u64,
    pub(super) modification_time: i64,
    pub(super) data_change: bool,
    pub(super) stats: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Remove {
    pub(super) path: String,
    pub(super) deletion_timestamp: i64,
    pub(super) data_change: bool,
    pub(super) extended_file_metadata: bool,
    pub(super) partition_values: BTreeMap<String, String>,
    pub(super) size: u64,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Txn {
    pub(super) app_id: String,
    pub(super) version: u64,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct CommitInfo {
    pub(super) timestamp: i64,
    pub(super) operation: String,
    pub(super) engine_info: String,
    pub(super) is_blind_append: bool,
    #[serde(default)]
    pub(super) journal_id: String,
    #[serde(default)]
    pub(super) epoch: u64,
    /// Time of the last sealed commit, in microseconds since 1970.
    #[serde(default)]
    pub(super) commit_time_micros: i64,
    /// Of the whole entry; entries of older versions have none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub(super) crc32c: String,
    /// Tells openings apart, where entries are objects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) opening_id: Option<String>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Stats {
    pub(super) num_records: u64,
    pub(super) min_values: StatsValues,
    pub(super) max_values: StatsValues,
    pub(super) null_count: NullCount,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct StatsValues {
    pub(super) subscription_id: String,
    pub(super) reported_time: String,
    pub(super) usage_start: String,
    pub(super) commit: u64,
}

#[derive(Debug, Default, Serialize, Deserialize)]
pub(super) struct NullCount {
    pub(super) subscription_id: u64,
    pub(super) reported_time: u64,
    pub(super) usage_start: u64,
    pub(super) commit: u64,
}

/// The path as the log names a data file.
pub(crate) fn path_in(table: &Path, file: &Path) -> String {
    let path = file.strip_prefix(table).expect("a data file lies in its table's folder");
    path.to_string_lossy().into_owned()
}

pub(super) fn partition_of(file: &DataFile) -> BTreeMap<String, String> {
    [(schema::PARTITION.to_owned(), file.day.to_string())].into()
}

/// The rows of a file that other files of the table had, or that the log named before.
pub(super) fn moved(add: Add) -> Add {
    Add { data_change: false, ..add }
}

/// A file with rows that are new to the table.
pub(super) fn add_action(table: &Path, file: &DataFile) -> Add {
    let bounds = &file.bounds;
    let values = |pick: fn(&Bounds) -> (SubscriptionId, UtcTime, UtcTime, Commit)| {
        let (subscription, reported, start, commit) = pick(bounds);
        StatsValues {
            subscription_id: subscription.to_string(),
            reported_time: timestamp(reported),
            usage_start: timestamp(start),
            commit: commit.0,
        }
    };
    let stats = Stats {
        num_records: file.rows,
        min_values: values(|it| (it.subscription.0, it.reported.0, it.start.0, it.commit.0)),
        max_values: values(|it| (it.subscription.1, it.reported.1, it.start.1, it.commit.1)),
        null_count: NullCount::default(),
    };
    Add {
        path: path_in(table, &file.path),
        partition_values: partition_of(file),
        size: file.bytes,
        modification_time: millis(file.made),
        data_change: true,
        stats: serde_json::to_string(&stats).expect("statistics are always JSON"),
    }
}

pub(super) fn data_file(table: &Folder, add: &Add) -> Option<DataFile> {
    let stats: Stats = serde_json::from_str(&add.stats).ok()?;
    let (low, high) = (&stats.min_values, &stats.max_values);
    let subscription = |values: &StatsValues| SubscriptionId::parse(&values.subscription_id).ok();
    let day = parse_timestamp(&format!(
        "{}T00:00:00.000000Z",
        add.partition_values.get(schema::PARTITION)?
    ))?;
    Some(DataFile {
        storage: table.storage.clone(),
        path: table.file(&add.path),
        day: day.date(),
        bounds: Bounds {
            subscription: (subscription(low)?, subscription(high)?),
            reported: (parse_timestamp(&low.reported_time)?, parse_timestamp(&high.reported_time)?),
            start: (parse_timestamp(&low.usage_start)?, parse_timestamp(&high.usage_start)?),
            commit: (Commit(low.commit), Commit(high.commit)),
        },
        rows: stats.num_records,
        bytes: add.size,
        made: UtcTime::from_micros(add.modification_time.checked_mul(1_000)?).ok()?,
    })
}

pub(super) fn millis(time: UtcTime) -> i64 {
    time.to_micros().div_euclid(1_000)
}

/// `2026-01-31T23:59:59.000000Z`: always six places, so that the texts sort as the times do.
pub(super) fn timestamp(time: UtcTime) -> String {
    let Civil { hour, minute, second, micros, .. } = time.civil();
    format!("{}T{hour:02}:{minute:02}:{second:02}.{micros:06}Z", time.date())
}

pub(super) fn parse_timestamp(text: &str) -> Option<UtcTime> {
    let part = |from: usize, to: usize| text.get(from..to)?.parse::<u32>().ok();
    let narrow = |value: u32| u8::try_from(value).ok();
    let civil = Civil {
        year: i32::try_from(part(0, 4)?).ok()?,
        month: narrow(part(5, 7)?)?,
        day: narrow(part(8, 10)?)?,
        hour: narrow(part(11, 13)?)?,
        minute: narrow(part(14, 16)?)?,
        second: narrow(part(17, 19)?)?,
        micros: part(20, 26)?,
    };
    let time = UtcTime::from_civil(civil).ok()?;
    (timestamp(time) == text).then_some(time)
}
