//! The charges of billing periods by day: a line for each meter and instance that was used on a day,
//! and lines of the subscription for what the offer's terms add. The lines of any range of days add
//! up to what [`spend`](crate::spend::spend) says of it, to the last digit.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use crate::book::{PriceVersion, Unpriced};
use crate::decimal::{Money, OutOfRange, Quantity};
use crate::id::{InstanceHash, MeterId};
use crate::period::BillingPeriod;
use crate::rate::{PartKind, RateError, RowCharge};
use crate::record::{Instance, MeterDescription};
use crate::spend::{RatedPeriod, TermLineKind};
use crate::time::{Date, UtcTime};

/// What one day cost of one thing.
#[derive(Debug, Clone)]
pub struct DayLine {
    /// The day of UTC.
    pub day: Date,
    /// The billing period that it is in.
    pub period: BillingPeriod,
    /// Of what.
    pub kind: DayLineKind,
}

/// What a line of a day is about.
#[derive(Debug, Clone)]
pub enum DayLineKind {
    /// Usage of a meter by an instance.
    Usage(DayUsage),
    /// What a term of the offer adds; below zero for credit.
    Term(TermLineKind, Money),
}

/// What one instance used of one meter on one day.
#[derive(Debug, Clone)]
pub struct DayUsage {
    /// The meter that it is priced by.
    pub meter: Arc<DayMeter>,
    /// Names the instance.
    pub instance_hash: InstanceHash,
    /// The instance.
    pub instance: Arc<Instance>,
    /// How much, in the meter's unit; below zero where more was taken back than used.
    pub quantity: Quantity,
    /// What it costs, or why it has no price.
    pub price: Result<DayPrice, Unpriced>,
}

/// The meter of lines.
#[derive(Debug, Clone)]
pub struct DayMeter {
    /// Its id.
    pub id: MeterId,
    /// Its names, from the rate card, else from the record.
    pub description: MeterDescription,
    /// The service that it belongs to, where the rate card says so.
    pub service: Option<Arc<str>>,
    /// Whether it is sold for somebody else.
    pub is_third_party: bool,
    /// The quantity that is free in the billing period, used or not.
    pub allowance: Quantity,
    /// Whether a credit of the period covers it.
    pub is_credit_eligible: bool,
}

/// What a line of usage costs.
#[derive(Debug, Clone)]
pub struct DayPrice {
    /// The price in force at the first row of the day.
    pub version: Arc<PriceVersion>,
    /// Quantity after what was free.
    pub billable: Quantity,
    /// The charge.
    pub charge: Money,
}

impl DayLine {
    /// What it adds to the bill; nothing for usage without a price.
    #[must_use]
    pub fn amount(&self) -> Money {
        match &self.kind {
            DayLineKind::Usage(usage) => {
                usage.price.as_ref().map_or(Money::ZERO, |price| price.charge)
            }
            DayLineKind::Term(_, amount) => *amount,
        }
    }

    /// The usage, if it is a line of usage.
    #[must_use]
    pub fn usage(&self) -> Option<&DayUsage> {
        match &self.kind {
            DayLineKind::Usage(usage) => Some(usage),
            DayLineKind::Term(..) => None,
        }
    }
}

/// The lines of a period within a range: day by day, on each day usage in order of meter and
/// instance, priced before unpriced, and then the lines of the subscription.
///
/// Credit is a line of each day whose usage draws on it. A recurring charge is on the period's first
/// day, what is not drawn of a commitment on its last, if the range has it. What comes to no quantity
/// and no amount, such as usage that was taken back, has no line.
///
/// # Errors
/// [`RateError`] if a sum would not be exact.
pub fn day_lines(period: &RatedPeriod, range: &Range<UtcTime>) -> Result<Vec<DayLine>, RateError> {
    let credit = match period.rated.credits.is_empty() {
        true => BTreeMap::new(),
        false => period.rated.credit_of_rows(&period.usage)?,
    };
    let mut usage = BTreeMap::new();
    let mut terms: BTreeMap<(Date, TermLineKind), Money> = BTreeMap::new();
    for (id, meter) in period.usage.meters() {
        let covered = credit.get(id);
        period.rated.each_row(*id, meter, |place, charge| {
            let row = &meter.rows()[place];
            let start = row.window.start();
            if !range.contains(&start) {
                return Ok(());
            }
            if let Some(covered) = covered {
                let of_day = terms.entry((start.date(), TermLineKind::Credit)).or_default();
                *of_day = of_day.minus(covered[place])?;
            }
            add(&mut usage, (start.date(), *id, row.instance), row.quantity, charge)
        })?;
    }
    let rated = &period.rated;
    if range.contains(&rated.period.start()) {
        let first = rated.period.start().date();
        terms.insert((first, TermLineKind::Recurring), rated.totals.recurring);
    }
    if rated.period.end() <= range.end {
        let last = rated.period.last_day();
        terms.insert((last, TermLineKind::Forfeited), rated.totals.forfeited);
    }
    Ok(period.lines(usage, terms))
}

/// Day, meter and instance, and whether it has a price.
type Key = (Date, MeterId, InstanceHash, Option<Unpriced>);

struct Sum {
    quantity: Quantity,
    price: Option<DayPrice>,
}

fn add(
    sums: &mut BTreeMap<Key, Sum>,
    (day, meter, instance): (Date, MeterId, InstanceHash),
    quantity: Quantity,
    charge: RowCharge<'_>,
) -> Result<(), OutOfRange> {
    let (reason, version) = match charge {
        RowCharge::Unpriced(reason) => (Some(reason), None),
        RowCharge::Priced { version, .. } => (None, Some(version)),
    };
    let sum = sums.entry((day, meter, instance, reason)).or_insert_with(|| Sum {
        quantity: Quantity::ZERO,
        price: version.map(|version| DayPrice {
            version: Arc::clone(version),
            billable: Quantity::ZERO,
            charge: Money::ZERO,
        }),
    });
    sum.quantity = sum.quantity.plus(quantity)?;
    if let (Some(price), RowCharge::Priced { parts, charge, .. }) = (&mut sum.price, charge) {
        price.charge = price.charge.plus(charge)?;
        for part in parts.iter().filter(|part| part.kind != PartKind::Included) {
            price.billable = price.billable.plus(part.quantity)?;
        }
    }
    Ok(())
}

impl RatedPeriod {
    fn lines(
        &self,
        usage: BTreeMap<Key, Sum>,
        terms: BTreeMap<(Date, TermLineKind), Money>,
    ) -> Vec<DayLine> {
        let period = self.rated.period;
        let mut meters: BTreeMap<MeterId, Arc<DayMeter>> = BTreeMap::new();
        let mut lines = Vec::with_capacity(usage.len() + terms.len());
        let mut terms = terms.into_iter().filter(|(_, amount)| !amount.is_zero()).peekable();
        let term =
            |((day, kind), amount)| DayLine { day, period, kind: DayLineKind::Term(kind, amount) };
        for ((day, id, instance_hash, reason), sum) in usage {
            while let Some(of_earlier) = terms.next_if(|((of, _), _)| *of < day) {
                lines.push(term(of_earlier));
            }
            let charge = sum.price.as_ref().map_or(Money::ZERO, |price| price.charge);
            if sum.quantity.is_zero() && charge.is_zero() {
                continue;
            }
            let meter = meters.entry(id).or_insert_with(|| Arc::new(self.day_meter(id)));
            let price = match (sum.price, reason) {
                (Some(price), _) => Ok(price),
                (None, Some(reason)) => Err(reason),
                (None, None) => unreachable!("a row has a price or a reason why not"),
            };
            let usage = DayUsage {
                meter: Arc::clone(meter),
                instance_hash,
                instance: Arc::clone(self.usage.instance(instance_hash)),
                quantity: sum.quantity,
                price,
            };
            lines.push(DayLine { day, period, kind: DayLineKind::Usage(usage) });
        }
        lines.extend(terms.map(term));
        lines
    }

    fn day_meter(&self, id: MeterId) -> DayMeter {
        let listed = self.book.list.meter(id);
        let source = self.usage.meters()[&id].description();
        let mut credits = self.rated.credits.iter();
        DayMeter {
            id,
            description: listed.map_or(source, |meter| &meter.description).clone(),
            service: listed.and_then(|meter| meter.sku.service.clone()),
            is_third_party: listed.is_some_and(|meter| meter.is_third_party(self.rated.period)),
            allowance: self.rated.meters[&id].allowance,
            is_credit_eligible: credits.any(|credit| credit.meters.contains(&id)),
        }
    }
}
