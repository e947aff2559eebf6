//! What the usage comes to, summed as it is made: what every answer of ours and of others has to be.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;

use domain::decimal::Quantity;

use crate::usage::{
    COST_CENTERS, DAYS, Facts, METERS, RESOURCES, SUBSCRIPTIONS, cost_center_of, cost_center_text,
    first_day, meter_of, meter_text, place, resource_text, subscription_text,
};

/// Sums of each subscription by what follows, in units of a quantity.
pub(crate) struct Sums {
    meters: Vec<i128>,
    cost_centers: Vec<i128>,
    days: Vec<i128>,
    resources: Vec<i128>,
}

impl Sums {
    pub(crate) fn new() -> Self {
        let none = |each: u64| vec![0; place(SUBSCRIPTIONS * each)];
        Self {
            meters: none(METERS),
            cost_centers: none(COST_CENTERS),
            days: none(DAYS),
            resources: none(RESOURCES),
        }
    }

    pub(crate) fn add(&mut self, facts: Facts) {
        let Facts { subscription, resource, hour, units } = facts;
        self.meters[place(subscription * METERS + meter_of(resource))] += units;
        self.cost_centers[place(subscription * COST_CENTERS + cost_center_of(resource))] += units;
        self.days[place(subscription * DAYS + hour / 24)] += units;
        self.resources[place(subscription * RESOURCES + resource)] += units;
    }

    /// Writes `subscription,key,sum` a line, for `meter`, `tag`, `day` and `resource`.
    pub(crate) fn write(&self, folder: &Path) -> io::Result<()> {
        let day = |number: u64| {
            let days = i32::try_from(number).unwrap();
            first_day().plus_days(days).to_string()
        };
        write(&folder.join("meter.csv"), &self.meters, METERS, |_, number| meter_text(number))?;
        write(&folder.join("tag.csv"), &self.cost_centers, COST_CENTERS, |_, number| {
            cost_center_text(number)
        })?;
        write(&folder.join("day.csv"), &self.days, DAYS, |_, number| day(number))?;
        write(&folder.join("resource.csv"), &self.resources, RESOURCES, resource_text)
    }
}

fn write(
    path: &Path,
    sums: &[i128],
    each: u64,
    key: impl Fn(u64, u64) -> String,
) -> io::Result<()> {
    let mut out = BufWriter::new(File::create(path)?);
    for subscription in 0..SUBSCRIPTIONS {
        for number in 0..each {
            let units = sums[place(subscription * each + number)];
            // Every quantity is above zero, so a sum of zero is of no record.
            if units > 0 {
                let sum = Quantity::from_scaled(units).unwrap();
                let key = key(subscription, number);
                writeln!(out, "{},{key},{sum}", subscription_text(subscription))?;
            }
        }
    }
    out.flush()
}
