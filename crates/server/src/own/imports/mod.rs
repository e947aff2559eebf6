//! Imports of any length: rows are read off a stream, and stored block by block while it goes on.
//!
//! Several blocks are under way at a time, so that one is read while another waits for its sync. They
//! are numbered and told in the order of the body, whatever the order in which they are stored. What is
//! stored stays where the stream breaks off; importing the file again adds what is missing.

mod block;
mod occurrences;
mod reading;
mod tally;

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use domain::id::Source;
use futures_util::StreamExt;
use http::HeaderMap;
use tokio::sync::{mpsc, oneshot};
use wire::own::ImportResponse;

use super::ingest::{self, AGGREGATE_TYPES, IMPORT_SOURCE, WRITE_IMPORTS, append_error};
use super::parsed;
use crate::app::App;
use crate::error::{ApiError, ImportError};
use crate::exchange::Asked;
use crate::identity::Principal;
use crate::limits::{self, ImportLimits};
use block::{Importer, Readers, Turn};
use occurrences::{Most, Occurrences};
use reading::{Block, Cut, End};
use tally::{Settled, Tally};

/// Imports usage aggregates of any number, in the form that Azure's Usage API answers, as a stream.
///
/// Rows are as those of `/tallyhouse/v1/usage-aggregates`, but the body has no largest size, and equal
/// rows are counted over all of it. It is one or more documents `{"value":[…]}` one behind the other, a
/// list, or one row a line, whatever the content type says.
///
/// Rows are stored while they come, and there is one answer at the end. Where the body breaks off, or
/// from a place on is not of its form, what came before is stored and stays: importing the same rows
/// again adds those that are missing, and none twice. `broken` says where a body is not of its form. Of
/// rejected and conflicting rows the first 10,000 are listed, and all are counted. A body that brings
/// less than 64 KiB in five minutes breaks off too, so that others have their turn.
///
/// Counters are held for as many subscriptions and buckets as fit: where some hundred thousand rows or
/// more lie between two of one subscription and bucket, the later one may be rejected (`SliceClosed`);
/// a body sorted by reported bucket and subscription has none such, unless one bucket of a subscription
/// has two million rows that differ: there each row has to say its `occurrence`.
#[utoipa::path(post, path = "/tallyhouse/v1/imports", tag = "Ingest",
    params(
        ("source" = Option<String>, Query, description = "Name of the source; azure-usage-aggregates if absent"),
    ),
    request_body(content = String, content_type = "application/x-ndjson",
        description = "One aggregate a line, or as application/json documents {\"value\":[…]}; of any length. A member `occurrence` beside `properties` says which of several equal rows a row is, from 1"),
    responses(
        (status = 200, description = "What became of the rows, also where the body is broken from a place on", body = ImportResponse),
        (status = 400, description = "The body did not arrive whole; rows before are stored", body = wire::error::ErrorBody),
        (status = 403, description = "No right", body = wire::error::ErrorBody),
        (status = 408, description = "The body came too slowly; rows before are stored", body = wire::error::ErrorBody),
        (status = 415, description = "The content type is not taken", body = wire::error::ErrorBody),
        (status = 422, description = "The rows of too many subscriptions and buckets lie across each other; those before are stored", body = wire::error::ErrorBody),
        (status = 503, description = "Too many imports are under way, or storing stopped: what was stored stays; try again", body = wire::error::ErrorBody),
    )
)]
pub(crate) async fn post_imports(
    State(app): State<Arc<App>>,
    asked: Asked,
    headers: HeaderMap,
    body: Body,
) -> Result<Json<ImportResponse>, ApiError> {
    let (principal, _) = ingest::admit(&app, &asked, WRITE_IMPORTS)?;
    let form = ingest::media_type(&headers);
    if !ingest::is_of_aggregates(&form) {
        return Err(ApiError::MediaType { given: form, taken: AGGREGATE_TYPES });
    }
    let source = asked.parameters.get("source").unwrap_or(IMPORT_SOURCE);
    let source = parsed("source", Source::parse(source))?;
    let _turn = app.import_turns.try_acquire().map_err(|_| ImportError::TooMany)?;
    let (principal, readers) = (Arc::new(principal), Arc::default());
    let import = Import { app: Arc::clone(&app), principal, source, readers };
    let (pieces, taken) = mpsc::channel(limits::IMPORT_PIECES);
    let pump = reading::pump(body, pieces, app.config.imports.read);
    let ((), answer) = tokio::join!(pump, import.store(taken));
    answer.map(Json)
}

/// An import under way.
struct Import {
    app: Arc<App>,
    principal: Arc<Principal>,
    source: Source,
    readers: Arc<Readers>,
}

impl Import {
    /// Stores the rows of a body, and says what became of them.
    async fn store(
        &self,
        pieces: mpsc::Receiver<reading::Piece>,
    ) -> Result<ImportResponse, ApiError> {
        let (sender, mut blocks) = mpsc::channel(1);
        let splitting = tokio::task::spawn_blocking(move || reading::split(pieces, &sender));
        let ImportLimits { rows_counted: open, slices_closed: closed, read } =
            self.app.config.imports;
        let (first, mut before) = oneshot::channel();
        let _ = first.send(Occurrences::new(Most { open, closed })); // its receiver is here
        let settling = futures_util::stream::poll_fn(|context| blocks.poll_recv(context))
            .map(|block| {
                let (after, next) = oneshot::channel();
                let before = std::mem::replace(&mut before, next);
                self.settle(block, Turn { before, after })
            })
            .buffered(limits::IMPORT_BLOCKS);
        let mut settling = std::pin::pin!(settling);
        let mut tally = Tally::default();
        while let Some(settled) = settling.next().await {
            tally.add(settled?);
        }
        let end = splitting.await;
        let end = end.map_err(|error| ApiError::internal("splitting an import", &error))?;
        let answer = tally.finish();
        let stored = answer.result.accepted;
        match end {
            End::Whole { is_continued } => Ok(ImportResponse { continued: is_continued, ..answer }),
            End::Broken(form) => Ok(ImportResponse { broken: Some(form.to_string()), ..answer }),
            End::Cut(Cut::Interrupted) => Err(ImportError::Interrupted { stored }.into()),
            End::Cut(Cut::Slow) => {
                Err(ImportError::Slow { stored, seconds: read.as_secs() }.into())
            }
            End::Stopped => Err(ApiError::Internal), // nothing but an error stops it
        }
    }

    /// Stores the rows of a block. It is at work once it was called.
    fn settle(&self, block: Block, turn: Turn) -> impl Future<Output = Result<Settled, ApiError>> {
        let (app, source) = (Arc::clone(&self.app), self.source.clone());
        let importer = Importer {
            directory: app.directory(),
            principal: Arc::clone(&self.principal),
            source: source.clone(),
            readers: Arc::clone(&self.readers),
            now: (app.clock)(),
        };
        let sorting = tokio::task::spawn_blocking(move || importer.sort(&block, turn));
        async move {
            let sorted = sorting.await;
            let sorted =
                sorted.map_err(|error| ApiError::internal("sorting an import", &error))??;
            let outcomes = app.ledger.append_encoded(sorted.encoded, limits::IMPORT_PATIENCE).await;
            let outcomes = outcomes.map_err(|error| match append_error(error) {
                ApiError::Busy => ImportError::Busy.into(),
                other => other,
            })?;
            let (rows, rejected_count) = (sorted.rows, sorted.rejected_count);
            Ok(Settled { source, rows, outcomes, rejected: sorted.rejected, rejected_count })
        }
    }
}
