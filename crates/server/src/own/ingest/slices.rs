//! Imports of whole slices: what is stored of one source, subscription and reported bucket is compared
//! with what the request has of it, and made equal.
//!
//! One request corrects at a time, whether or not its client still waits, so that of two imports of a
//! slice the later is what is stored. What others store meanwhile counts as stored after it, unless it
//! stands in the way: then the slice is compared anew.

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::correction::{RowChange, SliceChange, reversal_of};
use domain::id::{ObjectId, Source, SubscriptionId};
use domain::record::{Commit, UsageRecord};
use domain::time::ReportedTime;
use ledger::{NewRecord, Together};
use tracing::Instrument;
use wire::own::{IngestResponse, RowDifference, SliceDifference, TouchedBucket};
use wire::text::Excerpt;

use super::{Sorted, append_error};
use crate::app::App;
use crate::catalogue::blocking;
use crate::error::{ApiError, CorrectionError};
use crate::limits;
use crate::own::corrections::find_error;

/// What is done with the difference of slices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Slices {
    /// It is told.
    Compare,
    /// It is told and made right.
    Correct,
}

impl Slices {
    /// Reads the parameter.
    pub(super) fn parse(text: &str) -> Result<Self, ApiError> {
        match text.to_ascii_lowercase().as_str() {
            "compare" => Ok(Self::Compare),
            "correct" => Ok(Self::Correct),
            _ => {
                let reason = format!("{} is neither compare nor correct", Excerpt::new(text));
                Err(ApiError::Parameter { name: "slices", reason })
            }
        }
    }

    /// Compares every slice of a request, and corrects it if that is asked for.
    pub(super) async fn settle(
        self,
        app: Arc<App>,
        (source, by): (Source, ObjectId),
        sorted: Sorted,
    ) -> Result<IngestResponse, ApiError> {
        // Without the row that is wrong a slice may not be whole, and nobody knows which one.
        if !sorted.rejected.is_empty() {
            return Ok(IngestResponse { rejected: sorted.rejected, ..IngestResponse::default() });
        }
        let slices = slices_of(sorted);
        if self == Self::Compare {
            return compare_all(&app, &source, slices).await;
        }
        let turn = Arc::clone(&app.slice_turn).lock_owned().await;
        let task = async move {
            let _turn = turn;
            correct_all(&app, (&source, by), slices).await
        };
        let done = tokio::spawn(task.in_current_span()).await;
        done.unwrap_or_else(|error| Err(ApiError::internal("correcting slices", &error)))
    }
}

/// Names a slice of a source.
type SliceKey = (SubscriptionId, ReportedTime);

fn slices_of(sorted: Sorted) -> BTreeMap<SliceKey, Vec<UsageRecord>> {
    let mut slices: BTreeMap<SliceKey, Vec<UsageRecord>> = BTreeMap::new();
    for candidate in sorted.candidates {
        let NewRecord { record, reported } = candidate.new;
        let bucket = reported.expect("an imported row has a reported bucket");
        slices.entry((record.subscription, bucket)).or_default().push(record);
    }
    slices
}

async fn compare_all(
    app: &App,
    source: &Source,
    slices: BTreeMap<SliceKey, Vec<UsageRecord>>,
) -> Result<IngestResponse, ApiError> {
    let mut told = Told::default();
    for (key, wanted) in slices {
        let compared = compare(app, source, key, wanted).await?;
        told.add(key, compared, None);
    }
    Ok(told.answer)
}

async fn correct_all(
    app: &App,
    (source, by): (&Source, ObjectId),
    slices: BTreeMap<SliceKey, Vec<UsageRecord>>,
) -> Result<IngestResponse, ApiError> {
    let mut told = Told::default();
    for (key, wanted) in slices {
        let (compared, commit) = correct(app, (source, by), key, wanted).await?;
        told.add(key, compared, commit);
    }
    Ok(told.answer)
}

/// Makes a slice what it should be; without a commit it was already.
async fn correct(
    app: &App,
    (source, by): (&Source, ObjectId),
    key: SliceKey,
    wanted: Vec<UsageRecord>,
) -> Result<(Compared, Option<Commit>), ApiError> {
    let (subscription, bucket) = key;
    for _ in 0..limits::SLICE_ATTEMPTS {
        let correcting = app.erasing.correcting(subscription).await;
        let compared = compare(app, source, key, wanted.clone()).await?;
        let change = &compared.change;
        if change.is_empty() {
            return Ok((compared, None));
        }
        let starts = change.gone.iter().map(|record| record.window.start());
        starts.min().map_or(Ok(()), |start| correcting.check(start))?;
        // What takes back is reported where the row was: the bucket is then the origin's again.
        let reported = Some(bucket);
        let reversals = change
            .gone
            .iter()
            .map(|record| reversal_of(record).expect("a row of a slice reverses nothing"));
        let records = reversals.chain(change.added.iter().cloned());
        let records = records.map(|record| NewRecord { record, reported }).collect();
        match app.ledger.append_together(records).await.map_err(append_error)? {
            Together::Stored(commit) | Together::Duplicate(commit) => {
                let (bucket, commit_number) = (bucket.0, commit.0);
                tracing::info!(%by, %subscription, %source, %bucket, commit = commit_number, "a slice was corrected");
                return Ok((compared, Some(commit)));
            }
            Together::Refused { .. } => {}
        }
    }
    let (subscription, bucket) = (subscription.to_string(), bucket.0.to_string());
    Err(CorrectionError::SliceChanged { subscription, bucket }.into())
}

/// A slice against what is stored of it.
struct Compared {
    change: SliceChange,
    difference: SliceDifference,
}

async fn compare(
    app: &App,
    source: &Source,
    key: SliceKey,
    wanted: Vec<UsageRecord>,
) -> Result<Compared, ApiError> {
    let ((subscription, bucket), most) = (key, limits::SLICE_ROWS);
    let stored = app.ledger.slice(subscription, source, bucket, most).await.map_err(find_error)?;
    let stored = stored.ok_or_else(|| {
        ApiError::TooMuch(format!(
            "more than {most} rows are stored of subscription '{subscription}' in bucket {}",
            bucket.0
        ))
    })?;
    blocking(move || {
        let change = SliceChange::new(&stored, wanted, bucket);
        let difference = difference(key, &change);
        Ok(Compared { change, difference })
    })
    .await
}

fn difference((subscription, bucket): SliceKey, change: &SliceChange) -> SliceDifference {
    let rows = change.rows();
    let count = |before: bool, after: bool| {
        let like =
            |row: &&RowChange<'_>| row.before.is_some() == before && row.after.is_some() == after;
        rows.iter().filter(like).count() as u64
    };
    let listed = rows.iter().take(limits::DIFFERENCES_LISTED);
    SliceDifference {
        subscription_id: subscription.to_string(),
        reported_bucket: bucket.0.to_string(),
        rows_kept: change.kept,
        rows_added: count(false, true),
        rows_gone: count(true, false),
        quantities_changed: count(true, true),
        commit: None,
        rows: listed.filter_map(RowDifference::of).collect(),
    }
}

/// The answer so far.
#[derive(Default)]
struct Told {
    answer: IngestResponse,
    /// Rows that are listed.
    rows: usize,
}

impl Told {
    fn add(
        &mut self,
        (subscription, bucket): SliceKey,
        compared: Compared,
        commit: Option<Commit>,
    ) {
        let Compared { change, mut difference } = compared;
        self.answer.duplicate += change.kept;
        if change.is_empty() {
            return;
        }
        difference.rows.truncate(limits::DIFFERENCES_LISTED - self.rows);
        self.rows += difference.rows.len();
        difference.commit = commit.map(|commit| commit.0);
        if let Some(commit) = difference.commit {
            self.answer.accepted += change.added.len() as u64;
            self.answer.commit = self.answer.commit.max(Some(commit));
            let touched = TouchedBucket {
                subscription_id: subscription.to_string(),
                reported_day: bucket.0.date().to_string(),
            };
            if self.answer.touched_buckets.last() != Some(&touched) {
                self.answer.touched_buckets.push(touched);
            }
        }
        self.answer.slices.push(difference);
    }
}
