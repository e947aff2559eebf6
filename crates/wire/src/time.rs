//! Times as clients write them, read into UTC; and the one form in which Azure's bodies show them.
//!
//! [`parse_rfc3339`] is for bodies and strict. [`parse_reported_time`] is for the two parameters of
//! the usage query and takes every form that a real client is known to send.

use std::fmt;

use domain::time::{Civil, UtcTime};

use crate::text::Excerpt;

const MICROS_PER_SECOND: i64 = 1_000_000;

/// Why a text is not a time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimeTextError {
    /// The text as given, cut.
    pub text: Excerpt,
    /// What is wrong with it.
    pub problem: TimeProblem,
}

/// What is wrong with the text of a time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TimeProblem {
    /// It is of no form that a time has.
    NotATime,
    /// A number above 12 (`31/12/2026`) where the month comes first.
    DayBeforeMonth,
    /// The calendar or the clock has no such time, or it is outside the years 1 to 9999.
    NoSuchTime,
    /// It has digits other than zero past the microseconds.
    TooFine,
    /// It has neither `Z` nor an offset.
    NoOffset,
}

impl fmt::Display for TimeTextError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.text)?;
        f.write_str(match self.problem {
            TimeProblem::NotATime => "is not a time such as 2026-01-31T00:00:00Z",
            TimeProblem::DayBeforeMonth => "has a day where the month comes first",
            TimeProblem::NoSuchTime => "is a time that does not exist",
            TimeProblem::TooFine => "is finer than microseconds",
            TimeProblem::NoOffset => "has neither Z nor an offset from UTC",
        })
    }
}

impl std::error::Error for TimeTextError {}

/// Reads a time as the clients of the usage query write it; without an offset it is UTC.
///
/// Beside RFC 3339: a bare date; `MM/dd/yyyy`; a space for `T`; one-digit hours; `AM` and `PM`; an
/// offset whose `+` was lost to a space, or with seconds, or followed by a `Z` that agrees; one
/// trailing comma.
///
/// Source: recorded requests of PowerShell and of the Python, JavaScript, .NET, Go and Rust
/// clients, and Microsoft's documents.
///
/// # Errors
/// [`TimeTextError`] if the text is of none of these forms, or names no existing time.
pub fn parse_reported_time(text: &str) -> Result<UtcTime, TimeTextError> {
    let trimmed = text.trim();
    let trimmed = trimmed.strip_suffix(',').unwrap_or(trimmed);
    read_reported(&mut Scanner::new(trimmed)).map_err(|problem| error(text, problem))
}

/// Reads an RFC 3339 time with `Z` or an offset.
///
/// # Errors
/// [`TimeTextError`] if it is none, names no existing time, or is finer than microseconds.
pub fn parse_rfc3339(text: &str) -> Result<UtcTime, TimeTextError> {
    let (time, offset) = read_rfc3339(text).map_err(|problem| error(text, problem))?;
    offset.and_then(|offset| time.in_utc(offset)).map_err(|problem| error(text, problem))
}

/// Reads an RFC 3339 time, and one without an offset as UTC: bodies that other servers wrote.
///
/// # Errors
/// As [`parse_rfc3339`].
pub fn parse_rfc3339_or_naive(text: &str) -> Result<UtcTime, TimeTextError> {
    let (time, offset) = read_rfc3339(text).map_err(|problem| error(text, problem))?;
    time.in_utc(offset.unwrap_or(0)).map_err(|problem| error(text, problem))
}

/// Writes a time as Azure's bodies do: `2015-06-01T11:00:00+00:00`, with a fraction only where
/// there is one.
#[must_use]
pub fn with_offset(time: UtcTime) -> String {
    let mut text = time.to_string();
    assert_eq!(text.pop(), Some('Z'), "a UTC time is written with Z");
    text.push_str("+00:00");
    text
}

fn error(text: &str, problem: TimeProblem) -> TimeTextError {
    TimeTextError { text: Excerpt::new(text), problem }
}

/// Date and time of day as written, before the offset is applied.
struct Local(Civil);

impl Local {
    fn in_utc(&self, offset_seconds: i64) -> Result<UtcTime, TimeProblem> {
        let local = UtcTime::from_civil(self.0).map_err(|_| TimeProblem::NoSuchTime)?;
        UtcTime::from_micros(local.to_micros() - offset_seconds * MICROS_PER_SECOND)
            .map_err(|_| TimeProblem::NoSuchTime)
    }
}

/// The time and its offset in seconds, or the problem that it has none.
fn read_rfc3339(text: &str) -> Result<(Local, Result<i64, TimeProblem>), TimeProblem> {
    let mut scanner = Scanner::new(text);
    let (year, month, day) = scanner.iso_date().ok_or(TimeProblem::NotATime)?;
    let separated = scanner.eat(b'T') || scanner.eat(b't');
    let hour = scanner.digits(2, 2).filter(|_| separated).ok_or(TimeProblem::NotATime)?;
    let (minute, second, micros) = scanner.minutes(Seconds::Required)?;
    let local = Local(civil(year, month, day, (hour, minute, second, micros))?);
    let offset = match scanner.signed_offset(OffsetSeconds::Refused)? {
        Some(offset) => Ok(offset),
        None if scanner.zulu() => Ok(0),
        None => Err(TimeProblem::NoOffset),
    };
    if scanner.is_at_end() { Ok((local, offset)) } else { Err(TimeProblem::NotATime) }
}

fn read_reported(scanner: &mut Scanner<'_>) -> Result<UtcTime, TimeProblem> {
    let year_first = scanner.0.get(4) == Some(&b'-');
    let date = if year_first {
        scanner.iso_date().ok_or(TimeProblem::NotATime)
    } else {
        scanner.month_first_date()
    };
    let (year, month, day) = date?;
    if scanner.is_at_end() {
        return Local(civil(year, month, day, (0, 0, 0, 0))?).in_utc(0);
    }
    if !(scanner.eat(b'T') || scanner.eat(b't') || scanner.spaces()) {
        return Err(TimeProblem::NotATime);
    }
    let hour = scanner.digits(1, 2).ok_or(TimeProblem::NotATime)?;
    let (minute, second, micros) = scanner.minutes(Seconds::Optional)?;
    let spaced = scanner.spaces();
    let hour = scanner.hour_of_half_day(hour)?;
    let local = Local(civil(year, month, day, (hour, minute, second, micros))?);
    let offset = scanner.reported_offset(spaced)?;
    if scanner.is_at_end() { local.in_utc(offset) } else { Err(TimeProblem::NotATime) }
}

fn civil(
    year: u32,
    month: u32,
    day: u32,
    (hour, minute, second, micros): (u32, u32, u32, u32),
) -> Result<Civil, TimeProblem> {
    let narrow = |value: u32| u8::try_from(value).map_err(|_| TimeProblem::NoSuchTime);
    Ok(Civil {
        year: i32::try_from(year).map_err(|_| TimeProblem::NoSuchTime)?,
        month: narrow(month)?,
        day: narrow(day)?,
        hour: narrow(hour)?,
        minute: narrow(minute)?,
        second: narrow(second)?,
        micros,
    })
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Seconds {
    Required,
    Optional,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum OffsetSeconds {
    Accepted,
    Refused,
}

/// What is left of a text. A method that answers nothing has consumed nothing, unless its caller
/// gives up.
struct Scanner<'a>(&'a [u8]);

impl<'a> Scanner<'a> {
    fn new(text: &'a str) -> Self {
        Self(text.as_bytes())
    }

    fn is_at_end(&self) -> bool {
        self.0.is_empty()
    }

    fn eat(&mut self, byte: u8) -> bool {
        let found = self.0.first() == Some(&byte);
        if found {
            self.0 = &self.0[1..];
        }
        found
    }

    fn spaces(&mut self) -> bool {
        let count = self.0.iter().take_while(|byte| **byte == b' ').count();
        self.0 = &self.0[count..];
        count > 0
    }

    /// A whole run of at least `min` and at most `max` digits.
    fn digits(&mut self, min: usize, max: usize) -> Option<u32> {
        let count = self.0.iter().take_while(|byte| byte.is_ascii_digit()).count();
        if count < min || count > max {
            return None;
        }
        let (digits, rest) = self.0.split_at(count);
        self.0 = rest;
        Some(digits.iter().fold(0, |value, digit| value * 10 + u32::from(digit - b'0')))
    }

    fn iso_date(&mut self) -> Option<(u32, u32, u32)> {
        let year = self.digits(4, 4)?;
        let month = self.eat(b'-').then(|| self.digits(2, 2))??;
        let day = self.eat(b'-').then(|| self.digits(2, 2))??;
        Some((year, month, day))
    }

    fn month_first_date(&mut self) -> Result<(u32, u32, u32), TimeProblem> {
        let date = self.digits(1, 2).and_then(|month| {
            let day = self.eat(b'/').then(|| self.digits(1, 2))??;
            let year = self.eat(b'/').then(|| self.digits(4, 4))??;
            Some((year, month, day))
        });
        match date {
            Some((_, month, _)) if month > 12 => Err(TimeProblem::DayBeforeMonth),
            Some(date) => Ok(date),
            None => Err(TimeProblem::NotATime),
        }
    }

    /// Minute, second and microseconds, from the colon after the hour on.
    fn minutes(&mut self, seconds: Seconds) -> Result<(u32, u32, u32), TimeProblem> {
        let minute = self.eat(b':').then(|| self.digits(2, 2)).flatten();
        let minute = minute.ok_or(TimeProblem::NotATime)?;
        if !self.eat(b':') {
            let left_out = seconds == Seconds::Optional;
            return if left_out { Ok((minute, 0, 0)) } else { Err(TimeProblem::NotATime) };
        }
        let second = self.digits(2, 2).ok_or(TimeProblem::NotATime)?;
        let micros = if self.eat(b'.') { self.fraction()? } else { 0 };
        Ok((minute, second, micros))
    }

    /// The microseconds of a fraction of a second of any length; past them only zeros may come.
    fn fraction(&mut self) -> Result<u32, TimeProblem> {
        let count = self.0.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (digits, rest) = self.0.split_at(count);
        self.0 = rest;
        let (kept, lost) = digits.split_at(count.min(6));
        if count == 0 {
            return Err(TimeProblem::NotATime);
        }
        if lost.iter().any(|digit| *digit != b'0') {
            return Err(TimeProblem::TooFine);
        }
        let padded = kept.iter().copied().chain(std::iter::repeat(b'0')).take(6);
        Ok(padded.fold(0, |value, digit| value * 10 + u32::from(digit - b'0')))
    }

    /// The hour on a clock of 24 hours, if `AM` or `PM` follows; else the hour as it is.
    fn hour_of_half_day(&mut self, hour: u32) -> Result<u32, TimeProblem> {
        let Some(half) = self.0.get(..2) else { return Ok(hour) };
        let after_noon = half.eq_ignore_ascii_case(b"PM");
        if !after_noon && !half.eq_ignore_ascii_case(b"AM") {
            return Ok(hour);
        }
        if !(1..=12).contains(&hour) {
            return Err(TimeProblem::NoSuchTime);
        }
        self.0 = &self.0[2..];
        Ok(hour % 12 + if after_noon { 12 } else { 0 })
    }

    fn zulu(&mut self) -> bool {
        self.eat(b'Z') || self.eat(b'z')
    }

    /// The offset in seconds in any form of the usage query; zero if there is none.
    fn reported_offset(&mut self, spaced: bool) -> Result<i64, TimeProblem> {
        let spaced = self.spaces() || spaced;
        if let Some(offset) = self.signed_offset(OffsetSeconds::Accepted)? {
            return if self.zulu() && offset != 0 {
                Err(TimeProblem::NotATime)
            } else {
                Ok(offset)
            };
        }
        // A plus that was not percent-encoded arrives as a space.
        if spaced && self.0.first().is_some_and(u8::is_ascii_digit) {
            let offset = self.unsigned_offset(OffsetSeconds::Accepted)?;
            return if self.zulu() && offset != 0 {
                Err(TimeProblem::NotATime)
            } else {
                Ok(offset)
            };
        }
        self.zulu();
        Ok(0)
    }

    fn signed_offset(&mut self, seconds: OffsetSeconds) -> Result<Option<i64>, TimeProblem> {
        let negative = self.eat(b'-');
        if !negative && !self.eat(b'+') {
            return Ok(None);
        }
        let offset = self.unsigned_offset(seconds)?;
        Ok(Some(if negative { -offset } else { offset }))
    }

    fn unsigned_offset(&mut self, seconds: OffsetSeconds) -> Result<i64, TimeProblem> {
        let hours = self.digits(2, 2).ok_or(TimeProblem::NotATime)?;
        let minutes = self.eat(b':').then(|| self.digits(2, 2)).flatten();
        let minutes = minutes.ok_or(TimeProblem::NotATime)?;
        let has_seconds = seconds == OffsetSeconds::Accepted && self.eat(b':');
        let seconds = if has_seconds { self.digits(2, 2) } else { Some(0) };
        let seconds = seconds.ok_or(TimeProblem::NotATime)?;
        if hours > 23 || minutes > 59 || seconds > 59 {
            return Err(TimeProblem::NoSuchTime);
        }
        Ok(i64::from((hours * 60 + minutes) * 60 + seconds))
    }
}

#[cfg(test)]
mod tests;
