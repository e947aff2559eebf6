//! How closely an answer looks at usage: at sums where they give what their rows do, which are far fewer,
//! else at rows. Which sums do is for [`domain::summed`] to say; rows are the definition.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use domain::book::Book;
use domain::facets::Facets;
use domain::id::{MeterId, SubscriptionId};
use domain::period::BillingPeriod;
use domain::rate::RateError;
use domain::spend::{RatedPeriod, SpendQuery, Step};
use domain::summed::{days_apart, rate_instances, rate_meters};
use domain::sums::{
    DaysOfMeters, InstanceQuery, InstanceSums, MeterQuery, SumStep, Whose, WindowQuery, WindowSums,
};
use domain::time::UtcTime;
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
    /// At instances, as far as these, in steps of days and longer, with credit as a line of the subscription.
    Instances(Facets),
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
        match (query.facets(), step) {
            (Facets::NONE, step) => Self::Meters { step, spreads_credit },
            (facets, SumStep::Day | SumStep::Whole) if !spreads_credit => Self::Instances(facets),
            (_, _) => Self::Rows,
        }
    }
}

impl Detail {
    /// The steps by which the usage of several subscriptions may be summed together.
    pub(super) fn steps_together(self) -> impl Iterator<Item = SumStep> {
        let longest = match self {
            Self::Meters { step, spreads_credit: false } => Some(step),
            Self::Meters { .. } | Self::Instances(_) | Self::Rows => None,
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
}

impl App {
    /// The period as its sums tell, and how many they are, which is `most` at most; none if rows are needed.
    pub(super) async fn rated_sums(
        &self,
        part: &Part<'_>,
        detail: Detail,
        most: usize,
    ) -> Result<Option<(RatedPeriod, usize)>, ApiError> {
        match detail {
            Detail::Rows => Ok(None),
            Detail::Meters { step, spreads_credit } => {
                for step in steps(step).filter(|step| may_do(&part.book, *step)) {
                    let rated = part.of_meters(step, spreads_credit, most).await?;
                    if rated.is_some() {
                        return Ok(rated);
                    }
                }
                Ok(None)
            }
            Detail::Instances(facets) => {
                let (from, to) = part.bounds();
                let whose = Whose::One(part.account.subscription.id);
                let query = InstanceQuery { whose, start: from..to, facets };
                let found = part.basis.snapshot.instance_sums(&query, most).await;
                let Some(sums) = unless_too_great(found)? else { return Ok(None) };
                let left = most - days_of(&sums);
                part.of_instances(sums, left).await
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
        most: usize,
    ) -> Result<Option<(RatedPeriod, usize)>, ApiError> {
        let subscription = Some(self.account.subscription.id);
        let mut sums = Vec::new();
        let mut count = 0;
        for start in summed_apart(self.period, &self.range) {
            let query = MeterQuery { subscription, start, step };
            let found = self.basis.snapshot.meter_sums(&query, most - count).await;
            let Some(found) = unless_too_great(found)? else { return Ok(None) };
            count += found.iter().map(|meter| meter.sums.len()).sum::<usize>();
            sums.extend(found);
        }
        let (period, book, aliases) = (self.period, self.book.clone(), self.aliases());
        blocking(move || {
            let summed = rate_meters(period, &sums, &aliases, &book, spreads_credit);
            Ok(exact(summed).map(|rated| (rated, count)))
        })
        .await
    }

    /// What counts of the period, up to the range's end.
    pub(super) fn bounds(&self) -> Bounds {
        (self.period.start(), self.range.end)
    }

    /// The period as the sums of its instances tell, and how many they are, which is `left` at most besides
    /// these; none if they do not do.
    async fn of_instances(
        &self,
        sums: Vec<InstanceSums>,
        left: usize,
    ) -> Result<Option<(RatedPeriod, usize)>, ApiError> {
        let (priced, of_days) = (self.priced(), days_of(&sums));
        let told = blocking(move || Ok(ToldApart::of(priced, sums))).await?;
        let Some(told) = told else { return Ok(None) };
        let mut days = BTreeMap::new();
        told.add_days(self.account.subscription.id, &mut days);
        let (start, end) = self.bounds();
        let windows = windows_of(self.basis, days, start..end, left).await?;
        let Some(windows) = windows else { return Ok(None) };
        let count = of_days + count_of(&windows);
        blocking(move || Ok(told.rated(&windows).map(|rated| (rated, count)))).await
    }

    /// What is needed of it to price usage.
    pub(super) fn priced(&self) -> Priced {
        let (period, book, aliases) = (self.period, self.book.clone(), self.aliases());
        Priced { period, book, aliases, cut: self.cut() }
    }
}

/// What prices the usage of a part.
pub(super) struct Priced {
    period: BillingPeriod,
    book: Book,
    aliases: BTreeMap<MeterId, MeterId>,
    cut: UtcTime,
}

/// The sums of a part by its instances, and the days that are to be told apart further.
pub(super) struct ToldApart {
    part: Priced,
    sums: Vec<InstanceSums>,
    /// Those of which windows are to be known.
    days: DaysOfMeters,
}

impl ToldApart {
    /// None if a sum is too great.
    pub(super) fn of(part: Priced, sums: Vec<InstanceSums>) -> Option<Self> {
        let Priced { period, book, aliases, cut } = &part;
        let days = days_apart(*period, &sums, *cut, aliases, book).ok()?;
        Some(Self { part, sums, days })
    }

    /// Whether its sums do by themselves.
    pub(super) fn needs_no_windows(&self) -> bool {
        self.days.is_empty()
    }

    /// Adds its days to those of other parts.
    pub(super) fn add_days(
        &self,
        id: SubscriptionId,
        of_all: &mut BTreeMap<SubscriptionId, DaysOfMeters>,
    ) {
        for (meter, days) in &self.days {
            of_all.entry(id).or_default().entry(*meter).or_default().extend(days);
        }
    }

    /// The part as these and the subscription's windows tell; none if they do not do.
    pub(super) fn rated(&self, windows: &[WindowSums]) -> Option<RatedPeriod> {
        let Priced { period, book, aliases, .. } = &self.part;
        exact(rate_instances(*period, &self.sums, (&self.days, windows), aliases, book))
    }
}

/// The windows of days; none if they are more than may be, or one is too great.
pub(super) async fn windows_of(
    basis: &Basis,
    days: BTreeMap<SubscriptionId, DaysOfMeters>,
    start: Range<UtcTime>,
    most: usize,
) -> Result<Option<Vec<WindowSums>>, ApiError> {
    if days.is_empty() {
        return Ok(Some(vec![]));
    }
    let query = WindowQuery { days: Arc::new(days), start };
    unless_too_great(basis.snapshot.window_sums(&query, most).await)
}

/// The sums of one subscription, of those of all, which are in order of subscriptions.
pub(super) fn own_of<S>(all: &[S], id: SubscriptionId, of: impl Fn(&S) -> SubscriptionId) -> &[S] {
    let begin = all.partition_point(|sums| of(sums) < id);
    let end = all.partition_point(|sums| of(sums) <= id);
    &all[begin..end]
}

/// How many sums of windows these are.
pub(super) fn count_of(windows: &[WindowSums]) -> usize {
    windows.iter().map(|meter| meter.sums.len()).sum()
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
pub(super) fn exact(rated: Result<Option<RatedPeriod>, RateError>) -> Option<RatedPeriod> {
    rated.ok().flatten()
}
