//! Which of some sorted pieces to join, so that there are few of them and each entry is seldom written
//! again: segments of the index, and data files of a day.

/// How many pieces at the end are to be joined, given the entries of each; none if they would be fewer
/// than `least`, which is two or more.
///
/// As many as hold half again what the largest of them holds: whatever is joined is then in a piece that
/// is half again as large, so an entry is written again about as often as the logarithm of their number.
/// And what is left is few: a piece that is the largest from its place on holds more than twice what is
/// behind it, but for the few that wait to be joined together.
pub(crate) fn due(entries: &[u64], least: usize) -> Option<usize> {
    let (mut sum, mut largest, mut due) = (0, 0, None);
    for (before, entries) in entries.iter().rev().enumerate() {
        (sum, largest) = (sum + entries, largest.max(*entries));
        if before + 1 >= least && sum - largest >= largest / 2 {
            due = Some(before + 1);
        }
    }
    due
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Adds pieces of these sizes one by one and joins as is due; sizes at the end, and how often an
    /// entry was written.
    fn run(sizes: impl Iterator<Item = u64>, least: usize) -> (Vec<u64>, u64) {
        let (mut pieces, mut written): (Vec<u64>, u64) = (vec![], 0);
        for size in sizes {
            pieces.push(size);
            written += size;
            if let Some(count) = due(&pieces, least) {
                let joined = pieces.drain(pieces.len() - count..).sum();
                pieces.push(joined);
                written += joined;
            }
        }
        (pieces, written)
    }

    #[test]
    fn pieces_stay_few_and_are_seldom_written_again() {
        for least in [2, 4] {
            let (pieces, written) = run((0..1_000).map(|_| 100_000), least);
            assert!(pieces.len() <= 12, "{pieces:?}");
            assert!(written <= 12 * 100_000_000, "{written}");
            assert_eq!(pieces.iter().sum::<u64>(), 100_000_000);
            let (pieces, _) = run((0..3_000).map(|number| number * 7_919 % 10_007), least);
            assert!(pieces.len() <= 16, "{pieces:?}");
        }
    }

    #[test]
    fn a_large_piece_is_left_alone() {
        assert_eq!(due(&[], 4), None);
        assert_eq!(due(&[5], 2), None);
        assert_eq!(due(&[1_000, 5, 5, 5], 4), None);
        assert_eq!(due(&[1_000, 5, 5, 5], 2), Some(3));
        assert_eq!(due(&[1_000, 5, 5, 5, 5], 4), Some(4));
        assert_eq!(due(&[20, 5, 5, 5, 5], 4), Some(5));
        assert_eq!(due(&[5, 1_000, 5], 2), None);
    }

    #[test]
    fn a_small_piece_at_the_end_holds_up_nothing() {
        assert_eq!(due(&[310, 300, 280, 70, 1], 2), Some(5));
        assert_eq!(due(&[1_000, 70, 60, 1], 2), Some(3));
        assert_eq!(due(&[1_000, 70, 60, 1], 4), None);
        // In whatever order they come, few are left.
        for seed in 1..50_u64 {
            let sizes = (0..400).map(|number: u64| 1 + (number * seed * 7_919) % 99_991);
            let (pieces, written) = run(sizes.clone(), 2);
            assert!(pieces.len() <= 18, "{pieces:?}");
            assert!(written <= 20 * sizes.sum::<u64>(), "{written}");
        }
    }
}
