//! Import of whole slices: every row that an origin has of a subscription and reported bucket, so that
//! what is stored of it can be compared and made equal.
//!
//! A request has whole slices only. Nothing is sent before the file was read to its end and found to be
//! right: until then no slice is known to be whole.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::Ordering;

use domain::id::SubscriptionId;
use domain::time::ReportedTime;
use wire::own::IngestResponse;

use super::rows::Rows;
use super::{Import, Input};
use crate::client::Client;
use crate::failure::Failure;
use crate::limits;
use crate::progress::Progress;

/// What the server does with the difference of slices.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Slices {
    /// It tells it.
    Compare,
    /// It tells it and makes it right.
    Correct,
}

impl Slices {
    /// As the server reads it.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Compare => "compare",
            Self::Correct => "correct",
        }
    }
}

/// The rows of one slice, each with its position in the file.
#[derive(Default)]
struct Slice {
    rows: Vec<(u64, String)>,
    bytes: usize,
}

/// The slices of a file, by subscription and bucket.
type Found = BTreeMap<(SubscriptionId, ReportedTime), Slice>;

/// Imports a file of whole slices; `-` is standard input. The result of what was done comes also with a
/// failure.
pub(crate) fn import_slices(
    client: &Client,
    file: &Path,
    source: Option<&str>,
    slices: Slices,
) -> (IngestResponse, Result<(), Failure>) {
    let mut import = Import::new(client, source);
    import.slices = Some(slices);
    let done = read(&mut import, file).and_then(|found| match import.rejected {
        0 => send(&mut import, &found),
        _ => Ok(()), // which the result says
    });
    import.finish(done)
}

fn read(import: &mut Import<'_>, file: &Path) -> Result<Found, Failure> {
    let wrong = |reason: String| Failure::Input { file: file.display().to_string(), reason };
    let input = Input::open(file).map_err(|error| wrong(error.to_string()))?;
    let mut progress = Progress::of_bytes(input.bytes, "reading");
    let mut rows = Rows::new(input.reader).map_err(|error| wrong(error.to_string()))?;
    let (mut found, mut bytes) = (Found::new(), 0);
    while let Some(row) = rows.next().map_err(|error| wrong(error.to_string()))? {
        let Some((position, text, aggregate)) = import.read(row) else { continue };
        let (subscription, bucket) = (aggregate.subscription, aggregate.bucket);
        let slice = found.entry((subscription, bucket)).or_default();
        bytes += text.len();
        slice.bytes += text.len() + 1; // with the end of its line
        slice.rows.push((position, text));
        let (rows, size) = (limits::SLICE_ROWS, limits::SLICE_BYTES);
        if slice.rows.len() > rows || slice.bytes > size {
            return Err(wrong(format!(
                "subscription {subscription} has more than {rows} rows or {size} bytes in bucket {}",
                bucket.0
            )));
        }
        if bytes > limits::SLICES_BYTES {
            let most = limits::SLICES_BYTES;
            return Err(wrong(format!("more than {most} bytes; split it by reported bucket")));
        }
        progress.at(input.read.load(Ordering::Relaxed));
    }
    if rows.is_continued() {
        return Err(wrong("its last page has a nextLink: its slices may not be whole".to_owned()));
    }
    Ok(found)
}

fn send(import: &mut Import<'_>, found: &Found) -> Result<(), Failure> {
    for slice in found.values() {
        if import.is_full_with(slice.rows.len(), slice.bytes) {
            import.flush()?;
        }
        for (position, text) in &slice.rows {
            import.put(*position, text);
        }
    }
    import.flush()
}
