//! Price overrides: a provider's own prices and markups, laid over rate cards for a time. They are
//! never changed; an override that should no longer hold is ended.

use std::sync::Arc;

use accounts::{AddPriceOverrideError, EndPriceOverrideError, NewPriceOverride};
use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use domain::decimal::{Percent, Quantity};
use domain::id::{Currency, MeterId, SubscriptionId, TenantId};
use domain::price_override::{OverrideId, OverridePrice, OverrideScope, OverrideTarget};
use http::StatusCode;
use wire::own::{List, PriceOverride, PriceOverrideCreate, PriceOverrideEnd};
use wire::text::Excerpt;

use super::cost::read_moment;
use super::{number, parsed, read_json};
use crate::app::App;
use crate::error::ApiError;
use crate::exchange::Asked;

/// Overrides prices for a time: with a markup, or with rates of one meter.
///
/// At any moment one override at most applies to a meter of a subscription: that of the narrowest
/// scope (subscription, tenant, installation), then of the narrowest target (meter, category, every
/// meter), then the one made last. An override leaves billing periods alone that are closed when it
/// is made, unless `repriceClosed` says otherwise.
#[utoipa::path(post, path = "/tallyhouse/v1/price-overrides", tag = "Prices",
    request_body = PriceOverrideCreate,
    responses(
        (status = 201, description = "The override", body = PriceOverride),
        (status = 400, description = "A member is wrong", body = wire::error::ErrorBody),
        (status = 403, description = "Not the administrator", body = wire::error::ErrorBody),
        (status = 404, description = "No such tenant or subscription", body = wire::error::ErrorBody),
    )
)]
pub(crate) async fn add(
    State(app): State<Arc<App>>,
    asked: Asked,
    body: Body,
) -> Result<(StatusCode, Json<PriceOverride>), ApiError> {
    let administrator = app.administrator(&asked)?;
    let new = new_override(&read_json(body).await?)?;
    let (by, now) = (administrator.object_id.to_string(), (app.clock)());
    let added = app.change(move |accounts| async move {
        accounts.add_price_override(new, &by, now).await.map_err(refusal)
    });
    Ok((StatusCode::CREATED, Json((&added.await?).into())))
}

/// Lists the price overrides, those that ended included, in the order in which they were made.
#[utoipa::path(get, path = "/tallyhouse/v1/price-overrides", tag = "Prices", responses(
    (status = 200, description = "Every override", body = List<PriceOverride>),
    (status = 403, description = "Not the administrator", body = wire::error::ErrorBody),
))]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    asked: Asked,
) -> Result<Json<List<PriceOverride>>, ApiError> {
    app.administrator(&asked)?;
    let overrides = app.accounts.price_overrides(app.directory().revision).await;
    let overrides = overrides.map_err(|error| ApiError::internal("reading overrides", &error))?;
    Ok(Json(List { value: overrides.iter().map(PriceOverride::from).collect() }))
}

/// Ends a price override earlier than it would end. The end leaves billing periods alone that are
/// closed when it is made, unless `repriceClosed` says otherwise.
#[utoipa::path(post, path = "/tallyhouse/v1/price-overrides/{id}/end", tag = "Prices",
    params(("id" = u64, Path, description = "Number of the override")),
    request_body = PriceOverrideEnd,
    responses(
        (status = 200, description = "The override with its end", body = PriceOverride),
        (status = 400, description = "The end is before its beginning, or not earlier than its end", body = wire::error::ErrorBody),
        (status = 403, description = "Not the administrator", body = wire::error::ErrorBody),
        (status = 404, description = "No such override", body = wire::error::ErrorBody),
    )
)]
pub(crate) async fn end(
    State(app): State<Arc<App>>,
    Path(id): Path<String>,
    asked: Asked,
    body: Body,
) -> Result<Json<PriceOverride>, ApiError> {
    let administrator = app.administrator(&asked)?;
    let unknown = || ApiError::NotFound { what: "price override", id: id.clone() };
    let number = OverrideId(id.parse().map_err(|_| unknown())?);
    let body: PriceOverrideEnd = read_json(body).await?;
    let until = read_moment("until", &body.until)?;
    let (by, now) = (administrator.object_id.to_string(), (app.clock)());
    let ended = app.change(move |accounts| async move {
        let ended = accounts.end_price_override(number, until, body.reprice_closed, &by, now).await;
        ended.map_err(end_refusal)
    });
    Ok(Json((&ended.await?).into()))
}

fn end_refusal(error: EndPriceOverrideError) -> ApiError {
    match error {
        EndPriceOverrideError::NotFound(id) => {
            ApiError::NotFound { what: "price override", id: id.0.to_string() }
        }
        EndPriceOverrideError::BeforeItBegins { .. } | EndPriceOverrideError::NotEarlier { .. } => {
            ApiError::Parameter { name: "until", reason: error.to_string() }
        }
        EndPriceOverrideError::Storage(error) => ApiError::internal("ending an override", &error),
    }
}

fn new_override(body: &PriceOverrideCreate) -> Result<NewPriceOverride, ApiError> {
    Ok(NewPriceOverride {
        scope: scope(body)?,
        target: target(body)?,
        from: read_moment("from", &body.from)?,
        until: body.until.as_deref().map(|until| read_moment("until", until)).transpose()?,
        price: price(body)?,
        reprice_closed: body.reprice_closed,
    })
}

fn wrong(name: &'static str, reason: impl Into<String>) -> ApiError {
    ApiError::Parameter { name, reason: reason.into() }
}

fn scope(body: &PriceOverrideCreate) -> Result<OverrideScope, ApiError> {
    match (body.scope.as_str(), body.tenant_id.as_deref(), body.subscription_id.as_deref()) {
        ("installation", None, None) => Ok(OverrideScope::Installation),
        ("tenant", Some(id), None) => {
            Ok(OverrideScope::Tenant(parsed("tenantId", TenantId::parse(id))?))
        }
        ("subscription", None, Some(id)) => {
            let id = parsed("subscriptionId", SubscriptionId::parse(id))?;
            Ok(OverrideScope::Subscription(id))
        }
        ("tenant", None, _) => Err(wrong("tenantId", "is required for the scope tenant")),
        ("subscription", _, None) => {
            Err(wrong("subscriptionId", "is required for the scope subscription"))
        }
        ("installation" | "subscription", Some(_), _) => {
            Err(wrong("tenantId", "goes with the scope tenant alone"))
        }
        ("installation" | "tenant", _, Some(_)) => {
            Err(wrong("subscriptionId", "goes with the scope subscription alone"))
        }
        (other, _, _) => {
            let other = Excerpt::new(other);
            Err(wrong("scope", format!("is installation, tenant or subscription, not {other}")))
        }
    }
}

fn target(body: &PriceOverrideCreate) -> Result<OverrideTarget, ApiError> {
    match (body.meter_id.as_deref(), body.category.as_deref()) {
        (None, None) => Ok(OverrideTarget::EveryMeter),
        (None, Some(name)) => Ok(OverrideTarget::Category(name.into())),
        (Some(id), None) => Ok(OverrideTarget::Meter(parsed("meterId", MeterId::parse(id))?)),
        (Some(_), Some(_)) => Err(wrong("category", "does not go with meterId")),
    }
}

fn price(body: &PriceOverrideCreate) -> Result<OverridePrice, ApiError> {
    match (&body.markup, &body.rates) {
        (Some(_), Some(_)) => Err(wrong("rates", "do not go with markup")),
        (None, None) => Err(wrong("markup", "is required, or rates are")),
        (Some(_), None) if body.currency.is_some() => {
            Err(wrong("currency", "goes with rates alone"))
        }
        (Some(_), None) if body.included_quantity.is_some() => {
            Err(wrong("includedQuantity", "goes with rates alone"))
        }
        (Some(percent), None) => {
            Ok(OverridePrice::Markup(number("markup", percent, Percent::parse)?))
        }
        (None, Some(rates)) => {
            if body.meter_id.is_none() {
                return Err(wrong("rates", "go with meterId alone: they are prices of one meter"));
            }
            let currency = body.currency.as_deref();
            let currency = currency.ok_or_else(|| wrong("currency", "is required with rates"))?;
            let included = body.included_quantity.as_ref();
            let included = included.map(|text| number("includedQuantity", text, Quantity::parse));
            Ok(OverridePrice::Rates {
                currency: parsed("currency", Currency::parse(currency))?,
                tiers: parsed("rates", rates.tiers())?,
                included: included.transpose()?.unwrap_or(Quantity::ZERO),
            })
        }
    }
}

fn refusal(error: AddPriceOverrideError) -> ApiError {
    let named = |name, error: &AddPriceOverrideError| wrong(name, error.to_string());
    match error {
        AddPriceOverrideError::NoSuchTenant(id) => {
            ApiError::NotFound { what: "tenant", id: id.to_string() }
        }
        AddPriceOverrideError::NoSuchSubscription(id) => {
            ApiError::SubscriptionNotFound(id.to_string())
        }
        AddPriceOverrideError::OtherCurrency { .. } => named("currency", &error),
        AddPriceOverrideError::Category(_) => named("category", &error),
        AddPriceOverrideError::EmptyValidity => named("until", &error),
        AddPriceOverrideError::Markup(_) => named("markup", &error),
        AddPriceOverrideError::TooManyTiers(_) | AddPriceOverrideError::TooLarge => {
            named("rates", &error)
        }
        AddPriceOverrideError::NegativeIncluded(_) => named("includedQuantity", &error),
        AddPriceOverrideError::TooMany => ApiError::LimitReached(error.to_string()),
        AddPriceOverrideError::Storage(error) => ApiError::internal("adding an override", &error),
    }
}
