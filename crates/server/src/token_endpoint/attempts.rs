//! Failed attempts to sign in, in memory: whoever fails too often as one application has to wait.
//!
//! Attempts with a secret that the application really has, only mistyped or ended, are counted apart
//! from guesses, which name no such secret. So nobody's guesses lock out the application's owner.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::sync::Mutex;

use domain::id::{ApplicationId, SecretId};
use domain::time::UtcTime;

use crate::limits;

/// The application that an attempt is as, and the secret of it that it names, if there is one. What
/// is no application's id is one application more.
pub(super) type Attempt = (Option<ApplicationId>, Option<SecretId>);

/// Failures within one span of time.
#[derive(Debug, Clone, Copy)]
struct Failures {
    since: UtcTime,
    count: u32,
}

impl Failures {
    fn until(&self) -> UtcTime {
        self.since.plus_seconds(limits::SIGN_IN_FAILURES_SECONDS)
    }
}

/// The failures that count.
#[derive(Debug, Default)]
pub(crate) struct Attempts(Mutex<HashMap<Attempt, Failures>>);

impl Attempts {
    /// Seconds until the next attempt is looked at; none if it is at once.
    pub(super) fn wait(&self, attempt: Attempt, now: UtcTime) -> Option<u32> {
        let held = self.0.lock().expect("no holder panics");
        let failures = held.get(&attempt)?;
        let micros = failures.until().to_micros() - now.to_micros();
        if failures.count < limits::SIGN_IN_FAILURES || micros <= 0 {
            return None;
        }
        let seconds = u32::try_from((micros + 999_999).div_euclid(1_000_000));
        Some(seconds.unwrap_or(u32::MAX))
    }

    /// Counts a failure.
    pub(super) fn failed(&self, attempt: Attempt, now: UtcTime) {
        let mut held = self.0.lock().expect("no holder panics");
        if held.len() >= limits::SIGN_IN_FAILURES_HELD && !held.contains_key(&attempt) {
            make_room(&mut held, now);
        }
        let fresh = Failures { since: now, count: 1 };
        match held.entry(attempt) {
            Entry::Vacant(entry) => {
                entry.insert(fresh);
            }
            Entry::Occupied(mut entry) if entry.get().until() <= now => {
                entry.insert(fresh);
            }
            Entry::Occupied(mut entry) => {
                let failures = entry.get_mut();
                failures.count = failures.count.saturating_add(1);
            }
        }
    }

    /// Forgets the failures of whoever signed in after all.
    pub(super) fn succeeded(&self, attempt: Attempt) {
        self.0.lock().expect("no holder panics").remove(&attempt);
    }
}

/// Forgets what does not count any more; where all of it does, the oldest.
fn make_room(held: &mut HashMap<Attempt, Failures>, now: UtcTime) {
    held.retain(|_, failures| now < failures.until());
    if held.len() < limits::SIGN_IN_FAILURES_HELD {
        return;
    }
    let oldest = held.iter().min_by_key(|(attempt, failures)| (failures.since, **attempt));
    if let Some(oldest) = oldest.map(|(attempt, _)| *attempt) {
        held.remove(&oldest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> UtcTime {
        UtcTime::from_micros(seconds * 1_000_000).unwrap()
    }

    fn attempt(application: u128, secret: Option<u128>) -> Attempt {
        (Some(ApplicationId::from_bits(application)), secret.map(SecretId::from_bits))
    }

    #[test]
    fn the_twentieth_failure_within_five_minutes_makes_one_wait() {
        let attempts = Attempts::default();
        let guess = attempt(1, None);
        for second in 0..19 {
            attempts.failed(guess, at(second));
        }
        assert_eq!(attempts.wait(guess, at(19)), None);
        attempts.failed(guess, at(19));
        assert_eq!(attempts.wait(guess, at(20)), Some(280));
        assert_eq!(attempts.wait(guess, at(299)), Some(1));
        assert_eq!(attempts.wait(guess, at(300)), None);
        // From there on they are counted anew.
        attempts.failed(guess, at(300));
        assert_eq!(attempts.wait(guess, at(301)), None);
    }

    #[test]
    fn guesses_lock_out_neither_others_nor_the_owner() {
        let attempts = Attempts::default();
        for _ in 0..20 {
            attempts.failed(attempt(1, None), at(0));
        }
        assert!(attempts.wait(attempt(1, None), at(1)).is_some());
        assert_eq!(attempts.wait(attempt(2, None), at(1)), None);
        assert_eq!(attempts.wait(attempt(1, Some(7)), at(1)), None);
    }

    #[test]
    fn signing_in_forgets_failures() {
        let attempts = Attempts::default();
        for _ in 0..20 {
            attempts.failed(attempt(1, Some(1)), at(0));
        }
        attempts.succeeded(attempt(1, Some(1)));
        assert_eq!(attempts.wait(attempt(1, Some(1)), at(1)), None);
    }

    #[test]
    fn memory_is_bounded_and_the_oldest_goes_first() {
        let attempts = Attempts::default();
        let most = u128::try_from(limits::SIGN_IN_FAILURES_HELD).unwrap();
        for _ in 0..20 {
            attempts.failed(attempt(0, None), at(1));
        }
        for application in 1..=most {
            attempts.failed(attempt(application, None), at(2));
        }
        assert_eq!(attempts.0.lock().unwrap().len(), limits::SIGN_IN_FAILURES_HELD);
        assert_eq!(attempts.wait(attempt(0, None), at(3)), None);
        // All of it is old by now.
        attempts.failed(attempt(0, None), at(400));
        assert_eq!(attempts.0.lock().unwrap().len(), 1);
    }
}
