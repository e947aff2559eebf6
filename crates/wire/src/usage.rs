//! Azure's usage answer: what is asked for, the page that answers it, and such pages read back as
//! imports.
//!
//! Quantities are exact from text to text. What [`write_page`] writes, [`parse_aggregate`] reads
//! back as the same content.
//!
//! Source: Azure Usage Aggregates, api-version 2015-06-01-preview.

mod csv;
mod import;
mod page;
mod request;
mod rows;

pub use csv::{CsvColumns, CsvHeaderError, CsvRowError, CsvUsage};
pub use import::{
    AggregatesError, HashedRow, ImportedAggregate, Occurrences, RowError, RowReader,
    parse_aggregate, read_aggregates,
};
pub(crate) use page::{Writer, granularity_name};
pub use page::{next_link, write_page};
pub(crate) use request::{CONTINUATION_TOKEN, GRANULARITY, REPORTED_END, REPORTED_START};
pub use request::{UsageRequest, UsageRequestError};
pub use rows::{NOT_UTF8, ROW_BYTES_MAX, Row, RowBytes, Rows, RowsError};

#[cfg(test)]
mod tests;
