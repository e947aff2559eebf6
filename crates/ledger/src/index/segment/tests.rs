//! Segments on disk: what is found, and what is noticed of damage.

use std::fs;

use proptest::prelude::*;

use super::*;

const JOURNAL: JournalId = JournalId([7; 16]);
const RANGE: Range = Range { first: Commit(1), last: Commit(9) };

fn entry(id: u128) -> Entry {
    let content = ContentHash::from_bytes((id ^ 0xff).to_be_bytes());
    let commit = Commit(u64::try_from(id % 9).unwrap() + 1);
    Entry { id: RecordId::from_bytes(id.to_be_bytes()), known: Known { content, commit } }
}

fn open(path: &Path, journal: JournalId) -> Result<Segment, IndexError> {
    Segment::open(&Storage::local(), path.to_owned(), RANGE, journal)
}

fn written(folder: &Path, mut ids: Vec<u128>) -> (PathBuf, Vec<Entry>) {
    ids.sort_unstable();
    ids.dedup();
    let entries: Vec<_> = ids.into_iter().map(entry).collect();
    let path = RANGE.path(folder);
    let count = entries.len() as u64;
    let sorted = entries.iter().copied().map(Ok);
    write(&Storage::local(), &path, (RANGE, JOURNAL), count, sorted).unwrap();
    (path, entries)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn every_entry_is_found_and_nothing_else(
        // Few different beginnings, so that blocks begin alike.
        ids in prop::collection::vec((0..3_u128, any::<u16>()), 0..700),
        others in prop::collection::vec((0..3_u128, any::<u16>()), 50),
    ) {
        let folder = tempfile::tempdir().unwrap();
        let id = |(high, low): (u128, u16)| high << 64 | u128::from(low);
        let (path, entries) = written(folder.path(), ids.into_iter().map(id).collect());
        let segment = open(&path, JOURNAL).unwrap();
        for entry in &entries {
            prop_assert_eq!(segment.known(entry.id).unwrap(), Some(entry.known));
        }
        let asked: Vec<_> = entries.iter().rev().map(|entry| entry.id).collect();
        let mut found = vec![None; asked.len()];
        segment.find(&asked, &mut found).unwrap();
        let expected: Vec<_> = entries.iter().rev().map(|entry| Some(entry.known)).collect();
        prop_assert_eq!(found, expected);
        for other in others.into_iter().map(|other| entry(id(other)).id) {
            let expected = entries.iter().find(|entry| entry.id == other).map(|entry| entry.known);
            prop_assert_eq!(segment.known(other).unwrap(), expected);
        }
        let read: Vec<_> = segment.entries().map(Result::unwrap).collect();
        prop_assert_eq!(read, entries);
    }
}

#[test]
fn a_flipped_bit_anywhere_is_noticed() {
    let folder = tempfile::tempdir().unwrap();
    let spread = |number: u128| number << 119 | number << 40;
    let (path, entries) = written(folder.path(), (0..250).map(spread).collect());
    let good = fs::read(&path).unwrap();
    for at in (0..good.len()).step_by(61).chain(good.len() - 4..good.len()) {
        let mut bad = good.clone();
        bad[at] ^= 0x10;
        fs::write(&path, &bad).unwrap();
        let noticed = match open(&path, JOURNAL) {
            Err(IndexError::Damaged { .. }) => true,
            Err(error) => panic!("byte {at}: {error}"),
            Ok(segment) => {
                let mut asked = entries.iter().map(|entry| segment.known(entry.id));
                asked.any(|found| matches!(found, Err(IndexError::Damaged { .. })))
            }
        };
        assert!(noticed, "byte {at}");
    }
}

#[test]
fn a_cut_file_and_another_journals_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let (path, _) = written(folder.path(), (0..250).collect());
    let other = open(&path, JournalId([8; 16])).unwrap_err();
    assert!(matches!(other, IndexError::Damaged { .. }), "{other}");
    let length = fs::metadata(&path).unwrap().len();
    for cut in [0, 1, 4_095, 4_096, 8_192, length - 1] {
        fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(cut).unwrap();
        let error = open(&path, JOURNAL).unwrap_err();
        assert!(matches!(error, IndexError::Damaged { .. }), "{cut}: {error}");
        written(folder.path(), (0..250).collect());
    }
}
