//! Whether group commits wait for an object store that does not answer. Whoever waits for the committer
//! then waits no longer: nobody can say when it goes on. Only those of the group under way do, as nobody
//! can say either whether they will be stored.

use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use tokio::sync::watch;

/// Whether the committer waits for the store.
pub(crate) struct Stall(watch::Sender<bool>);

/// The committer waits for the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Stalled;

impl Stall {
    pub(crate) fn new() -> Self {
        Self(watch::Sender::new(false))
    }

    pub(crate) fn is_on(&self) -> bool {
        *self.0.borrow()
    }

    /// Whether it was on before.
    pub(crate) fn set(&self, on: bool) -> bool {
        self.0.send_replace(on)
    }

    /// What comes of waiting for the committer.
    pub(crate) async fn unless<T>(&self, waiting: impl Future<Output = T>) -> Result<T, Stalled> {
        let mut seen = self.0.subscribe();
        tokio::select! {
            biased;
            done = waiting => Ok(done),
            // The sender is ours, so that this ends only with true.
            _ = seen.wait_for(|on| *on) => Err(Stalled),
        }
    }
}

/// Whether a queued append is taken: by the committer into a group, or back by whoever waits for it. Of
/// the two one comes first, so that what was taken back is in no group.
#[derive(Debug, Clone, Default)]
pub(crate) struct Taken(Arc<AtomicBool>);

impl Taken {
    /// Takes it; false if the other came first.
    pub(crate) fn take(&self) -> bool {
        !self.0.swap(true, Ordering::SeqCst)
    }
}
