//! What stops an import of any length. What was stored before stays, and each message says so.

use std::fmt;

use http::StatusCode;

use super::ApiError;
use crate::limits::IMPORT_READ_BYTES;

/// Why an import stops, or does not begin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ImportError {
    /// As many are under way as may be.
    TooMany,
    /// The ledger was busy for too long.
    Busy,
    /// The body did not arrive whole.
    Interrupted { stored: u64 },
    /// The body came too slowly.
    Slow { stored: u64, seconds: u64 },
    /// More slices lie across each other than can be remembered.
    TooManySlices,
}

impl ImportError {
    pub(super) fn status(self) -> StatusCode {
        match self {
            Self::TooMany | Self::Busy => StatusCode::SERVICE_UNAVAILABLE,
            Self::Interrupted { .. } => StatusCode::BAD_REQUEST,
            Self::Slow { .. } => StatusCode::REQUEST_TIMEOUT,
            Self::TooManySlices => StatusCode::UNPROCESSABLE_ENTITY,
        }
    }

    pub(super) fn code(self) -> &'static str {
        match self {
            Self::TooMany | Self::Busy => "ServerBusy",
            Self::Interrupted { .. } => "InvalidRequestBody",
            Self::Slow { .. } => "RequestTimeout",
            Self::TooManySlices => "TooManySlices",
        }
    }

    /// Whether the client should try again.
    pub(super) fn is_busy(self) -> bool {
        matches!(self, Self::TooMany | Self::Busy)
    }
}

impl fmt::Display for ImportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooMany => f.write_str(
                "as many imports are under way as may be; nothing of this one was stored, try again",
            ),
            Self::Busy => f.write_str(
                "too much was waiting to be stored for too long; what was stored of the import \
                 stays, and importing it again adds the rest",
            ),
            Self::Interrupted { stored } => write!(
                f,
                "the request body did not arrive whole; {stored} rows of it were added and stay, and \
                 importing it again adds the rest"
            ),
            Self::Slow { stored, seconds } => write!(
                f,
                "the request body brought less than {IMPORT_READ_BYTES} bytes in {seconds} seconds; \
                 {stored} rows of it were added and stay, and importing it again adds the rest"
            ),
            Self::TooManySlices => f.write_str(
                "rows of too many subscriptions and reported buckets lie across each other: sort the \
                 file by reported bucket, or split it; what was stored of it stays, and importing it \
                 again adds the rest",
            ),
        }
    }
}

impl From<ImportError> for ApiError {
    fn from(error: ImportError) -> Self {
        Self::Import(error)
    }
}
