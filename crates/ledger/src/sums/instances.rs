//! Adding up what instances used, day by day: from rollups by their columns, from rows one by one.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Arc;

use domain::facets::Facets;
use domain::id::{InstanceHash, MeterId, SubscriptionId};
use domain::record::{Instance, MeterDescription};
use domain::sums::{DaySum, InstanceSums};
use foldhash::fast::RandomState;

use super::collect::{Ended, Room};
use super::places::Places;
use super::seen::Seen;
use crate::rollup::{InstanceBatch, InstancePart, InstanceView, Opened, TextKeys};
use crate::row::{Interner, Malformed, Row, description_texts};
use crate::scan;

/// The sums of instances so far.
pub(super) struct Instances {
    interner: Interner,
    seen: Seen,
    descriptions: BTreeMap<MeterDescription, Arc<MeterDescription>>,
    /// Numbers of meters of subscriptions.
    meters: HashMap<(SubscriptionId, MeterId), u32, RandomState>,
    places: HashMap<(u32, InstanceHash), usize, RandomState>,
    instances: Vec<InstanceSums>,
    room: Room,
}

/// A meter of a subscription.
#[derive(Debug, Clone, Copy)]
struct OfMeter {
    number: u32,
    subscription: SubscriptionId,
    meter: MeterId,
}

impl Instances {
    pub(super) fn new(facets: Facets, most: usize) -> Self {
        Self {
            interner: Interner::default(),
            seen: Seen::new(facets),
            descriptions: BTreeMap::new(),
            meters: HashMap::default(),
            places: HashMap::default(),
            instances: Vec::new(),
            room: Room::new(most),
        }
    }

    /// What of instances is told.
    pub(super) fn facets(&self) -> Facets {
        self.seen.facets
    }

    /// Adds a row, or a sum that looks like one, of a file.
    pub(super) fn add(&mut self, view: &InstanceView<'_>, file: &Path) -> Result<(), Ended> {
        let row = &view.row;
        let meter = self.meter(row.subscription, row.meter);
        let instance = |seen: &mut Seen| seen.instance(&row.texts);
        let place = self.place(meter, row.instance_hash, instance);
        let place = place.map_err(|error| scan::damaged(file, error))?;
        self.describe_row(place, row);
        let day = row.window.start().date();
        self.add_at(place, DaySum { day, quantity: row.quantity, taken_back: view.taken_back })
    }

    /// Adds the wanted sums of a batch of a rollup.
    pub(super) fn add_batch(
        &mut self,
        opened: &Opened,
        batch: &InstanceBatch,
        part: &InstancePart,
    ) -> Result<(), Ended> {
        let malformed = |error: Malformed| opened.damaged(error);
        let mut places = Places::new(&batch.subscription, &batch.meter);
        let mut alike: HashMap<TextKeys, Arc<Instance>, RandomState> = HashMap::default();
        for position in 0..batch.len() {
            let Some(sum) = batch.sum(position, part).map_err(malformed)? else { continue };
            let of_meter = places.of(position, |subscription, meter| {
                let is_wanted = part.whose.has(subscription);
                is_wanted.then(|| {
                    let meter = self.meter(subscription, meter);
                    (meter, None, Arc::<MeterDescription>::default())
                })
            });
            let Some((meter, described, description)) = of_meter.map_err(malformed)? else {
                continue;
            };
            let keys = batch.description_keys(position);
            if *described != Some(keys) {
                *described = Some(keys);
                *description = self.description(batch.description(position));
            }
            let hash = batch.instance_hash(position).map_err(malformed)?;
            let place = self.place(*meter, hash, |seen| {
                let keys = batch.instance_keys(position);
                if let Some(known) = alike.get(&keys) {
                    return Ok(Arc::clone(known));
                }
                let instance = seen.instance(&batch.texts(position))?;
                alike.insert(keys, Arc::clone(&instance));
                Ok(instance)
            });
            let place = place.map_err(malformed)?;
            self.describe(place, description);
            self.add_at(place, sum)?;
        }
        Ok(())
    }

    fn meter(&mut self, subscription: SubscriptionId, meter: MeterId) -> OfMeter {
        let next = u32::try_from(self.meters.len()).expect("they are in memory");
        let number = *self.meters.entry((subscription, meter)).or_insert(next);
        OfMeter { number, subscription, meter }
    }

    /// The place of an instance; `instance` is asked where it is new.
    fn place(
        &mut self,
        OfMeter { number, subscription, meter }: OfMeter,
        instance_hash: InstanceHash,
        instance: impl FnOnce(&mut Seen) -> Result<Arc<Instance>, Malformed>,
    ) -> Result<usize, Malformed> {
        let next = self.instances.len();
        let place = *self.places.entry((number, instance_hash)).or_insert(next);
        if place == next {
            self.instances.push(InstanceSums {
                subscription,
                meter,
                instance_hash,
                instance: instance(&mut self.seen)?,
                description: Arc::default(),
                days: vec![],
            });
        }
        Ok(place)
    }

    /// A description that has a place of its own in memory.
    fn description(&mut self, texts: [Option<&str>; 5]) -> Arc<MeterDescription> {
        let description = self.interner.description(texts);
        if let Some(known) = self.descriptions.get(&description) {
            return Arc::clone(known);
        }
        let made = Arc::new(description.clone());
        self.descriptions.insert(description, Arc::clone(&made));
        made
    }

    fn describe(&mut self, place: usize, description: &Arc<MeterDescription>) {
        let known = &mut self.instances[place].description;
        if !Arc::ptr_eq(known, description) && *known < *description {
            *known = Arc::clone(description);
        }
    }

    fn describe_row(&mut self, place: usize, row: &Row<'_>) {
        let texts = row.texts.description();
        if texts > description_texts(&self.instances[place].description) {
            self.instances[place].description = self.description(texts);
        }
    }

    fn add_at(&mut self, place: usize, sum: DaySum) -> Result<(), Ended> {
        let InstanceSums { meter, days, .. } = &mut self.instances[place];
        self.room.add((*meter, days), sum, |sum| sum.day, DaySum::plus)?;
        if self.room.is_left() { Ok(()) } else { self.merge() }
    }

    /// Brings those of one day together.
    fn merge(&mut self) -> Result<(), Ended> {
        let all = self.instances.iter_mut().map(|sums| (sums.meter, &mut sums.days));
        let are_too_many = self.room.merge(all, |sum| sum.day, DaySum::plus)?;
        if are_too_many { Err(Ended::TooMany) } else { Ok(()) }
    }

    /// In order.
    pub(super) fn finish(mut self) -> Result<Vec<InstanceSums>, Ended> {
        self.merge()?;
        let key = |sums: &InstanceSums| (sums.subscription, sums.meter, sums.instance_hash);
        self.instances.sort_unstable_by_key(key);
        Ok(self.instances)
    }
}
