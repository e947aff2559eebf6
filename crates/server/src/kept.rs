//! Values that take long to make and are asked for often: each is made once however many ask for it
//! at a time, and the one that was not asked for longest gives way.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use domain::id::SubscriptionId;
use tokio::sync::OnceCell;

use crate::error::ApiError;

/// At most so many values, by what they were made from.
#[derive(Debug)]
pub(crate) struct Kept<K, V> {
    most: usize,
    slots: Mutex<Slots<K, V>>,
}

#[derive(Debug)]
struct Slots<K, V> {
    by_key: BTreeMap<K, Slot<V>>,
    /// How often a value was asked for.
    asked: u64,
}

#[derive(Debug)]
struct Slot<V> {
    value: Arc<OnceCell<Arc<V>>>,
    last_asked: u64,
}

impl<K: Ord + Clone, V> Kept<K, V> {
    pub(crate) fn new(most: usize) -> Self {
        Self { most, slots: Mutex::new(Slots { by_key: BTreeMap::new(), asked: 0 }) }
    }

    /// The value of a key, made unless it is there. What could not be made is tried again by who
    /// asks next.
    pub(crate) async fn get_or_make(
        &self,
        key: K,
        make: impl Future<Output = Result<V, ApiError>>,
    ) -> Result<Arc<V>, ApiError> {
        let slot = self.slot(key);
        let made = slot.get_or_try_init(async || make.await.map(Arc::new)).await?;
        Ok(Arc::clone(made))
    }

    fn slot(&self, key: K) -> Arc<OnceCell<Arc<V>>> {
        let mut slots = self.slots.lock().expect("no holder panics");
        let Slots { by_key, asked } = &mut *slots;
        *asked += 1;
        if by_key.len() >= self.most && !by_key.contains_key(&key) {
            let oldest = by_key.iter().min_by_key(|(_, slot)| slot.last_asked);
            if let Some(oldest) = oldest.map(|(key, _)| key.clone()) {
                by_key.remove(&oldest);
            }
        }
        let empty = || Slot { value: Arc::default(), last_asked: 0 };
        let slot = by_key.entry(key).or_insert_with(empty);
        slot.last_asked = *asked;
        Arc::clone(&slot.value)
    }
}

/// What is known of subscriptions, each as of some version of the ledger, from where whoever asks next
/// goes on. It waits for whoever reads meanwhile, as there is then little left to read.
#[derive(Debug)]
pub(crate) struct Known<T>(Kept<SubscriptionId, tokio::sync::Mutex<Option<Arc<T>>>>);

impl<T> Known<T> {
    pub(crate) fn new(most: usize) -> Self {
        Self(Kept::new(most))
    }

    /// Forgets a subscription; whoever reads meanwhile is not known of afterwards.
    pub(crate) fn forget(&self, subscription: SubscriptionId) {
        self.0.slots.lock().expect("no holder panics").by_key.remove(&subscription);
    }

    /// What `read` makes of that which is known of a subscription; it is known from then on.
    pub(crate) async fn go_on(
        &self,
        subscription: SubscriptionId,
        read: impl AsyncFnOnce(Option<Arc<T>>) -> Result<Arc<T>, ApiError>,
    ) -> Result<Arc<T>, ApiError> {
        let slot = self.0.get_or_make(subscription, async { Ok(tokio::sync::Mutex::default()) });
        let slot = slot.await?;
        let mut known = slot.lock().await;
        let read = read(known.clone()).await?;
        *known = Some(Arc::clone(&read));
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    /// Asks for each word, two values at most being kept; what was made. One with `!` fails.
    async fn check(asked: &str, expected: &str) {
        let (kept, made) = (Kept::new(2), RefCell::new(vec![]));
        for key in asked.split(' ') {
            let make = async {
                made.borrow_mut().push(key);
                if key.ends_with('!') { Err(ApiError::Busy) } else { Ok(key.to_owned()) }
            };
            let value = kept.get_or_make(key, make).await;
            assert_eq!(
                value.ok().as_deref().map(String::as_str),
                Some(key).filter(|key| !key.ends_with('!'))
            );
        }
        assert_eq!(made.into_inner().join(" "), expected, "{asked}");
    }

    #[tokio::test]
    async fn the_value_not_asked_for_longest_gives_way() {
        check("a a a", "a").await;
        check("a b a b", "a b").await;
        check("a b a c a b", "a b c b").await;
        check("a b c a", "a b c a").await;
    }

    #[tokio::test]
    async fn what_failed_is_tried_again() {
        check("a! a! b a!", "a! a! b a!").await;
    }

    #[tokio::test]
    async fn a_value_is_made_once_for_all_who_wait() {
        let (kept, made) = (Kept::new(2), RefCell::new(0));
        let ask = || {
            kept.get_or_make("key", async {
                *made.borrow_mut() += 1;
                tokio::task::yield_now().await;
                Ok(())
            })
        };
        let (first, second, third) = tokio::join!(ask(), ask(), ask());
        assert!(Arc::ptr_eq(&first.unwrap(), &second.unwrap()));
        assert!(third.is_ok());
        assert_eq!(made.into_inner(), 1);
    }
}
