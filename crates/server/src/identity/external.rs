//! An issuer that others run, and its keys: held in memory, read anew when they get old or when a
//! token names one that is not known, and dropped when the issuer no longer has them.
//!
//! Keys are read by one task at a time. Tokens cannot make it happen more often than every
//! [`limits::ISSUER_ASKED_SECONDS`], however many come; what was read is kept even if the request
//! that caused it is gone by then.

use std::sync::{Arc, RwLock};

use domain::time::UtcTime;
use tokio::sync::{Mutex, OwnedMutexGuard, Semaphore};

use super::fetch::{AuthorityError, FetchError, Source};
use super::keyset::{Fingerprint, PublicKey};
use crate::config::IssuerConfig;
use crate::limits;

/// An issuer that others run.
pub(super) struct External {
    pub(super) config: IssuerConfig,
    source: Source,
    held: RwLock<Held>,
    /// Whoever has it reads the keys.
    turn: Arc<Mutex<()>>,
    waiting: Semaphore,
}

/// What is known of an issuer's keys.
#[derive(Default)]
struct Held {
    keys: Arc<[PublicKey]>,
    /// When the keys were read; none if they never were.
    read_at: Option<UtcTime>,
    /// When a token last had them read.
    asked_at: Option<UtcTime>,
}

impl External {
    /// Nothing is known of its keys yet.
    pub(super) fn new(config: &IssuerConfig) -> Result<Self, AuthorityError> {
        Ok(Self {
            source: Source::new(config)?,
            config: config.clone(),
            held: RwLock::default(),
            turn: Arc::default(),
            waiting: Semaphore::new(limits::ISSUER_WAITING),
        })
    }

    /// The keys that count now.
    pub(super) fn keys(&self, now: UtcTime) -> Arc<[PublicKey]> {
        let held = self.held.read().expect("no holder panics");
        let counts = held.read_at.is_some_and(|at| age(at, now) < limits::ISSUER_KEYS_SECONDS);
        if counts { Arc::clone(&held.keys) } else { Arc::default() }
    }

    /// Whether the issuer still has this key.
    pub(super) fn trusts(&self, key: &Fingerprint, now: UtcTime) -> bool {
        self.keys(now).iter().any(|known| known.fingerprint == *key)
    }

    fn knows(&self, id: &str, now: UtcTime) -> bool {
        self.keys(now).iter().any(|known| known.id == id)
    }

    /// Reads the keys if the one of this id is not known; whoever comes meanwhile waits for that.
    pub(super) async fn look_for(self: &Arc<Self>, id: &str, now: UtcTime) {
        if self.knows(id, now) || self.was_asked(now) && self.turn.try_lock().is_ok() {
            return;
        }
        let Ok(_place) = self.waiting.try_acquire() else { return };
        // Two documents are read, each within its time.
        let turn = Arc::clone(&self.turn).lock_owned();
        let Ok(turn) = tokio::time::timeout(limits::ISSUER_FETCH * 2, turn).await else { return };
        if self.knows(id, now) || self.was_asked(now) {
            return;
        }
        self.held.write().expect("no holder panics").asked_at = Some(now);
        self.read(turn, now).await;
    }

    /// Reads the keys if they are getting old.
    pub(super) async fn refresh(self: &Arc<Self>, now: UtcTime) {
        let turn = Arc::clone(&self.turn).lock_owned().await;
        let read_at = self.held.read().expect("no holder panics").read_at;
        if read_at.is_none_or(|at| age(at, now) >= limits::ISSUER_KEYS_FRESH_SECONDS) {
            self.read(turn, now).await;
        }
    }

    fn was_asked(&self, now: UtcTime) -> bool {
        let asked_at = self.held.read().expect("no holder panics").asked_at;
        asked_at.is_some_and(|at| age(at, now) < limits::ISSUER_ASKED_SECONDS)
    }

    /// Reads the keys on a thread that may block, which keeps the turn and what it read whatever
    /// becomes of the request.
    async fn read(self: &Arc<Self>, turn: OwnedMutexGuard<()>, now: UtcTime) {
        let issuer = Arc::clone(self);
        let reading = tokio::task::spawn_blocking(move || {
            issuer.keep(issuer.source.fetch(), now);
            drop(turn);
        });
        if let Err(error) = reading.await {
            tracing::error!(issuer = self.config.name, %error, "reading an issuer's keys failed");
        }
    }

    fn keep(&self, fetched: Result<Vec<PublicKey>, FetchError>, now: UtcTime) {
        let name = &self.config.name;
        let keys: Arc<[PublicKey]> = match fetched {
            Ok(keys) => keys.into(),
            Err(error) => {
                let known = self.keys(now).len();
                tracing::warn!(issuer = name, %error, known, "cannot read an issuer's keys");
                return;
            }
        };
        let ids: Vec<_> = keys.iter().map(|key| key.id.as_str()).collect();
        tracing::info!(issuer = name, keys = ?ids, "read an issuer's keys");
        let mut held = self.held.write().expect("no holder panics");
        held.keys = keys;
        held.read_at = Some(now);
    }
}

/// Seconds since then; a clock that was set back makes nothing younger.
fn age(at: UtcTime, now: UtcTime) -> i64 {
    (now.to_micros() - at.to_micros()).abs() / 1_000_000
}
