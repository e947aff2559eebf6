//! What clients ask of `Microsoft.Billing` beside a subscription: its operations, billing accounts and
//! enrollment accounts, of which there are none, and invoices by the path of later versions.

use std::sync::Arc;

use accounts::Action;
use axum::Json;
use axum::extract::{Path, State};
use wire::arm::NoMembers;
use wire::billing::{DateRange, ProviderOperation, ProviderOperationDisplay};
use wire::cost_request::CostRequestError;
use wire::own::List;

use super::invoices::enter_invoices;
use super::{invoices, periods};
use crate::app::App;
use crate::azure::operation::Operation;
use crate::azure::{api_version, enter_tenant};
use crate::error::ApiError;
use crate::exchange::Asked;

/// The first of the versions that have billing accounts here, which asks for both days.
const FIRST_BY_ACCOUNT: &str = "2020-05-01";
const BY_ACCOUNT: &[&str] = &[FIRST_BY_ACCOUNT, "2024-04-01"];

/// Listing the provider's operations.
pub(in crate::azure) const OPERATIONS: Operation = Operation {
    namespace: "Microsoft.Billing",
    resource_type: "operations",
    versions: &[
        "2017-02-27-preview",
        "2017-04-24-preview",
        "2018-03-01-preview",
        FIRST_BY_ACCOUNT,
        "2024-04-01",
    ],
    action: Action::new("Microsoft.Billing/operations/read"),
};
/// Listing enrollment accounts.
pub(in crate::azure) const ENROLLMENT_ACCOUNTS: Operation = Operation {
    namespace: "Microsoft.Billing",
    resource_type: "enrollmentAccounts",
    versions: &["2018-03-01-preview"],
    action: Action::new("Microsoft.Billing/enrollmentAccounts/read"),
};
/// Listing billing accounts.
pub(in crate::azure) const BILLING_ACCOUNTS: Operation = Operation {
    namespace: "Microsoft.Billing",
    resource_type: "billingAccounts",
    versions: BY_ACCOUNT,
    action: Action::new("Microsoft.Billing/billingAccounts/read"),
};
/// Reading a subscription's invoices by the path of billing accounts.
pub(in crate::azure) const INVOICES: Operation = Operation {
    namespace: "Microsoft.Billing",
    resource_type: "billingAccounts/billingSubscriptions/invoices",
    versions: BY_ACCOUNT,
    action: invoices::OPERATION.action,
};

/// What can be done with the provider.
#[utoipa::path(get, path = "/providers/microsoft.billing/operations", tag = "Azure",
    params(("api-version" = String, Query, description = "2017-02-27-preview to 2024-04-01")),
    responses(
        (status = 200, description = "The operations", body = List<ProviderOperation>),
        (status = 401, description = "No valid token", body = wire::error::ErrorBody),
    )
)]
pub(crate) async fn list_operations(
    State(app): State<Arc<App>>,
    asked: Asked,
) -> Result<Json<List<ProviderOperation>>, ApiError> {
    enter_tenant(&app, &asked, &OPERATIONS)?;
    let read = |operation: &Operation, resource: &str| ProviderOperation {
        name: operation.action.to_string(),
        display: ProviderOperationDisplay {
            provider: operation.namespace.to_owned(),
            resource: resource.to_owned(),
            operation: "Read".to_owned(),
        },
    };
    let value =
        vec![read(&periods::OPERATION, "Billing periods"), read(&invoices::OPERATION, "Invoices")];
    Ok(Json(List { value }))
}

/// Enrollment accounts, of which there are none.
#[utoipa::path(get, path = "/providers/microsoft.billing/enrollmentaccounts", tag = "Azure",
    params(("api-version" = String, Query, description = "2018-03-01-preview")),
    responses(
        (status = 200, description = "None", content_type = "application/json"),
        (status = 401, description = "No valid token", body = wire::error::ErrorBody),
    )
)]
pub(crate) async fn list_enrollment_accounts(
    State(app): State<Arc<App>>,
    asked: Asked,
) -> Result<Json<List<NoMembers>>, ApiError> {
    none_of(&app, &asked, &ENROLLMENT_ACCOUNTS)
}

/// Billing accounts, of which there are none: subscriptions are of a tenant.
#[utoipa::path(get, path = "/providers/microsoft.billing/billingaccounts", tag = "Azure",
    params(("api-version" = String, Query, description = "2020-05-01 or 2024-04-01")),
    responses(
        (status = 200, description = "None", content_type = "application/json"),
        (status = 401, description = "No valid token", body = wire::error::ErrorBody),
    )
)]
pub(crate) async fn list_billing_accounts(
    State(app): State<Arc<App>>,
    asked: Asked,
) -> Result<Json<List<NoMembers>>, ApiError> {
    none_of(&app, &asked, &BILLING_ACCOUNTS)
}

fn none_of(
    app: &App,
    asked: &Asked,
    operation: &Operation,
) -> Result<Json<List<NoMembers>>, ApiError> {
    enter_tenant(app, asked, operation)?;
    Ok(Json(List { value: vec![] }))
}

/// The invoices of a subscription, as later versions ask for them.
#[utoipa::path(
    get,
    path = "/providers/microsoft.billing/billingaccounts/{billingAccountName}/billingsubscriptions/{subscriptionId}/invoices",
    tag = "Azure",
    params(
        ("billingAccountName" = String, Path, description = "default"),
        ("subscriptionId" = String, Path, description = "GUID of the subscription"),
        ("api-version" = String, Query, description = "2020-05-01 or 2024-04-01"),
        ("periodStartDate" = Option<String>, Query, description = "First day; required by 2020-05-01"),
        ("periodEndDate" = Option<String>, Query, description = "Last day; required by 2020-05-01"),
    ),
    responses(
        (status = 200, description = "The invoices; there are none yet", content_type = "application/json"),
        (status = 400, description = "A parameter is wrong; or the subscription's offer has no invoices", body = wire::error::ErrorBody),
        (status = 401, description = "No valid token", body = wire::error::ErrorBody),
        (status = 403, description = "No right, or the subscription does not let others download invoices", body = wire::error::ErrorBody),
        (status = 404, description = "No such subscription or billing account", body = wire::error::ErrorBody),
    )
)]
pub(crate) async fn list_invoices(
    State(app): State<Arc<App>>,
    Path((account, subscription)): Path<(String, String)>,
    asked: Asked,
) -> Result<Json<List<NoMembers>>, ApiError> {
    enter_invoices(&app, &asked, &subscription, &INVOICES)?;
    if account != "default" {
        return Err(ApiError::NotFound { what: "billing account", id: account });
    }
    let days = DateRange::from_parameters(&asked.parameters).map_err(ApiError::CostRequest)?;
    if days.is_none() && api_version(&asked)? == FIRST_BY_ACCOUNT {
        let missing = CostRequestError::Missing("periodStartDate".to_owned());
        return Err(ApiError::CostRequest(missing));
    }
    Ok(Json(List { value: vec![] }))
}
