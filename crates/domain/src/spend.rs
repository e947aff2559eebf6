//! Spend: rated usage of a range of time, grouped. Groups add up to the total, to the last digit,
//! and so do the ranges of a period.

mod combined;
mod key;
mod split;

use std::collections::{BTreeMap, HashMap};
use std::ops::Range;
use std::sync::Arc;

use foldhash::fast::RandomState;

use crate::book::{Book, Unpriced};
use crate::decimal::{Money, OutOfRange, Quantity};
use crate::facets::{Facets, ResourceFacet};
use crate::id::{InstanceHash, MeterId};
use crate::period::BillingPeriod;
use crate::rate::{GrossAndCharge, RateError, Rated, RowCharge, TogetherCharge};
use crate::record::{Instance, MeterDescription};
use crate::time::UtcTime;
use crate::usage::{MeterUsage, Usage};

pub use combined::{CombinedGroup, CombinedSpend, Combining};
pub use key::{Dimension, Filter, GroupKey, KeyPart, ResourceGroupTags, Step};
pub use split::{SharedCost, Shares};

use key::Row;

/// Which spend is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpendQuery {
    /// Usage that starts within it.
    pub range: Range<UtcTime>,
    /// By which steps of time it is shown; none for all in one.
    pub step: Option<Step>,
    /// What it is grouped by; nothing for one group.
    pub group_by: Vec<Dimension>,
    /// Usage that passes every one of them.
    pub filters: Vec<Filter>,
    /// Tags that resources inherit, where that is asked for.
    pub inherited: Option<ResourceGroupTags>,
    /// Whether credit is spread over the groups, in the order in which usage draws on it, instead of
    /// being a line of the subscription.
    pub allocate_credit: bool,
}

impl SpendQuery {
    /// What of instances the answer depends on.
    #[must_use]
    pub fn facets(&self) -> Facets {
        let facets = self.dimensions().map(Dimension::facets).fold(Facets::NONE, Facets::or);
        let inherits = facets.tags && self.inherited.is_some();
        let of_group = Facets { resource: ResourceFacet::Group, ..Facets::NONE };
        if inherits { facets.or(of_group) } else { facets }
    }

    /// Whether the answer depends on which meter was used.
    fn tells_meters_apart(&self) -> bool {
        self.dimensions().any(Dimension::is_of_meter)
    }

    /// Those that it is grouped and filtered by.
    fn dimensions(&self) -> impl Iterator<Item = &Dimension> {
        let filtered = self.filters.iter().map(|filter| &filter.dimension);
        self.group_by.iter().chain(filtered)
    }
}

/// A billing period's usage, what it costs, and the book that says so. It holds the period from its
/// start at least to the end of the range asked for: a row's charge depends on what its period used
/// before it.
#[derive(Debug, Clone)]
pub struct RatedPeriod {
    /// The usage.
    pub usage: Usage,
    /// What it costs.
    pub rated: Rated,
    /// The prices and terms.
    pub book: Book,
}

/// What a range of time cost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Spend {
    /// Groups in order of their keys.
    pub groups: Vec<SpendGroup>,
    /// Every meter with priced usage.
    pub meters: BTreeMap<MeterId, SpendMeter>,
    /// Usage without a price, which is in no amount.
    pub unpriced: Vec<UnpricedUsage>,
    /// Lines of the subscription, which belong to no group.
    pub terms: Vec<TermLine>,
    /// The sums.
    pub totals: SpendTotals,
}

/// What one group cost.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpendGroup {
    /// Its name.
    pub key: GroupKey,
    /// What it cost.
    pub amounts: Amounts,
    /// The one meter in it, and how much of it; none if there are several.
    pub meter: Option<(MeterId, Quantity)>,
}

/// What a group cost.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Amounts {
    /// Before a commitment's discount.
    pub gross: Money,
    /// What the discount takes off.
    pub discount: Money,
    /// Gross less discount.
    pub charge: Money,
    /// What credit covers of it, as a positive amount; nothing unless credit is spread.
    pub credit: Money,
    /// What it takes of a shared cost, or gives if below zero.
    pub shared: Money,
}

impl Amounts {
    /// What it comes to: charge less credit, with its part of a shared cost.
    ///
    /// # Errors
    /// [`OutOfRange`] if the sum would not be exact.
    pub fn net(&self) -> Result<Money, OutOfRange> {
        self.charge.minus(self.credit)?.plus(self.shared)
    }

    fn add(&mut self, gross: Money, charge: Money, credit: Money) -> Result<(), OutOfRange> {
        self.gross = self.gross.plus(gross)?;
        self.discount = self.discount.plus(gross.minus(charge)?)?;
        self.charge = self.charge.plus(charge)?;
        self.credit = self.credit.plus(credit)?;
        Ok(())
    }
}

/// A meter in the spend: how much of it was priced, and for how much.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpendMeter {
    /// The meter's names, from the rate card, else from the record.
    pub description: MeterDescription,
    /// Priced quantity.
    pub quantity: Quantity,
    /// Its charge.
    pub charge: Money,
}

/// Usage of a meter that has no price.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnpricedUsage {
    /// The meter.
    pub meter: MeterId,
    /// What the card or the source called it.
    pub description: MeterDescription,
    /// How much of it.
    pub quantity: Quantity,
    /// Why it has no price.
    pub reason: Unpriced,
}

/// A line of the subscription in one billing period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TermLine {
    /// The period.
    pub period: BillingPeriod,
    /// What it is.
    pub kind: TermLineKind,
    /// What it adds to the total; below zero for credit.
    pub amount: Money,
}

/// The kinds of lines of a subscription.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum TermLineKind {
    /// What credits cover.
    Credit,
    /// The part of a commitment that usage has not drawn.
    Forfeited,
    /// Recurring charges.
    Recurring,
}

/// The sums of spend.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct SpendTotals {
    /// Before a commitment's discount.
    pub gross: Money,
    /// What the discount takes off.
    pub discount: Money,
    /// Gross less discount: the sum of the groups' charges.
    pub charges: Money,
    /// What credit covers, as a positive amount.
    pub credit: Money,
    /// The part of commitments that usage has not drawn.
    pub forfeited: Money,
    /// Recurring charges.
    pub recurring: Money,
    /// Charges, forfeited and recurring, less credit.
    pub net: Money,
}

/// Groups the charges of the rows whose usage starts in the range.
///
/// Credit counts as the range's rows draw on it; a recurring charge where the range holds the start
/// of its period, what is forfeited where it holds the end. With filters the lines of the
/// subscription are left out, as they belong to no usage.
///
/// # Errors
/// [`RateError`] if a sum would not be exact.
pub fn spend(periods: &[RatedPeriod], query: &SpendQuery) -> Result<Spend, RateError> {
    let mut sums = Sums::default();
    for period in periods {
        let mut alike = Alike::default();
        let credit = period.credit_needed(query).then(|| {
            let credit = period.rated.credit_of_rows(&period.usage);
            credit.map(|credit| Credit { of_rows: credit, in_range: Money::ZERO })
        });
        let mut credit = credit.transpose()?;
        for (id, meter) in period.usage.meters() {
            let mut adder = Adder::new(*id, meter, period, query, &mut sums, &mut alike);
            match credit.as_mut() {
                None => adder.add_together()?,
                Some(credit) => adder.add_rows(credit)?,
            }
        }
        sums.add_terms(period, query, credit.as_ref())?;
    }
    Ok(sums.finish()?)
}

impl RatedPeriod {
    fn is_whole(&self, query: &SpendQuery) -> bool {
        let period = self.rated.period;
        query.range.start <= period.start() && period.end() <= query.range.end
    }

    /// Whether credit has to be known row by row.
    fn credit_needed(&self, query: &SpendQuery) -> bool {
        let is_line = query.filters.is_empty() && !self.is_whole(query);
        !self.rated.credits.is_empty() && (query.allocate_credit || is_line)
    }
}

struct Credit {
    of_rows: BTreeMap<MeterId, Vec<Money>>,
    in_range: Money,
}

/// Adds the rows of one meter in one period.
struct Adder<'a> {
    id: MeterId,
    usage: &'a MeterUsage,
    description: &'a MeterDescription,
    period: &'a RatedPeriod,
    query: &'a SpendQuery,
    sums: &'a mut Sums,
    /// Groups by instance and cell.
    groups: HashMap<(InstanceHash, UtcTime), Option<usize>, RandomState>,
    /// Groups of whatever looks the same to the question.
    alike: &'a mut Alike,
}

/// Groups of a period by what rows are looked up by: the meter where meters are told apart, the instance
/// by where it lies in memory, and the finest step of time that matters; none where a filter does not
/// pass.
type Alike = HashMap<(Option<MeterId>, *const Instance, UtcTime), Option<usize>, RandomState>;

impl<'a> Adder<'a> {
    fn new(
        id: MeterId,
        usage: &'a MeterUsage,
        period: &'a RatedPeriod,
        query: &'a SpendQuery,
        sums: &'a mut Sums,
        alike: &'a mut Alike,
    ) -> Self {
        let listed = period.book.list.meter(id).map(|meter| &meter.description);
        let description = listed.unwrap_or(usage.description());
        let groups = HashMap::default();
        Self { id, usage, description, period, query, sums, groups, alike }
    }

    /// Adds rows as groups have them together.
    fn add_together(&mut self) -> Result<(), RateError> {
        let (id, usage, period) = (self.id, self.usage, self.period);
        for charge in period.rated.together(id, usage, |row| self.group_of(row))? {
            let added = self.add(charge, Money::ZERO);
            added.map_err(|OutOfRange| RateError::Meter(id))?;
        }
        Ok(())
    }

    /// Adds each row, with what credit covers of it.
    fn add_rows(&mut self, credit: &mut Credit) -> Result<(), RateError> {
        let (id, usage, period) = (self.id, self.usage, self.period);
        period.rated.each_row(id, usage, |row, charge| {
            let Some(group) = self.group_of(row) else { return Ok(()) };
            let covered = match charge {
                RowCharge::Unpriced(_) => Money::ZERO,
                RowCharge::Priced { .. } => credit.of_rows[&id][row],
            };
            credit.in_range = credit.in_range.plus(covered)?;
            let (quantity, charge) = (usage.rows()[row].quantity, charge.sums());
            let charge = TogetherCharge { group, quantity, charge };
            self.add(charge, if self.query.allocate_credit { covered } else { Money::ZERO })
        })
    }

    fn add(&mut self, charge: TogetherCharge, covered: Money) -> Result<(), OutOfRange> {
        let TogetherCharge { group, quantity, charge } = charge;
        match charge {
            Err(reason) => self.add_unpriced(reason, quantity),
            Ok(GrossAndCharge { gross, charge }) => {
                let is_first = !std::mem::replace(&mut self.sums.is_priced[group], true);
                let group = &mut self.sums.groups[group];
                if is_first {
                    group.meter = Some((self.id, Quantity::ZERO));
                }
                group.amounts.add(gross, charge, covered)?;
                group.add_quantity(self.id, quantity)?;
                self.add_meter(quantity, charge)
            }
        }
    }

    /// The group that a row is shown in; none if it is not in the range, or a filter does not pass.
    fn group_of(&mut self, row: usize) -> Option<usize> {
        let start = self.usage.rows()[row].window.start();
        if !self.query.range.contains(&start) {
            return None;
        }
        let instance = self.usage.rows()[row].instance;
        let step = self.query.step.map(|step| step.start_of(start));
        let cell = match (step, &self.query.inherited) {
            (Some(step), None) => step,
            (None, None) => self.query.range.start,
            (step, Some(_)) => step.map_or(start.day_start(), |step| step.max(start.day_start())),
        };
        if let Some(known) = self.groups.get(&(instance, cell)) {
            return *known;
        }
        let of_instance = self.period.usage.instance(instance);
        let meter = self.query.tells_meters_apart().then_some(self.id);
        let looked_up = (meter, Arc::as_ptr(of_instance), cell);
        if let Some(known) = self.alike.get(&looked_up) {
            self.groups.insert((instance, cell), *known);
            return *known;
        }
        let values = Row {
            meter: self.id,
            description: self.description,
            instance: of_instance,
            day: start.date(),
            inherited: self.query.inherited.as_ref(),
        };
        let group = values.passes(&self.query.filters).then(|| {
            let parts = self.query.group_by.iter().map(|dimension| values.part(dimension));
            self.sums.group(GroupKey { start: step, parts: parts.collect() })
        });
        self.alike.insert(looked_up, group);
        self.groups.insert((instance, cell), group);
        group
    }

    fn add_meter(&mut self, quantity: Quantity, charge: Money) -> Result<(), OutOfRange> {
        let meter = self.sums.meters.entry(self.id).or_insert_with(|| SpendMeter {
            description: self.description.clone(),
            quantity: Quantity::ZERO,
            charge: Money::ZERO,
        });
        meter.quantity = meter.quantity.plus(quantity)?;
        meter.charge = meter.charge.plus(charge)?;
        Ok(())
    }

    fn add_unpriced(&mut self, reason: Unpriced, quantity: Quantity) -> Result<(), OutOfRange> {
        let lines = &mut self.sums.unpriced;
        let line = lines.entry((self.id, reason)).or_insert_with(|| UnpricedUsage {
            meter: self.id,
            description: self.description.clone(),
            quantity: Quantity::ZERO,
            reason,
        });
        line.quantity = line.quantity.plus(quantity)?;
        Ok(())
    }
}

impl SpendGroup {
    fn add_quantity(&mut self, id: MeterId, quantity: Quantity) -> Result<(), OutOfRange> {
        self.meter = match self.meter {
            Some((known, sum)) if known == id => Some((id, sum.plus(quantity)?)),
            _ => None,
        };
        Ok(())
    }
}

#[derive(Default)]
struct Sums {
    places: BTreeMap<GroupKey, usize>,
    groups: Vec<SpendGroup>,
    /// Whether a group has priced usage; one without is not shown.
    is_priced: Vec<bool>,
    meters: BTreeMap<MeterId, SpendMeter>,
    unpriced: BTreeMap<(MeterId, Unpriced), UnpricedUsage>,
    terms: Vec<TermLine>,
}

impl Sums {
    fn group(&mut self, key: GroupKey) -> usize {
        let next = self.groups.len();
        let place = *self.places.entry(key.clone()).or_insert(next);
        if place == next {
            let amounts = Amounts::default();
            self.groups.push(SpendGroup { key, amounts, meter: None });
            self.is_priced.push(false);
        }
        place
    }

    fn add_terms(
        &mut self,
        period: &RatedPeriod,
        query: &SpendQuery,
        credit: Option<&Credit>,
    ) -> Result<(), OutOfRange> {
        if !query.filters.is_empty() {
            return Ok(());
        }
        let rated = &period.rated;
        let mut lines = Vec::new();
        if !rated.credits.is_empty() && !query.allocate_credit {
            let covered = credit.map_or(rated.totals.credit, |credit| credit.in_range);
            lines.push((TermLineKind::Credit, covered.negated()));
        }
        if rated.commitment.is_some() && rated.period.end() <= query.range.end {
            lines.push((TermLineKind::Forfeited, rated.totals.forfeited));
        }
        if !rated.recurring.is_empty() && query.range.contains(&rated.period.start()) {
            lines.push((TermLineKind::Recurring, rated.totals.recurring));
        }
        let lines = lines.into_iter();
        self.terms.extend(lines.map(|(kind, amount)| TermLine {
            period: rated.period,
            kind,
            amount,
        }));
        Ok(())
    }

    fn finish(self) -> Result<Spend, OutOfRange> {
        let priced = self.groups.into_iter().zip(self.is_priced).filter(|(_, priced)| *priced);
        let mut groups: Vec<_> = priced.map(|(group, _)| group).collect();
        groups.sort_by(|a, b| a.key.cmp(&b.key));
        let mut totals = SpendTotals::default();
        for SpendGroup { amounts, .. } in &groups {
            totals.gross = totals.gross.plus(amounts.gross)?;
            totals.discount = totals.discount.plus(amounts.discount)?;
            totals.charges = totals.charges.plus(amounts.charge)?;
            totals.credit = totals.credit.plus(amounts.credit)?;
        }
        for line in &self.terms {
            match line.kind {
                TermLineKind::Credit => totals.credit = totals.credit.minus(line.amount)?,
                TermLineKind::Forfeited => totals.forfeited = totals.forfeited.plus(line.amount)?,
                TermLineKind::Recurring => totals.recurring = totals.recurring.plus(line.amount)?,
            }
        }
        let owed = totals.charges.plus(totals.forfeited)?.plus(totals.recurring)?;
        totals.net = owed.minus(totals.credit)?;
        let unpriced = self.unpriced.into_values().collect();
        Ok(Spend { groups, meters: self.meters, unpriced, terms: self.terms, totals })
    }
}

#[cfg(test)]
mod tests;
