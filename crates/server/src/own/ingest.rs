//! Ingest: events as they happen, and usage aggregates as Azure's Usage API answered them.
//!
//! A subscription takes usage in every state: what was used before it was suspended or cancelled may
//! come late, and no record is lost.
//!
//! A record is checked and authorized by itself, so that one bad one does not sink a batch; what is
//! acknowledged is durable, and sending it again changes nothing.

mod conflict;
mod gate;
mod slices;
mod watermarks;

use std::collections::BTreeSet;
use std::sync::Arc;

use accounts::Action;
use axum::Json;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use domain::id::{EventId, Source, SubscriptionId};
use domain::record::{Commit, UsageRecord};
use domain::time::ReportedTime;
use http::{HeaderMap, StatusCode, header};
use ledger::{AppendError, NewRecord, Outcome};
use wire::event::{self, BatchError, Event, RejectedEvent, Watermark};
use wire::own::{IngestProblem, IngestResponse, TouchedBucket};
use wire::usage::{AggregatesError, Occurrences, parse_aggregate, read_aggregates};

use super::corrections::CORRECT;
use super::parsed;
use crate::app::App;
use crate::authorize::forbidden;
use crate::catalogue::blocking;
use crate::directory::Directory;
use crate::error::ApiError;
use crate::exchange::{Asked, read_body};
use crate::identity::Principal;
use crate::limits;
pub(super) use gate::Gate;
use slices::Slices;

/// The right to send events.
const WRITE_EVENTS: Action = Action::EVENTS_WRITE;
/// The right to import usage with the reported time that its origin gave it.
pub(super) const WRITE_IMPORTS: Action = Action::IMPORTS_WRITE;
/// The source of imported aggregates whose importer names none.
pub(super) const IMPORT_SOURCE: &str = "azure-usage-aggregates";

const EVENT_TYPES: &str = "application/cloudevents+json, application/cloudevents-batch+json and \
                           application/x-ndjson";
pub(super) const AGGREGATE_TYPES: &str = "application/json and application/x-ndjson";

/// A record that may be stored, and its place in the request.
struct Candidate {
    position: usize,
    new: NewRecord,
}

/// What a request's body came to: what may be stored, and what may not.
#[derive(Default)]
struct Sorted {
    candidates: Vec<Candidate>,
    /// Watermarks, each with its place in the request.
    watermarks: Vec<(usize, Watermark)>,
    rejected: Vec<IngestProblem>,
}

/// Takes events: CloudEvents 1.0 in JSON, one, a batch, or one a line.
///
/// A usage event (`tallyhouse.usage.v1`) is a record of usage. A watermark
/// (`tallyhouse.watermark.v1`, with `subscriptionId` and `completeUpTo` in `data`) is its source's
/// word that it has sent all usage that ended up to then; it is taken after the usage events of the
/// same request, and is a duplicate if it is not later than the one known. Of those that a source
/// sends within a minute the last may be lost when the server is killed: it is only ever sent again,
/// or a later one is.
#[utoipa::path(post, path = "/tallyhouse/v1/events", tag = "Ingest",
    request_body(content = String, content_type = "application/cloudevents-batch+json",
        description = "CloudEvents of type tallyhouse.usage.v1 or tallyhouse.watermark.v1; also application/cloudevents+json for one event and application/x-ndjson for one a line"),
    responses(
        (status = 200, description = "A batch: what became of each event. One event: it was stored before", body = IngestResponse),
        (status = 201, description = "One event: it is stored", body = IngestResponse),
        (status = 400, description = "The body, or the one event, is wrong", body = wire::error::ErrorBody),
        (status = 409, description = "One event: it was stored before with other content", body = wire::error::ErrorBody),
        (status = 413, description = "The body is too large", body = wire::error::ErrorBody),
        (status = 415, description = "The content type is not taken", body = wire::error::ErrorBody),
        (status = 503, description = "Busy: nothing was stored, try again", body = wire::error::ErrorBody),
    )
)]
pub(crate) async fn post_events(
    State(app): State<Arc<App>>,
    asked: Asked,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, ApiError> {
    let (principal, directory) = admit(&app, &asked, WRITE_EVENTS)?;
    let form = media_type(&headers);
    match form.as_str() {
        "application/cloudevents+json" => {
            let body = read_body(body).await?;
            post_single(&app, &directory, &principal, &body).await
        }
        "application/cloudevents-batch+json" => {
            let body = read_body(body).await?;
            post_batch(&app, directory, principal, body, event::parse_batch).await
        }
        "application/x-ndjson" | "application/ndjson" => {
            let body = read_body(body).await?;
            post_batch(&app, directory, principal, body, event::parse_lines).await
        }
        _ => Err(ApiError::MediaType { given: form, taken: EVENT_TYPES }),
    }
}

/// Lets in whoever may do this anywhere; the gate decides record by record.
pub(super) fn admit(
    app: &App,
    asked: &Asked,
    action: Action,
) -> Result<(Principal, Arc<Directory>), ApiError> {
    let principal = app.authenticate(asked)?;
    let directory = app.directory();
    if directory.allows_somewhere(&principal, &action) {
        return Ok((principal, directory));
    }
    Err(forbidden(&principal, action, "/".to_owned()))
}

pub(super) fn media_type(headers: &HeaderMap) -> String {
    let value = headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let kind = value.unwrap_or_default().split(';').next().unwrap_or_default();
    kind.trim().to_ascii_lowercase()
}

/// Whether a body of this type may have usage aggregates.
pub(super) fn is_of_aggregates(media_type: &str) -> bool {
    matches!(media_type, "application/json" | "application/x-ndjson" | "application/ndjson")
}

async fn post_single(
    app: &App,
    directory: &Directory,
    principal: &Principal,
    body: &[u8],
) -> Result<Response, ApiError> {
    let event = event::parse_single(body).map_err(|rejected| ApiError::Event {
        code: rejected.error.code(),
        reason: rejected.error.to_string(),
    })?;
    let mut gate = Gate::new(directory, principal, WRITE_EVENTS, (app.clock)());
    match event {
        Event::Usage(record) => {
            gate.check(&record)?;
            post_record(app, record).await
        }
        Event::Watermark(watermark) => {
            gate.check_watermark(&watermark)?;
            let outcomes = watermarks::add(app, &[&watermark]).await?;
            let is_new = outcomes.into_iter().next().expect("one watermark has one outcome")?;
            let body = IngestResponse {
                accepted: u64::from(is_new),
                duplicate: u64::from(!is_new),
                ..IngestResponse::default()
            };
            let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
            Ok((status, Json(body)).into_response())
        }
    }
}

async fn post_record(app: &App, record: UsageRecord) -> Result<Response, ApiError> {
    let (subscription, source) = (record.subscription, record.source.clone());
    let event_id = record.event_id.clone();
    let outcomes = append(app, vec![NewRecord { record, reported: None }]).await?;
    let (status, accepted, commit) = match outcomes.as_slice() {
        [Outcome::Stored(commit)] => (StatusCode::CREATED, 1, commit),
        [Outcome::Duplicate(commit)] => (StatusCode::OK, 0, commit),
        [Outcome::Conflict(commit)] => {
            let name = (&source, &event_id);
            return Err(conflict::refusal(app, subscription, name, *commit).await);
        }
        other => unreachable!("one record has one outcome, not {other:?}"),
    };
    let body = IngestResponse {
        accepted,
        duplicate: 1 - accepted,
        commit: Some(commit.0),
        ..IngestResponse::default()
    };
    Ok((status, Json(body)).into_response())
}

type ParseEvents = fn(&[u8], usize) -> Result<Vec<Result<Event, RejectedEvent>>, BatchError>;

async fn post_batch(
    app: &Arc<App>,
    directory: Arc<Directory>,
    principal: Principal,
    body: Bytes,
    parse: ParseEvents,
) -> Result<Response, ApiError> {
    let now = (app.clock)();
    let sorted = blocking(move || {
        let events = parse(&body, limits::EVENTS_PER_REQUEST).map_err(|error| match error {
            BatchError::TooMany { .. } => ApiError::TooManyEvents,
            error @ BatchError::Malformed(_) => ApiError::Body(error.to_string()),
        })?;
        let mut gate = Gate::new(&directory, &principal, WRITE_EVENTS, now);
        let mut sorted = Sorted::default();
        for (position, event) in events.into_iter().enumerate() {
            match event {
                Ok(Event::Usage(record)) => sorted.add(position, record, None, &mut gate),
                Ok(Event::Watermark(watermark)) => {
                    sorted.add_watermark(position, watermark, &mut gate);
                }
                Err(rejected) => sorted.rejected.push(rejected.into()),
            }
        }
        Ok(sorted)
    });
    Ok(Json(store(app, sorted.await?).await?).into_response())
}

/// Imports usage aggregates, in the form that Azure's Usage API answers.
///
/// Rows keep the reported bucket that their name says. A row has no id: the n-th equal row of a
/// subscription and reported bucket is one record for ever, so importing them again adds nothing.
///
/// Those rows are a slice. With `slices` the request has whole slices: every row that the origin has
/// of each subscription and bucket that it names. `compare` answers in what they differ from what is
/// stored, and stores nothing; `correct` makes them right, each in one commit: rows that are gone are
/// taken back by reversals in the same bucket, others are added. A row that is wrong, or that may not be
/// imported, then leaves the whole request without effect. That an origin has no row of a slice any more
/// cannot be said so. Without `slices` rows are only ever added.
#[utoipa::path(post, path = "/tallyhouse/v1/usage-aggregates", tag = "Ingest",
    params(
        ("source" = Option<String>, Query, description = "Name of the source; azure-usage-aggregates if absent"),
        ("slices" = Option<String>, Query, description = "`compare` or `correct`, where the request has whole slices"),
    ),
    request_body(content = String, content_type = "application/x-ndjson",
        description = "One aggregate a line, or as application/json a document {\"value\":[…]}. A member `occurrence` beside `properties` says which of several equal rows a row is, from 1"),
    responses(
        (status = 200, description = "What became of each row", body = IngestResponse),
        (status = 400, description = "The body is wrong", body = wire::error::ErrorBody),
        (status = 403, description = "No right", body = wire::error::ErrorBody),
        (status = 409, description = "With `slices`: a slice was changed meanwhile; those before it are right", body = wire::error::ErrorBody),
        (status = 413, description = "The body is too large", body = wire::error::ErrorBody),
        (status = 422, description = "With `slices`: more is stored of a slice than can be compared", body = wire::error::ErrorBody),
        (status = 503, description = "Busy: nothing was stored, or with `slices` some slices; try again", body = wire::error::ErrorBody),
    )
)]
pub(crate) async fn post_usage_aggregates(
    State(app): State<Arc<App>>,
    asked: Asked,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<IngestResponse>, ApiError> {
    let (principal, directory) = admit(&app, &asked, WRITE_IMPORTS)?;
    let form = media_type(&headers);
    if !is_of_aggregates(&form) {
        return Err(ApiError::MediaType { given: form, taken: AGGREGATE_TYPES });
    }
    let source = asked.parameters.get("source").unwrap_or(IMPORT_SOURCE);
    let source = parsed("source", Source::parse(source))?;
    let slices = asked.parameters.get("slices").map(Slices::parse).transpose()?;
    let body = read_body(body).await?;
    let (now, of, by) = ((app.clock)(), source.clone(), principal.object_id);
    let sorted = blocking(move || {
        let mut gate = Gate::new(&directory, &principal, WRITE_IMPORTS, now);
        if slices.is_some() {
            gate = gate.and(CORRECT);
        }
        sort_aggregates(&body, &of, &mut gate)
    });
    let sorted = sorted.await?;
    let answer = match slices {
        None => store(&app, sorted).await?,
        Some(slices) => slices.settle(app, (source, by), sorted).await?,
    };
    Ok(Json(answer))
}

fn sort_aggregates(body: &[u8], source: &Source, gate: &mut Gate<'_>) -> Result<Sorted, ApiError> {
    let rows = read_aggregates(body, limits::EVENTS_PER_REQUEST).map_err(|error| match error {
        AggregatesError::TooMany { .. } => ApiError::TooManyEvents,
        error @ AggregatesError::Malformed(_) => ApiError::Body(error.to_string()),
    })?;
    let mut occurrences = Occurrences::default();
    let mut sorted = Sorted::default();
    for (position, row) in rows.into_iter().enumerate() {
        let row = match parse_aggregate(row) {
            Ok(row) => row,
            Err(error) => {
                sorted.rejected.push(error.at(position));
                continue;
            }
        };
        if let Some(problem) = gate.impossible_bucket(row.bucket, row.window, position as u64) {
            sorted.rejected.push(problem);
            continue;
        }
        let occurrence = row.occurrence.unwrap_or_else(|| occurrences.next(&row));
        let bucket = row.bucket;
        let record = row.into_record(source.clone(), occurrence);
        sorted.add(position, record, Some(bucket), gate);
    }
    Ok(sorted)
}

impl Sorted {
    fn add(
        &mut self,
        position: usize,
        record: UsageRecord,
        reported: Option<ReportedTime>,
        gate: &mut Gate<'_>,
    ) {
        match gate.check(&record) {
            Ok(()) => {
                self.candidates.push(Candidate { position, new: NewRecord { record, reported } });
            }
            Err(refusal) => {
                let (source, id) = (&record.source, &record.event_id);
                self.rejected.push(problem(position as u64, source, id, &refusal));
            }
        }
    }

    fn add_watermark(&mut self, position: usize, watermark: Watermark, gate: &mut Gate<'_>) {
        let most = limits::WATERMARKS_PER_REQUEST;
        let checked = if self.watermarks.len() < most {
            gate.check_watermark(&watermark)
        } else {
            let reason = format!("a request has at most {most} watermarks");
            Err(ApiError::Event { code: "TooManyWatermarks", reason })
        };
        match checked {
            Ok(()) => self.watermarks.push((position, watermark)),
            Err(refusal) => {
                let (source, id) = (&watermark.source, &watermark.event_id);
                self.rejected.push(problem(position as u64, source, id, &refusal));
            }
        }
    }
}

pub(super) fn problem(
    position: u64,
    source: &Source,
    id: &EventId,
    refusal: &ApiError,
) -> IngestProblem {
    IngestProblem {
        position,
        source: Some(source.to_string()),
        id: Some(id.to_string()),
        code: refusal.code().to_owned(),
        reason: refusal.message(),
    }
}

/// What is said of a record that was stored before with other content.
pub(super) fn conflict(
    position: u64,
    source: &Source,
    id: &EventId,
    commit: Commit,
) -> IngestProblem {
    let (source_text, id_text) = (source.to_string(), id.to_string());
    let commit = commit.0;
    let refusal = ApiError::Conflict { source: source_text, id: id_text, commit, erased: false };
    problem(position, source, id, &refusal)
}

/// What is left of a candidate once its record is on its way to the ledger.
struct Sent {
    position: usize,
    source: Source,
    event_id: EventId,
    subscription: SubscriptionId,
    reported: Option<ReportedTime>,
}

impl Sent {
    fn of(candidate: &Candidate) -> Self {
        let record = &candidate.new.record;
        Self {
            position: candidate.position,
            source: record.source.clone(),
            event_id: record.event_id.clone(),
            subscription: record.subscription,
            reported: candidate.new.reported,
        }
    }

    /// Says of a conflict whether something of the stored record was erased, if it is to be looked at.
    async fn conflict(&self, app: &App, commit: Commit, is_looked_at: bool) -> IngestProblem {
        let position = self.position as u64;
        if !is_looked_at {
            return conflict(position, &self.source, &self.event_id, commit);
        }
        let name = (&self.source, &self.event_id);
        let refusal = conflict::refusal(app, self.subscription, name, commit).await;
        problem(position, &self.source, &self.event_id, &refusal)
    }
}

/// Stores what may be stored, and says what became of everything.
async fn store(app: &App, mut sorted: Sorted) -> Result<IngestResponse, ApiError> {
    let sent: Vec<_> = sorted.candidates.iter().map(Sent::of).collect();
    let records = sorted.candidates.into_iter().map(|candidate| candidate.new).collect();
    let outcomes = append(app, records).await?;
    let (mut accepted, mut duplicate, mut conflicting) = (0, 0, Vec::new());
    let mut highest: Option<Commit> = None;
    let mut touched = BTreeSet::new();
    for (sent, outcome) in sent.into_iter().zip(outcomes) {
        match outcome {
            Outcome::Stored(commit) => {
                accepted += 1;
                highest = highest.max(Some(commit));
                touched
                    .extend(sent.reported.map(|reported| (sent.subscription, reported.0.date())));
            }
            Outcome::Duplicate(commit) => {
                duplicate += 1;
                highest = highest.max(Some(commit));
            }
            Outcome::Conflict(commit) => {
                let is_looked_at = conflicting.len() < limits::CONFLICTS_LOOKED_AT;
                conflicting.push(sent.conflict(app, commit, is_looked_at).await);
            }
        }
    }
    let watermarks: Vec<_> = sorted.watermarks.iter().map(|(_, watermark)| watermark).collect();
    let outcomes = watermarks::add(app, &watermarks).await?;
    for ((position, watermark), outcome) in sorted.watermarks.iter().zip(outcomes) {
        match outcome {
            Ok(true) => accepted += 1,
            Ok(false) => duplicate += 1,
            Err(refusal) => {
                let (source, id) = (&watermark.source, &watermark.event_id);
                sorted.rejected.push(problem(*position as u64, source, id, &refusal));
            }
        }
    }
    sorted.rejected.sort_by_key(|problem| problem.position);
    let touched = touched.into_iter().map(|(subscription, day)| TouchedBucket {
        subscription_id: subscription.to_string(),
        reported_day: day.to_string(),
    });
    Ok(IngestResponse {
        accepted,
        duplicate,
        conflicting,
        rejected: sorted.rejected,
        commit: highest.map(|commit| commit.0),
        touched_buckets: touched.collect(),
        slices: vec![],
    })
}

async fn append(app: &App, records: Vec<NewRecord>) -> Result<Vec<Outcome>, ApiError> {
    if records.is_empty() {
        return Ok(vec![]);
    }
    app.ledger.append(records).await.map_err(append_error)
}

/// What an append that fails is to the client.
pub(super) fn append_error(error: AppendError) -> ApiError {
    match error {
        AppendError::Busy => ApiError::Busy,
        AppendError::Refused => ApiError::LedgerRefuses,
        error @ (AppendError::RecordTooLarge { .. } | AppendError::RequestTooLarge { .. }) => {
            ApiError::Event { code: "RecordTooLong", reason: error.to_string() }
        }
    }
}
