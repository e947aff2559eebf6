//! Corrections: a record is never edited, but taken back by a reversal, at most once, and another may
//! be stored in its place.
//!
//! A reversal has the content of its record with quantity and billed cost negated, names it in
//! `reverses`, and has an event id that follows from the record's: that of a second reversal is the
//! same, so whatever keeps identities keeps "at most once". A reversal cannot be reversed; what it took
//! back can be sent again under another id.

use std::collections::{BTreeMap, BTreeSet};

use crate::decimal::Quantity;
use crate::id::{ContentHash, EventId, RecordId};
use crate::record::{StoredRecord, UsageRecord, multiset_event_id};
use crate::time::ReportedTime;

/// How the event id of every reversal begins, and of nothing else that is taken: it sorts behind
/// most ids, so that a reversal follows its record.
pub const REVERSAL_PREFIX: &str = "~reversal-";

/// Event id of the reversal of a record, within the source of that record.
#[must_use]
pub fn reversal_event_id(reversed: RecordId) -> EventId {
    let text = format!("{REVERSAL_PREFIX}{reversed}");
    EventId::parse(&text).expect("a prefix and hexadecimal digits are an event id")
}

/// Whether an event id is of the form that only reversals have.
#[must_use]
pub fn is_reserved(event_id: &EventId) -> bool {
    event_id.as_str().starts_with(REVERSAL_PREFIX)
}

/// What takes a record back; none if the record is a reversal itself.
#[must_use]
pub fn reversal_of(record: &UsageRecord) -> Option<UsageRecord> {
    if record.reverses.is_some() {
        return None;
    }
    let reversed = record.id();
    let reversal = UsageRecord {
        event_id: reversal_event_id(reversed),
        reverses: Some(reversed),
        ..negated(record)
    };
    Some(reversal)
}

/// The record that a reversal takes back, and the content that it must have: that of a record which
/// reverses nothing. None for a record that is no reversal.
#[must_use]
pub fn reversed_content(reversal: &UsageRecord) -> Option<(RecordId, ContentHash)> {
    let reversed = reversal.reverses?;
    let content = UsageRecord { reverses: None, ..negated(reversal) }.content_hash();
    Some((reversed, content))
}

/// The same record with the other sign.
fn negated(record: &UsageRecord) -> UsageRecord {
    let mut other = record.clone();
    other.quantity = record.quantity.negated();
    other.billed.cost = record.billed.cost.map(Quantity::negated);
    other
}

/// A row of a slice that is stored.
#[derive(Debug, Clone)]
pub struct SliceRow {
    /// The record.
    pub stored: StoredRecord,
    /// Whether it was taken back.
    pub is_reversed: bool,
}

/// What makes a slice as it is stored the slice that it should be.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SliceChange {
    /// Stored rows that it has no more.
    pub gone: Vec<UsageRecord>,
    /// Rows that are not stored yet, under ids that are free.
    pub added: Vec<UsageRecord>,
    /// How many rows stay.
    pub kept: u64,
}

/// One row in which two slices differ: it is gone without `after`, added without `before`, and else
/// the same but for its quantity.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RowChange<'a> {
    /// As it is stored.
    pub before: Option<&'a UsageRecord>,
    /// As it should be.
    pub after: Option<&'a UsageRecord>,
}

impl SliceChange {
    /// Compares the rows of a slice (all of one source, subscription and reported bucket) with those
    /// that it should have, as multisets: neither order nor event ids count.
    ///
    /// Of equal rows the one stored last goes first. A row that was taken back does not come to life
    /// again: where it is wanted once more it gets the next occurrence that no row has.
    #[must_use]
    pub fn new(stored: &[SliceRow], wanted: Vec<UsageRecord>, bucket: ReportedTime) -> Self {
        let mut by_content: BTreeMap<ContentHash, (Vec<&StoredRecord>, Vec<UsageRecord>)> =
            BTreeMap::new();
        let taken: BTreeSet<_> = stored.iter().map(|row| &row.stored.record.event_id).collect();
        for row in stored.iter().filter(|row| !row.is_reversed) {
            let content = row.stored.content_hash();
            by_content.entry(content).or_default().0.push(&row.stored);
        }
        for record in wanted {
            by_content.entry(record.content_hash()).or_default().1.push(record);
        }
        let mut change = Self::default();
        for (content, (mut live, mut wanted)) in by_content {
            live.sort_by_key(|stored| (stored.commit, &stored.record.event_id));
            let kept = live.len().min(wanted.len());
            change.kept += kept as u64;
            change.gone.extend(live.split_off(kept).into_iter().map(|row| row.record.clone()));
            let mut occurrence = 0;
            for record in wanted.split_off(kept) {
                let event_id = loop {
                    occurrence += 1;
                    let id = multiset_event_id(&record.source, bucket, content, occurrence);
                    if !taken.contains(&id) {
                        break id;
                    }
                };
                change.added.push(UsageRecord { event_id, ..record });
            }
        }
        change
    }

    /// Whether the slice is as it should be.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.gone.is_empty() && self.added.is_empty()
    }

    /// Its rows one by one, those of one meter and instance whose quantity alone differs as one, in
    /// order of time, meter and instance.
    #[must_use]
    pub fn rows(&self) -> Vec<RowChange<'_>> {
        let mut alike: BTreeMap<_, (Vec<&UsageRecord>, Vec<&UsageRecord>)> = BTreeMap::new();
        for record in &self.gone {
            alike.entry(but_for_quantity(record)).or_default().0.push(record);
        }
        for record in &self.added {
            alike.entry(but_for_quantity(record)).or_default().1.push(record);
        }
        let pairs = alike.into_values().flat_map(|(before, after)| {
            let count = before.len().max(after.len());
            (0..count).map(move |place| RowChange {
                before: before.get(place).copied(),
                after: after.get(place).copied(),
            })
        });
        pairs.collect()
    }
}

/// What rows have in common whose quantity alone differs, in the order in which they are shown.
fn but_for_quantity(record: &UsageRecord) -> impl Ord + use<> {
    let content = UsageRecord { quantity: Quantity::ZERO, ..record.clone() }.content_hash();
    (record.window, record.meter, record.instance.hash(), content)
}

#[cfg(test)]
mod tests;
