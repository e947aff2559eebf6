//! Subscriptions: made by the administrator, shown to those with a role on them as they are today.

pub(crate) mod changes;

use std::sync::Arc;

use accounts::{
    Action, Buyer, CreateSubscriptionError, DisplayName, NewSubscription, Scope,
    StoredSubscriptionChange, Subscription, SubscriptionChange,
};
use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use domain::decimal::Money;
use domain::id::{Country, Currency, Locale, OfferId, SubscriptionId, TenantId};
use domain::period::AnchorDay;
use domain::time::Date;
use http::StatusCode;
use wire::own;
use wire::own::{List, NumberText, SubscriptionCreate, SubscriptionFacts};

use super::{number, parsed, read_json};
use crate::app::App;
use crate::azure::subscriptions::state_word;
use crate::error::ApiError;
use crate::exchange::Asked;

/// The right to see a subscription.
const READ: Action = Action::SUBSCRIPTION_READ;

/// Makes a subscription, and its tenant with the first one.
#[utoipa::path(post, path = "/tallyhouse/v1/subscriptions", tag = "Subscriptions",
    request_body = SubscriptionCreate,
    responses(
        (status = 201, description = "The subscription", body = own::Subscription),
        (status = 400, description = "A member is wrong", body = wire::error::ErrorBody),
        (status = 403, description = "Not the administrator", body = wire::error::ErrorBody),
        (status = 409, description = "It exists already", body = wire::error::ErrorBody),
    )
)]
pub(crate) async fn create(
    State(app): State<Arc<App>>,
    asked: Asked,
    body: Body,
) -> Result<(StatusCode, Json<own::Subscription>), ApiError> {
    let administrator = app.administrator(&asked)?;
    let body = read_json(body).await?;
    let new = new_subscription(&app, &body)?;
    let (by, now) = (administrator.object_id.to_string(), (app.clock)());
    let created = app.change(move |accounts| async move {
        accounts.create_subscription(new, &by, now).await.map_err(refusal)
    });
    Ok((StatusCode::CREATED, Json(body_of(&created.await?, now.date()))))
}

fn refusal(error: CreateSubscriptionError) -> ApiError {
    match error {
        CreateSubscriptionError::Exists(id) => {
            ApiError::Exists { what: "subscription", id: id.to_string() }
        }
        CreateSubscriptionError::Commitment(_) => {
            ApiError::Parameter { name: "commitment", reason: error.to_string() }
        }
        CreateSubscriptionError::Storage(error) => {
            ApiError::internal("creating a subscription", &error)
        }
    }
}

fn read_commitment(text: &NumberText) -> Result<Money, ApiError> {
    let amount = number("commitment", text, Money::parse)?;
    if amount.is_negative() {
        let reason = format!("{amount} is negative");
        return Err(ApiError::Parameter { name: "commitment", reason });
    }
    Ok(amount)
}

fn read_anchor(day: i64) -> Result<AnchorDay, ApiError> {
    let anchor = u8::try_from(day).ok().and_then(|day| AnchorDay::new(day).ok());
    let reason = || format!("a billing anchor day is 1 to 31, not {day}");
    anchor.ok_or_else(|| ApiError::Parameter { name: "anchorDay", reason: reason() })
}

fn new_subscription(app: &App, body: &SubscriptionCreate) -> Result<NewSubscription, ApiError> {
    let tenant = body.tenant_id.as_deref().map(TenantId::parse).transpose();
    Ok(NewSubscription {
        id: parsed("subscriptionId", SubscriptionId::parse(&body.subscription_id))?,
        name: parsed("displayName", DisplayName::parse(&body.display_name))?,
        tenant: parsed("tenantId", tenant)?.unwrap_or(app.installation.tenant),
        offer: parsed("offer", OfferId::parse(&body.offer))?,
        currency: parsed("currency", Currency::parse(&body.currency))?,
        locale: parsed("locale", Locale::parse(&body.locale))?,
        region: parsed("region", Country::parse(&body.region))?,
        anchor: body.anchor_day.map(read_anchor).transpose()?.unwrap_or(AnchorDay::FIRST),
        commitment: body.commitment.as_ref().map(read_commitment).transpose()?,
        invoice_download: body.invoice_download.unwrap_or(false),
        buyer: parsed("buyer", body.buyer.as_deref().map(Buyer::parse).transpose())?,
    })
}

/// Lists the subscriptions that the caller may read.
#[utoipa::path(get, path = "/tallyhouse/v1/subscriptions", tag = "Subscriptions", responses(
    (status = 200, description = "In order of id", body = List<own::Subscription>),
))]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    asked: Asked,
) -> Result<Json<List<own::Subscription>>, ApiError> {
    let principal = app.authenticate(&asked)?;
    let directory = app.directory();
    let readable = directory.subscriptions().filter(|subscription| {
        directory.visible(&principal, subscription.id).is_some()
            && directory.allows(&principal, &READ, &Scope::of_subscription(subscription.id))
    });
    let today = (app.clock)().date();
    Ok(Json(List { value: readable.map(|subscription| body_of(subscription, today)).collect() }))
}

/// Shows a subscription.
#[utoipa::path(get, path = "/tallyhouse/v1/subscriptions/{subscriptionId}", tag = "Subscriptions",
    params(("subscriptionId" = String, Path, description = "GUID of the subscription")),
    responses(
        (status = 200, description = "The subscription", body = own::Subscription),
        (status = 404, description = "No such subscription", body = wire::error::ErrorBody),
    )
)]
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    Path(subscription): Path<String>,
    asked: Asked,
) -> Result<Json<own::Subscription>, ApiError> {
    let subscription = app.enter_for(&asked, &subscription, READ)?;
    Ok(Json(body_of(&subscription, (app.clock)().date())))
}

fn body_of(subscription: &Subscription, today: Date) -> own::Subscription {
    let facts = subscription.facts_at(today);
    let upcoming = subscription.changes.iter().filter(|stored| stored.effective > today);
    let mut upcoming: Vec<_> = upcoming.collect();
    upcoming.sort_by_key(|stored| (stored.effective, stored.revision));
    own::Subscription {
        id: Scope::of_subscription(subscription.id).to_string(),
        subscription_id: subscription.id.to_string(),
        display_name: facts.name.to_string(),
        tenant_id: subscription.tenant.to_string(),
        state: state_word(facts.state).to_owned(),
        offer: facts.offer.to_string(),
        currency: subscription.currency.to_string(),
        locale: subscription.locale.to_string(),
        region: subscription.region.to_string(),
        anchor_day: facts.anchor.day(),
        commitment: facts.commitment.map(|amount| amount.to_string()),
        invoice_download: facts.invoice_download,
        buyer: facts.buyer.map(|buyer| buyer.to_string()),
        upcoming: upcoming.into_iter().map(change_body).collect(),
    }
}

fn change_body(stored: &StoredSubscriptionChange) -> own::SubscriptionChange {
    own::SubscriptionChange {
        revision: stored.revision.0,
        at: stored.at.to_string(),
        by: Some(stored.by.clone()),
        effective: Some(stored.effective.to_string()),
        set: facts_body(&stored.change),
    }
}

fn facts_body(change: &SubscriptionChange) -> SubscriptionFacts {
    let SubscriptionChange { name, offer, anchor, commitment, invoice_download, buyer, state } =
        change;
    SubscriptionFacts {
        display_name: name.as_ref().map(ToString::to_string),
        state: state.map(|state| state_word(state).to_owned()),
        offer: offer.as_ref().map(ToString::to_string),
        anchor_day: anchor.map(AnchorDay::day),
        commitment: commitment.map(|new| new.map(|amount| amount.to_string())),
        invoice_download: *invoice_download,
        buyer: buyer.as_ref().map(|new| new.as_ref().map(ToString::to_string)),
    }
}
