//! `GET /api/retail/prices`: the list prices of one offer's rate card, without a token.
//!
//! It is off unless the setting `retail_offer` names the offer whose prices anybody may know. What is
//! agreed with tenants and subscriptions is never in it: overrides and markups are left out.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use domain::book::{Book, ListedMeter, PriceList};
use domain::catalogue::RateCardKey;
use domain::decimal::OutOfRange;
use domain::id::{Currency, MeterId, OfferId};
use domain::period::{AnchorDay, BillingPeriod};
use domain::region;
use domain::time::UtcTime;
use http::Uri;
use tokio::sync::Semaphore;
use wire::retail::{PriceField, RetailPrice, RetailRequest, write_page};

use crate::app::App;
use crate::azure::json;
use crate::catalogue::blocking;
use crate::directory::Directory;
use crate::error::ApiError;
use crate::exchange::Asked;
use crate::limits;

/// Questions worked on at a time: whoever asks is not known.
static TURNS: Semaphore = Semaphore::const_new(limits::RETAIL_QUESTIONS);

/// List prices of the offer that the setting retail_offer names; 404 without it.
#[utoipa::path(
    get,
    path = "/api/retail/prices",
    tag = "Azure",
    params(
        ("currencyCode" = Option<String>, Query, description = "'USD' if absent"),
        ("$filter" = Option<String>, Query, description = "serviceName, meterName, skuName, productName, armSkuName, armRegionName, location, priceType and others, with eq, ne, contains, startswith, endswith, and, or, not"),
        ("$top" = Option<u32>, Query, description = "Most items of the page, at most 1000"),
        ("$skip" = Option<u32>, Query, description = "How many items come before the page"),
    ),
    responses(
        (status = 200, description = "A page of prices", content_type = "application/json"),
        (status = 400, description = "A parameter is wrong", body = wire::error::ErrorBody),
        (status = 404, description = "There are no retail prices, or none in the currency", body = wire::error::ErrorBody),
    )
)]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    uri: Uri,
    asked: Asked,
) -> Result<Response, ApiError> {
    let off = || ApiError::NoRoute(uri.path().to_owned());
    let offer = app.config.retail_offer.clone().ok_or_else(off)?;
    let request = RetailRequest::from_parameters(&asked.parameters, limits::RETAIL_PAGE_ITEMS);
    let request = request.map_err(ApiError::CostRequest)?;
    let _turn = TURNS.acquire().await.expect("the semaphore is never closed");
    let directory = app.directory();
    let key = card(&directory, &offer, &request.currency).ok_or_else(|| ApiError::NotFound {
        what: "rate card",
        id: format!("{offer} in {}", request.currency),
    })?;
    let list = app.price_list(key, &directory, directory.revision).await?;
    let now = (app.clock)();
    let body = blocking(move || {
        let prices = prices(&list, now).map_err(|error| ApiError::Rate(error.into()))?;
        Ok(write_page(&prices, &request, &asked.parameters, &asked.origin))
    })
    .await?;
    Ok(json(body))
}

/// The card of an offer and currency: that of the United States, else of the first country; in English,
/// else in its latest language.
fn card(directory: &Directory, offer: &OfferId, currency: &Currency) -> Option<RateCardKey> {
    let keys: Vec<_> = directory.cards_of(offer, currency).collect();
    let of_us = keys.iter().filter(|key| key.region.as_str() == "US");
    let region = of_us.chain(&keys).next()?.region.clone();
    let of_region = keys.into_iter().filter(|key| key.region == region);
    let of_region: Vec<_> = of_region.collect();
    let in_english = of_region.iter().find(|key| key.locale.as_str() == "en-US");
    in_english.or(of_region.last()).map(|key| (*key).clone())
}

/// A price for each tier of each meter that has a price now, in order of meter and bound.
fn prices(list: &Arc<PriceList>, now: UtcTime) -> Result<Vec<RetailPrice>, OutOfRange> {
    let book = Book::of(Arc::clone(list));
    let month = BillingPeriod::containing(now, AnchorDay::FIRST);
    let mut prices = Vec::new();
    for (id, meter) in list.meters() {
        let of_meter = book.prices(*id, month)?;
        let Ok(version) = of_meter.at(now) else { continue };
        let texts = texts(meter);
        let tiers = version.tiers.as_slice().iter();
        prices.extend(tiers.map(|tier| price(*id, tier, version.effective, &texts)));
    }
    Ok(prices)
}

fn price(
    meter: MeterId,
    tier: &domain::catalogue::Tier,
    effective: UtcTime,
    texts: &[(PriceField, String)],
) -> RetailPrice {
    let (tier_minimum, rate) = (tier.from, tier.rate);
    RetailPrice { meter, tier_minimum, rate, effective, texts: texts.to_vec() }
}

/// What a card says of a meter, in the words of the retail prices.
fn texts(meter: &ListedMeter) -> Vec<(PriceField, String)> {
    let (description, sku) = (&meter.description, &meter.sku);
    let place = sku.arm_region_name.as_deref().or(description.region.as_deref());
    let found = place.and_then(region::find);
    let service = sku.service.as_deref().or(description.category.as_deref());
    let of_subcategory = description.subcategory.as_deref().filter(|text| !text.is_empty());
    let product = sku.product.as_deref().or(of_subcategory).or(service);
    let kind = if sku.reservation_term.is_some() { "Reservation" } else { "Consumption" };
    let texts = [
        (
            PriceField::ArmRegionName,
            found.map(|region| region.id).or(sku.arm_region_name.as_deref()),
        ),
        (PriceField::ArmSkuName, sku.arm_sku_name.as_deref()),
        (PriceField::Location, description.region.as_deref().or(found.map(|region| region.name))),
        (PriceField::MeterName, description.name.as_deref()),
        (PriceField::PriceType, Some(kind)),
        (PriceField::ProductName, product),
        (PriceField::ReservationTerm, sku.reservation_term.as_deref()),
        (PriceField::ServiceName, service),
        (PriceField::SkuName, sku.arm_sku_name.as_deref().or(description.name.as_deref())),
        (PriceField::UnitOfMeasure, description.unit.as_deref()),
    ];
    let present = texts.into_iter().filter_map(|(field, text)| Some((field, text?.to_owned())));
    present.collect()
}
