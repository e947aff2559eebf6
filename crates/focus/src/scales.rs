//! How many decimal places each column of a Parquet file needs.

use std::fmt;

use domain::decimal::{Money, OutOfRange, Quantity};

use crate::column::{COLUMN_COUNT, COLUMNS, Number, ValueOf};
use crate::row::FocusRow;

/// Digits of a decimal that DuckDB, Polars and others read.
pub const DECIMAL_DIGITS: u32 = 38;

/// Places that a column has where its values do not need them: files of like data then have like
/// types.
const PLACES_USUAL: u32 = 18;

/// The decimal places of every column of numbers, found by a first pass over the rows.
///
/// A cost or quantity column is as wide as the sum of its values without their signs, so that no
/// sum of some of them can overflow its type.
#[derive(Debug, Clone)]
pub struct Scales {
    columns: [Width; COLUMN_COUNT],
    rows: u64,
}

#[derive(Debug, Clone, Copy, Default)]
struct Width {
    /// Places after the point.
    places: u32,
    /// Digits before it, of the sum or of the greatest price.
    whole: u32,
    sum: Sum,
}

/// Sum of the values without their signs.
#[derive(Debug, Clone, Copy, Default)]
struct Sum {
    money: Money,
    quantity: Quantity,
}

/// A column needs more digits than a decimal of Parquet has for its readers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TooWide {
    /// Number of the row, from 1, at which it does.
    pub row: u64,
    /// The column.
    pub column: &'static str,
    /// Digits before the point that it needs.
    pub whole: u32,
    /// Digits after the point that it needs.
    pub places: u32,
}

impl fmt::Display for TooWide {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { row, column, whole, places } = self;
        write!(f, "row {row}, column {column}: with it the column needs {whole} digits before")?;
        write!(f, " the point and {places} after it, of which Parquet's readers take")?;
        write!(f, " {DECIMAL_DIGITS} in all (CSV has no such limit)")
    }
}

impl std::error::Error for TooWide {}

impl Default for Scales {
    fn default() -> Self {
        Self { columns: [Width::default(); COLUMN_COUNT], rows: 0 }
    }
}

impl Scales {
    /// Makes room for a row.
    ///
    /// # Errors
    /// [`TooWide`] if a column cannot hold it beside those before.
    pub fn widen(&mut self, row: &FocusRow) -> Result<(), TooWide> {
        self.rows += 1;
        for (column, width) in COLUMNS.iter().zip(&mut self.columns) {
            let ValueOf::Number(value) = column.value else { continue };
            let Some(number) = value(row) else { continue };
            let (whole, places) = width.with(number);
            (width.whole, width.places) = (width.whole.max(whole), width.places.max(places));
            if width.whole + width.places > DECIMAL_DIGITS {
                let Width { whole, places, .. } = *width;
                return Err(TooWide { row: self.rows, column: column.name, whole, places });
            }
        }
        Ok(())
    }

    /// Decimal places of a column, by its position.
    pub(crate) fn places(&self, column: usize) -> u32 {
        let Width { places, whole, .. } = self.columns[column];
        places.max(PLACES_USUAL.min(DECIMAL_DIGITS - whole))
    }
}

impl Width {
    /// Digits before the point of the sum with this number, and after it of the number.
    fn with(&mut self, number: Number) -> (u32, u32) {
        let (mut whole, places) = digits(number);
        let sum = match number {
            Number::Price(_) => return (whole, places),
            Number::Money(amount) => {
                let amount = if amount.is_negative() { amount.negated() } else { amount };
                self.sum.money.plus(amount).map(|sum| {
                    self.sum.money = sum;
                    Number::Money(sum)
                })
            }
            Number::Quantity(quantity) => {
                let quantity = if quantity.is_negative() { quantity.negated() } else { quantity };
                self.sum.quantity.plus(quantity).map(|sum| {
                    self.sum.quantity = sum;
                    Number::Quantity(sum)
                })
            }
        };
        whole = match sum {
            Ok(sum) => digits(sum).0,
            Err(OutOfRange) => DECIMAL_DIGITS + 1,
        };
        (whole, places)
    }
}

/// Digits before and after the point.
fn digits(number: Number) -> (u32, u32) {
    let text = number.to_string();
    let unsigned = text.trim_start_matches('-');
    let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let whole = if whole == "0" { "" } else { whole };
    let length = |text: &str| u32::try_from(text.len()).expect("a number has at most 77 digits");
    (length(whole), length(fraction))
}
