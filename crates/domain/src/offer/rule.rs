//! Offer rules: which API subscriptions under which offers do not have. One table, of which an operator
//! may lift any rule; an offer of no programme below has every API.

use super::plan;
use crate::id::OfferId;

/// A programme by which Microsoft sells Azure other than to a web customer directly.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Programme {
    /// Enterprise Agreement (EA), its Dev/Test offer included.
    EnterpriseAgreement,
    /// Microsoft Customer Agreement (MCA), whose offers are called Azure plans.
    CustomerAgreement,
    /// Cloud Solution Provider (CSP): a partner bills the customer.
    CloudSolutionProvider,
    /// Azure in Open Licensing (AIO).
    OpenLicensing,
    /// Azure Germany, a cloud of its own.
    Germany,
}

/// The plans of each programme, in every cloud; a dash at the end stands for every plan of a cloud.
///
/// Source: Azure Cost Management, "Microsoft Azure offer types", with its offers that are not supported
/// yet; for plan 0146P Partner Center, "Set up a sandbox account".
const PLANS: &[(Programme, &[&str])] = &[
    (Programme::EnterpriseAgreement, &["MS-AZR-0017P", "MS-AZR-0148P", "MS-AZR-USGOV-0017P"]),
    (Programme::CustomerAgreement, &["MS-AZR-0017G", "MS-AZR-0148G"]),
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
    (Programme::OpenLicensing, &["MS-AZR-0111P"]),
    (Programme::Germany, &["MS-AZR-DE-"]),
];

/// An API that some offers do not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OfferApi {
    /// Usage aggregates.
    Usage,
    /// The rate card.
    RateCard,
    /// Invoices.
    Invoices,
}

/// What a rule keeps from subscriptions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lacks {
    /// The resource provider as a whole does not know such subscriptions.
    Provider,
    /// The API does not support such offers.
    Api,
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
    /// How far that goes.
    pub lacks: Lacks,
}

/// Every rule. Where several keep an API from an offer, the first is named.
///
/// Source: Azure Resource Usage, RateCard and Invoice APIs, the offers that each is for; that Azure
/// plans have no invoices there is an answer of the live service (github.com/Azure/azure-cli, issue
/// 8378).
pub const OFFER_RULES: &[OfferRule] = &[
    rule("usage-not-csp", OfferApi::Usage, Programme::CloudSolutionProvider, Lacks::Provider),
    rule("ratecard-not-csp", OfferApi::RateCard, Programme::CloudSolutionProvider, Lacks::Provider),
    rule("ratecard-not-ea", OfferApi::RateCard, Programme::EnterpriseAgreement, Lacks::Provider),
    rule("invoices-not-csp", OfferApi::Invoices, Programme::CloudSolutionProvider, Lacks::Provider),
    rule("invoices-not-ea", OfferApi::Invoices, Programme::EnterpriseAgreement, Lacks::Api),
    rule("invoices-not-mca", OfferApi::Invoices, Programme::CustomerAgreement, Lacks::Api),
    rule("invoices-not-aio", OfferApi::Invoices, Programme::OpenLicensing, Lacks::Api),
    rule("invoices-not-germany", OfferApi::Invoices, Programme::Germany, Lacks::Api),
];

const fn rule(name: &'static str, api: OfferApi, programme: Programme, lacks: Lacks) -> OfferRule {
    OfferRule { name, api, programme, lacks }
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
        let is_of = |known: &str| known == plan || known.ends_with('-') && plan.starts_with(known);
        PLANS.iter().any(|(programme, plans)| *programme == self && plans.iter().any(|p| is_of(p)))
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
    fn partners_customers_have_none_of_the_apis() {
        let none = "usage-not-csp ratecard-not-csp invoices-not-csp";
        check("MS-AZR-0145P", none);
        check("MS-AZR-0146P", none);
        check("MS-AZR-USGOV-0145P", none);
        check("ms-azr-de-0145p", &format!("{none} invoices-not-germany"));
    }

    #[test]
    fn enterprise_agreements_have_neither_rate_card_nor_invoices() {
        let usage_alone = "ratecard-not-ea invoices-not-ea";
        check("MS-AZR-0017P", usage_alone);
        check("MS-AZR-0148P", usage_alone);
        check("MS-AZR-USGOV-0017P", usage_alone);
        check("MS-AZR-0017P-0001P", usage_alone);
    }

    #[test]
    fn azure_plans_open_licensing_and_germany_have_no_invoices() {
        check("MS-AZR-0017G", "invoices-not-mca");
        check("MS-AZR-0148G", "invoices-not-mca");
        check("MS-AZR-0111P", "invoices-not-aio");
        check("MS-AZR-DE-0003P", "invoices-not-germany");
        check("MS-AZR-DE-0044P", "invoices-not-germany");
    }

    #[test]
    fn every_other_offer_has_every_api() {
        for offer in ["MS-AZR-0003P", "MS-AZR-0062P", "MS-AZR-USGOV-0003P", "MS-AZR-0041P"] {
            check(offer, "");
        }
        check("MY-CLOUD", "");
        check("MY-0145P", "");
        check("MS-AZR-DEV", "");
    }

    #[test]
    fn a_rule_is_found_by_its_name() {
        for rule in OFFER_RULES {
            assert_eq!(OfferRule::named(rule.name), Some(rule));
        }
        assert_eq!(OfferRule::named("usage-not-ea"), None);
    }
}
