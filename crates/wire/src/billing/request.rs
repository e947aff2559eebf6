//! What a client asks of a list of billing periods or invoices.

use domain::time::Date;

use crate::cost_request::{CostRequestError, skip_token, top};
use crate::odata::{Comparison, Operator, parse_filter};
use crate::query::Parameters;
use crate::text::Excerpt;

/// Most items that `$top` asks for.
///
/// Source: Azure Billing, billingPeriods and invoices, `$top`.
pub const TOP_MAX: usize = 100;

/// What is listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Listed {
    /// Billing periods.
    Periods,
    /// Invoices.
    Invoices,
}

/// What a client asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListRequest {
    /// Comparisons of the last day that must all hold.
    conditions: Vec<(Operator, Date)>,
    /// How many of the latest items are asked for; all if none.
    pub top: Option<usize>,
    /// Where to go on, from an earlier page; still to be checked against the question.
    pub skip_token: Option<String>,
}

/// Days that a client names, both inclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DateRange {
    /// The first day.
    pub start: Date,
    /// The last day.
    pub end: Date,
}

impl ListRequest {
    /// Reads the parameters. Those that are not known are let pass.
    ///
    /// # Errors
    /// [`CostRequestError`] with the first that is wrong.
    pub fn from_parameters(
        parameters: &Parameters,
        listed: Listed,
    ) -> Result<Self, CostRequestError> {
        let given = |name| parameters.get(name).filter(|text| !text.trim().is_empty());
        let conditions = given("$filter").map(|text| conditions(text, listed)).transpose()?;
        let top = given("$top").map(|_| top(parameters, TOP_MAX, "a number from 1 to 100"));
        let expand = given("$expand").filter(|_| listed == Listed::Invoices);
        if let Some(text) = expand.filter(|text| !text.eq_ignore_ascii_case("downloadUrl")) {
            return Err(CostRequestError::value("$expand", text, "downloadUrl"));
        }
        Ok(Self {
            conditions: conditions.unwrap_or_default(),
            top: top.transpose()?,
            skip_token: skip_token(parameters),
        })
    }

    /// Whether an item that ends with this day is asked for.
    #[must_use]
    pub fn passes(&self, last_day: Date) -> bool {
        self.conditions.iter().all(|(operator, day)| operator.holds(last_day.cmp(day)))
    }
}

impl DateRange {
    /// Reads `periodStartDate` and `periodEndDate`, as the calls by billing account take them; none if
    /// neither is there.
    ///
    /// # Errors
    /// [`CostRequestError`] if one is missing or no day, or they are in the wrong order.
    pub fn from_parameters(parameters: &Parameters) -> Result<Option<Self>, CostRequestError> {
        let is_given = |name| parameters.get(name).is_some_and(|text| !text.is_empty());
        if !["periodStartDate", "periodEndDate"].into_iter().any(is_given) {
            return Ok(None);
        }
        let day = |name: &str| {
            let text = parameters.get(name).filter(|text| !text.is_empty());
            let text = text.ok_or_else(|| CostRequestError::Missing(name.to_owned()))?;
            let expected = "a day such as 2026-01-31";
            Date::parse(text).map_err(|_| CostRequestError::value(name, text, expected))
        };
        let (start, end) = (day("periodStartDate")?, day("periodEndDate")?);
        if end < start {
            let expected = "the day of periodStartDate or a later one";
            let given = parameters.get("periodEndDate").unwrap_or_default();
            return Err(CostRequestError::value("periodEndDate", given, expected));
        }
        Ok(Some(Self { start, end }))
    }
}

impl Listed {
    fn field(self) -> &'static str {
        match self {
            Self::Periods => "billingPeriodEndDate",
            Self::Invoices => "invoicePeriodEndDate",
        }
    }

    fn expected(self) -> &'static str {
        match self {
            Self::Periods => {
                "billingPeriodEndDate with eq, lt, gt, le and ge and a day such as 2026-01-31, \
                 joined by and"
            }
            Self::Invoices => {
                "invoicePeriodEndDate with eq, lt, gt, le and ge and a day such as 2026-01-31, \
                 joined by and"
            }
        }
    }
}

fn conditions(filter: &str, listed: Listed) -> Result<Vec<(Operator, Date)>, CostRequestError> {
    let unknown = |found: &str| CostRequestError::FilterPart {
        found: Excerpt::new(found),
        expected: listed.expected(),
    };
    let read = parse_filter(filter)?;
    let comparisons = read.conjunction().ok_or_else(|| unknown(filter))?;
    let condition = |comparison: &Comparison| {
        let Comparison { field, operator, value } = comparison;
        let short = field.as_str().strip_prefix("properties/").unwrap_or(field.as_str());
        let is_known =
            short.eq_ignore_ascii_case(listed.field()) && *operator != Operator::NotEqual;
        let day = value.date().filter(|_| is_known);
        day.map(|day| (*operator, day)).ok_or_else(|| unknown(&format!("{field} {operator}")))
    };
    comparisons.into_iter().map(condition).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(query: &str, listed: Listed, expected: &str) {
        let parameters = Parameters::parse(query).unwrap();
        let said = match ListRequest::from_parameters(&parameters, listed) {
            Ok(request) => {
                let days = ["2026-01-31", "2026-02-28", "2026-03-31"];
                let passed: Vec<_> = days
                    .into_iter()
                    .filter(|day| request.passes(Date::parse(day).unwrap()))
                    .collect();
                format!("{} top {:?}", passed.join(" "), request.top)
            }
            Err(error) => error.to_string(),
        };
        assert_eq!(said, expected, "{query}");
    }

    #[test]
    fn the_last_day_selects() {
        use Listed::{Invoices, Periods};
        let all = "2026-01-31 2026-02-28 2026-03-31 top None";
        check("", Periods, all);
        check("$filter=&$top=", Periods, all);
        let after = "2026-02-28 2026-03-31 top None";
        check("$filter=billingPeriodEndDate gt 2026-01-31", Periods, after);
        check("%24filter=BillingPeriodEndDate+gt+2026-01-31", Periods, after);
        check("$filter=billingPeriodEndDate ge '2026-02-28'", Periods, after);
        check(
            "$filter=invoicePeriodEndDate ge 2026-01-31 and invoicePeriodEndDate lt 2026-03-31",
            Invoices,
            "2026-01-31 2026-02-28 top None",
        );
        check("$filter=billingPeriodEndDate eq 2026-02-28", Periods, "2026-02-28 top None");
        check("$filter=billingPeriodEndDate le 2026-01-31", Periods, "2026-01-31 top None");
        check(
            "$top=100&$expand=downloadUrl",
            Invoices,
            "2026-01-31 2026-02-28 2026-03-31 top Some(100)",
        );
    }

    #[test]
    fn what_is_wrong_is_named() {
        use Listed::{Invoices, Periods};
        let takes = "where this call takes billingPeriodEndDate with eq, lt, gt, le and ge and a day \
                     such as 2026-01-31, joined by and.";
        for (filter, found) in [
            ("billingPeriodEndDate ne 2026-01-31", "billingPeriodEndDate ne"),
            ("invoicePeriodEndDate gt 2026-01-31", "invoicePeriodEndDate gt"),
            ("billingPeriodEndDate gt 3", "billingPeriodEndDate gt"),
            (
                "billingPeriodEndDate gt 2026-01-31 or billingPeriodEndDate lt 2025-01-31",
                "billingPeriodEndDate gt 2026-01-31 or billingPeriodEndDate lt 2025-01-31",
            ),
        ] {
            let expected = format!("The $filter has '{found}', {takes}");
            check(&format!("$filter={filter}"), Periods, &expected);
        }
        for top in ["0", "101", "x", "-1"] {
            let expected = format!("The $top '{top}' is not a number from 1 to 100.");
            check(&format!("$top={top}"), Invoices, &expected);
        }
        check("$expand=lines", Invoices, "The $expand 'lines' is not downloadUrl.");
    }

    #[test]
    fn days_by_account_are_both_given_and_in_order() {
        for (query, expected) in [
            ("periodStartDate=2026-01-01&periodEndDate=2026-01-01", ""),
            ("periodStartDate=&periodEndDate=", ""),
            ("periodStartDate=2026-01-01", "The periodEndDate is missing."),
            ("periodEndDate=2026-01-01", "The periodStartDate is missing."),
            (
                "periodStartDate=1/1/2026&periodEndDate=2026-01-01",
                "The periodStartDate '1/1/2026' is not a day such as 2026-01-31.",
            ),
            (
                "periodStartDate=2026-01-02&periodEndDate=2026-01-01",
                "The periodEndDate '2026-01-01' is not the day of periodStartDate or a later one.",
            ),
        ] {
            let parameters = Parameters::parse(query).unwrap();
            let read = DateRange::from_parameters(&parameters);
            assert_eq!(read.err().map(|e| e.to_string()).unwrap_or_default(), expected, "{query}");
        }
    }
}
