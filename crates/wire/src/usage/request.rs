//! What a client asks the usage call for. Whatever is accepted lies on bounds of its granularity
//! and not in the future.

use std::fmt;

use domain::aggregate::{Granularity, UsageQuery};
use domain::id::SubscriptionId;
use domain::time::{ReportedTime, UtcTime};

use crate::query::Parameters;
use crate::text::Excerpt;
use crate::time::{TimeProblem, TimeTextError, parse_reported_time};

pub(crate) const REPORTED_START: &str = "reportedStartTime";
pub(crate) const REPORTED_END: &str = "reportedEndTime";
pub(crate) const GRANULARITY: &str = "aggregationGranularity";
pub(super) const SHOW_DETAILS: &str = "showDetails";
pub(crate) const CONTINUATION_TOKEN: &str = "continuationToken";

/// What a client asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UsageRequest {
    /// Which usage.
    pub query: UsageQuery,
    /// Where to go on, from an earlier answer; still to be checked against the query.
    pub continuation: Option<String>,
}

/// What is wrong with the parameters. Messages are sentences, as Azure's are.
///
/// Source: the error codes of Azure Stack Hub's usage API, and recorded answers of Azure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UsageRequestError {
    /// A required parameter is missing or empty.
    Missing(&'static str),
    /// A time cannot be read.
    Time {
        /// Which parameter.
        parameter: &'static str,
        /// Its value, and why.
        error: TimeTextError,
    },
    /// A granularity other than `Daily` and `Hourly`.
    Granularity(Excerpt),
    /// Details asked for by something else than `true` and `false`.
    ShowDetails(Excerpt),
    /// A time that is not on a bound of the granularity.
    OffBound {
        /// Which parameter.
        parameter: &'static str,
        /// Its value in UTC.
        time: UtcTime,
        /// The granularity asked for.
        granularity: Granularity,
    },
    /// The start is not before the end.
    EmptyRange {
        /// Start in UTC.
        start: UtcTime,
        /// End in UTC.
        end: UtcTime,
    },
    /// The end is in the future, where usage is still to come.
    EndInFuture {
        /// End in UTC.
        end: UtcTime,
        /// The server's time.
        now: UtcTime,
    },
}

impl UsageRequestError {
    /// The code that programs read.
    #[must_use]
    pub fn code(&self) -> &'static str {
        match self {
            Self::Missing(_)
            | Self::ShowDetails(_)
            | Self::OffBound { .. }
            | Self::EmptyRange { .. } => "InvalidProperty",
            Self::Time { .. } => "BadRequest",
            Self::Granularity(_) => "InvalidAggregationGranularity",
            Self::EndInFuture { .. } => "RequestEndTimeIsInFuture",
        }
    }

    /// The parameter that it is about.
    #[must_use]
    pub fn target(&self) -> &'static str {
        match self {
            Self::Missing(parameter)
            | Self::Time { parameter, .. }
            | Self::OffBound { parameter, .. } => parameter,
            Self::Granularity(_) => GRANULARITY,
            Self::ShowDetails(_) => SHOW_DETAILS,
            Self::EmptyRange { .. } => REPORTED_START,
            Self::EndInFuture { .. } => REPORTED_END,
        }
    }
}

impl fmt::Display for UsageRequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(parameter) => write!(f, "The parameter {parameter} is missing."),
            Self::Time { parameter, error } => write_time_error(f, parameter, error),
            Self::Granularity(value) => {
                write!(f, "The aggregationGranularity {value} is neither Daily nor Hourly.")
            }
            Self::ShowDetails(value) => {
                write!(f, "The showDetails {value} is neither true nor false.")
            }
            Self::OffBound { parameter, time, granularity: Granularity::Daily } => write!(
                f,
                "The {parameter} {time} is not at midnight UTC, as Daily aggregates need it."
            ),
            Self::OffBound { parameter, time, granularity: Granularity::Hourly } => {
                write!(
                    f,
                    "The {parameter} {time} is not on the hour, as Hourly aggregates need it."
                )
            }
            Self::EmptyRange { start, end } => {
                write!(f, "The reportedStartTime {start} is not before the reportedEndTime {end}.")
            }
            Self::EndInFuture { end, now } => {
                write!(f, "The reportedEndTime {end} is in the future; it is now {now}.")
            }
        }
    }
}

/// The text of Azure Stack Hub, to which Azure's own is put in front where Azure answers with that.
fn write_time_error(
    f: &mut fmt::Formatter<'_>,
    parameter: &str,
    error: &TimeTextError,
) -> fmt::Result {
    if error.problem == TimeProblem::DayBeforeMonth {
        f.write_str("The request is invalid. ")?;
    }
    let text = &error.text;
    write!(
        f,
        "The reported date time {text} is not in ISO 8601 format(YYYY-MM-DDTHH:mm:ss.sssZ). \
         Parameter {parameter}: {error}."
    )
}

impl std::error::Error for UsageRequestError {}

impl UsageRequest {
    /// Reads the parameters. Those that are not known are let pass, as Azure's own links carry
    /// some. The api-version is the server's to check.
    ///
    /// # Errors
    /// [`UsageRequestError`] with the first that is wrong.
    pub fn from_parameters(
        subscription: SubscriptionId,
        parameters: &Parameters,
        now: UtcTime,
    ) -> Result<Self, UsageRequestError> {
        let granularity = granularity(parameters)?;
        let details = details(parameters)?;
        let start = time(parameters, REPORTED_START, granularity)?;
        let end = time(parameters, REPORTED_END, granularity)?;
        if start >= end {
            return Err(UsageRequestError::EmptyRange { start, end });
        }
        if end > now {
            return Err(UsageRequestError::EndInFuture { end, now });
        }
        let reported = ReportedTime(start)..ReportedTime(end);
        let token = parameters.get(CONTINUATION_TOKEN).filter(|token| !token.is_empty());
        Ok(Self {
            query: UsageQuery { subscription, reported, granularity, details, within: None },
            continuation: token.map(str::to_owned),
        })
    }
}

fn granularity(parameters: &Parameters) -> Result<Granularity, UsageRequestError> {
    match parameters.get(GRANULARITY) {
        None => Ok(Granularity::Daily),
        Some(value) if value.eq_ignore_ascii_case("Daily") => Ok(Granularity::Daily),
        Some(value) if value.eq_ignore_ascii_case("Hourly") => Ok(Granularity::Hourly),
        Some(value) => Err(UsageRequestError::Granularity(Excerpt::new(value))),
    }
}

fn details(parameters: &Parameters) -> Result<bool, UsageRequestError> {
    match parameters.get(SHOW_DETAILS) {
        None => Ok(true),
        Some(value) if value.eq_ignore_ascii_case("true") => Ok(true),
        Some(value) if value.eq_ignore_ascii_case("false") => Ok(false),
        Some(value) => Err(UsageRequestError::ShowDetails(Excerpt::new(value))),
    }
}

fn time(
    parameters: &Parameters,
    parameter: &'static str,
    granularity: Granularity,
) -> Result<UtcTime, UsageRequestError> {
    let text = parameters.get(parameter).filter(|text| !text.trim().is_empty());
    let text = text.ok_or(UsageRequestError::Missing(parameter))?;
    let time =
        parse_reported_time(text).map_err(|error| UsageRequestError::Time { parameter, error })?;
    let bound = match granularity {
        Granularity::Daily => time.day_start(),
        Granularity::Hourly => time.hour_start(),
    };
    if time == bound {
        Ok(time)
    } else {
        Err(UsageRequestError::OffBound { parameter, time, granularity })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::parse_rfc3339;

    fn check(query: &str, expected: &str) {
        let now = parse_rfc3339("2026-03-01T12:30:00Z").unwrap();
        let parameters = Parameters::parse(query).unwrap();
        let request = UsageRequest::from_parameters(SubscriptionId::from_bits(1), &parameters, now);
        let found = match request {
            Ok(UsageRequest { query, continuation }) => format!(
                "{}..{} {:?} {} {continuation:?}",
                query.reported.start, query.reported.end, query.granularity, query.details
            ),
            Err(error) => format!("{} {}: {error}", error.code(), error.target()),
        };
        assert_eq!(found, expected, "{query}");
    }

    #[test]
    fn real_requests_are_understood() {
        check(
            "api-version=2015-06-01-preview&reportedstartTime=5%2F1%2F2015%2012:00:00%20AM&reportedEndTime=5%2F2%2F2015%2012:00:00%20AM,&showDetails=true&aggregationGranularity=Daily",
            "2015-05-01T00:00:00Z..2015-05-02T00:00:00Z Daily true None",
        );
        check(
            "api-version=2015-06-01-preview&reportedstartTime=2015-06-02%201%3A00%3A00Z&reportedEndTime=2015-06-03%200%3A00%3A00Z&error_if_not_processed=true&showDetails=True&aggregationGranularity=Hourly&continuationToken=eyJ%3d%3d",
            r#"2015-06-02T01:00:00Z..2015-06-03T00:00:00Z Hourly true Some("eyJ==")"#,
        );
        check(
            "reportedStartTime=2015-06-02+1%3a00%3a00Z&reportedEndTime=2015-06-03+0%3a00%3a00Z&aggregationGranularity=hourly&SHOWDETAILS=FALSE&continuationToken=",
            "2015-06-02T01:00:00Z..2015-06-03T00:00:00Z Hourly false None",
        );
        check(
            "reportedStartTime=2026-01-01%200:00:00.0%20%2B00:00:00&reportedEndTime=2026-03-01",
            "2026-01-01T00:00:00Z..2026-03-01T00:00:00Z Daily true None",
        );
        check(
            "reportedStartTime=2026-01-01T02:00:00%2b02:00&reportedEndTime=2026-03-01T00:00:00+00:00",
            "2026-01-01T00:00:00Z..2026-03-01T00:00:00Z Daily true None",
        );
        check(
            "reportedStartTime=2026-03-01T11:00:00Z&reportedEndTime=2026-03-01T12:00:00Z&aggregationGranularity=Hourly",
            "2026-03-01T11:00:00Z..2026-03-01T12:00:00Z Hourly true None",
        );
    }

    #[test]
    fn what_is_wrong_is_named() {
        let good_start = "reportedStartTime=2026-01-01";
        for (query, expected) in [
            ("", "InvalidProperty reportedStartTime: The parameter reportedStartTime is missing."),
            (
                good_start,
                "InvalidProperty reportedEndTime: The parameter reportedEndTime is missing.",
            ),
            (
                "reportedStartTime=&reportedEndTime=2026-02-01",
                "InvalidProperty reportedStartTime: The parameter reportedStartTime is missing.",
            ),
            (
                "reportedStartTime=soon&reportedEndTime=2026-02-01",
                "BadRequest reportedStartTime: The reported date time 'soon' is not in ISO 8601 format(YYYY-MM-DDTHH:mm:ss.sssZ). Parameter reportedStartTime: 'soon' is not a time such as 2026-01-31T00:00:00Z.",
            ),
            (
                "reportedStartTime=2026-01-01&reportedEndTime=31/01/2026",
                "BadRequest reportedEndTime: The request is invalid. The reported date time '31/01/2026' is not in ISO 8601 format(YYYY-MM-DDTHH:mm:ss.sssZ). Parameter reportedEndTime: '31/01/2026' has a day where the month comes first.",
            ),
            (
                "reportedStartTime=2026-02-01&reportedEndTime=2026-02-01",
                "InvalidProperty reportedStartTime: The reportedStartTime 2026-02-01T00:00:00Z is not before the reportedEndTime 2026-02-01T00:00:00Z.",
            ),
            (
                "reportedStartTime=2026-02-01&reportedEndTime=2026-03-02",
                "RequestEndTimeIsInFuture reportedEndTime: The reportedEndTime 2026-03-02T00:00:00Z is in the future; it is now 2026-03-01T12:30:00Z.",
            ),
            (
                "reportedStartTime=2026-02-01T01:00:00Z&reportedEndTime=2026-03-01",
                "InvalidProperty reportedStartTime: The reportedStartTime 2026-02-01T01:00:00Z is not at midnight UTC, as Daily aggregates need it.",
            ),
            (
                "reportedStartTime=2026-02-01&reportedEndTime=2026-02-03T01:00:00.5Z&aggregationGranularity=Hourly",
                "InvalidProperty reportedEndTime: The reportedEndTime 2026-02-03T01:00:00.5Z is not on the hour, as Hourly aggregates need it.",
            ),
            (
                "reportedStartTime=2026-02-01&reportedEndTime=2026-03-01&aggregationGranularity=Weekly",
                "InvalidAggregationGranularity aggregationGranularity: The aggregationGranularity 'Weekly' is neither Daily nor Hourly.",
            ),
            (
                "reportedStartTime=2026-02-01&reportedEndTime=2026-03-01&aggregationGranularity=",
                "InvalidAggregationGranularity aggregationGranularity: The aggregationGranularity '' is neither Daily nor Hourly.",
            ),
            (
                "reportedStartTime=2026-02-01&reportedEndTime=2026-03-01&showDetails=yes",
                "InvalidProperty showDetails: The showDetails 'yes' is neither true nor false.",
            ),
        ] {
            check(query, expected);
        }
    }
}
