//! One file of the index: the identities that a range of commits stored, sorted, in checksummed
//! blocks of which a search reads one.
//!
//! A segment is derived from the table and may be deleted at any time. It is written whole under a
//! temporary name, synced and renamed, so a file with its own name is whole, or was damaged later.
//!
//! ```text
//! header   magic, format, journal, first and last commit, number of entries, checksum; 4096 bytes
//! blocks   102 entries of 40 bytes (identity, content, commit), 12 zero bytes, checksum; 4096 bytes
//! fences   the first eight bytes of each block's first identity
//! filter   the filter's blocks
//! checksum of fences and filter; 4 bytes
//! ```

use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use domain::id::{ContentHash, RecordId};
use domain::record::Commit;

use super::Known;
use super::error::IndexError;
use super::filter::Filter;
use crate::error::{At, FileError};
use crate::storage::{NewFile, Storage, StoredFile};
use crate::version::JournalId;

const MAGIC: [u8; 4] = *b"TLYI";
const FORMAT: u16 = 1;
/// Bytes of the header and of a block.
const BLOCK_BYTES: usize = 4096;
/// Bytes of an entry.
const ENTRY_BYTES: usize = 40;
/// Entries of a block, of which only the last may have fewer.
const BLOCK_ENTRIES: usize = 102;
/// Where a block's checksum stands.
const CHECKSUM_AT: usize = BLOCK_BYTES - 4;
const ENDING: &str = ".ids";

/// A stored identity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) id: RecordId,
    pub(super) known: Known,
}

/// Commits, both inclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Range {
    pub(super) first: Commit,
    pub(super) last: Commit,
}

/// An open segment.
#[derive(Debug)]
pub(super) struct Segment {
    pub(super) range: Range,
    pub(super) entries: u64,
    pub(super) path: PathBuf,
    file: StoredFile,
    fences: Vec<u64>,
    filter: Filter,
}

impl Range {
    /// The commits of ranges that follow each other.
    pub(super) fn joining(mut ranges: impl DoubleEndedIterator<Item = Self>) -> Self {
        let first = ranges.next().expect("there is a range to join");
        Self { first: first.first, last: ranges.next_back().unwrap_or(first).last }
    }

    fn name(self) -> String {
        format!("{:020}-{:020}{ENDING}", self.first.0, self.last.0)
    }

    /// Where the segment of these commits lies.
    pub(super) fn path(self, folder: &Path) -> PathBuf {
        folder.join(self.name())
    }

    pub(super) fn contains(self, commit: Commit) -> bool {
        self.first <= commit && commit <= self.last
    }

    /// The range that a file's name states; none if it is no segment's.
    pub(super) fn of_name(name: &str) -> Option<Self> {
        let (first, last) = name.strip_suffix(ENDING)?.split_once('-')?;
        let number = |text: &str| text.parse().ok().map(Commit);
        let range = Self { first: number(first)?, last: number(last)? };
        (range.name() == name && range.first <= range.last).then_some(range)
    }
}

impl Segment {
    /// Opens a segment: reads header, fences and filter, and no entry.
    pub(super) fn open(
        storage: &Storage,
        path: PathBuf,
        range: Range,
        journal: JournalId,
    ) -> Result<Self, IndexError> {
        let damaged = || IndexError::Damaged { file: path.clone() };
        let file = storage.open(&path)?;
        let mut head = [0; BLOCK_BYTES];
        read_at(&file, &path, &mut head, 0)?;
        let entries = Header { range, journal }.entries(&head).ok_or_else(damaged)?;
        let blocks = entries.div_ceil(BLOCK_ENTRIES as u64);
        let tail_at = (blocks + 1) * BLOCK_BYTES as u64;
        let length = tail_at + blocks * 8 + Filter::bytes_for(entries) + 4;
        if file.length() != length {
            return Err(damaged());
        }
        let tail = usize::try_from(length - tail_at).map_err(|_| damaged())?;
        let mut tail = vec![0; tail];
        read_at(&file, &path, &mut tail, tail_at)?;
        let (tail, checksum) = tail.split_at(tail.len() - 4);
        if crc32c::crc32c(tail).to_le_bytes() != checksum {
            return Err(damaged());
        }
        let fences_bytes = usize::try_from(blocks * 8).map_err(|_| damaged())?;
        let (fences, filter) = tail.split_at(fences_bytes);
        let fences = fences
            .chunks_exact(8)
            .map(|fence| u64::from_be_bytes(fence.try_into().expect("a chunk has eight bytes")));
        let (fences, filter) = (fences.collect(), Filter::from_bytes(filter));
        let filter = filter.ok_or_else(damaged)?;
        Ok(Self { range, entries, path, file, fences, filter })
    }

    /// What is known of one identity, if it is in this segment.
    pub(super) fn known(&self, id: RecordId) -> Result<Option<Known>, IndexError> {
        let mut found = [None];
        self.find(&[id], &mut found).map(|()| found[0])
    }

    /// Enters what is known of each of these identities that is in this segment, where nothing was
    /// found of it yet.
    pub(super) fn find(
        &self,
        ids: &[RecordId],
        found: &mut [Option<Known>],
    ) -> Result<(), IndexError> {
        // All go by the filter before a block is read: the steps do not wait for each other then.
        let may_be_here = |place: &usize| self.filter.may_contain(ids[*place]);
        let mut places: Vec<usize> = (0..ids.len()).filter(may_be_here).collect();
        places.retain(|place| found[*place].is_none());
        // Identities of one block follow each other, so it is read once for them.
        places.sort_unstable_by_key(|place| ids[*place]);
        let mut last: Option<(usize, Block)> = None;
        for place in places {
            found[place] = self.find_one(ids[place], &mut last)?;
        }
        Ok(())
    }

    /// What is known of an identity, if it is in this segment. `last` is the block that was read last.
    fn find_one(
        &self,
        id: RecordId,
        last: &mut Option<(usize, Block)>,
    ) -> Result<Option<Known>, IndexError> {
        let prefix = prefix(id);
        // The last block that begins before the prefix may have it, and those that begin with it.
        let begin = self.fences.partition_point(|fence| *fence < prefix).saturating_sub(1);
        for number in begin..self.fences.len() {
            if self.fences[number] > prefix {
                break;
            }
            let block = match last.take_if(|(held, _)| *held == number) {
                Some(held) => held,
                None => (number, self.block(number as u64)?),
            };
            // Of a block one entry is read: identities compare as their bytes.
            let entries = last.insert(block).1.entries();
            let wanted = id.to_bytes();
            if let Ok(place) = entries.binary_search_by(|entry| entry[..16].cmp(&wanted)) {
                return Ok(Some(read_entry(&entries[place]).known));
            }
        }
        Ok(None)
    }

    /// Every entry in order; each block is checked.
    pub(super) fn entries(&self) -> impl Iterator<Item = Result<Entry, IndexError>> + '_ {
        let blocks = 0..self.fences.len() as u64;
        blocks.flat_map(|number| {
            let (entries, error) = match self.block(number) {
                Ok(block) => (block.entries().iter().map(read_entry).collect(), None),
                Err(error) => (Vec::new(), Some(error)),
            };
            entries.into_iter().map(Ok).chain(error.map(Err))
        })
    }

    fn block(&self, number: u64) -> Result<Block, IndexError> {
        let mut bytes = [0; BLOCK_BYTES];
        read_at(&self.file, &self.path, &mut bytes, (number + 1) * BLOCK_BYTES as u64)?;
        if block_checksum(number, &bytes).to_le_bytes() != bytes[CHECKSUM_AT..] {
            return Err(IndexError::Damaged { file: self.path.clone() });
        }
        let left = self.entries - number * BLOCK_ENTRIES as u64;
        let count = usize::try_from(left).map_or(BLOCK_ENTRIES, |left| left.min(BLOCK_ENTRIES));
        Ok(Block { bytes, count })
    }
}

/// A block whose checksum is right.
struct Block {
    bytes: [u8; BLOCK_BYTES],
    count: usize,
}

impl Block {
    /// Its entries as they are stored, in order.
    fn entries(&self) -> &[[u8; ENTRY_BYTES]] {
        &self.bytes.as_chunks().0[..self.count]
    }
}

/// Writes a segment of entries in ascending order of identity, which are as many as said.
///
/// An error of `entries` ends it, and leaves no file of its name.
pub(super) fn write(
    storage: &Storage,
    path: &Path,
    (range, journal): (Range, JournalId),
    count: u64,
    entries: impl Iterator<Item = Result<Entry, IndexError>>,
) -> Result<(), IndexError> {
    let file = storage.create_over(path)?;
    let mut writer = Writer {
        out: BufWriter::with_capacity(1 << 20, file),
        path,
        block: Vec::with_capacity(BLOCK_BYTES),
        fences: Vec::new(),
        filter: Filter::for_records(count),
        written: 0,
    };
    writer.put(&Header { range, journal }.bytes(count))?;
    for entry in entries {
        writer.entry(&entry?)?;
    }
    assert!(writer.written == count, "a segment of {count} entries got {}", writer.written);
    writer.finish()?.finish()?;
    Ok(())
}

struct Writer<'a> {
    out: BufWriter<NewFile>,
    path: &'a Path,
    block: Vec<u8>,
    fences: Vec<u64>,
    filter: Filter,
    written: u64,
}

impl Writer<'_> {
    fn put(&mut self, bytes: &[u8]) -> Result<(), FileError> {
        self.out.write_all(bytes).at("write", self.path)
    }

    fn entry(&mut self, entry: &Entry) -> Result<(), FileError> {
        if self.block.is_empty() {
            self.fences.push(prefix(entry.id));
        }
        self.block.extend_from_slice(&entry.id.to_bytes());
        self.block.extend_from_slice(&entry.known.content.to_bytes());
        self.block.extend_from_slice(&entry.known.commit.0.to_le_bytes());
        self.filter.insert(entry.id);
        self.written += 1;
        if self.block.len() == BLOCK_ENTRIES * ENTRY_BYTES { self.end_block() } else { Ok(()) }
    }

    fn end_block(&mut self) -> Result<(), FileError> {
        let number = self.fences.len() as u64 - 1;
        self.block.resize(BLOCK_BYTES, 0);
        let checksum = block_checksum(number, &self.block);
        self.block[CHECKSUM_AT..].copy_from_slice(&checksum.to_le_bytes());
        self.out.write_all(&self.block).at("write", self.path)?;
        self.block.clear();
        Ok(())
    }

    fn finish(mut self) -> Result<NewFile, FileError> {
        if !self.block.is_empty() {
            self.end_block()?;
        }
        let mut tail: Vec<u8> = self.fences.iter().flat_map(|fence| fence.to_be_bytes()).collect();
        tail.extend(self.filter.to_bytes());
        let checksum = crc32c::crc32c(&tail).to_le_bytes();
        self.put(&tail)?;
        self.put(&checksum)?;
        self.out.into_inner().map_err(io::IntoInnerError::into_error).at("write", self.path)
    }
}

/// What a header says beside the number of entries.
struct Header {
    range: Range,
    journal: JournalId,
}

impl Header {
    fn bytes(&self, entries: u64) -> [u8; BLOCK_BYTES] {
        let mut bytes = [0; BLOCK_BYTES];
        bytes[..4].copy_from_slice(&MAGIC);
        bytes[4..6].copy_from_slice(&FORMAT.to_le_bytes());
        bytes[8..24].copy_from_slice(&self.journal.0);
        bytes[24..32].copy_from_slice(&self.range.first.0.to_le_bytes());
        bytes[32..40].copy_from_slice(&self.range.last.0.to_le_bytes());
        bytes[40..48].copy_from_slice(&entries.to_le_bytes());
        let checksum = crc32c::crc32c(&bytes[..CHECKSUM_AT]);
        bytes[CHECKSUM_AT..].copy_from_slice(&checksum.to_le_bytes());
        bytes
    }

    /// The number of entries that a header states; none if it is not the one that is due here.
    fn entries(&self, bytes: &[u8; BLOCK_BYTES]) -> Option<u64> {
        let entries = u64::from_le_bytes(bytes[40..48].try_into().ok()?);
        (self.bytes(entries) == *bytes).then_some(entries)
    }
}

/// The number is part of it, so that no block passes for another.
fn block_checksum(number: u64, block: &[u8]) -> u32 {
    crc32c::crc32c_append(crc32c::crc32c(&number.to_le_bytes()), &block[..CHECKSUM_AT])
}

/// What orders blocks: identities compare as their bytes.
fn prefix(id: RecordId) -> u64 {
    u64::from_be_bytes(*id.to_bytes().first_chunk().expect("sixteen bytes hold eight"))
}

fn read_entry(bytes: &[u8; ENTRY_BYTES]) -> Entry {
    let (id, rest) = bytes.split_at(16);
    let (content, commit) = rest.split_at(16);
    Entry {
        id: RecordId::from_bytes(id.try_into().expect("sixteen bytes")),
        known: Known {
            content: ContentHash::from_bytes(content.try_into().expect("sixteen bytes")),
            commit: Commit(u64::from_le_bytes(commit.try_into().expect("eight bytes"))),
        },
    }
}

fn read_at(
    file: &StoredFile,
    path: &Path,
    bytes: &mut [u8],
    offset: u64,
) -> Result<(), IndexError> {
    match file.read_at(bytes, offset) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            Err(IndexError::Damaged { file: path.to_owned() })
        }
        Err(error) => Err(IndexError::File(FileError::new("read", path, error))),
    }
}

#[cfg(test)]
mod tests;
