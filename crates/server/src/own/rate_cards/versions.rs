//! Versions of rate cards: what each was as imported, and what it changed.

use std::sync::Arc;

use accounts::StoredRateCard;
use axum::Json;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use domain::card_diff::card_diff;
use domain::catalogue::RateCard;
use http::header;
use wire::own::{RateCardCounts, RateCardDiff, RateCardHistory, RateCardHistoryEntry};
use wire::text::Excerpt;

use super::{body_of, card_key, unknown};
use crate::app::App;
use crate::catalogue::{blocking, read_card};
use crate::error::ApiError;
use crate::exchange::Asked;
use crate::limits;
use crate::own::{parsed, required};

/// Lists the versions of a rate card, the latest first, with how much each changed.
#[utoipa::path(get, path = "/tallyhouse/v1/rate-cards/{offer}/{currency}/{locale}/{region}/history",
    tag = "Rate cards",
    params(
        ("offer" = String, Path, description = "Offer durable id"),
        ("currency" = String, Path, description = "ISO 4217 currency"),
        ("locale" = String, Path, description = "Locale of its names"),
        ("region" = String, Path, description = "ISO 3166 country"),
        ("before" = Option<u64>, Query, description = "Only versions with a lower number"),
    ),
    responses(
        (status = 200, description = "At most 100 versions", body = RateCardHistory),
        (status = 403, description = "Not the administrator", body = wire::error::ErrorBody),
        (status = 404, description = "No such rate card", body = wire::error::ErrorBody),
    )
)]
pub(crate) async fn history(
    State(app): State<Arc<App>>,
    Path((offer, currency, locale, region)): Path<(String, String, String, String)>,
    asked: Asked,
) -> Result<Json<RateCardHistory>, ApiError> {
    app.administrator(&asked)?;
    let key = card_key(&offer, &currency, &locale, &region)?;
    let before = asked.parameters.get("before").map(|text| version_number("before", text));
    let before = before.transpose()?.unwrap_or(u64::MAX);
    let versions = app.accounts.rate_cards().await;
    let mut versions =
        versions.map_err(|error| ApiError::internal("reading rate cards", &error))?;
    versions.retain(|version| version.key == key);
    if versions.is_empty() {
        return Err(unknown(&key));
    }
    versions.retain(|version| version.version < before);
    let cut = versions.len().saturating_sub(limits::CARD_VERSIONS_LISTED);
    let listed = versions.split_off(cut);
    let mut last = match versions.last() {
        Some(earlier) => {
            let document = stored(&app, earlier.version).await?;
            Some(blocking(move || read_card(&document)).await?)
        }
        None => None,
    };
    let earlier = listed.first().filter(|_| last.is_some()).map(|first| first.version);
    let mut value = Vec::with_capacity(listed.len());
    for version in listed {
        let document = stored(&app, version.version).await?;
        let earlier = last.take();
        let (card, changed) = blocking(move || {
            let card = read_card(&document)?;
            let changed = earlier.map(|earlier| counts(&earlier, &card)).transpose()?;
            Ok((card, changed))
        })
        .await?;
        value.push(RateCardHistoryEntry { version: body_of(&version), changed });
        last = Some(card);
    }
    value.reverse();
    Ok(Json(RateCardHistory { value, earlier }))
}

fn counts(earlier: &RateCard, later: &RateCard) -> Result<RateCardCounts, ApiError> {
    let diff = card_diff(earlier, later);
    let diff = diff.map_err(|error| ApiError::internal("comparing rate cards", &error))?;
    Ok(diff.counts().into())
}

/// Compares two versions of rate cards of one offer, currency and region.
///
/// A meter that a newer card does not have keeps its last price: it is listed as removed, and its
/// usage is priced as before.
#[utoipa::path(get, path = "/tallyhouse/v1/rate-cards/diff", tag = "Rate cards",
    params(
        ("from" = u64, Query, description = "Number of the version that is compared against"),
        ("to" = u64, Query, description = "Number of the version whose changes are asked for"),
    ),
    responses(
        (status = 200, description = "What changed", body = RateCardDiff),
        (status = 400, description = "They are of two offers, currencies or regions", body = wire::error::ErrorBody),
        (status = 403, description = "Not the administrator", body = wire::error::ErrorBody),
        (status = 404, description = "No such version", body = wire::error::ErrorBody),
    )
)]
pub(crate) async fn diff(
    State(app): State<Arc<App>>,
    asked: Asked,
) -> Result<Json<RateCardDiff>, ApiError> {
    app.administrator(&asked)?;
    let from = version_number("from", required(&asked, "from")?)?;
    let to = version_number("to", required(&asked, "to")?)?;
    let (from, to) = (stored(&app, from).await?, stored(&app, to).await?);
    blocking(move || {
        let (before, after) = (read_card(&from)?, read_card(&to)?);
        let diff = parsed("to", card_diff(&before, &after))?;
        Ok(Json(RateCardDiff::new(body_of(&from.version), body_of(&to.version), &diff)))
    })
    .await
}

/// Shows a version of a rate card, byte for byte as it was imported.
#[utoipa::path(get, path = "/tallyhouse/v1/rate-cards/versions/{version}", tag = "Rate cards",
    params(("version" = u64, Path, description = "Number of the version")),
    responses(
        (status = 200, description = "The rate card", content_type = "application/json"),
        (status = 403, description = "Not the administrator", body = wire::error::ErrorBody),
        (status = 404, description = "No such version", body = wire::error::ErrorBody),
    )
)]
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    Path(version): Path<String>,
    asked: Asked,
) -> Result<Response, ApiError> {
    app.administrator(&asked)?;
    let number = version.parse().map_err(|_| unknown_version(&version))?;
    let stored = stored(&app, number).await?;
    Ok(([(header::CONTENT_TYPE, "application/json")], stored.document).into_response())
}

fn version_number(name: &'static str, text: &str) -> Result<u64, ApiError> {
    let wrong = |_| format!("{} is not the number of a version", Excerpt::new(text));
    parsed(name, text.parse().map_err(wrong))
}

fn unknown_version(version: impl ToString) -> ApiError {
    ApiError::NotFound { what: "rate card version", id: version.to_string() }
}

async fn stored(app: &App, version: u64) -> Result<StoredRateCard, ApiError> {
    let stored = app.accounts.rate_card(version).await;
    let stored = stored.map_err(|error| ApiError::internal("reading a rate card", &error))?;
    stored.ok_or_else(|| unknown_version(version))
}
