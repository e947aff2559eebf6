//! The laws of rating on random cases.
//!
//! That sending twice is sending once is the ledger's to show: what is rated has each record once.
//! An estimate is `rate` itself, called with other usage.

use std::collections::BTreeMap;
use std::ops::Range;

use domain::decimal::{Money, Quantity, UnitPrice};
use domain::id::MeterId;
use domain::rate::{Part, PartKind, RowCharge};
use domain::record::Commit;
use domain::spend::{Dimension, RatedPeriod, SpendQuery, Step, spend};
use domain::time::UtcTime;
use testkit::{Case, Change, Number, Random, Row, Tier};

use crate::adapter::Adapted;
use crate::bill::{bill, bill_of};
use crate::generator::{count, included, statements, tiers};

/// Cases that each law is tried on.
const CASES: u64 = 150;

/// A random case, its text for who has to look at it, and more random numbers.
struct Sample {
    case: Case,
    text: String,
    random: Random,
}

fn samples() -> impl Iterator<Item = Sample> {
    (0..count(CASES)).map(|number| {
        let text = statements(number);
        Sample { case: Case::parse(&text).unwrap(), text, random: Random::new(!number) }
    })
}

fn rated(case: &Case) -> Vec<RatedPeriod> {
    Adapted::of(case).rated().unwrap()
}

fn quantity(text: &str) -> Quantity {
    Quantity::parse(text).unwrap()
}

fn number(value: impl ToString) -> Number {
    Number::parse(&value.to_string()).unwrap()
}

fn sum(amounts: impl IntoIterator<Item = Money>) -> Money {
    amounts.into_iter().try_fold(Money::ZERO, Money::plus).unwrap()
}

fn sum_of_quantities(quantities: impl IntoIterator<Item = Quantity>) -> Quantity {
    quantities.into_iter().try_fold(Quantity::ZERO, Quantity::plus).unwrap()
}

#[test]
fn splitting_rows_in_two_changes_no_line() {
    for Sample { mut case, text, .. } in samples() {
        let whole = bill(&case);
        let halves = case.usage.iter().flat_map(|row| {
            let all = quantity(row.quantity.text());
            let third = Quantity::from_scaled(all.to_scaled() / 3).unwrap();
            let part = |quantity| Row { quantity: number(quantity), ..row.clone() };
            [part(third), part(all.minus(third).unwrap())]
        });
        case.usage = halves.collect();
        assert_eq!(bill(&case), whole, "{text}");
    }
}

/// What one row of a meter of these tiers costs.
fn charge(included: &str, tiers: &str, used: Quantity) -> Money {
    let text = format!("card\nmeter 1{included} : {tiers}\nusage 2026-01-05 1 {used}\n");
    rated(&Case::parse(&text).unwrap())[0].rated.totals.total
}

#[test]
fn a_charge_is_continuous_at_every_bound() {
    let crumb = quantity("1e-20");
    for seed in 0..count(CASES) {
        let random = &mut Random::new(seed);
        let (included, tiers) = (included(random), tiers(random));
        let allowance = quantity(included.strip_prefix(" included ").unwrap_or("0"));
        let tier = |word: &str| {
            let (bound, rate) = word.split_once(':').unwrap();
            (quantity(bound), UnitPrice::parse(rate).unwrap())
        };
        let steps: BTreeMap<_, _> = tiers.split(' ').map(tier).collect();
        let steps: Vec<_> = steps.into_iter().collect();
        let mut at_last_bound = Money::ZERO;
        for step in steps.windows(2) {
            let [(low, below), (bound, above)] = step else { panic!("two steps") };
            let used = allowance.plus(*bound).unwrap();
            let at = charge(&included, &tiers, used);
            let under = charge(&included, &tiers, used.minus(crumb).unwrap());
            let over = charge(&included, &tiers, used.plus(crumb).unwrap());
            let shown = format!("at {bound} of{included} : {tiers}");
            assert_eq!(at.minus(under).unwrap(), below.times(crumb).unwrap(), "{shown}");
            assert_eq!(over.minus(at).unwrap(), above.times(crumb).unwrap(), "{shown}");
            let tier = below.times(bound.minus(*low).unwrap()).unwrap();
            assert_eq!(at, at_last_bound.plus(tier).unwrap(), "{shown}");
            at_last_bound = at;
        }
    }
}

/// The case without terms and commitments.
fn without_terms(case: &mut Case) {
    case.commitments.clear();
    case.cards.iter_mut().for_each(|card| card.terms.clear());
}

/// The case with one price a meter and without rows that take back.
fn with_one_price(case: &mut Case) {
    case.cards.truncate(1);
    case.overrides.clear();
    for card in &mut case.cards {
        let mut seen = vec![];
        card.meters.retain(|meter| {
            let is_new = !seen.contains(&meter.id);
            seen.push(meter.id);
            is_new
        });
    }
    case.usage.retain(|row| !row.quantity.text().starts_with('-'));
}

fn usage_charges(case: &Case) -> Money {
    sum(rated(case).iter().map(|period| period.rated.totals.usage))
}

#[test]
fn more_usage_never_costs_less() {
    for Sample { mut case, text, mut random } in samples() {
        without_terms(&mut case);
        with_one_price(&mut case);
        if case.usage.is_empty() {
            continue;
        }
        let place = random.place(case.usage.len());
        let fewer = usage_charges(&case);
        let row = case.usage[place].clone();
        case.usage.push(row);
        assert!(fewer <= usage_charges(&case), "row {place} twice:\n{text}");
    }
}

#[test]
fn a_last_row_never_costs_less_than_nothing_whatever_the_versions() {
    for Sample { mut case, text, .. } in samples() {
        without_terms(&mut case);
        let Some(last) = case.usage.iter().max_by_key(|row| row.start) else { continue };
        let row = Row { quantity: number("7.5"), ..last.clone() };
        let fewer = usage_charges(&case);
        case.usage.push(row);
        assert!(fewer <= usage_charges(&case), "{text}");
    }
}

/// Every charge of every row, and the credit of each.
fn rows_shown(period: &RatedPeriod) -> String {
    let mut text = String::new();
    for (id, meter) in period.usage.meters() {
        let each = |row, charge: RowCharge<'_>| {
            text.push_str(&format!("{id} {row} {charge:?}\n"));
            Ok(())
        };
        period.rated.each_row(*id, meter, each).unwrap();
    }
    format!("{text}{:?}", period.rated.credit_of_rows(&period.usage).unwrap())
}

#[test]
fn order_and_batches_of_arrival_do_not_matter() {
    for Sample { case, text, mut random } in samples() {
        let mut adapted = Adapted::of(&case);
        let shown = |adapted: &Adapted| {
            let periods = adapted.rated().unwrap();
            periods.iter().map(rows_shown).collect::<String>()
        };
        let in_order = shown(&adapted);
        for place in (1..adapted.records.len()).rev() {
            let other = random.place(place + 1);
            adapted.records.swap(place, other);
        }
        for record in &mut adapted.records {
            record.commit = Commit(random.from(1, 3));
        }
        assert_eq!(shown(&adapted), in_order, "{text}");
    }
}

fn query(range: Range<UtcTime>, step: Option<Step>, group_by: &[Dimension]) -> SpendQuery {
    SpendQuery {
        range,
        step,
        group_by: group_by.to_vec(),
        filters: vec![],
        inherited: None,
        allocate_credit: false,
    }
}

#[test]
fn hourly_daily_and_monthly_views_have_one_total() {
    for Sample { case, text, .. } in samples() {
        let periods = rated(&case);
        let (Some(first), Some(last)) = (periods.first(), periods.last()) else { continue };
        let whole = first.rated.period.start()..last.rated.period.end();
        let bill = sum(periods.iter().map(|period| period.rated.totals.total));
        let charges = sum(periods.iter().map(|period| period.rated.totals.usage));
        let views = [None, Some(Step::Hour), Some(Step::Day), Some(Step::Month)];
        for step in views {
            for group_by in
                [&[][..], &[Dimension::Meter, Dimension::Resource], &[Dimension::Category]]
            {
                let spend = spend(&periods, &query(whole.clone(), step, group_by)).unwrap();
                let groups = spend.groups.iter().map(|group| group.amounts.charge);
                assert_eq!(sum(groups), charges, "{step:?} {group_by:?}\n{text}");
                assert_eq!(spend.totals.net, bill, "{step:?} {group_by:?}\n{text}");
            }
        }
    }
}

#[test]
fn the_days_of_all_periods_add_up_to_their_bills() {
    for Sample { case, text, .. } in samples().take(60) {
        let periods = rated(&case);
        let mut days = Money::ZERO;
        for period in &periods {
            let mut day = period.rated.period.start();
            while day < period.rated.period.end() {
                let next = day.plus_hours(24);
                let one = spend(std::slice::from_ref(period), &query(day..next, None, &[]));
                days = days.plus(one.unwrap().totals.net).unwrap();
                day = next;
            }
        }
        let bill = sum(periods.iter().map(|period| period.rated.totals.total));
        assert_eq!(days, bill, "{text}");
    }
}

fn scaled(number: &mut Number, exponent: &str) {
    let plain = testkit::plain(number.value());
    *number = Number::parse(&format!("{plain}{exponent}")).unwrap();
}

fn scale_price(included: &mut Number, tiers: &mut [Tier]) {
    scaled(included, "e3");
    for tier in tiers {
        scaled(&mut tier.bound, "e3");
        scaled(&mut tier.rate, "e-3");
    }
}

#[test]
fn scaling_the_unit_and_the_rates_inversely_changes_no_amount() {
    for Sample { mut case, text, .. } in samples() {
        // The quantity that exhausts a commitment is cut at a place of the unit.
        case.commitments.clear();
        let amounts = |case: &Case| {
            let periods = rated(case);
            let lines = |period: &RatedPeriod| {
                let meters = period.rated.meters.values();
                meters
                    .flat_map(|meter| meter.lines.iter().map(|line| line.amount))
                    .collect::<Vec<_>>()
            };
            periods.iter().map(|period| (period.rated.totals, lines(period))).collect::<Vec<_>>()
        };
        let before = amounts(&case);
        for meter in case.cards.iter_mut().flat_map(|card| &mut card.meters) {
            scale_price(&mut meter.included, &mut meter.tiers);
        }
        for own in &mut case.overrides {
            if let Change::Price { included, tiers } = &mut own.change {
                scale_price(included, tiers);
            }
        }
        case.usage.iter_mut().for_each(|row| scaled(&mut row.quantity, "e3"));
        assert_eq!(amounts(&case), before, "{text}");
    }
}

/// Quantity, gross and net amount of parts of one kind under one version.
type Sums = (Quantity, Money, Money);

/// Checks a meter's rows, parts and lines against one another, and gives what it drew.
fn check_parts(period: &RatedPeriod, id: MeterId) {
    let (usage, meter) = (&period.usage.meters()[&id], &period.rated.meters[&id]);
    let mut by_kind = BTreeMap::<(UtcTime, PartKind), Sums>::new();
    let mut charges = vec![];
    let mut add = |key, part: &Part| {
        let (quantity, gross, amount) = by_kind.entry(key).or_default();
        *quantity = quantity.plus(part.quantity)?;
        *gross = gross.plus(part.gross)?;
        *amount = amount.plus(part.amount)?;
        Ok(())
    };
    let each = |row: usize, charge: RowCharge<'_>| {
        let RowCharge::Priced { version, parts, gross, charge } = charge else { return Ok(()) };
        let quantities = parts.iter().map(|part| part.quantity);
        assert_eq!(sum_of_quantities(quantities), usage.rows()[row].quantity);
        assert_eq!(sum(parts.iter().map(|part| part.gross)), gross);
        assert_eq!(sum(parts.iter().map(|part| part.amount)), charge);
        charges.push(charge);
        parts.iter().try_for_each(|part| add((version.effective, part.kind), part))
    };
    period.rated.each_row(id, usage, each).unwrap();
    assert_eq!(sum(charges), meter.charge);
    let (free, charged): (Vec<_>, Vec<_>) =
        by_kind.into_iter().partition(|((_, kind), _)| *kind == PartKind::Included);
    let free = free.into_iter().map(|(_, (quantity, ..))| quantity);
    assert_eq!(sum_of_quantities(free), meter.included);
    let charged = charged.into_iter().filter(|(_, sums)| *sums != Sums::default());
    let lines = meter.lines.iter().map(|line| {
        ((line.version.effective, line.kind), (line.quantity, line.gross, line.amount))
    });
    assert_eq!(lines.collect::<Vec<_>>(), charged.collect::<Vec<_>>());
    let quantities = meter.lines.iter().map(|line| line.quantity);
    assert_eq!(sum_of_quantities(quantities), meter.billable);
    assert_eq!(meter.included.plus(meter.billable), Ok(meter.quantity));
}

fn check_terms(period: &RatedPeriod) {
    let (rated, totals) = (&period.rated, period.rated.totals);
    let credit = rated.credit_of_rows(&period.usage).unwrap();
    assert_eq!(sum(credit.into_values().flatten()), totals.credit);
    assert_eq!(sum(rated.credits.iter().map(|credit| credit.drawn)), totals.credit);
    assert_eq!(sum(rated.recurring.iter().map(|due| due.amount)), totals.recurring);
    assert_eq!(sum(rated.meters.values().map(|meter| meter.charge)), totals.usage);
    assert_eq!(sum([totals.usage, totals.discount]), totals.gross);
    let lines = rated.meters.values().flat_map(|meter| &meter.lines);
    let drawn = lines.filter(|line| matches!(line.kind, PartKind::Committed { .. }));
    let drawn = sum(drawn.map(|line| line.amount));
    let (committed, of_purse) = rated
        .commitment
        .as_ref()
        .map_or((Money::ZERO, Money::ZERO), |commitment| (commitment.committed, commitment.drawn));
    assert_eq!(drawn, of_purse);
    assert_eq!(sum([drawn, totals.forfeited]), committed);
    let owed = sum([totals.usage, totals.forfeited, totals.recurring]);
    assert_eq!(owed.minus(totals.credit), Ok(totals.total));
}

#[test]
fn parts_add_up_to_the_whole() {
    for number in 0..count(3 * CASES) {
        let text = statements(number);
        println!("case {number}:\n{text}"); // shown if one of the checks fails
        for period in rated(&Case::parse(&text).unwrap()) {
            period.rated.meters.keys().for_each(|id| check_parts(&period, *id));
            check_terms(&period);
        }
    }
}

#[test]
fn a_row_and_its_reversal_are_nothing() {
    for Sample { mut case, text, mut random } in samples() {
        let without = bill(&case);
        for quantity in ["17.3", "60"] {
            let row = case.usage[random.place(case.usage.len())].clone();
            for quantity in [format!("-{quantity}"), quantity.to_owned()] {
                let place = random.place(case.usage.len() + 1);
                case.usage.insert(place, Row { quantity: number(quantity), ..row.clone() });
            }
        }
        assert_eq!(bill(&case), without, "with {:?}\n{text}", case.usage);
    }
}

#[test]
fn rows_of_one_moment_draw_on_a_commitment_in_any_order() {
    // By then meter 1 has units that it paid for, and meter 2 has given some of the amount back.
    let head = "card\nmeter 1 : 0:0.7 5:0.3 10:0.1\nmeter 2 : 0:1\nterm commitment 0:10\n\
                commitment 10\nusage 2026-01-04 2 8\nusage 2026-01-05 1 9\n\
                usage 2026-01-06 2 -4\n";
    let rows = ["usage 2026-01-07 1 -3\n", "usage 2026-01-07 1 9\n", "usage 2026-01-07 1 -7\n"];
    let orders = [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]];
    let bills = orders.map(|order| {
        let rows = order.map(|place: usize| rows[place]).concat();
        bill_of(&format!("{head}{rows}usage 2026-01-08 2 3\n"))
    });
    assert!(bills.iter().all(|bill| *bill == bills[0]), "{bills:?}");
}
