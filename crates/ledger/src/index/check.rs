//! Checking the index against the table: every block of every segment is read, every record of the
//! table is looked up where its commit says, and both are as many.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use domain::id::RecordId;
use domain::record::Commit;

use super::error::IndexError;
use super::segment::{Entry, Segment};
use super::shelf::Stored;
use super::{Known, Range, Shelf};
use crate::error::FileError;
use crate::storage::Folder;
use crate::version::JournalId;

/// Told of each file that is damaged, and why.
type Damaged<'a> = &'a mut dyn FnMut(&Path, String);

/// The index under a check.
pub(crate) struct IndexCheck {
    stored: Arc<Stored>,
    /// Last commit in the table.
    sealed: Commit,
    /// Segments that do not answer.
    unsound: BTreeSet<PathBuf>,
    /// Whether identities of some commits are in no segment.
    has_gaps: bool,
    /// Identities of commits that are in the table.
    identities: u64,
    /// Records of a segment's commits that it lacks or tells wrongly: how many, and the first.
    wrong: BTreeMap<PathBuf, (u64, String)>,
}

impl IndexCheck {
    /// The index of an open ledger, of which some may be in memory yet.
    pub(crate) fn of_shelf(shelf: &Shelf, sealed: Commit) -> Self {
        Self::new(shelf.load(), sealed)
    }

    /// The index as it is on disk, without a change to it.
    pub(crate) fn of_folder(
        folder: &Folder,
        journal: JournalId,
        sealed: Commit,
        damage: Damaged<'_>,
    ) -> Result<Self, FileError> {
        let names = folder.names()?;
        let mut found: Vec<Range> = names.iter().filter_map(|name| Range::of_name(name)).collect();
        found.sort_by_key(|range| (range.first, std::cmp::Reverse(range.last)));
        let mut stored = Stored::default();
        let (mut next, mut has_gaps) = (Commit(1), false);
        // One that begins within another was joined into it.
        for range in found {
            if range.first < next || range.last > sealed {
                continue;
            }
            let path = range.path(&folder.path);
            match Segment::open(&folder.storage, path.clone(), range, journal) {
                Ok(segment) => stored.segments.push(Arc::new(segment)),
                Err(error) => {
                    damage(&path, format!("{}; opening makes it anew", reason(&error)));
                    has_gaps = true;
                }
            }
            if next < range.first {
                let (first, last) = (next.0, range.first.0 - 1);
                damage(&folder.path, lacking(first, last));
                has_gaps = true;
            }
            next = Commit(range.last.0 + 1);
        }
        if next <= sealed {
            damage(&folder.path, lacking(next.0, sealed.0));
            has_gaps = true;
        }
        Ok(Self { has_gaps, ..Self::new(Arc::new(stored), sealed) })
    }

    /// The last commit of which there is a segment.
    pub(crate) fn last_commit(folder: &Folder) -> Result<Commit, FileError> {
        let names = folder.names()?;
        let ranges = names.iter().filter_map(|name| Range::of_name(name));
        Ok(ranges.map(|range| range.last).max().unwrap_or(Commit(0)))
    }

    fn new(stored: Arc<Stored>, sealed: Commit) -> Self {
        let (unsound, wrong) = (BTreeSet::new(), BTreeMap::new());
        Self { stored, sealed, unsound, has_gaps: false, identities: 0, wrong }
    }

    /// How many segments there are.
    pub(crate) fn segments(&self) -> u64 {
        self.stored.segments.len() as u64
    }

    /// Reads every segment through: its blocks, their order, and the commits that they name.
    pub(crate) fn read_through(&mut self, damage: Damaged<'_>) {
        for segment in &self.stored.segments {
            match read_segment(segment, self.sealed) {
                Ok(identities) => self.identities += identities,
                Err(reason) => {
                    damage(&segment.path, reason);
                    self.unsound.insert(segment.path.clone());
                }
            }
        }
        for frozen in &self.stored.frozen {
            let sealed = frozen.records.values().filter(|known| known.commit <= self.sealed);
            self.identities += sealed.count() as u64;
        }
    }

    /// Looks up a record of the table, which is in a file.
    pub(crate) fn look_up(&mut self, id: RecordId, known: Known, file: &Path) {
        let segments = &self.stored.segments;
        let place = segments.partition_point(|segment| segment.range.last < known.commit);
        let segment = segments.get(place).filter(|segment| segment.range.contains(known.commit));
        let found = match segment {
            Some(segment) if self.unsound.contains(&segment.path) => return,
            Some(segment) => segment.known(id),
            None => {
                let mut frozen = self.stored.frozen.iter();
                let frozen = frozen.find(|frozen| frozen.range.contains(known.commit));
                let Some(frozen) = frozen else { return }; // told as a gap
                Ok(frozen.records.get(&id).copied())
            }
        };
        let wrong = match found {
            Ok(Some(found)) if found == known => return,
            Ok(Some(found)) if found.commit == known.commit => "with other content",
            Ok(Some(_)) => "with another commit",
            Ok(None) => "not",
            Err(_) => "in a block that does not answer",
        };
        let path = segment.map_or_else(PathBuf::new, |segment| segment.path.clone());
        let first = || (0, format!("record {id} of {} is there {wrong}", file.display()));
        self.wrong.entry(path).or_insert_with(first).0 += 1;
    }

    /// Whether an identity is of a record in the table.
    pub(crate) fn is_in_table(&self, id: RecordId) -> bool {
        self.stored
            .find(&[id])
            .is_ok_and(|found| found[0].is_some_and(|known| known.commit <= self.sealed))
    }

    /// Tells what was found wrong, and compares with the rows of the table, if all were read.
    pub(crate) fn finish(self, folder: &Path, rows: Option<u64>, damage: Damaged<'_>) -> u64 {
        let is_whole = self.wrong.is_empty() && self.unsound.is_empty() && !self.has_gaps;
        for (path, (count, first)) in self.wrong {
            let path = if path.as_os_str().is_empty() { folder } else { &path };
            damage(path, format!("{count} records are told wrongly; {first}"));
        }
        if let Some(rows) = rows.filter(|rows| is_whole && *rows != self.identities) {
            let identities = self.identities;
            damage(folder, format!("there are {identities} identities of {rows} records"));
        }
        self.identities
    }
}

/// The identities of commits in the table; or what is wrong.
fn read_segment(segment: &Segment, sealed: Commit) -> Result<u64, String> {
    let (mut before, mut entries, mut identities) = (None, 0_u64, 0);
    for entry in segment.entries() {
        let Entry { id, known } = entry.map_err(|error| reason(&error))?;
        if before.is_some_and(|before| id <= before) {
            return Err(format!("identity {id} is not in order"));
        }
        if !segment.range.contains(known.commit) {
            return Err(format!(
                "identity {id} is of commit {}, which is elsewhere",
                known.commit.0
            ));
        }
        before = Some(id);
        entries += 1;
        identities += u64::from(known.commit <= sealed);
    }
    match entries == segment.entries {
        true => Ok(identities),
        false => Err(format!("{entries} identities in the place of {}", segment.entries)),
    }
}

fn reason(error: &IndexError) -> String {
    match error {
        IndexError::Damaged { .. } => "its bytes are not what was written".to_owned(),
        other => other.to_string(),
    }
}

fn lacking(first: u64, last: u64) -> String {
    format!("no segment of commits {first} to {last}; opening makes it anew")
}
