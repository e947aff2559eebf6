//! A page of usage details. The same lines give the same bytes.

use std::borrow::Cow;
use std::collections::BTreeMap;

use domain::book::Unpriced;
use domain::daily::{DayLine, DayLineKind, DayUsage};
use domain::decimal::Money;
use domain::id::{Currency, OfferId, SubscriptionId};
use domain::resource;
use domain::spend::TermLineKind;
use domain::time::Date;
use serde::Serialize;
use serde_json::value::RawValue;

use super::request::{DetailsRequest, charge_type, frequency, publisher_type};
use crate::exact::Exact;
use crate::object;

/// What items say of the billing period that they are in.
#[derive(Debug, Clone)]
pub struct BilledPeriod {
    /// The offer that prices come from.
    pub offer: OfferId,
    /// The subscription's name.
    pub subscription_name: String,
    /// Who is billed.
    pub billing_account_name: String,
    /// Whether later usage can still change what it costs.
    pub is_estimated: bool,
}

/// A page: its lines, and what they have in common.
#[derive(Debug)]
pub struct DetailsPage<'a> {
    /// The subscription.
    pub subscription: SubscriptionId,
    /// Names who is billed.
    pub billing_account: String,
    /// The currency of every amount.
    pub currency: &'a Currency,
    /// By the names of billing periods.
    pub periods: &'a BTreeMap<String, BilledPeriod>,
    /// The lines, in order.
    pub lines: &'a [&'a DayLine],
    /// The link to the next page.
    pub next_link: Option<String>,
}

/// Writes a page.
///
/// Usage without a price has a cost of `null`, and the reason in `additionalProperties`.
#[must_use]
pub fn write_page(page: &DetailsPage<'_>, request: &DetailsRequest) -> Vec<u8> {
    let items = page.lines.iter().map(|line| page.item(line, request));
    let list = List { value: items.collect(), next_link: page.next_link.as_deref() };
    serde_json::to_vec(&list).expect("a page of texts and numbers is JSON")
}

#[derive(Serialize)]
struct List<'a> {
    value: Vec<Item<'a>>,
    #[serde(rename = "nextLink", skip_serializing_if = "Option::is_none")]
    next_link: Option<&'a str>,
}

#[derive(Serialize)]
struct Item<'a> {
    id: String,
    name: String,
    #[serde(rename = "type")]
    kind_of_resource: &'static str,
    kind: &'static str,
    tags: Option<BTreeMap<&'a str, &'a str>>,
    properties: Properties<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Properties<'a> {
    billing_account_id: &'a str,
    billing_account_name: &'a str,
    billing_period_id: String,
    billing_period_start_date: String,
    billing_period_end_date: String,
    subscription_id: String,
    subscription_guid: String,
    subscription_name: &'a str,
    date: String,
    usage_start: String,
    usage_end: String,
    product: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    part_number: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    meter_id: Option<String>,
    quantity: Exact,
    usage_quantity: Exact,
    #[serde(skip_serializing_if = "Option::is_none")]
    billable_quantity: Option<Exact>,
    effective_price: Option<Exact>,
    unit_price: Option<Exact>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pay_g_price: Option<Exact>,
    cost: Option<Exact>,
    pretax_cost: Option<Exact>,
    billing_currency: &'a str,
    currency: &'a str,
    #[serde(flatten)]
    instance: InstanceNames<'a>,
    offer_id: &'a str,
    is_azure_credit_eligible: bool,
    publisher_type: &'static str,
    charge_type: &'static str,
    frequency: &'static str,
    pricing_model: &'static str,
    is_estimated: bool,
    meter_details: Option<MeterDetails<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    additional_info: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    additional_properties: Option<String>,
}

/// What the resource is called, by the names of today and of 2018.
#[derive(Serialize, Default)]
#[serde(rename_all = "camelCase")]
struct InstanceNames<'a> {
    resource_id: Option<&'a str>,
    resource_name: Option<&'a str>,
    resource_group: Option<&'a str>,
    resource_location: Option<&'a str>,
    instance_id: Option<&'a str>,
    instance_name: Option<&'a str>,
    instance_location: Option<&'a str>,
    consumed_service: Option<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct MeterDetails<'a> {
    meter_name: Option<&'a str>,
    meter_category: Option<&'a str>,
    meter_sub_category: Option<&'a str>,
    meter_location: Option<&'a str>,
    unit: Option<&'a str>,
    unit_of_measure: Option<&'a str>,
    service_name: Option<&'a str>,
    total_included_quantity: Exact,
    pretax_standard_rate: Option<Exact>,
}

impl DetailsPage<'_> {
    fn item<'a>(&'a self, line: &'a DayLine, request: &DetailsRequest) -> Item<'a> {
        let name = item_name(self.subscription, line);
        let tags = line.usage().map(|usage| &usage.instance.tags).filter(|tags| !tags.is_empty());
        let tags = tags
            .map(|tags| tags.iter().map(|(name, value)| (name.as_ref(), value.as_ref())).collect());
        let properties = match &line.kind {
            DayLineKind::Usage(usage) => self.usage(line, usage, request),
            DayLineKind::Term(kind, amount) => self.term(line, *kind, *amount),
        };
        Item {
            id: format!(
                "{}/providers/Microsoft.Consumption/usageDetails/{name}",
                properties.billing_period_id
            ),
            name,
            kind_of_resource: "Microsoft.Consumption/usageDetails",
            kind: "legacy",
            tags,
            properties,
        }
    }

    fn usage<'a>(
        &'a self,
        line: &'a DayLine,
        usage: &'a DayUsage,
        request: &DetailsRequest,
    ) -> Properties<'a> {
        let price = usage.price.as_ref().ok();
        let base = price.map(|price| price.version.tiers.base());
        let standard_rate =
            || price.zip(base).map(|(price, base)| Exact::new(price.version.list_rate(base)));
        let cost = || price.map(|price| Exact::new(price.charge));
        let info = usage.instance.additional_info.as_ref().filter(|_| request.expand_additional);
        let info = info.map(|json| json.0.as_ref());
        let description = &usage.meter.description;
        Properties {
            product: product(usage),
            part_number: usage.instance.part_number.as_deref(),
            meter_id: Some(usage.meter.id.to_string()),
            billable_quantity: price.map(|price| Exact::new(price.billable)),
            effective_price: price
                .and_then(|price| price.charge.effective_price(usage.quantity))
                .map(Exact::new),
            unit_price: base.map(|base| Exact::new(base.rate)),
            pay_g_price: standard_rate(),
            cost: cost(),
            pretax_cost: cost(),
            instance: InstanceNames::of(usage),
            is_azure_credit_eligible: price.is_some() && usage.meter.is_credit_eligible,
            publisher_type: publisher_type(usage.meter.is_third_party),
            meter_details: request.expand_meter.then(|| MeterDetails {
                meter_name: description.name.as_deref(),
                meter_category: description.category.as_deref(),
                meter_sub_category: description.subcategory.as_deref(),
                meter_location: description.region.as_deref(),
                unit: description.unit.as_deref(),
                unit_of_measure: description.unit.as_deref(),
                service_name: usage.meter.service.as_deref(),
                total_included_quantity: Exact::new(usage.meter.allowance),
                pretax_standard_rate: standard_rate(),
            }),
            additional_info: info.map(str::to_owned),
            additional_properties: additional_properties(info, usage.price.as_ref().err()),
            ..self.common(line, Exact::new(usage.quantity))
        }
    }

    fn term<'a>(&'a self, line: &'a DayLine, kind: TermLineKind, amount: Money) -> Properties<'a> {
        let product = match kind {
            TermLineKind::Credit => "Monetary Credit",
            TermLineKind::Forfeited => "Monetary Commitment, not drawn",
            TermLineKind::Recurring => "Recurring Charge",
        };
        let amount = || Some(Exact::new(amount));
        Properties {
            product: product.to_owned(),
            effective_price: amount(),
            unit_price: amount(),
            cost: amount(),
            pretax_cost: amount(),
            ..self.common(line, Exact::new(1))
        }
    }

    /// What every item has; the rest is empty.
    fn common<'a>(&'a self, line: &'a DayLine, quantity: Exact) -> Properties<'a> {
        let name = line.period.name();
        let period = &self.periods[&name];
        let subscription = self.subscription.to_string();
        let last = line.period.last_day();
        Properties {
            billing_account_id: &self.billing_account,
            billing_account_name: &period.billing_account_name,
            billing_period_id: format!(
                "/subscriptions/{subscription}/providers/Microsoft.Billing/billingPeriods/{name}"
            ),
            billing_period_start_date: midnight(line.period.start().date()),
            billing_period_end_date: midnight(last),
            subscription_id: subscription.clone(),
            subscription_guid: subscription,
            subscription_name: &period.subscription_name,
            date: midnight(line.day),
            usage_start: midnight(line.day),
            usage_end: format!("{}T23:59:59Z", line.day),
            product: String::new(),
            part_number: None,
            meter_id: None,
            usage_quantity: quantity.clone(),
            quantity,
            billable_quantity: None,
            effective_price: None,
            unit_price: None,
            pay_g_price: None,
            cost: None,
            pretax_cost: None,
            billing_currency: self.currency.as_str(),
            currency: self.currency.as_str(),
            instance: InstanceNames::default(),
            offer_id: period.offer.as_str(),
            is_azure_credit_eligible: false,
            publisher_type: publisher_type(false),
            charge_type: charge_type(line),
            frequency: frequency(line),
            pricing_model: "On Demand",
            is_estimated: period.is_estimated,
            meter_details: None,
            additional_info: None,
            additional_properties: None,
        }
    }
}

impl<'a> InstanceNames<'a> {
    fn of(usage: &'a DayUsage) -> Self {
        let uri = usage.instance.resource_uri.as_deref();
        let path = uri.and_then(resource::parse);
        let name = path.as_ref().and_then(|path| path.name);
        let location = usage.instance.location.as_deref();
        Self {
            resource_id: uri,
            resource_name: name,
            resource_group: usage.instance.resource_group(),
            resource_location: location,
            instance_id: uri,
            instance_name: name,
            instance_location: location,
            consumed_service: path.and_then(|path| path.namespace),
        }
    }
}

fn midnight(day: Date) -> String {
    format!("{day}T00:00:00Z")
}

/// What the meter is called in full: `Virtual Machines - Compute Hours - US East`.
fn product(usage: &DayUsage) -> String {
    let description = &usage.meter.description;
    let parts =
        [&description.category, &description.subcategory, &description.name, &description.region];
    let parts =
        parts.into_iter().flatten().map(AsRef::as_ref).filter(|part: &&str| !part.is_empty());
    parts.collect::<Vec<_>>().join(" - ")
}

/// What the source said of the resource, with the reason in it where there is no price: a text that is
/// JSON, as Azure has it.
fn additional_properties(info: Option<&str>, reason: Option<&Unpriced>) -> Option<String> {
    let Some(reason) = reason else { return info.map(str::to_owned) };
    let said = info.and_then(|text| serde_json::from_str::<&RawValue>(text).ok());
    let said = said.and_then(|raw| object::members(raw).ok()).unwrap_or_default();
    let mut members: BTreeMap<Cow<'_, str>, Cow<'_, RawValue>> =
        said.into_iter().map(|(name, value)| (name, Cow::Borrowed(value))).collect();
    let reason = serde_json::value::to_raw_value(&reason.to_string());
    let reason = reason.expect("a text is JSON");
    members.insert("UnpricedReason".into(), Cow::Owned(reason));
    Some(serde_json::to_string(&members).expect("members of JSON are JSON"))
}

/// Names an item for ever: the same instance, meter and day of a subscription.
fn item_name(subscription: SubscriptionId, line: &DayLine) -> String {
    let mut hasher = blake3::Hasher::new();
    hasher.update(b"usage-detail/1");
    hasher.update(&subscription.to_bits().to_be_bytes());
    hasher.update(&line.day.to_days().to_be_bytes());
    match &line.kind {
        DayLineKind::Usage(usage) => {
            hasher.update(b"usage");
            hasher.update(&usage.meter.id.to_bits().to_be_bytes());
            hasher.update(&usage.instance_hash.to_bytes());
            let reason = usage.price.as_ref().err().map(ToString::to_string);
            hasher.update(reason.unwrap_or_default().as_bytes());
        }
        DayLineKind::Term(kind, _) => {
            hasher.update(match kind {
                TermLineKind::Credit => b"credit",
                TermLineKind::Forfeited => b"forfeited",
                TermLineKind::Recurring => b"recurring",
            });
        }
    }
    let hash: [u8; 16] = *hasher.finalize().as_bytes().first_chunk().expect("32 bytes");
    // Written as Azure's names are, which are GUIDs.
    SubscriptionId::from_bits(u128::from_be_bytes(hash)).to_string()
}
