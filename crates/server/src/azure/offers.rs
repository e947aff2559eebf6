//! Offers that lack an API: a call on it is refused once it is known that whoever asks has the right,
//! by the offer that is in force now.

use accounts::Subscription;
use domain::offer::rule::{Lacks, OFFER_RULES, OfferApi, OfferRule};

use super::operation::NAMESPACES;
use crate::app::App;
use crate::error::ApiError;

/// Refuses a call on an API that the subscription's offer does not have.
pub(crate) fn require_api(
    app: &App,
    subscription: &Subscription,
    api: OfferApi,
) -> Result<(), ApiError> {
    let offer = subscription.facts_at((app.clock)().date()).offer;
    let in_force = |rule: &&OfferRule| !app.config.lifted_offer_rules.contains(rule);
    let rules = || OFFER_RULES.iter().filter(in_force).filter(|rule| rule.is_of(&offer));
    let Some(rule) = rules().find(|rule| rule.api == api) else { return Ok(()) };
    if rule.lacks == Lacks::Api {
        return Err(ApiError::OfferUnsupported { offer, rule });
    }
    let lacks_provider = || rules().filter(|rule| rule.lacks == Lacks::Provider);
    let is_closed = |name: &str| lacks_provider().any(|rule| namespace(rule.api) == name);
    let names = NAMESPACES.iter().map(|namespace| namespace.name);
    let permitted: Vec<_> = names.filter(|name| !is_closed(name)).collect();
    let (namespace, permitted) = (namespace(api), permitted.join(","));
    Err(ApiError::OfferLacksProvider { offer, rule, namespace, permitted })
}

/// The resource provider that an API is of.
fn namespace(api: OfferApi) -> &'static str {
    match api {
        OfferApi::Usage => super::usage_aggregates::OPERATION.namespace,
        OfferApi::RateCard => super::rate_card::OPERATION.namespace,
        OfferApi::Invoices => super::billing::invoices::OPERATION.namespace,
    }
}
