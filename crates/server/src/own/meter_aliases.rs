//! Meter aliases: usage of an old meter id is priced as that of a new one.

use std::sync::Arc;

use accounts::{AddMeterAliasError, RemoveMeterAliasError};
use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use domain::id::MeterId;
use http::StatusCode;
use wire::own::{List, MeterAlias};

use super::{parsed, read_json};
use crate::app::App;
use crate::error::ApiError;
use crate::exchange::Asked;

/// Has usage of an old meter id priced as that of a new one, in the place of any other alias of the
/// old id.
#[utoipa::path(post, path = "/tallyhouse/v1/meter-aliases", tag = "Prices",
    request_body = MeterAlias,
    responses(
        (status = 201, description = "The alias", body = MeterAlias),
        (status = 400, description = "A member is wrong, or the alias leads back to itself", body = wire::error::ErrorBody),
        (status = 403, description = "Not the administrator", body = wire::error::ErrorBody),
    )
)]
pub(crate) async fn add(
    State(app): State<Arc<App>>,
    asked: Asked,
    body: Body,
) -> Result<(StatusCode, Json<MeterAlias>), ApiError> {
    let administrator = app.administrator(&asked)?;
    let body: MeterAlias = read_json(body).await?;
    let old = parsed("oldMeterId", MeterId::parse(&body.old_meter_id))?;
    let new = parsed("newMeterId", MeterId::parse(&body.new_meter_id))?;
    let by = administrator.object_id.to_string();
    let added = app.accounts.add_meter_alias(old, new, &by, (app.clock)()).await;
    added.map_err(|error| match error {
        AddMeterAliasError::Itself(_) | AddMeterAliasError::Cycle { .. } => {
            ApiError::Parameter { name: "newMeterId", reason: error.to_string() }
        }
        AddMeterAliasError::TooMany => ApiError::LimitReached(error.to_string()),
        AddMeterAliasError::Storage(error) => ApiError::internal("adding an alias", &error),
    })?;
    app.reload_directory().await?;
    Ok((StatusCode::CREATED, Json(body_of(old, new))))
}

/// Lists the aliases, in order of the old ids. The new id is the last one where aliases lead to one
/// another.
#[utoipa::path(get, path = "/tallyhouse/v1/meter-aliases", tag = "Prices", responses(
    (status = 200, description = "Every alias in force", body = List<MeterAlias>),
    (status = 403, description = "Not the administrator", body = wire::error::ErrorBody),
))]
pub(crate) async fn list(
    State(app): State<Arc<App>>,
    asked: Asked,
) -> Result<Json<List<MeterAlias>>, ApiError> {
    app.administrator(&asked)?;
    let aliases = app.accounts.meter_aliases(app.directory().revision).await;
    let aliases = aliases.map_err(|error| ApiError::internal("reading aliases", &error))?;
    Ok(Json(List { value: aliases.into_iter().map(|(old, new)| body_of(old, new)).collect() }))
}

/// Has usage of a meter id priced as its own again.
#[utoipa::path(delete, path = "/tallyhouse/v1/meter-aliases/{oldMeterId}", tag = "Prices",
    params(("oldMeterId" = String, Path, description = "GUID of the old meter")),
    responses(
        (status = 204, description = "It has no alias any more"),
        (status = 403, description = "Not the administrator", body = wire::error::ErrorBody),
        (status = 404, description = "It has none", body = wire::error::ErrorBody),
    )
)]
pub(crate) async fn remove(
    State(app): State<Arc<App>>,
    Path(old): Path<String>,
    asked: Asked,
) -> Result<StatusCode, ApiError> {
    let administrator = app.administrator(&asked)?;
    let unknown = || ApiError::NotFound { what: "alias of meter", id: old.clone() };
    let id = MeterId::parse(&old).map_err(|_| unknown())?;
    let by = administrator.object_id.to_string();
    let removed = app.accounts.remove_meter_alias(id, &by, (app.clock)()).await;
    removed.map_err(|error| match error {
        RemoveMeterAliasError::NotFound(_) => unknown(),
        RemoveMeterAliasError::Storage(error) => ApiError::internal("removing an alias", &error),
    })?;
    app.reload_directory().await?;
    Ok(StatusCode::NO_CONTENT)
}

fn body_of(old: MeterId, new: MeterId) -> MeterAlias {
    MeterAlias { old_meter_id: old.to_string(), new_meter_id: new.to_string() }
}
