//! What a kill cut off, as the data folder says before the next start.
//!
//! Only what the process that was killed had made is looked at: by its epoch, which is in the names of
//! data files and in the entries of the table's log, and in what every opening would have removed.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs;
use std::path::Path;

use anyhow::{Context, Result, ensure};
use serde_json::Value;

/// Entries of the log between two checkpoints (`docs/FORMAT.md`): the last so many are always there.
const CHECKPOINT_ENTRIES: u64 = 100;

/// Something that was under way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Trace {
    /// A frame is not whole.
    Frame,
    /// A seal's data file is not in the log.
    SealBefore,
    /// A seal is in the log, and its frames are still in the journal.
    SealAfter,
    /// A joined file is not in the log.
    JoinBefore,
    /// A join is in the log, and a file that it has replaced is still there.
    JoinAfter,
}

impl Trace {
    const ALL: [Self; 5] =
        [Self::Frame, Self::SealBefore, Self::SealAfter, Self::JoinBefore, Self::JoinAfter];

    fn name(self) -> &'static str {
        match self {
            Self::Frame => "frames cut",
            Self::SealBefore => "seals before their entry",
            Self::SealAfter => "seals after their entry",
            Self::JoinBefore => "joins before their entry",
            Self::JoinAfter => "joins after their entry",
        }
    }
}

/// How often something was under way at a kill.
#[derive(Default)]
pub(super) struct Traces {
    counts: BTreeMap<Trace, u64>,
}

impl Traces {
    /// Looks at the folder of a ledger whose process was killed.
    pub(super) fn look(&mut self, ledger: &Path) -> Result<()> {
        for trace in of_folder(ledger)? {
            *self.counts.entry(trace).or_default() += 1;
        }
        Ok(())
    }

    fn count(&self, trace: Trace) -> u64 {
        self.counts.get(&trace).copied().unwrap_or_default()
    }

    /// Fails unless kills fell into seals and joins.
    pub(super) fn check(&self) -> Result<()> {
        let seals = self.count(Trace::SealBefore) + self.count(Trace::SealAfter);
        let joins = self.count(Trace::JoinBefore) + self.count(Trace::JoinAfter);
        for (count, what) in [(seals, "seal"), (joins, "join")] {
            ensure!(count > 0, "no kill fell into a {what}: {self}");
        }
        Ok(())
    }

    #[cfg(test)]
    pub(super) fn of_a_seal_and_a_join() -> Self {
        Self { counts: [(Trace::SealAfter, 1), (Trace::JoinBefore, 1)].into() }
    }
}

impl fmt::Display for Traces {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = Trace::ALL.map(|trace| format!("{} {}", self.count(trace), trace.name()));
        f.write_str(&counts.join(", "))
    }
}

fn of_folder(ledger: &Path) -> Result<BTreeSet<Trace>> {
    let mut traces = BTreeSet::new();
    let writer = fs::read_to_string(ledger.join("writer"))?;
    let line = |name: &str| writer.lines().find_map(|line| line.strip_prefix(name));
    let journal = line("journal ").context("no journal in the writer file")?;
    let epoch = line("epoch ").context("no epoch in the writer file")?;
    let log = Log::read(&ledger.join("usage/_delta_log"), journal, epoch.parse()?)?;
    for file in files(&ledger.join("usage"), "data")? {
        let name = file.rsplit('/').next().unwrap_or_default();
        if log.removed.contains(&file) {
            traces.insert(Trace::JoinAfter);
        } else if !log.added.contains(&file) && is_of_epoch(name, epoch) {
            let is_join = name.trim_start_matches('.').starts_with("joined-");
            traces.insert(if is_join { Trace::JoinBefore } else { Trace::SealBefore });
        }
    }
    let segments = files(ledger, "journal")?;
    let firsts: Vec<u64> = segments.iter().filter_map(|path| first_commit(path)).collect();
    if firsts.get(1).is_some_and(|next| *next <= log.sealed + 1) {
        traces.insert(Trace::SealAfter);
    }
    if let Some(last) = segments.last()
        && is_cut(&fs::read(ledger.join(last))?)
    {
        traces.insert(Trace::Frame);
    }
    Ok(traces)
}

/// What the entries of the table's log say that are still there. All of the last process are, as it was
/// killed before it had written as many as lie between two checkpoints.
#[derive(Default)]
struct Log {
    added: BTreeSet<String>,
    /// By the last process.
    removed: BTreeSet<String>,
    /// Last commit that is in the table.
    sealed: u64,
}

impl Log {
    fn read(folder: &Path, journal: &str, epoch: u64) -> Result<Self> {
        let mut log = Self::default();
        let mut entries_of_last = 0;
        for file in files(folder, "")?.iter().filter(|name| name.ends_with(".json")) {
            let mut is_of_last = false;
            for line in fs::read_to_string(folder.join(file))?.lines() {
                let action: Value = serde_json::from_str(line)?;
                is_of_last |= action["commitInfo"]["epoch"] == epoch; // the first line says it
                let path = |kind: &str| action[kind]["path"].as_str().map(str::to_owned);
                log.added.extend(path("add"));
                log.removed.extend(path("remove").filter(|_| is_of_last));
                if action["txn"]["appId"] == journal {
                    let version = action["txn"]["version"].as_u64();
                    log.sealed = log.sealed.max(version.context("a version is a number")?);
                }
            }
            entries_of_last += u64::from(is_of_last);
        }
        ensure!(entries_of_last < CHECKPOINT_ENTRIES, "entries of epoch {epoch} may be gone");
        Ok(log)
    }
}

/// Paths of the files below, in order, as seen from the folder; none where it is not there.
fn files(folder: &Path, below: &str) -> Result<Vec<String>> {
    let mut found = Vec::new();
    let mut folders = vec![below.to_owned()];
    while let Some(below) = folders.pop() {
        let Ok(entries) = fs::read_dir(folder.join(&below)) else { continue };
        for entry in entries {
            let entry = entry?;
            let name = entry.file_name().to_string_lossy().into_owned();
            let path = if below.is_empty() { name } else { format!("{below}/{name}") };
            if entry.file_type()?.is_dir() {
                folders.push(path);
            } else {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

/// Whether a data file `{first}-{last}-{epoch}-{attempt}.parquet` is of this epoch, whole or not.
fn is_of_epoch(name: &str, epoch: &str) -> bool {
    name.trim_start_matches('.').trim_start_matches("joined-").split('-').nth(2) == Some(epoch)
}

fn first_commit(segment: &str) -> Option<u64> {
    segment.strip_prefix("journal/")?.strip_suffix(".journal")?.parse().ok()
}

/// Whether the last frame of a segment is not whole (`docs/FORMAT.md`, Journal).
fn is_cut(mut segment: &[u8]) -> bool {
    const HEADER: usize = 64;
    while segment.len() >= HEADER {
        let length = segment[8..12].try_into().map(u32::from_le_bytes);
        let length = length.ok().and_then(|length| usize::try_from(length).ok());
        let whole = length.and_then(|length| segment.get(HEADER + length..));
        let Some(rest) = whole else { return true };
        segment = rest;
    }
    !segment.is_empty()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DATA: &str = "usage/data/reported_day=2026-03-01";

    fn frame(payload: u32) -> Vec<u8> {
        let mut frame = vec![0; 64 + payload as usize];
        frame[8..12].copy_from_slice(&payload.to_le_bytes());
        frame
    }

    fn check(files: &[(&str, &[u8])], expected: &[Trace]) {
        let folder = crate::process::target().join(format!("traces-{}", std::process::id()));
        drop(fs::remove_dir_all(&folder));
        let table = "{\"commitInfo\":{\"epoch\":7}}\n\
                     {\"add\":{\"path\":\"data/reported_day=2026-03-01/1-4-7-1.parquet\"}}\n\
                     {\"add\":{\"path\":\"data/reported_day=2026-03-01/5-6-7-1.parquet\"}}\n\
                     {\"remove\":{\"path\":\"data/reported_day=2026-03-01/1-4-7-1.parquet\"}}\n\
                     {\"txn\":{\"appId\":\"abc\",\"version\":6}}\n";
        let always: [(&str, &[u8]); 3] = [
            ("writer", b"format 1\njournal abc\nepoch 7\ncrc32c 0\n"),
            ("usage/_delta_log/1.json", table.as_bytes()),
            (&format!("{DATA}/5-6-7-1.parquet"), b""),
        ];
        for (path, bytes) in always.iter().chain(files) {
            let path = folder.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, bytes).unwrap();
        }
        let found = of_folder(&folder).unwrap();
        fs::remove_dir_all(&folder).unwrap();
        assert_eq!(found, expected.iter().copied().collect(), "{files:?}");
    }

    #[test]
    fn what_a_kill_cut_off_is_told_by_what_is_left() {
        check(&[("journal/7.journal", &frame(9))], &[]);
        check(&[("journal/7.journal", &frame(9)[..70])], &[Trace::Frame]);
        check(&[("journal/3.journal", b""), ("journal/7.journal", b"")], &[Trace::SealAfter]);
        check(&[("journal/7.journal", b""), ("journal/9.journal", b"")], &[]);
        let data = |name: &str| format!("{DATA}/{name}");
        check(&[(&data("7-8-7-2.parquet"), b"")], &[Trace::SealBefore]);
        check(&[(&data("7-8-6-2.parquet"), b"")], &[]); // of an earlier process
        check(&[(&data("joined-1-6-7-2.parquet"), b"")], &[Trace::JoinBefore]);
        check(&[(&data("1-4-7-1.parquet"), b"")], &[Trace::JoinAfter]);
    }

    #[test]
    fn a_run_whose_kills_fell_into_no_join_fails() {
        let mut traces = Traces { counts: [(Trace::SealAfter, 1)].into() };
        assert!(traces.check().unwrap_err().to_string().contains("fell into a join"));
        traces.counts.insert(Trace::JoinAfter, 1);
        traces.check().unwrap();
        Traces::of_a_seal_and_a_join().check().unwrap();
    }
}
