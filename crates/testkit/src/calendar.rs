//! Times in UTC, and billing periods found by looking at one day after the other.

use std::fmt;

use crate::case::Anchor;

const DAY_MINUTES: i64 = 24 * 60;
const FIRST_YEAR: i64 = 1;
const LAST_YEAR: i64 = 9999;

/// A moment in UTC, in minutes since the beginning of 1970.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Time(i64);

impl Time {
    /// The beginning of time: midnight of `0001-01-01`, which rate cards use for "always".
    pub const ALWAYS: Self = Self(-719_162 * DAY_MINUTES);

    /// Reads `2026-01-05`, `2026-01-05T03`, `2026-01-05T03:30` or `always`; none if it is not one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text == "always" {
            return Some(Self::ALWAYS);
        }
        let (date, clock) = text.split_once('T').unwrap_or((text, "00"));
        let (hour, minute) = clock.split_once(':').unwrap_or((clock, "00"));
        let (year, rest) = date.split_once('-')?;
        let (month, day) = rest.split_once('-')?;
        let (year, month, day) = (digits(year, 4)?, digits(month, 2)?, digits(day, 2)?);
        let (hour, minute) = (digits(hour, 2)?, digits(minute, 2)?);
        let good = (FIRST_YEAR..=LAST_YEAR).contains(&year)
            && (1..=12).contains(&month)
            && (1..=month_days(year, month)).contains(&day)
            && hour < 24
            && minute < 60;
        let days = days_before(year, month) + day - 1;
        good.then_some(Self(days * DAY_MINUTES + hour * 60 + minute))
    }

    /// Minutes since the beginning of 1970, negative before it.
    #[must_use]
    pub fn minutes(self) -> i64 {
        self.0
    }

    /// The year, the month 1 to 12 and the day 1 to 31.
    #[must_use]
    pub fn date(self) -> (i64, i64, i64) {
        let days = self.0.div_euclid(DAY_MINUTES);
        // No year is longer than 366 days, so this is never too late.
        let mut year = FIRST_YEAR + (days - days_before(FIRST_YEAR, 1)) / 366;
        while days_before(year + 1, 1) <= days {
            year += 1;
        }
        let mut month = 1;
        while month < 12 && days_before(year, month + 1) <= days {
            month += 1;
        }
        (year, month, days - days_before(year, month) + 1)
    }

    /// So many hours later.
    pub(crate) fn plus_hours(self, hours: i64) -> Self {
        Self(self.0 + hours * 60)
    }

    pub(crate) fn is_midnight(self) -> bool {
        self == self.midnight()
    }

    /// The beginning of its day.
    pub(crate) fn midnight(self) -> Self {
        Self(self.0.div_euclid(DAY_MINUTES) * DAY_MINUTES)
    }
}

impl fmt::Display for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::ALWAYS {
            return f.write_str("always");
        }
        let (year, month, day) = self.date();
        write!(f, "{year:04}-{month:02}-{day:02}")?;
        let minutes = self.0.rem_euclid(DAY_MINUTES);
        match (minutes / 60, minutes % 60) {
            (0, 0) => Ok(()),
            (hour, 0) => write!(f, "T{hour:02}"),
            (hour, minute) => write!(f, "T{hour:02}:{minute:02}"),
        }
    }
}

/// One billing period, half-open, midnight to midnight.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Period {
    /// `yyyyMM-n`.
    pub(crate) name: String,
    pub(crate) start: Time,
    pub(crate) end: Time,
}

impl Period {
    /// The period that this moment belongs to. The anchors begin with one that has always been.
    pub(crate) fn of(time: Time, anchors: &[Anchor]) -> Self {
        let mut start = time.midnight();
        while !begins_period(start, anchors) {
            start = start.plus_hours(-24);
        }
        let mut end = time.midnight().plus_hours(24);
        while !begins_period(end, anchors) {
            end = end.plus_hours(24);
        }
        let (year, month, _) = start.date();
        let mut number = 0;
        let mut day = start;
        while day.date().1 == month {
            number += i64::from(begins_period(day, anchors));
            day = day.plus_hours(-24);
        }
        Self { name: format!("{year:04}{month:02}-{number}"), start, end }
    }

    /// From when on nothing changes in it: 72 hours after its end.
    pub(crate) fn closed_at(&self) -> Time {
        self.end.plus_hours(72)
    }
}

/// Whether a billing period begins with this day.
fn begins_period(day: Time, anchors: &[Anchor]) -> bool {
    if anchors.iter().any(|anchor| anchor.from == day) {
        return true;
    }
    let in_force = anchors.iter().filter(|anchor| anchor.from <= day).max_by_key(|one| one.from);
    let anchor = in_force.expect("one anchor has always been in force");
    let (year, month, number) = day.date();
    number == i64::from(anchor.day).min(month_days(year, month))
}

fn digits(text: &str, count: usize) -> Option<i64> {
    let good = text.len() == count && text.bytes().all(|digit| digit.is_ascii_digit());
    if good { text.parse().ok() } else { None }
}

fn is_leap(year: i64) -> bool {
    year % 4 == 0 && (year % 100 != 0 || year % 400 == 0)
}

fn month_days(year: i64, month: i64) -> i64 {
    match month {
        2 if is_leap(year) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Days from the beginning of 1970 to the first of this month.
fn days_before(year: i64, month: i64) -> i64 {
    let past = year - 1;
    let years = past * 365 + past / 4 - past / 100 + past / 400;
    let months: i64 = (1..month).map(|month| month_days(year, month)).sum();
    years + months - 719_162
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> Time {
        Time::parse(text).unwrap()
    }

    #[test]
    fn times_are_read_and_written_alike() {
        for text in [
            "always",
            "1970-01-01",
            "1969-12-31T23:59",
            "2000-02-29",
            "2026-01-05T03",
            "2026-12-31T23:30",
            "9999-12-31",
        ] {
            assert_eq!(time(text).to_string(), text);
        }
        assert_eq!(time("1970-01-01").minutes(), 0);
        assert_eq!(time("0001-01-01"), Time::ALWAYS);
        assert_eq!(time("2026-01-05T03:30").minutes(), 29_459_730);
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for text in ["", "2026-1-5", "2026-02-29", "2026-13-01", "2026-01-05T24", "0000-01-01"] {
            assert_eq!(Time::parse(text), None, "{text}");
        }
    }

    #[test]
    fn periods_follow_the_anchor() {
        let of = |moment: &str, anchors: &[(u32, &str)]| {
            let anchors = anchors.iter().map(|(day, from)| Anchor { day: *day, from: time(from) });
            let period = Period::of(time(moment), &anchors.collect::<Vec<_>>());
            format!("{} {} {}", period.name, period.start, period.end)
        };
        let first = [(1, "always")];
        assert_eq!(of("2026-01-31T23:59", &first), "202601-1 2026-01-01 2026-02-01");
        let last = [(31, "always")];
        assert_eq!(of("2026-02-28", &last), "202602-1 2026-02-28 2026-03-31");
        assert_eq!(of("2026-02-27", &last), "202601-1 2026-01-31 2026-02-28");
        let changed = [(1, "always"), (14, "2026-03-10")];
        assert_eq!(of("2026-03-09", &changed), "202603-1 2026-03-01 2026-03-10");
        assert_eq!(of("2026-03-10", &changed), "202603-2 2026-03-10 2026-03-14");
        assert_eq!(of("2026-03-14", &changed), "202603-3 2026-03-14 2026-04-14");
    }
}
