//! Watermarks: how far a source says that it is complete.

use accounts::{AddWatermarkError, NewWatermark};
use wire::event::Watermark;

use crate::app::App;
use crate::error::ApiError;

/// Takes watermarks that the gate let through, and answers in their order: false where one is not
/// later than the one known.
pub(super) async fn add(
    app: &App,
    watermarks: &[&Watermark],
) -> Result<Vec<Result<bool, ApiError>>, ApiError> {
    if watermarks.is_empty() {
        return Ok(vec![]);
    }
    let new: Vec<_> = watermarks.iter().map(|watermark| new_watermark(watermark)).collect();
    let added = app.accounts.add_watermarks(&new, (app.clock)()).await;
    let added = added.map_err(|error| ApiError::internal("taking watermarks", &error))?;
    Ok(added.into_iter().map(|added| added.map_err(refusal)).collect())
}

fn new_watermark(watermark: &Watermark) -> NewWatermark {
    let Watermark { subscription, source, complete_up_to, event_id: _ } = watermark;
    NewWatermark {
        subscription: *subscription,
        source: source.clone(),
        complete_up_to: *complete_up_to,
    }
}

fn refusal(error: AddWatermarkError) -> ApiError {
    match error {
        AddWatermarkError::NoSuchSubscription(id) => ApiError::SubscriptionNotFound(id.to_string()),
        AddWatermarkError::TooManySources(_) => ApiError::LimitReached(error.to_string()),
    }
}
