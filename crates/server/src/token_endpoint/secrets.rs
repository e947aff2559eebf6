//! Turns at hashing and checking secrets, which is costly on purpose: a few at a time, off the
//! threads that serve, and not many more may wait.

use std::sync::Arc;

use accounts::SecretHash;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::identity::Secret;
use crate::limits;

/// Too many secrets wait for their turn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Busy;

/// The turns.
#[derive(Debug)]
pub(crate) struct Turns {
    /// At work or waiting.
    places: Arc<Semaphore>,
    /// At work.
    turns: Arc<Semaphore>,
}

impl Default for Turns {
    fn default() -> Self {
        let places = limits::SECRET_CHECKS + limits::SECRET_CHECKS_WAITING;
        Self {
            places: Arc::new(Semaphore::new(places)),
            turns: Arc::new(Semaphore::new(limits::SECRET_CHECKS)),
        }
    }
}

impl Turns {
    /// The hash of a secret.
    ///
    /// # Errors
    /// [`Busy`] if too many wait.
    pub(crate) async fn hash(&self, secret: Secret) -> Result<SecretHash, Busy> {
        self.work(move || SecretHash::new(secret.hash())).await
    }

    /// Whether the secret is the one with this hash; as long for none.
    ///
    /// # Errors
    /// [`Busy`] if too many wait.
    pub(crate) async fn check(
        &self,
        secret: Secret,
        hash: Option<SecretHash>,
    ) -> Result<bool, Busy> {
        self.work(move || secret.is_of(hash.as_ref().map(SecretHash::as_str))).await
    }

    async fn work<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Busy> {
        let place = Arc::clone(&self.places).try_acquire_owned().map_err(|_| Busy)?;
        let turn = Arc::clone(&self.turns).acquire_owned().await.expect("it is never closed");
        // Work that began goes on when nobody waits for it any more, so its turn goes with it.
        let held: [OwnedSemaphorePermit; 2] = [place, turn];
        let working = tokio::task::spawn_blocking(move || {
            let done = work();
            drop(held);
            done
        });
        Ok(working.await.expect("hashing does not panic"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn so_many_wait_and_no_more() {
        let turns = Turns::default();
        let most = limits::SECRET_CHECKS + limits::SECRET_CHECKS_WAITING;
        let taken = Arc::clone(&turns.places).try_acquire_many_owned(u32::try_from(most).unwrap());
        let secret = || Secret::given("s");
        assert_eq!(turns.check(secret(), None).await, Err(Busy));
        assert!(turns.hash(secret()).await.is_err());
        drop(taken);
        assert_eq!(turns.check(secret(), None).await, Ok(false));
    }
}
