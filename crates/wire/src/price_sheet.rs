//! The price sheet of `Microsoft.Consumption`: what a subscription pays for a unit of each meter.
//!
//! Source: Azure Consumption, pricesheets/default, api-versions 2018-01-31 to 2024-08-01.

use domain::decimal::{Quantity, UnitPrice};
use domain::id::{Currency, MeterId, OfferId};
use domain::record::MeterDescription;
use serde::Serialize;

use crate::cost_request::CostRequestError;
use crate::exact::Exact;
use crate::query::Parameters;

/// A meter on the sheet.
#[derive(Debug, Clone)]
pub struct SheetPrice {
    /// The meter.
    pub meter: MeterId,
    /// Its names.
    pub description: MeterDescription,
    /// The service that it belongs to, where the rate card says so.
    pub service: Option<String>,
    /// Quantity that is free in each billing period.
    pub included: Quantity,
    /// Price of each unit in the lowest tier.
    pub rate: UnitPrice,
    /// The same on the rate card, without the subscription's own markup.
    pub list_rate: UnitPrice,
}

/// A page of the sheet.
#[derive(Debug)]
pub struct SheetPage<'a> {
    /// Resource id of the billing period.
    pub billing_period: &'a str,
    /// The currency of every price.
    pub currency: &'a Currency,
    /// The offer that prices come from.
    pub offer: &'a OfferId,
    /// The meters, in order of id.
    pub prices: &'a [SheetPrice],
    /// The link to the next page.
    pub next_link: Option<String>,
}

#[derive(Serialize)]
struct Body<'a> {
    id: String,
    name: &'static str,
    #[serde(rename = "type")]
    kind: &'static str,
    tags: Option<()>,
    properties: Properties<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Properties<'a> {
    next_link: Option<&'a str>,
    download: Option<()>,
    pricesheets: Vec<Price<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Price<'a> {
    billing_period_id: &'a str,
    meter_id: String,
    meter_name: Option<&'a str>,
    unit_of_measure: Option<&'a str>,
    included_quantity: Exact,
    part_number: &'static str,
    unit_price: Exact,
    currency_code: &'a str,
    offer_id: &'a str,
    meter_details: Option<MeterDetails<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct MeterDetails<'a> {
    meter_name: Option<&'a str>,
    meter_category: Option<&'a str>,
    meter_sub_category: Option<&'a str>,
    meter_location: Option<&'a str>,
    unit: Option<&'a str>,
    total_included_quantity: Exact,
    pretax_standard_rate: Exact,
    service_name: Option<&'a str>,
}

/// Whether meters are described, by `$expand`.
///
/// # Errors
/// [`CostRequestError`] if something else is to be expanded.
pub fn expands_meters(parameters: &Parameters) -> Result<bool, CostRequestError> {
    let names = parameters.get("$expand").unwrap_or_default().split(['|', ',']).map(str::trim);
    let mut expands = false;
    for name in names.filter(|name| !name.is_empty()) {
        match name.to_ascii_lowercase().as_str() {
            "meterdetails" | "properties/meterdetails" | "properties/pricesheets/meterdetails" => {
                expands = true;
            }
            _ => {
                return Err(CostRequestError::value("$expand", name, "properties/meterDetails"));
            }
        }
    }
    Ok(expands)
}

/// Writes a page.
#[must_use]
pub fn write_page(page: &SheetPage<'_>, expands_meters: bool) -> Vec<u8> {
    let prices = page.prices.iter().map(|price| page.price(price, expands_meters));
    let body = Body {
        id: format!("{}/providers/Microsoft.Consumption/pricesheets/default", page.billing_period),
        name: "default",
        kind: "Microsoft.Consumption/pricesheets",
        tags: None,
        properties: Properties {
            next_link: page.next_link.as_deref(),
            download: None,
            pricesheets: prices.collect(),
        },
    };
    serde_json::to_vec(&body).expect("a page of texts and numbers is JSON")
}

impl SheetPage<'_> {
    fn price<'a>(&'a self, price: &'a SheetPrice, expands_meters: bool) -> Price<'a> {
        let description = &price.description;
        Price {
            billing_period_id: self.billing_period,
            meter_id: price.meter.to_string(),
            meter_name: description.name.as_deref(),
            unit_of_measure: description.unit.as_deref(),
            included_quantity: Exact::new(price.included),
            part_number: "", // cards have none
            unit_price: Exact::new(price.rate),
            currency_code: self.currency.as_str(),
            offer_id: self.offer.as_str(),
            meter_details: expands_meters.then(|| MeterDetails {
                meter_name: description.name.as_deref(),
                meter_category: description.category.as_deref(),
                meter_sub_category: description.subcategory.as_deref(),
                meter_location: description.region.as_deref(),
                unit: description.unit.as_deref(),
                total_included_quantity: Exact::new(price.included),
                pretax_standard_rate: Exact::new(price.list_rate),
                service_name: price.service.as_deref(),
            }),
        }
    }
}
