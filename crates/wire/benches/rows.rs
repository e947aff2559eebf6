//! How long a row of an import takes on its way from bytes to a named record, in microseconds of one
//! core: `cargo bench -p wire --bench rows`.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a program for developers")]

use std::fmt::Write as _;
use std::hint::black_box;
use std::time::Instant;

use domain::id::Source;
use wire::usage::{RowReader, Rows, parse_aggregate};

const ROWS: u64 = 100_000;
const RUNS: usize = 7;

fn main() {
    let lines: String = (0..ROWS).map(|number| row(number) + "\n").collect();
    let document = format!("{{\"value\":[{}]}}", lines.trim_end().replace('\n', ","));
    let source = Source::parse("bench").unwrap();
    println!("{} bytes a row", lines.len() as u64 / ROWS);
    measure("lines, split", || split(&lines));
    measure("document, split", || split(&document));
    measure("read by itself", || {
        lines.lines().map(|row| usize::from(parse_aggregate(row).is_ok())).sum()
    });
    let mut reader = RowReader::new(&source);
    measure("read by a reader, with its hash", || {
        lines.lines().map(|row| usize::from(reader.read(row).is_ok())).sum()
    });
    let rows: Vec<_> = lines.lines().map(|row| reader.read(row).unwrap()).collect();
    measure("content hash", || {
        rows.iter().map(|row| usize::from(row.record.record().content_hash().to_bytes()[0])).sum()
    });
    measure("named, with its identity", || {
        let named = rows.iter().map(|row| row.record.clone().as_row_of(row.bucket, 1).id());
        named.map(|id| usize::from(id.to_bytes()[0])).sum()
    });
}

fn split(text: &str) -> usize {
    let (mut rows, mut out, mut count) = (Rows::new(text.as_bytes()).unwrap(), Vec::new(), 0);
    while rows.next_into(&mut out).unwrap().is_some() {
        count += 1;
        if out.len() > 4 << 20 {
            out.clear();
        }
    }
    count
}

/// Prints the median time of a row.
fn measure(name: &str, mut run: impl FnMut() -> usize) {
    let mut times: Vec<_> = (0..RUNS)
        .map(|_| {
            let begun = Instant::now();
            black_box(run());
            begun.elapsed().as_nanos() / u128::from(ROWS)
        })
        .collect();
    times.sort_unstable();
    println!("{name}: {} ns a row, least {}", times[RUNS / 2], times[0]);
}

/// Twenty subscriptions of five hundred resources each, as they come hour by hour.
fn row(number: u64) -> String {
    let scattered = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 20;
    let (owner, resource, hour) = (scattered % 20, scattered / 20 % 500, number / 2_000);
    let meter = (resource + scattered % 3) % 40;
    let id = format!("be9c4000-0000-4000-8000-{owner:012}");
    let name = format!("Hourly_BRSDT_202603{:02}_{:02}00", 1 + hour / 24, hour % 24);
    let start = format!("2026-03-{:02}T{:02}:00:00+00:00", 1 + hour / 24, hour % 24);
    let end = format!("2026-03-{:02}T{:02}:00:00+00:00", 1 + (hour + 1) / 24, (hour + 1) % 24);
    let uri = format!(
        "/subscriptions/{id}/resourceGroups/rg-{}/providers/Microsoft.Compute/virtualMachines/vm-{resource:04}",
        resource % 25
    );
    let tags = format!(
        r#"{{\"environment\":\"env-{}\",\"cost-center\":\"cc-{:05}\",\"owner\":\"team-{:02}\",\"application\":\"app-{:03}\",\"schedule\":\"office-hours\"}}"#,
        resource % 4,
        resource % 90,
        resource % 20,
        resource % 120,
    );
    let mut row = String::new();
    write!(
        row,
        r#"{{"id":"/subscriptions/{id}/providers/Microsoft.Commerce/UsageAggregates/{name}","name":"{name}","type":"Microsoft.Commerce/UsageAggregate","properties":{{"subscriptionId":"{id}","usageStartTime":"{start}","usageEndTime":"{end}","meterName":"Meter {meter}","meterCategory":"Category {}","unit":"Hours","meterId":"3e7e4000-0000-4000-8000-{meter:012}","infoFields":{{}},"instanceData":"{{\"Microsoft.Resources\":{{\"resourceUri\":\"{uri}\",\"location\":\"eastus\",\"tags\":{tags}}}}}","quantity":{}.{:08}}}}}"#,
        meter % 7,
        scattered % 19,
        scattered % 100_000_000,
    )
    .unwrap();
    row
}
