//! Billing periods: anchored on a day of the month, half-open, one after the other without a gap.

use std::fmt;

use crate::time::{Date, Month, UtcTime};

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
}

impl BillingPeriod {
    /// The period that starts in this month.
    #[must_use]
    pub fn starting_in(month: Month, anchor: AnchorDay) -> Self {
        Self { start: anchor.in_month(month), end: anchor.in_month(month.next()) }
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

    /// The period after it.
    #[must_use]
    pub fn next(self, anchor: AnchorDay) -> Self {
        Self::containing(self.end.start(), anchor)
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

    /// Whether the moment belongs to it.
    #[must_use]
    pub fn contains(self, time: UtcTime) -> bool {
        self.start() <= time && time < self.end()
    }

    /// `202610-1`: the month in which it starts, and its number among the periods that start there.
    #[must_use]
    pub fn name(self) -> String {
        let month = self.start.month();
        format!("{:04}{:02}-1", month.year(), month.number())
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
        assert_eq!(period.next(anchor).start, period.end);
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
}
