//! Adding sums up, whatever they come from and in whatever order. Each source has them in order, so the
//! next one mostly belongs where the one before it did, or to the place after that.

use std::collections::HashMap;

use domain::aggregate::SumOutOfRange;
use domain::decimal::OutOfRange;
use domain::id::{MeterId, SubscriptionId};
use domain::record::MeterDescription;
use domain::sums::{MeterQuery, MeterSum, MeterSums};
use foldhash::fast::RandomState;

use crate::rollup::{Failed, MeterView};
use crate::row::{Interner, description_texts};

/// The sums of meters so far.
pub(super) struct Meters<'q> {
    query: &'q MeterQuery,
    interner: Interner,
    places: HashMap<(SubscriptionId, MeterId), usize, RandomState>,
    meters: Vec<MeterSums>,
    /// The place that was added to last.
    last: usize,
    room: Room,
}

impl<'q> Meters<'q> {
    /// Begins with sums of other rows, in order.
    pub(super) fn on(query: &'q MeterQuery, most: usize, sums: Vec<MeterSums>) -> Self {
        let place = |(place, sums): (usize, &MeterSums)| ((sums.subscription, sums.meter), place);
        let places = sums.iter().enumerate().map(place).collect();
        let held = sums.iter().map(|meter| meter.sums.len()).sum();
        let (interner, room) = (Interner::default(), Room { held, ..Room::new(most) });
        Self { query, interner, places, meters: sums, last: 0, room }
    }

    /// Begins one of so many parts that are summed at a time.
    pub(super) fn part(query: &'q MeterQuery, most: usize, parts: usize) -> Self {
        let part = Self::on(query, most, Vec::new());
        Self { room: Room { parts, ..part.room }, ..part }
    }

    /// How many sums may be held.
    pub(super) fn most(&self) -> usize {
        self.room.most
    }

    pub(super) fn add(&mut self, view: &MeterView<'_>) -> Result<(), Failed> {
        let place = self.place((view.subscription, view.meter));
        if let Some(texts) = view.description {
            self.describe(place, texts);
        }
        self.add_at(place, view.sum)
    }

    /// What the source called a meter.
    pub(super) fn describe(&mut self, place: usize, texts: [Option<&str>; 5]) {
        let meter = &mut self.meters[place];
        if texts > description_texts(&meter.description) {
            meter.description = self.interner.description(texts);
        }
    }

    /// Adds to the meter at a place; the step is that of the question at this moment.
    pub(super) fn add_at(&mut self, place: usize, sum: MeterSum) -> Result<(), Failed> {
        let meter = &mut self.meters[place];
        let sum = MeterSum { step: self.query.step_of(sum.step), ..sum };
        let step = |sum: &MeterSum| sum.step;
        self.room.add((meter.meter, &mut meter.sums), sum, step, MeterSum::plus)
    }

    /// The place of a meter.
    pub(super) fn place(&mut self, key: (SubscriptionId, MeterId)) -> usize {
        let is_at = |place: &usize| {
            let there = self.meters.get(*place);
            there.is_some_and(|there| (there.subscription, there.meter) == key)
        };
        let near = [self.last, self.last + 1].into_iter().find(is_at);
        let next = self.meters.len();
        let place = near.unwrap_or_else(|| *self.places.entry(key).or_insert(next));
        self.last = place;
        if place == next {
            let ((subscription, meter), description) = (key, MeterDescription::default());
            self.meters.push(MeterSums { subscription, meter, description, sums: vec![] });
        }
        place
    }

    /// Adds what was summed apart from it.
    pub(super) fn absorb(&mut self, other: Self) {
        for sums in other.meters {
            let place = self.place((sums.subscription, sums.meter));
            let meter = &mut self.meters[place];
            if sums.description > meter.description {
                meter.description = sums.description;
            }
            self.room.held += sums.sums.len();
            meter.sums.extend(sums.sums);
        }
    }

    /// Whether there are more than may be; those of one step are brought together for it.
    pub(super) fn are_too_many(&mut self) -> Result<bool, Failed> {
        if self.room.is_left() { Ok(false) } else { self.merge() }
    }

    fn merge(&mut self) -> Result<bool, Failed> {
        let all = self.meters.iter_mut().map(|meter| (meter.meter, &mut meter.sums));
        self.room.merge(all, |sum| sum.step, MeterSum::plus)
    }

    /// In order; none if there are more than may be.
    pub(super) fn finish(mut self) -> Result<Option<Vec<MeterSums>>, Failed> {
        if self.merge()? {
            return Ok(None);
        }
        self.meters.sort_unstable_by_key(|meter| (meter.subscription, meter.meter));
        Ok(Some(self.meters))
    }
}

/// Why adding up ended early.
pub(super) enum Ended {
    /// There are more sums than may be.
    TooMany,
    /// It failed.
    Failed(Failed),
}

/// None where there were more than may be.
pub(super) fn unless_too_many<T>(sums: Result<T, Ended>) -> Result<Option<T>, Failed> {
    match sums {
        Ok(sums) => Ok(Some(sums)),
        Err(Ended::TooMany) => Ok(None),
        Err(Ended::Failed(failed)) => Err(failed),
    }
}

impl<E: Into<Failed>> From<E> for Ended {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

/// How many sums may be held, and are; several of one step count each until they are brought together.
pub(super) struct Room {
    most: usize,
    /// How many share the memory.
    parts: usize,
    held: usize,
}

/// A meter and its sums.
type OfMeter<'s, S> = (MeterId, &'s mut Vec<S>);

impl Room {
    pub(super) fn new(most: usize) -> Self {
        Self { most, parts: 1, held: 0 }
    }

    pub(super) fn is_left(&self) -> bool {
        self.held <= self.most.saturating_mul(2) / self.parts
    }

    /// Adds to the last of a meter's sums if it is of the same step, else as one more.
    pub(super) fn add<S: Copy, K: PartialEq>(
        &mut self,
        (meter, sums): OfMeter<'_, S>,
        sum: S,
        step: impl Fn(&S) -> K,
        plus: impl Fn(S, S) -> Result<S, OutOfRange>,
    ) -> Result<(), Failed> {
        match sums.last_mut() {
            Some(last) if step(last) == step(&sum) => {
                *last = plus(*last, sum).map_err(|OutOfRange| too_great(meter))?;
            }
            _ => {
                sums.push(sum);
                self.held += 1;
            }
        }
        Ok(())
    }

    /// Brings the sums of each meter together; true if there are more than may be.
    pub(super) fn merge<'s, S: Copy + 's, K: Ord>(
        &mut self,
        all: impl Iterator<Item = OfMeter<'s, S>>,
        step: impl Fn(&S) -> K,
        plus: impl Fn(S, S) -> Result<S, OutOfRange>,
    ) -> Result<bool, Failed> {
        self.held = 0;
        for (meter, sums) in all {
            merged(sums, &step, &plus).map_err(|OutOfRange| too_great(meter))?;
            self.held += sums.len();
        }
        Ok(self.held > self.most)
    }
}

/// Brings sums of one step together, in order of steps.
fn merged<S: Copy, K: Ord>(
    sums: &mut Vec<S>,
    step: impl Fn(&S) -> K,
    plus: impl Fn(S, S) -> Result<S, OutOfRange>,
) -> Result<(), OutOfRange> {
    if sums.is_sorted_by(|a, b| step(a) < step(b)) {
        return Ok(());
    }
    sums.sort_by_key(&step);
    let mut kept = 0;
    for place in 1..sums.len() {
        if step(&sums[kept]) == step(&sums[place]) {
            sums[kept] = plus(sums[kept], sums[place])?;
        } else {
            kept += 1;
            sums[kept] = sums[place];
        }
    }
    sums.truncate(kept + 1);
    Ok(())
}

fn too_great(meter: MeterId) -> Failed {
    Failed::Sum(SumOutOfRange { meter })
}
