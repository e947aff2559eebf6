//! Offers: what is known of those that Azure sells, by their durable ids.
//!
//! An id is a plan's number between a cloud and parts for variants of it: `MS-AZR-0003P`,
//! `MS-AZR-DE-0003P`, `MS-AZR-0003P-0015P`. What holds of a plan holds of its variants.

pub mod rule;

use std::collections::HashMap;
use std::sync::LazyLock;

use crate::id::OfferId;

/// Offers with the quota ids that subscriptions under them show (NOTICE says from where).
const TABLE: &str = include_str!("offer/offers.csv");

/// The quota id of subscriptions under an offer, such as `PayAsYouGo_2014-09-01`; none if it is not
/// known.
///
/// Source: Azure Cost Management, "Microsoft Azure offer types".
#[must_use]
pub fn quota_id(offer: &OfferId) -> Option<&'static str> {
    static QUOTA_IDS: LazyLock<HashMap<&str, &str>> = LazyLock::new(|| {
        let rows = TABLE.lines().skip(1).map(|row| row.split(','));
        rows.filter_map(|mut columns| columns.next().zip(columns.next())).collect()
    });
    QUOTA_IDS.get(plan(offer)).copied()
}

/// The offer's id without the parts for variants: up to and with the first number.
fn plan(offer: &OfferId) -> &str {
    let text = offer.as_str();
    let mut end = 0;
    for part in text.split('-') {
        end += part.len();
        if part.starts_with(|first: char| first.is_ascii_digit()) {
            return &text[..end];
        }
        end += 1; // the dash
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(offer: &str, expected: Option<&str>) {
        assert_eq!(quota_id(&OfferId::parse(offer).unwrap()), expected, "{offer}");
    }

    #[test]
    fn quota_ids_are_those_of_the_plan() {
        check("MS-AZR-0003P", Some("PayAsYouGo_2014-09-01"));
        check("ms-azr-0062p", Some("MSDN_2014-09-01"));
        check("MS-AZR-0003P-0015P", Some("PayAsYouGo_2014-09-01"));
        check("MS-AZR-USGOV-0003P", None);
        check("MY-CLOUD", None);
    }

    #[test]
    fn every_row_is_read() {
        for row in TABLE.lines().skip(1) {
            let columns: Vec<&str> = row.split(',').collect();
            assert_eq!(columns.len(), 3, "{row}");
            check(columns[0], Some(columns[1]));
        }
    }
}
