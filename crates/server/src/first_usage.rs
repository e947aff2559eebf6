//! When subscriptions were first used, which is kept in memory and gone on from where the ledger has
//! more rows: whoever asks again reads those alone that came since.

use std::sync::Arc;

use domain::id::SubscriptionId;
use domain::time::UtcTime;
use ledger::{FirstUsageAsOf, Snapshot};
use tokio::sync::Mutex;

use crate::app::App;
use crate::error::ApiError;
use crate::kept::Kept;
use crate::limits;

/// What is known of when subscriptions were first used. Whoever asks for that of one waits for whoever
/// reads it, as there is then little left to read.
#[derive(Debug)]
pub(crate) struct KnownFirstUsages(Kept<SubscriptionId, Mutex<Option<Arc<FirstUsageAsOf>>>>);

impl Default for KnownFirstUsages {
    fn default() -> Self {
        Self(Kept::new(limits::FIRST_USAGES_IN_MEMORY))
    }
}

impl App {
    /// When a subscription was first used, as of a snapshot; none if it has no usage.
    pub(crate) async fn first_usage(
        &self,
        snapshot: &Snapshot,
        subscription: SubscriptionId,
    ) -> Result<Option<UtcTime>, ApiError> {
        let known = &self.known_first_usages.0;
        let slot = known.get_or_make(subscription, async { Ok(Mutex::default()) }).await?;
        let mut known = slot.lock().await;
        let read = snapshot.first_usage(subscription, known.clone()).await;
        let read = read.map_err(|error| ApiError::internal("reading usage", &error))?;
        *known = Some(Arc::clone(&read));
        Ok(read.start())
    }
}
