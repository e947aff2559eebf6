//! Meter aliases: usage of an old meter id is priced as that of a new one.

use std::collections::BTreeMap;
use std::sync::Arc;

use accounts::{AddMeterAliasError, RemoveMeterAliasError};
use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use domain::alias::in_force;
use domain::id::MeterId;
use http::StatusCode;
use wire::own::{List, MeterAlias};

use super::rate_cards::reprice_closed;
use super::{parsed, read_json};
use crate::app::App;
use crate::error::ApiError;
use crate::exchange::Asked;

/// Has usage of an old meter id priced as that of a new one, in the place of any other alias of the
/// old id. An alias leaves billing periods alone that are closed when it is made, unless
/// `repriceClosed` says otherwise.
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
    let (by, now) = (administrator.object_id.to_string(), (app.clock)());
    let reprice_closed = body.reprice_closed;
    let added = app.change(move |accounts| async move {
        accounts.add_meter_alias(old, new, reprice_closed, &by, now).await.map_err(refusal)
    });
    added.await?;
    Ok((StatusCode::CREATED, Json(body_of(old, new, reprice_closed))))
}

fn refusal(error: AddMeterAliasError) -> ApiError {
    match error {
        AddMeterAliasError::Itself(_) | AddMeterAliasError::Cycle { .. } => {
            ApiError::Parameter { name: "newMeterId", reason: error.to_string() }
        }
        AddMeterAliasError::TooMany => ApiError::LimitReached(error.to_string()),
        AddMeterAliasError::Storage(error) => ApiError::internal("adding an alias", &error),
    }
}

/// Lists the aliases in force, in order of the old ids. The new id is the last one where aliases lead
/// to one another.
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
    // Of each old id what was said of it last.
    let repricing: BTreeMap<_, _> =
        aliases.iter().map(|alias| (alias.old, alias.reprice_closed)).collect();
    let ends = in_force(&aliases).into_iter();
    Ok(Json(List { value: ends.map(|(old, new)| body_of(old, new, repricing[&old])).collect() }))
}

/// Has usage of a meter id priced as its own again. The removal leaves billing periods alone that are
/// closed when it is made, unless `repriceClosed` says otherwise.
#[utoipa::path(delete, path = "/tallyhouse/v1/meter-aliases/{oldMeterId}", tag = "Prices",
    params(
        ("oldMeterId" = String, Path, description = "GUID of the old meter"),
        ("repriceClosed" = Option<bool>, Query, description = "Whether it changes billing periods that are closed, too, which then need adjustments; false if absent"),
    ),
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
    let reprice_closed = reprice_closed(&asked)?;
    let (by, now) = (administrator.object_id.to_string(), (app.clock)());
    let removed = app.change(move |accounts| async move {
        let removed = accounts.remove_meter_alias(id, reprice_closed, &by, now).await;
        removed.map_err(removal_refusal)
    });
    removed.await?;
    Ok(StatusCode::NO_CONTENT)
}

fn removal_refusal(error: RemoveMeterAliasError) -> ApiError {
    match error {
        RemoveMeterAliasError::NotFound(id) => {
            ApiError::NotFound { what: "alias of meter", id: id.to_string() }
        }
        RemoveMeterAliasError::Storage(error) => ApiError::internal("removing an alias", &error),
    }
}

fn body_of(old: MeterId, new: MeterId, reprice_closed: bool) -> MeterAlias {
    MeterAlias { old_meter_id: old.to_string(), new_meter_id: new.to_string(), reprice_closed }
}
