//! The price of an override as text of decimals, and back without a digit lost. Pure.

use domain::catalogue::{Tier, Tiers};
use domain::decimal::{Percent, Quantity, UnitPrice};
use domain::id::Currency;
use domain::price_override::OverridePrice;

/// The columns of a price: either the markup, or the three others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PriceText {
    /// In percent.
    pub(super) markup: Option<String>,
    /// Of the rates.
    pub(super) currency: Option<String>,
    /// `0:0.10 100:0.08`: lower bounds and rates.
    pub(super) tiers: Option<String>,
    /// The quantity that is free.
    pub(super) included: Option<String>,
}

impl From<&OverridePrice> for PriceText {
    fn from(price: &OverridePrice) -> Self {
        match price {
            OverridePrice::Markup(percent) => Self {
                markup: Some(percent.to_string()),
                currency: None,
                tiers: None,
                included: None,
            },
            OverridePrice::Rates { currency, tiers, included } => Self {
                markup: None,
                currency: Some(currency.to_string()),
                tiers: Some(tiers_text(tiers)),
                included: Some(included.to_string()),
            },
        }
    }
}

impl PriceText {
    /// The price; or the column that has none, with what it holds.
    pub(super) fn read(&self) -> Result<OverridePrice, (&'static str, String)> {
        fn value<T>(
            column: &'static str,
            text: &str,
            read: impl FnOnce(&str) -> Option<T>,
        ) -> Result<T, (&'static str, String)> {
            read(text).ok_or_else(|| (column, text.chars().take(100).collect()))
        }
        let Self { markup, currency, tiers, included } = self;
        match (markup, currency, tiers, included) {
            (Some(markup), None, None, None) => {
                value("markup", markup, |text| Percent::parse(text).ok()).map(OverridePrice::Markup)
            }
            (None, Some(currency), Some(tiers), Some(included)) => Ok(OverridePrice::Rates {
                currency: value("currency", currency, |text| Currency::parse(text).ok())?,
                tiers: value("tiers", tiers, read_tiers)?,
                included: value("included", included, |text| Quantity::parse(text).ok())?,
            }),
            _ => Err(("markup", "neither a markup nor rates, or both".to_owned())),
        }
    }
}

fn tiers_text(tiers: &Tiers) -> String {
    let tiers = tiers.as_slice().iter().map(|tier| format!("{}:{}", tier.from, tier.rate));
    tiers.collect::<Vec<_>>().join(" ")
}

fn read_tiers(text: &str) -> Option<Tiers> {
    let tiers = text.split(' ').map(|tier| {
        let (from, rate) = tier.split_once(':')?;
        Some(Tier { from: Quantity::parse(from).ok()?, rate: UnitPrice::parse(rate).ok()? })
    });
    Tiers::new(tiers.collect::<Option<Vec<_>>>()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(tiers: &str, read: Option<&str>) {
        let found = read_tiers(tiers).map(|tiers| tiers_text(&tiers));
        assert_eq!(found.as_deref(), read, "{tiers}");
    }

    #[test]
    fn tiers_keep_every_digit() {
        check("0:0.1", Some("0:0.1"));
        check("0:0.10 1024.0:2E-06", Some("0:0.1 1024:0.000002"));
        let long = "0:0.1234567890123456789012345678 87.5:9999999999.9999999999999999999999999999";
        check(long, Some(long));
    }

    #[test]
    fn what_is_no_price_is_not_read() {
        for tiers in ["", "0", "0:", ":1", "0:-1", "1:1", "0:1 0:2", "0:1  5:2", "0:1,5:2"] {
            check(tiers, None);
        }
    }
}
