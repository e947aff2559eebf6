//! The columns: what each is called, what kind of value it has, and what a row has in it.

use std::borrow::Cow;
use std::fmt;

use domain::decimal::{Money, Quantity, UnitPrice};
use domain::time::UtcTime;
use domain::unit::PricingUnit;

use crate::json;
use crate::row::{Account, Charge, FocusRow, Meter, Rating, Usage};

/// A column.
pub(crate) struct Column {
    pub(crate) name: &'static str,
    pub(crate) value: ValueOf,
}

/// How a row's value in a column is found, by the kind of value. None is null.
pub(crate) enum ValueOf {
    Text(TextOf),
    Number(NumberOf),
    Time(TimeOf),
    Flag(FlagOf),
}

type TextOf = for<'a> fn(&'a FocusRow) -> Option<Cow<'a, str>>;
type NumberOf = fn(&FocusRow) -> Option<Number>;
type TimeOf = fn(&FocusRow) -> Option<UtcTime>;
type FlagOf = fn(&FocusRow) -> Option<bool>;

/// An exact number.
#[derive(Clone, Copy)]
pub(crate) enum Number {
    Money(Money),
    Price(UnitPrice),
    Quantity(Quantity),
}

impl fmt::Display for Number {
    /// Plain decimals with every digit.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Money(money) => fmt::Display::fmt(money, f),
            Self::Price(price) => fmt::Display::fmt(price, f),
            Self::Quantity(quantity) => fmt::Display::fmt(quantity, f),
        }
    }
}

/// How many columns there are.
pub(crate) const COLUMN_COUNT: usize = 72;

/// FOCUS's type of a commitment.
pub(crate) const COMMITMENT_TYPE: &str = "Monetary Commitment";

const BILLING_ACCOUNT_TYPE: &str = "Tenant";
const SUB_ACCOUNT_TYPE: &str = "Subscription";
const THIRD_PARTY: &str = "Third Party";
/// Unit of what is bought once, and of usage that says none.
const UNITS: &str = "Units";

/// Every column: those of FOCUS, then our own, each in alphabetical order.
pub(crate) static COLUMNS: [Column; COLUMN_COUNT] = [
    text("AvailabilityZone", |_| None),
    number("BilledCost", |row| Some(Number::Money(row.costs().billed))),
    text("BillingAccountId", |row| shared(&row.account().billing_account_id)),
    text("BillingAccountName", |row| shared(&row.account().billing_account_name)),
    text("BillingAccountType", |_| fixed(BILLING_ACCOUNT_TYPE)),
    text("BillingCurrency", |row| shared(row.account().currency.as_str())),
    time("BillingPeriodEnd", |row| Some(row.facts().billing_period.end())),
    time("BillingPeriodStart", |row| Some(row.facts().billing_period.start())),
    text("CapacityReservationId", |_| None),
    text("CapacityReservationStatus", |_| None),
    text("ChargeCategory", |row| fixed(row.charge_category().as_str())),
    text("ChargeClass", |row| row.facts().is_correction.then_some("Correction".into())),
    text("ChargeDescription", |row| Some(description(row).into())),
    text("ChargeFrequency", |row| fixed(frequency(&row.facts().charge))),
    time("ChargePeriodEnd", |row| Some(row.facts().charge_period.end)),
    time("ChargePeriodStart", |row| Some(row.facts().charge_period.start)),
    text("CommitmentDiscountCategory", |row| row.commitment().and_then(|_| fixed("Spend"))),
    text("CommitmentDiscountId", |row| row.commitment().and_then(|it| shared(&it.id))),
    text("CommitmentDiscountName", |row| row.commitment().and_then(|it| shared(&it.name))),
    number("CommitmentDiscountQuantity", |row| commitment_amount(row).map(Number::Money)),
    text("CommitmentDiscountStatus", |row| commitment_status(row).and_then(fixed)),
    text("CommitmentDiscountType", |row| row.commitment().and_then(|_| fixed(COMMITMENT_TYPE))),
    text("CommitmentDiscountUnit", |row| {
        row.commitment().and_then(|_| shared(row.account().currency.as_str()))
    }),
    number("ConsumedQuantity", |row| row.usage().map(|usage| Number::Quantity(usage.quantity))),
    text("ConsumedUnit", |row| row.usage().map(|usage| unit(&usage.meter))),
    number("ContractedCost", |row| Some(Number::Money(row.costs().contracted))),
    number("ContractedUnitPrice", |row| Some(price(row)?.contracted)),
    number("EffectiveCost", |row| Some(Number::Money(row.costs().effective))),
    text("InvoiceId", |row| row.facts().invoice_id.as_deref().and_then(shared)),
    text("InvoiceIssuerName", |row| shared(&row.account().issuer)),
    number("ListCost", |row| Some(Number::Money(row.costs().list))),
    number("ListUnitPrice", |row| Some(price(row)?.list)),
    text("PricingCategory", |row| pricing_category(&row.facts().charge).and_then(fixed)),
    text("PricingCurrency", |row| shared(row.account().currency.as_str())),
    number("PricingCurrencyContractedUnitPrice", |row| Some(price(row)?.contracted)),
    number("PricingCurrencyEffectiveCost", |row| Some(Number::Money(row.costs().effective))),
    number("PricingCurrencyListUnitPrice", |row| Some(price(row)?.list)),
    number("PricingQuantity", |row| Some(Number::Quantity(price(row)?.quantity))),
    text("PricingUnit", |row| {
        price(row)?;
        Some(row.usage().map_or(UNITS.into(), |usage| unit(&usage.meter)))
    }),
    text("ProviderName", |row| shared(&row.account().issuer)),
    text("PublisherName", publisher),
    text("RegionId", |row| row.usage()?.region.as_ref().and_then(|it| shared(&it.id))),
    text("RegionName", |row| row.usage()?.region.as_ref().and_then(|it| shared(&it.name))),
    text("ResourceId", |row| row.resource().and_then(|it| shared(&it.id))),
    text("ResourceName", |row| row.resource()?.name.as_deref().and_then(shared)),
    text("ResourceType", |row| row.resource().and_then(|it| shared(&it.type_name))),
    text("ServiceCategory", |row| shared(&row.service().category)),
    text("ServiceName", |row| shared(&row.service().name)),
    text("ServiceSubcategory", |row| shared(&row.service().subcategory)),
    text("SkuId", |row| sku(row).map(Cow::Owned)),
    text("SkuMeter", sku_meter),
    text("SkuPriceDetails", |row| {
        let info = row.usage()?.instance.additional_info.as_ref()?;
        json::of_details(&info.0).map(Cow::Owned)
    }),
    text("SkuPriceId", |row| sku_price(row).map(Cow::Owned)),
    text("SubAccountId", |row| Some(row.account().subscription.to_string().into())),
    text("SubAccountName", |row| shared(&row.account().subscription_name)),
    text("SubAccountType", |_| fixed(SUB_ACCOUNT_TYPE)),
    text("Tags", |row| json::of_tags(&row.usage()?.instance.tags).map(Cow::Owned)),
    time("x_EffectivePeriodStart", |row| effective(&row.usage()?.rating)),
    number("x_PricingBlockSize", |row| {
        let unit = row.usage()?.meter.description.unit.as_deref()?;
        Some(Number::Quantity(PricingUnit::parse(unit)?.block()))
    }),
    text("x_PricingUnitDescription", |row| {
        row.usage()?.meter.description.unit.as_deref().and_then(shared)
    }),
    text("x_PublisherCategory", |row| {
        row.usage()?.meter.is_third_party.then_some(THIRD_PARTY.into())
    }),
    text("x_ResourceGroupName", |row| row.usage()?.instance.resource_group().and_then(shared)),
    flag("x_SkuIsCreditEligible", |row| Some(row.usage()?.meter.is_credit_eligible)),
    text("x_SkuMeterCategory", |row| {
        row.usage()?.meter.description.category.as_deref().and_then(shared)
    }),
    text("x_SkuMeterId", |row| Some(row.usage()?.meter.id.to_string().into())),
    text("x_SkuMeterSubcategory", |row| {
        row.usage()?.meter.description.subcategory.as_deref().and_then(shared)
    }),
    text("x_SkuOfferId", |row| shared(row.account().offer.as_str())),
    text("x_SkuOrderId", |row| row.usage()?.instance.order_number.as_deref().and_then(shared)),
    text("x_SkuPartNumber", |row| row.usage()?.instance.part_number.as_deref().and_then(shared)),
    text("x_SkuRegion", |row| row.usage()?.meter.description.region.as_deref().and_then(shared)),
    text("x_SkuTier", |row| tier(row.usage()?).map(Cow::Owned)),
    text("x_UnpricedReason", |row| match &row.usage()?.rating {
        Rating::Unpriced(reason) => Some(reason.to_string().into()),
        _ => None,
    }),
];

const fn text(name: &'static str, value: TextOf) -> Column {
    Column { name, value: ValueOf::Text(value) }
}

const fn number(name: &'static str, value: NumberOf) -> Column {
    Column { name, value: ValueOf::Number(value) }
}

const fn time(name: &'static str, value: TimeOf) -> Column {
    Column { name, value: ValueOf::Time(value) }
}

const fn flag(name: &'static str, value: FlagOf) -> Column {
    Column { name, value: ValueOf::Flag(value) }
}

/// A text of the row; FOCUS has null in place of one that says nothing.
fn shared(text: &str) -> Option<Cow<'_, str>> {
    (!text.trim().is_empty()).then_some(Cow::Borrowed(text))
}

fn fixed<'a>(text: &'static str) -> Option<Cow<'a, str>> {
    Some(Cow::Borrowed(text))
}

/// The unit prices and what they are multiplied with.
struct Price {
    list: Number,
    contracted: Number,
    quantity: Quantity,
}

/// None for what has no unit price: credits, adjustments, taxes.
fn price(row: &FocusRow) -> Option<Price> {
    let free = Number::Price(UnitPrice::ZERO);
    let one = Quantity::parse("1").expect("1 is a quantity");
    Some(match &row.facts().charge {
        Charge::Usage(Usage { rating, quantity, .. }) => match rating {
            Rating::Included { .. } | Rating::Unpriced(_) => {
                Price { list: free, contracted: free, quantity: *quantity }
            }
            Rating::Tier { list, contracted, .. } | Rating::Committed { list, contracted, .. } => {
                let (list, contracted) = (Number::Price(*list), Number::Price(*contracted));
                Price { list, contracted, quantity: *quantity }
            }
        },
        Charge::CommitmentPurchase { amount, .. } | Charge::Recurring { amount, .. } => {
            let amount = Number::Money(*amount);
            Price { list: amount, contracted: amount, quantity: one }
        }
        Charge::CommitmentUnused { .. } => Price { list: free, contracted: free, quantity: one },
        Charge::Credit { .. } | Charge::Adjustment { .. } | Charge::Tax { .. } => return None,
    })
}

fn pricing_category(charge: &Charge) -> Option<&'static str> {
    match charge {
        Charge::Usage(Usage { rating, .. }) => Some(match rating {
            Rating::Included { .. } | Rating::Tier { .. } => "Standard",
            Rating::Committed { .. } => "Committed",
            Rating::Unpriced(_) => "Other",
        }),
        Charge::CommitmentPurchase { .. } | Charge::Recurring { .. } => Some("Standard"),
        Charge::CommitmentUnused { .. } => Some("Committed"),
        Charge::Credit { .. } | Charge::Adjustment { .. } | Charge::Tax { .. } => None,
    }
}

fn frequency(charge: &Charge) -> &'static str {
    match charge {
        Charge::Usage(_) | Charge::CommitmentUnused { .. } => "Usage-Based",
        Charge::CommitmentPurchase { .. } | Charge::Recurring { .. } | Charge::Credit { .. } => {
            "Recurring"
        }
        Charge::Adjustment { .. } | Charge::Tax { .. } => "One-Time",
    }
}

fn description(row: &FocusRow) -> String {
    match &row.facts().charge {
        Charge::Usage(usage) => {
            let meter = meter_name(&usage.meter);
            match &usage.rating {
                Rating::Included { .. } => format!("{meter}: included"),
                Rating::Tier { from, .. } if from.is_zero() => meter,
                Rating::Tier { from, .. } => format!("{meter}: from {from}"),
                Rating::Committed { commitment, .. } => format!("{meter}: {}", commitment.name),
                Rating::Unpriced(reason) => format!("{meter}: no price, {reason}"),
            }
        }
        Charge::CommitmentPurchase { commitment, .. } => commitment.name.to_string(),
        Charge::CommitmentUnused { commitment, .. } => format!("{}: unused", commitment.name),
        Charge::Recurring { name, .. }
        | Charge::Credit { name, .. }
        | Charge::Adjustment { name, .. }
        | Charge::Tax { name, .. } => name.to_string(),
    }
}

fn meter_name(meter: &Meter) -> String {
    let name = meter.description.name.as_deref().and_then(shared);
    name.map_or_else(|| meter.id.to_string(), Cow::into_owned)
}

/// The unit in FOCUS's form: `Hours`, `10000 Requests`. It has none for a rate of more than one.
fn unit(meter: &Meter) -> Cow<'_, str> {
    let Some(text) = meter.description.unit.as_deref().and_then(shared) else {
        return UNITS.into();
    };
    let Some(unit) = PricingUnit::parse(&text) else { return text };
    let block = unit.block().to_string();
    match block.as_str() {
        "1" => unit.name().to_owned().into(),
        block => format!("{block} {}", unit.name().replace('/', " per ")).into(),
    }
}

fn publisher(row: &FocusRow) -> Option<Cow<'_, str>> {
    let meter = row.usage().map(|usage| &usage.meter);
    if let Some(publisher) = meter.and_then(|meter| meter.publisher.as_deref()) {
        return shared(publisher);
    }
    if meter.is_some_and(|meter| meter.is_third_party) {
        return fixed(THIRD_PARTY);
    }
    shared(&row.account().issuer)
}

fn commitment_amount(row: &FocusRow) -> Option<Money> {
    match &row.facts().charge {
        Charge::Usage(Usage { rating: Rating::Committed { drawn, .. }, .. }) => Some(*drawn),
        Charge::CommitmentPurchase { amount, .. } | Charge::CommitmentUnused { amount, .. } => {
            Some(*amount)
        }
        _ => None,
    }
}

fn commitment_status(row: &FocusRow) -> Option<&'static str> {
    row.commitment()?;
    match &row.facts().charge {
        Charge::Usage(_) => Some("Used"),
        Charge::CommitmentUnused { .. } => Some("Unused"),
        _ => None,
    }
}

/// The meter, or the term of the offer.
fn sku(row: &FocusRow) -> Option<String> {
    let Account { offer, .. } = row.account();
    match &row.facts().charge {
        Charge::Usage(usage) => Some(usage.meter.id.to_string()),
        Charge::CommitmentPurchase { commitment, .. }
        | Charge::CommitmentUnused { commitment, .. } => {
            Some(format!("{offer}/{}", commitment.name))
        }
        Charge::Recurring { name, .. } => Some(format!("{offer}/{name}")),
        Charge::Credit { .. } | Charge::Adjustment { .. } | Charge::Tax { .. } => None,
    }
}

/// The SKU, for a meter with offer and tier: what finds the list price, whatever the currency.
fn sku_price(row: &FocusRow) -> Option<String> {
    let sku = sku(row)?;
    let Some(usage) = row.usage() else { return Some(sku) };
    let tier = tier(usage).unwrap_or_else(|| "unpriced".to_owned());
    Some(format!("{sku}/{}/{tier}", row.account().offer))
}

fn sku_meter(row: &FocusRow) -> Option<Cow<'_, str>> {
    match &row.facts().charge {
        Charge::Usage(usage) => Some(meter_name(&usage.meter).into()),
        Charge::CommitmentPurchase { commitment, .. }
        | Charge::CommitmentUnused { commitment, .. } => shared(&commitment.name),
        Charge::Recurring { name, .. } => shared(name),
        Charge::Credit { .. } | Charge::Adjustment { .. } | Charge::Tax { .. } => None,
    }
}

/// The tier's lower bound; a commitment's discount is on the base tier.
fn tier(usage: &Usage) -> Option<String> {
    match &usage.rating {
        Rating::Included { .. } => Some("included".to_owned()),
        Rating::Tier { from, .. } => Some(from.to_string()),
        Rating::Committed { .. } => Some(Quantity::ZERO.to_string()),
        Rating::Unpriced(_) => None,
    }
}

/// None for a price that has always applied.
fn effective(rating: &Rating) -> Option<UtcTime> {
    match rating {
        Rating::Included { effective }
        | Rating::Tier { effective, .. }
        | Rating::Committed { effective, .. } => Some(*effective),
        Rating::Unpriced(_) => None,
    }
    .filter(|effective| *effective != UtcTime::MIN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_in_order_and_ours_are_last() {
        let names = COLUMNS.each_ref().map(|column| column.name);
        let ours = names.iter().position(|name| name.starts_with("x_")).unwrap();
        let (theirs, ours) = names.split_at(ours);
        assert_eq!((theirs.len(), ours.len()), (57, 15));
        assert!(ours.iter().all(|name| name.starts_with("x_")));
        assert!(theirs.is_sorted() && ours.is_sorted(), "{names:?}");
    }
}
