//! `POST …/Microsoft.CostManagement/query`: cost by time and whatever charges have, as a table.

use std::ops::Range;
use std::sync::Arc;

use accounts::Action;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::Response;
use domain::id::SubscriptionId;
use domain::time::{Date, UtcTime};
use wire::cost_query::{CostQuery, Measure, QueryPage, Timeframe, write_page};
use wire::cost_request::{CostRequestError, PageRequest};
use wire::text::Excerpt;

use super::table;
use crate::app::App;
use crate::azure::costs::{CostScope, Paging, enter_scope_by};
use crate::azure::json;
use crate::azure::operation::Operation;
use crate::bill::{Account, Basis};
use crate::catalogue::blocking;
use crate::error::ApiError;
use crate::exchange::{Asked, read_body};
use crate::limits;

/// What the clients send, from the first to the latest.
const API_VERSIONS: &[&str] = &[
    "2018-08-31",
    "2019-01-01",
    "2019-03-01-preview",
    "2019-10-01",
    "2019-11-01",
    "2020-06-01",
    "2021-10-01",
    "2022-10-01",
    "2023-03-01",
    "2023-08-01",
    "2023-11-01",
    "2024-08-01",
    "2025-03-01",
];

/// Asking about cost.
pub(in crate::azure) const OPERATION: Operation = Operation {
    namespace: "Microsoft.CostManagement",
    resource_type: "query",
    versions: API_VERSIONS,
    action: Action::new("Microsoft.CostManagement/query/action"),
};

/// The right that readers have is enough too.
const OTHERS: &[Action] = &[Action::new("Microsoft.CostManagement/query/read")];

/// The parameters that a link to a later page repeats.
const REPEATED: &[&str] = &["api-version", "$top"];

/// Cost of a subscription as a table.
#[utoipa::path(
    post,
    path = "/subscriptions/{subscriptionId}/providers/microsoft.costmanagement/query",
    tag = "Azure",
    params(
        ("subscriptionId" = String, Path, description = "GUID of the subscription"),
        ("api-version" = String, Query, description = "2019-01-01 to 2025-03-01"),
        ("$top" = Option<u32>, Query, description = "Most rows of the page, 1 to 5000"),
        ("$skiptoken" = Option<String>, Query, description = "From a page's nextLink, to which the same body is sent"),
    ),
    request_body(content_type = "application/json", description = "type, timeframe, timePeriod and dataset with granularity, aggregation, grouping, filter and sorting"),
    responses(
        (status = 200, description = "A page of the table", content_type = "application/json"),
        (status = 400, description = "A parameter or member is wrong", body = wire::error::ErrorBody),
        (status = 401, description = "No valid token", body = wire::error::ErrorBody),
        (status = 403, description = "No right", body = wire::error::ErrorBody),
        (status = 404, description = "No such subscription", body = wire::error::ErrorBody),
        (status = 422, description = "Too much usage for one answer", body = wire::error::ErrorBody),
    )
)]
pub(crate) async fn ask(
    State(app): State<Arc<App>>,
    Path(subscription): Path<String>,
    asked: Asked,
    body: Body,
) -> Result<Response, ApiError> {
    let scope = enter_scope_by(&app, &asked, &subscription, None, &OPERATION, OTHERS)?;
    answer(&app, &asked, scope, body).await
}

/// Cost of a resource group as a table.
#[utoipa::path(
    post,
    path = "/subscriptions/{subscriptionId}/resourcegroups/{resourceGroupName}/providers/microsoft.costmanagement/query",
    tag = "Azure",
    params(
        ("subscriptionId" = String, Path, description = "GUID of the subscription"),
        ("resourceGroupName" = String, Path, description = "Name of the resource group"),
        ("api-version" = String, Query, description = "2019-01-01 to 2025-03-01"),
        ("$top" = Option<u32>, Query, description = "Most rows of the page, 1 to 5000"),
        ("$skiptoken" = Option<String>, Query, description = "From a page's nextLink, to which the same body is sent"),
    ),
    request_body(content_type = "application/json", description = "As of the subscription"),
    responses(
        (status = 200, description = "A page of the table", content_type = "application/json"),
        (status = 400, description = "A parameter or member is wrong", body = wire::error::ErrorBody),
        (status = 403, description = "No right", body = wire::error::ErrorBody),
        (status = 404, description = "No such subscription", body = wire::error::ErrorBody),
    )
)]
pub(crate) async fn ask_of_group(
    State(app): State<Arc<App>>,
    Path((subscription, group)): Path<(String, String)>,
    asked: Asked,
    body: Body,
) -> Result<Response, ApiError> {
    let scope = enter_scope_by(&app, &asked, &subscription, Some(group), &OPERATION, OTHERS)?;
    answer(&app, &asked, scope, body).await
}

async fn answer(
    app: &App,
    asked: &Asked,
    scope: CostScope,
    body: Body,
) -> Result<Response, ApiError> {
    let page = PageRequest::from_parameters(&asked.parameters, limits::QUERY_PAGE_ROWS, QUERY_TOP);
    let page = page.map_err(ApiError::CostRequest)?;
    let body = read_body(body).await?;
    let query = CostQuery::read(&body).map_err(ApiError::CostRequest)?;
    check_currency(&query, &scope)?;
    let columns = table::columns(&query);
    let order = table::order(&query, &columns).map_err(|column| {
        ApiError::CostRequest(CostRequestError::Value {
            name: "dataset.sorting.name".to_owned(),
            given: Excerpt::new(&column),
            expected: "a column of the answer",
        })
    })?;

    let path = scope.path();
    let same = wire::json::canonical(&String::from_utf8_lossy(&body));
    let same = same.map_err(|error| ApiError::Body(format!("the request body {error}")))?;
    let question = ["query".to_owned(), path.to_lowercase(), same.0.to_string()];
    let paging = Paging {
        subscription: scope.subscription.id,
        question: question.into(),
        parameters: asked.parameters.clone(),
        repeated: REPEATED,
        top: page.top,
    };
    let _turn = app.cost_turns.acquire().await;
    let (basis, sent) = app.basis_of_page(page.skip_token.as_deref(), &paging).await?;
    let account = basis.account(scope.subscription.id)?;
    let days = days_of(query.timeframe, &account, &basis);
    let lines = app.lines_of_days(&account, &basis, &days).await?;

    let address = format!("{}{path}/providers/Microsoft.CostManagement/query", asked.origin);
    let body = blocking(move || {
        let of_scope = lines.iter().filter(|line| scope.has(line));
        let rows = table::rows(of_scope, &query, &order, &account.subscription);
        let rows = rows.map_err(|error| ApiError::Rate(error.into()))?;
        let rest = rows.get(sent..).unwrap_or_default();
        let (shown, link) = paging.cut(rest, &basis, sent, &address);
        let page = QueryPage {
            scope: &path,
            name: name(&paging.question),
            columns: &columns,
            rows: shown,
            next_link: link,
        };
        Ok(write_page(&page))
    })
    .await?;
    Ok(json(body))
}

const QUERY_TOP: &str = "a number from 1 to 5000";

/// Refuses US dollars of what is billed in another currency: nothing is converted.
fn check_currency(query: &CostQuery, scope: &CostScope) -> Result<(), ApiError> {
    let currency = scope.subscription.currency.as_str();
    let in_dollars = query.measures.iter().find(|(_, measure)| *measure == Measure::CostUsd);
    match in_dollars {
        Some((name, _)) if currency != "USD" => {
            Err(ApiError::CostRequest(CostRequestError::Value {
                name: "dataset.aggregation".to_owned(),
                given: Excerpt::new(name),
                expected: "there, as the subscription is not billed in USD and nothing is converted",
            }))
        }
        _ => Ok(()),
    }
}

/// Names the answer to a question.
fn name(question: &[String]) -> String {
    let texts = question.join("\n");
    let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, texts.as_bytes());
    let bits = digest.as_ref().first_chunk().expect("a SHA-256 has 32 bytes");
    SubscriptionId::from_bits(u128::from_be_bytes(*bits)).to_string() // written as any GUID
}

/// The days of a timeframe, seen from the moment that the answer is of.
fn days_of(timeframe: Timeframe, account: &Account, basis: &Basis) -> Range<Date> {
    let today = basis.known_at.date();
    let tomorrow = today.plus_days(1);
    let this_month = today.month();
    let period = account.schedule.containing(basis.known_at);
    match timeframe {
        Timeframe::WeekToDate => today.plus_days(-days_since_sunday(today))..tomorrow,
        Timeframe::MonthToDate => this_month.first_day()..tomorrow,
        Timeframe::BillingMonthToDate => period.start().date()..tomorrow,
        Timeframe::TheCurrentMonth => this_month.first_day()..this_month.next().first_day(),
        Timeframe::TheLastMonth => this_month.previous().first_day()..this_month.first_day(),
        Timeframe::TheLastBillingMonth => {
            let last = UtcTime::from_micros(period.start().to_micros() - 1);
            let last = last.map_or(period, |last| account.schedule.containing(last));
            last.start().date()..period.start().date()
        }
        Timeframe::Custom(from, to) => from..to.plus_days(1),
    }
}

/// Days since the last Sunday: 1970-01-01 was a Thursday.
fn days_since_sunday(day: Date) -> i32 {
    (day.to_days() + 4).rem_euclid(7)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weeks_begin_on_sunday() {
        for (day, expected) in
            [("2026-03-08", 0), ("2026-03-10", 2), ("2026-03-14", 6), ("1969-12-28", 0)]
        {
            assert_eq!(days_since_sunday(Date::parse(day).unwrap()), expected, "{day}");
        }
    }
}
