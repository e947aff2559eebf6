//! Where the rows of a batch belong, looked up by the keys that the batch has for their subscriptions and
//! meters: rows come by subscription, so that almost every row is found without hashing or comparing ids.

use domain::id::{MeterId, SubscriptionId};

use crate::columns::Ids;
use crate::row::Malformed;

/// Something for each subscription and meter of a batch.
pub(super) struct Places<'b, T> {
    subscription: &'b Ids<SubscriptionId>,
    meter: &'b Ids<MeterId>,
    /// By the meter's key: for which subscription's key it is known, and what.
    known: Vec<Option<(usize, T)>>,
}

impl<'b, T> Places<'b, T> {
    pub(super) fn new(subscription: &'b Ids<SubscriptionId>, meter: &'b Ids<MeterId>) -> Self {
        Self { subscription, meter, known: Vec::new() }
    }

    /// What there is for a row's subscription and meter; `find` is asked where they are new.
    pub(super) fn of(
        &mut self,
        position: usize,
        find: impl FnOnce(SubscriptionId, MeterId) -> T,
    ) -> Result<&mut T, Malformed> {
        let malformed = Malformed("a GUID");
        let subscription = self.subscription.key(position).ok_or(malformed)?;
        let meter = self.meter.key(position).ok_or(malformed)?;
        if self.known.len() <= meter {
            self.known.resize_with(meter + 1, || None);
        }
        let known = &mut self.known[meter];
        if known.as_ref().is_none_or(|(of, _)| *of != subscription) {
            let found = find(self.subscription.id(position), self.meter.id(position));
            *known = Some((subscription, found));
        }
        known.as_mut().map(|(_, found)| found).ok_or(malformed)
    }
}
