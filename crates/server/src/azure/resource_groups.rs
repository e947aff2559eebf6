//! `…/resourcegroups` as the resource manager shows them: the groups that usage names, and those that
//! tags were set for. Nobody makes or removes one here.
//!
//! Whoever may read them in the whole subscription sees all, whoever may at some sees those.

use std::sync::Arc;

use accounts::{Action, Scope, Subscription};
use axum::Json;
use axum::extract::{Path, State};
use http::{Method, StatusCode};
use wire::arm;
use wire::cost_request::next_link;
use wire::resource_groups::{ResourceGroupsError, ResourceGroupsRequest, WantedTag};

use super::enter_subscription;
use super::operation::{Operation, RESOURCE_MANAGER};
use crate::app::App;
use crate::authorize::{forbidden, require_at};
use crate::catalogue::blocking;
use crate::directory::Reach;
use crate::error::ApiError;
use crate::exchange::Asked;
use crate::limits;
use crate::resource_groups::{ResourceGroup, Unmerged};

/// Reading resource groups.
pub(super) const READ: Operation = Operation {
    namespace: "Microsoft.Resources",
    resource_type: "resourceGroups",
    versions: RESOURCE_MANAGER,
    action: Action::RESOURCE_GROUP_READ,
};

/// The right to remove one, if that could be.
const DELETE: Action = Action::new("Microsoft.Resources/subscriptions/resourceGroups/delete");

/// The location of a group of which usage says none: Azure's word for what is nowhere in particular.
const NOWHERE: &str = "global";

/// The parameters that a link to a later page repeats.
const REPEATED: &[&str] = &["api-version", "$filter", "$top"];

/// The resource groups that usage of a subscription names, or that tags were set for.
#[utoipa::path(
    get,
    path = "/subscriptions/{subscriptionId}/resourcegroups",
    tag = "Azure",
    params(
        ("subscriptionId" = String, Path, description = "GUID of the subscription"),
        ("api-version" = String, Query, description = "2016-06-01 to 2022-12-01, and others"),
        ("$filter" = Option<String>, Query, description = "tagName eq 'NAME', or tagName eq 'NAME' and tagValue eq 'VALUE'"),
        ("$top" = Option<u32>, Query, description = "Most groups of the page, 1 to 1000"),
        ("$skiptoken" = Option<String>, Query, description = "From a page's nextLink"),
    ),
    responses(
        (status = 200, description = "A page of the groups that the caller may read, in order of name", body = arm::ResourceGroupList),
        (status = 400, description = "A parameter is wrong", body = wire::error::ErrorBody),
        (status = 401, description = "No valid token", body = wire::error::ErrorBody),
        (status = 403, description = "No right at any of them", body = wire::error::ErrorBody),
        (status = 404, description = "No such subscription", body = wire::error::ErrorBody),
    )
)]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    Path(subscription): Path<String>,
    asked: Asked,
) -> Result<Json<arm::ResourceGroupList>, ApiError> {
    let (subscription, reach) = enter(&app, &asked, &subscription)?;
    let request = ResourceGroupsRequest::from_parameters(
        subscription.id,
        &asked.parameters,
        limits::RESOURCE_GROUP_PAGE,
        "a number from 1 to 1000",
    );
    let request = request.map_err(|error| match error {
        ResourceGroupsError::Request(error) => ApiError::CostRequest(error),
        ResourceGroupsError::Token(error) => ApiError::PageToken(error),
    })?;
    let groups = app.resource_groups(subscription.id).await?;
    let scope = Scope::of_subscription(subscription.id);
    let (value, token) =
        blocking(move || Ok(page_of(groups, &request, &reach, &subscription))).await?;
    let address = format!("{}{scope}/resourceGroups", asked.origin);
    let link = token.map(|token| next_link(&address, &asked.parameters, REPEATED, &token));
    Ok(Json(arm::ResourceGroupList { value, next_link: link }))
}

/// A page of the groups that whoever asks may read, and the token of the next if there is one.
fn page_of(
    groups: Unmerged,
    request: &ResourceGroupsRequest,
    reach: &Reach,
    subscription: &Subscription,
) -> (Vec<arm::ResourceGroup>, Option<String>) {
    let groups = groups.all();
    let mut shown = groups.iter().filter(|(folded, group)| {
        request.after.as_ref().is_none_or(|after| after < *folded)
            && request.tag.as_ref().is_none_or(|tag| has_tag(group, tag))
            && sees(reach, subscription, group)
    });
    let page: Vec<_> = shown.by_ref().take(request.top).collect();
    let last = page.last().filter(|_| shown.next().is_some());
    let token = last.map(|(folded, _)| request.skip_token(folded));
    (page.iter().map(|(_, group)| body_of(subscription, group)).collect(), token)
}

/// A resource group.
#[utoipa::path(
    get,
    path = "/subscriptions/{subscriptionId}/resourcegroups/{resourceGroupName}",
    tag = "Azure",
    params(
        ("subscriptionId" = String, Path, description = "GUID of the subscription"),
        ("resourceGroupName" = String, Path, description = "Name of the resource group, in any case"),
        ("api-version" = String, Query, description = "2016-06-01 to 2022-12-01, and others"),
    ),
    responses(
        (status = 200, description = "The resource group", body = arm::ResourceGroup),
        (status = 401, description = "No valid token", body = wire::error::ErrorBody),
        (status = 403, description = "No right", body = wire::error::ErrorBody),
        (status = 404, description = "No such subscription or resource group", body = wire::error::ErrorBody),
    )
)]
pub(crate) async fn show(
    State(app): State<Arc<App>>,
    Path((subscription, name)): Path<(String, String)>,
    asked: Asked,
) -> Result<Json<arm::ResourceGroup>, ApiError> {
    let subscription = enter_group(&app, &asked, &subscription, &name, READ.action)?;
    let group = find(&app, &subscription, &name).await?;
    Ok(Json(body_of(&subscription, &group)))
}

/// Whether there is a resource group: 204 or 404.
#[utoipa::path(
    head,
    path = "/subscriptions/{subscriptionId}/resourcegroups/{resourceGroupName}",
    tag = "Azure",
    params(
        ("subscriptionId" = String, Path, description = "GUID of the subscription"),
        ("resourceGroupName" = String, Path, description = "Name of the resource group, in any case"),
        ("api-version" = String, Query, description = "2016-06-01 to 2022-12-01, and others"),
    ),
    responses(
        (status = 204, description = "There is"),
        (status = 401, description = "No valid token"),
        (status = 403, description = "No right"),
        (status = 404, description = "No such subscription or resource group"),
    )
)]
pub(crate) async fn exists(
    State(app): State<Arc<App>>,
    Path((subscription, name)): Path<(String, String)>,
    asked: Asked,
) -> Result<StatusCode, ApiError> {
    let subscription = enter_group(&app, &asked, &subscription, &name, READ.action)?;
    find(&app, &subscription, &name).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Refuses what would make, change or remove a resource group, in ARM's order of checks.
pub(crate) async fn refuse_change(
    State(app): State<Arc<App>>,
    Path((subscription, name)): Path<(String, String)>,
    method: Method,
    asked: Asked,
) -> ApiError {
    let action = if method == Method::DELETE { DELETE } else { Action::RESOURCE_GROUP_WRITE };
    match enter_group(&app, &asked, &subscription, &name, action) {
        Ok(_) => ApiError::ResourceGroupChange(method.to_string()),
        Err(error) => error,
    }
}

/// The checks before the list's own; gives the subscription, and where in it groups may be read.
fn enter(
    app: &App,
    asked: &Asked,
    subscription: &str,
) -> Result<(Arc<Subscription>, Reach), ApiError> {
    let (principal, subscription) = enter_subscription(app, asked, subscription, &READ)?;
    let whole = Scope::of_subscription(subscription.id);
    let reach = app.directory().reach(&principal, READ.action, &whole);
    if matches!(&reach, Reach::Within(scopes) if scopes.is_empty()) {
        return Err(forbidden(&principal, READ.action, whole.to_string()));
    }
    Ok((subscription, reach))
}

/// The checks before those of what is at the path. What no group can be named is in the subscription.
fn enter_group(
    app: &App,
    asked: &Asked,
    subscription: &str,
    name: &str,
    action: Action,
) -> Result<Arc<Subscription>, ApiError> {
    let (principal, subscription) = enter_subscription(app, asked, subscription, &READ)?;
    let scope = scope_of(&subscription, name);
    let scope = scope.unwrap_or_else(|| Scope::of_subscription(subscription.id));
    require_at(&app.directory(), &principal, &scope, action)?;
    Ok(subscription)
}

async fn find(
    app: &App,
    subscription: &Subscription,
    name: &str,
) -> Result<ResourceGroup, ApiError> {
    let found = app.resource_group(subscription.id, name).await?;
    found.ok_or_else(|| ApiError::ResourceGroupNotFound(name.to_owned()))
}

fn scope_of(subscription: &Subscription, name: &str) -> Option<Scope> {
    Scope::parse(&format!("/subscriptions/{}/resourceGroups/{name}", subscription.id)).ok()
}

fn sees(reach: &Reach, subscription: &Subscription, group: &ResourceGroup) -> bool {
    match reach {
        Reach::Whole => true,
        Reach::Within(scopes) => scope_of(subscription, &group.name)
            .is_some_and(|scope| scopes.iter().any(|within| within.contains(&scope))),
    }
}

fn has_tag(group: &ResourceGroup, wanted: &WantedTag) -> bool {
    group.tags.iter().any(|(name, value)| {
        name.eq_ignore_ascii_case(&wanted.name)
            && wanted.value.as_ref().is_none_or(|wanted| **wanted == **value)
    })
}

fn body_of(subscription: &Subscription, group: &ResourceGroup) -> arm::ResourceGroup {
    let scope = Scope::of_subscription(subscription.id);
    let tags = group.tags.iter().map(|(name, value)| (name.to_string(), value.to_string()));
    arm::ResourceGroup {
        id: format!("{scope}/resourceGroups/{}", group.name),
        name: group.name.clone(),
        kind: "Microsoft.Resources/resourceGroups".to_owned(),
        location: group.location.clone().unwrap_or_else(|| NOWHERE.to_owned()),
        tags: tags.collect(),
        properties: arm::ResourceGroupProperties { provisioning_state: "Succeeded".to_owned() },
    }
}
