//! The cost query of `Microsoft.CostManagement`: what is asked for, and the table that answers it.
//!
//! Words are taken in any case; a member that is not known is refused, as it would otherwise be an
//! answer to another question. Amounts are exact decimals.
//!
//! Source: Azure Cost Management, query, api-versions 2019-01-01 to 2025-03-01.

mod filter;
mod page;
mod request;

pub use filter::{CostFilter, Dimension, Subject};
pub use page::{Cell, Column, QueryPage, write_page};
pub use request::{CostQuery, DatasetGranularity, Grouping, Measure, Sorting, Timeframe};

use serde_json::value::RawValue;

use crate::cost_request::CostRequestError;
use crate::object;

/// The members of an object with their paths; null is absent.
fn members<'a>(
    raw: &'a RawValue,
    path: &str,
) -> Result<Vec<(String, &'a RawValue)>, CostRequestError> {
    let members = object::members(raw).map_err(CostRequestError::Body)?;
    let present = members.into_iter().filter(|(_, value)| value.get() != "null");
    Ok(present.map(|(name, value)| (format!("{path}{name}"), value)).collect())
}

fn text(name: &str, raw: &RawValue) -> Result<String, CostRequestError> {
    let text = object::string(raw).map(std::borrow::Cow::into_owned);
    text.ok_or_else(|| CostRequestError::value(name, raw.get(), "a text"))
}

fn elements<'a>(
    name: &str,
    raw: &'a RawValue,
    most: usize,
) -> Result<Vec<&'a RawValue>, CostRequestError> {
    let elements = object::elements(raw.get(), most);
    let elements = elements.map_err(|_| CostRequestError::value(name, raw.get(), "an array"))?;
    if elements.len() > most {
        return Err(CostRequestError::TooMany { name: name.to_owned(), most });
    }
    Ok(elements)
}
