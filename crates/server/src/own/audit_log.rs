//! The audit log: who changed what, with what was there before and after, newest first.
//!
//! Whoever may assign roles over a subscription reads what was changed of it; the administrator reads
//! everything, prices and the installation included. A page goes on below a revision, so what is
//! changed meanwhile moves nothing.

use std::sync::Arc;

use accounts::{AUDIT_OPERATIONS, Action, AuditEntry, AuditQuery, Revision};
use axum::Json;
use axum::extract::State;
use domain::id::{ObjectId, SubscriptionId};
use wire::cost_request::{PageRequest, next_link};
use wire::log_token;
use wire::own::{self, AuditFact, AuditLog};
use wire::text::Excerpt;

use super::cost::read_moment;
use super::parsed;
use crate::app::App;
use crate::directory::Directory;
use crate::error::ApiError;
use crate::exchange::Asked;
use crate::limits;

/// The right that reading what was changed of a subscription needs.
const ACTION: Action = Action::ROLE_ASSIGNMENT_WRITE;

/// Where the call is, as links have it.
const PATH: &str = "/tallyhouse/v1/audit-log";

/// The parameters that a link to a later page repeats.
const REPEATED: &[&str] = &["subscription", "from", "to", "principal", "operation", "$top"];

/// Lists the changes of the accounts, newest first: of one subscription, to whoever may assign roles
/// over it (Owner, User Access Administrator, Role Based Access Control Administrator); of everything,
/// to the administrator.
#[utoipa::path(get, path = "/tallyhouse/v1/audit-log", tag = "Access",
    params(
        ("subscription" = Option<String>, Query, description = "GUID of the subscription; everything if absent"),
        ("from" = Option<String>, Query, description = "First day or moment, UTC"),
        ("to" = Option<String>, Query, description = "First day or moment after it, UTC"),
        ("principal" = Option<String>, Query, description = "Object id of whoever made the changes"),
        ("operation" = Option<String>, Query, description = "What was done to what kind of object, such as roleAssignments/write, or the kind alone: roleAssignments"),
        ("$top" = Option<u32>, Query, description = "Most changes of the page, 1 to 1000"),
        ("$skiptoken" = Option<String>, Query, description = "From a page's nextLink"),
    ),
    responses(
        (status = 200, description = "A page of changes", body = AuditLog),
        (status = 400, description = "A parameter is wrong", body = wire::error::ErrorBody),
        (status = 403, description = "No right over the subscription, or not the administrator", body = wire::error::ErrorBody),
        (status = 404, description = "No such subscription", body = wire::error::ErrorBody),
    )
)]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    asked: Asked,
) -> Result<Json<AuditLog>, ApiError> {
    let subscription = enter(&app, &asked)?;
    let page =
        PageRequest::from_parameters(&asked.parameters, limits::AUDIT_PAGE_ENTRIES, AUDIT_TOP);
    let page = page.map_err(ApiError::CostRequest)?;
    let mut query = read_query(&asked, subscription)?;
    let question = question(&query);
    let below = page.skip_token.as_deref().map(|token| log_token::decode(token, &question));
    query.below = below.transpose().map_err(ApiError::PageToken)?.map(Revision);

    let entries = app.accounts.audit_entries(&query, page.top + 1).await;
    let mut entries = entries.map_err(|error| ApiError::internal("reading changes", &error))?;
    let more = entries.len() > page.top;
    entries.truncate(page.top);
    let last = entries.last().filter(|_| more);
    let link = last.map(|last| {
        let token = log_token::encode(last.revision.0, &question);
        next_link(&format!("{}{PATH}", asked.origin), &asked.parameters, REPEATED, &token)
    });
    let directory = app.directory();
    let value = entries.into_iter().map(|entry| body_of(entry, &directory)).collect();
    Ok(Json(AuditLog { value, next_link: link }))
}

/// What `$top` can be.
const AUDIT_TOP: &str = "a number from 1 to 1000";

/// The subscription that is asked about; none if it is everything, which the administrator may.
fn enter(app: &App, asked: &Asked) -> Result<Option<SubscriptionId>, ApiError> {
    match asked.parameters.get("subscription") {
        Some(id) => Ok(Some(app.enter_for(asked, id, ACTION)?.id)),
        None => app.administrator(asked).map(|_| None),
    }
}

fn read_query(asked: &Asked, subscription: Option<SubscriptionId>) -> Result<AuditQuery, ApiError> {
    let given = |name| asked.parameters.get(name);
    let from = given("from").map(|text| read_moment("from", text)).transpose()?;
    let to = given("to").map(|text| read_moment("to", text)).transpose()?;
    if from.zip(to).is_some_and(|(from, to)| to <= from) {
        return Err(ApiError::Parameter { name: "to", reason: "is not after from".to_owned() });
    }
    let by = parsed("principal", given("principal").map(ObjectId::parse).transpose())?;
    let operation = given("operation").map(read_operation).transpose()?;
    Ok(AuditQuery { subscription, from, to, by, operation, below: None })
}

/// An operation, or the kind of object alone that stands before its slash.
fn read_operation(text: &str) -> Result<String, ApiError> {
    let of_kind = |known: &str| known.split('/').next() == Some(text);
    if AUDIT_OPERATIONS.iter().any(|known| *known == text || of_kind(known)) {
        return Ok(text.to_owned());
    }
    let reason = format!(
        "{} is none of {}, nor what stands before the slash of one",
        Excerpt::new(text),
        AUDIT_OPERATIONS.join(", ")
    );
    Err(ApiError::Parameter { name: "operation", reason })
}

/// All that a page depends on beside its token.
fn question(query: &AuditQuery) -> [String; 6] {
    let AuditQuery { subscription, from, to, by, operation, below: _ } = query;
    let micros = |time: &Option<domain::time::UtcTime>| {
        time.map(|time| time.to_micros().to_string()).unwrap_or_default()
    };
    [
        "audit-log".to_owned(),
        subscription.map(|id| id.to_string()).unwrap_or_default(),
        micros(from),
        micros(to),
        by.map(|id| id.to_string()).unwrap_or_default(),
        operation.clone().unwrap_or_default(),
    ]
}

fn body_of(entry: AuditEntry, directory: &Directory) -> own::AuditEntry {
    let by = ObjectId::parse(&entry.by).ok();
    let principal = by.and_then(|id| directory.principals.by_object(id));
    let changes = entry.facts.into_iter().map(|fact| AuditFact {
        name: fact.name,
        before: fact.before,
        after: fact.after,
    });
    own::AuditEntry {
        revision: entry.revision.0,
        at: entry.at.to_string(),
        by: entry.by,
        by_name: principal.map(|principal| principal.name.to_string()),
        operation: entry.operation,
        object: entry.object,
        subscription_id: entry.subscription.map(|id| id.to_string()),
        action: entry.action,
        changes: changes.collect(),
    }
}
