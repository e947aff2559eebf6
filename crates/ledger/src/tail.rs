//! The journal's tail in memory: the rows that are durable but not yet in the table.
//!
//! A chunk keeps the encoded records of one or more group commits, and a small entry for each row,
//! in order of subscription, so that a query decodes only the rows that it answers from.

use std::sync::{Arc, OnceLock};

use domain::id::SubscriptionId;
use domain::record::Commit;
use domain::time::{ReportedTime, UtcTime};

use crate::encoding::{self, Assigned};
use crate::frame::{HEADER_BYTES, Header};
use crate::limits::CHUNK_MERGE_BYTES_MAX;
use crate::rollup::{self, Gathered};
use crate::row::{Malformed, Row};

/// The rows of one or more group commits that follow each other.
pub(crate) struct Chunk {
    /// Whole frames, one behind the other.
    bytes: Vec<u8>,
    rows: Vec<TailRow>,
    /// Sums of its rows, once they were asked for; none if one would not be exact.
    sums: OnceLock<Option<Gathered>>,
    /// Its first commit.
    pub(crate) first: Commit,
    /// Time of its first commit.
    pub(crate) begun: UtcTime,
    /// Its last commit.
    pub(crate) last: Commit,
    /// Time of its last commit.
    pub(crate) last_time: UtcTime,
}

/// Where a row is, and what selects it. Ordered by subscription, reported time and place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TailRow {
    pub(crate) subscription: SubscriptionId,
    pub(crate) reported: ReportedTime,
    /// Where its encoding begins in the chunk.
    pub(crate) offset: u32,
    pub(crate) start: UtcTime,
    pub(crate) commit: Commit,
    pub(crate) commit_time: UtcTime,
}

impl Chunk {
    /// From a frame, header and payload, and the entries of its rows.
    pub(crate) fn new(header: &Header, bytes: Vec<u8>, mut rows: Vec<TailRow>) -> Self {
        rows.sort_unstable();
        let Header { commit, time, .. } = *header;
        let (first, begun, last, last_time) = (commit, time, commit, time);
        Self { bytes, rows, sums: OnceLock::new(), first, begun, last, last_time }
    }

    /// From a frame read back; checks every record in it.
    pub(crate) fn read(header: &Header, bytes: Vec<u8>) -> Result<Self, Malformed> {
        let assigned = Assigned { commit: header.commit, time: header.time };
        let mut rows = Vec::new();
        let mut offset = HEADER_BYTES;
        while offset < bytes.len() {
            let (row, length) = encoding::decode(&bytes[offset..], assigned)?;
            rows.push(TailRow {
                subscription: row.subscription,
                reported: row.reported,
                offset: u32::try_from(offset).map_err(|_| Malformed("frame length"))?,
                start: row.window.start(),
                commit: row.commit,
                commit_time: row.commit_time,
            });
            offset += length;
        }
        if u32::try_from(rows.len()) != Ok(header.records) {
            return Err(Malformed("number of records"));
        }
        Ok(Self::new(header, bytes, rows))
    }

    /// Bytes of its frames in the journal.
    pub(crate) fn journal_bytes(&self) -> u64 {
        self.bytes.len() as u64
    }

    /// Its frames as the journal has them.
    pub(crate) fn frames(&self) -> &[u8] {
        &self.bytes
    }

    /// Every row's entry, in order.
    pub(crate) fn rows(&self) -> &[TailRow] {
        &self.rows
    }

    /// The entries of one subscription, in order of reported time.
    pub(crate) fn rows_of(&self, subscription: SubscriptionId) -> &[TailRow] {
        let begin = self.rows.partition_point(|row| row.subscription < subscription);
        let end = self.rows.partition_point(|row| row.subscription <= subscription);
        &self.rows[begin..end]
    }

    /// The row of an entry of this chunk.
    pub(crate) fn row(&self, entry: &TailRow) -> Row<'_> {
        let offset = usize::try_from(entry.offset).expect("an offset is below 4 GiB");
        let assigned = Assigned { commit: entry.commit, time: entry.commit_time };
        let decoded = encoding::decode(&self.bytes[offset..], assigned);
        decoded.expect("a chunk was decoded when it was made").0
    }

    /// The sums of its rows, as a rollup would have them; none where the rows of a subscription are so
    /// few that they are read as fast, and where a sum would not be exact.
    pub(crate) fn sums(
        &self,
        subscription: Option<SubscriptionId>,
        rows_least: u64,
    ) -> Option<&Gathered> {
        if let Some(known) = self.sums.get() {
            return known.as_ref();
        }
        let wanted = subscription.map_or(self.rows.len(), |id| self.rows_of(id).len());
        let is_worth_it = wanted as u64 >= rows_least && wanted >= self.rows.len() / 4;
        let sum = || rollup::gathered(self.rows.iter().map(|entry| self.row(entry))).ok();
        if is_worth_it { self.sums.get_or_init(sum).as_ref() } else { None }
    }

    fn merged(older: &Self, newer: &Self) -> Self {
        let shift = u32::try_from(older.bytes.len()).expect("merged chunks are small");
        let shifted = newer.rows.iter().map(|row| TailRow { offset: row.offset + shift, ..*row });
        let mut rows: Vec<TailRow> = older.rows.iter().copied().chain(shifted).collect();
        rows.sort(); // two sorted runs: a merge
        let bytes = [older.bytes.as_slice(), newer.bytes.as_slice()].concat();
        let Self { first, begun, .. } = *older;
        let Self { last, last_time, .. } = *newer;
        Self { bytes, rows, sums: OnceLock::new(), first, begun, last, last_time }
    }
}

/// Adds a chunk at the end; merges small ones, so that their number grows with the logarithm.
pub(crate) fn push(chunks: &mut Vec<Arc<Chunk>>, chunk: Chunk) {
    let mut chunk = chunk;
    while let Some(before) = chunks.last() {
        let together = before.bytes.len() + chunk.bytes.len();
        if before.bytes.len() > 2 * chunk.bytes.len() || together > CHUNK_MERGE_BYTES_MAX {
            break;
        }
        chunk = Chunk::merged(before, &chunk);
        chunks.pop();
    }
    chunks.push(Arc::new(chunk));
}
