//! What goes over the wire, in and out: Azure's usage and rate card bodies, our events, and the
//! bodies of our own API. Serde lives here, so that `domain` can change without breaking a client.
//!
//! Two things always hold. A number is read from its JSON text and written from an exact decimal,
//! never by way of a binary float. And whatever is refused is named: the property, its value cut
//! to 100 characters, and its place.

pub mod arm;
pub mod authorization;
pub mod billing;
pub mod continuation;
pub mod cost_query;
pub mod cost_request;
pub mod error;
pub mod event;
mod exact;
pub mod graph;
pub mod json;
pub mod log_token;
pub mod oauth;
mod object;
pub mod odata;
pub mod own;
pub mod page_token;
pub mod price_sheet;
pub mod property;
pub mod query;
pub mod ratecard;
mod record;
pub mod resource_groups;
pub mod retail;
mod scan;
mod sealed;
pub mod secret;
pub mod stack;
pub mod tar;
pub mod text;
pub mod time;
pub mod usage;
pub mod usage_details;

#[cfg(test)]
mod tests;
