//! Rating usage that was summed before: which sums give what their rows would, to the last digit. Where
//! they do not, or it is not known, finer sums or rows are asked for; rating rows stays the definition.
//!
//! A row's charge is what everything up to and with it costs less what came before. So sums of rows that
//! follow each other cost what the rows do, as long as nothing between them is to be told apart: the
//! price, the order in which meters draw on a commitment or a credit, an instance. The one difference
//! is at the bound of exact numbers: where a sum leaves it on its way and comes back, rows are an
//! error, and sums the answer.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::alias::priced_as;
use crate::book::{Book, MeterPrices};
use crate::decimal::{OutOfRange, Quantity};
use crate::id::{EventId, InstanceHash, MeterId, Source};
use crate::period::BillingPeriod;
use crate::rate::{RateError, rate};
use crate::record::{Commit, Instance, Window};
use crate::spend::RatedPeriod;
use crate::sums::{DaySum, DaysOfMeters, InstanceSums, MeterSum, MeterSums, WindowSum, WindowSums};
use crate::time::{Date, UtcTime};
use crate::usage::{Usage, UsageRow};

/// Rates sums of meters. They stand for their rows wherever instances are not told apart, in no smaller
/// steps of time than they were summed by; `spreads_credit` says whether credit is. None where every row
/// is needed.
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
) -> Result<Option<RatedPeriod>, RateError> {
    let row = SumRow::new();
    let instance = Arc::new(Instance::default());
    let instance_hash = instance.hash();
    let mut usage = Usage::new(period);
    usage.know(instance_hash, &instance);
    let mut prices: BTreeMap<MeterId, MeterPrices> = BTreeMap::new();
    let mut are_of_moments = true;
    for meter in sums {
        let id = priced_as(meter.meter, aliases);
        let of_meter = match prices.entry(id) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(vacant) => {
                let of_meter = book.prices(id, period);
                vacant.insert(of_meter.map_err(|OutOfRange| RateError::Meter(id))?)
            }
        };
        for MeterSum { first, last, quantity, .. } in &meter.sums {
            if of_meter.stretch_at(*first) != of_meter.stretch_at(*last) {
                return Ok(None);
            }
            are_of_moments &= first == last;
            usage.push(id, row.of(moments(*first, *last), instance_hash, *quantity));
        }
        usage.describe(id, &meter.description);
    }
    let rated = rated(usage.in_order(), book)?;
    let credits = rated.rated.credits.len();
    let asks_for_order =
        rated.rated.commitment.is_some() || credits > 1 || (credits == 1 && spreads_credit);
    // The rows of one meter and moment draw on a commitment as their sum, and on credit in turn.
    Ok((!asks_for_order || are_of_moments).then_some(rated))
}

/// The days of meters whose sums do not stand for their rows: their windows are to be known.
///
/// Each unit of a meter that is used on one day costs the same unless a bound of its ladder or another
/// price falls into the day, or the moment at which `cut` begins what is asked about.
///
/// # Errors
/// [`RateError`] if a sum would not be exact.
pub fn days_apart(
    period: BillingPeriod,
    sums: &[InstanceSums],
    cut: UtcTime,
    aliases: &BTreeMap<MeterId, MeterId>,
    book: &Book,
) -> Result<DaysOfMeters, RateError> {
    let mut by_day: BTreeMap<MeterId, BTreeMap<Date, DaySum>> = BTreeMap::new();
    for of_instance in sums {
        let id = priced_as(of_instance.meter, aliases);
        let meter_days = by_day.entry(id).or_default();
        for sum in &of_instance.days {
            match meter_days.entry(sum.day) {
                Entry::Vacant(vacant) => _ = vacant.insert(*sum),
                Entry::Occupied(mut known) => {
                    let sum = known.get().plus(*sum);
                    known.insert(sum.map_err(|OutOfRange| RateError::Meter(id))?);
                }
            }
        }
    }
    let cut_day = (cut != cut.day_start()).then(|| cut.date());
    let mut apart = DaysOfMeters::new();
    for (id, meter_days) in by_day {
        let bent = bent_days(id, &meter_days, book, period);
        let mut days: BTreeSet<Date> =
            bent.map_err(|OutOfRange| RateError::Meter(id))?.into_iter().collect();
        days.extend(cut_day.filter(|day| meter_days.contains_key(day)));
        if !days.is_empty() {
            apart.insert(id, days);
        }
    }
    if apart.is_empty() {
        return Ok(apart);
    }
    let sent: BTreeSet<MeterId> = sums.iter().map(|sums| sums.meter).collect();
    let of_sent = |meter| Some((meter, apart.get(&priced_as(meter, aliases))?.clone()));
    Ok(sent.into_iter().filter_map(of_sent).collect())
}

/// Rates days of instances, and in the place of those days that [`days_apart`] names their windows. They
/// stand for their rows wherever credit is not spread, in no smaller steps of time than days. None where
/// every row is needed.
///
/// # Errors
/// [`RateError`] if a sum would not be exact.
///
/// # Panics
/// If usage starts outside the period: the query that loaded it was wrong.
pub fn rate_instances(
    period: BillingPeriod,
    sums: &[InstanceSums],
    (days, windows): (&DaysOfMeters, &[WindowSums]),
    aliases: &BTreeMap<MeterId, MeterId>,
    book: &Book,
) -> Result<Option<RatedPeriod>, RateError> {
    let row = SumRow::new();
    let mut usage = Usage::new(period);
    for of_instance in sums {
        let InstanceSums { meter, instance_hash, .. } = *of_instance;
        let (id, days) = (priced_as(meter, aliases), days.get(&meter));
        usage.know(instance_hash, &of_instance.instance);
        for sum in &of_instance.days {
            if days.is_none_or(|days| !days.contains(&sum.day)) {
                let window = Window::day_of(sum.day.start());
                usage.push(id, row.of(window, instance_hash, sum.quantity));
            }
        }
        usage.describe(id, &of_instance.description);
    }
    for of_meter in windows {
        let Some(days) = days.get(&of_meter.meter) else { continue };
        let id = priced_as(of_meter.meter, aliases);
        let is_asked = |sum: &&WindowSum| days.contains(&sum.window.start().date());
        for sum in of_meter.sums.iter().filter(is_asked) {
            usage.push(id, row.of(sum.window, sum.instance_hash, sum.quantity));
        }
    }
    let rated = rated(usage.in_order(), book)?;
    // Which of a day's meters draws first is not known.
    let asks_for_order = rated.rated.commitment.is_some() || rated.rated.credits.len() > 1;
    Ok((!asks_for_order).then_some(rated))
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
