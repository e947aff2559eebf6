//! Refusals of erasures. Like all others they are chosen here, in matches without `_`.

use std::fmt;

use accounts::HoldReason;
use domain::id::{ErasureId, SubscriptionId};
use http::StatusCode;

use super::ApiError;

/// Why an erasure is not begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ErasureError {
    /// A legal hold is on the subscription.
    Held { subscription: SubscriptionId, reason: HoldReason },
    /// Another erasure of the subscription is under way.
    UnderWay { subscription: SubscriptionId, erasure: ErasureId },
    /// The ledger works on an erasure of the subscription: what a correction would take back changes.
    Runs { subscription: SubscriptionId },
}

impl ErasureError {
    pub(super) fn status(&self) -> StatusCode {
        match self {
            Self::Held { .. } | Self::UnderWay { .. } => StatusCode::CONFLICT,
            Self::Runs { .. } => StatusCode::SERVICE_UNAVAILABLE,
        }
    }

    pub(super) fn code(&self) -> &'static str {
        match self {
            Self::Held { .. } => "LegalHold",
            Self::UnderWay { .. } => "ErasureUnderWay",
            Self::Runs { .. } => "ErasureRuns",
        }
    }
}

impl fmt::Display for ErasureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Held { subscription, reason } => write!(
                f,
                "a legal hold is on subscription '{subscription}', so nothing of it is erased: {reason}"
            ),
            Self::UnderWay { subscription, erasure } => write!(
                f,
                "erasure '{erasure}' of subscription '{subscription}' is under way; another can begin \
                 once it is done"
            ),
            Self::Runs { subscription } => write!(
                f,
                "what names people in usage of subscription '{subscription}' is being erased, and until \
                 that is done this usage is not corrected: try again"
            ),
        }
    }
}

impl From<ErasureError> for ApiError {
    fn from(error: ErasureError) -> Self {
        Self::Erasure(error)
    }
}
