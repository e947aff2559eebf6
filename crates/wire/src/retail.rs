//! Azure's Retail Prices API on a rate card: list prices without a token, so that price tools can be
//! pointed here.
//!
//! An item is one tier of one meter. Names are compared without case.
//!
//! Source: Azure Retail Prices, `/api/retail/prices`, api-version 2023-01-01-preview.

mod filter;

pub use filter::{PriceField, PriceFilter};

use domain::decimal::{Quantity, UnitPrice};
use domain::id::{Currency, MeterId};
use domain::time::UtcTime;
use serde::Serialize;

use crate::cost_request::CostRequestError;
use crate::exact::Exact;
use crate::query::{self, Parameters};

/// The currency of whoever asks for none.
const DEFAULT_CURRENCY: &str = "USD";

/// What a client asks for.
#[derive(Debug, Clone)]
pub struct RetailRequest {
    /// In which currency.
    pub currency: Currency,
    /// Which prices; none for all.
    pub filter: Option<PriceFilter>,
    /// How many items come before the page.
    pub skip: usize,
    /// Most items of the page.
    pub top: usize,
}

/// A price that anybody may know.
#[derive(Debug, Clone)]
pub struct RetailPrice {
    /// The meter.
    pub meter: MeterId,
    /// Lower bound of the tier.
    pub tier_minimum: Quantity,
    /// Price of each unit in it.
    pub rate: UnitPrice,
    /// From when it applies.
    pub effective: UtcTime,
    /// The texts, by field.
    pub texts: Vec<(PriceField, String)>,
}

#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct Body<'a> {
    billing_currency: &'a str,
    customer_entity_id: &'static str,
    customer_entity_type: &'static str,
    items: Vec<Item<'a>>,
    next_page_link: Option<String>,
    count: usize,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Item<'a> {
    currency_code: &'a str,
    tier_minimum_units: Exact,
    retail_price: Exact,
    unit_price: Exact,
    arm_region_name: &'a str,
    location: &'a str,
    effective_start_date: String,
    meter_id: String,
    meter_name: &'a str,
    product_id: &'a str,
    sku_id: &'a str,
    availability_id: Option<()>,
    product_name: &'a str,
    sku_name: &'a str,
    service_name: &'a str,
    service_id: &'a str,
    service_family: &'a str,
    unit_of_measure: &'a str,
    #[serde(rename = "type")]
    kind: &'a str,
    is_primary_meter_region: bool,
    arm_sku_name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reservation_term: Option<&'a str>,
}

impl RetailRequest {
    /// Reads the parameters. Those that are not known are let pass.
    ///
    /// # Errors
    /// [`CostRequestError`] with the first that is wrong.
    pub fn from_parameters(parameters: &Parameters, most: usize) -> Result<Self, CostRequestError> {
        let filter = parameters.get("$filter").filter(|text| !text.trim().is_empty());
        let filter = filter.map(PriceFilter::read).transpose()?;
        let given = parameters.get("currencyCode").map(|text| text.trim_matches('\''));
        let in_filter = filter.as_ref().and_then(PriceFilter::currency);
        let text = given.filter(|text| !text.is_empty()).or(in_filter).unwrap_or(DEFAULT_CURRENCY);
        let currency = Currency::parse(&text.to_ascii_uppercase());
        let expected = "an ISO 4217 currency code such as 'USD'";
        Ok(Self {
            currency: currency
                .map_err(|_| CostRequestError::value("currencyCode", text, expected))?,
            filter,
            skip: number(parameters, "$skip")?.unwrap_or(0),
            top: number(parameters, "$top")?.unwrap_or(most).min(most),
        })
    }
}

fn number(parameters: &Parameters, name: &'static str) -> Result<Option<usize>, CostRequestError> {
    let Some(text) = parameters.get(name).filter(|text| !text.is_empty()) else { return Ok(None) };
    let number = text.parse().map(Some);
    number.map_err(|_| CostRequestError::value(name, text, "a number"))
}

impl RetailPrice {
    fn text(&self, field: PriceField) -> Option<&str> {
        self.texts.iter().find(|(of, _)| *of == field).map(|(_, text)| text.as_str())
    }

    fn item<'a>(&'a self, currency: &'a Currency) -> Item<'a> {
        let text = |field| self.text(field).unwrap_or_default();
        Item {
            currency_code: currency.as_str(),
            tier_minimum_units: Exact::new(self.tier_minimum),
            retail_price: Exact::new(self.rate),
            unit_price: Exact::new(self.rate),
            arm_region_name: text(PriceField::ArmRegionName),
            location: text(PriceField::Location),
            effective_start_date: self.effective.to_string(),
            meter_id: self.meter.to_string(),
            meter_name: text(PriceField::MeterName),
            product_id: "", // no rate card has these four
            sku_id: "",
            availability_id: None,
            product_name: text(PriceField::ProductName),
            sku_name: text(PriceField::SkuName),
            service_name: text(PriceField::ServiceName),
            service_id: "",
            service_family: "",
            unit_of_measure: text(PriceField::UnitOfMeasure),
            kind: text(PriceField::PriceType),
            is_primary_meter_region: true,
            arm_sku_name: text(PriceField::ArmSkuName),
            reservation_term: self.text(PriceField::ReservationTerm),
        }
    }
}

/// Writes the page of the prices that the request selects, in the order given.
#[must_use]
pub fn write_page(
    prices: &[RetailPrice],
    request: &RetailRequest,
    parameters: &Parameters,
    origin: &str,
) -> Vec<u8> {
    let passes =
        |price: &&RetailPrice| request.filter.as_ref().is_none_or(|filter| filter.passes(price));
    let mut selected = prices.iter().filter(passes).skip(request.skip);
    let page: Vec<_> = selected.by_ref().take(request.top).collect();
    let more = request.top > 0 && selected.next().is_some();
    let link = more.then(|| next_page_link(origin, parameters, request.skip + page.len()));
    let body = Body {
        billing_currency: request.currency.as_str(),
        customer_entity_id: "Default",
        customer_entity_type: "Retail",
        count: page.len(),
        items: page.into_iter().map(|price| price.item(&request.currency)).collect(),
        next_page_link: link,
    };
    serde_json::to_vec(&body).expect("a page of texts and numbers is JSON")
}

fn next_page_link(origin: &str, parameters: &Parameters, skip: usize) -> String {
    let mut link = format!("{origin}/api/retail/prices");
    for name in ["api-version", "currencyCode", "$filter", "$top"] {
        if let Some(value) = parameters.get(name) {
            query::push(&mut link, name, value);
        }
    }
    query::push(&mut link, "$skip", &skip.to_string());
    link
}
