//! Files as a whole.

use std::io::{Read as _, Seek as _};

use expect_test::expect;
use focus::column_names;

use crate::read::{csv_text, parquet_file, through_csv, through_parquet};
use crate::support::row;

#[test]
fn a_row_is_a_line_of_csv() {
    let text = csv_text(&[row("tier 0 1.50 at 0.1")]);
    expect![[r#"
        ,0.15,tenant-1,Fabrikam,Tenant,USD,2026-04-01T00:00:00Z,2026-03-01T00:00:00Z,,,Usage,,Compute Hours,Usage-Based,2026-03-03T00:00:00Z,2026-03-02T00:00:00Z,,,,,,,,1.5,Hours,0.15,0.1,0.15,,Contoso Cloud,0.15,0.1,Standard,USD,0.1,0.15,0.1,1.5,Hours,Contoso Cloud,Contoso Cloud,eastus,East US,/subscriptions/s/resourceGroups/rg1/providers/Microsoft.Compute/virtualMachines/vm1,vm1,Virtual machine,Compute,Virtual Machines,Virtual Machines,0a1b2c3d-0000-4000-8000-000000000001,Compute Hours,"{""x_ServiceType"":""D2""}",0a1b2c3d-0000-4000-8000-000000000001/MS-AZR-0062P/0,7d4bb49c-32d1-4d2c-a5c2-93b2f9c3f1a4,Production,Subscription,"{""env"":""prod""}",2026-01-01T00:00:00Z,1.0,Hours,,rg1,true,Virtual Machines,0a1b2c3d-0000-4000-8000-000000000001,D2 v3,MS-AZR-0062P,O-1,P-1,US East,0,
    "#]].assert_eq(text.split_once('\n').unwrap().1);
}

#[test]
fn no_rows_are_a_line_of_names() {
    let names: Vec<&str> = column_names().collect();
    assert_eq!(csv_text(&[]), format!("{}\n", names.join(",")));
    assert!(through_parquet(&[]).is_empty());
}

#[test]
fn the_same_rows_are_the_same_bytes() {
    let rows = [row("tier 0 1.5 at 0.1"), row("credit 12.5"), row("unused 40")];
    assert_eq!(csv_text(&rows), csv_text(&rows));
    let bytes = || {
        let mut file = parquet_file(&rows);
        let mut bytes = Vec::new();
        file.rewind().unwrap();
        file.read_to_end(&mut bytes).unwrap();
        bytes
    };
    assert_eq!(bytes(), bytes());
}

#[test]
fn many_rows_come_through_in_order() {
    let rows: Vec<_> = (0..10_000).map(|n| row(&format!("tier 0 {n} at 0.1"))).collect();
    let (csv, parquet) = (through_csv(&rows), through_parquet(&rows));
    assert_eq!(csv.len(), rows.len());
    assert!(csv == parquet, "the two files differ");
    assert_eq!(csv[9_999]["ConsumedQuantity"], "9999.0");
}
