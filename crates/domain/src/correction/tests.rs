//! Reversals and the difference of slices.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::id::{MeterId, Source, SubscriptionId};
use crate::record::{Billed, Commit, MeterDescription, Window};
use crate::time::UtcTime;

fn record(meter: u8, quantity: u8) -> UsageRecord {
    let start = UtcTime::from_micros(1_767_225_600_000_000).unwrap(); // 2026-01-01
    UsageRecord {
        subscription: SubscriptionId::from_bits(1),
        window: Window::new(start, start.plus_hours(1)).unwrap(),
        meter: MeterId::from_bits(meter.into()),
        description: MeterDescription::default(),
        quantity: Quantity::parse(&quantity.to_string()).unwrap(),
        instance: Arc::default(),
        source: Source::parse("urn:test").unwrap(),
        event_id: EventId::parse("1").unwrap(),
        billed: Billed { cost: Quantity::parse("2.5").ok(), ..Billed::default() },
        reverses: None,
    }
}

fn bucket() -> ReportedTime {
    ReportedTime(record(0, 0).window.end())
}

#[test]
fn a_reversal_negates_quantity_and_cost_and_names_its_record() {
    let record = record(1, 3);
    let reversal = reversal_of(&record).unwrap();
    assert_eq!(reversal.event_id.as_str(), format!("~reversal-{}", record.id()));
    assert_eq!(reversal.quantity, record.quantity.negated());
    assert_eq!(reversal.billed.cost, record.billed.cost.map(Quantity::negated));
    assert_eq!(reversal.reverses, Some(record.id()));
    assert_eq!(reversed_content(&reversal), Some((record.id(), record.content_hash())));
    assert!(is_reserved(&reversal.event_id) && !is_reserved(&record.event_id));
}

#[test]
fn a_reversal_cannot_be_reversed() {
    let reversal = reversal_of(&record(1, 3)).unwrap();
    assert_eq!(reversal_of(&reversal), None);
    // One that is made up names content that no reversal has.
    let made_up = UsageRecord { reverses: Some(reversal.id()), ..negated(&reversal) };
    let (reversed, content) = reversed_content(&made_up).unwrap();
    assert_eq!(reversed, reversal.id());
    assert_ne!(content, reversal.content_hash());
    assert_eq!(reversed_content(&record(1, 3)), None);
}

#[test]
fn rows_whose_quantity_alone_differs_are_one_change() {
    let stored = [row(record(1, 3), 1), row(record(2, 3), 1)];
    let change = SliceChange::new(&stored, vec![record(1, 4), record(3, 3)], bucket());
    let texts = |record: Option<&UsageRecord>| {
        record.map(|it| (it.meter.to_bits(), it.quantity.to_string()))
    };
    let rows: Vec<_> =
        change.rows().iter().map(|row| (texts(row.before), texts(row.after))).collect();
    let of = |meter: u128, quantity: &str| Some((meter, quantity.to_owned()));
    assert_eq!(rows, [(of(1, "3"), of(1, "4")), (of(2, "3"), None), (None, of(3, "3"))]);
    assert_eq!(change.kept, 0);
}

fn row(record: UsageRecord, occurrence: u64) -> SliceRow {
    let event_id = multiset_event_id(&record.source, bucket(), record.content_hash(), occurrence);
    let record = UsageRecord { event_id, ..record };
    let instance_hash = record.instance.hash();
    let stored =
        StoredRecord { record, instance_hash, reported: bucket(), erased: None, commit: Commit(1) };
    SliceRow { stored, is_reversed: false }
}

/// Brings a change about.
fn apply(rows: &mut Vec<SliceRow>, change: &SliceChange, commit: Commit) {
    for gone in &change.gone {
        let mut of = rows.iter_mut().filter(|row| row.stored.record.id() == gone.id());
        let row = of.next().expect("what goes is there");
        assert!(!row.is_reversed, "{} goes a second time", gone.event_id.as_str());
        row.is_reversed = true;
    }
    for record in &change.added {
        let is_new = rows.iter().all(|row| row.stored.record.id() != record.id());
        assert!(is_new, "{} is there already", record.event_id.as_str());
        let instance_hash = record.instance.hash();
        let record = record.clone();
        let stored =
            StoredRecord { record, instance_hash, reported: bucket(), erased: None, commit };
        rows.push(SliceRow { stored, is_reversed: false });
    }
}

fn counts<'a>(records: impl Iterator<Item = &'a UsageRecord>) -> BTreeMap<ContentHash, u64> {
    let mut counts = BTreeMap::new();
    records.for_each(|record| *counts.entry(record.content_hash()).or_default() += 1);
    counts
}

proptest! {
    #[test]
    fn whatever_a_slice_was_it_becomes_the_last_one_wanted(
        slices in prop::collection::vec(prop::collection::vec((0..3u8, 0..3u8), 0..8), 1..8),
    ) {
        let mut rows = vec![];
        for (number, slice) in (1..).zip(slices) {
            let wanted: Vec<_> = slice.iter().map(|(meter, size)| record(*meter, *size)).collect();
            let expected = counts(wanted.iter());
            let change = SliceChange::new(&rows, wanted.clone(), bucket());
            apply(&mut rows, &change, Commit(number));
            let live = rows.iter().filter(|row| !row.is_reversed);
            prop_assert_eq!(counts(live.map(|row| &row.stored.record)), expected);
            let shown = change.rows();
            let before = shown.iter().filter(|row| row.before.is_some()).count();
            let after = shown.iter().filter(|row| row.after.is_some()).count();
            prop_assert_eq!((before, after), (change.gone.len(), change.added.len()));
            // The same once more changes nothing, in any order.
            let again = SliceChange::new(&rows, wanted.into_iter().rev().collect(), bucket());
            prop_assert!(again.is_empty());
        }
    }
}
