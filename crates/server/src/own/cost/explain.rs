//! Why a meter, or the whole bill of a billing period, costs what it costs.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use domain::explain::{
    ExplainError, Explanation, Label, Node, TermsExplanation, explain, explain_terms,
};
use domain::id::MeterId;
use domain::rate::PartKind;
use domain::record::MeterDescription;
use domain::spend::RatedPeriod;
use wire::own;
use wire::own::CostExplanation;

use super::ACTION;
use super::answer::{complete, owned, unpriced_quantities};
use super::question::read_range;
use crate::app::App;
use crate::bill::Detail;
use crate::catalogue::blocking;
use crate::error::ApiError;
use crate::exchange::Asked;
use crate::limits;
use crate::own::parsed;

/// Why a meter, or the whole bill, costs what it costs.
#[utoipa::path(get, path = "/tallyhouse/v1/subscriptions/{subscriptionId}/cost/explain", tag = "Cost",
    params(
        ("subscriptionId" = String, Path, description = "GUID of the subscription"),
        ("meter" = Option<String>, Query, description = "GUID of the meter; the whole bill if absent"),
        ("period" = Option<String>, Query, description = "Month in which the billing period starts, or the period's name; the current one if absent"),
        ("rows" = Option<usize>, Query, description = "Rows of usage shown for each day, 0 to 1,000; 0 if absent"),
        ("asOf" = Option<String>, Query, description = "Moment, UTC: answers what was known then"),
    ),
    responses(
        (status = 200, description = "The explanation: what stands above is the sum of what stands below it", body = CostExplanation),
        (status = 400, description = "A parameter is wrong", body = wire::error::ErrorBody),
        (status = 403, description = "No right", body = wire::error::ErrorBody),
        (status = 404, description = "No such subscription, or no usage of the meter", body = wire::error::ErrorBody),
    )
)]
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    Path(subscription): Path<String>,
    asked: Asked,
) -> Result<Json<CostExplanation>, ApiError> {
    let subscription = app.enter_for(&asked, &subscription, ACTION)?;
    let sees_origins = app.authenticate(&asked)?.is_administrator;
    let (account, basis) = app.account(&asked, &subscription).await?;
    let parameters = &asked.parameters;
    let meter = parameters.get("meter").map(MeterId::parse).transpose();
    let meter = parsed("meter", meter)?;
    let rows = read_rows(parameters.get("rows"))?;
    let (Some(period), range) = read_range(parameters, &account, basis.known_at)? else {
        let reason = "is for cost; here a billing period is explained".to_owned();
        return Err(ApiError::Parameter { name: "from", reason });
    };
    let _turn = app.cost_turns.acquire().await;
    let periods = app.rated_periods(&account, &basis, &range, Detail::Rows).await?;
    let completeness = app.completeness(&account, &basis).await?;
    blocking(move || {
        let rated = periods.first().expect("a billing period is at least one");
        let currency = &account.subscription.currency;
        let (meter, bill, lines) = match meter {
            Some(meter) => {
                let explanation = explain_meter(rated, meter, rows)?;
                // A provider's margin is not its tenants' to see.
                let explanation = match sees_origins {
                    true => explanation,
                    false => explanation.without_origins(),
                };
                (Some(meter_body(&explanation)), None, explanation.lines(currency))
            }
            None => {
                let terms = explain_terms(&rated.usage, &rated.rated, &rated.book);
                let terms = terms.map_err(ApiError::Rate)?;
                (None, Some(bill_body(&terms)), terms.lines(currency))
            }
        };
        Ok(Json(CostExplanation {
            subscription_id: account.subscription.id.to_string(),
            period: period.name(),
            from: period.start().to_string(),
            to: period.end().to_string(),
            currency: currency.to_string(),
            meter,
            bill,
            lines,
            complete_up_to: complete(&completeness),
            provisional: basis.known_at < period.closes_at(),
            basis: basis.body(),
        }))
    })
    .await
}

fn read_rows(text: Option<&str>) -> Result<usize, ApiError> {
    let Some(text) = text else { return Ok(0) };
    let rows = text.parse().ok().filter(|rows| *rows <= limits::EXPLAINED_ROWS_PER_DAY);
    rows.ok_or_else(|| {
        let reason = format!("is a number from 0 to {}", limits::EXPLAINED_ROWS_PER_DAY);
        ApiError::Parameter { name: "rows", reason }
    })
}

fn explain_meter(
    period: &RatedPeriod,
    meter: MeterId,
    rows: usize,
) -> Result<Explanation, ApiError> {
    let RatedPeriod { usage, rated, book } = period;
    explain(usage, rated, book, meter, rows).map_err(|error| match error {
        ExplainError::NotUsed { meter, .. } => ApiError::NotFound {
            what: "usage, in that billing period, of meter",
            id: meter.to_string(),
        },
        ExplainError::Rate(error) => ApiError::Rate(error),
    })
}

fn meter_body(explanation: &Explanation) -> own::MeterExplanation {
    let MeterDescription { name, category, unit, .. } = &explanation.description;
    own::MeterExplanation {
        meter_id: explanation.meter.to_string(),
        meter_name: owned(name),
        meter_category: owned(category),
        unit: owned(unit),
        quantity: figure(&explanation.quantity),
        included: explanation.included.to_string(),
        billable: explanation.billable.to_string(),
        amount: explanation.amount.as_ref().map(figure),
        effective_price: explanation.effective_price.clone(),
        unpriced: unpriced_quantities(&explanation.unpriced),
    }
}

fn bill_body(terms: &TermsExplanation) -> own::BillExplanation {
    let pay_as_you_go = terms.commitment.as_ref().map(|commitment| commitment.pay_as_you_go);
    own::BillExplanation {
        amount: figure(&terms.amount),
        pay_as_you_go: pay_as_you_go.map(|amount| amount.to_string()),
    }
}

fn figure(node: &Node) -> own::ExplainedFigure {
    let (kind, text) = words(&node.label);
    own::ExplainedFigure {
        kind: kind.to_owned(),
        text,
        quantity: node.quantity.map(|quantity| quantity.to_string()),
        rate: node.rate.map(|rate| rate.to_string()),
        amount: node.amount.map(|amount| amount.to_string()),
        parts: node.children.iter().map(figure).collect(),
    }
}

/// The kind of a figure, and which one it is.
fn words(label: &Label) -> (&'static str, String) {
    match label {
        Label::Usage { rows } => ("usage", format!("{rows} rows")),
        Label::Day { date, rows } => ("day", format!("{date}, {rows} rows")),
        Label::Row { window, resource, source, event_id } => {
            let resource = resource.as_deref().unwrap_or("no instance");
            let (start, end) = (window.start(), window.end());
            ("row", format!("{start} to {end}, {resource}, event {event_id} of {source}"))
        }
        Label::MoreRows { rows } => ("moreRows", format!("{rows} rows more")),
        Label::Net => ("net", "charge less credit".to_owned()),
        Label::Charge => ("charge", "what usage costs".to_owned()),
        Label::Version(version) => {
            let mut text = format!("from {}", version.effective);
            if let Some(card) = version.card {
                text = format!("{text}, rate card version {card}");
            }
            if let Some(id) = version.price_override {
                text = format!("{text}, price override {}", id.0);
            }
            if let Some((markup, _)) = &version.markup {
                text = format!("{text}, markup {markup} %");
            }
            ("price", text)
        }
        Label::Line(PartKind::Included) => ("included", "included quantity".to_owned()),
        Label::Line(PartKind::Tier { from, .. }) => ("tier", format!("from {from}")),
        Label::Line(PartKind::Committed { base, discount, .. }) => {
            ("commitment", format!("{base} less {discount} %, drawn from the commitment"))
        }
        Label::Credit { effective: Some(effective) } => ("credit", format!("from {effective}")),
        Label::Credit { effective: None } => ("credit", "every credit".to_owned()),
        Label::Forfeited => ("forfeited", "the part of the commitment not drawn".to_owned()),
        Label::Recurring { effective } => ("recurring", format!("from {effective}")),
        Label::Total => ("total", "what is owed before tax".to_owned()),
    }
}
