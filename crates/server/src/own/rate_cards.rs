//! Rate cards: imported by the administrator, each import a version that is kept for ever.

pub(crate) mod versions;

use std::sync::Arc;

use accounts::RateCardVersion;
use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::Response;
use domain::catalogue::RateCardKey;
use domain::id::{Country, Currency, Locale, OfferId};
use http::{HeaderMap, StatusCode};
use wire::own;
use wire::own::List;

use super::{parsed, required};
use crate::app::App;
use crate::azure::rate_card::answer;
use crate::catalogue::blocking;
use crate::error::ApiError;
use crate::exchange::{Asked, read_body};

/// Imports a rate card, in the form that Azure's RateCard call answers.
#[utoipa::path(post, path = "/tallyhouse/v1/rate-cards", tag = "Rate cards",
    params(
        ("offer" = String, Query, description = "Offer durable id"),
        ("currency" = String, Query, description = "ISO 4217 currency"),
        ("locale" = String, Query, description = "Locale of its names"),
        ("region" = String, Query, description = "ISO 3166 country"),
        ("repriceClosed" = Option<bool>, Query, description = "Whether its prices hold in billing periods that are closed, too, which then need adjustments; false if absent"),
    ),
    responses(
        (status = 201, description = "The version made", body = own::RateCardVersion),
        (status = 400, description = "The card or a parameter is wrong", body = wire::error::ErrorBody),
        (status = 403, description = "Not the administrator", body = wire::error::ErrorBody),
    )
)]
pub(crate) async fn import(
    State(app): State<Arc<App>>,
    asked: Asked,
    body: Body,
) -> Result<(StatusCode, Json<own::RateCardVersion>), ApiError> {
    let administrator = app.administrator(&asked)?;
    let given = |name| required(&asked, name);
    let key = card_key(given("offer")?, given("currency")?, given("locale")?, given("region")?)?;
    let reprice_closed = reprice_closed(&asked)?;
    let document = read_body(body).await?;
    let (card_key, card_text) = (key.clone(), document.clone());
    let card =
        blocking(move || wire::ratecard::parse(&card_text, card_key).map_err(ApiError::RateCard));
    let meters = card.await?.meters.len() as u64;
    let (by, now) = (administrator.object_id.to_string(), (app.clock)());
    let added = app.change(move |accounts| async move {
        let added = accounts.add_rate_card(&key, &document, meters, reprice_closed, &by, now).await;
        added.map_err(|error| ApiError::internal("adding a rate card", &error))
    });
    Ok((StatusCode::CREATED, Json(body_of(&added.await?))))
}

/// Whether a change of prices reaches billing periods that are closed, by the parameter of that name.
pub(super) fn reprice_closed(asked: &Asked) -> Result<bool, ApiError> {
    match asked.parameters.get("repriceClosed") {
        None | Some("false") => Ok(false),
        Some("true") => Ok(true),
        Some(_) => {
            let reason = "is true or false".to_owned();
            Err(ApiError::Parameter { name: "repriceClosed", reason })
        }
    }
}

/// Lists the rate cards on file, every version.
#[utoipa::path(get, path = "/tallyhouse/v1/rate-cards", tag = "Rate cards", responses(
    (status = 200, description = "In order of import", body = List<own::RateCardVersion>),
    (status = 403, description = "Not the administrator", body = wire::error::ErrorBody),
))]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    asked: Asked,
) -> Result<Json<List<own::RateCardVersion>>, ApiError> {
    app.administrator(&asked)?;
    let cards = app.accounts.rate_cards().await;
    let cards = cards.map_err(|error| ApiError::internal("reading rate cards", &error))?;
    Ok(Json(List { value: cards.iter().map(body_of).collect() }))
}

/// Shows the latest version of a rate card, in the form that Azure's RateCard call answers.
#[utoipa::path(get, path = "/tallyhouse/v1/rate-cards/{offer}/{currency}/{locale}/{region}",
    tag = "Rate cards",
    params(
        ("offer" = String, Path, description = "Offer durable id"),
        ("currency" = String, Path, description = "ISO 4217 currency"),
        ("locale" = String, Path, description = "Locale of its names"),
        ("region" = String, Path, description = "ISO 3166 country"),
    ),
    responses(
        (status = 200, description = "The rate card, in PascalCase", content_type = "application/json"),
        (status = 403, description = "Not the administrator", body = wire::error::ErrorBody),
        (status = 404, description = "No such rate card", body = wire::error::ErrorBody),
    )
)]
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    Path((offer, currency, locale, region)): Path<(String, String, String, String)>,
    headers: HeaderMap,
    asked: Asked,
) -> Result<Response, ApiError> {
    app.administrator(&asked)?;
    let key = card_key(&offer, &currency, &locale, &region)?;
    match app.card_answer(&key).await? {
        Some(card) => Ok(answer(&card, &headers)),
        None => Err(unknown(&key)),
    }
}

fn unknown(key: &RateCardKey) -> ApiError {
    let RateCardKey { offer, currency, locale, region } = key;
    let id = format!("{offer}/{currency}/{locale}/{region}");
    ApiError::NotFound { what: "rate card", id }
}

fn card_key(
    offer: &str,
    currency: &str,
    locale: &str,
    region: &str,
) -> Result<RateCardKey, ApiError> {
    Ok(RateCardKey {
        offer: parsed("offer", OfferId::parse(offer))?,
        currency: parsed("currency", Currency::parse(currency))?,
        locale: parsed("locale", Locale::parse(locale))?,
        region: parsed("region", Country::parse(region))?,
    })
}

fn body_of(version: &RateCardVersion) -> own::RateCardVersion {
    own::RateCardVersion {
        version: version.version,
        offer: version.key.offer.to_string(),
        currency: version.key.currency.to_string(),
        locale: version.key.locale.to_string(),
        region: version.key.region.to_string(),
        imported_at: version.imported_at.to_string(),
        imported_by: version.by.clone(),
        meters: version.meters,
        reprice_closed: version.reprice_closed,
    }
}
