//! Up to when a subscription's usage is complete: the earliest moment that all of its sources have
//! delivered.
//!
//! A source that declares a watermark is believed. Of another, nothing is expected any more that is
//! older than its newest usage by what 99 of 100 of its rows take to be reported. A source is active
//! if it has declared a watermark, however old, or reported rows in the last 30 days: one that
//! declared and fell silent holds the figure back until it goes on or declares a later watermark.

use std::collections::BTreeMap;

use crate::id::Source;
use crate::time::{ReportedTime, UtcTime};

/// Rows reported longer ago do not count, neither as activity nor as lateness.
pub const ACTIVE_SECONDS: i64 = 30 * 86_400;
/// Lateness of a source whose rows were all reported within less than this.
const FIRST_SECONDS: i64 = 86_400;
/// Longest lateness told apart, in minutes: 40 days.
const LATENESS_MINUTES_MAX: u16 = 40 * 24 * 60;
const MICROS_PER_MINUTE: i64 = 60_000_000;

/// The first reported time whose rows count at a moment: 30 days before it.
#[must_use]
pub fn active_since(now: UtcTime) -> ReportedTime {
    ReportedTime(now.plus_seconds(-ACTIVE_SECONDS))
}

/// What one source reported of one subscription in the last 30 days: at least one row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceActivity {
    /// Who reported.
    pub source: Source,
    /// Newest end of usage. Usage reported before its end counts up to its report: what has not
    /// happened yet is not complete.
    pub newest_usage_end: UtcTime,
    /// How long after usage its rows were reported.
    pub lateness: Lateness,
}

/// How late rows were reported after their usage ended, counted in whole minutes, rounded up.
///
/// More than 40 days count as 40 days, which bounds its size. Rows reported before their end are
/// not late.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lateness {
    first: ReportedTime,
    last: ReportedTime,
    rows: u64,
    /// How many rows were this many minutes late.
    rows_by_minutes: BTreeMap<u16, u64>,
}

/// Up to when a subscription's usage is complete, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Completeness {
    /// The earliest of the sources'; none if there is no source.
    pub up_to: Option<UtcTime>,
    /// The source that it is the earliest of; of several the first in order of their names.
    pub held_back_by: Option<Source>,
    /// Every active source, in order of their names.
    pub sources: Vec<SourceCompleteness>,
}

/// Up to when one source is complete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceCompleteness {
    /// Who.
    pub source: Source,
    /// Usage before this moment is complete.
    pub up_to: UtcTime,
    /// Whether the source says so itself.
    pub declared: bool,
}

/// Rows of one source that were reported equally late.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LateRows {
    /// How late, in whole minutes.
    pub minutes: u16,
    /// How many there are, at least one.
    pub rows: u64,
    /// When the first of them was reported.
    pub first: ReportedTime,
    /// When the last of them was reported.
    pub last: ReportedTime,
    /// Newest end of their usage, none of which is later than its report.
    pub newest_usage_end: UtcTime,
}

impl LateRows {
    /// One row. Usage that was reported before its end counts up to its report.
    #[must_use]
    pub fn of(reported: ReportedTime, usage_end: UtcTime) -> Self {
        let newest_usage_end = usage_end.min(reported.0);
        let micros = reported.0.to_micros() - newest_usage_end.to_micros();
        let minutes = (micros + MICROS_PER_MINUTE - 1) / MICROS_PER_MINUTE;
        let minutes = u16::try_from(minutes).unwrap_or(LATENESS_MINUTES_MAX);
        let minutes = minutes.min(LATENESS_MINUTES_MAX);
        Self { minutes, rows: 1, first: reported, last: reported, newest_usage_end }
    }

    /// These and others that are as late.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            minutes: self.minutes,
            rows: self.rows + other.rows,
            first: self.first.min(other.first),
            last: self.last.max(other.last),
            newest_usage_end: self.newest_usage_end.max(other.newest_usage_end),
        }
    }
}

impl SourceActivity {
    /// From the first of its rows.
    #[must_use]
    pub fn new(source: Source, reported: ReportedTime, usage_end: UtcTime) -> Self {
        Self::of(source, LateRows::of(reported, usage_end))
    }

    /// From the first of its rows.
    #[must_use]
    pub fn of(source: Source, rows: LateRows) -> Self {
        let LateRows { first, last, newest_usage_end, .. } = rows;
        let lateness = Lateness { first, last, rows: 0, rows_by_minutes: BTreeMap::new() };
        let mut activity = Self { source, newest_usage_end, lateness };
        activity.add_rows(rows);
        activity
    }

    /// Adds a row; the order in which rows come does not matter.
    pub fn add(&mut self, reported: ReportedTime, usage_end: UtcTime) {
        self.add_rows(LateRows::of(reported, usage_end));
    }

    /// Adds rows that are equally late.
    pub fn add_rows(&mut self, rows: LateRows) {
        self.newest_usage_end = self.newest_usage_end.max(rows.newest_usage_end);
        self.lateness.add(rows);
    }

    /// The moment before which nothing more is expected of it.
    fn up_to(&self) -> UtcTime {
        self.newest_usage_end.plus_seconds(-self.lateness.seconds())
    }
}

impl Lateness {
    fn add(&mut self, rows: LateRows) {
        self.first = self.first.min(rows.first);
        self.last = self.last.max(rows.last);
        self.rows += rows.rows;
        *self.rows_by_minutes.entry(rows.minutes).or_default() += rows.rows;
    }

    /// The lateness that at least 99 of 100 rows keep, in seconds, of whole minutes rounded up; a
    /// day while all rows were reported within less than a day.
    #[must_use]
    pub fn seconds(&self) -> i64 {
        if self.last.0 < self.first.0.plus_seconds(FIRST_SECONDS) {
            return FIRST_SECONDS;
        }
        let wanted = self.rows - self.rows / 100;
        let mut seen = 0;
        let kept = self.rows_by_minutes.iter().find(|(_, rows)| {
            seen += *rows;
            seen >= wanted
        });
        let (minutes, _) = kept.expect("the counts add up to the rows, of which there is one");
        i64::from(*minutes) * 60
    }
}

/// Up to when usage is complete, from what the sources reported since [`active_since`] and every
/// watermark that was declared.
///
/// Of several watermarks of one source the latest counts. A source that is retired holds the figure
/// back until its watermark is declared in the far future.
///
/// Source: `RATING.md`, "Complete up to".
#[must_use]
pub fn complete_up_to(
    activity: &[SourceActivity],
    watermarks: &[(Source, UtcTime)],
) -> Completeness {
    let mut declared: BTreeMap<&Source, UtcTime> = BTreeMap::new();
    for (source, watermark) in watermarks {
        let latest = declared.entry(source).or_insert(*watermark);
        *latest = (*latest).max(*watermark);
    }
    let mut sources: BTreeMap<&Source, SourceCompleteness> = activity
        .iter()
        .map(|active| (&active.source, completeness(&active.source, active.up_to(), false)))
        .collect();
    for (source, watermark) in declared {
        sources.insert(source, completeness(source, watermark, true));
    }
    let sources: Vec<_> = sources.into_values().collect();
    let earliest = sources.iter().min_by_key(|source| source.up_to);
    let up_to = earliest.map(|source| source.up_to);
    let held_back_by = earliest.map(|source| source.source.clone());
    Completeness { up_to, held_back_by, sources }
}

fn completeness(source: &Source, up_to: UtcTime, declared: bool) -> SourceCompleteness {
    SourceCompleteness { source: source.clone(), up_to, declared }
}

#[cfg(test)]
mod tests;
