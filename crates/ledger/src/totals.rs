//! Totals of everything: how many rows each subscription has of each meter, and the sum of their
//! quantities, by which two ledgers are compared.

use std::collections::BTreeMap;

use arrow_array::RecordBatch;
use domain::id::{MeterId, SubscriptionId};

use crate::columns;
use crate::error::ReadError;
use crate::row::Malformed;
use crate::scan::{self, Selection};
use crate::snapshot::{Snapshot, blocking};

/// Rows of a subscription and a meter.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct MeterTotal {
    /// How many.
    pub rows: u64,
    /// The sum of their quantities in units of 10^-20, modulo 2^128, so that it cannot fail.
    pub quantity: i128,
}

/// Totals of each subscription, in order, and of each of its meters.
pub type Totals = BTreeMap<SubscriptionId, BTreeMap<MeterId, MeterTotal>>;

const COLUMNS: [&str; 4] = ["subscription_id", "meter_id", "quantity", "commit"];

impl Snapshot {
    /// The totals of all rows. It reads them all.
    ///
    /// # Errors
    /// [`ReadError`] if a file cannot be read.
    pub async fn totals(&self) -> Result<Totals, ReadError> {
        let snapshot = self.clone();
        blocking(move || snapshot.read_totals()).await
    }

    fn read_totals(&self) -> Result<Totals, ReadError> {
        let (state, last) = self.parts();
        let selection = Selection { last: Some(last), ..Selection::default() };
        let mut totals = Totals::new();
        scan::batches(&state.files, &selection, &COLUMNS, |batch| {
            add_batch(&mut totals, batch, &selection)
        })?;
        for chunk in state.chunks() {
            for entry in selection.of_chunk(chunk) {
                let row = chunk.row(entry);
                add(&mut totals, row.subscription, row.meter, row.quantity.to_scaled());
            }
        }
        Ok(totals)
    }
}

fn add(totals: &mut Totals, subscription: SubscriptionId, meter: MeterId, quantity: i128) {
    let total = totals.entry(subscription).or_default().entry(meter).or_default();
    total.rows += 1;
    total.quantity = total.quantity.wrapping_add(quantity);
}

fn add_batch(
    totals: &mut Totals,
    batch: &RecordBatch,
    selection: &Selection,
) -> Result<(), Malformed> {
    let subscriptions = columns::ids(batch, "subscription_id", SubscriptionId::parse)?;
    let meters = columns::ids(batch, "meter_id", MeterId::parse)?;
    let commits = columns::commits(batch)?;
    let quantities = columns::decimals(batch, "quantity")?;
    for position in 0..batch.num_rows() {
        if selection.matches_commit(columns::commit(commits, position)?) {
            let (subscription, meter) = (subscriptions.id(position), meters.id(position));
            add(totals, subscription, meter, quantities.value(position));
        }
    }
    Ok(())
}
