//! The price of a meter at one moment, and why there is none.

use std::cmp::Reverse;

use num_rational::BigRational;
use num_traits::Zero;

use crate::calendar::{Period, Time};
use crate::case::{Card, Case, Change, Meter, Override, Target, Tier};

/// A price as it is in force for a while.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Version {
    /// Its effective date, or the later beginning of the own price that changes it.
    pub(super) from: Time,
    pub(super) included: BigRational,
    /// Bound and rate, in order of the bounds; the first is from 0.
    pub(super) steps: Vec<(BigRational, BigRational)>,
}

impl Version {
    /// Price of the unit at this billable position.
    pub(super) fn rate_at(&self, position: &BigRational) -> (&BigRational, &BigRational) {
        let step = self.steps.iter().rfind(|(bound, _)| bound <= position);
        let (bound, rate) = step.expect("the first step is from 0");
        (bound, rate)
    }

    /// Price of the first unit.
    pub(super) fn base_rate(&self) -> &BigRational {
        &self.steps[0].1
    }
}

/// The price of this meter, after aliases, for usage of this period that starts at this moment.
pub(super) fn version_at(case: &Case, meter: u32, period: &Period, time: Time) -> Option<Version> {
    let on_card = on_card(case, meter, period, time);
    let own = own_price(case, meter, period, time).map(|place| &case.overrides[place].change);
    let (included, mut steps) = match (own, on_card) {
        (Some(Change::Price { included, tiers }), _) => (included, steps(tiers)),
        (Some(Change::Markup(percent)), Some(version)) => {
            let hundred = BigRational::from_integer(100.into());
            let factor = (&hundred + percent.value()) / hundred;
            let marked_up = steps(&version.tiers).into_iter();
            let marked_up = marked_up.map(|(bound, rate)| (bound, rate * &factor)).collect();
            (&version.included, marked_up)
        }
        (None, Some(version)) => (&version.included, steps(&version.tiers)),
        (_, None) => return None,
    };
    steps.sort();
    let card_from = on_card.map_or(Time::ALWAYS, |version| version.from);
    let from = card_from.max(own_price_since(case, meter, period, time));
    Some(Version { from, included: included.value().clone(), steps })
}

/// The included quantity of a period: that of the price in force at its start, or of the first
/// price after it.
pub(super) fn included(case: &Case, meter: u32, period: &Period) -> Option<BigRational> {
    let on_cards = versions(case, meter).map(|(_, version)| version.from);
    let own = changes(case, period);
    let mut moments: Vec<Time> = on_cards.chain(own).filter(|time| *time > period.start).collect();
    moments.push(period.start);
    moments.sort();
    let version = moments.into_iter().find_map(|time| version_at(case, meter, period, time));
    version.map(|version| version.included)
}

/// Why usage without a price has none.
pub(super) fn reason(case: &Case, meter: u32) -> &'static str {
    if case.cards.is_empty() {
        return "no rate card";
    }
    if versions(case, meter).next().is_none() {
        return "not on rate card";
    }
    "before first price"
}

/// The meter as the latest card describes it that has it and counts in the period; else the first.
pub(super) fn described<'a>(case: &'a Case, meter: u32, period: &Period) -> Option<&'a Meter> {
    let counting = versions(case, meter).filter(|(card, _)| counts(card, period)).last();
    counting.or_else(|| versions(case, meter).next()).map(|(_, version)| version)
}

/// Whether an import changes this period: it came before the period closed, or says that it does.
pub(super) fn counts(card: &Card, period: &Period) -> bool {
    card.reprice || card.imported < period.closed_at()
}

/// All versions of a meter, in order of import.
fn versions(case: &Case, meter: u32) -> impl Iterator<Item = (&Card, &Meter)> {
    let all = case.cards.iter().flat_map(|card| card.meters.iter().map(move |one| (card, one)));
    all.filter(move |(_, version)| version.id == meter)
}

/// The version of the cards: of the latest date among imports that count here, as the last of them
/// says it. Where none of those has begun, imports that do not count price what else had no price.
fn on_card<'a>(case: &'a Case, meter: u32, period: &Period, time: Time) -> Option<&'a Meter> {
    let begun = || versions(case, meter).filter(|(_, one)| one.from <= time);
    let counting = begun().filter(|(card, _)| counts(card, period));
    if let Some(date) = counting.map(|(_, one)| one.from).max() {
        let counting = begun().filter(|(card, _)| counts(card, period));
        return counting.filter(|(_, one)| one.from == date).last().map(|(_, one)| one);
    }
    let date = begun().map(|(_, one)| one.from).max()?;
    let mut of_date = begun().filter(|(_, one)| one.from == date);
    of_date.next().map(|(_, one)| one)
}

/// Place of the own price in force: the narrowest scope, then the narrowest target, then the last.
fn own_price(case: &Case, meter: u32, period: &Period, time: Time) -> Option<usize> {
    let applies = |own: &Override| {
        let matches = match &own.target {
            Target::Every => described(case, meter, period).is_some(),
            Target::Category(category) => described(case, meter, period)
                .is_some_and(|one| one.category.as_ref() == Some(category)),
            Target::Meter(id) => *id == meter,
        };
        let in_force = own.from <= time && own.until.is_none_or(|until| time < until);
        matches && touches(own, period) && in_force
    };
    let narrowness = |own: &Override| match own.target {
        Target::Every => 0,
        Target::Category(_) => 1,
        Target::Meter(_) => 2,
    };
    let in_force = case.overrides.iter().enumerate().filter(|(_, own)| applies(own));
    in_force
        .map(|(place, own)| (own.scope, narrowness(own), place))
        .max()
        .map(|(_, _, place)| place)
}

/// Since when the same own price has been in force as at this moment, or the same lack of one.
fn own_price_since(case: &Case, meter: u32, period: &Period, time: Time) -> Time {
    let now = own_price(case, meter, period, time);
    let mut moments: Vec<Time> = changes(case, period).filter(|change| *change <= time).collect();
    moments.sort_by_key(|time| Reverse(*time));
    let mut since = time;
    for moment in moments {
        if own_price(case, meter, period, moment) != now {
            return since;
        }
        since = moment;
    }
    // Nothing changed before: what the last moment says, if anything did change, has always been.
    if own_price(case, meter, period, Time::ALWAYS) == now { Time::ALWAYS } else { since }
}

/// Moments at which an own price that touches the period may begin or end.
fn changes<'a>(case: &'a Case, period: &Period) -> impl Iterator<Item = Time> + use<'a> {
    let period = period.clone();
    let touching = case.overrides.iter().filter(move |own| touches(own, &period));
    touching.flat_map(|own| [Some(own.from), own.until]).flatten()
}

/// Whether an own price is in force at any moment of the period, and was made before the period
/// closed or changes closed ones; others are as if they were not.
fn touches(own: &Override, period: &Period) -> bool {
    let counts = own.reprice || own.made < period.closed_at();
    counts && own.from < period.end && own.until.is_none_or(|until| period.start < until)
}

fn steps(tiers: &[Tier]) -> Vec<(BigRational, BigRational)> {
    let step = |tier: &Tier| (tier.bound.value().clone(), tier.rate.value().clone());
    let mut steps: Vec<_> = tiers.iter().map(step).collect();
    steps.sort();
    assert!(steps[0].0.is_zero(), "a case is refused without a price from 0");
    steps
}
