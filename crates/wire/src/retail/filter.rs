//! Which prices are asked for.

use std::cmp::Ordering;

use domain::decimal::{Quantity, UnitPrice};
use domain::id::MeterId;
use domain::time::UtcTime;

use super::RetailPrice;
use crate::cost_request::CostRequestError;
use crate::odata::{Argument, Call, Comparison, Filter, Literal, Operator, parse_filter};
use crate::text::Excerpt;

/// A text that prices have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PriceField {
    /// `eastus`
    ArmRegionName,
    /// `Standard_D2_v3`
    ArmSkuName,
    /// `US East`
    Location,
    /// `Compute Hours`
    MeterName,
    /// `Consumption` or `Reservation`
    PriceType,
    /// `Virtual Machines Dv3 Series`
    ProductName,
    /// `1 Year`
    ReservationTerm,
    /// `Virtual Machines`
    ServiceName,
    /// `D2 v3`
    SkuName,
    /// `1 Hour`
    UnitOfMeasure,
}

const FIELDS: &str = "armRegionName, armSkuName, location, meterName, priceType, productName, \
                      reservationTerm, serviceName, skuName and unitOfMeasure with eq, ne, contains, \
                      startswith and endswith; meterId and currencyCode with eq; \
                      tierMinimumUnits, retailPrice, unitPrice and effectiveStartDate with any \
                      comparison; joined by and, or and not";

/// A filter that has been understood.
#[derive(Debug, Clone)]
pub enum PriceFilter {
    /// All of them hold.
    And(Vec<PriceFilter>),
    /// One of them holds.
    Or(Vec<PriceFilter>),
    /// It does not hold.
    Not(Box<PriceFilter>),
    /// The text has a form, in lower case.
    Text(PriceField, TextTest, String),
    /// It is of this meter.
    Meter(MeterId),
    /// It is in the currency that is asked for, which is this one.
    Currency(String),
    /// The lower bound of the tier compares so.
    TierMinimum(Operator, Quantity),
    /// The price compares so.
    Rate(Operator, UnitPrice),
    /// The first moment of the price compares so.
    Effective(Operator, UtcTime),
}

/// How a text is tested.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextTest {
    /// It is this one.
    Is,
    /// It has this one in it.
    Contains,
    /// It begins with this one.
    Begins,
    /// It ends with this one.
    Ends,
}

impl PriceField {
    const NAMES: [(&'static str, Self); 11] = [
        ("armRegionName", Self::ArmRegionName),
        ("armSkuName", Self::ArmSkuName),
        ("location", Self::Location),
        ("meterName", Self::MeterName),
        ("priceType", Self::PriceType),
        ("type", Self::PriceType),
        ("productName", Self::ProductName),
        ("reservationTerm", Self::ReservationTerm),
        ("serviceName", Self::ServiceName),
        ("skuName", Self::SkuName),
        ("unitOfMeasure", Self::UnitOfMeasure),
    ];

    fn find(name: &str) -> Option<Self> {
        let known = Self::NAMES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        known.map(|(_, field)| *field)
    }
}

impl PriceFilter {
    pub(super) fn read(text: &str) -> Result<Self, CostRequestError> {
        Self::understand(&parse_filter(text)?)
    }

    fn understand(filter: &Filter) -> Result<Self, CostRequestError> {
        let all =
            |parts: &[Filter]| parts.iter().map(Self::understand).collect::<Result<Vec<_>, _>>();
        match filter {
            Filter::And(parts) => all(parts).map(Self::And),
            Filter::Or(parts) => all(parts).map(Self::Or),
            Filter::Not(part) => Self::understand(part).map(|part| Self::Not(Box::new(part))),
            Filter::Compare(comparison) => Self::comparison(comparison),
            Filter::Call(call) => Self::call(call),
            Filter::Any { field, .. } => Err(unknown(&format!("{field}/any"))),
        }
    }

    fn comparison(comparison: &Comparison) -> Result<Self, CostRequestError> {
        let Comparison { field, operator, value } = comparison;
        let wrong = || unknown(&format!("{field} {operator}"));
        let text = |value: &Literal| value.text().map(str::to_owned).ok_or_else(wrong);
        if let Some(field) = PriceField::find(field.as_str()) {
            let test = Self::Text(field, TextTest::Is, text(value)?.to_lowercase());
            return match operator {
                Operator::Equal => Ok(test),
                Operator::NotEqual => Ok(Self::Not(Box::new(test))),
                _ => Err(wrong()),
            };
        }
        let number = match value {
            Literal::Number(text) | Literal::Text(text) => Some(text.as_str()),
            _ => None,
        };
        match field.as_str().to_ascii_lowercase().as_str() {
            "meterid" if *operator == Operator::Equal => {
                MeterId::parse(&text(value)?).map(Self::Meter).map_err(|_| wrong())
            }
            "currencycode" if *operator == Operator::Equal => text(value).map(Self::Currency),
            "tierminimumunits" => {
                let bound = number.and_then(|text| Quantity::parse(text).ok());
                bound.map(|bound| Self::TierMinimum(*operator, bound)).ok_or_else(wrong)
            }
            "retailprice" | "unitprice" => {
                let rate = number.and_then(|text| UnitPrice::parse(text).ok());
                rate.map(|rate| Self::Rate(*operator, rate)).ok_or_else(wrong)
            }
            "effectivestartdate" => {
                value.time().map(|time| Self::Effective(*operator, time)).ok_or_else(wrong)
            }
            _ => Err(wrong()),
        }
    }

    fn call(call: &Call) -> Result<Self, CostRequestError> {
        let wrong = || unknown(&format!("{}()", call.function));
        let test = match call.function.as_str().to_ascii_lowercase().as_str() {
            "contains" => TextTest::Contains,
            "startswith" => TextTest::Begins,
            "endswith" => TextTest::Ends,
            _ => return Err(wrong()),
        };
        let [Argument::Field(field), Argument::Literal(literal)] = call.arguments.as_slice() else {
            return Err(wrong());
        };
        let field = PriceField::find(field.as_str()).ok_or_else(|| unknown(field.as_str()))?;
        let text = literal.text().ok_or_else(wrong)?;
        Ok(Self::Text(field, test, text.to_lowercase()))
    }

    /// The currency that every price has to be in, if it names one.
    pub(super) fn currency(&self) -> Option<&str> {
        match self {
            Self::Currency(currency) => Some(currency),
            Self::And(parts) => parts.iter().find_map(Self::currency),
            _ => None,
        }
    }

    pub(super) fn passes(&self, price: &RetailPrice) -> bool {
        match self {
            Self::And(parts) => parts.iter().all(|part| part.passes(price)),
            Self::Or(parts) => parts.iter().any(|part| part.passes(price)),
            Self::Not(part) => !part.passes(price),
            Self::Text(field, test, wanted) => {
                let text = price.text(*field).unwrap_or_default().to_lowercase();
                test.holds(&text, wanted)
            }
            Self::Meter(meter) => price.meter == *meter,
            Self::Currency(_) => true, // it picked the card
            Self::TierMinimum(operator, bound) => operator.holds(price.tier_minimum.cmp(bound)),
            Self::Rate(operator, rate) => operator.holds(price.rate.cmp(rate)),
            Self::Effective(operator, time) => {
                let ordering: Ordering = price.effective.cmp(time);
                operator.holds(ordering)
            }
        }
    }
}

impl TextTest {
    fn holds(self, text: &str, wanted: &str) -> bool {
        match self {
            Self::Is => text == wanted,
            Self::Contains => text.contains(wanted),
            Self::Begins => text.starts_with(wanted),
            Self::Ends => text.ends_with(wanted),
        }
    }
}

fn unknown(found: &str) -> CostRequestError {
    CostRequestError::FilterPart { found: Excerpt::new(found), expected: FIELDS }
}
