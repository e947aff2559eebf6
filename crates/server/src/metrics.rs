//! `/metrics`: what the server and its ledger count and time, as Prometheus reads it. No label holds an
//! id or anything else that a client chooses, so their number is bounded and nothing of a tenant shows.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use domain::time::UtcTime;
use http::{Method, StatusCode, header};
use ledger::Ledger;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

use crate::app::App;
use crate::error::ApiError;
use crate::exchange::Asked;

/// Upper bounds of seconds that a request takes.
const REQUEST_SECONDS: [f64; 10] = [0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0];

/// The registry, and what requests are counted in.
#[derive(Debug)]
pub(crate) struct Metrics {
    registry: Registry,
    requests: Family<RequestLabels, Counter>,
    seconds: Family<RouteLabels, Histogram, fn() -> Histogram>,
    erasures: Counter,
    erased_rows: Counter,
    retention_run: Gauge,
}

/// What a request is counted by.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    /// The path as it is routed, such as `/tallyhouse/v1/events`.
    route: String,
    method: &'static str,
    status: u16,
}

/// What a request is timed by.
#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RouteLabels {
    route: String,
}

/// A method that HTTP has; whatever a client makes up is one word.
fn word(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::HEAD => "HEAD",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

impl Metrics {
    pub(crate) fn new(ledger: &Ledger) -> Self {
        let mut registry = Registry::with_prefix("tallyhouse");
        let version = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("build", "The program that answers", version);
        let requests = Family::default();
        registry.register("http_requests", "Requests answered", requests.clone());
        let histogram: fn() -> Histogram = || Histogram::new(REQUEST_SECONDS);
        let seconds = Family::new_with_constructor(histogram);
        let help = "Time from a request's head to its answer's";
        registry.register_with_unit("http_request", help, Unit::Seconds, seconds.clone());
        ledger.register_metrics(&mut registry);
        let (erasures, erased_rows, retention_run) = Default::default();
        let (done, rows) = (Counter::clone(&erasures), Counter::clone(&erased_rows));
        registry.register("erasures", "Erasures done, by request and by retention", done);
        registry.register("erased_rows", "Rows of usage that lost their details", rows);
        let help =
            "When retention was last seen to, in seconds since 1970; 0 before the first time";
        let run = Gauge::clone(&retention_run);
        registry.register_with_unit("last_retention_run_timestamp", help, Unit::Seconds, run);
        Self { registry, requests, seconds, erasures, erased_rows, retention_run }
    }

    /// Counts an erasure that is done.
    pub(crate) fn erased(&self, rows: u64) {
        self.erasures.inc();
        self.erased_rows.inc_by(rows);
    }

    /// Notes that retention was seen to.
    pub(crate) fn retention_ran(&self, now: UtcTime) {
        self.retention_run.set(now.to_micros() / 1_000_000);
    }

    /// Counts a request; those that no route matches are of one.
    pub(crate) fn answered(
        &self,
        route: Option<&str>,
        method: &Method,
        status: StatusCode,
        took: Duration,
    ) {
        let route = route.unwrap_or("unknown").to_owned();
        self.seconds
            .get_or_create(&RouteLabels { route: route.clone() })
            .observe(took.as_secs_f64());
        let (method, status) = (word(method), status.as_u16());
        self.requests.get_or_create(&RequestLabels { route, method, status }).inc();
    }
}

/// Counts and times in the text format of `OpenMetrics`. The administrator's alone, unless the
/// configuration opens it.
#[utoipa::path(get, path = "/metrics", tag = "Metrics", responses(
    (status = 200, description = "Metrics in the OpenMetrics text format", content_type = "application/openmetrics-text"),
    (status = 401, description = "No valid token, and `open_metrics` is off", body = wire::error::ErrorBody),
    (status = 403, description = "Not the administrator, and `open_metrics` is off", body = wire::error::ErrorBody),
))]
pub(crate) async fn show(State(app): State<Arc<App>>, asked: Asked) -> Result<Response, ApiError> {
    if !app.config.open_metrics {
        app.administrator(&asked)?;
    }
    let mut text = String::new();
    encode(&mut text, &app.metrics.registry)
        .map_err(|error| ApiError::internal("writing metrics", &error))?;
    let kind = "application/openmetrics-text; version=1.0.0; charset=utf-8";
    Ok(([(header::CONTENT_TYPE, kind)], text).into_response())
}
