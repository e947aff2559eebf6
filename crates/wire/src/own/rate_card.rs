//! Bodies about the versions of rate cards and what they change.

use domain::card_diff::{CardDiff, DiffCounts, MeterChange, MeterDiff, TermDiff};
use domain::catalogue::Meter;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::value::Rates;

/// A version of a rate card on file.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RateCardVersion {
    /// Number of the version, ascending over the installation.
    pub version: u64,
    /// Offer durable id.
    pub offer: String,
    /// ISO 4217 currency.
    pub currency: String,
    /// Locale.
    pub locale: String,
    /// ISO 3166 country.
    pub region: String,
    /// When it was imported.
    pub imported_at: String,
    /// Object id of who imported it.
    pub imported_by: String,
    /// How many meters it has.
    pub meters: u64,
    /// Whether its prices hold in billing periods that were closed by then, too.
    pub reprice_closed: bool,
}

/// The versions of a rate card, the latest first.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct RateCardHistory {
    /// At most 100 versions.
    pub value: Vec<RateCardHistoryEntry>,
    /// Where there are earlier ones: what to ask for as `before`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub earlier: Option<u64>,
}

/// A version of a rate card, and how much it changed.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct RateCardHistoryEntry {
    /// The version.
    #[serde(flatten)]
    pub version: RateCardVersion,
    /// What it changed against the version before; absent for the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub changed: Option<RateCardCounts>,
}

/// How much changed from one version to another. A meter with another price and another name counts
/// as both.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RateCardCounts {
    /// Meters that only the later version has.
    pub added: usize,
    /// Meters that only the earlier version has. They keep their last price.
    pub removed: usize,
    /// Meters with other rates, included quantity or effective date.
    pub price_changed: usize,
    /// Meters that are described otherwise, tags included.
    pub renamed: usize,
    /// Offer terms that were added, removed or changed.
    pub terms_changed: usize,
}

impl From<DiffCounts> for RateCardCounts {
    fn from(counts: DiffCounts) -> Self {
        let DiffCounts { added, removed, price_changed, renamed, terms_changed } = counts;
        Self { added, removed, price_changed, renamed, terms_changed }
    }
}

/// What changed from one version to another, meters in order of id.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct RateCardDiff {
    /// The version that is compared against.
    pub from: RateCardVersion,
    /// The version whose changes these are.
    pub to: RateCardVersion,
    /// How much changed.
    pub counts: RateCardCounts,
    /// Meters that only `to` has.
    pub added: Vec<ListedMeter>,
    /// Meters that only `from` has, with their price on it. A meter that a newer card does not have
    /// keeps its last price.
    pub removed: Vec<ListedMeter>,
    /// Meters with another price.
    pub price_changed: Vec<PriceChange>,
    /// Meters that are described otherwise.
    pub renamed: Vec<Renaming>,
    /// Offer terms that are not the same.
    pub terms: Vec<TermChange>,
    /// Whether prices contain tax, where that changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub is_tax_included: Option<TaxChange>,
}

/// A meter with its price on a rate card.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ListedMeter {
    /// What it is.
    #[serde(flatten)]
    pub meter: MeterName,
    /// What it costs.
    pub price: MeterPrice,
}

/// A meter as a rate card calls it.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MeterName {
    /// Its GUID.
    pub meter_id: String,
    /// Its name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub meter_name: Option<String>,
    /// Its category.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub meter_category: Option<String>,
    /// Its subcategory.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub meter_sub_category: Option<String>,
    /// Its region.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub meter_region: Option<String>,
    /// Its unit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unit: Option<String>,
}

/// What a meter costs.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct MeterPrice {
    /// From when.
    pub effective_date: String,
    /// Quantity that is free in each billing period.
    pub included_quantity: String,
    /// Rates by lower bounds, in order of the bounds.
    #[schema(value_type = BTreeMap<String, String>)]
    pub rates: Rates,
}

/// A meter with another price.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PriceChange {
    /// As the later version calls it.
    #[serde(flatten)]
    pub meter: MeterName,
    /// What it cost.
    pub before: MeterPrice,
    /// What it costs.
    pub after: MeterPrice,
}

/// A meter that is described otherwise.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Renaming {
    /// The meter's GUID.
    pub meter_id: String,
    /// What changed.
    pub changes: Vec<PropertyChange>,
}

/// A text about a meter that changed.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PropertyChange {
    /// The rate card's name of it, such as `MeterName`; tags are one text.
    pub property: String,
    /// The text before; null if there was none.
    pub before: Option<String>,
    /// The text after; null if there is none.
    pub after: Option<String>,
}

/// An offer term that was added, removed or changed.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TermChange {
    /// `Monetary Credit`, `Monetary Commitment` or `Recurring Charge`.
    pub name: String,
    /// The term before; null if it was added.
    pub before: Option<OfferTerm>,
    /// The term after; null if it was removed.
    pub after: Option<OfferTerm>,
}

/// What an offer term says.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct OfferTerm {
    /// From when.
    pub effective_date: String,
    /// Of a credit: the amount in each billing period.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credit: Option<String>,
    /// Of a commitment: percent of discount by the least amount committed to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<BTreeMap<String, String>>)]
    pub tiered_discount: Option<Rates>,
    /// Of a recurring charge: the amount in each billing period.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recurring_charge: Option<String>,
    /// Meters that it does not apply to, in order of id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub excluded_meter_ids: Option<Vec<String>>,
}

/// Whether prices contain tax.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct TaxChange {
    /// Before.
    pub before: bool,
    /// After.
    pub after: bool,
}

impl RateCardDiff {
    /// The body for what changed from one version to another.
    #[must_use]
    pub fn new(from: RateCardVersion, to: RateCardVersion, diff: &CardDiff<'_>) -> Self {
        let (mut added, mut removed) = (vec![], vec![]);
        let (mut price_changed, mut renamed) = (vec![], vec![]);
        for diff in diff.meters.values() {
            match diff {
                MeterDiff::Added(meter) => added.push(ListedMeter::from(*meter)),
                MeterDiff::Removed(meter) => removed.push(ListedMeter::from(*meter)),
                MeterDiff::Changed(change) => {
                    price_changed.extend(change.is_price_changed().then(|| (*change).into()));
                    renamed.extend(Renaming::of(change));
                }
            }
        }
        Self {
            from,
            to,
            counts: diff.counts().into(),
            added,
            removed,
            price_changed,
            renamed,
            terms: diff.terms.iter().map(TermChange::from).collect(),
            is_tax_included: diff
                .is_tax_included
                .map(|(before, after)| TaxChange { before, after }),
        }
    }
}

impl From<&Meter> for ListedMeter {
    fn from(meter: &Meter) -> Self {
        Self { meter: meter.into(), price: meter.into() }
    }
}

impl From<&Meter> for MeterName {
    fn from(meter: &Meter) -> Self {
        let text = |text: &Option<std::sync::Arc<str>>| text.as_deref().map(str::to_owned);
        Self {
            meter_id: meter.id.to_string(),
            meter_name: text(&meter.description.name),
            meter_category: text(&meter.description.category),
            meter_sub_category: text(&meter.description.subcategory),
            meter_region: text(&meter.description.region),
            unit: text(&meter.description.unit),
        }
    }
}

impl From<&Meter> for MeterPrice {
    fn from(meter: &Meter) -> Self {
        Self {
            effective_date: meter.effective.to_string(),
            included_quantity: meter.included.to_string(),
            rates: (&meter.tiers).into(),
        }
    }
}

impl From<MeterChange<'_>> for PriceChange {
    fn from(change: MeterChange<'_>) -> Self {
        let MeterChange { before, after } = change;
        Self { meter: after.into(), before: before.into(), after: after.into() }
    }
}

impl Renaming {
    fn of(change: &MeterChange<'_>) -> Option<Self> {
        let changes = change.properties().into_iter().map(|change| PropertyChange {
            property: change.property.to_owned(),
            before: change.before.map(|text| text.to_string()),
            after: change.after.map(|text| text.to_string()),
        });
        let changes: Vec<_> = changes.collect();
        let meter_id = change.after.id.to_string();
        (!changes.is_empty()).then_some(Self { meter_id, changes })
    }
}

impl From<&TermDiff<'_>> for TermChange {
    fn from(diff: &TermDiff<'_>) -> Self {
        Self {
            name: diff.kind().to_string(),
            before: diff.before.map(OfferTerm::from),
            after: diff.after.map(OfferTerm::from),
        }
    }
}

impl From<&domain::catalogue::OfferTerm> for OfferTerm {
    fn from(term: &domain::catalogue::OfferTerm) -> Self {
        use domain::catalogue::OfferTerm as Term;
        let mut body = Self {
            effective_date: term.effective().to_string(),
            credit: None,
            tiered_discount: None,
            recurring_charge: None,
            excluded_meter_ids: None,
        };
        let ids = match term {
            Term::MonetaryCredit { credit, excluded, .. } => {
                body.credit = Some(credit.to_string());
                Some(excluded)
            }
            Term::MonetaryCommitment { tiered_discount, excluded, .. } => {
                let levels = tiered_discount.iter();
                let levels =
                    levels.map(|(level, percent)| (level.to_string(), percent.to_string()));
                body.tiered_discount = Some(Rates::new(levels));
                Some(excluded)
            }
            Term::RecurringCharge { charge, .. } => {
                body.recurring_charge = Some(charge.to_string());
                None
            }
        };
        body.excluded_meter_ids = ids.map(|ids| ids.iter().map(ToString::to_string).collect());
        body
    }
}
