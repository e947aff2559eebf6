//! Billing periods: anchored on a day of the month, half-open, one after the other without a gap.

use std::fmt;

use crate::time::{Date, Month, UtcTime};

/// Hours after a period's end for which late usage is awaited before it closes.
pub const GRACE_HOURS: i64 = 72;

/// Day of the month on which a subscription's billing periods begin, 1 to 31.
///
/// An anchor that a month lacks falls on its last day and returns after it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AnchorDay(u8);

/// The day is not one of 1 to 31.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoSuchAnchorDay;

impl fmt::Display for NoSuchAnchorDay {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a billing anchor day is 1 to 31")
    }
}

impl std::error::Error for NoSuchAnchorDay {}

impl AnchorDay {
    /// The first of the month, which is the default.
    pub const FIRST: Self = Self(1);

    /// From the day of the month.
    ///
    /// # Errors
    /// [`NoSuchAnchorDay`] if it is not 1 to 31.
    pub const fn new(day: u8) -> Result<Self, NoSuchAnchorDay> {
        if day >= 1 && day <= 31 { Ok(Self(day)) } else { Err(NoSuchAnchorDay) }
    }

    /// The day of the month, 1 to 31.
    #[must_use]
    pub const fn day(self) -> u8 {
        self.0
    }

    /// The day in this month on which a period begins.
    fn in_month(self, month: Month) -> Date {
        let day = self.0.min(month.days());
        month.first_day().plus_days(i32::from(day) - 1)
    }
}

/// One billing period of a subscription: `[start, end)`, midnight to midnight in UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BillingPeriod {
    start: Date,
    end: Date,
    number: u8,
}

impl BillingPeriod {
    /// The period that starts in this month.
    #[must_use]
    pub fn starting_in(month: Month, anchor: AnchorDay) -> Self {
        Self { start: anchor.in_month(month), end: anchor.in_month(month.next()), number: 1 }
    }

    /// The period that this moment belongs to.
    #[must_use]
    pub fn containing(time: UtcTime, anchor: AnchorDay) -> Self {
        let month = time.date().month();
        let candidate = Self::starting_in(month, anchor);
        if candidate.start <= time.date() {
            candidate
        } else {
            Self::starting_in(month.previous(), anchor)
        }
    }

    /// Its first moment.
    #[must_use]
    pub fn start(self) -> UtcTime {
        self.start.start()
    }

    /// The first moment after it.
    #[must_use]
    pub fn end(self) -> UtcTime {
        self.end.start()
    }

    /// The last day of it.
    #[must_use]
    pub fn last_day(self) -> Date {
        self.end.plus_days(-1)
    }

    /// When its figures are final: a grace time after its end, in which late usage is awaited.
    #[must_use]
    pub fn closes_at(self) -> UtcTime {
        self.end().plus_hours(GRACE_HOURS)
    }

    /// Whether the moment belongs to it.
    #[must_use]
    pub fn contains(self, time: UtcTime) -> bool {
        self.start() <= time && time < self.end()
    }

    /// `202610-1`: the month in which it starts, and its number among the periods that start there.
    #[must_use]
    pub fn name(self) -> String {
        let month = self.start.month();
        format!("{:04}{:02}-{}", month.year(), month.number(), self.number)
    }
}

/// The billing periods of a subscription: anchored on a day, and begun anew wherever its anchor or
/// its offer changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Schedule {
    first: AnchorDay,
    /// Later anchors, each from midnight of a day on, in order of the days.
    changes: Vec<(Date, AnchorDay)>,
}

impl Schedule {
    /// Periods that always began on this day of the month.
    #[must_use]
    pub fn anchored_on(anchor: AnchorDay) -> Self {
        Self { first: anchor, changes: vec![] }
    }

    /// Ends the running period at the midnight that begins `day`; periods begin on `anchor` from
    /// then on. A change on a day that has one already takes its place.
    #[must_use]
    pub fn changed(mut self, day: Date, anchor: AnchorDay) -> Self {
        match self.changes.binary_search_by_key(&day, |(known, _)| *known) {
            Ok(position) => self.changes[position].1 = anchor,
            Err(position) => self.changes.insert(position, (day, anchor)),
        }
        self
    }

    /// The period that this moment belongs to.
    #[must_use]
    pub fn containing(&self, time: UtcTime) -> BillingPeriod {
        let day = time.date();
        let after = self.changes.partition_point(|(from, _)| *from <= day);
        let running = after.checked_sub(1).map(|position| self.changes[position]);
        let anchor = running.map_or(self.first, |(_, anchor)| anchor);
        let natural = BillingPeriod::containing(time, anchor);
        let start = running.map_or(natural.start, |(from, _)| from.max(natural.start));
        let end = self.changes.get(after).map_or(natural.end, |(next, _)| natural.end.min(*next));
        let starts = self.starts_in(start.month());
        let number = starts.iter().position(|known| *known == start).map_or(1, |place| place + 1);
        let number = u8::try_from(number).expect("a month has at most 31 days");
        BillingPeriod { start, end, number }
    }

    /// The period after it.
    #[must_use]
    pub fn next(&self, period: BillingPeriod) -> BillingPeriod {
        self.containing(period.end())
    }

    /// The periods that start in this month, in order; at least one, unless an anchor that changed
    /// leaves it out.
    #[must_use]
    pub fn starting_in(&self, month: Month) -> Vec<BillingPeriod> {
        self.starts_in(month).into_iter().map(|start| self.containing(start.start())).collect()
    }

    fn starts_in(&self, month: Month) -> Vec<Date> {
        let mut starts: Vec<Date> = Vec::new();
        let froms = std::iter::once((None, self.first));
        let froms = froms.chain(self.changes.iter().map(|(from, anchor)| (Some(*from), *anchor)));
        for (position, (from, anchor)) in froms.enumerate() {
            let until = self.changes.get(position).map(|(until, _)| *until);
            let candidates = from.into_iter().chain([anchor.in_month(month)]);
            starts.extend(candidates.filter(|start| {
                start.month() == month
                    && from.is_none_or(|from| from <= *start)
                    && until.is_none_or(|until| *start < until)
            }));
        }
        starts.sort_unstable();
        starts.dedup();
        starts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(day: &str, anchor: u8, expected: &str) {
        let month = Month::parse(&day[..7]).unwrap();
        let date = Date::from_civil(month.year(), month.number(), day[8..].parse().unwrap());
        let anchor = AnchorDay::new(anchor).unwrap();
        let period = BillingPeriod::containing(date.unwrap().start(), anchor);
        let text = format!("{} {} {}", period.name(), period.start.start().date(), period.end);
        assert_eq!(text, expected);
        assert_eq!(period.last_day().plus_days(1), period.end);
        assert_eq!(Schedule::anchored_on(anchor).containing(date.unwrap().start()), period);
    }

    #[test]
    fn a_period_is_named_after_the_month_it_starts_in() {
        check("2026-10-31", 1, "202610-1 2026-10-01 2026-11-01");
        check("2026-10-14", 14, "202610-1 2026-10-14 2026-11-14");
        check("2026-11-13", 14, "202610-1 2026-10-14 2026-11-14");
        check("2026-01-01", 27, "202512-1 2025-12-27 2026-01-27");
    }

    #[test]
    fn an_anchor_that_a_month_lacks_falls_on_its_last_day_and_returns() {
        check("2026-01-31", 31, "202601-1 2026-01-31 2026-02-28");
        check("2026-02-28", 31, "202602-1 2026-02-28 2026-03-31");
        check("2024-02-29", 30, "202402-1 2024-02-29 2024-03-30");
        check("2026-04-30", 31, "202604-1 2026-04-30 2026-05-31");
    }

    fn day(text: &str) -> Date {
        Date::parse(text).unwrap()
    }

    fn check_schedule(schedule: &Schedule, from: &str, expected: &[&str]) {
        let mut period = schedule.containing(day(from).start());
        let mut found = Vec::new();
        for _ in expected {
            found.push(format!("{} {} {}", period.name(), period.start, period.end));
            let in_month = schedule.starting_in(period.start.month());
            assert!(in_month.contains(&period), "{period:?} in {in_month:?}");
            let next = schedule.next(period);
            assert_eq!(next.start, period.end);
            period = next;
        }
        assert_eq!(found, expected);
    }

    #[test]
    fn a_changed_anchor_ends_the_running_period() {
        let fourteenth = AnchorDay::new(14).unwrap();
        let schedule =
            Schedule::anchored_on(AnchorDay::FIRST).changed(day("2026-10-10"), fourteenth);
        check_schedule(
            &schedule,
            "2026-09-30",
            &[
                "202609-1 2026-09-01 2026-10-01",
                "202610-1 2026-10-01 2026-10-10",
                "202610-2 2026-10-10 2026-10-14",
                "202610-3 2026-10-14 2026-11-14",
                "202611-1 2026-11-14 2026-12-14",
            ],
        );
    }

    #[test]
    fn a_changed_offer_begins_a_period_on_the_same_anchor() {
        let schedule = Schedule::anchored_on(AnchorDay::FIRST)
            .changed(day("2026-10-20"), AnchorDay::FIRST)
            .changed(day("2026-11-01"), AnchorDay::FIRST);
        check_schedule(
            &schedule,
            "2026-10-01",
            &[
                "202610-1 2026-10-01 2026-10-20",
                "202610-2 2026-10-20 2026-11-01",
                "202611-1 2026-11-01 2026-12-01",
            ],
        );
    }
}
