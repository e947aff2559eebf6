//! Offer rules: which API subscriptions under which offers do not have. One table, of which an operator
//! may lift any rule; an offer of no programme below has every API.

use super::plan;
use crate::id::OfferId;

/// A programme by which Microsoft sells Azure other than to a web customer directly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Programme {
    /// Enterprise Agreement (EA), its Dev/Test offer included.
    EnterpriseAgreement,
    /// Cloud Solution Provider (CSP): a partner bills the customer.
    CloudSolutionProvider,
}

/// The plans of each programme, in every cloud.
///
/// Source: Azure Cost Management, "Microsoft Azure offer types", with its offers that are not supported
/// yet; for plan 0146P Partner Center, "Set up a sandbox account".
const PLANS: &[(Programme, &[&str])] = &[
    (Programme::EnterpriseAgreement, &["MS-AZR-0017P", "MS-AZR-0148P", "MS-AZR-USGOV-0017P"]),
    (
        Programme::CloudSolutionProvider,
        &[
            "MS-AZR-0145P",
            "MS-AZR-0146P",
            "MS-AZR-DE-0145P",
            "MS-AZR-DE-0146P",
            "MS-AZR-USGOV-0145P",
            "MS-AZR-USGOV-0146P",
        ],
    ),
];

/// An API that some offers do not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OfferApi {
    /// Usage aggregates.
    Usage,
    /// The rate card.
    RateCard,
}

/// That the offers of a programme do not have an API.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OfferRule {
    /// What the rule is called where it is lifted.
    pub name: &'static str,
    /// The API.
    pub api: OfferApi,
    /// Whose offers do not have it.
    pub programme: Programme,
}

/// Every rule.
///
/// Source: Azure Resource Usage and RateCard APIs, the offers that each is for.
pub const OFFER_RULES: &[OfferRule] = &[
    rule("usage-not-csp", OfferApi::Usage, Programme::CloudSolutionProvider),
    rule("ratecard-not-csp", OfferApi::RateCard, Programme::CloudSolutionProvider),
    rule("ratecard-not-ea", OfferApi::RateCard, Programme::EnterpriseAgreement),
];

const fn rule(name: &'static str, api: OfferApi, programme: Programme) -> OfferRule {
    OfferRule { name, api, programme }
}

impl OfferRule {
    /// The rule of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        OFFER_RULES.iter().find(|rule| rule.name == name)
    }

    /// Whether it says something of this offer.
    #[must_use]
    pub fn is_of(&self, offer: &OfferId) -> bool {
        self.programme.has(offer)
    }
}

impl Programme {
    fn has(self, offer: &OfferId) -> bool {
        let plan = plan(offer);
        PLANS.iter().any(|(programme, plans)| *programme == self && plans.contains(&plan))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The rules that an offer falls under.
    fn check(offer: &str, expected: &str) {
        let offer = OfferId::parse(offer).unwrap();
        let rules = OFFER_RULES.iter().filter(|rule| rule.is_of(&offer));
        let names: Vec<_> = rules.map(|rule| rule.name).collect();
        assert_eq!(names.join(" "), expected, "{offer}");
    }

    #[test]
    fn partners_customers_have_neither_usage_nor_rate_card() {
        check("MS-AZR-0145P", "usage-not-csp ratecard-not-csp");
        check("MS-AZR-0146P", "usage-not-csp ratecard-not-csp");
        check("MS-AZR-USGOV-0145P", "usage-not-csp ratecard-not-csp");
        check("ms-azr-de-0145p", "usage-not-csp ratecard-not-csp");
    }

    #[test]
    fn enterprise_agreements_have_no_rate_card() {
        check("MS-AZR-0017P", "ratecard-not-ea");
        check("MS-AZR-0148P", "ratecard-not-ea");
        check("MS-AZR-USGOV-0017P", "ratecard-not-ea");
        check("MS-AZR-0017P-0001P", "ratecard-not-ea");
    }

    #[test]
    fn every_other_offer_has_every_api() {
        for offer in ["MS-AZR-0003P", "MS-AZR-0062P", "MS-AZR-USGOV-0003P", "MS-AZR-0041P"] {
            check(offer, "");
        }
        check("MY-CLOUD", "");
        check("MY-0145P", "");
    }

    #[test]
    fn a_rule_is_found_by_its_name() {
        for rule in OFFER_RULES {
            assert_eq!(OfferRule::named(rule.name), Some(rule));
        }
        assert_eq!(OfferRule::named("usage-not-ea"), None);
    }
}
