//! A row of the export: one charge at one price, of which every column is a function.
//!
//! What FOCUS asks to hold within a row holds by construction: a cost is its unit price times its
//! quantity, credits are below zero, what a commitment pays is not billed again.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use domain::book::Unpriced;
use domain::decimal::{Money, OutOfRange, Quantity, UnitPrice};
use domain::id::{Currency, MeterId, OfferId, SubscriptionId};
use domain::period::BillingPeriod;
use domain::record::{Instance, MeterDescription};
use domain::resource;
use domain::time::UtcTime;

use crate::service::{self, Service};

const MICROS_PER_SECOND: i64 = 1_000_000;

/// What a row is made of. [`FocusRow::new`] checks that it fits together.
#[derive(Debug, Clone)]
pub struct Facts {
    /// Who is billed by whom.
    pub account: Arc<Account>,
    /// The billing period on whose bill the charge stands.
    pub billing_period: BillingPeriod,
    /// When what is charged was used or is due: `[start, end)`, within the billing period unless
    /// the row is a correction. FOCUS knows whole seconds: it is widened to them.
    pub charge_period: Range<UtcTime>,
    /// Whether it corrects a billing period that was invoiced before.
    pub is_correction: bool,
    /// The invoice that it stands on, if there is one.
    pub invoice_id: Option<Arc<str>>,
    /// The charge.
    pub charge: Charge,
}

/// Who is billed by whom: the same in every row of a subscription's bill.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Who provides and invoices: FOCUS wants both to be one where costs are billed.
    pub issuer: Arc<str>,
    /// Id of the tenant that the invoice goes to.
    pub billing_account_id: Arc<str>,
    /// Its name.
    pub billing_account_name: Arc<str>,
    /// The subscription.
    pub subscription: SubscriptionId,
    /// Its name.
    pub subscription_name: Arc<str>,
    /// The offer that it is on.
    pub offer: OfferId,
    /// Currency of every amount.
    pub currency: Currency,
}

/// What is charged for, and how much.
#[derive(Debug, Clone)]
pub enum Charge {
    /// Use of a meter at one price.
    Usage(Usage),
    /// A commitment, bought for the period.
    CommitmentPurchase {
        /// Which.
        commitment: Arc<Commitment>,
        /// What is committed to, and billed.
        amount: Money,
    },
    /// The part of a commitment that no usage drew, and that is forfeited.
    CommitmentUnused {
        /// Which.
        commitment: Arc<Commitment>,
        /// How much of it.
        amount: Money,
    },
    /// A charge that is due in each period, used or not.
    Recurring {
        /// What for, such as `Recurring Charge`.
        name: Arc<str>,
        /// How much.
        amount: Money,
    },
    /// A credit.
    Credit {
        /// Which, such as `Monetary Credit`.
        name: Arc<str>,
        /// What it takes off the bill, as a positive amount.
        amount: Money,
    },
    /// What brings a bill to its total, such as a rounding adjustment.
    Adjustment {
        /// Why.
        name: Arc<str>,
        /// How much; below zero if it lowers the bill.
        amount: Money,
    },
    /// A tax.
    Tax {
        /// Which.
        name: Arc<str>,
        /// The tax on each cost of the charges that it is computed from.
        costs: Costs,
    },
}

/// Use of a meter.
#[derive(Debug, Clone)]
pub struct Usage {
    /// The meter.
    pub meter: Arc<Meter>,
    /// By what it was used.
    pub instance: Arc<Instance>,
    /// Where, if that is a region.
    pub region: Option<Region>,
    /// How much, in the meter's unit; negative where it takes back.
    pub quantity: Quantity,
    /// At which price.
    pub rating: Rating,
}

/// What is used, as the rate card says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Meter {
    /// Its id, which is the SKU's.
    pub id: MeterId,
    /// Its names and unit.
    pub description: MeterDescription,
    /// Who makes it, if that is not the issuer.
    pub publisher: Option<Arc<str>>,
    /// Whether it is sold for somebody else.
    pub is_third_party: bool,
    /// Whether credits may pay for it.
    pub is_credit_eligible: bool,
}

/// A region of the provider.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Region {
    /// `eastus`.
    pub id: Arc<str>,
    /// `East US`.
    pub name: Arc<str>,
}

/// At which price a quantity is charged: a row has one.
#[derive(Debug, Clone)]
pub enum Rating {
    /// None: it is part of the quantity that each period includes.
    Included {
        /// From when the version of the price applies.
        effective: UtcTime,
    },
    /// That of a tier.
    Tier {
        /// Lower bound of the tier.
        from: Quantity,
        /// Price of a unit on the rate card.
        list: UnitPrice,
        /// Price of a unit for this subscription: the card's, or what an override makes of it.
        contracted: UnitPrice,
        /// From when the version of the price applies.
        effective: UtcTime,
    },
    /// A discounted one, paid by a commitment.
    Committed {
        /// Base price of a unit on the rate card.
        list: UnitPrice,
        /// Base price of a unit for this subscription, before the commitment's discount.
        contracted: UnitPrice,
        /// From when the version of the price applies.
        effective: UtcTime,
        /// The commitment.
        commitment: Arc<Commitment>,
        /// What the quantity draws from it.
        drawn: Money,
    },
    /// Unknown: the costs are zero because FOCUS knows no others, and the reason is given.
    Unpriced(Unpriced),
}

/// A commitment to spend.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commitment {
    /// Unique for the issuer, and the same for as long as the commitment renews.
    pub id: Arc<str>,
    /// Its name, such as `Monetary Commitment`.
    pub name: Arc<str>,
}

/// The four costs of a row, in the account's currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Costs {
    /// What the invoice asks for. The sum over all rows is the bill.
    pub billed: Money,
    /// At the price of the rate card.
    pub list: Money,
    /// At the price of this subscription, before a commitment's discount.
    pub contracted: Money,
    /// What it costs with a commitment spread over the usage that draws from it.
    pub effective: Money,
}

/// FOCUS's kinds of charges.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ChargeCategory {
    /// Use of a service, and the unused part of a commitment.
    Usage,
    /// What was bought: commitments and recurring charges.
    Purchase,
    /// A credit.
    Credit,
    /// An adjustment.
    Adjustment,
    /// A tax.
    Tax,
}

/// Why facts are no row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RowError {
    /// The charge's end is not after its start.
    EmptyChargePeriod {
        /// Its start.
        start: UtcTime,
    },
    /// The charge is not of the billing period, and no correction.
    OutsideBillingPeriod {
        /// The charge's start.
        start: UtcTime,
        /// The charge's end.
        end: UtcTime,
        /// The billing period.
        period: BillingPeriod,
    },
    /// A unit price times the quantity would not be exact.
    OutOfRange {
        /// The meter.
        meter: MeterId,
        /// The quantity.
        quantity: Quantity,
    },
}

impl fmt::Display for RowError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EmptyChargePeriod { start } => {
                write!(f, "the charge period from {start} does not end after its start")
            }
            Self::OutsideBillingPeriod { start, end, period } => {
                let (first, last) = (period.start(), period.end());
                write!(f, "the charge from {start} to {end} is not of the billing period")?;
                write!(f, " from {first} to {last}")
            }
            Self::OutOfRange { meter, quantity } => {
                write!(f, "the cost of {quantity} of meter {meter} is outside the exact numbers")
            }
        }
    }
}

impl std::error::Error for RowError {}

impl ChargeCategory {
    /// FOCUS's name of it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Usage => "Usage",
            Self::Purchase => "Purchase",
            Self::Credit => "Credit",
            Self::Adjustment => "Adjustment",
            Self::Tax => "Tax",
        }
    }
}

impl Charge {
    /// FOCUS's kind of it.
    #[must_use]
    pub fn category(&self) -> ChargeCategory {
        match self {
            Self::Usage(_) | Self::CommitmentUnused { .. } => ChargeCategory::Usage,
            Self::CommitmentPurchase { .. } | Self::Recurring { .. } => ChargeCategory::Purchase,
            Self::Credit { .. } => ChargeCategory::Credit,
            Self::Adjustment { .. } => ChargeCategory::Adjustment,
            Self::Tax { .. } => ChargeCategory::Tax,
        }
    }

    fn costs(&self) -> Result<Costs, OutOfRange> {
        Ok(match self {
            Self::Usage(usage) => usage.costs()?,
            // FOCUS has every purchase take effect through other rows, whatever was bought.
            Self::CommitmentPurchase { amount, .. } | Self::Recurring { amount, .. } => {
                Costs { effective: Money::ZERO, ..Costs::all(*amount) }
            }
            Self::CommitmentUnused { amount, .. } => {
                Costs { effective: *amount, ..Costs::default() }
            }
            Self::Credit { amount, .. } => Costs::all(amount.negated()),
            Self::Adjustment { amount, .. } => Costs::all(*amount),
            Self::Tax { costs, .. } => *costs,
        })
    }
}

impl Usage {
    fn costs(&self) -> Result<Costs, OutOfRange> {
        Ok(match &self.rating {
            Rating::Included { .. } | Rating::Unpriced(_) => Costs::default(),
            Rating::Tier { list, contracted, .. } => {
                let cost = contracted.times(self.quantity)?;
                Costs { list: list.times(self.quantity)?, ..Costs::all(cost) }
            }
            Rating::Committed { list, contracted, drawn, .. } => Costs {
                billed: Money::ZERO,
                list: list.times(self.quantity)?,
                contracted: contracted.times(self.quantity)?,
                effective: *drawn,
            },
        })
    }
}

impl Costs {
    /// Four equal costs.
    #[must_use]
    pub const fn all(amount: Money) -> Self {
        Self { billed: amount, list: amount, contracted: amount, effective: amount }
    }
}

/// A row of the export.
#[derive(Debug, Clone)]
pub struct FocusRow {
    facts: Facts,
    costs: Costs,
    resource: Option<Resource>,
    service: Service,
}

/// What the resource id of a row says.
#[derive(Debug, Clone)]
pub(crate) struct Resource {
    pub(crate) id: Arc<str>,
    pub(crate) name: Option<Arc<str>>,
    pub(crate) type_name: Arc<str>,
}

/// Name of the type of a resource whose id does not say it.
const UNKNOWN_TYPE: &str = "Unknown";

impl FocusRow {
    /// Makes the row.
    ///
    /// # Errors
    /// [`RowError`] if the periods do not fit or a cost would not be exact.
    pub fn new(mut facts: Facts) -> Result<Self, RowError> {
        facts.charge_period = in_whole_seconds(&facts.charge_period);
        check_periods(&facts)?;
        let costs = facts.charge.costs().map_err(|OutOfRange| match &facts.charge {
            Charge::Usage(Usage { meter, quantity, .. }) => {
                RowError::OutOfRange { meter: meter.id, quantity: *quantity }
            }
            _ => unreachable!("only usage is multiplied"),
        })?;
        let (resource, service) = match &facts.charge {
            Charge::Usage(usage) => resource_and_service(usage),
            Charge::CommitmentPurchase { commitment, .. }
            | Charge::CommitmentUnused { commitment, .. } => {
                (Some(Resource::of(commitment)), service::billing())
            }
            _ => (None, service::billing()),
        };
        Ok(Self { facts, costs, resource, service })
    }

    /// What it was made of, with the charge period in whole seconds.
    #[must_use]
    pub fn facts(&self) -> &Facts {
        &self.facts
    }

    /// Its costs.
    #[must_use]
    pub fn costs(&self) -> Costs {
        self.costs
    }

    /// Its kind.
    #[must_use]
    pub fn charge_category(&self) -> ChargeCategory {
        self.facts.charge.category()
    }

    pub(crate) fn resource(&self) -> Option<&Resource> {
        self.resource.as_ref()
    }

    pub(crate) fn service(&self) -> &Service {
        &self.service
    }

    pub(crate) fn account(&self) -> &Account {
        &self.facts.account
    }

    pub(crate) fn usage(&self) -> Option<&Usage> {
        match &self.facts.charge {
            Charge::Usage(usage) => Some(usage),
            _ => None,
        }
    }

    pub(crate) fn commitment(&self) -> Option<&Commitment> {
        match &self.facts.charge {
            Charge::Usage(Usage { rating: Rating::Committed { commitment, .. }, .. })
            | Charge::CommitmentPurchase { commitment, .. }
            | Charge::CommitmentUnused { commitment, .. } => Some(commitment),
            _ => None,
        }
    }
}

impl Resource {
    /// A commitment is its own resource, as FOCUS has it.
    fn of(commitment: &Arc<Commitment>) -> Self {
        Self {
            id: Arc::clone(&commitment.id),
            name: Some(Arc::clone(&commitment.name)),
            type_name: crate::column::COMMITMENT_TYPE.into(),
        }
    }
}

fn resource_and_service(usage: &Usage) -> (Option<Resource>, Service) {
    let category = usage.meter.description.category.as_deref();
    let Some(id) = usage.instance.resource_uri.as_ref().filter(|id| !id.trim().is_empty()) else {
        return (None, service::find(None, category));
    };
    let path = resource::parse(id);
    let kind = path.as_ref().map(|path| path.kind.as_str());
    let resource = Resource {
        id: Arc::clone(id),
        name: path.as_ref().and_then(|path| path.name).map(Arc::from),
        type_name: kind.map_or(UNKNOWN_TYPE, service::type_name).into(),
    };
    (Some(resource), service::find(kind, category))
}

fn check_periods(facts: &Facts) -> Result<(), RowError> {
    let Range { start, end } = facts.charge_period;
    let period = facts.billing_period;
    if end <= start {
        return Err(RowError::EmptyChargePeriod { start });
    }
    let is_within = period.start() <= start && end <= period.end();
    if !is_within && !facts.is_correction {
        return Err(RowError::OutsideBillingPeriod { start, end, period });
    }
    Ok(())
}

/// The smallest range of whole seconds that has all of this one.
fn in_whole_seconds(range: &Range<UtcTime>) -> Range<UtcTime> {
    let floor = |time: UtcTime| {
        let micros = time.to_micros();
        UtcTime::from_micros(micros - micros.rem_euclid(MICROS_PER_SECOND))
            .expect("year 1 begins with a whole second")
    };
    let start = floor(range.start);
    let end = floor(range.end);
    start..if end < range.end { end.plus_seconds(1) } else { end }
}
