//! A range of usage starts cut into what rollups can answer, and the edges that they cannot.

use std::ops::Range;

use domain::time::UtcTime;

use crate::rollup::Grain;

/// A part of a range.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) range: Range<UtcTime>,
    /// The rollups that have sums of exactly this; none where only rows do.
    pub(crate) grain: Option<Grain>,
}

/// Cuts a range, which may be on any bounds, into whole steps of these grains, the coarsest first.
pub(crate) fn pieces(range: &Range<UtcTime>, grains: &[Grain]) -> Vec<Piece> {
    if range.is_empty() {
        return vec![];
    }
    let Some((grain, finer)) = grains.split_first() else {
        return vec![Piece { range: range.clone(), grain: None }];
    };
    let whole = whole(range, *grain);
    if whole.is_empty() {
        return pieces(range, finer);
    }
    let mut cut = pieces(&(range.start..whole.start), finer);
    let after = pieces(&(whole.end..range.end), finer);
    cut.push(Piece { range: whole, grain: Some(*grain) });
    cut.extend(after);
    cut
}

/// The steps that a range has from their start to their end; an empty range if it has none.
fn whole(range: &Range<UtcTime>, grain: Grain) -> Range<UtcTime> {
    let start_of = |time: UtcTime| match grain {
        Grain::Hour => time.hour_start(),
        Grain::Day | Grain::Instance => time.day_start(),
        Grain::Source => unreachable!("what sources reported is not by the time of use"),
    };
    let hours = if grain == Grain::Hour { 1 } else { 24 };
    let start = match start_of(range.start) {
        start if start == range.start => start,
        start => start.plus_hours(hours),
    };
    start..start_of(range.end)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Ranges in minutes from a midnight on; pieces as `from-to` with `d`, `h` or `r` for rows.
    fn check(range: Range<i64>, grains: &[Grain], expected: &str) {
        let at = |minutes: i64| UtcTime::from_micros(minutes * 60_000_000).unwrap();
        let shown = |Piece { range, grain }: &Piece| {
            let grain = grain.map_or("r", |grain| if grain == Grain::Hour { "h" } else { "d" });
            let minutes = |time: UtcTime| time.to_micros() / 60_000_000;
            format!("{}-{}{grain}", minutes(range.start), minutes(range.end))
        };
        let cut = pieces(&(at(range.start)..at(range.end)), grains);
        let cut: Vec<_> = cut.iter().map(shown).collect();
        assert_eq!(cut.join(" "), expected, "{range:?}");
    }

    #[test]
    fn a_range_is_cut_into_whole_steps_and_edges() {
        const HOURS: &[Grain] = &[Grain::Hour];
        const BOTH: &[Grain] = &[Grain::Day, Grain::Hour];
        const DAY: i64 = 24 * 60;
        check(0..0, BOTH, "");
        check(0..DAY, BOTH, "0-1440d");
        check(0..DAY, HOURS, "0-1440h");
        check(-30..3 * DAY + 90, BOTH, "-30-0r 0-4320d 4320-4380h 4380-4410r");
        check(30..DAY - 1, BOTH, "30-60r 60-1380h 1380-1439r");
        check(10..20, BOTH, "10-20r");
        check(59..61, HOURS, "59-61r");
        check(60..120, BOTH, "60-120h");
        check(60..2 * DAY + 60, &[Grain::Instance], "60-1440r 1440-2880d 2880-2940r");
    }
}
