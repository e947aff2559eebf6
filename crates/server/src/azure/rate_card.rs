//! `GET …/Microsoft.Commerce/RateCard`: the latest rate card of an offer, currency, locale and
//! region.

use std::sync::Arc;

use accounts::Action;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use domain::offer::rule::OfferApi;
use http::{HeaderMap, StatusCode, header};

use crate::app::App;
use crate::azure::enter;
use crate::azure::offers::require_api;
use crate::azure::operation::Operation;
use crate::catalogue::CardAnswer;
use crate::error::ApiError;
use crate::exchange::Asked;

/// Reading a rate card.
pub(super) const OPERATION: Operation = Operation {
    namespace: "Microsoft.Commerce",
    resource_type: "RateCard",
    versions: &["2015-06-01-preview", "2016-08-31-preview"],
    action: Action::RATE_CARD_READ,
};

/// The rate card of an offer, currency, locale and region.
#[utoipa::path(
    get,
    path = "/subscriptions/{subscriptionId}/providers/microsoft.commerce/ratecard",
    tag = "Azure",
    params(
        ("subscriptionId" = String, Path, description = "GUID of the subscription"),
        ("api-version" = String, Query, description = "2015-06-01-preview or 2016-08-31-preview"),
        ("$filter" = String, Query, description = "OfferDurableId eq '…' and Currency eq '…' and Locale eq '…' and RegionInfo eq '…'"),
    ),
    responses(
        (status = 200, description = "The rate card, in PascalCase", content_type = "application/json"),
        (status = 304, description = "The rate card is the one that If-None-Match names"),
        (status = 400, description = "The filter is wrong or selects none; or the subscription's offer has no rate card", body = wire::error::RateCardRefusal),
        (status = 401, description = "No valid token", body = wire::error::ErrorBody),
        (status = 403, description = "No right", body = wire::error::ErrorBody),
        (status = 404, description = "No such subscription", body = wire::error::ErrorBody),
    )
)]
pub(crate) async fn get(
    State(app): State<Arc<App>>,
    Path(subscription): Path<String>,
    headers: HeaderMap,
    asked: Asked,
) -> Result<Response, ApiError> {
    let subscription = enter(&app, &asked, &subscription, &OPERATION)?;
    require_api(&app, &subscription, OfferApi::RateCard)?;
    let filter = asked.parameters.get("$filter").ok_or(ApiError::RateCardQuery)?;
    let key = wire::ratecard::parse_filter(filter).map_err(|_| ApiError::RateCardQuery)?;
    let card = app.card_answer(&key).await?.ok_or(ApiError::RateCardQuery)?;
    Ok(answer(&card, &headers))
}

/// The card in the form that the client takes, or word that it has the card already.
pub(crate) fn answer(card: &CardAnswer, headers: &HeaderMap) -> Response {
    let listed = |name: header::HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let known = listed(header::IF_NONE_MATCH).is_some_and(|etags| {
        let strong = card.etag.trim_start_matches("W/");
        etags.split(',').any(|etag| {
            let etag = etag.trim();
            etag == "*" || etag.trim_start_matches("W/") == strong
        })
    });
    let common = [
        (header::ETAG, card.etag.clone()),
        (header::VARY, "accept-encoding".to_owned()),
        (header::CONTENT_TYPE, "application/json; charset=utf-8".to_owned()),
    ];
    if known {
        return (StatusCode::NOT_MODIFIED, common).into_response();
    }
    let takes_gzip = listed(header::ACCEPT_ENCODING).is_some_and(accepts_gzip);
    if takes_gzip {
        return (common, [(header::CONTENT_ENCODING, "gzip")], card.gzip.clone()).into_response();
    }
    (common, card.json.clone()).into_response()
}

fn accepts_gzip(encodings: &str) -> bool {
    encodings.split(',').any(|encoding| {
        let (name, quality) = encoding.split_once(';').unwrap_or((encoding, ""));
        let refused = quality.trim().trim_start_matches("q=").trim_start_matches("0.");
        let refused = quality.contains("q=0") && refused.bytes().all(|byte| byte == b'0');
        matches!(name.trim(), "gzip" | "x-gzip" | "*") && !refused
    })
}

#[cfg(test)]
mod tests {
    use super::accepts_gzip;

    #[test]
    fn gzip_is_sent_to_those_who_take_it() {
        for (encodings, expected) in [
            ("gzip, deflate", true),
            ("deflate, gzip;q=0.5", true),
            ("*", true),
            ("gzip;q=0", false),
            ("gzip;q=0.000", false),
            ("br", false),
            ("", false),
        ] {
            assert_eq!(accepts_gzip(encodings), expected, "{encodings}");
        }
    }
}
