//! Tags of resource groups, which resources inherit in a spend question that asks for it. They price
//! nothing, so they may be set from a day long past.

use std::collections::BTreeMap;
use std::sync::Arc;

use accounts::{Action, ResourceGroupTags, Scope, SetResourceGroupTagsError};
use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use domain::record::Tags;
use domain::time::Date;
use wire::own::{List, ResourceGroup, ResourceGroupTagsUpdate, UpcomingTags};
use wire::text::Excerpt;

use super::{day, parsed, read_json};
use crate::app::App;
use crate::authorize::forbidden;
use crate::error::ApiError;
use crate::exchange::Asked;

/// The right to see the resource groups.
const READ: Action = Action::RESOURCE_GROUP_READ;
/// The right to tag one.
const WRITE: Action = Action::RESOURCE_GROUP_WRITE;

/// Sets the tags of a resource group from a day on, in the place of all that it had.
#[utoipa::path(put, path = "/tallyhouse/v1/subscriptions/{subscriptionId}/resource-groups/{name}/tags",
    tag = "Subscriptions",
    params(
        ("subscriptionId" = String, Path, description = "GUID of the subscription"),
        ("name" = String, Path, description = "Name of the resource group, in any case"),
    ),
    request_body = ResourceGroupTagsUpdate,
    responses(
        (status = 200, description = "The resource group as it is today, with upcoming tags", body = ResourceGroup),
        (status = 400, description = "The name or a tag is wrong", body = wire::error::ErrorBody),
        (status = 403, description = "No right over the resource group", body = wire::error::ErrorBody),
        (status = 404, description = "No such subscription", body = wire::error::ErrorBody),
    )
)]
pub(crate) async fn set_tags(
    State(app): State<Arc<App>>,
    Path((subscription, name)): Path<(String, String)>,
    asked: Asked,
    body: Body,
) -> Result<Json<ResourceGroup>, ApiError> {
    let directory = app.directory();
    let (principal, subscription) = app.enter(&asked, &directory, &subscription)?;
    let scope = format!("/subscriptions/{}/resourceGroups/{name}", subscription.id);
    let wrong = |_| format!("{} is no name of a resource group", Excerpt::new(&name));
    let scope = parsed("name", Scope::parse(&scope).map_err(wrong))?;
    if !directory.allows(&principal, &WRITE, &scope) {
        return Err(forbidden(&principal, WRITE, scope.to_string()));
    }
    let body: ResourceGroupTagsUpdate = read_json(body).await?;
    let now = (app.clock)();
    let effective = body.effective.as_deref().map(|text| day("effective", text)).transpose()?;
    let effective = effective.unwrap_or(now.date());
    let tags = body.tags.0.into_iter().map(|(name, value)| (name.into(), value.into())).collect();
    let (id, by) = (subscription.id, principal.object_id.to_string());
    let set = app.change(move |accounts| async move {
        let set = accounts.set_resource_group_tags(id, &name, tags, effective, &by, now).await;
        set.map_err(refusal)
    });
    let set = set.await?;
    let stored = app.accounts.resource_group_tags(id, set.revision).await;
    let stored = stored.map_err(|error| ApiError::internal("reading tags", &error))?;
    let mut groups = groups(&stored, now.date());
    Ok(Json(groups.remove(&set.group).expect("a group that was tagged is on file")))
}

/// Lists the resource groups that tags were set on, in order of name.
#[utoipa::path(get, path = "/tallyhouse/v1/subscriptions/{subscriptionId}/resource-groups",
    tag = "Subscriptions",
    params(("subscriptionId" = String, Path, description = "GUID of the subscription")),
    responses(
        (status = 200, description = "The resource groups as they are today, with upcoming tags", body = List<ResourceGroup>),
        (status = 403, description = "No right", body = wire::error::ErrorBody),
        (status = 404, description = "No such subscription", body = wire::error::ErrorBody),
    )
)]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    Path(subscription): Path<String>,
    asked: Asked,
) -> Result<Json<List<ResourceGroup>>, ApiError> {
    let subscription = app.enter_for(&asked, &subscription, READ)?;
    let revision = app.directory().revision;
    let stored = app.accounts.resource_group_tags(subscription.id, revision).await;
    let stored = stored.map_err(|error| ApiError::internal("reading tags", &error))?;
    let groups = groups(&stored, (app.clock)().date());
    Ok(Json(List { value: groups.into_values().collect() }))
}

/// The groups as they are today; the tags stand in order of revision within a group and day.
fn groups(stored: &[ResourceGroupTags], today: Date) -> BTreeMap<String, ResourceGroup> {
    let by_day = stored.iter().map(|entry| ((&entry.group, entry.effective), &entry.tags));
    // Of several on one day the last counts.
    let by_day: BTreeMap<_, _> = by_day.collect();
    let mut groups = BTreeMap::new();
    for ((name, effective), tags) in by_day {
        let group = groups.entry(name.clone()).or_insert_with(|| ResourceGroup {
            name: name.clone(),
            tags: BTreeMap::new(),
            effective: None,
            upcoming: vec![],
        });
        let (is_upcoming, effective) = (effective > today, effective.to_string());
        if is_upcoming {
            group.upcoming.push(UpcomingTags { effective, tags: texts(tags) });
        } else {
            (group.effective, group.tags) = (Some(effective), texts(tags));
        }
    }
    groups
}

fn texts(tags: &Tags) -> BTreeMap<String, String> {
    tags.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect()
}

fn refusal(error: SetResourceGroupTagsError) -> ApiError {
    use SetResourceGroupTagsError as E;
    match error {
        E::NoSuchSubscription(id) => ApiError::SubscriptionNotFound(id.to_string()),
        E::Group(_) => ApiError::Parameter { name: "name", reason: error.to_string() },
        E::TooManyTags(_) | E::TagName(_) | E::TagValue(_) | E::TagTwice(_) => {
            ApiError::Parameter { name: "tags", reason: error.to_string() }
        }
        E::TooMany(_) => ApiError::LimitReached(error.to_string()),
        E::Storage(error) => ApiError::internal("setting tags", &error),
    }
}
