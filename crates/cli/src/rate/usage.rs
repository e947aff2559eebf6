//! Usage of the offline calculator: aggregates as JSON, or CSV, read row by row into billing
//! periods. Wrong rows are gathered, so that one run names them all, or the first of them.

use std::collections::BTreeMap;
use std::fmt;
use std::io::{self, BufRead, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use domain::decimal::Quantity;
use domain::id::{EventId, MeterId, Source, SubscriptionId};
use domain::period::{AnchorDay, BillingPeriod};
use domain::record::{
    Billed, Commit, Instance, MeterDescription, StoredRecord, UsageRecord, Window,
};
use domain::time::ReportedTime;
use domain::usage::Usage;
use wire::usage::{CsvColumns, Row, Rows, RowsError, parse_aggregate};

use crate::failure::Failure;
use crate::import::Input;
use crate::limits;
use crate::output::message;
use crate::progress::Progress;

/// Rows by subscription and billing period, in the order of both.
pub(super) type Periods = BTreeMap<(Option<SubscriptionId>, BillingPeriod), Vec<UsedRow>>;

/// A row, as far as it matters to what it costs: the resource does not.
pub(super) struct UsedRow {
    window: Window,
    meter: MeterId,
    quantity: Quantity,
}

/// Reads a file of usage; `-` is standard input.
///
/// # Errors
/// [`Failure::Input`] if it cannot be read, or with every wrong row, up to
/// [`limits::WRONG_ROWS_NAMED`].
pub(super) fn read(file: &Path, anchor: AnchorDay) -> Result<Periods, Failure> {
    let wrong = |reason: String| Failure::Input { file: file.display().to_string(), reason };
    let input = Input::open(file).map_err(|error| wrong(error.to_string()))?;
    let mut progress = Progress::of_bytes(input.bytes, "reading usage");
    let read = input.read;
    let each_row = || progress.at(read.load(Ordering::Relaxed));
    let rows =
        read_rows(input.reader, anchor, each_row).map_err(|error| wrong(error.to_string()))?;
    if rows.problems.count > 0 { Err(wrong(rows.problems.to_string())) } else { Ok(rows.periods) }
}

/// The usage of one period, as `rate` takes it. Rows are told apart by their place in the file.
pub(super) fn usage_of(
    period: BillingPeriod,
    subscription: Option<SubscriptionId>,
    rows: Vec<UsedRow>,
) -> Usage {
    let instance = Arc::<Instance>::default();
    let instance_hash = instance.hash();
    let source = Source::parse("rate").expect("four letters are a source");
    let event_id = EventId::parse("row").expect("three letters are an event id");
    let records = (1..).zip(rows).map(|(number, row)| StoredRecord {
        record: UsageRecord {
            subscription: subscription.unwrap_or(SubscriptionId::from_bits(0)),
            window: row.window,
            meter: row.meter,
            description: MeterDescription::default(),
            quantity: row.quantity,
            instance: Arc::clone(&instance),
            source: source.clone(),
            event_id: event_id.clone(),
            billed: Billed::default(),
            reverses: None,
        },
        instance_hash,
        reported: ReportedTime(row.window.end()),
        commit: Commit(number),
        erased: None,
    });
    Usage::from_records(period, records, &BTreeMap::new())
}

/// What is wrong with rows: the first faults in words, and how many there are.
#[derive(Default)]
struct Problems {
    named: Vec<String>,
    count: u64,
}

impl Problems {
    fn add(&mut self, problem: impl fmt::Display) {
        if self.named.len() < limits::WRONG_ROWS_NAMED {
            self.named.push(problem.to_string());
        }
        self.count += 1;
    }
}

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let ([only], 1) = (self.named.as_slice(), self.count) {
            return f.write_str(only);
        }
        write!(f, "{} faults, nothing was rated", self.count)?;
        self.named.iter().try_for_each(|problem| write!(f, "\n  {problem}"))?;
        match self.count - u64::try_from(self.named.len()).expect("a length fits 64 bits") {
            0 => Ok(()),
            more => write!(f, "\n  and {more} more"),
        }
    }
}

/// What was read so far.
struct ReadRows<F> {
    anchor: AnchorDay,
    periods: Periods,
    problems: Problems,
    /// Called after every row.
    each_row: F,
}

/// Reads all rows. `{` and `[` begin JSON, whatever else is CSV.
fn read_rows<F: FnMut()>(
    mut reader: impl BufRead,
    anchor: AnchorDay,
    each_row: F,
) -> io::Result<ReadRows<F>> {
    let mut start = Vec::new();
    let most = u64::try_from(limits::SNIFF_BYTES).expect("a limit fits");
    reader.by_ref().take(most).read_to_end(&mut start)?;
    let text = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&start);
    let is_json = matches!(text.trim_ascii_start().first(), Some(b'{' | b'[') | None);
    let reader = io::Cursor::new(start).chain(reader);
    let (periods, problems) = (Periods::new(), Problems::default());
    let mut rows = ReadRows { anchor, periods, problems, each_row };
    if is_json {
        rows.read_json(reader)?;
    } else {
        rows.read_csv(reader)?;
    }
    Ok(rows)
}

impl<F: FnMut()> ReadRows<F> {
    fn add(&mut self, subscription: Option<SubscriptionId>, row: UsedRow) {
        let period = BillingPeriod::containing(row.window.start(), self.anchor);
        self.periods.entry((subscription, period)).or_default().push(row);
    }

    fn read_json(&mut self, reader: impl BufRead) -> io::Result<()> {
        let mut rows = match Rows::new(reader) {
            Ok(rows) => rows,
            Err(error) => return self.stop_at(error),
        };
        for number in 1u64.. {
            let row = match rows.next() {
                Ok(None) => break,
                Ok(Some(Row::Unreadable(reason))) => Err(reason.to_owned()),
                Ok(Some(Row::Text(text))) => {
                    parse_aggregate(&text).map_err(|error| error.to_string())
                }
                Err(error) => return self.stop_at(error),
            };
            match row {
                Ok(row) => {
                    let (window, meter, quantity) = (row.window, row.meter, row.quantity);
                    self.add(Some(row.subscription), UsedRow { window, meter, quantity });
                }
                Err(reason) => self.problems.add(format_args!("row {number}: {reason}")),
            }
            (self.each_row)();
        }
        if rows.is_continued() {
            let missing =
                "the last page has a nextLink: without the pages after it the bill is too low";
            message(format!("warning: {missing}"));
        }
        Ok(())
    }

    /// Where the nesting is broken, what comes after has no rows.
    fn stop_at(&mut self, error: RowsError) -> io::Result<()> {
        match error {
            RowsError::Read(error) => Err(error),
            form @ RowsError::Form { .. } => {
                self.problems.add(form);
                Ok(())
            }
        }
    }

    fn read_csv(&mut self, mut reader: impl BufRead) -> io::Result<()> {
        let mut columns: Option<CsvColumns> = None;
        let mut line = Vec::new();
        for number in 1u64.. {
            let text = match next_line(&mut reader, &mut line)? {
                Line::End => break,
                Line::Text("") => continue,
                Line::Text(text) => Ok(text),
                Line::Unreadable(reason) => Err(reason.to_owned()),
            };
            let done = match &columns {
                None => text.and_then(|text| {
                    let read = CsvColumns::parse(text).map_err(|error| format!("header {error}"));
                    read.map(|read| columns = Some(read))
                }),
                Some(columns) => text.and_then(|text| {
                    let row = columns.row(text).map_err(|error| error.to_string())?;
                    let (window, meter, quantity) = (row.window, row.meter, row.quantity);
                    self.add(row.subscription, UsedRow { window, meter, quantity });
                    Ok(())
                }),
            };
            if let Err(reason) = done {
                self.problems.add(format_args!("line {number}: {reason}"));
            }
            if columns.is_none() {
                break; // without a header no row can be read
            }
            (self.each_row)();
        }
        Ok(())
    }
}

/// A line of a file.
enum Line<'a> {
    /// Its text without what surrounds it.
    Text(&'a str),
    /// It cannot be read as text, and why not.
    Unreadable(&'static str),
    /// There is none.
    End,
}

fn next_line<'a>(reader: &mut impl BufRead, line: &'a mut Vec<u8>) -> io::Result<Line<'a>> {
    line.clear();
    let most = u64::try_from(limits::ROW_BYTES).expect("a limit fits") + 1;
    if reader.by_ref().take(most).read_until(b'\n', line)? == 0 {
        return Ok(Line::End);
    }
    if line.len() > limits::ROW_BYTES {
        if !line.ends_with(b"\n") {
            reader.skip_until(b'\n')?;
        }
        return Ok(Line::Unreadable("the row is longer than 1 MiB"));
    }
    Ok(match std::str::from_utf8(line) {
        Ok(text) => Line::Text(text.trim()),
        Err(_) => Line::Unreadable("the row is not UTF-8"),
    })
}
