//! `GET /metadata/endpoints`: where a cloud's services are, which tools ask before they sign in.
//!
//! Every endpoint is this server under the name by which the client reached it: what it has no call
//! for answers 404 as JSON, which tools bear.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use wire::arm::{CloudMetadata, StackMetadata};

use super::api_version;
use crate::app::App;
use crate::error::ApiError;
use crate::exchange::Asked;

/// The name that tools give the cloud.
const CLOUD: &str = "Tallyhouse";

/// The api-versions, whose answers have three forms.
const VERSIONS: &[&str] = &["1.0", "2015-01-01", "2019-05-01", "2022-09-01"];

/// Where this cloud's services are.
#[utoipa::path(get, path = "/metadata/endpoints", tag = "Azure",
    params(("api-version" = String, Query, description = "1.0 or 2015-01-01 (as Azure Stack), 2019-05-01 (a list), or 2022-09-01")),
    responses(
        (status = 200, description = "The endpoints; no token is needed", body = CloudMetadata),
        (status = 400, description = "No such api-version", body = wire::error::ErrorBody),
    )
)]
pub(crate) async fn show(State(app): State<Arc<App>>, asked: Asked) -> Result<Response, ApiError> {
    let version = api_version(&asked)?;
    let login = app.login_endpoint(&asked);
    Ok(match version {
        "1.0" | "2015-01-01" => Json(StackMetadata::new(&asked.origin, &login)).into_response(),
        "2019-05-01" => Json([CloudMetadata::new(CLOUD, &asked.origin, &login)]).into_response(),
        "2022-09-01" => Json(CloudMetadata::new(CLOUD, &asked.origin, &login)).into_response(),
        other => {
            let given = other.to_owned();
            return Err(ApiError::UnsupportedApiVersion { given, supported: VERSIONS });
        }
    })
}

impl App {
    /// Where clients sign in: with the first issuer that others run, or else here.
    fn login_endpoint(&self, asked: &Asked) -> String {
        let external = self.config.identity.issuers.first();
        external.and_then(|issuer| origin_of(&issuer.name)).unwrap_or_else(|| asked.origin.clone())
    }
}

/// The origin of an address.
fn origin_of(url: &str) -> Option<String> {
    let uri: http::Uri = url.parse().ok()?;
    Some(format!("{}://{}", uri.scheme_str()?, uri.authority()?))
}
