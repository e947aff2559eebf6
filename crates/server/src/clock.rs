//! The clock, read nowhere else, and the source of request ids: tests hand in their own.

use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use domain::time::UtcTime;
use uuid::Uuid;

/// Tells the time.
pub type Clock = Arc<dyn Fn() -> UtcTime + Send + Sync>;
/// Makes ids that were never used before.
pub type Ids = Arc<dyn Fn() -> Uuid + Send + Sync>;

/// The clock of the machine, to the microsecond.
#[must_use]
pub fn system() -> Clock {
    Arc::new(|| {
        #[expect(clippy::disallowed_methods, reason = "this is the place that reads the clock")]
        let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH);
        let micros = since_epoch.map_or(0, |elapsed| elapsed.as_micros());
        let micros = i64::try_from(micros).unwrap_or(i64::MAX);
        UtcTime::from_micros(micros).unwrap_or(UtcTime::MAX)
    })
}

/// Random ids.
#[must_use]
pub fn random_ids() -> Ids {
    Arc::new(Uuid::new_v4)
}
