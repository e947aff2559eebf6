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

pub use csv::{CsvColumns, CsvHeaderError, CsvRowError, CsvUsage};
pub use import::{
    AggregatesError, ImportedAggregate, Occurrences, RowError, parse_aggregate, read_aggregates,
    with_occurrence,
};
pub(crate) use page::{Writer, granularity_name};
pub use page::{next_link, write_page};
pub(crate) use request::{CONTINUATION_TOKEN, GRANULARITY, REPORTED_END, REPORTED_START};
pub use request::{UsageRequest, UsageRequestError};

#[cfg(test)]
mod tests;
