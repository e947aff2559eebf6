//! Rows from texts.

use std::sync::Arc;

use domain::book::Unpriced;
use domain::decimal::{Money, Quantity, UnitPrice};
use domain::id::{Currency, MeterId, OfferId, SubscriptionId};
use domain::period::{AnchorDay, BillingPeriod};
use domain::record::{CanonicalJson, Instance, MeterDescription};
use domain::time::{Date, Month, UtcTime};
use focus::{Account, Charge, Commitment, Costs, Facts, FocusRow, Meter, Rating, Region, Usage};

pub(crate) const VM: &str =
    "/subscriptions/s/resourceGroups/rg1/providers/Microsoft.Compute/virtualMachines/vm1";

/// Facts of a charge in March 2026, in US dollars:
/// `tier FROM QUANTITY at LIST [for CONTRACTED]`, `included QUANTITY`, `unpriced QUANTITY`,
/// `committed QUANTITY at PRICE drawing AMOUNT`, or a term's name and `AMOUNT`.
pub(crate) fn facts(text: &str) -> Facts {
    let words: Vec<&str> = text.split(' ').collect();
    let number = |place: usize| words[place];
    let money = |place: usize| Money::parse(number(place)).unwrap();
    let price = |place: usize| UnitPrice::parse(number(place)).unwrap();
    let effective = Date::parse("2026-01-01").unwrap().start();
    let name = |name: &str| Arc::from(name);
    let charge = match words[0] {
        "tier" => {
            let from = Quantity::parse(number(1)).unwrap();
            let contracted = if words.len() > 5 { price(6) } else { price(4) };
            usage(number(2), Rating::Tier { from, list: price(4), contracted, effective })
        }
        "included" => usage(number(1), Rating::Included { effective }),
        "unpriced" => usage(number(1), Rating::Unpriced(Unpriced::NotOnRateCard)),
        "committed" => {
            let (list, contracted, drawn) = (price(3), price(3), money(5));
            let commitment = commitment();
            usage(number(1), Rating::Committed { list, contracted, effective, commitment, drawn })
        }
        "commitment" => Charge::CommitmentPurchase { commitment: commitment(), amount: money(1) },
        "unused" => Charge::CommitmentUnused { commitment: commitment(), amount: money(1) },
        "recurring" => Charge::Recurring { name: name("Recurring Charge"), amount: money(1) },
        "credit" => Charge::Credit { name: name("Monetary Credit"), amount: money(1) },
        "adjustment" => Charge::Adjustment { name: name("Rounding"), amount: money(1) },
        "tax" => Charge::Tax { name: name("VAT"), costs: Costs::all(money(1)) },
        other => panic!("no charge is called {other}"),
    };
    let month = Month::new(2026, 3).unwrap();
    Facts {
        account: Arc::new(account()),
        billing_period: BillingPeriod::starting_in(month, AnchorDay::FIRST),
        charge_period: time("2026-03-02T00")..time("2026-03-03T00"),
        is_correction: false,
        invoice_id: None,
        charge,
    }
}

pub(crate) fn row(text: &str) -> FocusRow {
    FocusRow::new(facts(text)).unwrap()
}

/// The row of usage that was changed in some way.
pub(crate) fn usage_row(text: &str, change: impl FnOnce(&mut Usage)) -> FocusRow {
    let mut facts = facts(text);
    let Charge::Usage(usage) = &mut facts.charge else { panic!("{text} is no usage") };
    change(usage);
    FocusRow::new(facts).unwrap()
}

pub(crate) fn meter() -> Meter {
    Meter {
        id: MeterId::parse("0a1b2c3d-0000-4000-8000-000000000001").unwrap(),
        description: MeterDescription {
            name: Some("Compute Hours".into()),
            category: Some("Virtual Machines".into()),
            subcategory: Some("D2 v3".into()),
            region: Some("US East".into()),
            unit: Some("Hours".into()),
        },
        publisher: None,
        is_third_party: false,
        is_credit_eligible: true,
    }
}

pub(crate) fn instance() -> Instance {
    Instance {
        resource_uri: Some(VM.into()),
        location: Some("eastus".into()),
        tags: [("env".into(), "prod".into())].into(),
        additional_info: Some(CanonicalJson(r#"{"ServiceType":"D2"}"#.into())),
        part_number: Some("P-1".into()),
        order_number: Some("O-1".into()),
        info_fields: None,
    }
}

/// Reads `2026-03-02T00`.
pub(crate) fn time(text: &str) -> UtcTime {
    let (date, hour) = text.split_once('T').unwrap();
    Date::parse(date).unwrap().start().plus_hours(hour.parse().unwrap())
}

fn usage(quantity: &str, rating: Rating) -> Charge {
    Charge::Usage(Usage {
        meter: Arc::new(meter()),
        instance: Arc::new(instance()),
        region: Some(Region { id: "eastus".into(), name: "East US".into() }),
        quantity: Quantity::parse(quantity).unwrap(),
        rating,
    })
}

fn commitment() -> Arc<Commitment> {
    Arc::new(Commitment { id: "commitment/1".into(), name: "Monetary Commitment".into() })
}

fn account() -> Account {
    Account {
        issuer: "Contoso Cloud".into(),
        billing_account_id: "tenant-1".into(),
        billing_account_name: "Fabrikam".into(),
        subscription: SubscriptionId::parse("7d4bb49c-32d1-4d2c-a5c2-93b2f9c3f1a4").unwrap(),
        subscription_name: "Production".into(),
        offer: OfferId::parse("MS-AZR-0062P").unwrap(),
        currency: Currency::parse("USD").unwrap(),
    }
}
