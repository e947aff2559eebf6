//! Bodies about subscriptions and the tags of their resource groups.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::value::{NumberText, TagMap, nullable};

/// A subscription to be made.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SubscriptionCreate {
    /// GUID of the subscription.
    pub subscription_id: String,
    /// Name shown to people.
    pub display_name: String,
    /// Offer durable id, such as `MS-AZR-0003P`.
    pub offer: String,
    /// ISO 4217 currency of its prices.
    pub currency: String,
    /// Locale of its meter names, such as `en-US`.
    pub locale: String,
    /// ISO 3166 country where the offer was bought.
    pub region: String,
    /// Day of the month on which billing periods begin, 1 to 31; 1 if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub anchor_day: Option<i64>,
    /// Tenant that owns it, made with its first subscription; the installation's own if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tenant_id: Option<String>,
    /// Amount committed to in each billing period, in the subscription's currency.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub commitment: Option<NumberText>,
    /// Whether invoices may be downloaded; they may not if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invoice_download: Option<bool>,
    /// Name and address that invoices are made out to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub buyer: Option<String>,
}

/// What is to change of a subscription from one day on. What is absent stays as it is.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SubscriptionUpdate {
    /// Name shown to people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// Offer durable id. The running billing period ends at the midnight that begins the day, which
    /// is to come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offer: Option<String>,
    /// Day of the month on which billing periods begin, 1 to 31. The running one ends at the
    /// midnight that begins the day, which is to come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub anchor_day: Option<i64>,
    /// Amount committed to in each billing period that starts on the day or later; null takes it
    /// away.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "nullable")]
    #[schema(value_type = Option<String>)]
    pub commitment: Option<Option<NumberText>>,
    /// Whether invoices may be downloaded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invoice_download: Option<bool>,
    /// Name and address that invoices are made out to; null takes it away.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "nullable")]
    #[schema(value_type = Option<String>)]
    pub buyer: Option<Option<String>>,
    /// First day on which all of it holds, UTC. If absent the next one where offer, anchor day or
    /// commitment change, else today.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effective: Option<String>,
}

/// From when a subscription is suspended, resumed or cancelled.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct StateChange {
    /// The first day, UTC; today if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effective: Option<String>,
}

/// A subscription, as it is today.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Subscription {
    /// ARM id, `/subscriptions/{guid}`.
    pub id: String,
    /// GUID of the subscription.
    pub subscription_id: String,
    /// Name shown to people.
    pub display_name: String,
    /// Tenant that owns it.
    pub tenant_id: String,
    /// `Enabled`, `Disabled` if it is suspended, or `Deleted` if it is cancelled. Usage is taken
    /// and can be read in every state.
    pub state: String,
    /// Offer durable id.
    pub offer: String,
    /// ISO 4217 currency of its prices.
    pub currency: String,
    /// Locale of its meter names.
    pub locale: String,
    /// ISO 3166 country where the offer was bought.
    pub region: String,
    /// Day of the month on which billing periods begin.
    pub anchor_day: u8,
    /// Amount committed to in each billing period; absent if there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commitment: Option<String>,
    /// Whether invoices may be downloaded.
    pub invoice_download: bool,
    /// Name and address that invoices are made out to; absent if there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub buyer: Option<String>,
    /// Changes that take effect later than today, in order of their days; absent if there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub upcoming: Vec<SubscriptionChange>,
}

/// A change of a subscription, or how it was made.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SubscriptionChange {
    /// Revision of the accounts that it came with.
    pub revision: u64,
    /// When that was.
    pub at: String,
    /// Object id of who made it; absent for how the subscription was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// First day on which it holds; absent for how the subscription was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effective: Option<String>,
    /// What it sets.
    pub set: SubscriptionFacts,
}

/// What a change sets of a subscription; what is absent it leaves as it is.
#[derive(Debug, Clone, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SubscriptionFacts {
    /// Name shown to people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub display_name: Option<String>,
    /// `Enabled`, `Disabled` or `Deleted`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// Offer durable id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub offer: Option<String>,
    /// Day of the month on which billing periods begin.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub anchor_day: Option<u8>,
    /// Amount committed to in each billing period; null if it was taken away.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "nullable")]
    #[schema(value_type = Option<String>)]
    pub commitment: Option<Option<String>>,
    /// Whether invoices may be downloaded.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invoice_download: Option<bool>,
    /// Name and address that invoices are made out to; null if it was taken away.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "nullable")]
    #[schema(value_type = Option<String>)]
    pub buyer: Option<Option<String>>,
}

/// Tags to be set on a resource group, in the place of all that it has.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ResourceGroupTagsUpdate {
    /// All its tags; an empty object takes them away.
    #[schema(value_type = BTreeMap<String, String>)]
    pub tags: TagMap,
    /// First day on which it has them, UTC; today if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effective: Option<String>,
}

/// A resource group that tags were set on.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ResourceGroup {
    /// Its name, in lower case.
    pub name: String,
    /// Its tags today.
    pub tags: BTreeMap<String, String>,
    /// Since which day it has them; absent if it had none yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub effective: Option<String>,
    /// Tags that it has from a later day on, in order of the days; absent if there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub upcoming: Vec<UpcomingTags>,
}

/// The tags of a resource group from a day to come.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct UpcomingTags {
    /// The first day.
    pub effective: String,
    /// All its tags from then on.
    pub tags: BTreeMap<String, String>,
}
