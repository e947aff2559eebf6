//! `Microsoft.Billing`: lists of billing periods and invoices, what is asked of them, and their bodies
//! in the order of members that Azure writes.
//!
//! Source: Azure Billing, api-versions 2017-02-27-preview to 2018-03-01-preview, and recorded answers.

mod request;

use domain::id::SubscriptionId;
use domain::period::BillingPeriod;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub use request::{DateRange, ListRequest, Listed, TOP_MAX};

/// A page of a list.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Page<T> {
    /// The items, those that end last first.
    pub value: Vec<T>,
    /// Link to the next page; absent on the last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_link: Option<String>,
}

/// A billing period of a subscription.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Period {
    /// ARM id of the period.
    pub id: String,
    /// `Microsoft.Billing/billingPeriods`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Such as `202610-1`.
    pub name: String,
    /// Its days.
    pub properties: PeriodProperties,
}

/// The days of a billing period.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PeriodProperties {
    /// Its first day.
    pub billing_period_start_date: String,
    /// Its last day.
    pub billing_period_end_date: String,
}

/// Something that can be done with a resource provider.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ProviderOperation {
    /// The right that it needs, such as `Microsoft.Billing/invoices/read`.
    pub name: String,
    /// For people.
    pub display: ProviderOperationDisplay,
}

/// Names for people.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ProviderOperationDisplay {
    /// The resource provider.
    pub provider: String,
    /// What it is done with.
    pub resource: String,
    /// What is done.
    pub operation: String,
}

impl Period {
    /// A billing period as it is shown.
    #[must_use]
    pub fn of(subscription: SubscriptionId, period: BillingPeriod) -> Self {
        let name = period.name();
        Self {
            id: format!(
                "/subscriptions/{subscription}/providers/Microsoft.Billing/billingPeriods/{name}"
            ),
            kind: "Microsoft.Billing/billingPeriods".to_owned(),
            name,
            properties: PeriodProperties {
                billing_period_start_date: period.start().date().to_string(),
                billing_period_end_date: period.last_day().to_string(),
            },
        }
    }
}
