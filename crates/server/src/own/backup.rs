//! Backups and checks of everything, for the administrator: both take long, and are streamed.

use std::io::Write as _;
use std::ops::ControlFlow;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::header;
use ledger::{Damage, Progress};
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use wire::own::{
    BackupRequest, DamagedFile, PassphraseLength, VerifyLine, VerifyProgress, VerifyReport,
};

use crate::app::App;
use crate::backup::{Failure, Taken, totals_body, write_manifest};
use crate::error::ApiError;
use crate::exchange::{Asked, read_body};
use crate::limits;
use crate::stream::{self, Piece, Pipe, Way};

/// Backups under way: each keeps what it copies from being cleared.
static BACKUPS: Semaphore = Semaphore::const_new(limits::BACKUPS);
/// Checks under way: each reads everything.
static CHECKS: Semaphore = Semaphore::const_new(limits::CHECKS);

/// Takes a backup of everything as it is now, while everything goes on: the ledger, the accounts and,
/// where a passphrase is given, the private keys, encrypted by it, as a tar stream whose last file is
/// its manifest.
#[utoipa::path(post, path = "/tallyhouse/v1/backup", tag = "Ledger", request_body = BackupRequest,
    responses(
        (status = 200, description = "The backup. A transfer that breaks off is not whole", content_type = "application/x-tar"),
        (status = 403, description = "Not the administrator", body = wire::error::ErrorBody),
        (status = 409, description = "The journal lies in an object store, which is to be copied itself", body = wire::error::ErrorBody),
    )
)]
pub(crate) async fn take(
    State(app): State<Arc<App>>,
    asked: Asked,
    body: Body,
) -> Result<Response, ApiError> {
    let administrator = app.administrator(&asked)?;
    let passphrase = read_request(body).await?.keys_passphrase;
    let turn = BACKUPS.acquire().await.expect("the semaphore is never closed");
    let (by, now) = (administrator.object_id.to_string(), (app.clock)());
    let with_keys = passphrase.is_some();
    let noted = app.change(move |accounts| async move {
        let noted = accounts.note_backup(&by, with_keys, now).await;
        noted.map_err(|error| ApiError::internal("noting a backup", &error))
    });
    noted.await?;
    let (taken, turn) = app.take_backup(passphrase, turn).await?;
    let body = stream::body("backup", move |way| async move {
        match send(taken, way).await {
            Ok(()) => {}
            Err(Failure::Gone) => tracing::info!("the client left before the backup's end"),
            Err(Failure::Read(error)) => tracing::error!(%error, "the backup broke off"),
            Err(Failure::Name(error)) => tracing::error!(%error, "the backup broke off"),
        }
        drop(turn);
    });
    let headers = [
        (header::CONTENT_TYPE, "application/x-tar"),
        (header::CONTENT_DISPOSITION, "attachment; filename=\"tallyhouse-backup.tar\""),
        (header::CACHE_CONTROL, "no-store"),
    ];
    Ok((headers, body).into_response())
}

/// Reads what is asked for. The error says where the body is wrong and nothing of what it has there, which
/// may be the passphrase.
async fn read_request(body: Body) -> Result<BackupRequest, ApiError> {
    let bytes = read_body(body).await?;
    if bytes.trim_ascii().is_empty() {
        return Ok(BackupRequest::default());
    }
    serde_json::from_slice(&bytes).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        let place = format!("line {line} column {column}");
        let expected = format!("an object with keysPassphrase or without; {PassphraseLength}");
        ApiError::Body(format!("the request body is not as expected at {place}: {expected}"))
    })
}

async fn send(mut taken: Taken, way: Way) -> Result<(), Failure> {
    let mut pipe = Pipe::new(way.clone());
    let snapshot = taken.snapshot();
    let sending = spawn_blocking(move || {
        let manifest = taken.write_files(&mut pipe)?;
        Ok::<_, Failure>((pipe, manifest))
    });
    let (mut pipe, mut manifest) = sending.await.map_err(|_| Failure::Gone)??;
    match snapshot.totals().await {
        Ok(totals) => manifest.totals = Some(totals_body(&totals)),
        Err(error) => tracing::error!(%error, "the backup has no totals"),
    }
    let ending = spawn_blocking(move || write_manifest(&manifest, &mut pipe));
    ending.await.map_err(|_| Failure::Gone)??;
    way.send(Piece::End).await.map_err(|_| Failure::Gone)
}

/// Checks everything that the ledger keeps, as it is now, while everything goes on: the table's log,
/// every data file down to each row, the index and the journal. Lines tell how far it is; the last is
/// the report, which names what is damaged, and apart from it what an object store did not give.
#[utoipa::path(get, path = "/tallyhouse/v1/ledger/verify", tag = "Ledger", responses(
    (status = 200, description = "Lines of JSON. An answer without a report is not whole", body = VerifyLine, content_type = "application/x-ndjson"),
    (status = 403, description = "Not the administrator", body = wire::error::ErrorBody),
    (status = 503, description = "The journal waits for its object store", body = wire::error::ErrorBody),
))]
pub(crate) async fn verify(
    State(app): State<Arc<App>>,
    asked: Asked,
) -> Result<Response, ApiError> {
    app.administrator(&asked)?;
    if app.ledger.status().stalled {
        return Err(ApiError::LedgerStalled);
    }
    let turn = CHECKS.acquire().await.expect("the semaphore is never closed");
    let body = stream::body("check", move |way| async move {
        let mut told = Told { pipe: Pipe::new(way.clone()), at: None };
        let checked = app.ledger.verify(move |progress| told.tell(progress)).await;
        match checked {
            Ok(report) => {
                let line = line(&VerifyLine::Report(report_body(report)));
                // The client may have gone away.
                let _ = way.send(Piece::Data(line.into())).await;
                let _ = way.send(Piece::End).await;
            }
            Err(error) => tracing::error!(%error, "the check of the ledger broke off"),
        }
        drop(turn);
    });
    Ok(([(header::CONTENT_TYPE, "application/x-ndjson")], body).into_response())
}

/// How far the client knows the check to be.
struct Told {
    pipe: Pipe,
    /// In steps of [`limits::CHECK_STEPS`].
    at: Option<u64>,
}

impl Told {
    fn tell(&mut self, progress: Progress) -> ControlFlow<()> {
        let Progress { done, of } = progress;
        let at = done / (of / limits::CHECK_STEPS).max(1);
        if self.at.replace(at) == Some(at) {
            return ControlFlow::Continue(());
        }
        let line = line(&VerifyLine::Progress(VerifyProgress { bytes: done, of }));
        match self.pipe.write_all(&line).and_then(|()| self.pipe.flush()) {
            Ok(()) => ControlFlow::Continue(()),
            Err(_) => ControlFlow::Break(()), // nobody is there who wants to know
        }
    }
}

fn line(line: &VerifyLine) -> Vec<u8> {
    let mut text = serde_json::to_vec(line).expect("a line is always JSON");
    text.push(b'\n');
    text
}

/// A report as it is answered.
pub(crate) fn report_body(report: ledger::VerifyReport) -> VerifyReport {
    let bodies = |files: Vec<Damage>| -> Vec<DamagedFile> {
        let body =
            |Damage { file, reason }| DamagedFile { file: file.display().to_string(), reason };
        files.into_iter().map(body).collect()
    };
    let (damaged, unreadable) = (bodies(report.damaged), bodies(report.unreadable));
    VerifyReport {
        ledger_version: report.version.to_string(),
        sound: damaged.is_empty() && unreadable.is_empty(),
        log_entries: report.log_entries,
        checkpoints: report.checkpoints,
        data_files: report.data_files,
        without_checksums: report.without_checksums,
        bytes: report.bytes,
        rows: report.rows,
        index_segments: report.index_segments,
        identities: report.identities,
        journal_frames: report.frames,
        journal_records: report.journal_records,
        damaged,
        more_damaged: report.more_damaged,
        unreadable,
    }
}
