//! What lines are grouped by and selected by.

use serde_json::value::RawValue;

use super::{elements, members, text};
use crate::cost_request::CostRequestError;
use crate::text::Excerpt;

/// Most `and`, `or` and `not` within each other.
const DEPTH_MAX: usize = 16;
/// Most parts of an `and` or `or`, and values of a comparison.
const ENTRIES_MAX: usize = 1_000;

/// A property of charges.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Dimension {
    /// The billing period, by its name.
    BillingPeriod,
    /// `Usage`, `Purchase` or `Refund`.
    ChargeType,
    /// The resource provider.
    ConsumedService,
    /// `UsageBased` or `Recurring`.
    Frequency,
    /// The meter's name.
    Meter,
    /// The meter's category.
    MeterCategory,
    /// The meter's id.
    MeterId,
    /// The meter's subcategory.
    MeterSubcategory,
    /// `Azure` or `Marketplace`.
    PublisherType,
    /// The resource group, in lower case.
    ResourceGroup,
    /// The resource, in lower case.
    ResourceId,
    /// The resource's location.
    ResourceLocation,
    /// The resource's type, in lower case.
    ResourceType,
    /// The service, from the rate card; the meter's category where it says none.
    ServiceName,
    /// The subscription's id.
    SubscriptionId,
    /// The subscription's name.
    SubscriptionName,
    /// The meter's unit.
    UnitOfMeasure,
}

/// What lines are grouped or selected by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Subject {
    /// A property.
    Dimension(Dimension),
    /// The value of the tag of this name.
    Tag(String),
}

/// Which lines are asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CostFilter {
    /// All of them hold.
    And(Vec<CostFilter>),
    /// One of them holds.
    Or(Vec<CostFilter>),
    /// It does not hold.
    Not(Box<CostFilter>),
    /// The subject has one of the values, compared without case.
    In(Subject, Vec<String>),
    /// The subject has one of the values in it, compared without case.
    Contains(Subject, Vec<String>),
}

impl Dimension {
    const NAMES: [(&'static str, Self); 20] = [
        ("BillingPeriod", Self::BillingPeriod),
        ("ChargeType", Self::ChargeType),
        ("ConsumedService", Self::ConsumedService),
        ("Frequency", Self::Frequency),
        ("Meter", Self::Meter),
        ("MeterName", Self::Meter),
        ("MeterCategory", Self::MeterCategory),
        ("MeterId", Self::MeterId),
        ("MeterSubcategory", Self::MeterSubcategory),
        ("PublisherType", Self::PublisherType),
        ("ResourceGroup", Self::ResourceGroup),
        ("ResourceGroupName", Self::ResourceGroup),
        ("ResourceId", Self::ResourceId),
        ("ResourceLocation", Self::ResourceLocation),
        ("ResourceType", Self::ResourceType),
        ("ServiceName", Self::ServiceName),
        ("SubscriptionId", Self::SubscriptionId),
        ("SubscriptionName", Self::SubscriptionName),
        ("UnitOfMeasure", Self::UnitOfMeasure),
        ("InstanceId", Self::ResourceId),
    ];

    const EXPECTED: &'static str = "BillingPeriod, ChargeType, ConsumedService, Frequency, Meter, \
                                    MeterCategory, MeterId, MeterSubcategory, PublisherType, \
                                    ResourceGroup, ResourceGroupName, ResourceId, \
                                    ResourceLocation, ResourceType, ServiceName, SubscriptionId, \
                                    SubscriptionName or UnitOfMeasure";

    /// Reads a name, in any case.
    pub(super) fn read(member: &str, name: &str) -> Result<Self, CostRequestError> {
        let known = Self::NAMES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        let known = known.map(|(_, dimension)| *dimension);
        known.ok_or_else(|| CostRequestError::value(member, name, Self::EXPECTED))
    }
}

impl CostFilter {
    pub(super) fn read(path: &str, raw: &RawValue) -> Result<Self, CostRequestError> {
        Self::read_within(path, raw, DEPTH_MAX)
    }

    fn read_within(path: &str, raw: &RawValue, depth: usize) -> Result<Self, CostRequestError> {
        let expected = "one of and, or, not, dimensions and tags";
        let depth = depth.checked_sub(1).ok_or_else(|| {
            CostRequestError::value(path, raw.get(), "a filter of at most 16 levels")
        })?;
        let found = members(raw, "")?;
        let [(name, value)] = found.as_slice() else {
            return Err(CostRequestError::value(path, raw.get(), expected));
        };
        let path = format!("{path}.{name}");
        match name.to_ascii_lowercase().as_str() {
            "and" => Self::parts(&path, value, depth).map(Self::And),
            "or" => Self::parts(&path, value, depth).map(Self::Or),
            "not" => Ok(Self::Not(Box::new(Self::read_within(&path, value, depth)?))),
            "dimensions" | "dimension" => Self::comparison(&path, value, |member, name| {
                Dimension::read(member, name).map(Subject::Dimension)
            }),
            "tags" | "tag" => {
                Self::comparison(&path, value, |_, name| Ok(Subject::Tag(name.to_owned())))
            }
            _ => Err(CostRequestError::Unknown(Excerpt::new(&path))),
        }
    }

    fn parts(path: &str, raw: &RawValue, depth: usize) -> Result<Vec<Self>, CostRequestError> {
        let parts = elements(path, raw, ENTRIES_MAX)?;
        if parts.len() < 2 {
            return Err(CostRequestError::value(path, raw.get(), "two filters or more"));
        }
        parts.into_iter().map(|part| Self::read_within(path, part, depth)).collect()
    }

    fn comparison(
        path: &str,
        raw: &RawValue,
        subject: impl Fn(&str, &str) -> Result<Subject, CostRequestError>,
    ) -> Result<Self, CostRequestError> {
        let (mut name, mut is_in, mut values) = (None, None, None);
        for (member, value) in members(raw, "")? {
            let place = format!("{path}.{member}");
            match member.to_ascii_lowercase().as_str() {
                "name" => name = Some(subject(&place, &text(&place, value)?)?),
                "operator" => is_in = Some(is_in_operator(&place, &text(&place, value)?)?),
                "values" => {
                    let listed = elements(&place, value, ENTRIES_MAX)?;
                    let listed = listed.into_iter().map(|value| text(&place, value));
                    values = Some(listed.collect::<Result<Vec<_>, _>>()?);
                }
                _ => return Err(CostRequestError::Unknown(Excerpt::new(&place))),
            }
        }
        let missing = |member| CostRequestError::Missing(format!("{path}.{member}"));
        let subject = name.ok_or_else(|| missing("name"))?;
        let is_in = is_in.ok_or_else(|| missing("operator"))?;
        let values = values.filter(|values| !values.is_empty()).ok_or_else(|| missing("values"))?;
        Ok(if is_in { Self::In(subject, values) } else { Self::Contains(subject, values) })
    }

    /// Whether a line passes, by the value that it has of a subject.
    pub fn passes(&self, value_of: &impl Fn(&Subject) -> String) -> bool {
        match self {
            Self::And(parts) => parts.iter().all(|part| part.passes(value_of)),
            Self::Or(parts) => parts.iter().any(|part| part.passes(value_of)),
            Self::Not(part) => !part.passes(value_of),
            Self::In(subject, values) => {
                let found = value_of(subject).to_lowercase();
                values.iter().any(|value| value.to_lowercase() == found)
            }
            Self::Contains(subject, values) => {
                let found = value_of(subject).to_lowercase();
                values.iter().any(|value| found.contains(&value.to_lowercase()))
            }
        }
    }
}

fn is_in_operator(place: &str, operator: &str) -> Result<bool, CostRequestError> {
    match operator.to_ascii_lowercase().as_str() {
        "in" => Ok(true),
        "contains" => Ok(false),
        _ => Err(CostRequestError::value(place, operator, "In or Contains")),
    }
}
