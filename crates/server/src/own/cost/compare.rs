//! Why two bills differ: two billing periods of a subscription, or of two subscriptions.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use domain::compare::{Effect, EffectKind, MeterChange, MeterSide, Side, compare};
use domain::period::BillingPeriod;
use domain::spend::RatedPeriod;
use domain::sums::SumStep;
use wire::own;
use wire::own::CostComparison;

use super::ACTION;
use super::answer::{owned, unpriced_quantities};
use super::question::read_period;
use crate::app::App;
use crate::bill::{Account, Basis, Detail};
use crate::catalogue::blocking;
use crate::error::ApiError;
use crate::exchange::Asked;
use crate::own::required;

/// Why two bills differ, as an exact sum of effects.
#[utoipa::path(get, path = "/tallyhouse/v1/subscriptions/{subscriptionId}/cost/compare", tag = "Cost",
    params(
        ("subscriptionId" = String, Path, description = "GUID of the subscription of the first bill"),
        ("a" = String, Query, description = "Billing period of the first bill: the month in which it starts, or its name"),
        ("b" = String, Query, description = "Billing period of the second bill"),
        ("with" = Option<String>, Query, description = "GUID of the subscription of the second bill; the same if absent"),
        ("asOf" = Option<String>, Query, description = "Moment, UTC: answers what was known then"),
    ),
    responses(
        (status = 200, description = "The effects", body = CostComparison),
        (status = 400, description = "A parameter is wrong, or the bills are in two currencies", body = wire::error::ErrorBody),
        (status = 403, description = "No right", body = wire::error::ErrorBody),
        (status = 404, description = "No such subscription", body = wire::error::ErrorBody),
    )
)]
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    Path(subscription): Path<String>,
    asked: Asked,
) -> Result<Json<CostComparison>, ApiError> {
    let first = app.enter_for(&asked, &subscription, ACTION)?;
    let second = match asked.parameters.get("with") {
        Some(other) => app.enter_for(&asked, other, ACTION)?,
        None => Arc::clone(&first),
    };
    if first.currency != second.currency {
        let reason = format!(
            "is billed in {}, subscription {} in {}: amounts of two currencies are never added",
            second.currency, first.id, first.currency
        );
        return Err(ApiError::Parameter { name: "with", reason });
    }
    let (account, basis) = app.account(&asked, &first).await?;
    let other = basis.account(second.id)?;
    let a = read_period("a", required(&asked, "a")?, &account)?;
    let b = read_period("b", required(&asked, "b")?, &other)?;
    let _turn = app.cost_turns.acquire().await;
    let rated_a = rated(&app, &account, &basis, a).await?;
    let rated_b = rated(&app, &other, &basis, b).await?;
    blocking(move || {
        let comparison = compare(&side(&rated_a), &side(&rated_b)).map_err(ApiError::Rate)?;
        let bill =
            |account: &Account, period: BillingPeriod, rated: &RatedPeriod| own::ComparedBill {
                subscription_id: account.subscription.id.to_string(),
                period: period.name(),
                total: rated.rated.totals.total.to_string(),
                provisional: basis.known_at < period.closes_at(),
            };
        Ok(Json(CostComparison {
            currency: account.subscription.currency.to_string(),
            a: bill(&account, a, &rated_a),
            b: bill(&other, b, &rated_b),
            difference: comparison.difference.to_string(),
            effects: comparison
                .effects
                .iter()
                .map(|(kind, amount)| effect(&Effect { kind: *kind, amount: *amount }))
                .collect(),
            meters: comparison.meters.iter().map(meter).collect(),
            terms: comparison.terms.iter().map(effect).collect(),
            basis: basis.body(),
        }))
    })
    .await
}

async fn rated(
    app: &App,
    account: &Account,
    basis: &Basis,
    period: BillingPeriod,
) -> Result<RatedPeriod, ApiError> {
    let range = period.start()..period.end();
    let detail = Detail::Meters { step: SumStep::Day, spreads_credit: false };
    let mut periods = app.rated_periods(account, basis, &range, detail).await?;
    Ok(periods.pop().expect("a billing period is at least one"))
}

fn side(period: &RatedPeriod) -> Side<'_> {
    Side { usage: &period.usage, rated: &period.rated, book: &period.book }
}

fn effect(effect: &Effect) -> own::CostEffect {
    let kind = match effect.kind {
        EffectKind::New => "new",
        EffectKind::Gone => "gone",
        EffectKind::Price => "price",
        EffectKind::Quantity => "quantity",
        EffectKind::Mix => "mix",
        EffectKind::Credit => "credit",
        EffectKind::Recurring => "recurring",
        EffectKind::Forfeited => "forfeited",
    };
    own::CostEffect { kind: kind.to_owned(), amount: effect.amount.to_string() }
}

fn meter(change: &MeterChange) -> own::MeterChange {
    let of_bill = |side: &MeterSide| own::MeterOfBill {
        quantity: side.quantity.to_string(),
        charge: side.charge.to_string(),
        unpriced: unpriced_quantities(&side.unpriced),
    };
    own::MeterChange {
        meter_id: change.meter.to_string(),
        meter_name: owned(&change.description.name),
        meter_category: owned(&change.description.category),
        a: change.a.as_ref().map(of_bill),
        b: change.b.as_ref().map(of_bill),
        effects: change.effects.iter().map(effect).collect(),
        difference: change.difference.to_string(),
    }
}
