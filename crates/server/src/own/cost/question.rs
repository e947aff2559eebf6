//! What is asked of cost, read from the query's parameters.

use std::ops::Range;

use domain::decimal::Money;
use domain::id::MeterId;
use domain::period::BillingPeriod;
use domain::spend::{Dimension, Filter, SharedCost, Shares, SpendQuery, Step};
use domain::time::{Date, Month, NoSuchTime, UtcTime};
use wire::query::Parameters;

use crate::bill::Account;
use crate::error::ApiError;
use crate::limits;
use crate::own::parsed;

/// Which spend, and how it is shown.
#[derive(Debug, Clone)]
pub(crate) struct CostQuestion {
    /// Set where one billing period is asked for.
    pub(crate) period: Option<BillingPeriod>,
    /// The entries of `groupBy`, as sent.
    pub(crate) group_by: Vec<String>,
    pub(crate) query: SpendQuery,
    pub(crate) inherit_tags: bool,
    pub(crate) shared: Option<SharedCost>,
}

impl CostQuestion {
    pub(crate) fn read(
        parameters: &Parameters,
        account: &Account,
        known_at: UtcTime,
    ) -> Result<Self, ApiError> {
        let (period, range) = read_range(parameters, account, known_at)?;
        let group_by = groups_asked(parameters.get("groupBy").unwrap_or("category"));
        let (step, dimensions) = read_groups(&group_by)?;
        let shared = read_split(parameters)?;
        if shared.is_some() && dimensions.is_empty() {
            return Err(wrong("split", "needs something to group by"));
        }
        let is_fixed =
            shared.as_ref().is_some_and(|shared| matches!(shared.shares, Shares::Fixed(_)));
        if is_fixed && dimensions.len() > 1 {
            return Err(wrong("split", "fixed goes with one group beside a step of time"));
        }
        Ok(Self {
            period,
            query: SpendQuery {
                range,
                step,
                group_by: dimensions,
                filters: read_filters(parameters)?,
                inherited: None,
                allocate_credit: read_flag(parameters, "allocateCredit")?,
            },
            group_by,
            inherit_tags: read_flag(parameters, "inheritTags")?,
            shared,
        })
    }
}

/// The year whose periods would end after the last moment that there is.
pub(crate) const LAST_YEAR: i32 = 9999;
/// What is said of it.
pub(crate) const TOO_FAR: &str = "is too far in the future";

pub(super) fn wrong(name: &'static str, reason: &str) -> ApiError {
    ApiError::Parameter { name, reason: reason.to_owned() }
}

/// The range asked for, and the billing period if it is one.
pub(crate) fn read_range(
    parameters: &Parameters,
    account: &Account,
    known_at: UtcTime,
) -> Result<(Option<BillingPeriod>, Range<UtcTime>), ApiError> {
    if let Some(range) = read_free_range(parameters, "period")? {
        return Ok((None, range));
    }
    let period = match parameters.get("period") {
        Some(text) => read_period("period", text, account)?,
        None => account.schedule.containing(known_at),
    };
    Ok((Some(period), period.start()..period.end()))
}

/// The range of `from` and `to`, if they are asked for; then what else names one may not be.
pub(super) fn read_free_range(
    parameters: &Parameters,
    other: &'static str,
) -> Result<Option<Range<UtcTime>>, ApiError> {
    let (from, to) = match (parameters.get("from"), parameters.get("to")) {
        (None, None) => return Ok(None),
        _ if parameters.get(other).is_some() => {
            return Err(wrong(other, "goes without from and to"));
        }
        (Some(from), Some(to)) => (read_moment("from", from)?, read_moment("to", to)?),
        (Some(_), None) => return Err(wrong("to", "is required beside from")),
        (None, Some(_)) => return Err(wrong("from", "is required beside to")),
    };
    if from >= to {
        return Err(wrong("to", "is not after from"));
    }
    Ok(Some(from..to))
}

/// A period by the month in which it starts, or by its name where several start in one.
pub(crate) fn read_period(
    name: &'static str,
    text: &str,
    account: &Account,
) -> Result<BillingPeriod, ApiError> {
    let malformed =
        || wrong(name, "is a month such as 2026-10, or the name of a period such as 202610-1");
    let is_name = text.len() > 7 && text.as_bytes()[6] == b'-';
    let month = if is_name && text.is_ascii() {
        format!("{}-{}", &text[..4], &text[4..6])
    } else {
        text.to_owned()
    };
    let month = Month::parse(&month).map_err(|NoSuchTime| malformed())?;
    if month.year() >= LAST_YEAR {
        return Err(wrong(name, TOO_FAR));
    }
    let periods = account.schedule.starting_in(month);
    let found = match (is_name, periods.as_slice()) {
        (false, [only]) => Some(*only),
        (true, _) => periods.iter().find(|period| period.name() == text).copied(),
        (false, _) => None,
    };
    found.ok_or_else(|| {
        let names: Vec<_> = periods.into_iter().map(BillingPeriod::name).collect();
        let names = names.join(", ");
        let reason = match (names.is_empty(), is_name) {
            (true, _) => format!("no billing period of the subscription starts in {month}"),
            (false, true) => format!("is none of those that start in {month}: {names}"),
            (false, false) => format!("several start in {month}, name one of {names}"),
        };
        ApiError::Parameter { name, reason }
    })
}

pub(crate) fn read_moment(name: &'static str, text: &str) -> Result<UtcTime, ApiError> {
    match Date::parse(text) {
        Ok(day) => Ok(day.start()),
        Err(NoSuchTime) => parsed(name, wire::time::parse_rfc3339(text)),
    }
}

fn read_flag(parameters: &Parameters, name: &'static str) -> Result<bool, ApiError> {
    match parameters.get(name) {
        None | Some("false") => Ok(false),
        Some("true") => Ok(true),
        Some(_) => Err(wrong(name, "is true or false")),
    }
}

/// The entries of `groupBy`.
pub(super) fn groups_asked(text: &str) -> Vec<String> {
    let entries = text.split(',').map(str::trim).filter(|entry| !entry.is_empty());
    entries.map(str::to_owned).collect()
}

pub(super) fn read_groups(entries: &[String]) -> Result<(Option<Step>, Vec<Dimension>), ApiError> {
    if entries.len() > limits::GROUPS_PER_QUESTION {
        let reason = format!("has more than {} entries", limits::GROUPS_PER_QUESTION);
        return Err(ApiError::Parameter { name: "groupBy", reason });
    }
    let (mut step, mut dimensions) = (None, Vec::new());
    for entry in entries {
        if let Some(found) = read_step(entry) {
            if step.replace(found).is_some() {
                return Err(wrong("groupBy", "has more than one of hour, day and month"));
            }
            continue;
        }
        let dimension = read_dimension(entry).ok_or_else(|| {
            let reason = format!("is {STEPS}, {DIMENSIONS}, not '{entry}'");
            ApiError::Parameter { name: "groupBy", reason }
        })?;
        if dimensions.iter().any(|known| dimension.is_same(known)) {
            return Err(ApiError::Parameter {
                name: "groupBy",
                reason: format!("has {entry} twice"),
            });
        }
        dimensions.push(dimension);
    }
    Ok((step, dimensions))
}

const STEPS: &str = "hour, day, month";
const DIMENSIONS: &str =
    "meter, category, subcategory, region, resource, resource-group, location or tag:NAME";

/// A step of time by its name.
pub(crate) fn read_step(text: &str) -> Option<Step> {
    match text {
        "hour" => Some(Step::Hour),
        "day" => Some(Step::Day),
        "month" => Some(Step::Month),
        _ => None,
    }
}

fn read_dimension(text: &str) -> Option<Dimension> {
    match text {
        "meter" => Some(Dimension::Meter),
        "category" => Some(Dimension::Category),
        "subcategory" => Some(Dimension::Subcategory),
        "region" => Some(Dimension::Region),
        "resource" => Some(Dimension::Resource),
        "resource-group" => Some(Dimension::ResourceGroup),
        "location" => Some(Dimension::Location),
        _ => {
            let name = text.strip_prefix("tag:").filter(|name| !name.is_empty())?;
            Some(Dimension::Tag(name.to_owned()))
        }
    }
}

pub(super) fn read_filters(parameters: &Parameters) -> Result<Vec<Filter>, ApiError> {
    let given = parameters.all("filter");
    if given.len() > limits::FILTERS_PER_QUESTION {
        let reason = format!("is given more than {} times", limits::FILTERS_PER_QUESTION);
        return Err(ApiError::Parameter { name: "filter", reason });
    }
    let mut filters: Vec<Filter> = Vec::new();
    for text in given {
        let named =
            text.split_once('=').and_then(|(what, value)| Some((read_dimension(what)?, value)));
        let (dimension, value) = named.ok_or_else(|| {
            let reason = format!("is WHAT=VALUE with WHAT {DIMENSIONS}, not '{text}'");
            ApiError::Parameter { name: "filter", reason }
        })?;
        let value = Some(value.to_owned()).filter(|value| !value.is_empty());
        let value = match (&dimension, value) {
            // With or without dashes, and never a text that no meter can match.
            (Dimension::Meter, Some(id)) => {
                Some(parsed("filter", MeterId::parse(&id))?.to_string())
            }
            (_, value) => value,
        };
        match filters.iter_mut().find(|filter| filter.dimension.is_same(&dimension)) {
            Some(filter) => filter.values.push(value),
            None => filters.push(Filter { dimension, values: vec![value] }),
        }
    }
    Ok(filters)
}

fn read_split(parameters: &Parameters) -> Result<Option<SharedCost>, ApiError> {
    let shares = parameters.all("share");
    let shares = match (parameters.get("split"), shares) {
        (None, []) if parameters.get("splitValue").is_none() => return Ok(None),
        (None, _) => return Err(wrong("split", "is required beside share and splitValue")),
        (Some("fixed"), []) => return Err(wrong("share", "is required for fixed shares")),
        (Some("fixed"), shares) => Shares::Fixed(read_shares(shares)?),
        (Some(_), [_, ..]) => return Err(wrong("share", "goes with fixed shares only")),
        (Some("even"), []) => Shares::Even,
        (Some("proportional"), []) => Shares::Proportional,
        (Some(_), []) => return Err(wrong("split", "is even, proportional or fixed")),
    };
    let value = parameters.get("splitValue").filter(|value| !value.is_empty());
    let is_shared =
        |name: &str| value.is_some_and(|value| value.to_lowercase() == name.to_lowercase());
    if let Shares::Fixed(shares) = &shares
        && shares.iter().any(|(name, _)| is_shared(name))
    {
        return Err(wrong("share", "names the group that is split"));
    }
    Ok(Some(SharedCost { value: value.map(str::to_owned), shares }))
}

fn read_shares(texts: &[String]) -> Result<Vec<(String, Money)>, ApiError> {
    if texts.len() > limits::SHARES_PER_QUESTION {
        let reason = format!("is given more than {} times", limits::SHARES_PER_QUESTION);
        return Err(ApiError::Parameter { name: "share", reason });
    }
    let mut shares: Vec<(String, Money)> = Vec::with_capacity(texts.len());
    for text in texts {
        let reason = || format!("is NAME=WEIGHT with a weight above zero, not '{text}'");
        let malformed = || ApiError::Parameter { name: "share", reason: reason() };
        let (name, weight) = text.rsplit_once('=').ok_or_else(malformed)?;
        let weight = Money::parse(weight).ok().filter(|weight| *weight > Money::ZERO);
        let weight = weight.ok_or_else(malformed)?;
        if name.is_empty() {
            return Err(malformed());
        }
        if shares.iter().any(|(known, _)| known.to_lowercase() == name.to_lowercase()) {
            let reason = format!("names '{name}' twice");
            return Err(ApiError::Parameter { name: "share", reason });
        }
        shares.push((name.to_owned(), weight));
    }
    Ok(shares)
}
