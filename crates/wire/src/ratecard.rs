//! Azure's rate card: the filter that selects one, the document that is imported, and the answer.
//!
//! Every price keeps every digit of its text, whatever the text: what [`parse()`] reads, [`write()`]
//! writes as an equal decimal.
//!
//! Source: Azure RateCard, api-versions 2015-06-01-preview and 2016-08-31-preview.

mod filter;
mod heading;
mod parse;
mod write;

pub use filter::{Field, FilterError, INVALID_QUERY, parse_filter};
pub use heading::key_of_itself;
pub use parse::{CardPartError, RateCardError, parse};
pub use write::write;
