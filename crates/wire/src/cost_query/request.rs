//! What a client asks of the cost query.

use domain::time::Date;
use serde_json::value::RawValue;

use super::{CostFilter, Dimension, Subject, elements, members, text};
use crate::cost_request::CostRequestError;
use crate::object;
use crate::text::Excerpt;
use crate::time::parse_rfc3339_or_naive;

/// Most columns of sums.
///
/// Source: Azure Cost Management, query, `dataset.aggregation`.
const MEASURES_MAX: usize = 2;
/// Most subjects to group by; Azure has two.
const GROUPINGS_MAX: usize = 8;
/// Most columns to sort by.
const SORTINGS_MAX: usize = 8;
/// The year that no usage is of, so that every day has one after it.
const LAST_YEAR: i32 = 9_999;

/// What a client asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CostQuery {
    /// Which days.
    pub timeframe: Timeframe,
    /// By which steps of time.
    pub granularity: DatasetGranularity,
    /// The columns of sums, each with its name as the client writes it; at least one.
    pub measures: Vec<(String, Measure)>,
    /// What groups are made by, each with its name as the client writes it.
    pub groupings: Vec<Grouping>,
    /// Which lines; none for all.
    pub filter: Option<CostFilter>,
    /// The order of the rows.
    pub sorting: Vec<Sorting>,
}

/// Which days are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Timeframe {
    /// From Sunday to today.
    WeekToDate,
    /// From the first of the month to today.
    MonthToDate,
    /// From the first day of the billing period to today.
    BillingMonthToDate,
    /// This calendar month.
    TheCurrentMonth,
    /// The calendar month before.
    TheLastMonth,
    /// The billing period before.
    TheLastBillingMonth,
    /// From one day to another, both included.
    Custom(Date, Date),
}

/// Size of the steps of time that rows are of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DatasetGranularity {
    /// All in one.
    None,
    /// Days of UTC.
    Daily,
    /// Calendar months of UTC.
    Monthly,
}

/// What a column sums.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Measure {
    /// Cost in the subscription's currency.
    Cost,
    /// The same in US dollars, which it has only where that is the currency.
    CostUsd,
    /// Quantity, whatever its unit.
    Quantity,
}

/// Something that groups are made by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grouping {
    /// As the client writes it.
    pub name: String,
    /// What it is.
    pub subject: Subject,
}

/// A column that rows are sorted by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sorting {
    /// The column.
    pub column: String,
    /// Whether the greatest comes first.
    pub is_descending: bool,
}

impl CostQuery {
    /// Reads a body.
    ///
    /// # Errors
    /// [`CostRequestError`] with the first member that is wrong.
    pub fn read(body: &[u8]) -> Result<Self, CostRequestError> {
        let body = object::utf8(body).map_err(CostRequestError::Body)?;
        let raw: &RawValue = serde_json::from_str(body).map_err(|error| {
            CostRequestError::Body(crate::property::Malformed::NotJson {
                detail: error.to_string(),
            })
        })?;
        let (mut kind, mut timeframe, mut period, mut dataset) = (None, None, None, None);
        for (name, value) in members(raw, "")? {
            match name.to_ascii_lowercase().as_str() {
                "type" => kind = Some(text(&name, value)?),
                "timeframe" => timeframe = Some(text(&name, value)?),
                "timeperiod" => period = Some(read_period(&name, value)?),
                "dataset" => dataset = Some((name, value)),
                _ => return Err(CostRequestError::Unknown(Excerpt::new(&name))),
            }
        }
        let kind = kind.ok_or_else(|| CostRequestError::Missing("type".to_owned()))?;
        if !["usage", "actualcost", "amortizedcost"].contains(&kind.to_ascii_lowercase().as_str()) {
            let expected = "Usage, ActualCost or AmortizedCost";
            return Err(CostRequestError::value("type", &kind, expected));
        }
        let timeframe =
            timeframe.ok_or_else(|| CostRequestError::Missing("timeframe".to_owned()))?;
        let mut query = Self {
            timeframe: read_timeframe(&timeframe, period)?,
            granularity: DatasetGranularity::None,
            measures: vec![],
            groupings: vec![],
            filter: None,
            sorting: vec![],
        };
        if let Some((name, dataset)) = dataset {
            query.read_dataset(&name, dataset)?;
        }
        if query.measures.is_empty() {
            query.measures.push(("PreTaxCost".to_owned(), Measure::Cost));
        }
        Ok(query)
    }

    fn read_dataset(&mut self, path: &str, raw: &RawValue) -> Result<(), CostRequestError> {
        for (place, value) in members(raw, &format!("{path}."))? {
            let name = place[path.len() + 1..].to_ascii_lowercase();
            match name.as_str() {
                "granularity" => {
                    self.granularity = read_granularity(&place, &text(&place, value)?)?
                }
                "aggregation" => self.measures = read_measures(&place, value)?,
                "grouping" => {
                    let listed = elements(&place, value, GROUPINGS_MAX)?;
                    let listed = listed.into_iter().map(|one| read_grouping(&place, one));
                    self.groupings = listed.collect::<Result<_, _>>()?;
                }
                "filter" => self.filter = Some(CostFilter::read(&place, value)?),
                "sorting" => {
                    let listed = elements(&place, value, SORTINGS_MAX)?;
                    let listed = listed.into_iter().map(|one| read_sorting(&place, one));
                    self.sorting = listed.collect::<Result<_, _>>()?;
                }
                _ => return Err(CostRequestError::Unknown(Excerpt::new(&place))),
            }
        }
        Ok(())
    }
}

fn read_period(path: &str, raw: &RawValue) -> Result<(Date, Date), CostRequestError> {
    let (mut from, mut to) = (None, None);
    for (place, value) in members(raw, &format!("{path}."))? {
        let name = place[path.len() + 1..].to_ascii_lowercase();
        match name.as_str() {
            "from" => from = Some(read_day(&place, &text(&place, value)?)?),
            "to" => to = Some(read_day(&place, &text(&place, value)?)?),
            _ => return Err(CostRequestError::Unknown(Excerpt::new(&place))),
        }
    }
    let missing = |member| CostRequestError::Missing(format!("{path}.{member}"));
    let from = from.ok_or_else(|| missing("from"))?;
    let to = to.ok_or_else(|| missing("to"))?;
    if to < from {
        let expected = "the day of timePeriod.from or one after it";
        return Err(CostRequestError::value(format!("{path}.to"), &to.to_string(), expected));
    }
    Ok((from, to))
}

/// A day, or a moment within it.
fn read_day(place: &str, text: &str) -> Result<Date, CostRequestError> {
    let day = Date::parse(text).ok().or_else(|| Some(parse_rfc3339_or_naive(text).ok()?.date()));
    let day = day.filter(|day| day.civil().0 < LAST_YEAR);
    day.ok_or_else(|| CostRequestError::value(place, text, "a time such as 2026-01-31T00:00:00Z"))
}

fn read_timeframe(name: &str, period: Option<(Date, Date)>) -> Result<Timeframe, CostRequestError> {
    let timeframe = match (name.to_ascii_lowercase().as_str(), period) {
        ("custom", Some((from, to))) => return Ok(Timeframe::Custom(from, to)),
        ("custom", None) => return Err(CostRequestError::Missing("timePeriod".to_owned())),
        ("weektodate", _) => Timeframe::WeekToDate,
        ("monthtodate", _) => Timeframe::MonthToDate,
        ("billingmonthtodate", _) => Timeframe::BillingMonthToDate,
        ("thecurrentmonth", _) => Timeframe::TheCurrentMonth,
        ("thelastmonth", _) => Timeframe::TheLastMonth,
        ("thelastbillingmonth", _) => Timeframe::TheLastBillingMonth,
        _ => {
            let expected = "WeekToDate, MonthToDate, BillingMonthToDate, TheCurrentMonth, \
                            TheLastMonth, TheLastBillingMonth or Custom";
            return Err(CostRequestError::value("timeframe", name, expected));
        }
    };
    if period.is_some() {
        let expected = "Custom, which goes with timePeriod";
        return Err(CostRequestError::value("timeframe", name, expected));
    }
    Ok(timeframe)
}

fn read_granularity(place: &str, name: &str) -> Result<DatasetGranularity, CostRequestError> {
    match name.to_ascii_lowercase().as_str() {
        "none" => Ok(DatasetGranularity::None),
        "daily" => Ok(DatasetGranularity::Daily),
        "monthly" => Ok(DatasetGranularity::Monthly),
        _ => Err(CostRequestError::value(place, name, "None, Daily or Monthly")),
    }
}

fn read_measures(path: &str, raw: &RawValue) -> Result<Vec<(String, Measure)>, CostRequestError> {
    let mut measures: Vec<(String, Measure)> = Vec::new();
    let listed = members(raw, &format!("{path}."))?;
    if listed.len() > MEASURES_MAX {
        return Err(CostRequestError::TooMany { name: path.to_owned(), most: MEASURES_MAX });
    }
    for (place, value) in listed {
        let (mut name, mut has_function) = (None, false);
        for (member, value) in members(value, &format!("{place}."))? {
            let read = text(&member, value)?;
            match member[place.len() + 1..].to_ascii_lowercase().as_str() {
                "name" => name = Some((measure(&member, &read)?, read)),
                "function" if read.eq_ignore_ascii_case("Sum") => has_function = true,
                "function" => return Err(CostRequestError::value(member, &read, "Sum")),
                _ => return Err(CostRequestError::Unknown(Excerpt::new(&member))),
            }
        }
        let missing = |member| CostRequestError::Missing(format!("{place}.{member}"));
        let (measure, name) = name.ok_or_else(|| missing("name"))?;
        if !has_function {
            return Err(missing("function"));
        }
        if measures.iter().any(|(known, _)| known.eq_ignore_ascii_case(&name)) {
            let expected = "a name that no other aggregation has";
            return Err(CostRequestError::value(format!("{place}.name"), &name, expected));
        }
        measures.push((name, measure));
    }
    Ok(measures)
}

fn measure(place: &str, name: &str) -> Result<Measure, CostRequestError> {
    match name.to_ascii_lowercase().as_str() {
        "cost" | "pretaxcost" => Ok(Measure::Cost),
        "costusd" | "pretaxcostusd" => Ok(Measure::CostUsd),
        "usagequantity" | "quantity" => Ok(Measure::Quantity),
        _ => {
            let expected = "Cost, PreTaxCost, CostUSD, PreTaxCostUSD or UsageQuantity";
            Err(CostRequestError::value(place, name, expected))
        }
    }
}

fn read_grouping(path: &str, raw: &RawValue) -> Result<Grouping, CostRequestError> {
    let (mut kind, mut name) = (None, None);
    for (place, value) in members(raw, &format!("{path}."))? {
        let read = text(&place, value)?;
        match place[path.len() + 1..].to_ascii_lowercase().as_str() {
            "type" => kind = Some(read),
            "name" => name = Some(read),
            _ => return Err(CostRequestError::Unknown(Excerpt::new(&place))),
        }
    }
    let missing = |member| CostRequestError::Missing(format!("{path}.{member}"));
    let (kind, name) = (kind.ok_or_else(|| missing("type"))?, name.ok_or_else(|| missing("name"))?);
    let subject = match kind.to_ascii_lowercase().as_str() {
        "dimension" => Subject::Dimension(Dimension::read(&format!("{path}.name"), &name)?),
        "tagkey" | "tag" => Subject::Tag(name.clone()),
        _ => {
            return Err(CostRequestError::value(
                format!("{path}.type"),
                &kind,
                "Dimension or TagKey",
            ));
        }
    };
    Ok(Grouping { name, subject })
}

fn read_sorting(path: &str, raw: &RawValue) -> Result<Sorting, CostRequestError> {
    let (mut column, mut is_descending) = (None, false);
    for (place, value) in members(raw, &format!("{path}."))? {
        let read = text(&place, value)?;
        match place[path.len() + 1..].to_ascii_lowercase().as_str() {
            "name" => column = Some(read),
            "direction" if read.eq_ignore_ascii_case("Ascending") => is_descending = false,
            "direction" if read.eq_ignore_ascii_case("Descending") => is_descending = true,
            "direction" => {
                return Err(CostRequestError::value(place, &read, "Ascending or Descending"));
            }
            _ => return Err(CostRequestError::Unknown(Excerpt::new(&place))),
        }
    }
    let column = column.ok_or_else(|| CostRequestError::Missing(format!("{path}.name")))?;
    Ok(Sorting { column, is_descending })
}
