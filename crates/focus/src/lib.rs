//! Charges in the columns of FOCUS 1.2, the FinOps Open Cost and Usage Specification, as CSV and as
//! Parquet. Every digit is kept: a cost that a file cannot hold is an error.
//!
//! A [`FocusRow`] is one charge at one price. [`CsvWriter`] takes rows as they come;
//! [`ParquetWriter`] needs the [`Scales`] of its decimals, which a first pass over the same rows
//! finds. `docs/focus.md` says what goes into which column and how files are checked.

mod charges;
mod column;
mod csv;
mod json;
mod parquet;
mod row;
mod scales;
mod service;

pub use charges::{ChargesError, Granularity, each_row};
pub use csv::CsvWriter;
pub use parquet::{ParquetWriter, WriteError};
pub use row::{
    Account, Charge, ChargeCategory, Commitment, Costs, Facts, FocusRow, Meter, Rating, Region,
    RowError, Usage,
};
pub use scales::{DECIMAL_DIGITS, Scales, TooWide};

/// Version of the specification whose columns these are.
pub const FOCUS_VERSION: &str = "1.2";

/// The names of the columns, in the order of every file: those of FOCUS, then our own (`x_`), each
/// in alphabetical order.
pub fn column_names() -> impl Iterator<Item = &'static str> {
    column::COLUMNS.iter().map(|column| column.name)
}
