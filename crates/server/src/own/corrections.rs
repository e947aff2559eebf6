//! Corrections of single records: taken back by a reversal, and with a replacement another stored in
//! their place, both in one commit or neither.

use std::sync::Arc;

use accounts::Action;
use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use domain::correction::reversal_of;
use domain::id::{EventId, Source};
use domain::record::{StoredRecord, UsageRecord};
use ledger::{FindError, NewRecord, Obstacle, Together};
use wire::event::{self, Event};
use wire::own::{CorrectedRecord, Correction, CorrectionRequest};

use super::ingest::{Gate, append_error};
use super::{parsed, read_json};
use crate::app::App;
use crate::authorize::require;
use crate::error::{ApiError, CorrectionError};
use crate::exchange::Asked;

/// The right to take back what was stored.
pub(super) const CORRECT: Action = Action::CORRECTIONS_WRITE;

/// Corrects a record of usage: takes it back, and stores another in its place if one is given.
///
/// What takes it back has its content with the quantity negated, and is reported now, as is what
/// stands in its place: no closed bucket of the usage answer changes, and cost as of an earlier moment
/// stays. A record is taken back at most once; the same correction again adds nothing. A reversal
/// cannot be taken back: what it took back can be sent again under another id.
#[utoipa::path(post, path = "/tallyhouse/v1/subscriptions/{subscriptionId}/usage-corrections",
    tag = "Ingest",
    params(("subscriptionId" = String, Path, description = "GUID of the subscription")),
    request_body = CorrectionRequest,
    responses(
        (status = 200, description = "What the correction does", body = Correction),
        (status = 400, description = "The body, or the event in it, is wrong", body = wire::error::ErrorBody),
        (status = 403, description = "No right", body = wire::error::ErrorBody),
        (status = 404, description = "No such subscription or record", body = wire::error::ErrorBody),
        (status = 409, description = "The record is a reversal or was reversed already, or the replacement is stored already", body = wire::error::ErrorBody),
        (status = 503, description = "Busy, or this usage is being erased: nothing was stored, try again", body = wire::error::ErrorBody),
    )
)]
pub(crate) async fn correct(
    State(app): State<Arc<App>>,
    Path(subscription): Path<String>,
    asked: Asked,
    body: Body,
) -> Result<Json<Correction>, ApiError> {
    let directory = app.directory();
    let (principal, subscription) = app.enter(&asked, &directory, &subscription)?;
    require(&directory, &principal, &subscription, CORRECT)?;
    let body: CorrectionRequest = read_json(body).await?;
    let source = parsed("source", Source::parse(&body.source))?;
    let event_id = parsed("id", EventId::parse(&body.id))?;
    let replacement = replacement(&body)?;
    if let Some(record) = &replacement {
        if record.subscription != subscription.id {
            let reason = format!("is of another subscription, '{}'", record.subscription);
            return Err(ApiError::Parameter { name: "replacement", reason });
        }
        Gate::new(&directory, &principal, CORRECT, (app.clock)()).check(record)?;
    }
    let correcting = app.erasing.correcting(subscription.id).await;
    let stored = app.ledger.record(subscription.id, &source, &event_id).await;
    let stored = stored.map_err(find_error)?;
    let unknown = || ApiError::NotFound { what: "record of that source", id: event_id.to_string() };
    let stored = stored.ok_or_else(unknown)?;
    correcting.check(stored.record.window.start())?;
    let corrected = Corrected::new(stored, replacement)?;
    let (settled, dry_run) = (corrected.settle(&app, body.dry_run).await?, body.dry_run);
    let answer = corrected.answer(settled, dry_run)?;
    if !dry_run && !answer.duplicate {
        let (by, commit) = (principal.object_id, answer.commit);
        let subscription = subscription.id;
        tracing::info!(%by, %subscription, %source, id = %event_id, commit, "a record was corrected");
    }
    Ok(Json(answer))
}

/// The record in the place of another; none where it is voided.
fn replacement(body: &CorrectionRequest) -> Result<Option<UsageRecord>, ApiError> {
    let Some(event) = &body.replacement else {
        if body.void {
            return Ok(None);
        }
        let reason = "is required, unless 'void' is true".to_owned();
        return Err(ApiError::Parameter { name: "replacement", reason });
    };
    if body.void {
        let reason = "cannot be true where there is a replacement".to_owned();
        return Err(ApiError::Parameter { name: "void", reason });
    }
    let event =
        event::parse_single(event.get().as_bytes()).map_err(|rejected| ApiError::Event {
            code: rejected.error.code(),
            reason: format!("replacement: {}", rejected.error),
        })?;
    match event {
        Event::Usage(record) => Ok(Some(record)),
        Event::Watermark(_) => {
            let reason = "is a watermark, and no usage".to_owned();
            Err(ApiError::Parameter { name: "replacement", reason })
        }
    }
}

/// A correction that may be made.
struct Corrected {
    stored: StoredRecord,
    reversal: UsageRecord,
    replacement: Option<UsageRecord>,
}

impl Corrected {
    fn new(stored: StoredRecord, replacement: Option<UsageRecord>) -> Result<Self, ApiError> {
        let Some(reversal) = reversal_of(&stored.record) else {
            let (source, id) = (stored.record.source, stored.record.event_id);
            return Err(CorrectionError::IsReversal { source, id }.into());
        };
        Ok(Self { stored, reversal, replacement })
    }

    /// Makes it, or says what would come of it.
    async fn settle(&self, app: &App, dry_run: bool) -> Result<Together, ApiError> {
        let records = [&self.reversal].into_iter().chain(&self.replacement).cloned();
        if dry_run {
            let records: Vec<_> = records.collect();
            return app.ledger.foresee(&records).await.map_err(find_error);
        }
        let new = records.map(|record| NewRecord { record, reported: None });
        app.ledger.append_together(new.collect()).await.map_err(append_error)
    }

    fn answer(&self, settled: Together, dry_run: bool) -> Result<Correction, ApiError> {
        let (duplicate, commit) = match settled {
            Together::Stored(_) if dry_run => (false, None),
            Together::Stored(commit) => (false, Some(commit.0)),
            Together::Duplicate(commit) => (true, Some(commit.0)),
            Together::Refused { position, obstacle } => {
                return Err(self.refusal(position, obstacle));
            }
        };
        let record = |record| CorrectedRecord::new(record, commit);
        Ok(Correction {
            dry_run,
            duplicate,
            commit,
            reversed: CorrectedRecord::new(&self.stored.record, Some(self.stored.commit.0)),
            reversal: record(&self.reversal),
            replacement: self.replacement.as_ref().map(record),
        })
    }

    /// The reversal is the first of the records, the replacement the second.
    fn refusal(&self, position: usize, obstacle: Obstacle) -> ApiError {
        let of_reversal = position == 0;
        let record = match &self.replacement {
            Some(replacement) if !of_reversal => replacement,
            _ => &self.stored.record,
        };
        let (source, id) = (record.source.clone(), record.event_id.clone());
        match obstacle {
            Obstacle::Known(commit) if of_reversal => {
                CorrectionError::Reversed { source, id, commit: commit.0 }.into()
            }
            Obstacle::Known(commit) => {
                CorrectionError::Stored { source, id, commit: commit.0 }.into()
            }
            Obstacle::Conflict(commit) => {
                let id = if of_reversal { &self.reversal.event_id } else { &id };
                let (source, id) = (source.to_string(), id.to_string());
                ApiError::Conflict { source, id, commit: commit.0, erased: false }
            }
            Obstacle::NothingToReverse => {
                let record = self.stored.record.id().to_string();
                tracing::error!(record, "a stored record has other content than its index says");
                ApiError::Internal
            }
        }
    }
}

/// What a look into the ledger that fails is to the client.
pub(super) fn find_error(error: FindError) -> ApiError {
    match error {
        FindError::Busy => ApiError::Busy,
        FindError::Refused => ApiError::LedgerRefuses,
        error @ (FindError::Missing { .. } | FindError::Read(_)) => {
            ApiError::internal("looking for what is corrected", &error)
        }
    }
}
