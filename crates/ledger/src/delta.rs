//! The table's log: the few actions of the Delta protocol that the ledger needs, reader version 1
//! and writer version 2, one JSON file a commit.
//!
//! Every commit names our journal and epoch in `commitInfo`; one that does not is somebody else's,
//! and the ledger is not opened over it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use domain::id::SubscriptionId;
use domain::record::Commit;
use domain::time::{Civil, UtcTime};
use serde::{Deserialize, Serialize};

use crate::error::OpenError;
use crate::schema;
use crate::state::{Bounds, DataFile};
use crate::storage::{self, Put, PutError};
use crate::version::JournalId;
use crate::writer_file::Writer;

/// Folder of the log in the table's folder.
pub(crate) const LOG: &str = "_delta_log";
/// Folder of the data files in the table's folder.
pub(crate) const DATA: &str = "data";
/// Format version of the table, which its configuration names.
const FORMAT: u64 = 1;
const FORMAT_KEY: &str = "tallyhouse.format";
const READER_VERSION: u64 = 1;
const WRITER_VERSION: u64 = 2;
const ENGINE: &str = concat!("tallyhouse/", env!("CARGO_PKG_VERSION"));

/// The table as its log states it.
#[derive(Debug, Clone)]
pub(crate) struct Table {
    /// Number of the next log entry.
    pub(crate) next: u64,
    pub(crate) files: Vec<Arc<DataFile>>,
    /// Last commit of the journal that is in the table.
    pub(crate) sealed: Commit,
    /// Its time.
    pub(crate) sealed_time: UtcTime,
    /// Files that others have taken the place of, in order of the log.
    pub(crate) replaced: Vec<Replaced>,
}

/// A data file that another has taken the place of.
#[derive(Debug, Clone)]
pub(crate) struct Replaced {
    pub(crate) file: Arc<DataFile>,
    /// Since when.
    pub(crate) since: UtcTime,
}

/// One line of a log entry.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum Action {
    Protocol(Protocol),
    MetaData(MetaData),
    Add(Add),
    Remove(Remove),
    Txn(Txn),
    CommitInfo(CommitInfo),
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Protocol {
    min_reader_version: u64,
    min_writer_version: u64,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct MetaData {
    id: String,
    format: Format,
    schema_string: String,
    partition_columns: Vec<String>,
    configuration: BTreeMap<String, String>,
    created_time: i64,
}

#[derive(Debug, Serialize, Deserialize)]
struct Format {
    provider: String,
    options: BTreeMap<String, String>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Add {
    path: String,
    partition_values: BTreeMap<String, String>,
    size: u64,
    modification_time: i64,
    data_change: bool,
    stats: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Remove {
    path: String,
    deletion_timestamp: i64,
    data_change: bool,
    extended_file_metadata: bool,
    partition_values: BTreeMap<String, String>,
    size: u64,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Txn {
    app_id: String,
    version: u64,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct CommitInfo {
    timestamp: i64,
    operation: String,
    engine_info: String,
    is_blind_append: bool,
    #[serde(default)]
    journal_id: String,
    #[serde(default)]
    epoch: u64,
    /// Time of the last sealed commit, in microseconds since 1970.
    #[serde(default)]
    commit_time_micros: i64,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Stats {
    num_records: u64,
    min_values: StatsValues,
    max_values: StatsValues,
    null_count: NullCount,
}

#[derive(Debug, Serialize, Deserialize)]
struct StatsValues {
    subscription_id: String,
    reported_time: String,
    usage_start: String,
    commit: u64,
}

#[derive(Debug, Default, Serialize, Deserialize)]
struct NullCount {
    subscription_id: u64,
    reported_time: u64,
    usage_start: u64,
    commit: u64,
}

/// Who commits, and when.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Author {
    pub(crate) writer: Writer,
    pub(crate) now: UtcTime,
}

/// Writes the first entry of a new table.
pub(crate) fn create(table: &Path, author: Author) -> Result<Put, PutError> {
    let id = author.writer.journal.to_string();
    let id = SubscriptionId::parse(&id).map_or(id, |guid| guid.to_string()); // dashes, as GUIDs have
    let configuration = [("delta.appendOnly", "true".to_owned()), (FORMAT_KEY, FORMAT.to_string())];
    let actions = [
        author.commit_info("CREATE TABLE", true, UtcTime::MIN),
        Action::Protocol(Protocol {
            min_reader_version: READER_VERSION,
            min_writer_version: WRITER_VERSION,
        }),
        Action::MetaData(MetaData {
            id,
            format: Format { provider: "parquet".to_owned(), options: BTreeMap::new() },
            schema_string: schema::delta_schema(),
            partition_columns: vec![schema::PARTITION.to_owned()],
            configuration: configuration.map(|(key, value)| (key.to_owned(), value)).into(),
            created_time: millis(author.now),
        }),
    ];
    put(table, 0, &actions)
}

/// Adds the data files of one seal, and says up to which commit the journal is sealed.
pub(crate) fn add(
    table: &Path,
    author: Author,
    entry: u64,
    written: &[Arc<DataFile>],
    (sealed, sealed_time): (Commit, UtcTime),
) -> Result<Put, PutError> {
    let mut actions = vec![author.commit_info("WRITE", true, sealed_time)];
    actions.push(Action::Txn(Txn { app_id: author.writer.journal.to_string(), version: sealed.0 }));
    let adds = written.iter().map(|file| Action::Add(add_action(table, file, author.now, true)));
    actions.extend(adds);
    put(table, entry, &actions)
}

/// Puts a data file in the place of others that have its rows. `sealed_time` is the time of the last
/// sealed commit.
pub(crate) fn replace(
    table: &Path,
    author: Author,
    entry: u64,
    (replaced, joined): (&[Arc<DataFile>], &DataFile),
    sealed_time: UtcTime,
) -> Result<Put, PutError> {
    let mut actions = vec![author.commit_info("OPTIMIZE", false, sealed_time)];
    let removes = replaced.iter().map(|file| {
        Action::Remove(Remove {
            path: path_in(table, file),
            deletion_timestamp: millis(author.now),
            data_change: false,
            extended_file_metadata: true,
            partition_values: partition_of(file),
            size: file.bytes,
        })
    });
    actions.extend(removes);
    actions.push(Action::Add(add_action(table, joined, author.now, false)));
    put(table, entry, &actions)
}

/// Files added and not removed, by path.
type LiveFiles = BTreeMap<String, Arc<DataFile>>;

/// Path of a log entry.
pub(crate) fn entry_path(table: &Path, entry: u64) -> PathBuf {
    table.join(LOG).join(format!("{entry:020}.json"))
}

/// Reads the whole log; none if there is no entry.
pub(crate) fn read(table: &Path, writer: Writer) -> Result<Option<Table>, OpenError> {
    let entries = storage::names(&table.join(LOG))?;
    let number = |name: &str| {
        let number = name.strip_suffix(".json").filter(|number| number.len() == 20)?;
        number.parse::<u64>().ok()
    };
    let mut files = LiveFiles::new();
    let mut read = Table {
        next: 0,
        files: Vec::new(),
        sealed: Commit(0),
        sealed_time: UtcTime::MIN,
        replaced: Vec::new(),
    };
    for entry in entries.iter().filter_map(|name| number(name)) {
        if entry != read.next {
            return Err(OpenError::LogDamaged { file: entry_path(table, read.next) });
        }
        read_entry(table, writer, &mut read, &mut files)?;
        read.next += 1;
    }
    // Only files that no later entry removed must be there.
    for file in files.into_values() {
        check_size(&file)?;
        read.files.push(file);
    }
    Ok((read.next > 0).then_some(read))
}

fn read_entry(
    table: &Path,
    writer: Writer,
    read: &mut Table,
    files: &mut LiveFiles,
) -> Result<(), OpenError> {
    let path = entry_path(table, read.next);
    let bytes = storage::read_small(&path)?;
    let damaged = || OpenError::LogDamaged { file: path.clone() };
    let foreign = || OpenError::ForeignCommit { file: path.clone() };
    let lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    let lines: Result<Vec<serde_json::Value>, _> = lines.map(serde_json::from_slice).collect();
    let lines = lines.map_err(|_| damaged())?;
    // Whose commit it is comes first: another program's may hold actions unknown here.
    let ours = lines.iter().filter_map(|line| line.get("commitInfo")).any(|info| {
        let journal = info.get("journalId").and_then(serde_json::Value::as_str);
        let epoch = info.get("epoch").and_then(serde_json::Value::as_u64);
        journal.and_then(JournalId::parse) == Some(writer.journal)
            && epoch.is_some_and(|epoch| epoch <= writer.epoch)
    });
    if !ours {
        return Err(foreign());
    }
    for line in lines {
        let action: Action = serde_json::from_value(line).map_err(|_| damaged())?;
        match action {
            Action::Protocol(protocol) => check_protocol(&protocol, &path)?,
            Action::MetaData(metadata) => check_metadata(&metadata, &path)?,
            Action::Add(add) => {
                let file = data_file(table, &add).ok_or_else(damaged)?;
                files.insert(add.path, Arc::new(file));
            }
            Action::Remove(remove) => {
                let file = files.remove(&remove.path).ok_or_else(damaged)?;
                let micros = remove.deletion_timestamp.checked_mul(1_000).ok_or_else(damaged)?;
                let since = UtcTime::from_micros(micros).map_err(|_| damaged())?;
                read.replaced.push(Replaced { file, since });
            }
            Action::Txn(txn) if JournalId::parse(&txn.app_id) == Some(writer.journal) => {
                read.sealed = Commit(txn.version);
            }
            Action::Txn(_) => return Err(foreign()),
            Action::CommitInfo(info) => {
                let time = UtcTime::from_micros(info.commit_time_micros);
                read.sealed_time = time.map_err(|_| damaged())?;
            }
        }
    }
    Ok(())
}

fn check_protocol(protocol: &Protocol, path: &Path) -> Result<(), OpenError> {
    let newer = |found, known| OpenError::NewerFormat { file: path.to_owned(), found, known };
    if protocol.min_reader_version > READER_VERSION {
        return Err(newer(protocol.min_reader_version, READER_VERSION));
    }
    if protocol.min_writer_version > WRITER_VERSION {
        return Err(newer(protocol.min_writer_version, WRITER_VERSION));
    }
    Ok(())
}

fn check_metadata(metadata: &MetaData, path: &Path) -> Result<(), OpenError> {
    let damaged = || OpenError::LogDamaged { file: path.to_owned() };
    let format = metadata.configuration.get(FORMAT_KEY).ok_or_else(damaged)?;
    let found = format.parse().map_err(|_| damaged())?;
    if found > FORMAT {
        return Err(OpenError::NewerFormat { file: path.to_owned(), found, known: FORMAT });
    }
    let found: serde_json::Value =
        serde_json::from_str(&metadata.schema_string).map_err(|_| damaged())?;
    let known: serde_json::Value =
        serde_json::from_str(&schema::delta_schema()).map_err(|_| damaged())?;
    if found == known { Ok(()) } else { Err(damaged()) }
}

fn check_size(file: &DataFile) -> Result<(), OpenError> {
    let there = std::fs::metadata(&file.path).is_ok_and(|metadata| metadata.len() == file.bytes);
    if there { Ok(()) } else { Err(OpenError::DataDamaged { file: file.path.clone() }) }
}

fn put(table: &Path, entry: u64, actions: &[Action]) -> Result<Put, PutError> {
    let mut text = String::new();
    for action in actions {
        text.push_str(&serde_json::to_string(action).expect("an action is always JSON"));
        text.push('\n');
    }
    storage::put_if_absent(&entry_path(table, entry), text.as_bytes())
}

fn path_in(table: &Path, file: &DataFile) -> String {
    let path = file.path.strip_prefix(table).expect("a data file lies in its table's folder");
    path.to_string_lossy().into_owned()
}

fn partition_of(file: &DataFile) -> BTreeMap<String, String> {
    [(schema::PARTITION.to_owned(), file.day.to_string())].into()
}

fn add_action(table: &Path, file: &DataFile, now: UtcTime, data_change: bool) -> Add {
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
        path: path_in(table, file),
        partition_values: partition_of(file),
        size: file.bytes,
        modification_time: millis(now),
        data_change,
        stats: serde_json::to_string(&stats).expect("statistics are always JSON"),
    }
}

fn data_file(table: &Path, add: &Add) -> Option<DataFile> {
    let stats: Stats = serde_json::from_str(&add.stats).ok()?;
    let (low, high) = (&stats.min_values, &stats.max_values);
    let subscription = |values: &StatsValues| SubscriptionId::parse(&values.subscription_id).ok();
    let day = parse_timestamp(&format!(
        "{}T00:00:00.000000Z",
        add.partition_values.get(schema::PARTITION)?
    ))?;
    Some(DataFile {
        path: table.join(&add.path),
        day: day.date(),
        bounds: Bounds {
            subscription: (subscription(low)?, subscription(high)?),
            reported: (parse_timestamp(&low.reported_time)?, parse_timestamp(&high.reported_time)?),
            start: (parse_timestamp(&low.usage_start)?, parse_timestamp(&high.usage_start)?),
            commit: (Commit(low.commit), Commit(high.commit)),
        },
        rows: stats.num_records,
        bytes: add.size,
    })
}

impl Author {
    fn commit_info(self, operation: &str, is_blind_append: bool, commit_time: UtcTime) -> Action {
        Action::CommitInfo(CommitInfo {
            timestamp: millis(self.now),
            operation: operation.to_owned(),
            engine_info: ENGINE.to_owned(),
            is_blind_append,
            journal_id: self.writer.journal.to_string(),
            epoch: self.writer.epoch,
            commit_time_micros: commit_time.to_micros(),
        })
    }
}

fn millis(time: UtcTime) -> i64 {
    time.to_micros().div_euclid(1_000)
}

/// `2026-01-31T23:59:59.000000Z`: always six places, so that the texts sort as the times do.
fn timestamp(time: UtcTime) -> String {
    let Civil { hour, minute, second, micros, .. } = time.civil();
    format!("{}T{hour:02}:{minute:02}:{second:02}.{micros:06}Z", time.date())
}

fn parse_timestamp(text: &str) -> Option<UtcTime> {
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

#[cfg(test)]
mod tests;
