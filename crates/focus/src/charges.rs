//! The rows of one subscription's bill of one billing period: usage by day or hour, instance and
//! price, and the lines of the offer's terms. The sum of their billed costs is the bill.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use domain::book::{PriceVersion, Unpriced};
use domain::catalogue::{TermKind, Tier};
use domain::decimal::{Money, OutOfRange, Quantity};
use domain::id::{InstanceHash, MeterId};
use domain::rate::{Part, PartKind, RateError, RowCharge};
use domain::record::Window;
use domain::region;
use domain::spend::RatedPeriod;
use domain::time::UtcTime;

use crate::row::{
    Account, Charge, Commitment, Facts, FocusRow, Meter, Rating, Region, RowError, Usage,
};

/// How finely usage is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Granularity {
    /// A row a day of UTC.
    Daily,
    /// A row an hour of UTC, or the whole of usage that is longer.
    Hourly,
}

/// Why a bill has no rows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChargesError {
    /// A sum would not be exact.
    Rate(RateError),
    /// A row does not fit together.
    Row(RowError),
}

impl fmt::Display for ChargesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Rate(error) => error.fmt(f),
            Self::Row(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for ChargesError {}

impl From<RateError> for ChargesError {
    fn from(error: RateError) -> Self {
        Self::Rate(error)
    }
}

impl From<RowError> for ChargesError {
    fn from(error: RowError) -> Self {
        Self::Row(error)
    }
}

/// Gives every row of a bill to `each`: usage meter by meter in order of id, then of time, instance
/// and price; then the lines of the terms.
///
/// # Errors
/// Whatever `each` returns, and [`ChargesError`] if a sum would not be exact.
pub fn each_row<E: From<ChargesError>>(
    account: &Arc<Account>,
    period: &RatedPeriod,
    granularity: Granularity,
    mut each: impl FnMut(&FocusRow) -> Result<(), E>,
) -> Result<(), E> {
    let bill = Bill { account, period, commitment: commitment(account) };
    for id in period.usage.meters().keys() {
        let meter = Arc::new(bill.meter(*id));
        let sums = bill.sums(*id, granularity).map_err(ChargesError::from)?;
        for (key, sum) in sums {
            if let Some(row) = bill.usage_row(&meter, &key, sum).map_err(ChargesError::from)? {
                each(&row)?;
            }
        }
    }
    for charge in bill.terms() {
        let whole = period.rated.period;
        let row = bill.row(whole.start()..whole.end(), charge).map_err(ChargesError::from)?;
        each(&row)?;
    }
    Ok(())
}

/// The same for as long as the subscription commits: a period's amount is a purchase of its own.
fn commitment(account: &Account) -> Arc<Commitment> {
    let id = format!(
        "/subscriptions/{}/providers/Microsoft.Billing/commitments/{}",
        account.subscription, account.offer
    );
    let name = TermKind::MonetaryCommitment.to_string();
    Arc::new(Commitment { id: id.into(), name: name.into() })
}

struct Bill<'a> {
    account: &'a Arc<Account>,
    period: &'a RatedPeriod,
    commitment: Arc<Commitment>,
}

/// What a row of usage is the sum of: one price, one instance, one hour or day.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    window: Window,
    instance: InstanceHash,
    /// When the version of the price begins, and what of it.
    price: Result<(UtcTime, PartKind), Unpriced>,
}

struct Sum {
    version: Option<Arc<PriceVersion>>,
    quantity: Quantity,
    amount: Money,
}

impl Bill<'_> {
    fn meter(&self, id: MeterId) -> Meter {
        let listed = self.period.book.list.meter(id);
        let source = self.period.usage.meters()[&id].description();
        let mut credits = self.period.rated.credits.iter();
        Meter {
            id,
            description: listed.map_or(source, |meter| &meter.description).clone(),
            publisher: None,
            is_third_party: listed
                .is_some_and(|meter| meter.is_third_party(self.period.rated.period)),
            is_credit_eligible: credits.any(|credit| credit.meters.contains(&id)),
        }
    }

    fn sums(&self, id: MeterId, granularity: Granularity) -> Result<BTreeMap<Key, Sum>, RateError> {
        let meter = &self.period.usage.meters()[&id];
        let mut sums = BTreeMap::new();
        self.period.rated.each_row(id, meter, |row, charge| {
            let row = &meter.rows()[row];
            let window = match granularity {
                Granularity::Daily => Window::day_of(row.window.start()),
                Granularity::Hourly => row.window.hour_or_itself(),
            };
            let key = |price| Key { window, instance: row.instance, price };
            match charge {
                RowCharge::Unpriced(reason) => {
                    add(&mut sums, key(Err(reason)), None, row.quantity, Money::ZERO)?;
                }
                RowCharge::Priced { version, parts, .. } => {
                    for Part { kind, quantity, amount, .. } in parts {
                        let key = key(Ok((version.effective, *kind)));
                        add(&mut sums, key, Some(version), *quantity, *amount)?;
                    }
                }
            }
            Ok(())
        })?;
        Ok(sums)
    }

    /// The row of a sum; none where a row and its reversal are nothing.
    fn usage_row(
        &self,
        meter: &Arc<Meter>,
        key: &Key,
        sum: Sum,
    ) -> Result<Option<FocusRow>, RowError> {
        if sum.quantity.is_zero() && sum.amount.is_zero() {
            return Ok(None);
        }
        let instance = Arc::clone(self.period.usage.instance(key.instance));
        let place = instance.location.as_deref().or(meter.description.region.as_deref());
        let found = place.and_then(region::find);
        let usage = Usage {
            meter: Arc::clone(meter),
            region: found.map(|region| Region { id: region.id.into(), name: region.name.into() }),
            quantity: sum.quantity,
            rating: self.rating(key, &sum),
            instance,
        };
        let range = key.window.start()..key.window.end();
        self.row(range, Charge::Usage(usage)).map(Some)
    }

    /// A discount is off the card's rate; a markup is the seller's own list price, as whoever reads
    /// the bill knows no other.
    fn rating(&self, key: &Key, sum: &Sum) -> Rating {
        let (effective, kind) = match key.price {
            Ok(price) => price,
            Err(reason) => return Rating::Unpriced(reason),
        };
        let version = sum.version.as_ref().expect("what is priced has a price");
        match kind {
            PartKind::Included => Rating::Included { effective },
            PartKind::Tier { from, rate } => Rating::Tier {
                from,
                list: version.list_rate(Tier { from, rate }).max(rate),
                contracted: rate,
                effective,
            },
            PartKind::Committed { base, .. } => Rating::Committed {
                list: version.list_rate(version.tiers.base()).max(base),
                contracted: base,
                effective,
                commitment: Arc::clone(&self.commitment),
                drawn: sum.amount,
            },
        }
    }

    /// The lines that belong to no meter.
    fn terms(&self) -> Vec<Charge> {
        let rated = &self.period.rated;
        let mut charges = Vec::new();
        if let Some(drawn) = &rated.commitment {
            let commitment = || Arc::clone(&self.commitment);
            let amount = drawn.committed;
            charges.push(Charge::CommitmentPurchase { commitment: commitment(), amount });
            if !drawn.forfeited.is_zero() {
                let amount = drawn.forfeited;
                charges.push(Charge::CommitmentUnused { commitment: commitment(), amount });
            }
        }
        let name = |kind: TermKind| Arc::from(kind.to_string());
        charges.extend(rated.recurring.iter().map(|due| Charge::Recurring {
            name: name(TermKind::RecurringCharge),
            amount: due.amount,
        }));
        let drawn = rated.credits.iter().filter(|credit| !credit.drawn.is_zero());
        charges.extend(drawn.map(|credit| Charge::Credit {
            name: name(TermKind::MonetaryCredit),
            amount: credit.drawn,
        }));
        charges
    }

    fn row(&self, charge_period: Range<UtcTime>, charge: Charge) -> Result<FocusRow, RowError> {
        FocusRow::new(Facts {
            account: Arc::clone(self.account),
            billing_period: self.period.rated.period,
            charge_period,
            is_correction: false,
            invoice_id: None,
            charge,
        })
    }
}

fn add(
    sums: &mut BTreeMap<Key, Sum>,
    key: Key,
    version: Option<&Arc<PriceVersion>>,
    quantity: Quantity,
    amount: Money,
) -> Result<(), OutOfRange> {
    let sum = sums.entry(key).or_insert_with(|| Sum {
        version: version.cloned(),
        quantity: Quantity::ZERO,
        amount: Money::ZERO,
    });
    sum.quantity = sum.quantity.plus(quantity)?;
    sum.amount = sum.amount.plus(amount)?;
    Ok(())
}

#[cfg(test)]
mod tests;
