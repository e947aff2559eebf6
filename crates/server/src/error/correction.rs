//! Refusals of corrections. Like all others they are chosen here, in matches without `_`.

use std::fmt;

use domain::id::{EventId, Source};
use http::StatusCode;

use super::ApiError;

/// Why a correction is not made. Nothing of it is stored then.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum CorrectionError {
    /// What is to be taken back takes back a record itself.
    IsReversal { source: Source, id: EventId },
    /// It was taken back before, and not by this correction.
    Reversed { source: Source, id: EventId, commit: u64 },
    /// What is to stand in its place is stored already, as a record of its own.
    Stored { source: Source, id: EventId, commit: u64 },
    /// What was stored of a slice changed again and again while it was compared.
    SliceChanged { subscription: String, bucket: String },
}

impl CorrectionError {
    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::IsReversal { .. }
            | Self::Reversed { .. }
            | Self::Stored { .. }
            | Self::SliceChanged { .. } => StatusCode::CONFLICT,
        }
    }

    pub(super) fn code(&self) -> &'static str {
        match self {
            Self::IsReversal { .. } => "RecordIsReversal",
            Self::Reversed { .. } => "RecordReversed",
            Self::Stored { .. } => "ReplacementStored",
            Self::SliceChanged { .. } => "SliceChanged",
        }
    }
}

impl fmt::Display for CorrectionError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::IsReversal { source, id } => write!(
                f,
                "record '{id}' of source '{source}' is a reversal, which cannot be reversed; what it \
                 took back can be sent again under another id"
            ),
            Self::Reversed { source, id, commit } => write!(
                f,
                "record '{id}' of source '{source}' was reversed by commit {commit} already, and not \
                 by this correction; what was stored in its place is corrected by its own id"
            ),
            Self::Stored { source, id, commit } => write!(
                f,
                "event '{id}' of source '{source}' was stored by commit {commit} already; what stands \
                 in the place of a record has an id of its own"
            ),
            Self::SliceChanged { subscription, bucket } => write!(
                f,
                "usage of subscription '{subscription}' in bucket {bucket} changed while it was \
                 compared; send it again"
            ),
        }
    }
}

impl From<CorrectionError> for ApiError {
    fn from(error: CorrectionError) -> Self {
        Self::Correction(error)
    }
}
