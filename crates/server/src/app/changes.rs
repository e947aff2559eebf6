//! Changes of the accounts. Once begun, a change is made and comes into force whether or not its
//! client still waits for the answer.
//!
//! In force is what the directory in memory says. Where it cannot be read after a change, no request
//! is answered from the old one: the next reads it first.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use accounts::Accounts;
use tokio::sync::Semaphore;
use tracing::Instrument;

use super::App;
use crate::directory::Directory;
use crate::error::ApiError;
use crate::limits;

/// The changes under way, and whether memory is behind.
#[derive(Debug)]
pub(super) struct Changes {
    turns: Arc<Semaphore>,
    /// The directory is read by one at a time.
    reading: Semaphore,
    /// How many changes were made.
    made: AtomicU64,
    /// How many of them the directory in memory has at least.
    read: AtomicU64,
}

impl Default for Changes {
    fn default() -> Self {
        Self {
            turns: Arc::new(Semaphore::new(limits::CHANGES.into())),
            reading: Semaphore::new(1),
            made: AtomicU64::new(0),
            read: AtomicU64::new(0),
        }
    }
}

impl App {
    /// Makes a change of the accounts and brings it into force, in a task that goes on when the
    /// request does not; [`App::close`] waits for it.
    pub(crate) async fn change<T, F>(
        self: &Arc<Self>,
        make: impl FnOnce(Accounts) -> F,
    ) -> Result<T, ApiError>
    where
        T: Send + 'static,
        F: Future<Output = Result<T, ApiError>> + Send + 'static,
    {
        let turn = Arc::clone(&self.changes.turns).acquire_owned().await;
        let turn = turn.map_err(|_| ApiError::LedgerRefuses)?;
        let (app, change) = (Arc::clone(self), make(self.accounts.clone()));
        let task = async move {
            let _turn = turn;
            let made = change.await;
            // A refusal changed nothing; of a failure nobody knows.
            if matches!(made, Ok(_) | Err(ApiError::Internal)) {
                app.changes.made.fetch_add(1, Ordering::SeqCst);
                // It is made: a failure to read it is logged, and the next request's to mend.
                let _ = app.refresh_directory().await;
            }
            made
        };
        let done = tokio::spawn(task.in_current_span()).await;
        done.unwrap_or_else(|error| Err(ApiError::internal("changing accounts", &error)))
    }

    /// Reads the accounts again if they were changed since they were read.
    pub(crate) async fn refresh_directory(&self) -> Result<(), ApiError> {
        let changes = &self.changes;
        let is_behind =
            || changes.read.load(Ordering::SeqCst) < changes.made.load(Ordering::SeqCst);
        if !is_behind() {
            return Ok(());
        }
        let _turn = changes.reading.acquire().await.expect("it is never closed");
        if is_behind() { self.reload_directory().await } else { Ok(()) }
    }

    /// Reads the accounts again.
    pub(crate) async fn reload_directory(&self) -> Result<(), ApiError> {
        // What is made from here on may be missed.
        let made = self.changes.made.load(Ordering::SeqCst);
        let loaded = Directory::load(&self.accounts).await;
        let loaded = loaded.map_err(|error| ApiError::internal("reading accounts", &error))?;
        {
            let mut current = self.directory.write().expect("no writer panics");
            if loaded.revision >= current.revision {
                *current = Arc::new(loaded);
            }
        }
        self.changes.read.fetch_max(made, Ordering::SeqCst);
        Ok(())
    }

    /// Returns once no change is under way; none begins any more.
    pub(super) async fn finish_changes(&self) {
        let turns = &self.changes.turns;
        let all = turns.acquire_many(limits::CHANGES.into()).await;
        turns.close();
        drop(all);
    }
}

#[cfg(test)]
mod tests;
