//! Refusing a record of which another one is stored under its id.

use domain::id::{EventId, Source, SubscriptionId};
use domain::record::Commit;

use crate::app::App;
use crate::error::ApiError;

/// Says that other content was stored by a commit, and whether something of it was erased since: then
/// nobody can compare the two.
pub(super) async fn refusal(
    app: &App,
    subscription: SubscriptionId,
    (source, event_id): (&Source, &EventId),
    commit: Commit,
) -> ApiError {
    let erased = is_erased(app, subscription, source, event_id).await;
    let (source, id) = (source.to_string(), event_id.to_string());
    ApiError::Conflict { source, id, commit: commit.0, erased }
}

async fn is_erased(
    app: &App,
    subscription: SubscriptionId,
    source: &Source,
    event_id: &EventId,
) -> bool {
    // What cannot be read now is refused all the same, with less of a reason.
    let Ok(snapshot) = app.ledger.snapshot(None).await else { return false };
    if snapshot.erasures(subscription) == 0 {
        return false;
    }
    let stored = app.ledger.record(subscription, source, event_id).await;
    stored.ok().flatten().is_some_and(|stored| stored.erased.is_some())
}
