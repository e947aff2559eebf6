//! The table that answers a cost query: lines of days, selected, grouped and sorted. Pure.
//!
//! Rows add up to the lines that they are made of. Usage without a price is in no cost: a row that has
//! nothing else is there only where quantities are asked for, and then without a cost.

use std::collections::BTreeMap;

use accounts::Subscription;
use domain::daily::{DayLine, DayUsage};
use domain::decimal::{Money, OutOfRange, Quantity};
use domain::region;
use domain::resource;
use wire::cost_query::{Cell, Column, CostQuery, DatasetGranularity, Dimension, Measure, Subject};
use wire::usage_details::{charge_type, frequency, publisher_type};

/// The columns of the answer: sums, the step of time, groups, and the currency.
pub(crate) fn columns(query: &CostQuery) -> Vec<Column> {
    let column = |name: &str, kind| Column { name: name.to_owned(), kind };
    let mut columns: Vec<_> =
        query.measures.iter().map(|(name, _)| column(name, "Number")).collect();
    match query.granularity {
        DatasetGranularity::None => {}
        DatasetGranularity::Daily => columns.push(column("UsageDate", "Number")),
        DatasetGranularity::Monthly => columns.push(column("BillingMonth", "Datetime")),
    }
    for grouping in &query.groupings {
        match &grouping.subject {
            Subject::Dimension(_) => columns.push(column(&grouping.name, "String")),
            Subject::Tag(_) => {
                columns.push(column("TagKey", "String"));
                columns.push(column("TagValue", "String"));
            }
        }
    }
    columns.push(column("Currency", "String"));
    columns
}

/// The places of the columns that rows are sorted by, with whether the greatest comes first; the name
/// of the first that is no column.
pub(crate) fn order(query: &CostQuery, columns: &[Column]) -> Result<Vec<(usize, bool)>, String> {
    let places = query.sorting.iter().map(|sorting| {
        let mut named = columns.iter();
        let place = named.position(|column| column.name.eq_ignore_ascii_case(&sorting.column));
        let place = place.ok_or_else(|| sorting.column.clone())?;
        Ok((place, sorting.is_descending))
    });
    places.collect()
}

#[derive(Default)]
struct Sum {
    cost: Option<Money>,
    quantity: Quantity,
}

/// The rows of the answer.
///
/// # Errors
/// [`OutOfRange`] if a sum would not be exact.
pub(crate) fn rows<'a>(
    lines: impl Iterator<Item = &'a DayLine>,
    query: &CostQuery,
    order: &[(usize, bool)],
    subscription: &Subscription,
) -> Result<Vec<Vec<Cell>>, OutOfRange> {
    let mut sums: BTreeMap<Vec<Cell>, Sum> = BTreeMap::new();
    for line in lines {
        let value_of = |subject: &Subject| value(line, subject, subscription);
        if query.filter.as_ref().is_some_and(|filter| !filter.passes(&value_of)) {
            continue;
        }
        let sum = sums.entry(key(line, query, &value_of)).or_default();
        let is_priced = line.usage().is_none_or(|usage| usage.price.is_ok());
        if is_priced {
            sum.cost = Some(sum.cost.unwrap_or_default().plus(line.amount())?);
        }
        if let Some(usage) = line.usage() {
            sum.quantity = sum.quantity.plus(usage.quantity)?;
        }
    }
    let shows_quantity = query.measures.iter().any(|(_, measure)| *measure == Measure::Quantity);
    let shown = sums.into_iter().filter(|(_, sum)| shows_quantity || sum.cost.is_some());
    let mut rows: Vec<_> = shown.map(|(key, sum)| row(query, key, &sum, subscription)).collect();
    rows.sort_by(|a, b| {
        let mut orderings = order.iter().map(|(place, is_descending)| {
            let ordering = a[*place].cmp(&b[*place]);
            if *is_descending { ordering.reverse() } else { ordering }
        });
        orderings.find(|ordering| ordering.is_ne()).unwrap_or(std::cmp::Ordering::Equal)
    });
    Ok(rows)
}

fn row(query: &CostQuery, key: Vec<Cell>, sum: &Sum, subscription: &Subscription) -> Vec<Cell> {
    let measures = query.measures.iter().map(|(_, measure)| match measure {
        Measure::Cost | Measure::CostUsd => sum.cost.map_or(Cell::Nothing, Cell::Money),
        Measure::Quantity => Cell::Quantity(sum.quantity),
    });
    let currency = Cell::Text(subscription.currency.to_string());
    measures.chain(key).chain([currency]).collect()
}

/// The cells that name a line's group.
fn key(line: &DayLine, query: &CostQuery, value_of: &impl Fn(&Subject) -> String) -> Vec<Cell> {
    let mut cells = match query.granularity {
        DatasetGranularity::None => vec![],
        DatasetGranularity::Daily => vec![Cell::Day(line.day)],
        DatasetGranularity::Monthly => {
            vec![Cell::Text(format!("{}T00:00:00", line.day.month().first_day()))]
        }
    };
    for grouping in &query.groupings {
        if let Subject::Tag(name) = &grouping.subject {
            cells.push(Cell::Text(name.clone()));
        }
        cells.push(Cell::Text(value_of(&grouping.subject)));
    }
    cells
}

/// The value that a line has; empty where it has none.
fn value(line: &DayLine, subject: &Subject, subscription: &Subscription) -> String {
    let usage = line.usage();
    match subject {
        Subject::Tag(name) => {
            usage.and_then(|usage| usage.instance.tag(name)).unwrap_or_default().to_owned()
        }
        Subject::Dimension(Dimension::BillingPeriod) => line.period.name(),
        Subject::Dimension(Dimension::ChargeType) => charge_type(line).to_owned(),
        Subject::Dimension(Dimension::Frequency) => frequency(line).to_owned(),
        Subject::Dimension(Dimension::SubscriptionId) => subscription.id.to_string(),
        Subject::Dimension(Dimension::SubscriptionName) => {
            subscription.facts_at(line.period.start().date()).name.as_str().to_owned()
        }
        Subject::Dimension(dimension) => {
            usage.and_then(|usage| of_usage(usage, *dimension)).unwrap_or_default()
        }
    }
}

fn of_usage(usage: &DayUsage, dimension: Dimension) -> Option<String> {
    let instance = &usage.instance;
    let uri = instance.resource_uri.as_deref();
    let description = &usage.meter.description;
    let owned = |text: &Option<std::sync::Arc<str>>| text.as_deref().map(str::to_owned);
    match dimension {
        Dimension::ConsumedService => {
            uri.and_then(resource::parse).and_then(|path| path.namespace.map(str::to_lowercase))
        }
        Dimension::Meter => owned(&description.name),
        Dimension::MeterCategory => owned(&description.category),
        Dimension::MeterId => Some(usage.meter.id.to_string()),
        Dimension::MeterSubcategory => owned(&description.subcategory),
        Dimension::PublisherType => Some(publisher_type(usage.meter.is_third_party).to_owned()),
        Dimension::ResourceGroup => instance.resource_group().map(str::to_lowercase),
        Dimension::ResourceId => uri.map(str::to_lowercase),
        Dimension::ResourceLocation => instance.location.as_deref().map(|location| {
            region::find(location)
                .map_or_else(|| location.to_lowercase(), |region| region.id.to_owned())
        }),
        Dimension::ResourceType => uri.and_then(resource::parse).map(|path| path.kind),
        Dimension::ServiceName => {
            owned(&usage.meter.service).or_else(|| owned(&description.category))
        }
        Dimension::UnitOfMeasure => owned(&description.unit),
        // Those of lines of whatever kind.
        Dimension::BillingPeriod
        | Dimension::ChargeType
        | Dimension::Frequency
        | Dimension::SubscriptionId
        | Dimension::SubscriptionName => None,
    }
}
