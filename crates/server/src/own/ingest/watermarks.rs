//! Watermarks: how far a source says that it is complete.

use accounts::AddWatermarkError;
use wire::event::Watermark;

use crate::app::App;
use crate::error::ApiError;

/// Stores a watermark that the gate let through; false if it is not later than the one known.
pub(super) async fn add(app: &App, watermark: &Watermark) -> Result<bool, ApiError> {
    let Watermark { subscription, source, complete_up_to, event_id: _ } = watermark;
    let added =
        app.accounts.add_watermark(*subscription, source, *complete_up_to, (app.clock)()).await;
    added.map_err(|error| match error {
        AddWatermarkError::NoSuchSubscription(id) => ApiError::SubscriptionNotFound(id.to_string()),
        AddWatermarkError::TooManySources(_) => ApiError::LimitReached(error.to_string()),
        AddWatermarkError::Storage(error) => ApiError::internal("storing a watermark", &error),
    })
}
