//! Usage as comma-separated values: a header that names the columns, and a row a line.
//!
//! No value of a row has a line end in it, so a line is a row, and a quote that is left open does
//! not swallow the lines after it. A column that is not known is refused: were it left out, a
//! mistyped `subscriptionId` would bring the usage of all subscriptions together.
//!
//! Source of the form: RFC 4180, with spaces around values let pass.

use std::borrow::Cow;
use std::fmt;

use domain::decimal::Quantity;
use domain::id::{MeterId, SubscriptionId};
use domain::record::Window;
use domain::time::UtcTime;

use crate::property::PropertyError;
use crate::text::Excerpt;
use crate::time::{TimeProblem, TimeTextError, parse_reported_time};

const METER: usize = 0;
const START: usize = 1;
const QUANTITY: usize = 2;
const SUBSCRIPTION: usize = 3;
const END: usize = 4;

/// The columns that are known.
const NAMES: [&str; 5] =
    ["meterId", "usageStartTime", "quantity", "subscriptionId", "usageEndTime"];

/// How many of them, from the first, have to be there.
const REQUIRED: usize = 3;

/// Where the columns of a file are, by its header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CsvColumns {
    /// Of each known column its place, from 0.
    places: [Option<usize>; NAMES.len()],
    /// How many the header has.
    count: usize,
}

/// A row of usage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CsvUsage {
    /// Who used it, if the file has that column.
    pub subscription: Option<SubscriptionId>,
    /// When it was used; to the end of the day in UTC if the file does not say until when.
    pub window: Window,
    /// What was used.
    pub meter: MeterId,
    /// How much, in the meter's unit; never negative.
    pub quantity: Quantity,
}

/// What is wrong with a header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CsvHeaderError {
    /// A quoted name is not as it should be.
    Quote,
    /// A column of no known name.
    Unknown {
        /// Its name, cut.
        column: Excerpt,
    },
    /// Two columns of one name.
    Doubled {
        /// The name.
        column: &'static str,
    },
    /// A column that has to be there.
    Missing {
        /// Its name.
        column: &'static str,
    },
}

/// What is wrong with a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CsvRowError {
    /// A quoted value is not as it should be.
    Quote,
    /// It has not as many values as the header has columns.
    Count {
        /// How many it has.
        values: usize,
        /// How many columns there are.
        columns: usize,
    },
    /// One of its values is wrong; it is named by its column.
    Value(PropertyError),
}

/// A quotation mark that is not closed, or not at the ends of the value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct QuoteError;

const QUOTE: &str = "has a quotation mark that is not closed, or not at the end of its value";

impl fmt::Display for CsvHeaderError {
    /// What is to be said of the header, such as `has no column quantity`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Quote => f.write_str(QUOTE),
            Self::Unknown { column } => {
                let (required, optional) = NAMES.split_at(REQUIRED);
                let (required, optional) = (required.join(", "), optional.join(" and "));
                write!(
                    f,
                    "has the column {column}, which is not known: the columns are {required}, and \
                     where wanted {optional}"
                )
            }
            Self::Doubled { column } => write!(f, "has the column {column} twice"),
            Self::Missing { column } => write!(f, "has no column {column}"),
        }
    }
}

impl std::error::Error for CsvHeaderError {}

impl fmt::Display for CsvRowError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Quote => write!(f, "row {QUOTE}"),
            Self::Count { values, columns } => {
                write!(f, "row has {values} values, the header has {columns} columns")
            }
            Self::Value(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for CsvRowError {}

impl From<QuoteError> for CsvHeaderError {
    fn from(QuoteError: QuoteError) -> Self {
        Self::Quote
    }
}

impl From<QuoteError> for CsvRowError {
    fn from(QuoteError: QuoteError) -> Self {
        Self::Quote
    }
}

impl From<PropertyError> for CsvRowError {
    fn from(error: PropertyError) -> Self {
        Self::Value(error)
    }
}

impl CsvColumns {
    /// Reads the header: `meterId`, `usageStartTime` and `quantity`, and `subscriptionId` and
    /// `usageEndTime` where wanted, in any order and case.
    ///
    /// # Errors
    /// [`CsvHeaderError`] with the first thing that is wrong.
    pub fn parse(header: &str) -> Result<Self, CsvHeaderError> {
        let header = header.strip_prefix('\u{feff}').unwrap_or(header);
        let names = values(header)?;
        let mut places = [None; NAMES.len()];
        for (place, name) in names.iter().enumerate() {
            let known = NAMES.iter().position(|known| known.eq_ignore_ascii_case(name));
            let Some(known) = known else {
                return Err(CsvHeaderError::Unknown { column: Excerpt::new(name) });
            };
            if places[known].replace(place).is_some() {
                return Err(CsvHeaderError::Doubled { column: NAMES[known] });
            }
        }
        match places[..REQUIRED].iter().position(Option::is_none) {
            Some(missing) => Err(CsvHeaderError::Missing { column: NAMES[missing] }),
            None => Ok(Self { places, count: names.len() }),
        }
    }

    /// Reads a row, which is one line. Times begin with the year, may leave out the time of day and
    /// the seconds, and are UTC where they have no offset.
    ///
    /// # Errors
    /// [`CsvRowError`] with the first thing that is wrong.
    pub fn row(&self, line: &str) -> Result<CsvUsage, CsvRowError> {
        let values = values(line)?;
        if values.len() != self.count {
            return Err(CsvRowError::Count { values: values.len(), columns: self.count });
        }
        let row = Row { places: self.places, values };
        let meter = row.required(METER)?;
        let subscription = row.optional(SUBSCRIPTION)?.map(|text| {
            SubscriptionId::parse(text).map_err(|_| invalid(SUBSCRIPTION, text, "a GUID"))
        });
        Ok(CsvUsage {
            subscription: subscription.transpose()?,
            window: window(row.required(START)?, row.optional(END)?)?,
            meter: MeterId::parse(meter).map_err(|_| invalid(METER, meter, "a GUID"))?,
            quantity: quantity(row.required(QUANTITY)?)?,
        })
    }
}

/// The values of a row with the places of the columns.
struct Row<'a> {
    places: [Option<usize>; NAMES.len()],
    values: Vec<Cow<'a, str>>,
}

impl Row<'_> {
    fn required(&self, column: usize) -> Result<&str, PropertyError> {
        let value = self.optional(column)?;
        Ok(value.expect("a header without the column is refused"))
    }

    /// The value; none if there is no such column.
    fn optional(&self, column: usize) -> Result<Option<&str>, PropertyError> {
        let Some(place) = self.places[column] else { return Ok(None) };
        let value = self.values[place].as_ref();
        if value.is_empty() {
            return Err(PropertyError::Missing { property: NAMES[column].to_owned() });
        }
        Ok(Some(value))
    }
}

fn window(start: &str, end: Option<&str>) -> Result<Window, PropertyError> {
    let from = time(START, start)?;
    let until = match end {
        Some(end) => time(END, end)?,
        None => Window::day_of(from).end(),
    };
    Window::new(from, until).map_err(|error| PropertyError::Window {
        property: NAMES[START].to_owned(),
        start: Excerpt::new(start),
        end: Excerpt::new(end.unwrap_or_default()),
        error,
    })
}

/// A month in front (`01/02/2026`) is refused: in many countries that is the day.
fn time(column: usize, text: &str) -> Result<UtcTime, PropertyError> {
    let time = if text.as_bytes().get(4) == Some(&b'-') {
        parse_reported_time(text)
    } else {
        Err(TimeTextError { text: Excerpt::new(text), problem: TimeProblem::NotATime })
    };
    time.map_err(|error| PropertyError::Time { property: NAMES[column].to_owned(), error })
}

fn quantity(text: &str) -> Result<Quantity, PropertyError> {
    let named = || (NAMES[QUANTITY].to_owned(), Excerpt::new(text));
    let quantity = Quantity::parse(text).map_err(|error| {
        let (property, value) = named();
        PropertyError::Number { property, value, error }
    })?;
    if quantity.is_negative() {
        let (property, value) = named();
        return Err(PropertyError::Negative { property, value });
    }
    Ok(quantity)
}

fn invalid(column: usize, text: &str, expected: &'static str) -> PropertyError {
    let (property, value) = (NAMES[column].to_owned(), Excerpt::new(text));
    PropertyError::Invalid { property, value, expected }
}

/// The values of a line, without the spaces around them.
fn values(line: &str) -> Result<Vec<Cow<'_, str>>, QuoteError> {
    let mut values = Vec::with_capacity(NAMES.len());
    let mut rest = Some(line.trim_end_matches(['\n', '\r']));
    while let Some(text) = rest {
        let text = text.trim_start();
        let value;
        (value, rest) = match text.strip_prefix('"') {
            Some(quoted) => quoted_value(quoted)?,
            None => match text.split_once(',') {
                Some((value, rest)) => (Cow::Borrowed(value.trim_end()), Some(rest)),
                None => (Cow::Borrowed(text.trim_end()), None),
            },
        };
        values.push(value);
    }
    Ok(values)
}

/// The value whose opening quotation mark was just read, and what follows its comma. Two marks
/// within it stand for one.
fn quoted_value(text: &str) -> Result<(Cow<'_, str>, Option<&str>), QuoteError> {
    let mut end = 0;
    loop {
        end += text[end..].find('"').ok_or(QuoteError)?;
        if !text[end + 1..].starts_with('"') {
            break;
        }
        end += 2;
    }
    let value = text[..end].trim();
    let value = if value.contains('"') {
        Cow::Owned(value.replace("\"\"", "\""))
    } else {
        Cow::Borrowed(value)
    };
    let after = text[end + 1..].trim_start();
    match after.strip_prefix(',') {
        None if after.is_empty() => Ok((value, None)),
        None => Err(QuoteError),
        rest => Ok((value, rest)),
    }
}

#[cfg(test)]
mod tests;
