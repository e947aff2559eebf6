//! Sums that say that they stand for their rows cost what the rows do, however they are grouped.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use domain::compare::{Side, compare};
use domain::daily::day_lines;
use domain::facets::Facets;
use domain::id::MeterId;
use domain::period::BillingPeriod;
use domain::rate::rate;
use domain::record::{StoredRecord, Window};
use domain::spend::{Dimension, Filter, RatedPeriod, ResourceGroupTags, SpendQuery, Step, spend};
use domain::summed::{days_apart, rate_instances, rate_meters};
use domain::sums::{
    InstanceQuery, MeterQuery, SumStep, Whose, WindowQuery, instance_sums, meter_sums, window_sums,
};
use domain::time::UtcTime;
use domain::usage::Usage;
use testkit::{Case, Random};

use crate::adapter::Adapted;
use crate::generator::{count, statements};

const CASES: u64 = 80;

/// A period of a random case: what bills are made of.
struct Sample {
    adapted: Adapted,
    period: BillingPeriod,
    records: Vec<StoredRecord>,
    random: Random,
    text: String,
}

/// In every second case usage starts at whatever minute, and in every third at other hours of its day.
fn samples() -> Vec<Sample> {
    let mut samples = Vec::new();
    for number in 0..count(CASES) {
        let text = statements(number);
        let adapted = Adapted::of(&Case::parse(&text).unwrap());
        let mut random = Random::new(!number);
        let mut periods = BTreeMap::<BillingPeriod, Vec<StoredRecord>>::new();
        for stored in &adapted.records {
            let mut stored = stored.clone();
            let seconds = match number % 6 {
                0 | 2 => 0,
                3 => i64::try_from(random.from(0, 12) * 3_600).unwrap(),
                _ => i64::try_from(random.from(0, 59) * 60).unwrap(),
            };
            stored.record.window = moved(stored.record.window, seconds);
            let period = adapted.schedule.containing(stored.record.window.start());
            periods.entry(period).or_default().push(stored);
        }
        for (period, records) in periods {
            let (text, random) = (text.clone(), Random::new(number));
            let adapted = Adapted::of(&Case::parse(&text).unwrap());
            samples.push(Sample { adapted, period, records, random, text });
        }
    }
    samples
}

/// Later on the same day.
fn moved(window: Window, seconds: i64) -> Window {
    let midnight = window.start().date().plus_days(1).start();
    let start = window.start().plus_seconds(seconds).min(midnight.plus_seconds(-60));
    Window::new(start, window.end().max(start.plus_seconds(60))).unwrap()
}

impl Sample {
    /// The whole period, and parts of it that begin or end anywhere.
    fn ranges(&mut self) -> Vec<Range<UtcTime>> {
        let (start, end) = (self.period.start(), self.period.end());
        let mut cut = |unit: i64, most: u64| {
            let steps = i64::try_from(self.random.from(1, most)).unwrap();
            start.plus_seconds(steps * unit).min(end.plus_seconds(-60))
        };
        let (day, hour, minute) = (cut(86_400, 27), cut(3_600, 27 * 24), cut(60, 27 * 24 * 60));
        vec![start..end, day..end, start..day, hour..end, start..hour, minute..end, start..minute]
    }

    fn records_until(&self, until: UtcTime) -> Vec<StoredRecord> {
        let before = self.records.iter().filter(|stored| stored.record.window.start() < until);
        before.cloned().collect()
    }

    fn rows(&self, range: &Range<UtcTime>) -> RatedPeriod {
        let records = self.records_until(range.end);
        let usage = Usage::from_records(self.period, records, &self.adapted.aliases);
        let book = self.adapted.book(self.period);
        let rated = rate(&usage, &book).unwrap();
        RatedPeriod { usage, rated, book }
    }

    /// From sums of meters, cut where the range begins.
    fn meters(
        &self,
        range: &Range<UtcTime>,
        step: SumStep,
        spreads_credit: bool,
    ) -> Option<RatedPeriod> {
        let (start, book) = (self.period.start(), self.adapted.book(self.period));
        let mut sums = Vec::new();
        for start in [start..range.start, range.clone()] {
            let query = MeterQuery { subscription: None, start, step };
            sums.extend(meter_sums(&self.records, &query).unwrap());
        }
        rate_meters(self.period, &sums, &self.adapted.aliases, &book, spreads_credit).unwrap()
    }

    /// From sums of instances, with the windows of the days that are to be told apart, and how many such
    /// days there are.
    fn instances(&self, range: &Range<UtcTime>, facets: Facets) -> (Option<RatedPeriod>, usize) {
        let (period, book, aliases) =
            (self.period, self.adapted.book(self.period), &self.adapted.aliases);
        let start = period.start()..range.end;
        let query = InstanceQuery { whose: Whose::Every, start: start.clone(), facets };
        let sums = instance_sums(&self.records, &query).unwrap();
        let apart = days_apart(period, &sums, range.start, aliases, &book).unwrap();
        let subscription = self.records[0].record.subscription;
        let days = Arc::new([(subscription, apart.clone())].into());
        let windows = window_sums(&self.records, &WindowQuery { days, start }).unwrap();
        let rated = rate_instances(period, &sums, (&apart, &windows), aliases, &book).unwrap();
        (rated, apart.values().map(|days| days.len()).sum())
    }
}

fn query(range: &Range<UtcTime>, step: Option<Step>, group_by: &[Dimension]) -> SpendQuery {
    SpendQuery {
        range: range.clone(),
        step,
        group_by: group_by.to_vec(),
        filters: vec![],
        inherited: None,
        allocate_credit: false,
    }
}

fn assert_same(rows: &RatedPeriod, sums: &RatedPeriod, query: &SpendQuery, text: &str) {
    let of = |period: &RatedPeriod| spend(std::slice::from_ref(period), query).unwrap();
    assert_eq!(of(sums), of(rows), "{query:?} of\n{text}");
}

#[test]
fn sums_of_meters_cost_what_their_rows_do() {
    let (mut stood, mut of_moments, mut asked) = (0, 0, 0);
    for mut sample in samples() {
        for range in sample.ranges() {
            let rows = sample.rows(&range);
            for (step, steps) in [
                (SumStep::Day, &[None, Some(Step::Day), Some(Step::Month)][..]),
                (SumStep::Hour, &[None, Some(Step::Hour), Some(Step::Day)]),
            ] {
                for spreads_credit in [false, true] {
                    let Some(sums) = sample.meters(&range, step, spreads_credit) else {
                        asked += 1;
                        continue;
                    };
                    stood += 1;
                    of_moments += usize::from(sums.rated.commitment.is_some());
                    let text = &sample.text;
                    assert_eq!(sums.rated.totals, rows.rated.totals, "{text}");
                    assert_eq!(sums.rated.credits, rows.rated.credits, "{text}");
                    assert_eq!(sums.rated.commitment, rows.rated.commitment, "{text}");
                    for (id, meter) in &rows.rated.meters {
                        assert_eq!(sums.rated.meters[id].lines, meter.lines, "{id} of\n{text}");
                    }
                    let (meter, category) = (Dimension::Meter, Dimension::Category);
                    for group_by in
                        [vec![], vec![meter.clone()], vec![category.clone(), meter.clone()]]
                    {
                        for step in steps {
                            let query = query(&range, *step, &group_by);
                            let query = SpendQuery { allocate_credit: spreads_credit, ..query };
                            assert_same(&rows, &sums, &query, text);
                            let values = vec![Some("a".to_owned()), None];
                            let filter = Filter { dimension: category.clone(), values };
                            let filtered = SpendQuery { filters: vec![filter], ..query };
                            assert_same(&rows, &sums, &filtered, text);
                        }
                    }
                    let shown = |period: &RatedPeriod| format!("{:?}", compared(period, &rows));
                    assert_eq!(shown(&sums), shown(&rows), "{text}");
                }
            }
        }
    }
    assert!(stood > asked && asked > 0 && of_moments > 0, "{stood} {of_moments} {asked}");
}

fn compared(a: &RatedPeriod, b: &RatedPeriod) -> domain::compare::Comparison {
    compare(&side(a), &side(b)).unwrap()
}

fn side(period: &RatedPeriod) -> Side<'_> {
    Side { usage: &period.usage, rated: &period.rated, book: &period.book }
}

#[test]
fn days_of_instances_cost_what_their_rows_do() {
    let (mut stood, mut with_windows, mut asked) = (0, 0, 0);
    for mut sample in samples() {
        for range in sample.ranges() {
            let rows = sample.rows(&range);
            let (Some(sums), days) = sample.instances(&range, Facets::ALL) else {
                asked += 1;
                continue;
            };
            stood += 1;
            with_windows += usize::from(days > 0);
            let text = &sample.text;
            assert_eq!(sums.rated.totals, rows.rated.totals, "{text}");
            let lines = |period: &RatedPeriod| format!("{:#?}", day_lines(period, &range).unwrap());
            assert_eq!(lines(&sums), lines(&rows), "{range:?} of\n{text}");
            for group_by in [
                &[Dimension::Resource][..],
                &[Dimension::ResourceGroup, Dimension::Meter],
                &[Dimension::Location, Dimension::Tag("team".to_owned())],
            ] {
                for step in [None, Some(Step::Day), Some(Step::Month)] {
                    for inherited in [None, Some(ResourceGroupTags::default())] {
                        let query = query(&range, step, group_by);
                        let query = SpendQuery { inherited, ..query };
                        assert_same(&rows, &sums, &query, text);
                        // As much of instances as the question looks at does, too.
                        let (seen, _) = sample.instances(&range, query.facets());
                        assert_same(&rows, &seen.unwrap(), &query, text);
                    }
                }
            }
        }
    }
    assert!(
        stood > with_windows && with_windows > 0 && asked > 0,
        "{stood} {with_windows} {asked}"
    );
}

#[test]
fn a_day_is_told_apart_by_windows_where_a_bound_falls_into_it() {
    let statements = |bound: &str| {
        format!(
            "card\nmeter 1 : 0:1 {bound}:2\nusage 2026-01-05T01 1 3 by a\n\
             usage 2026-01-05T02 1 4 by b\nusage 2026-01-06T01 1 2 by a\n"
        )
    };
    for (bound, days) in [("7", 0), ("6", 1), ("3", 1), ("8.5", 1), ("9", 0), ("20", 0)] {
        let text = statements(bound);
        let adapted = Adapted::of(&Case::parse(&text).unwrap());
        let records = adapted.records.clone();
        let period = adapted.schedule.containing(records[0].record.window.start());
        let sample = Sample { adapted, period, records, random: Random::new(0), text };
        let (summed, read) = sample.instances(&(period.start()..period.end()), Facets::ALL);
        let sums = summed.unwrap();
        assert_eq!(read, days, "bound {bound}");
        let meter = MeterId::from_bits(1);
        let rows = sample.rows(&(period.start()..period.end()));
        assert_eq!(sums.rated.meters[&meter].charge, rows.rated.meters[&meter].charge);
    }
}
