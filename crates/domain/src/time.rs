//! Moments and days in UTC, on the calendar of ISO 8601, handed in and never read from a clock.

use std::fmt;

const MICROS_PER_SECOND: i64 = 1_000_000;
const MICROS_PER_HOUR: i64 = 3_600 * MICROS_PER_SECOND;
const MICROS_PER_DAY: i64 = 24 * MICROS_PER_HOUR;
/// Days from 0000-03-01 to 1970-01-01, the origin of the civil calendar arithmetic below.
const DAYS_TO_EPOCH: i64 = 719_468;

/// A moment in UTC, in whole microseconds; years 1 to 9999.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UtcTime(i64);

/// A calendar day in UTC, counted in days since 1970-01-01; years 1 to 9999.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Date(i32);

/// A year and month of the calendar.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Month {
    year: i32,
    month: u8,
}

/// When usage was reported, which is how the usage answer is selected and paged.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReportedTime(pub UtcTime);

/// A calendar value outside what exists, or outside the years 1 to 9999.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoSuchTime;

impl fmt::Display for NoSuchTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("no such calendar time")
    }
}

impl std::error::Error for NoSuchTime {}

/// A moment taken apart on the calendar.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Civil {
    /// Year, 1 to 9999.
    pub year: i32,
    /// Month, 1 to 12.
    pub month: u8,
    /// Day of the month, from 1.
    pub day: u8,
    /// Hour, 0 to 23.
    pub hour: u8,
    /// Minute, 0 to 59.
    pub minute: u8,
    /// Second, 0 to 59.
    pub second: u8,
    /// Microsecond, 0 to 999,999.
    pub micros: u32,
}

impl UtcTime {
    /// The first moment of year 1: "always" where a rate card leaves its effective date unset.
    pub const MIN: Self = Self(-62_135_596_800 * MICROS_PER_SECOND);
    /// The last moment of year 9999.
    pub const MAX: Self = Self(253_402_300_800 * MICROS_PER_SECOND - 1);

    /// From microseconds since 1970-01-01T00:00:00Z.
    ///
    /// # Errors
    /// [`NoSuchTime`] outside the years 1 to 9999.
    pub const fn from_micros(micros: i64) -> Result<Self, NoSuchTime> {
        if micros < Self::MIN.0 || micros > Self::MAX.0 {
            return Err(NoSuchTime);
        }
        Ok(Self(micros))
    }

    /// From calendar fields.
    ///
    /// # Errors
    /// [`NoSuchTime`] if a field is out of range (leap seconds and 24:00 are).
    pub fn from_civil(civil: Civil) -> Result<Self, NoSuchTime> {
        let date = Date::from_civil(civil.year, civil.month, civil.day)?;
        let in_range = civil.hour < 24
            && civil.minute < 60
            && civil.second < 60
            && i64::from(civil.micros) < MICROS_PER_SECOND;
        if !in_range {
            return Err(NoSuchTime);
        }
        let minutes = i64::from(civil.hour) * 60 + i64::from(civil.minute);
        let seconds = minutes * 60 + i64::from(civil.second);
        let micros = seconds * MICROS_PER_SECOND + i64::from(civil.micros);
        Ok(Self(date.start().0 + micros))
    }

    /// Microseconds since 1970-01-01T00:00:00Z.
    #[must_use]
    pub const fn to_micros(self) -> i64 {
        self.0
    }

    /// The calendar fields.
    #[must_use]
    pub fn civil(self) -> Civil {
        let (year, month, day) = self.date().civil();
        let micros = self.0.rem_euclid(MICROS_PER_DAY);
        let seconds = micros / MICROS_PER_SECOND;
        Civil {
            year,
            month,
            day,
            hour: narrow(seconds / 3_600),
            minute: narrow(seconds / 60 % 60),
            second: narrow(seconds % 60),
            micros: narrow(micros % MICROS_PER_SECOND),
        }
    }

    /// The day that it falls on.
    #[must_use]
    pub fn date(self) -> Date {
        Date(narrow(self.0.div_euclid(MICROS_PER_DAY)))
    }

    /// The start of its hour.
    #[must_use]
    pub const fn hour_start(self) -> Self {
        Self(self.0 - self.0.rem_euclid(MICROS_PER_HOUR))
    }

    /// The start of its day.
    #[must_use]
    pub const fn day_start(self) -> Self {
        Self(self.0 - self.0.rem_euclid(MICROS_PER_DAY))
    }

    /// The moment so many hours later, or earlier if negative; stays within years 1 to 9999.
    #[must_use]
    pub fn plus_hours(self, hours: i64) -> Self {
        Self::clamped(self.0.saturating_add(hours.saturating_mul(MICROS_PER_HOUR)))
    }

    /// The moment so many seconds later, or earlier if negative; stays within years 1 to 9999.
    #[must_use]
    pub fn plus_seconds(self, seconds: i64) -> Self {
        Self::clamped(self.0.saturating_add(seconds.saturating_mul(MICROS_PER_SECOND)))
    }

    fn clamped(micros: i64) -> Self {
        Self(micros.clamp(Self::MIN.0, Self::MAX.0))
    }
}

impl Date {
    /// From year, month and day.
    ///
    /// # Errors
    /// [`NoSuchTime`] if there is no such day.
    pub fn from_civil(year: i32, month: u8, day: u8) -> Result<Self, NoSuchTime> {
        let month = Month::new(year, month)?;
        if day < 1 || day > month.days() {
            return Err(NoSuchTime);
        }
        Ok(Self(month.first_day().0 + i32::from(day) - 1))
    }

    /// Reads `2026-10-31`.
    ///
    /// # Errors
    /// [`NoSuchTime`] if the text is not of that form, or there is no such day.
    pub fn parse(text: &str) -> Result<Self, NoSuchTime> {
        let (month, day) = text.rsplit_once('-').ok_or(NoSuchTime)?;
        let month = Month::parse(month)?;
        if day.len() != 2 || !day.bytes().all(|byte| byte.is_ascii_digit()) {
            return Err(NoSuchTime);
        }
        Self::from_civil(month.year, month.month, day.parse().map_err(|_| NoSuchTime)?)
    }

    /// From days since 1970-01-01.
    ///
    /// # Errors
    /// [`NoSuchTime`] outside the years 1 to 9999.
    pub fn from_days(days: i32) -> Result<Self, NoSuchTime> {
        let in_range = UtcTime::MIN.date().0 <= days && days <= UtcTime::MAX.date().0;
        if in_range { Ok(Self(days)) } else { Err(NoSuchTime) }
    }

    /// Days since 1970-01-01.
    #[must_use]
    pub const fn to_days(self) -> i32 {
        self.0
    }

    /// Midnight at its beginning.
    #[must_use]
    pub fn start(self) -> UtcTime {
        UtcTime(i64::from(self.0) * MICROS_PER_DAY)
    }

    /// The day so many days later, or earlier if negative.
    #[must_use]
    pub fn plus_days(self, days: i32) -> Self {
        Self(self.0.saturating_add(days).clamp(UtcTime::MIN.date().0, UtcTime::MAX.date().0))
    }

    /// Year, month and day of the month.
    #[must_use]
    pub fn civil(self) -> (i32, u8, u8) {
        // Eras of 400 years of 146,097 days, with the year beginning in March: a leap day is last.
        let days = i64::from(self.0) + DAYS_TO_EPOCH;
        let era = days.div_euclid(146_097);
        let day_of_era = days.rem_euclid(146_097);
        let leap_days = day_of_era / 1_460 - day_of_era / 36_524 + day_of_era / 146_096;
        let year_of_era = (day_of_era - leap_days) / 365;
        let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted_month = (5 * day_of_year + 2) / 153;
        let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
        let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
        let year = year_of_era + era * 400 + i64::from(month <= 2);
        (narrow(year), narrow(month), narrow(day))
    }

    /// The month that it falls in.
    #[must_use]
    pub fn month(self) -> Month {
        let (year, month, _) = self.civil();
        Month { year, month }
    }
}

impl Month {
    /// From year and month, 1 to 12.
    ///
    /// # Errors
    /// [`NoSuchTime`] outside the years 1 to 9999 or the months 1 to 12.
    pub fn new(year: i32, month: u8) -> Result<Self, NoSuchTime> {
        let exists = (1..=9999).contains(&year) && (1..=12).contains(&month);
        if exists { Ok(Self { year, month }) } else { Err(NoSuchTime) }
    }

    /// Reads `2026-10`.
    ///
    /// # Errors
    /// [`NoSuchTime`] if the text is not of that form.
    pub fn parse(text: &str) -> Result<Self, NoSuchTime> {
        let (year, month) = text.split_once('-').ok_or(NoSuchTime)?;
        let digits = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
        if year.len() != 4 || month.len() != 2 || !digits(year) || !digits(month) {
            return Err(NoSuchTime);
        }
        let year = year.parse().map_err(|_| NoSuchTime)?;
        let month = month.parse().map_err(|_| NoSuchTime)?;
        Self::new(year, month)
    }

    /// Year, 1 to 9999.
    #[must_use]
    pub const fn year(self) -> i32 {
        self.year
    }

    /// Month of the year, 1 to 12.
    #[must_use]
    pub const fn number(self) -> u8 {
        self.month
    }

    /// How many days it has.
    #[must_use]
    pub const fn days(self) -> u8 {
        let leap = self.year % 4 == 0 && (self.year % 100 != 0 || self.year % 400 == 0);
        match self.month {
            2 if leap => 29,
            2 => 28,
            4 | 6 | 9 | 11 => 30,
            _ => 31,
        }
    }

    /// Its first day.
    #[must_use]
    pub fn first_day(self) -> Date {
        let year = i64::from(self.year) - i64::from(self.month <= 2);
        let era = year.div_euclid(400);
        let year_of_era = year.rem_euclid(400);
        let shifted_month = (i64::from(self.month) + 9) % 12;
        let day_of_year = (153 * shifted_month + 2) / 5;
        let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
        Date(narrow(era * 146_097 + day_of_era - DAYS_TO_EPOCH))
    }

    /// The month after it.
    #[must_use]
    pub const fn next(self) -> Self {
        match self.month {
            12 => Self { year: self.year + 1, month: 1 },
            month => Self { year: self.year, month: month + 1 },
        }
    }

    /// The month before it.
    #[must_use]
    pub const fn previous(self) -> Self {
        match self.month {
            1 => Self { year: self.year - 1, month: 12 },
            month => Self { year: self.year, month: month - 1 },
        }
    }
}

impl ReportedTime {
    /// The start of the hour in which it was reported.
    #[must_use]
    pub const fn hour_start(self) -> Self {
        Self(self.0.hour_start())
    }

    /// The start of the day on which it was reported.
    #[must_use]
    pub const fn day_start(self) -> Self {
        Self(self.0.day_start())
    }
}

/// Narrows a value whose range the calendar bounds.
fn narrow<T: TryFrom<i64>>(value: i64) -> T {
    T::try_from(value).ok().expect("calendar fields of the years 1 to 9999 are small")
}

impl fmt::Display for UtcTime {
    /// RFC 3339 with `Z`, and a fraction only where there is one.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Civil { hour, minute, second, micros, .. } = self.civil();
        write!(f, "{}T{hour:02}:{minute:02}:{second:02}", self.date())?;
        if micros != 0 {
            write!(f, ".{}", format!("{micros:06}").trim_end_matches('0'))?;
        }
        f.write_str("Z")
    }
}

impl fmt::Display for Date {
    /// `2026-01-31`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.civil();
        f.pad(&format!("{year:04}-{month:02}-{day:02}"))
    }
}

impl fmt::Display for Month {
    /// `2026-01`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{:04}-{:02}", self.year, self.month))
    }
}

macro_rules! debug_as_display {
    ($($name:ident),+) => {
        $(impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        })+
    };
}

macro_rules! display_as_inner {
    ($($name:ident),+) => {
        $(impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        })+
    };
}

display_as_inner!(ReportedTime);
debug_as_display!(UtcTime, Date, Month, ReportedTime);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_day_survives_the_round_trip() {
        let (first, last) = (UtcTime::MIN.date(), UtcTime::MAX.date());
        let mut expected = (1, 1, 1);
        for days in first.to_days()..=last.to_days() {
            let date = Date::from_days(days).unwrap();
            assert_eq!(date.civil(), expected);
            let (year, month, day) = expected;
            assert_eq!(Date::from_civil(year, month, day), Ok(date));
            expected = match Month::new(year, month).unwrap() {
                month_now if day < month_now.days() => (year, month, day + 1),
                month_now => (month_now.next().year(), month_now.next().number(), 1),
            };
        }
    }

    #[test]
    fn text_is_rfc_3339() {
        assert_eq!(UtcTime::MIN.to_string(), "0001-01-01T00:00:00Z");
        assert_eq!(UtcTime::MAX.to_string(), "9999-12-31T23:59:59.999999Z");
        assert_eq!(UtcTime::from_micros(1_500_000).unwrap().to_string(), "1970-01-01T00:00:01.5Z");
        assert_eq!(
            UtcTime::from_micros(-1).unwrap().hour_start().to_string(),
            "1969-12-31T23:00:00Z"
        );
    }

    #[test]
    fn what_the_calendar_lacks_is_refused() {
        assert_eq!(Date::from_civil(2023, 2, 29), Err(NoSuchTime));
        assert_eq!(Date::from_civil(1900, 2, 29), Err(NoSuchTime));
        assert!(Date::from_civil(2000, 2, 29).is_ok());
        assert_eq!(Month::parse("2026-13"), Err(NoSuchTime));
        assert_eq!(Month::parse("26-01"), Err(NoSuchTime));
        assert_eq!(Date::parse("2026-01-+1"), Err(NoSuchTime));
        assert_eq!(Date::parse("2026-01-31"), Date::from_civil(2026, 1, 31));
    }
}
