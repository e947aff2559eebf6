//! How closely an answer looks at usage: at sums where they give what their rows do, which are far fewer,
//! else at rows. Which sums do is for [`domain::summed`] to say; rows are the definition.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Arc;

use domain::book::Book;
use domain::id::MeterId;
use domain::period::BillingPeriod;
use domain::rate::RateError;
use domain::record::StoredRecord;
use domain::spend::{RatedPeriod, SpendQuery, Step};
use domain::summed::{Summed, rate_instances, rate_meters};
use domain::sums::{InstanceQuery, InstanceSums, MeterQuery, SumStep, Whose};
use domain::time::{Date, UtcTime};
use ledger::ReadError;

use super::{Account, Basis, reading};
use crate::app::App;
use crate::catalogue::blocking;
use crate::error::ApiError;

/// A range of usage starts, by its bounds.
pub(super) type Bounds = (UtcTime, UtcTime);

/// How closely an answer looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Detail {
    /// At every row.
    Rows,
    /// At meters, in steps of hours, of days and longer, or not by time.
    Meters { step: SumStep, spreads_credit: bool },
    /// At instances, in steps of days and longer, with credit as a line of the subscription.
    Instances,
}

impl Detail {
    /// How closely the answer to a question about spend looks.
    pub(crate) fn of(query: &SpendQuery) -> Self {
        let step = match query.step {
            Some(Step::Hour) => SumStep::Hour,
            Some(Step::Day | Step::Month) => SumStep::Day,
            None => SumStep::Whole,
        };
        let spreads_credit = query.allocate_credit;
        match (query.tells_instances_apart(), step) {
            (false, step) => Self::Meters { step, spreads_credit },
            (true, SumStep::Day | SumStep::Whole) if !spreads_credit => Self::Instances,
            (true, _) => Self::Rows,
        }
    }
}

impl Detail {
    /// The steps by which the usage of several subscriptions may be summed together.
    pub(super) fn steps_together(self) -> impl Iterator<Item = SumStep> {
        let longest = match self {
            Self::Meters { step, spreads_credit: false } => Some(step),
            Self::Meters { .. } | Self::Instances | Self::Rows => None,
        };
        longest.into_iter().flat_map(steps)
    }
}

/// The part of a billing period that a question is about.
pub(super) struct Part<'a> {
    pub(super) account: &'a Account,
    pub(super) basis: &'a Basis,
    pub(super) period: BillingPeriod,
    pub(super) book: Book,
    /// From its start or before to the end of what counts; its own start does not matter.
    pub(super) range: Range<UtcTime>,
    /// How many rows or sums it may take.
    pub(super) most: usize,
}

impl App {
    /// The period as its sums tell, and how many they are; none if rows are needed.
    pub(super) async fn rated_sums(
        &self,
        part: &Part<'_>,
        detail: Detail,
    ) -> Result<Option<(RatedPeriod, usize)>, ApiError> {
        match detail {
            Detail::Rows => Ok(None),
            Detail::Meters { step, spreads_credit } => {
                for step in steps(step).filter(|step| may_do(&part.book, *step)) {
                    let rated = part.of_meters(step, spreads_credit).await?;
                    if rated.is_some() {
                        return Ok(rated);
                    }
                }
                Ok(None)
            }
            Detail::Instances => {
                let (from, to) = part.bounds();
                let whose = Whose::One(part.account.subscription.id);
                let query = InstanceQuery { whose, start: from..to };
                let found = part.basis.snapshot.instance_sums(&query, part.most).await;
                let Some(sums) = unless_too_great(found)? else { return Ok(None) };
                part.of_instances(sums).await
            }
        }
    }
}

impl Part<'_> {
    fn aliases(&self) -> BTreeMap<MeterId, MeterId> {
        self.basis.changes.aliases_in(self.period)
    }

    /// The start of what is asked about, within the period.
    fn cut(&self) -> UtcTime {
        cut(self.period, &self.range)
    }

    async fn of_meters(
        &self,
        step: SumStep,
        spreads_credit: bool,
    ) -> Result<Option<(RatedPeriod, usize)>, ApiError> {
        let subscription = Some(self.account.subscription.id);
        let mut sums = Vec::new();
        let mut count = 0;
        for start in summed_apart(self.period, &self.range) {
            let query = MeterQuery { subscription, start, step };
            let found = self.basis.snapshot.meter_sums(&query, self.most - count).await;
            let Some(found) = unless_too_great(found)? else { return Ok(None) };
            count += found.iter().map(|meter| meter.sums.len()).sum::<usize>();
            sums.extend(found);
        }
        let (period, book, aliases) = (self.period, self.book.clone(), self.aliases());
        blocking(move || {
            let summed = rate_meters(period, &sums, &aliases, &book, spreads_credit);
            Ok(rated(summed).map(|rated| (rated, count)))
        })
        .await
    }

    /// What counts of the period, up to the range's end.
    pub(super) fn bounds(&self) -> Bounds {
        (self.period.start(), self.range.end)
    }

    /// The period as the sums of its instances tell, and how many sums and rows these are; none if they do
    /// not do.
    pub(super) async fn of_instances(
        &self,
        sums: Vec<InstanceSums>,
    ) -> Result<Option<(RatedPeriod, usize)>, ApiError> {
        let count = days_of(&sums);
        let sums = Arc::new(sums);
        // A day that the range cuts is no sum of it.
        let cut = self.cut();
        let is_cut = cut != cut.day_start();
        let mut days: BTreeSet<Date> = is_cut.then_some(cut.date()).into_iter().collect();
        loop {
            let rows = self.rows_of(&days, self.most - count).await?;
            let Some(rows) = rows else { return Ok(None) };
            let taken = count + rows.len();
            let (period, book, aliases) = (self.period, self.book.clone(), self.aliases());
            let (sums, known) = (Arc::clone(&sums), days.clone());
            let summed = blocking(move || {
                Ok(rate_instances(period, &sums, (&known, rows), &aliases, &book))
            });
            match summed.await? {
                Ok(Summed::RowsOfDays(more)) if days.is_disjoint(&more) => days.extend(more),
                other => return Ok(rated(other).map(|rated| (rated, taken))),
            }
        }
    }

    /// The rows of these days; none if there are more than may be.
    async fn rows_of(
        &self,
        days: &BTreeSet<Date>,
        most: usize,
    ) -> Result<Option<Vec<StoredRecord>>, ApiError> {
        let id = self.account.subscription.id;
        let mut rows = Vec::new();
        for range in runs(days) {
            let range = range.start..range.end.min(self.range.end);
            let found = self.basis.snapshot.usage_records(id, range, most - rows.len()).await;
            match found.map_err(|error| reading(&error))? {
                Some(found) => rows.extend(found),
                None => return Ok(None),
            }
        }
        Ok(Some(rows))
    }
}

/// The steps of sums up to this one, the longest first: where they do not do, shorter ones may.
fn steps(longest: SumStep) -> impl Iterator<Item = SumStep> {
    let steps = [SumStep::Whole, SumStep::Day, SumStep::Hour];
    steps.into_iter().filter(move |step| *step <= longest)
}

/// The start of what is asked about, within a period.
fn cut(period: BillingPeriod, range: &Range<UtcTime>) -> UtcTime {
    range.start.max(period.start())
}

/// What counts of a period, up to the range's end: what is before the range is summed apart from what
/// is in it.
pub(super) fn summed_apart(
    period: BillingPeriod,
    range: &Range<UtcTime>,
) -> impl Iterator<Item = Range<UtcTime>> + use<> {
    let cut = cut(period, range);
    let ranges = [period.start()..cut, cut..range.end];
    ranges.into_iter().filter(|range| !range.is_empty())
}

/// Whether sums of this step may do: usage draws on a commitment in the order of its moments, of which
/// longer steps than hours have many.
pub(super) fn may_do(book: &Book, step: SumStep) -> bool {
    step == SumStep::Hour || book.commitment.is_none()
}

/// How many sums these are: those of days.
pub(super) fn days_of(sums: &[InstanceSums]) -> usize {
    sums.iter().map(|sums| sums.days.len()).sum()
}

/// Days that follow each other, as ranges.
fn runs(days: &BTreeSet<Date>) -> Vec<Range<UtcTime>> {
    let mut runs: Vec<Range<UtcTime>> = Vec::new();
    for day in days {
        let (start, end) = (day.start(), day.plus_days(1).start());
        match runs.last_mut() {
            Some(run) if run.end == start => run.end = end,
            _ => runs.push(start..end),
        }
    }
    runs
}

/// Sums that are too great are an error of their rows, which are asked.
pub(super) fn unless_too_great<T>(
    found: Result<Option<T>, ReadError>,
) -> Result<Option<T>, ApiError> {
    match found {
        Err(ReadError::Sum(_)) => Ok(None),
        other => other.map_err(|error| reading(&error)),
    }
}

/// The same for what is rated.
pub(super) fn rated(summed: Result<Summed, RateError>) -> Option<RatedPeriod> {
    match summed {
        Ok(Summed::Rated(rated)) => Some(*rated),
        Ok(Summed::RowsOfDays(_) | Summed::Rows) | Err(_) => None,
    }
}
