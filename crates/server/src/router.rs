//! Every route, on one page. Paths are lower case here: requests are folded before they are matched.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock};

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware::{from_fn, from_fn_with_state};
use axum::routing::{MethodFilter, any, get, on, post};
use http::Method;
use utoipa::OpenApi;
use utoipa::openapi::RefOr;
use utoipa::openapi::path::ParameterIn;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::app::App;
use crate::{azure, discovery, exchange, graph, guard, health, metrics, own, token_endpoint};

/// What the OpenAPI document says of itself.
///
/// The calls that it lists by path are routed by `azure::authorization::below_subscription`: their
/// scopes have any depth.
#[derive(OpenApi)]
#[openapi(
    info(
        title = "Tallyhouse",
        description = "A self-hosted billing server that speaks Azure's billing APIs. Every call \
                       but health and discovery needs a bearer token. Paths match in any case. \
                       Errors have ARM's form: {\"error\":{\"code\",\"message\"}}."
    ),
    paths(
        azure::authorization::role_assignments::list,
        azure::authorization::role_assignments::show,
        azure::authorization::role_assignments::put,
        azure::authorization::role_assignments::remove,
        azure::authorization::role_definitions::list,
        azure::authorization::role_definitions::show,
        azure::authorization::role_definitions::put,
        azure::authorization::role_definitions::remove,
        azure::authorization::permissions::list,
    )
)]
struct Document;

/// The calls that the OpenAPI document describes; each handler's attribute holds its path.
fn documented() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::with_openapi(Document::openapi())
        // Azure's wire.
        .routes(routes!(azure::metadata::show))
        .routes(routes!(azure::tenants::list))
        .routes(routes!(azure::subscriptions::list))
        .routes(routes!(azure::subscriptions::show))
        .routes(routes!(azure::resource_groups::list))
        .routes(routes!(azure::resource_groups::show, azure::resource_groups::exists))
        .routes(routes!(azure::providers::list))
        .routes(routes!(azure::providers::show))
        .routes(routes!(azure::providers::list_of_subscription))
        .routes(routes!(azure::providers::show_of_subscription))
        .routes(routes!(azure::providers::register))
        .routes(routes!(azure::providers::unregister))
        .routes(routes!(azure::usage_aggregates::list))
        .routes(routes!(azure::rate_card::get))
        .routes(routes!(azure::consumption::usage_details::list))
        .routes(routes!(azure::consumption::usage_details::list_of_group))
        .routes(routes!(azure::consumption::usage_details::list_of_period))
        .routes(routes!(azure::consumption::price_sheet::show))
        .routes(routes!(azure::consumption::price_sheet::show_of_period))
        .routes(routes!(azure::billing::periods::list))
        .routes(routes!(azure::billing::periods::show))
        .routes(routes!(azure::billing::invoices::list))
        .routes(routes!(azure::billing::invoices::show))
        .routes(routes!(azure::billing::accounts::list_operations))
        .routes(routes!(azure::billing::accounts::list_enrollment_accounts))
        .routes(routes!(azure::billing::accounts::list_billing_accounts))
        .routes(routes!(azure::billing::accounts::list_invoices))
        .routes(routes!(azure::stack::list))
        .routes(routes!(azure::stack::list_by_older_path))
        .routes(routes!(azure::retail::list))
        .routes(routes!(azure::cost_management::query::ask))
        .routes(routes!(azure::cost_management::query::ask_of_group))
        // Microsoft Graph.
        .routes(routes!(graph::list))
        .routes(routes!(graph::get_by_ids))
        // Health.
        .routes(routes!(health::live))
        .routes(routes!(health::ready))
        .routes(routes!(metrics::show))
        .merge(own_calls())
}

/// Those of our own API, /tallyhouse/v1.
fn own_calls() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(own::ingest::post_events))
        .routes(routes!(own::ingest::post_usage_aggregates))
        .routes(routes!(own::imports::post_imports))
        .routes(routes!(own::corrections::correct))
        .routes(routes!(own::subscriptions::list, own::subscriptions::create))
        .routes(routes!(own::subscriptions::show, own::subscriptions::changes::update))
        .routes(routes!(own::subscriptions::changes::suspend))
        .routes(routes!(own::subscriptions::changes::resume))
        .routes(routes!(own::subscriptions::changes::cancel))
        .routes(routes!(own::subscriptions::changes::history))
        .routes(routes!(
            own::keeping::show_retention,
            own::keeping::set_retention,
            own::keeping::clear_retention
        ))
        .routes(routes!(own::keeping::show_hold, own::keeping::set_hold, own::keeping::lift_hold))
        .routes(routes!(own::erasures::list, own::erasures::begin))
        .routes(routes!(own::erasures::show))
        .routes(routes!(own::resource_groups::list))
        .routes(routes!(own::resource_groups::set_tags))
        .routes(routes!(own::cost::show))
        .routes(routes!(own::cost::all::show_all))
        .routes(routes!(own::cost::explain::show))
        .routes(routes!(own::cost::compare::show))
        .routes(routes!(own::export::focus))
        .routes(routes!(own::rate_cards::list, own::rate_cards::import))
        .routes(routes!(own::rate_cards::show))
        .routes(routes!(own::rate_cards::versions::history))
        .routes(routes!(own::rate_cards::versions::diff))
        .routes(routes!(own::rate_cards::versions::show))
        .routes(routes!(own::price_overrides::list, own::price_overrides::add))
        .routes(routes!(own::price_overrides::end))
        .routes(routes!(own::meter_aliases::list, own::meter_aliases::add))
        .routes(routes!(own::meter_aliases::remove))
        .routes(routes!(own::roles::list, own::roles::assign))
        .routes(routes!(own::roles::remove))
        .routes(routes!(own::service_principals::list, own::service_principals::create))
        .routes(routes!(own::service_principals::rotate))
        .routes(routes!(own::service_principals::delete))
        .routes(routes!(own::tokens::issue))
        .routes(routes!(own::tokens::rotate_administrator))
        .routes(routes!(own::audit_log::list))
        .routes(routes!(own::ledger::seal))
        .routes(routes!(own::ledger::compact))
        .routes(routes!(own::backup::verify))
        .routes(routes!(own::backup::take))
}

/// The whole router.
pub(crate) fn router(app: &Arc<App>) -> Router {
    let (router, _) = documented().split_for_parts();
    let change = MethodFilter::PUT.or(MethodFilter::PATCH).or(MethodFilter::DELETE);
    router
        .route(
            "/subscriptions/{subscriptionId}/resourcegroups/{resourceGroupName}",
            on(change, azure::resource_groups::refuse_change),
        )
        .route("/tallyhouse/v1/openapi.json", get(own::openapi))
        .route("/{tenant}/.well-known/openid-configuration", get(discovery::document))
        .route("/{tenant}/v2.0/.well-known/openid-configuration", get(discovery::document))
        .route("/{tenant}/discovery/v2.0/keys", get(discovery::keys))
        .route(
            "/subscriptions/{subscriptionId}/{*below}",
            any(azure::authorization::below_subscription),
        )
        .route("/common/discovery/instance", get(discovery::instance))
        .route("/{tenant}/oauth2/v2.0/token", post(token_endpoint::version_2))
        .route("/{tenant}/oauth2/token", post(token_endpoint::version_1))
        .route("/{tenant}/oauth2/v2.0/authorize", get(token_endpoint::authorize))
        .route("/{tenant}/oauth2/authorize", get(token_endpoint::authorize))
        .fallback(azure::unknown::path)
        .method_not_allowed_fallback(azure::unknown::method)
        .layer(DefaultBodyLimit::disable()) // exchange::read_body has the limit
        .layer(from_fn(guard::guard))
        .layer(from_fn_with_state(Arc::clone(app), exchange::frame))
        .with_state(Arc::clone(app))
}

/// The OpenAPI document, as pretty JSON.
///
/// # Panics
/// Never: a document made from types can be written.
#[must_use]
pub fn openapi() -> String {
    let (_, document) = documented().split_for_parts();
    document.to_pretty_json().expect("a document made from types can be written")
}

/// The paths of the calls that the OpenAPI document describes.
#[cfg(test)]
pub(crate) fn documented_paths() -> Vec<String> {
    documented().split_for_parts().1.paths.paths.into_keys().collect()
}

/// The query parameters that the OpenAPI document has for a call of our own API, by the path as it is
/// routed; none if it is no such call.
pub(crate) fn query_parameters(path: &str, method: &Method) -> Option<&'static [String]> {
    static KNOWN: LazyLock<HashMap<(String, Method), Vec<String>>> = LazyLock::new(|| {
        let (_, document) = documented().split_for_parts();
        let mut known = HashMap::new();
        for (path, item) in document.paths.paths {
            let operations = [
                (Method::GET, item.get),
                (Method::POST, item.post),
                (Method::PUT, item.put),
                (Method::PATCH, item.patch),
                (Method::DELETE, item.delete),
            ];
            for (method, operation) in operations {
                let Some(operation) = operation else { continue };
                let parameters = operation.parameters.unwrap_or_default().into_iter();
                let written = parameters.filter_map(|one| match one {
                    RefOr::T(parameter) => Some(parameter),
                    RefOr::Ref(_) => None, // handlers write their parameters out
                });
                let query = written.filter(|one| one.parameter_in == ParameterIn::Query);
                known.insert((path.clone(), method), query.map(|one| one.name).collect());
            }
        }
        known
    });
    let own = path.starts_with("/tallyhouse/v1/");
    let known = KNOWN.get(&(path.to_owned(), method.clone())).filter(|_| own);
    known.map(Vec::as_slice)
}
