//! What a client asks of usage details.

use domain::daily::{DayLine, DayLineKind};
use domain::resource;
use domain::spend::TermLineKind;
use domain::time::Date;

use crate::cost_request::{CostRequestError, skip_token, top};
use crate::odata::{Comparison, Operator, parse_filter};
use crate::query::Parameters;
use crate::text::Excerpt;

/// Most items of a page.
///
/// Source: Azure Consumption, usageDetails, `$top`.
pub const ITEMS_MAX: usize = 1_000;

/// The year that no usage is of, so that every day has one after it.
const LAST_YEAR: i32 = 9_999;

const FIELDS: &str = "usageStart, usageEnd and date with eq, ge, gt, le and lt; instanceId, \
                      instanceName, resourceGroup, meterId, chargeType, publisherType and tags with \
                      eq; joined by and";

/// What a client asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DetailsRequest {
    conditions: Vec<Condition>,
    /// Which charges.
    pub metric: Metric,
    /// Whether items describe their meter.
    pub expand_meter: bool,
    /// Whether items have what else the source said of the resource.
    pub expand_additional: bool,
    /// Most items of the page.
    pub top: usize,
    /// Where to go on, from an earlier page; still to be checked against the question.
    pub skip_token: Option<String>,
}

/// Which charges are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Metric {
    /// All of them. A commitment is of one billing period, so amortised cost is actual cost.
    Cost,
    /// Those of usage alone.
    Usage,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Condition {
    /// Compares the day: a moment within it stands for it, as the ends of Azure's ranges do.
    Day(Operator, Date),
    Text(Property, String),
    Tag {
        name: String,
        value: String,
    },
}

/// What an item can be selected by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Property {
    InstanceId,
    InstanceName,
    ResourceGroup,
    Meter,
    ChargeType,
    PublisherType,
}

impl DetailsRequest {
    /// Reads the parameters. Those that are not known are let pass.
    ///
    /// # Errors
    /// [`CostRequestError`] with the first that is wrong.
    pub fn from_parameters(parameters: &Parameters) -> Result<Self, CostRequestError> {
        let filter = parameters.get("$filter").filter(|text| !text.trim().is_empty());
        let (expand_meter, expand_additional) = expand(parameters.get("$expand"))?;
        Ok(Self {
            conditions: filter.map_or(Ok(vec![]), conditions)?,
            metric: metric(parameters.get("metric"))?,
            expand_meter,
            expand_additional,
            top: top(parameters, ITEMS_MAX, "a number from 1 to 1000")?,
            skip_token: skip_token(parameters),
        })
    }

    /// The first day that the filter lets through, and the first one after it.
    #[must_use]
    pub fn days(&self) -> (Option<Date>, Option<Date>) {
        let (mut from, mut until): (Option<Date>, Option<Date>) = (None, None);
        for condition in &self.conditions {
            let Condition::Day(operator, day) = condition else { continue };
            let next = day.plus_days(1);
            let (start, end) = match operator {
                Operator::Equal => (Some(*day), Some(next)),
                Operator::GreaterOrEqual => (Some(*day), None),
                Operator::Greater => (Some(next), None),
                Operator::LessOrEqual => (None, Some(next)),
                Operator::Less => (None, Some(*day)),
                Operator::NotEqual => (None, None),
            };
            from = from.max(start);
            until = match (until, end) {
                (Some(until), Some(end)) => Some(until.min(end)),
                (until, end) => until.or(end),
            };
        }
        (from, until)
    }

    /// Whether a line is asked for, beside its day.
    #[must_use]
    pub fn passes(&self, line: &DayLine) -> bool {
        let is_meant = self.metric == Metric::Cost || line.usage().is_some();
        is_meant && self.conditions.iter().all(|condition| condition.passes(line))
    }
}

fn expand(text: Option<&str>) -> Result<(bool, bool), CostRequestError> {
    let (mut meter, mut additional) = (false, false);
    let names = text.unwrap_or_default().split(['|', ',']).map(str::trim);
    for name in names.filter(|name| !name.is_empty()) {
        let short = name.get(..11).filter(|path| path.eq_ignore_ascii_case("properties/"));
        let short = short.map_or(name, |path| &name[path.len()..]);
        match short.to_ascii_lowercase().as_str() {
            "meterdetails" => meter = true,
            "additionalproperties" | "additionalinfo" => additional = true,
            _ => {
                let expected = "properties/meterDetails or properties/additionalProperties";
                return Err(CostRequestError::value("$expand", name, expected));
            }
        }
    }
    Ok((meter, additional))
}

fn metric(text: Option<&str>) -> Result<Metric, CostRequestError> {
    match text.unwrap_or_default().to_ascii_lowercase().as_str() {
        "" | "actualcost" | "amortizedcost" => Ok(Metric::Cost),
        "usage" => Ok(Metric::Usage),
        other => {
            let expected = "ActualCost, AmortizedCost or Usage";
            Err(CostRequestError::value("metric", other, expected))
        }
    }
}

fn conditions(filter: &str) -> Result<Vec<Condition>, CostRequestError> {
    let read = parse_filter(filter)?;
    let comparisons = read.conjunction().ok_or_else(|| CostRequestError::FilterPart {
        found: Excerpt::new(filter),
        expected: FIELDS,
    })?;
    comparisons.into_iter().map(condition).collect()
}

fn condition(comparison: &Comparison) -> Result<Condition, CostRequestError> {
    let Comparison { field, operator, value } = comparison;
    let name = field.as_str();
    let short = name.get(..11).filter(|path| path.eq_ignore_ascii_case("properties/"));
    let short = short.map_or(name, |path| &name[path.len()..]).to_ascii_lowercase();
    let unknown = || CostRequestError::FilterPart {
        found: Excerpt::new(&format!("{name} {operator}")),
        expected: FIELDS,
    };
    if matches!(short.as_str(), "usagestart" | "usageend" | "date" | "usagedate") {
        if *operator == Operator::NotEqual {
            return Err(unknown());
        }
        let day = value.time().map(|time| time.date());
        let day = day.filter(|day| day.civil().0 < LAST_YEAR);
        let expected = "a day such as '2026-01-31' or a moment of one";
        let day =
            day.ok_or(CostRequestError::FilterPart { found: Excerpt::new(name), expected })?;
        return Ok(Condition::Day(*operator, day));
    }
    let text = value.text().filter(|_| *operator == Operator::Equal).ok_or_else(unknown)?;
    if short == "tags" {
        let expected = "tags eq 'name:value'";
        let (name, value) = text
            .split_once(':')
            .ok_or(CostRequestError::FilterPart { found: Excerpt::new(text), expected })?;
        return Ok(Condition::Tag { name: name.to_owned(), value: value.to_owned() });
    }
    let property = match short.as_str() {
        "instanceid" | "resourceid" => Property::InstanceId,
        "instancename" | "resourcename" => Property::InstanceName,
        "resourcegroup" => Property::ResourceGroup,
        "meterid" => Property::Meter,
        "chargetype" => Property::ChargeType,
        "publishertype" => Property::PublisherType,
        _ => return Err(unknown()),
    };
    Ok(Condition::Text(property, text.to_owned()))
}

impl Condition {
    fn passes(&self, line: &DayLine) -> bool {
        match self {
            Self::Day(operator, day) => operator.holds(line.day.cmp(day)),
            Self::Text(property, wanted) => {
                let value = property.of(line);
                value.is_some_and(|value| value.to_lowercase() == wanted.to_lowercase())
            }
            Self::Tag { name, value } => {
                let tag = line.usage().and_then(|usage| usage.instance.tag(name));
                tag.is_some_and(|tag| tag.to_lowercase() == value.to_lowercase())
            }
        }
    }
}

impl Property {
    fn of(self, line: &DayLine) -> Option<String> {
        let usage = line.usage();
        let uri = usage.and_then(|usage| usage.instance.resource_uri.as_deref());
        match self {
            Self::InstanceId => uri.map(str::to_owned),
            Self::InstanceName => {
                uri.and_then(resource::parse).and_then(|path| path.name.map(str::to_owned))
            }
            Self::ResourceGroup => {
                usage.and_then(|usage| usage.instance.resource_group()).map(str::to_owned)
            }
            Self::Meter => usage.map(|usage| usage.meter.id.to_string()),
            Self::ChargeType => Some(charge_type(line).to_owned()),
            Self::PublisherType => {
                usage.map(|usage| publisher_type(usage.meter.is_third_party)).map(str::to_owned)
            }
        }
    }
}

/// What Azure calls such a charge: a credit is a refund, what is due without usage a purchase.
#[must_use]
pub fn charge_type(line: &DayLine) -> &'static str {
    match &line.kind {
        DayLineKind::Usage(_) => "Usage",
        DayLineKind::Term(TermLineKind::Credit, _) => "Refund",
        DayLineKind::Term(TermLineKind::Forfeited | TermLineKind::Recurring, _) => "Purchase",
    }
}

/// How often Azure says that such a charge comes.
#[must_use]
pub fn frequency(line: &DayLine) -> &'static str {
    match &line.kind {
        DayLineKind::Usage(_) | DayLineKind::Term(TermLineKind::Credit, _) => "UsageBased",
        DayLineKind::Term(TermLineKind::Forfeited | TermLineKind::Recurring, _) => "Recurring",
    }
}

/// Whom Azure calls the seller of a meter.
#[must_use]
pub fn publisher_type(is_third_party: bool) -> &'static str {
    if is_third_party { "Marketplace" } else { "Azure" }
}
