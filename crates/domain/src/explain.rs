//! Why usage costs what it costs: rows, their quantity, what is included, tiers, versions of the
//! price, credit; and what the terms of the offer add to a bill.
//!
//! Every explanation is a tree whose leaves add up to its root, to the last digit, and its root is
//! the figure of the bill. Nothing is priced here: amounts are those of `rate`.

mod node;
mod terms;
mod text;

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::book::{Book, PriceVersion, Unpriced};
use crate::decimal::{Money, OutOfRange, Quantity};
use crate::id::MeterId;
use crate::period::BillingPeriod;
use crate::rate::{Line, RateError, Rated, RatedMeter, RowCharge};
use crate::record::MeterDescription;
use crate::time::Date;
use crate::usage::{Usage, UsageRow};

pub use node::{Label, Node};
pub use terms::{CommitmentExplanation, TermsExplanation, explain_terms};

/// Why a meter cannot be explained.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExplainError {
    /// The subscription did not use it in the period.
    NotUsed {
        /// The meter.
        meter: MeterId,
        /// The period.
        period: BillingPeriod,
    },
    /// A sum would not be exact.
    Rate(RateError),
}

impl fmt::Display for ExplainError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotUsed { meter, period } => {
                write!(f, "meter {meter} was not used in billing period {}", period.name())
            }
            Self::Rate(error) => fmt::Display::fmt(error, f),
        }
    }
}

impl std::error::Error for ExplainError {}

impl From<RateError> for ExplainError {
    fn from(error: RateError) -> Self {
        Self::Rate(error)
    }
}

/// What one meter cost in one billing period, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explanation {
    /// The meter.
    pub meter: MeterId,
    /// Its names, from the rate card, else from the record.
    pub description: MeterDescription,
    /// The billing period.
    pub period: BillingPeriod,
    /// Priced usage by days and rows.
    pub quantity: Node,
    /// Quantity without a price, by reason; it is in no other figure.
    pub unpriced: BTreeMap<Unpriced, Quantity>,
    /// Quantity that was free.
    pub included: Quantity,
    /// Quantity left to charge.
    pub billable: Quantity,
    /// What it comes to: the charge by versions of the price and tiers, less credit where the period
    /// has one. None if no row has a price: that is unknown, not free.
    pub amount: Option<Node>,
    /// The effective price: charge for each unit used, to 20 places. To be shown, never to be
    /// computed with.
    pub effective_price: Option<String>,
}

impl Explanation {
    /// The same for a reader who is not to see what a price was made of: which card, override and
    /// markup. The prices and amounts stay.
    #[must_use]
    pub fn without_origins(mut self) -> Self {
        fn strip(node: &mut Node) {
            if let Label::Version(version) = &mut node.label {
                *version = Arc::new(PriceVersion {
                    card: None,
                    price_override: None,
                    markup: None,
                    ..PriceVersion::clone(version)
                });
            }
            node.children.iter_mut().for_each(strip);
        }
        self.amount.iter_mut().for_each(strip);
        self
    }
}

/// Explains a meter of a bill. Of each day at most `rows_per_day_max` rows are shown one by one, the
/// rest as one sum.
///
/// # Errors
/// [`ExplainError`] if the meter was not used, or a sum would not be exact.
///
/// # Panics
/// If this is not the usage that was rated.
pub fn explain(
    usage: &Usage,
    rated: &Rated,
    book: &Book,
    meter: MeterId,
    rows_per_day_max: usize,
) -> Result<Explanation, ExplainError> {
    let period = usage.period();
    let used = usage.meters().get(&meter).ok_or(ExplainError::NotUsed { meter, period })?;
    let of_meter = rated.meters.get(&meter).expect("every meter of the usage was rated");
    let inexact = |OutOfRange| RateError::Meter(meter);
    let quantity = quantity(usage, rated, meter, rows_per_day_max)?;
    assert!(
        quantity.quantity == Some(of_meter.quantity),
        "rows of meter {meter} are not its quantity {}",
        of_meter.quantity
    );
    let is_priced = !matches!(quantity.label, Label::Usage { rows: 0 });
    let amount = if is_priced {
        let credit = credit(usage, rated, meter)?;
        Some(amount(of_meter, credit).map_err(inexact)?)
    } else {
        None
    };
    let trees = [Some(&quantity), amount.as_ref()];
    trees.into_iter().flatten().for_each(Node::assert_adds_up);
    let listed = book.list.meter(meter).map(|listed| &listed.description);
    Ok(Explanation {
        meter,
        description: listed.unwrap_or(used.description()).clone(),
        period,
        quantity,
        unpriced: of_meter.unpriced.clone(),
        included: of_meter.included,
        billable: of_meter.billable,
        effective_price: amount
            .as_ref()
            .and_then(|_| of_meter.charge.effective_price(of_meter.quantity)),
        amount,
    })
}

/// The priced rows of one day.
struct Day {
    date: Date,
    rows: usize,
    quantity: Quantity,
    shown: Vec<Node>,
    /// Of the rows that are not shown.
    rest: Quantity,
}

impl Day {
    fn node(mut self) -> Node {
        let more = self.rows - self.shown.len();
        if more > 0 {
            let label = Label::MoreRows { rows: more };
            self.shown.push(Node { quantity: Some(self.rest), ..Node::new(label) });
        }
        let label = Label::Day { date: self.date, rows: self.rows };
        Node { quantity: Some(self.quantity), children: self.shown, ..Node::new(label) }
    }
}

fn quantity(
    usage: &Usage,
    rated: &Rated,
    meter: MeterId,
    rows_per_day_max: usize,
) -> Result<Node, RateError> {
    let used = &usage.meters()[&meter];
    let mut days: Vec<Day> = Vec::new();
    let (mut rows, mut sum) = (0, Quantity::ZERO);
    rated.each_row(meter, used, |position, charge| {
        if matches!(charge, RowCharge::Unpriced(_)) {
            return Ok(());
        }
        let row = &used.rows()[position];
        let date = row.window.start().date();
        if days.last().is_none_or(|day| day.date != date) {
            let (quantity, rest) = (Quantity::ZERO, Quantity::ZERO);
            days.push(Day { date, rows: 0, quantity, shown: vec![], rest });
        }
        let day = days.last_mut().expect("the row's day was added");
        day.rows += 1;
        day.quantity = day.quantity.plus(row.quantity)?;
        if day.shown.len() < rows_per_day_max {
            day.shown.push(row_node(usage, row));
        } else {
            day.rest = day.rest.plus(row.quantity)?;
        }
        rows += 1;
        sum = sum.plus(row.quantity)?;
        Ok(())
    })?;
    let children = days.into_iter().map(Day::node).collect();
    Ok(Node { quantity: Some(sum), children, ..Node::new(Label::Usage { rows }) })
}

fn row_node(usage: &Usage, row: &UsageRow) -> Node {
    let label = Label::Row {
        window: row.window,
        resource: usage.instance(row.instance).resource_uri.clone(),
        source: row.source.clone(),
        event_id: row.event_id.clone(),
    };
    Node { quantity: Some(row.quantity), ..Node::new(label) }
}

/// What credits cover of the meter; none if the period has no credit.
fn credit(usage: &Usage, rated: &Rated, meter: MeterId) -> Result<Option<Money>, RateError> {
    if rated.credits.is_empty() {
        return Ok(None);
    }
    let of_rows = &rated.credit_of_rows(usage)?[&meter];
    Ok(Some(of_rows.iter().copied().try_fold(Money::ZERO, Money::plus)?))
}

fn amount(of_meter: &RatedMeter, credit: Option<Money>) -> Result<Node, OutOfRange> {
    // Lines come in the order of their versions, each of which has its own date.
    let versions = of_meter.lines.chunk_by(|a, b| a.version.effective == b.version.effective);
    let versions: Vec<_> = versions.map(version).collect::<Result<_, _>>()?;
    let charge = Node {
        quantity: Some(of_meter.billable),
        children: versions,
        ..Node::of_amount(Label::Charge, of_meter.charge)
    };
    let mut net = of_meter.charge;
    let mut children = vec![charge];
    if let Some(covered) = credit {
        net = net.minus(covered)?;
        let label = Label::Credit { effective: None };
        children.push(Node::of_amount(label, covered.negated()));
    }
    Ok(Node { children, ..Node::of_amount(Label::Net, net) })
}

fn version(lines: &[Line]) -> Result<Node, OutOfRange> {
    let quantities = lines.iter().map(|line| line.quantity);
    let quantity = quantities.into_iter().try_fold(Quantity::ZERO, Quantity::plus)?;
    let amounts = lines.iter().map(|line| line.amount);
    let amount = amounts.into_iter().try_fold(Money::ZERO, Money::plus)?;
    let children = lines.iter().map(|line| Node {
        label: Label::Line(line.kind),
        quantity: Some(line.quantity),
        rate: line.kind.rate(),
        amount: Some(line.amount),
        children: vec![],
    });
    Ok(Node {
        label: Label::Version(lines[0].version.clone()),
        quantity: Some(quantity),
        rate: None,
        amount: Some(amount),
        children: children.collect(),
    })
}

#[cfg(test)]
pub(crate) mod samples;
#[cfg(test)]
mod tests;
