//! Rating usage that was summed before: which sums give what their rows would, to the last digit. Where
//! they do not, or it is not known, rows are asked for; rating rows stays the definition.
//!
//! A row's charge is what everything up to and with it costs less what came before. So sums of rows that
//! follow each other cost what the rows do, as long as nothing between them is to be told apart: the
//! price, the order in which meters draw on a commitment or a credit, an instance. The one difference
//! is at the bound of exact numbers: where a sum leaves it on its way and comes back, rows are an
//! error, and sums the answer.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::book::{Book, MeterPrices};
use crate::decimal::{OutOfRange, Quantity};
use crate::id::{EventId, InstanceHash, MeterId, Source};
use crate::period::BillingPeriod;
use crate::rate::{RateError, rate};
use crate::record::{Commit, Instance, StoredRecord, Window};
use crate::spend::RatedPeriod;
use crate::sums::{DaySum, InstanceSums, MeterSum, MeterSums};
use crate::time::{Date, UtcTime};
use crate::usage::{Usage, UsageRow};

/// A billing period as far as sums tell.
#[derive(Debug)]
pub enum Summed {
    /// The same as with rows.
    Rated(Box<RatedPeriod>),
    /// The rows of usage on these days are to stand in the place of their sums.
    RowsOfDays(BTreeSet<Date>),
    /// Every row is needed.
    Rows,
}

/// Rates sums of meters. They stand for their rows wherever instances are not told apart, in no smaller
/// steps of time than they were summed by; `spreads_credit` says whether credit is.
///
/// # Errors
/// [`RateError`] if a sum would not be exact.
///
/// # Panics
/// If usage starts outside the period: the query that loaded it was wrong.
pub fn rate_meters(
    period: BillingPeriod,
    sums: &[MeterSums],
    aliases: &BTreeMap<MeterId, MeterId>,
    book: &Book,
    spreads_credit: bool,
) -> Result<Summed, RateError> {
    let row = SumRow::new();
    let instance = Arc::new(Instance::default());
    let instance_hash = instance.hash();
    let mut usage = Usage::new(period);
    let mut prices: BTreeMap<MeterId, MeterPrices> = BTreeMap::new();
    let mut are_of_moments = true;
    for meter in sums {
        let id = aliases.get(&meter.meter).copied().unwrap_or(meter.meter);
        let of_meter = match prices.entry(id) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(vacant) => {
                let of_meter = book.prices(id, period);
                vacant.insert(of_meter.map_err(|OutOfRange| RateError::Meter(id))?)
            }
        };
        for MeterSum { first, last, quantity, .. } in &meter.sums {
            if of_meter.stretch_at(*first) != of_meter.stretch_at(*last) {
                return Ok(Summed::Rows);
            }
            are_of_moments &= first == last;
            usage.push(id, &instance, row.of(moments(*first, *last), instance_hash, *quantity));
        }
        usage.describe(id, &meter.description);
    }
    let rated = rated(usage.in_order(), book)?;
    let credits = rated.rated.credits.len();
    let asks_for_order =
        rated.rated.commitment.is_some() || credits > 1 || (credits == 1 && spreads_credit);
    // The rows of one meter and moment draw on a commitment as their sum, and on credit in turn.
    match asks_for_order && !are_of_moments {
        true => Ok(Summed::Rows),
        false => Ok(Summed::Rated(Box::new(rated))),
    }
}

/// Rates days of instances. They stand for their rows wherever credit is not spread, in no smaller steps
/// of time than days.
///
/// Each unit of a meter that is used on one day costs the same unless a bound of its ladder or another
/// price falls into the day; then the rows of that day are asked for. `records` are those of `days`.
///
/// # Errors
/// [`RateError`] if a sum would not be exact.
///
/// # Panics
/// If usage starts outside the period: the query that loaded it was wrong.
pub fn rate_instances(
    period: BillingPeriod,
    sums: &[InstanceSums],
    (days, records): (&BTreeSet<Date>, Vec<StoredRecord>),
    aliases: &BTreeMap<MeterId, MeterId>,
    book: &Book,
) -> Result<Summed, RateError> {
    let row = SumRow::new();
    let mut usage = Usage::new(period);
    let mut by_day: BTreeMap<MeterId, BTreeMap<Date, DaySum>> = BTreeMap::new();
    for of_instance in sums {
        let id = aliases.get(&of_instance.meter).copied().unwrap_or(of_instance.meter);
        let meter_days = by_day.entry(id).or_default();
        for sum in &of_instance.days {
            let known = meter_days.get(&sum.day).map_or(Ok(*sum), |known| known.plus(*sum));
            meter_days.insert(sum.day, known.map_err(|OutOfRange| RateError::Meter(id))?);
            if !days.contains(&sum.day) {
                let window = Window::day_of(sum.day.start());
                let row = row.of(window, of_instance.instance_hash, sum.quantity);
                usage.push(id, &of_instance.instance, row);
            }
        }
        usage.describe(id, &of_instance.description);
    }
    for stored in records {
        usage.add(stored, aliases);
    }
    let mut bent = BTreeSet::new();
    for (id, meter_days) in &by_day {
        let of_meter = bent_days(*id, meter_days, book, period);
        bent.extend(of_meter.map_err(|OutOfRange| RateError::Meter(*id))?);
    }
    bent.retain(|day| !days.contains(day));
    if !bent.is_empty() {
        return Ok(Summed::RowsOfDays(bent));
    }
    let rated = rated(usage.in_order(), book)?;
    // Which of a day's meters draws first is not known.
    match rated.rated.commitment.is_some() || rated.rated.credits.len() > 1 {
        true => Ok(Summed::Rows),
        false => Ok(Summed::Rated(Box::new(rated))),
    }
}

fn rated(usage: Usage, book: &Book) -> Result<RatedPeriod, RateError> {
    let rated = rate(&usage, book)?;
    Ok(RatedPeriod { usage, rated, book: book.clone() })
}

/// The days on which not every unit of a meter costs the same.
fn bent_days(
    id: MeterId,
    days: &BTreeMap<Date, DaySum>,
    book: &Book,
    period: BillingPeriod,
) -> Result<Vec<Date>, OutOfRange> {
    let prices = book.prices(id, period)?;
    let allowance = prices.included(period.start());
    let mut used = Quantity::ZERO;
    let mut bent = Vec::new();
    for (day, sum) in days {
        let stretch = prices.stretch_at(day.start());
        if stretch != prices.stretch_at(just_before(day.plus_days(1).start())) {
            bent.push(*day);
            // What of it was priced is not known; a price that ends or begins is seldom.
            bent.extend(days.range(*day..).map(|(day, _)| *day));
            return Ok(bent);
        }
        let Ok(version) = prices.price_in(stretch) else { continue };
        // Wherever the day's rows stand among themselves, they stay between these.
        let lowest = used.plus(sum.taken_back)?;
        let highest = used.plus(sum.quantity.minus(sum.taken_back)?)?;
        for tier in version.tiers.as_slice() {
            let bound = allowance.plus(tier.from)?;
            if lowest < bound && bound < highest {
                bent.push(*day);
                break;
            }
        }
        used = used.plus(sum.quantity)?;
    }
    Ok(bent)
}

/// What sums have in the place of what names a row.
struct SumRow {
    source: Source,
    event_id: EventId,
}

impl SumRow {
    fn new() -> Self {
        let source = Source::parse("urn:tallyhouse:sum").expect("it is a source");
        let event_id = EventId::parse("sum").expect("it is an event id");
        Self { source, event_id }
    }

    fn of(&self, window: Window, instance: InstanceHash, quantity: Quantity) -> UsageRow {
        let (source, event_id) = (self.source.clone(), self.event_id.clone());
        UsageRow { window, instance, source, event_id, commit: Commit(0), quantity }
    }
}

/// From one start of usage to another, both included; where that is of a later day, to the end of the
/// first one's: nothing that is rated by longer sums looks at it.
fn moments(first: UtcTime, last: UtcTime) -> Window {
    let after_last = UtcTime::from_micros(last.to_micros() + 1).unwrap_or(UtcTime::MAX);
    let end = after_last.min(Window::day_of(first).end());
    Window::new(first, end).expect("usage starts before the end of its day")
}

fn just_before(time: UtcTime) -> UtcTime {
    UtcTime::from_micros(time.to_micros() - 1).unwrap_or(UtcTime::MIN)
}
