//! Which of some sorted pieces to join, so that there are few of them and each entry is seldom written
//! again: segments of the index, and data files of a day.

/// How many pieces at the end are to be joined, given the entries of each; none if they would be fewer
/// than `least`, which is two or more.
///
/// A piece is joined once those behind it hold half of what it holds: so sizes at least double from
/// each one to the one before, but for the few that wait to be joined together, and an entry is written
/// again about as often as the logarithm of their number.
pub(crate) fn due(entries: &[u64], least: usize) -> Option<usize> {
    let (mut count, mut behind) = (1, *entries.last()?);
    for before in entries[..entries.len() - 1].iter().rev() {
        if *before / 2 > behind {
            break;
        }
        behind += before;
        count += 1;
    }
    (count >= least).then_some(count)
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
    }
}
