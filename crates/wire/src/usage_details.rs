//! The usage details of `Microsoft.Consumption`: what is asked for, and the page that answers it.
//!
//! An item is one instance, meter and day, or what a term of the offer adds on a day. It is of the
//! kind `legacy`, and has the names of today beside those of 2018, which the command line reads. Every
//! number is an exact decimal.
//!
//! Source: Azure Consumption, usageDetails, api-versions 2018-01-31 to 2024-08-01.

mod page;
mod request;

pub use page::{BilledPeriod, DetailsPage, write_page};
pub use request::{DetailsRequest, ITEMS_MAX, Metric, charge_type, frequency, publisher_type};
