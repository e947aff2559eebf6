//! Which rows of a data file may be wanted, by the least and greatest values of its pages: rows are
//! sorted, so those of one subscription lie in few pages.
//!
//! A page that states nothing is taken. Like every statistic these only save work: each row is looked
//! at all the same.

use std::iter;
use std::ops::Range;

use domain::time::UtcTime;
use parquet::arrow::arrow_reader::RowSelection;
use parquet::file::metadata::ParquetMetaData;
use parquet::file::page_index::column_index::ColumnIndexMetaData;
use parquet::file::page_index::offset_index::PageLocation;

use crate::scan::Selection;

/// The rows of these row groups, one group behind the other, that a selection may want.
pub(crate) fn wanted(
    metadata: &ParquetMetaData,
    groups: &[usize],
    selection: &Selection,
) -> RowSelection {
    let (mut ranges, mut before): (Vec<Range<usize>>, usize) = (Vec::new(), 0);
    for group in groups {
        let rows = usize::try_from(metadata.row_group(*group).num_rows());
        let rows = rows.expect("a row group has no more rows than fit in memory");
        let within = of_group(metadata, *group, rows, selection);
        ranges.extend(within.into_iter().map(|range| before + range.start..before + range.end));
        before += rows;
    }
    RowSelection::from_consecutive_ranges(ranges.into_iter(), before)
}

fn of_group(
    metadata: &ParquetMetaData,
    group: usize,
    rows: usize,
    selection: &Selection,
) -> Vec<Range<usize>> {
    let mut left: Vec<Range<usize>> = iter::once(0..rows).collect();
    let pages = |name: &str| Pages::of(metadata, group, rows, name);
    if let Some(((first, last), pages)) = selection.whose.bounds().zip(pages("subscription_id")) {
        let (first, last) = (first.to_string(), last.to_string());
        left = intersection(&left, &pages.that(|page| pages.may_have_text(page, &first, &last)));
    }
    let reported = selection.reported.as_ref().map(|range| range.start.0..range.end.0);
    let times = [("reported_time", reported), ("usage_start", selection.start.clone())];
    for (name, range) in times {
        if let Some((range, pages)) = range.zip(pages(name)) {
            left = intersection(&left, &pages.that(|page| pages.may_have_time(page, &range)));
        }
    }
    left
}

/// The pages of a column of a row group.
struct Pages<'a> {
    bounds: &'a ColumnIndexMetaData,
    places: &'a [PageLocation],
    rows: usize,
}

impl<'a> Pages<'a> {
    /// None where the file states nothing of them.
    fn of(metadata: &'a ParquetMetaData, group: usize, rows: usize, name: &str) -> Option<Self> {
        let columns = metadata.row_group(group).columns();
        let column = columns.iter().position(|it| it.column_descr().name() == name)?;
        let bounds = metadata.column_index()?.get(group)?.get(column)?;
        let places = metadata.offset_index()?.get(group)?.get(column)?.page_locations();
        let is_stated = bounds.num_pages() == places.len() as u64;
        is_stated.then_some(Self { bounds, places, rows })
    }

    /// The rows of the pages that pass, in order.
    fn that(&self, passes: impl Fn(usize) -> bool) -> Vec<Range<usize>> {
        let mut ranges: Vec<Range<usize>> = Vec::new();
        for page in (0..self.places.len()).filter(|page| passes(*page)) {
            let (start, end) = (self.first_row(page), self.first_row(page + 1));
            match ranges.last_mut().filter(|last| last.end == start) {
                Some(last) => last.end = end,
                None => ranges.push(start..end),
            }
        }
        ranges
    }

    fn first_row(&self, page: usize) -> usize {
        let place = self.places.get(page);
        let row = place.and_then(|place| usize::try_from(place.first_row_index).ok());
        row.map_or(self.rows, |row| row.min(self.rows))
    }

    /// Whether it may have a text from one to another, both included.
    fn may_have_text(&self, page: usize, first: &str, last: &str) -> bool {
        let ColumnIndexMetaData::BYTE_ARRAY(bounds) = self.bounds else { return true };
        // A long text's bound is cut, and still a bound.
        bounds.min_value(page).is_none_or(|low| low <= last.as_bytes())
            && bounds.max_value(page).is_none_or(|high| first.as_bytes() <= high)
    }

    fn may_have_time(&self, page: usize, wanted: &Range<UtcTime>) -> bool {
        let ColumnIndexMetaData::INT64(bounds) = self.bounds else { return true };
        bounds.min_value(page).is_none_or(|low| *low < wanted.end.to_micros())
            && bounds.max_value(page).is_none_or(|high| wanted.start.to_micros() <= *high)
    }
}

/// What two lists of ranges in ascending order have in common.
fn intersection(a: &[Range<usize>], b: &[Range<usize>]) -> Vec<Range<usize>> {
    let (mut a, mut b) = (a.iter().peekable(), b.iter().peekable());
    let mut common = Vec::new();
    while let (Some(first), Some(second)) = (a.peek(), b.peek()) {
        let both = first.start.max(second.start)..first.end.min(second.end);
        if first.end <= second.end {
            a.next();
        } else {
            b.next();
        }
        if !both.is_empty() {
            common.push(both);
        }
    }
    common
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_that_share_nothing_have_nothing_in_common() {
        let ranges = |bounds: &[(usize, usize)]| -> Vec<Range<usize>> {
            bounds.iter().map(|(start, end)| *start..*end).collect()
        };
        let cases: [[&[(usize, usize)]; 3]; 4] = [
            [&[(0, 9)], &[(2, 3), (5, 12)], &[(2, 3), (5, 9)]],
            [&[(0, 2), (4, 6)], &[(2, 4)], &[]],
            [&[], &[(0, 1)], &[]],
            [&[(0, 4), (6, 8)], &[(1, 7)], &[(1, 4), (6, 7)]],
        ];
        for [a, b, expected] in cases.map(|case| case.map(ranges)) {
            assert_eq!(intersection(&a, &b), expected, "{a:?}, {b:?}");
            assert_eq!(intersection(&b, &a), expected, "{b:?}, {a:?}");
        }
    }
}
