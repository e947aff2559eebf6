//! What each kind of charge has in its columns.

use std::sync::Arc;

use domain::record::{CanonicalJson, Instance};
use expect_test::{Expect, expect};
use focus::FocusRow;

use crate::read::{through_csv, through_parquet};
use crate::support::{facts, instance, meter, row, time, usage_row};

/// Columns that say what a charge costs.
const COSTS: &str = "BilledCost EffectiveCost ListCost ListUnitPrice ContractedCost \
                     ContractedUnitPrice PricingQuantity PricingUnit ConsumedQuantity";

/// Columns that say what it is.
const KIND: &str = "ChargeCategory ChargeClass ChargeDescription ChargeFrequency PricingCategory \
                    SkuId SkuMeter SkuPriceId x_SkuTier";

const COMMITMENT: &str = "ChargeCategory BilledCost EffectiveCost ListCost PricingCategory \
                          CommitmentDiscountCategory CommitmentDiscountId \
                          CommitmentDiscountQuantity CommitmentDiscountStatus \
                          CommitmentDiscountUnit ConsumedQuantity ResourceId ResourceType";

fn check(row: &FocusRow, columns: &str, expected: Expect) {
    let rows = std::slice::from_ref(row);
    let (csv, parquet) = (through_csv(rows), through_parquet(rows));
    assert_eq!(csv, parquet, "the two files differ");
    let value = |name| csv[0].get(name).map_or("-", String::as_str);
    let lines = columns.split_whitespace().map(|name| format!("{name}: {}\n", value(name)));
    expected.assert_eq(&lines.collect::<String>());
}

#[test]
fn usage_of_a_tier_costs_price_times_quantity() {
    check(
        &row("tier 1024 176.5 at 0.02 for 0.018"),
        COSTS,
        expect![[r#"
        BilledCost: 3.177
        EffectiveCost: 3.177
        ListCost: 3.53
        ListUnitPrice: 0.02
        ContractedCost: 3.177
        ContractedUnitPrice: 0.018
        PricingQuantity: 176.5
        PricingUnit: Hours
        ConsumedQuantity: 176.5
    "#]],
    );
    check(
        &row("tier 1024 176.5 at 0.02 for 0.018"),
        KIND,
        expect![[r#"
        ChargeCategory: Usage
        ChargeClass: -
        ChargeDescription: Compute Hours: from 1024
        ChargeFrequency: Usage-Based
        PricingCategory: Standard
        SkuId: 0a1b2c3d-0000-4000-8000-000000000001
        SkuMeter: Compute Hours
        SkuPriceId: 0a1b2c3d-0000-4000-8000-000000000001/MS-AZR-0062P/1024
        x_SkuTier: 1024
    "#]],
    );
}

#[test]
fn included_usage_is_free() {
    check(
        &row("included 24"),
        COSTS,
        expect![[r#"
        BilledCost: 0.0
        EffectiveCost: 0.0
        ListCost: 0.0
        ListUnitPrice: 0.0
        ContractedCost: 0.0
        ContractedUnitPrice: 0.0
        PricingQuantity: 24.0
        PricingUnit: Hours
        ConsumedQuantity: 24.0
    "#]],
    );
    check(
        &row("included 24"),
        KIND,
        expect![[r#"
        ChargeCategory: Usage
        ChargeClass: -
        ChargeDescription: Compute Hours: included
        ChargeFrequency: Usage-Based
        PricingCategory: Standard
        SkuId: 0a1b2c3d-0000-4000-8000-000000000001
        SkuMeter: Compute Hours
        SkuPriceId: 0a1b2c3d-0000-4000-8000-000000000001/MS-AZR-0062P/included
        x_SkuTier: included
    "#]],
    );
}

#[test]
fn usage_taken_back_is_below_zero() {
    check(
        &row("tier 0 -1.5 at 0.1"),
        COSTS,
        expect![[r#"
        BilledCost: -0.15
        EffectiveCost: -0.15
        ListCost: -0.15
        ListUnitPrice: 0.1
        ContractedCost: -0.15
        ContractedUnitPrice: 0.1
        PricingQuantity: -1.5
        PricingUnit: Hours
        ConsumedQuantity: -1.5
    "#]],
    );
}

#[test]
fn usage_without_a_price_says_why() {
    check(
        &row("unpriced 2"),
        COSTS,
        expect![[r#"
        BilledCost: 0.0
        EffectiveCost: 0.0
        ListCost: 0.0
        ListUnitPrice: 0.0
        ContractedCost: 0.0
        ContractedUnitPrice: 0.0
        PricingQuantity: 2.0
        PricingUnit: Hours
        ConsumedQuantity: 2.0
    "#]],
    );
    check(
        &row("unpriced 2"),
        &format!("{KIND} x_UnpricedReason"),
        expect![[r#"
        ChargeCategory: Usage
        ChargeClass: -
        ChargeDescription: Compute Hours: no price, not on rate card
        ChargeFrequency: Usage-Based
        PricingCategory: Other
        SkuId: 0a1b2c3d-0000-4000-8000-000000000001
        SkuMeter: Compute Hours
        SkuPriceId: 0a1b2c3d-0000-4000-8000-000000000001/MS-AZR-0062P/unpriced
        x_SkuTier: -
        x_UnpricedReason: not on rate card
    "#]],
    );
}

#[test]
fn a_commitment_is_billed_once_and_spread_over_what_draws_from_it() {
    check(
        &row("commitment 100"),
        COMMITMENT,
        expect![[r#"
        ChargeCategory: Purchase
        BilledCost: 100.0
        EffectiveCost: 0.0
        ListCost: 100.0
        PricingCategory: Standard
        CommitmentDiscountCategory: Spend
        CommitmentDiscountId: commitment/1
        CommitmentDiscountQuantity: 100.0
        CommitmentDiscountStatus: -
        CommitmentDiscountUnit: USD
        ConsumedQuantity: -
        ResourceId: commitment/1
        ResourceType: Monetary Commitment
    "#]],
    );
    check(
        &row("committed 37.5 at 2 drawing 60"),
        COMMITMENT,
        expect![[r#"
        ChargeCategory: Usage
        BilledCost: 0.0
        EffectiveCost: 60.0
        ListCost: 75.0
        PricingCategory: Committed
        CommitmentDiscountCategory: Spend
        CommitmentDiscountId: commitment/1
        CommitmentDiscountQuantity: 60.0
        CommitmentDiscountStatus: Used
        CommitmentDiscountUnit: USD
        ConsumedQuantity: 37.5
        ResourceId: /subscriptions/s/resourceGroups/rg1/providers/Microsoft.Compute/virtualMachines/vm1
        ResourceType: Virtual machine
    "#]],
    );
    check(
        &row("unused 40"),
        COMMITMENT,
        expect![[r#"
        ChargeCategory: Usage
        BilledCost: 0.0
        EffectiveCost: 40.0
        ListCost: 0.0
        PricingCategory: Committed
        CommitmentDiscountCategory: Spend
        CommitmentDiscountId: commitment/1
        CommitmentDiscountQuantity: 40.0
        CommitmentDiscountStatus: Unused
        CommitmentDiscountUnit: USD
        ConsumedQuantity: -
        ResourceId: commitment/1
        ResourceType: Monetary Commitment
    "#]],
    );
}

#[test]
fn a_recurring_charge_is_a_purchase() {
    check(
        &row("recurring 29.99"),
        COSTS,
        expect![[r#"
        BilledCost: 29.99
        EffectiveCost: 0.0
        ListCost: 29.99
        ListUnitPrice: 29.99
        ContractedCost: 29.99
        ContractedUnitPrice: 29.99
        PricingQuantity: 1.0
        PricingUnit: Units
        ConsumedQuantity: -
    "#]],
    );
    check(
        &row("recurring 29.99"),
        KIND,
        expect![[r#"
        ChargeCategory: Purchase
        ChargeClass: -
        ChargeDescription: Recurring Charge
        ChargeFrequency: Recurring
        PricingCategory: Standard
        SkuId: MS-AZR-0062P/Recurring Charge
        SkuMeter: Recurring Charge
        SkuPriceId: MS-AZR-0062P/Recurring Charge
        x_SkuTier: -
    "#]],
    );
}

#[test]
fn a_credit_is_below_zero_and_has_no_price() {
    check(
        &row("credit 12.5"),
        COSTS,
        expect![[r#"
        BilledCost: -12.5
        EffectiveCost: -12.5
        ListCost: -12.5
        ListUnitPrice: -
        ContractedCost: -12.5
        ContractedUnitPrice: -
        PricingQuantity: -
        PricingUnit: -
        ConsumedQuantity: -
    "#]],
    );
    check(
        &row("credit 12.5"),
        KIND,
        expect![[r#"
        ChargeCategory: Credit
        ChargeClass: -
        ChargeDescription: Monetary Credit
        ChargeFrequency: Recurring
        PricingCategory: -
        SkuId: -
        SkuMeter: -
        SkuPriceId: -
        x_SkuTier: -
    "#]],
    );
}

#[test]
fn adjustments_and_taxes_stand_alone() {
    let columns = "ChargeCategory ChargeDescription BilledCost ListUnitPrice SkuId ServiceName";
    check(
        &row("adjustment -0.004"),
        columns,
        expect![[r#"
        ChargeCategory: Adjustment
        ChargeDescription: Rounding
        BilledCost: -0.004
        ListUnitPrice: -
        SkuId: -
        ServiceName: Billing
    "#]],
    );
    check(
        &row("tax 1.9"),
        columns,
        expect![[r#"
        ChargeCategory: Tax
        ChargeDescription: VAT
        BilledCost: 1.9
        ListUnitPrice: -
        SkuId: -
        ServiceName: Billing
    "#]],
    );
}

#[test]
fn a_correction_may_be_of_another_period() {
    let mut correction = facts("tier 0 1 at 0.1");
    correction.is_correction = true;
    correction.invoice_id = Some("F-7".into());
    correction.charge_period = time("2026-01-20T00")..time("2026-01-20T01");
    let columns = "ChargeClass ChargePeriodStart ChargePeriodEnd BillingPeriodStart \
                   BillingPeriodEnd InvoiceId";
    check(
        &FocusRow::new(correction).unwrap(),
        columns,
        expect![[r#"
        ChargeClass: Correction
        ChargePeriodStart: 2026-01-20T00:00:00Z
        ChargePeriodEnd: 2026-01-20T01:00:00Z
        BillingPeriodStart: 2026-03-01T00:00:00Z
        BillingPeriodEnd: 2026-04-01T00:00:00Z
        InvoiceId: F-7
    "#]],
    );
}

#[test]
fn a_resource_has_its_names() {
    let columns = "ResourceId ResourceName ResourceType RegionId RegionName ServiceCategory \
                   ServiceName ServiceSubcategory SkuPriceDetails Tags x_ResourceGroupName \
                   x_SkuOrderId x_SkuPartNumber x_SkuRegion x_EffectivePeriodStart";
    check(
        &row("tier 0 1 at 0.1"),
        columns,
        expect![[r#"
        ResourceId: /subscriptions/s/resourceGroups/rg1/providers/Microsoft.Compute/virtualMachines/vm1
        ResourceName: vm1
        ResourceType: Virtual machine
        RegionId: eastus
        RegionName: East US
        ServiceCategory: Compute
        ServiceName: Virtual Machines
        ServiceSubcategory: Virtual Machines
        SkuPriceDetails: {"x_ServiceType":"D2"}
        Tags: {"env":"prod"}
        x_ResourceGroupName: rg1
        x_SkuOrderId: O-1
        x_SkuPartNumber: P-1
        x_SkuRegion: US East
        x_EffectivePeriodStart: 2026-01-01T00:00:00Z
    "#]],
    );
    let without = usage_row("tier 0 1 at 0.1", |usage| {
        usage.instance = Arc::new(Instance::default());
        usage.region = None;
    });
    check(
        &without,
        columns,
        expect![[r#"
        ResourceId: -
        ResourceName: -
        ResourceType: -
        RegionId: -
        RegionName: -
        ServiceCategory: Compute
        ServiceName: Virtual Machines
        ServiceSubcategory: Virtual Machines
        SkuPriceDetails: -
        Tags: -
        x_ResourceGroupName: -
        x_SkuOrderId: -
        x_SkuPartNumber: -
        x_SkuRegion: US East
        x_EffectivePeriodStart: 2026-01-01T00:00:00Z
    "#]],
    );
    let elsewhere = usage_row("tier 0 1 at 0.1", |usage| {
        usage.instance = Arc::new(Instance { resource_uri: Some("farm 7".into()), ..instance() });
    });
    check(
        &elsewhere,
        "ResourceId ResourceName ResourceType ServiceName",
        expect![[r#"
        ResourceId: farm 7
        ResourceName: -
        ResourceType: Unknown
        ServiceName: Virtual Machines
    "#]],
    );
}

#[test]
fn who_bills_whom_is_in_every_row() {
    let columns = "BillingAccountId BillingAccountName BillingAccountType BillingCurrency \
                   InvoiceIssuerName PricingCurrency ProviderName PublisherName SubAccountId \
                   SubAccountName SubAccountType x_SkuOfferId";
    check(
        &row("credit 1"),
        columns,
        expect![[r#"
        BillingAccountId: tenant-1
        BillingAccountName: Fabrikam
        BillingAccountType: Tenant
        BillingCurrency: USD
        InvoiceIssuerName: Contoso Cloud
        PricingCurrency: USD
        ProviderName: Contoso Cloud
        PublisherName: Contoso Cloud
        SubAccountId: 7d4bb49c-32d1-4d2c-a5c2-93b2f9c3f1a4
        SubAccountName: Production
        SubAccountType: Subscription
        x_SkuOfferId: MS-AZR-0062P
    "#]],
    );
}

#[test]
fn what_others_sell_says_so() {
    let columns = "PublisherName x_PublisherCategory x_SkuIsCreditEligible";
    for (publisher, expected) in [
        (
            None,
            expect![[r#"
        PublisherName: Third Party
        x_PublisherCategory: Third Party
        x_SkuIsCreditEligible: false
    "#]],
        ),
        (
            Some("Acme"),
            expect![[r#"
        PublisherName: Acme
        x_PublisherCategory: Third Party
        x_SkuIsCreditEligible: false
    "#]],
        ),
    ] {
        let row = usage_row("tier 0 1 at 0.1", |usage| {
            let mut meter = meter();
            meter.publisher = publisher.map(Arc::from);
            meter.is_third_party = true;
            meter.is_credit_eligible = false;
            usage.meter = Arc::new(meter);
        });
        check(&row, columns, expected);
    }
}

#[test]
fn units_are_written_as_focus_writes_them() {
    for (unit, expected) in [
        ("Hours", "Hours, block 1.0"),
        ("10K", "10000 Units, block 10000.0"),
        ("1 GB/Month", "GB/Month, block 1.0"),
        ("100 GB/Month", "100 GB per Month, block 100.0"),
        ("1m", "1m, block -"),
        (" ", "Units, block -"),
    ] {
        let row = usage_row("tier 0 1 at 0.1", |usage| {
            let mut meter = meter();
            meter.description.unit = Some(unit.into());
            usage.meter = Arc::new(meter);
        });
        let read = through_csv(&[row]).remove(0);
        let block = read.get("x_PricingBlockSize").map_or("-", String::as_str);
        assert_eq!(read["PricingUnit"], read["ConsumedUnit"], "{unit}");
        assert_eq!(format!("{}, block {block}", read["PricingUnit"]), expected, "{unit}");
    }
}

#[test]
fn texts_of_all_kinds_come_through() {
    let texts = ["a,b", "\"", "line\nline\r", "ü€", "=1+1", "back\\slash"];
    for text in texts {
        let row = usage_row("tier 0 1 at 0.1", |usage| {
            let info = CanonicalJson("{\"a\":\"\\\"\"}".into());
            let tags = [(Arc::from(text), Arc::from(text))].into();
            usage.instance = Arc::new(Instance { tags, additional_info: Some(info), ..instance() });
            let mut meter = meter();
            meter.description.name = Some(text.into());
            usage.meter = Arc::new(meter);
        });
        let rows = [row];
        let csv = through_csv(&rows);
        assert_eq!(csv, through_parquet(&rows));
        assert_eq!(csv[0]["SkuMeter"], text);
        assert_eq!(csv[0]["SkuPriceDetails"], "{\"x_a\":\"\\\"\"}");
    }
}
