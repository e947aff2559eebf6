//! One page of the usage answer: the rows after a key, at most so many, with their exact sums.
//!
//! Keeps only as many rows as the page has: a row that is pushed out has a page full of smaller
//! keys before it, so whatever of it was summed is never shown.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, HashMap};

use domain::aggregate::{Aggregate, AggregateKey, SumOutOfRange, UsageQuery};
use domain::decimal::OutOfRange;
use domain::facets::Facets;
use domain::id::InstanceHash;

use crate::limits::JUDGED_INSTANCES_MAX;
use crate::row::{Interner, Malformed, Row, Text, description_texts};

/// A page being made.
pub(crate) struct PageBuilder<'q> {
    query: &'q UsageQuery,
    after: Option<AggregateKey>,
    /// One more than the page shows, which tells whether there are more.
    capacity: usize,
    rows: BTreeMap<AggregateKey, Aggregate>,
    interner: Interner,
    /// Whether the rows of an instance may be seen.
    shown: HashMap<InstanceHash, bool>,
}

/// What of instances the answer tells.
pub(crate) fn facets_of(query: &UsageQuery) -> Facets {
    let has_instances = query.details || query.within.is_some();
    if has_instances { Facets::ALL } else { Facets::NONE }
}

/// Why a row does not fit into the page.
pub(crate) enum PageError {
    Sum(SumOutOfRange),
    Malformed(Malformed),
}

impl<'q> PageBuilder<'q> {
    pub(crate) fn new(query: &'q UsageQuery, after: Option<AggregateKey>, limit: usize) -> Self {
        let capacity = limit.saturating_add(1);
        let (rows, interner, shown) = (BTreeMap::new(), Interner::default(), HashMap::new());
        Self { query, after, capacity, rows, interner, shown }
    }

    /// Whether rows with greater keys than those so far can no longer matter.
    pub(crate) fn is_full(&self) -> bool {
        self.rows.len() >= self.capacity
    }

    /// The greatest key that a further row may have, once it is full.
    pub(crate) fn last_key(&self) -> Option<AggregateKey> {
        self.rows.last_key_value().map(|(key, _)| *key).filter(|_| self.is_full())
    }

    /// Sums a row that the query selects.
    pub(crate) fn add(&mut self, row: &Row<'_>) -> Result<(), PageError> {
        let key = self.query.key_of(row.reported, row.window, row.meter, row.instance_hash);
        let shown_before = self.after.is_some_and(|after| key <= after);
        if shown_before
            || self.is_full() && self.rows.last_key_value().is_some_and(|(last, _)| key > *last)
        {
            return Ok(());
        }
        if self.query.within.is_some() && !self.is_shown(row) {
            return Ok(());
        }
        let description = row.texts.description();
        let aggregate = match self.rows.entry(key) {
            Entry::Occupied(occupied) => {
                let aggregate = occupied.into_mut();
                let sum = aggregate.quantity.plus(row.quantity);
                aggregate.quantity =
                    sum.map_err(|OutOfRange| PageError::Sum(SumOutOfRange { meter: key.meter }))?;
                if description > description_texts(&aggregate.description) {
                    aggregate.description = self.interner.description(description);
                }
                return Ok(());
            }
            Entry::Vacant(vacant) => vacant,
        };
        let details = self.query.details.then(|| self.interner.instance(row)).transpose();
        aggregate.insert(Aggregate {
            key,
            description: self.interner.description(description),
            instance: details.map_err(PageError::Malformed)?,
            quantity: row.quantity,
        });
        if self.rows.len() > self.capacity {
            self.rows.pop_last();
        }
        Ok(())
    }

    /// Whether the row may be seen: judged once an instance, as long as they are not too many.
    fn is_shown(&mut self, row: &Row<'_>) -> bool {
        if self.shown.len() >= JUDGED_INSTANCES_MAX {
            self.shown.clear();
        }
        let judge = || self.query.shows(row.texts.get(Text::ResourceUri));
        *self.shown.entry(row.instance_hash).or_insert_with(judge)
    }

    /// The page's rows in order of their keys, and whether more follow.
    pub(crate) fn finish(self) -> (Vec<Aggregate>, bool) {
        let more = self.rows.len() >= self.capacity;
        let rows = self.rows.into_values().take(self.capacity - 1).collect();
        (rows, more)
    }
}
