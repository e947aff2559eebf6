//! A rate card document, read strictly where prices depend on it: a card is taken whole or not at
//! all. The shape is Azure's and may grow, so members that are not known are let pass.

use std::collections::{BTreeSet, HashMap};
use std::fmt;
use std::sync::Arc;

use domain::catalogue::{Meter, OfferTerm, RateCard, RateCardKey, Sku, Tier, Tiers, TiersError};
use domain::decimal::{DecimalError, Money, Percent, Quantity, UnitPrice};
use domain::id::{Currency, Locale, MeterId};
use domain::record::MeterDescription;
use domain::time::UtcTime;
use serde_json::value::RawValue;

use crate::object::{self, Object, Shape};
use crate::property::{Malformed, PropertyError};
use crate::text::Excerpt;
use crate::time::parse_rfc3339_or_naive;

static CARD: Shape =
    Shape { path: "", names: &["OfferTerms", "Meters", "Currency", "Locale", "IsTaxIncluded"] };

static METER: Shape = Shape {
    path: "",
    names: &[
        "MeterId",
        "MeterName",
        "MeterCategory",
        "MeterSubCategory",
        "Unit",
        "MeterTags",
        "MeterRegion",
        "MeterRates",
        "EffectiveDate",
        "IncludedQuantity",
        "MeterStatus",
        "ServiceName",
        "ProductName",
        "ArmSkuName",
        "ArmRegionName",
        "ReservationTerm",
    ],
};

static TERM: Shape = Shape {
    path: "",
    names: &[
        "Name",
        "Credit",
        "TieredDiscount",
        "RecurringCharge",
        "ExcludedMeterIds",
        "EffectiveDate",
    ],
};

/// What is wrong with a rate card document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RateCardError {
    /// It is no JSON object.
    Malformed(Malformed),
    /// One of its own properties is wrong.
    Property(PropertyError),
    /// It says that it is another card than the one it is imported as.
    OtherCard {
        /// `Currency` or `Locale`.
        property: &'static str,
        /// What the document says.
        document: Excerpt,
        /// What it is imported as.
        key: Excerpt,
    },
    /// It has no meter.
    Empty,
    /// One of its meters is wrong.
    Meter {
        /// Its place, from 0.
        position: usize,
        /// Its `MeterId`, if it could be read.
        id: Option<Excerpt>,
        /// What is wrong with it.
        error: Box<CardPartError>,
    },
    /// One of its offer terms is wrong.
    Term {
        /// Its place, from 0.
        position: usize,
        /// What is wrong with it.
        error: Box<CardPartError>,
    },
}

/// What is wrong with a meter or an offer term.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CardPartError {
    /// It is no JSON object.
    Malformed(Malformed),
    /// One of its properties is wrong.
    Property(PropertyError),
    /// Its rates do not price every quantity once.
    Tiers(TiersError),
    /// Another meter has its id.
    Doubled {
        /// Place of the other one, from 0.
        first: usize,
    },
}

impl RateCardError {
    /// The code that programs read.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::OtherCard { .. } => "OtherRateCard",
            _ => "InvalidRateCard",
        }
    }
}

impl fmt::Display for RateCardError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(malformed) => write!(f, "rate card {malformed}"),
            Self::Property(error) => write!(f, "rate card: {error}"),
            Self::OtherCard { property, document, key } => {
                write!(f, "rate card: {property} is {document}, it is imported as {key}")
            }
            Self::Empty => f.write_str("rate card: Meters is empty"),
            Self::Meter { position, id: Some(id), error } => {
                write!(f, "rate card: Meters[{position}] with MeterId {id}: {error}")
            }
            Self::Meter { position, id: None, error } => {
                write!(f, "rate card: Meters[{position}]: {error}")
            }
            Self::Term { position, error } => {
                write!(f, "rate card: OfferTerms[{position}]: {error}")
            }
        }
    }
}

impl std::error::Error for RateCardError {}

impl fmt::Display for CardPartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Malformed(malformed) => malformed.fmt(f),
            Self::Property(error) => error.fmt(f),
            Self::Tiers(error) => write!(f, "MeterRates: {error}"),
            Self::Doubled { first } => write!(f, "Meters[{first}] has the same MeterId"),
        }
    }
}

impl std::error::Error for CardPartError {}

impl From<PropertyError> for RateCardError {
    fn from(error: PropertyError) -> Self {
        Self::Property(error)
    }
}

impl From<PropertyError> for CardPartError {
    fn from(error: PropertyError) -> Self {
        Self::Property(error)
    }
}

impl From<Malformed> for CardPartError {
    fn from(malformed: Malformed) -> Self {
        Self::Malformed(malformed)
    }
}

/// Reads a rate card as Azure answers it, which says neither its offer nor its region.
///
/// # Errors
/// [`RateCardError`] with the first thing that is wrong.
pub fn parse(document: &[u8], key: RateCardKey) -> Result<RateCard, RateCardError> {
    let text = object::utf8(document).map_err(RateCardError::Malformed)?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let card = Object::read(text, &CARD).map_err(RateCardError::Malformed)?;
    check_key(&card, &key)?;
    Ok(RateCard {
        key,
        is_tax_included: is_tax_included(&card)?,
        terms: terms(&card)?,
        meters: meters(&card)?,
    })
}

fn check_key(card: &Object<'_>, key: &RateCardKey) -> Result<(), RateCardError> {
    let differs = |property, document: &str, key: &str| RateCardError::OtherCard {
        property,
        document: Excerpt::new(document),
        key: Excerpt::new(key),
    };
    if let Some(currency) = card.text("Currency")?
        && Currency::parse(&currency).as_ref() != Ok(&key.currency)
    {
        return Err(differs("Currency", &currency, key.currency.as_str()));
    }
    if let Some(locale) = card.text("Locale")?
        && Locale::parse(&locale).as_ref() != Ok(&key.locale)
    {
        return Err(differs("Locale", &locale, key.locale.as_str()));
    }
    Ok(())
}

/// Absent in Azure's own example, and false on every card known.
fn is_tax_included(card: &Object<'_>) -> Result<bool, PropertyError> {
    const NAME: &str = "IsTaxIncluded";
    match card.raw(NAME).map(RawValue::get) {
        None | Some("false") => Ok(false),
        Some("true") => Ok(true),
        Some(other) => Err(card.invalid(NAME, other, "true or false")),
    }
}

fn meters(card: &Object<'_>) -> Result<Vec<Meter>, RateCardError> {
    let mut positions: HashMap<MeterId, usize> = HashMap::new();
    let mut meters = vec![];
    card.required_raw("Meters")?;
    for (position, raw) in elements(card, "Meters")?.into_iter().enumerate() {
        let wrong = |id, error| RateCardError::Meter { position, id, error: Box::new(error) };
        let object = Object::read(raw.get(), &METER).map_err(|error| wrong(None, error.into()))?;
        let id = || object.text("MeterId").ok().flatten().map(|text| Excerpt::new(&text));
        let meter = meter(&object).map_err(|error| wrong(id(), error))?;
        if let Some(first) = positions.insert(meter.id, position) {
            return Err(wrong(id(), CardPartError::Doubled { first }));
        }
        meters.push(meter);
    }
    if meters.is_empty() {
        return Err(RateCardError::Empty);
    }
    Ok(meters)
}

fn meter(object: &Object<'_>) -> Result<Meter, CardPartError> {
    let text = |name| object.text(name).map(|text| text.map(|text| Arc::<str>::from(&*text)));
    let included = non_negative(object, "IncludedQuantity", Quantity::parse)?;
    Ok(Meter {
        id: object.parsed("MeterId", "a GUID", MeterId::parse)?,
        description: MeterDescription {
            name: text("MeterName")?,
            category: text("MeterCategory")?,
            subcategory: text("MeterSubCategory")?,
            region: text("MeterRegion")?,
            unit: text("Unit")?,
        },
        sku: Sku {
            service: text("ServiceName")?,
            product: text("ProductName")?,
            arm_sku_name: text("ArmSkuName")?,
            arm_region_name: text("ArmRegionName")?,
            reservation_term: text("ReservationTerm")?,
        },
        tags: meter_tags(object)?,
        tiers: tiers(object)?,
        included,
        effective: effective(object)?,
        status: text("MeterStatus")?,
    })
}

fn meter_tags(object: &Object<'_>) -> Result<Vec<Arc<str>>, PropertyError> {
    const NAME: &str = "MeterTags";
    let text = |raw| {
        let text = object::string(raw);
        text.ok_or_else(|| object.invalid(NAME, raw.get(), "a string in an array"))
    };
    elements(object, NAME)?.into_iter().map(|raw| Ok(Arc::from(&*text(raw)?))).collect()
}

fn tiers(object: &Object<'_>) -> Result<Tiers, CardPartError> {
    const NAME: &str = "MeterRates";
    let raw = object.required_raw(NAME)?;
    let members = object::members(raw).map_err(|error| object.malformed(NAME, error))?;
    let mut tiers = Vec::with_capacity(members.len());
    for (bound, rate) in members {
        let property = || format!("{NAME}[{}]", Excerpt::new(&bound));
        let number = object::number(rate).ok_or_else(|| not_a_number(property(), rate))?;
        let wrong = |value: &str, error| wrong_number(property(), value, error);
        tiers.push(Tier {
            from: Quantity::parse(&bound).map_err(|error| wrong(&bound, error))?,
            rate: UnitPrice::parse(number).map_err(|error| wrong(number, error))?,
        });
    }
    Tiers::new(tiers).map_err(CardPartError::Tiers)
}

/// Some meters have a date without an offset, and `0001-01-01T00:00:00` where it is unset.
fn effective(object: &Object<'_>) -> Result<UtcTime, PropertyError> {
    const NAME: &str = "EffectiveDate";
    parse_rfc3339_or_naive(&object.required_text(NAME)?)
        .map_err(|error| PropertyError::Time { property: NAME.to_owned(), error })
}

fn terms(card: &Object<'_>) -> Result<Vec<OfferTerm>, RateCardError> {
    let mut terms = vec![];
    for (position, raw) in elements(card, "OfferTerms")?.into_iter().enumerate() {
        let term = Object::read(raw.get(), &TERM).map_err(CardPartError::from);
        let term = term.and_then(|object| term_of(&object));
        let wrong = |error| RateCardError::Term { position, error: Box::new(error) };
        terms.push(term.map_err(wrong)?);
    }
    Ok(terms)
}

fn term_of(object: &Object<'_>) -> Result<OfferTerm, CardPartError> {
    let name = object.required_text("Name")?;
    let effective = effective(object)?;
    match name.as_ref() {
        "Monetary Credit" => Ok(OfferTerm::MonetaryCredit {
            credit: non_negative(object, "Credit", Money::parse)?,
            excluded: excluded(object)?,
            effective,
        }),
        "Monetary Commitment" => Ok(OfferTerm::MonetaryCommitment {
            tiered_discount: tiered_discount(object)?,
            excluded: excluded(object)?,
            effective,
        }),
        "Recurring Charge" => Ok(OfferTerm::RecurringCharge {
            charge: non_negative(object, "RecurringCharge", Money::parse)?,
            effective,
        }),
        other => {
            let expected = "Monetary Credit, Monetary Commitment or Recurring Charge";
            Err(object.invalid("Name", other, expected).into())
        }
    }
}

fn excluded(object: &Object<'_>) -> Result<BTreeSet<MeterId>, PropertyError> {
    const NAME: &str = "ExcludedMeterIds";
    let id = |raw: &RawValue| {
        let id = object::string(raw).and_then(|text| MeterId::parse(&text).ok());
        id.ok_or_else(|| object.invalid(NAME, raw.get(), "a GUID in an array"))
    };
    elements(object, NAME)?.into_iter().map(id).collect()
}

fn tiered_discount(object: &Object<'_>) -> Result<Vec<(Money, Percent)>, PropertyError> {
    const NAME: &str = "TieredDiscount";
    let raw = object.required_raw(NAME)?;
    let members = object::members(raw).map_err(|error| object.malformed(NAME, error))?;
    let mut tiers = Vec::with_capacity(members.len());
    for (level, percent) in members {
        let property = || format!("{NAME}[{}]", Excerpt::new(&level));
        let text = object::number(percent).ok_or_else(|| not_a_number(property(), percent))?;
        let level = Money::parse(&level).ok().filter(|level| *level >= Money::ZERO);
        let level =
            level.ok_or_else(|| object.invalid(NAME, raw.get(), "amounts with percents"))?;
        let discount =
            Percent::parse(text).map_err(|error| wrong_number(property(), text, error))?;
        if discount < Percent::default() || discount > Percent::WHOLE {
            let (property, value) = (property(), Excerpt::new(text));
            let expected = "a percentage from 0 to 100";
            return Err(PropertyError::Invalid { property, value, expected });
        }
        tiers.push((level, discount));
    }
    tiers.sort_by_key(|(level, _)| *level);
    match tiers.windows(2).find(|pair| pair[0].0 == pair[1].0) {
        Some(pair) => {
            let member = Excerpt::new(&pair[0].0.to_string());
            Err(object.malformed(NAME, Malformed::Doubled { member }))
        }
        None => Ok(tiers),
    }
}

/// The elements of an array; none if it is absent.
fn elements<'a>(object: &Object<'a>, name: &str) -> Result<Vec<&'a RawValue>, PropertyError> {
    let Some(raw) = object.raw(name) else { return Ok(vec![]) };
    object::elements(raw.get(), usize::MAX - 1).map_err(|error| object.malformed(name, error))
}

/// A required number that is not below zero.
fn non_negative<T: PartialOrd + Default>(
    object: &Object<'_>,
    name: &str,
    parse: fn(&str) -> Result<T, DecimalError>,
) -> Result<T, PropertyError> {
    let raw = object.required_raw(name)?;
    let text = object::number(raw).ok_or_else(|| not_a_number(object.path_of(name), raw))?;
    let value = parse(text).map_err(|error| wrong_number(object.path_of(name), text, error))?;
    if value < T::default() {
        return Err(object.invalid(name, text, "zero or more"));
    }
    Ok(value)
}

fn not_a_number(property: String, raw: &RawValue) -> PropertyError {
    let value = Excerpt::new(raw.get());
    PropertyError::Invalid { property, value, expected: "a JSON number" }
}

fn wrong_number(property: String, text: &str, error: DecimalError) -> PropertyError {
    PropertyError::Number { property, value: Excerpt::new(text), error }
}

#[cfg(test)]
mod tests;
