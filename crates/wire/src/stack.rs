//! Azure Stack Hub's answer to the provider: usage aggregates of every subscriber, with six properties
//! alone; names and prices lie with the operator.
//!
//! Source: Azure Stack Hub, provider resource usage API, api-version 2015-06-01-preview.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use domain::aggregate::{Aggregate, UsageQuery};
use domain::id::SubscriptionId;

use crate::continuation::{self, ContinuationError};
use crate::query::{self, Parameters};
use crate::text::Excerpt;
use crate::usage::{
    CONTINUATION_TOKEN, GRANULARITY, REPORTED_END, REPORTED_START, Writer, granularity_name,
};

const API_VERSION: &str = "2015-06-01-preview";
const SUBSCRIBER: &str = "subscriberId";
/// What parts a token's subscription from its place there.
const DOT: char = '.';

/// What names a subscriber is no GUID.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubscriberError(pub Excerpt);

impl fmt::Display for SubscriberError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "The subscriberId {} is not a GUID.", self.0)
    }
}

impl std::error::Error for SubscriberError {}

/// The one subscriber that is asked about, if it is one.
///
/// # Errors
/// [`SubscriberError`] if it is no GUID.
pub fn subscriber(parameters: &Parameters) -> Result<Option<SubscriptionId>, SubscriberError> {
    let text = parameters.get(SUBSCRIBER).filter(|text| !text.is_empty());
    let id = text
        .map(|text| SubscriptionId::parse(text).map_err(|_| SubscriberError(Excerpt::new(text))));
    id.transpose()
}

/// Where the page after a row begins: the row's subscription, and its place there, as of so many erasures.
#[must_use]
pub fn token(version: &str, row: &Aggregate, query: &UsageQuery, erasures: u64) -> String {
    let subscription = URL_SAFE_NO_PAD.encode(query.subscription.to_bits().to_be_bytes());
    format!("{subscription}{DOT}{}", continuation::encode(version, &row.key, query, erasures))
}

/// The subscription that a token's page begins in, and the token of its place there, which
/// [`continuation::decode`] reads.
///
/// # Errors
/// [`ContinuationError`] if it is no token.
pub fn read_token(token: &str) -> Result<(SubscriptionId, &str), ContinuationError> {
    let malformed = ContinuationError::Malformed;
    let (subscription, rest) = token.split_once(DOT).ok_or(malformed)?;
    let bits = URL_SAFE_NO_PAD.decode(subscription).ok();
    let bits = bits.and_then(|bytes| bytes.try_into().ok()).ok_or(malformed)?;
    Ok((SubscriptionId::from_bits(u128::from_be_bytes(bits)), rest))
}

/// The link to the next page, with its token last.
#[must_use]
pub fn next_link(
    base: &str,
    provider: SubscriptionId,
    query: &UsageQuery,
    subscriber: Option<SubscriptionId>,
    token: &str,
) -> String {
    let mut link = format!(
        "{base}/subscriptions/{provider}/providers/Microsoft.Commerce.Admin/\
         subscriberUsageAggregates?api-version={API_VERSION}"
    );
    let subscriber = subscriber.map(|id| id.to_string());
    let subscriber = subscriber.as_deref().map(|id| (SUBSCRIBER, id));
    let (start, end) = (query.reported.start.to_string(), query.reported.end.to_string());
    let parameters = [
        (REPORTED_START, start.as_str()),
        (REPORTED_END, end.as_str()),
        (GRANULARITY, granularity_name(query.granularity)),
    ];
    for (name, value) in
        parameters.into_iter().chain(subscriber).chain([(CONTINUATION_TOKEN, token)])
    {
        query::push(&mut link, name, value);
    }
    link
}

/// Writes a page, the rows in the order given.
#[must_use]
pub fn write_page(rows: &[(SubscriptionId, Aggregate)], next_link: Option<&str>) -> Vec<u8> {
    let mut page = Writer::default();
    page.raw("{\"value\":[");
    for (position, (subscription, row)) in rows.iter().enumerate() {
        page.raw(if position == 0 { "" } else { "," });
        page.subscriber_row(*subscription, row);
    }
    page.raw("]");
    if let Some(link) = next_link {
        page.raw(",\"nextLink\":");
        page.string(link);
    }
    page.raw("}");
    page.into_bytes()
}
