//! A bill with every kind of row: tiers, included quantity, a commitment, a credit, a recurring
//! charge, an adjustment, a tax, usage without a price, a correction; with and without a resource.

use std::error::Error;
use std::ops::Range;
use std::sync::Arc;

use domain::book::Unpriced;
use domain::decimal::{Money, Quantity, UnitPrice};
use domain::id::{Currency, MeterId, OfferId, SubscriptionId};
use domain::period::{AnchorDay, BillingPeriod};
use domain::record::{CanonicalJson, Instance, MeterDescription};
use domain::time::{Date, Month, UtcTime};
use focus::{Account, Charge, Commitment, Costs, Facts, FocusRow, Meter, Rating, Region, Usage};

type Result<T> = std::result::Result<T, Box<dyn Error>>;

/// The rows of March 2026.
pub(crate) fn sample() -> Result<Vec<FocusRow>> {
    let mut rows = usage_rows()?;
    rows.extend(commitment_rows()?);
    rows.extend(other_rows()?);
    Ok(rows)
}

fn usage_rows() -> Result<Vec<FocusRow>> {
    let machine = Arc::new(meter(1, ["Compute Hours", "Virtual Machines", "D2 v3", "Hours"])?);
    let storage = Arc::new(meter(2, ["Data Stored", "Storage", "Hot LRS", "1 GB/Month"])?);
    let requests = Arc::new(meter(3, ["Write Operations", "Storage", "Hot LRS", "10K"])?);
    let bandwidth = Arc::new(meter(4, ["Data Transfer Out", "Networking", "", "GB"])?);
    let cows = Arc::new(Meter {
        is_third_party: true,
        is_credit_eligible: false,
        ..meter(5, ["Milk", "Farm", "", "100 Litres/Day"])?
    });
    let vm =
        resource("Microsoft.Compute/virtualMachines/vm1", &[("env", "prod"), ("team", "a\"b")]);
    let account = resource("Microsoft.Storage/storageAccounts/logs", &[]);
    let none = Arc::new(Instance::default());
    let farm = resource("Contoso.Farm/farms/north/cows/berta", &[("owner", "")]);
    let days = [
        (1, &machine, &vm, "24", included()?),
        (2, &machine, &vm, "23.75", tier("0", "1.542000000000000299", "1.542000000000000299")?),
        (3, &machine, &vm, "24", tier("0", "1.542000000000000299", "1.3878000000000002691")?),
        (1, &storage, &account, "1024", tier("0", "0.0208", "0.0208")?),
        (1, &storage, &account, "176.33333333333333333333", tier("1024", "0.02", "0.02")?),
        (1, &requests, &account, "0.6025", tier("0", "0.000036", "0.000036")?),
        (5, &bandwidth, &none, "5", included()?),
        (5, &bandwidth, &none, "0.00000000000000000001", tier("0", "0.087", "0.087")?),
        (6, &bandwidth, &none, "-1.5", tier("0", "0.087", "0.087")?),
        (7, &cows, &farm, "2", Rating::Unpriced(Unpriced::NotOnRateCard)),
        (8, &cows, &none, "3.5", Rating::Unpriced(Unpriced::BeforeFirstPrice)),
    ];
    let mut rows = Vec::new();
    for (day, meter, instance, quantity, rating) in days {
        let usage = usage(meter, instance, quantity, rating)?;
        rows.push(row(day_of_march(day)?, Charge::Usage(usage))?);
    }
    Ok(rows)
}

fn commitment_rows() -> Result<Vec<FocusRow>> {
    let commitment = Arc::new(Commitment {
        id: "/subscriptions/7d4bb49c-32d1-4d2c-a5c2-93b2f9c3f1a4/monetaryCommitment".into(),
        name: "Monetary Commitment".into(),
    });
    let machine = Arc::new(meter(1, ["Compute Hours", "Virtual Machines", "D2 v3", "Hours"])?);
    let vm = resource("Microsoft.Compute/virtualMachines/vm2", &[]);
    let drawing = Rating::Committed {
        list: UnitPrice::parse("2")?,
        contracted: UnitPrice::parse("2")?,
        effective: day_of_march(1)?.start,
        commitment: Arc::clone(&commitment),
        drawn: Money::parse("60")?,
    };
    let usage = usage(&machine, &vm, "37.5", drawing)?; // 20 percent off
    let amount = Money::parse("100")?;
    let unused = Money::parse("40")?;
    let month = month_of_march()?;
    Ok(vec![
        row(day_of_march(10)?, Charge::Usage(usage))?,
        row(
            month.clone(),
            Charge::CommitmentPurchase { commitment: Arc::clone(&commitment), amount },
        )?,
        row(month, Charge::CommitmentUnused { commitment, amount: unused })?,
    ])
}

fn other_rows() -> Result<Vec<FocusRow>> {
    let month = month_of_march()?;
    let money = Money::parse;
    let tax = Costs {
        billed: money("28.5")?,
        list: money("24.7")?,
        contracted: money("24.7")?,
        effective: money("22.8")?,
    };
    let charges = [
        Charge::Recurring { name: "Recurring Charge".into(), amount: money("29.99")? },
        Charge::Credit { name: "Monetary Credit".into(), amount: money("12.5")? },
        Charge::Adjustment { name: "Rounding adjustment".into(), amount: money("-0.004")? },
        Charge::Tax { name: "VAT 19 %".into(), costs: tax },
    ];
    let mut rows =
        charges.into_iter().map(|it| row(month.clone(), it)).collect::<Result<Vec<_>>>()?;
    let of_january = Date::from_civil(2026, 1, 20)?;
    rows.push(FocusRow::new(Facts {
        charge_period: of_january.start()..of_january.plus_days(1).start(),
        is_correction: true,
        ..facts(
            month,
            Charge::Adjustment { name: "Late usage of January".into(), amount: money("0.31")? },
        )?
    })?);
    Ok(rows)
}

fn row(charge_period: Range<UtcTime>, charge: Charge) -> Result<FocusRow> {
    Ok(FocusRow::new(facts(charge_period, charge)?)?)
}

fn facts(charge_period: Range<UtcTime>, charge: Charge) -> Result<Facts> {
    Ok(Facts {
        account: Arc::new(Account {
            issuer: "Contoso Cloud".into(),
            billing_account_id: "b5b0a2a4-0f7c-4f5e-9f3f-0a4f0c9f6d11".into(),
            billing_account_name: "Fabrikam".into(),
            subscription: SubscriptionId::parse("7d4bb49c-32d1-4d2c-a5c2-93b2f9c3f1a4")?,
            subscription_name: "Fabrikam, production".into(),
            offer: OfferId::parse("MS-AZR-0062P")?,
            currency: Currency::parse("USD")?,
        }),
        billing_period: BillingPeriod::starting_in(Month::new(2026, 3)?, AnchorDay::FIRST),
        charge_period,
        is_correction: false,
        invoice_id: None,
        charge,
    })
}

fn usage(
    meter: &Arc<Meter>,
    instance: &Arc<Instance>,
    quantity: &str,
    rating: Rating,
) -> Result<Usage> {
    let east = Region { id: "eastus".into(), name: "East US".into() };
    Ok(Usage {
        meter: Arc::clone(meter),
        instance: Arc::clone(instance),
        region: instance.location.is_some().then_some(east),
        quantity: Quantity::parse(quantity)?,
        rating,
    })
}

fn meter(number: u8, [name, category, subcategory, unit]: [&str; 4]) -> Result<Meter> {
    Ok(Meter {
        id: MeterId::parse(&format!("0a1b2c3d-0000-4000-8000-{number:012}"))?,
        description: MeterDescription {
            name: Some(name.into()),
            category: Some(category.into()),
            subcategory: Some(subcategory.into()),
            region: Some("US East".into()),
            unit: Some(unit.into()),
        },
        publisher: None,
        is_third_party: false,
        is_credit_eligible: true,
    })
}

fn resource(path: &str, tags: &[(&str, &str)]) -> Arc<Instance> {
    let subscription = "/subscriptions/7d4bb49c-32d1-4d2c-a5c2-93b2f9c3f1a4";
    Arc::new(Instance {
        resource_uri: Some(format!("{subscription}/resourceGroups/rg1/providers/{path}").into()),
        location: Some("eastus".into()),
        tags: tags.iter().map(|(name, value)| ((*name).into(), (*value).into())).collect(),
        additional_info: Some(CanonicalJson(r#"{"ServiceType":"Standard_D2","vCores":2}"#.into())),
        ..Instance::default()
    })
}

fn included() -> Result<Rating> {
    Ok(Rating::Included { effective: day_of_march(1)?.start })
}

fn tier(from: &str, list: &str, contracted: &str) -> Result<Rating> {
    Ok(Rating::Tier {
        from: Quantity::parse(from)?,
        list: UnitPrice::parse(list)?,
        contracted: UnitPrice::parse(contracted)?,
        effective: UtcTime::MIN,
    })
}

fn day_of_march(day: u8) -> Result<Range<UtcTime>> {
    let day = Date::from_civil(2026, 3, day)?;
    Ok(day.start()..day.plus_days(1).start())
}

fn month_of_march() -> Result<Range<UtcTime>> {
    Ok(day_of_march(1)?.start..Date::from_civil(2026, 4, 1)?.start())
}
