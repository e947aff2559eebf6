//! Rows of one period: those of a meter and a moment are together a stretch of positions, and cost
//! the area of unit prices over it.

use std::collections::BTreeMap;

use num_rational::BigRational;
use num_traits::{Signed, Zero};

use super::prices::{Version, included, reason, version_at};
use super::terms::{Committed, committed, credit, recurring};
use super::{CommittedLine, MeterBill, PeriodBill, TierLine, Unpriced, priced_as};
use crate::calendar::{Period, Time};
use crate::case::{Case, Row};
use crate::number::cut;

/// Decimal places of the quantity that exhausts a commitment.
const DRAWN_PLACES: u32 = 20;

/// The bill of one period for its rows.
pub(super) fn period_bill(case: &Case, period: &Period, mut rows: Vec<&Row>) -> PeriodBill {
    // Rows of one meter and moment are one step, so their order among themselves says nothing.
    let moment = |row: &Row| (row.start, priced_as(case, row.meter));
    rows.sort_by_key(|row| moment(row));
    let mut meters = BTreeMap::<u32, Ladder>::new();
    let mut unpriced = BTreeMap::<u32, BigRational>::new();
    let mut purse = committed(case, period).map(Purse::new);
    for rows in rows.chunk_by(|one, other| moment(one) == moment(other)) {
        let (start, meter) = moment(rows[0]);
        let quantity: BigRational = rows.iter().map(|row| row.quantity.value().clone()).sum();
        let version = version_at(case, meter, period, start);
        let Some((version, included)) = version.zip(included(case, meter, period)) else {
            *unpriced.entry(meter).or_default() += quantity;
            continue;
        };
        let purse = purse.as_mut().filter(|purse| purse.term.covers(case, meter, period));
        let ladder = meters.entry(meter).or_insert_with(|| Ladder::new(included));
        ladder.step(&version, &quantity, purse);
    }
    let payable = meters.iter().map(|(meter, ladder)| (*meter, ladder.paid_amount())).collect();
    let credit = credit(case, period, payable);
    let recurring = recurring(case, period);
    let forfeited = purse.map_or_else(BigRational::zero, |purse| purse.left + purse.crumbs);
    let bills = meters.into_iter().map(|(meter, ladder)| ladder.meter_bill(meter));
    let meters: Vec<MeterBill> = bills.collect();
    let charges: BigRational = meters.iter().map(|meter| meter.charge.clone()).sum();
    let unpriced = unpriced.into_iter().map(|(meter, quantity)| {
        let reason = reason(case, meter);
        Unpriced { meter, quantity, reason }
    });
    PeriodBill {
        name: period.name.clone(),
        start: period.start,
        end: period.end,
        meters,
        unpriced: unpriced.collect(),
        total: charges + &forfeited + &recurring - &credit,
        credit,
        recurring,
        forfeited,
    }
}

/// What is left of a commitment.
struct Purse<'a> {
    term: Committed<'a>,
    left: BigRational,
    /// What was too little for another part of a unit.
    crumbs: BigRational,
}

impl<'a> Purse<'a> {
    fn new(term: Committed<'a>) -> Self {
        Self { left: term.amount.clone(), crumbs: BigRational::zero(), term }
    }

    fn discounted(&self, version: &Version) -> BigRational {
        let hundred = BigRational::from_integer(100.into());
        version.base_rate() * (&hundred - &self.term.percent) / hundred
    }

    /// Pays for as many of these units as it can, and says how many.
    fn draw(&mut self, version: &Version, units: &BigRational) -> BigRational {
        if self.left.is_zero() {
            return BigRational::zero();
        }
        let rate = self.discounted(version);
        if &rate * units <= self.left {
            self.left -= rate * units;
            return units.clone();
        }
        let drawn = cut(&(&self.left / &rate), DRAWN_PLACES);
        self.crumbs += &self.left - rate * &drawn;
        self.left = BigRational::zero();
        drawn
    }

    fn give_back(&mut self, version: &Version, units: &BigRational) {
        self.left += self.discounted(version) * units;
    }
}

/// Where a meter stands, and what its units came to so far.
struct Ladder {
    included: BigRational,
    used: BigRational,
    /// Units that were paid as they were used, and are not taken back.
    paid: BigRational,
    tiers: BTreeMap<(Time, BigRational), (BigRational, BigRational)>,
    committed: BTreeMap<Time, (BigRational, BigRational, BigRational)>,
}

impl Ladder {
    fn new(included: BigRational) -> Self {
        Self {
            included,
            used: BigRational::zero(),
            paid: BigRational::zero(),
            tiers: BTreeMap::new(),
            committed: BTreeMap::new(),
        }
    }

    /// Units that are not free, of this much used.
    fn position(&self, used: &BigRational) -> BigRational {
        (used - &self.included).max(BigRational::zero())
    }

    fn step(&mut self, version: &Version, quantity: &BigRational, purse: Option<&mut Purse<'_>>) {
        let before = self.position(&self.used);
        self.used += quantity;
        let after = self.position(&self.used);
        if before <= after {
            let units = &after - &before;
            let drawn = match purse {
                Some(purse) => {
                    let drawn = purse.draw(version, &units);
                    self.commit(version, &drawn, &purse.term.percent);
                    drawn
                }
                None => BigRational::zero(),
            };
            self.pay(version, &(before + drawn), &after, 1);
        } else {
            let units = &before - &after;
            let unpaid = units.clone().min(self.paid.clone());
            self.pay(version, &(&before - &unpaid), &before, -1);
            let undrawn = units - unpaid;
            match purse {
                Some(purse) => {
                    purse.give_back(version, &undrawn);
                    self.commit(version, &-undrawn, &purse.term.percent);
                }
                None => assert!(undrawn.is_zero(), "more was paid back than paid"),
            }
        }
    }

    /// Pays for the units between two positions, or takes their price back.
    fn pay(&mut self, version: &Version, from: &BigRational, to: &BigRational, sign: i32) {
        let sign = BigRational::from_integer(sign.into());
        let bounds = version.steps.iter().map(|(bound, _)| bound);
        let inside = bounds.filter(|bound| from < *bound && *bound < to);
        let mut cuts: Vec<&BigRational> = inside.chain([from, to]).collect();
        cuts.sort();
        for piece in cuts.windows(2) {
            let middle = (piece[0] + piece[1]) / BigRational::from_integer(2.into());
            let (bound, rate) = version.rate_at(&middle);
            let line = self.tiers.entry((version.from, bound.clone()));
            let (units, known) = line.or_insert_with(|| (BigRational::zero(), rate.clone()));
            assert!(known == rate, "one version has one rate from one bound");
            *units += (piece[1] - piece[0]) * &sign;
        }
        self.paid += (to - from) * sign;
    }

    fn commit(&mut self, version: &Version, units: &BigRational, percent: &BigRational) {
        let rate = version.base_rate();
        let line = self.committed.entry(version.from);
        let zero = || (BigRational::zero(), rate.clone(), percent.clone());
        let (sum, known, _) = line.or_insert_with(zero);
        assert!(known == rate, "one version has one base rate");
        *sum += units;
    }

    /// What pay-as-you-go units cost.
    fn paid_amount(&self) -> BigRational {
        self.tiers.values().map(|(units, rate)| units * rate).sum()
    }

    fn meter_bill(self, meter: u32) -> MeterBill {
        let billable = self.position(&self.used);
        let tiers = self.tiers.into_iter().filter(|(_, (units, _))| !units.is_zero());
        let tiers = tiers.map(|((version, from), (units, rate))| {
            let amount = &units * &rate;
            TierLine { version, from, units, rate, amount }
        });
        let tiers: Vec<TierLine> = tiers.collect();
        let committed = self.committed.into_iter().filter(|(_, (units, ..))| !units.is_zero());
        let hundred = BigRational::from_integer(100.into());
        let committed = committed.map(|(version, (units, rate, percent))| {
            let amount = &units * &rate * (&hundred - &percent) / &hundred;
            CommittedLine { version, units, rate, percent, amount }
        });
        let committed: Vec<CommittedLine> = committed.collect();
        let units: BigRational = tiers.iter().map(|line| line.units.clone()).sum();
        let drawn: BigRational = committed.iter().map(|line| line.units.clone()).sum();
        assert!(units + drawn == billable, "meter {meter}: the lines lost units");
        let paid: BigRational = tiers.iter().map(|line| line.amount.clone()).sum();
        let bought: BigRational = committed.iter().map(|line| line.amount.clone()).sum();
        let (quantity, included, charge) = (self.used, self.included, paid + bought);
        assert!(!self.paid.is_negative(), "meter {meter}: more was paid back than paid");
        MeterBill { meter, quantity, included, billable, tiers, committed, charge }
    }
}
