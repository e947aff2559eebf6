//! The checksum of a log entry: CRC-32C of all its bytes, in eight hexadecimal digits that count as
//! zeros, in `commitInfo`. Entries of older versions have none.

/// What stands in the checksum's place until it is known.
pub(super) const NONE_YET: &str = "00000000";
/// What stands before the digits. In a text within JSON its quotes are escaped, so only a member has it.
const BEFORE: &str = "\"crc32c\":\"";

/// The entry with its checksum.
pub(super) fn filled_in(mut entry: String) -> String {
    if let Some(place) = place(entry.as_bytes()) {
        let digits = format!("{:08x}", crc32c::crc32c(entry.as_bytes()));
        entry.replace_range(place, &digits);
    }
    entry
}

/// Whether an entry has no checksum, or the right one.
pub(super) fn is_right(entry: &[u8]) -> bool {
    let Some(place) = place(entry) else { return true };
    let mut zeroed = entry.to_vec();
    zeroed[place.clone()].copy_from_slice(NONE_YET.as_bytes());
    entry[place] == *format!("{:08x}", crc32c::crc32c(&zeroed)).as_bytes()
}

fn place(entry: &[u8]) -> Option<std::ops::Range<usize>> {
    let found = entry.windows(BEFORE.len()).position(|part| part == BEFORE.as_bytes())?;
    let begin = found + BEFORE.len();
    let place = begin..begin + NONE_YET.len();
    (entry.len() >= place.end).then_some(place)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENTRY: &str = "{\"commitInfo\":{\"epoch\":1,\"crc32c\":\"00000000\"}}\n{\"add\":{}}\n";

    #[test]
    fn any_flipped_bit_but_of_the_checksums_name_is_noticed() {
        let entry = filled_in(ENTRY.to_owned());
        assert!(is_right(entry.as_bytes()) && entry != ENTRY);
        let name = entry.find(BEFORE).unwrap();
        for bit in 0..entry.len() * 8 {
            let mut bad = entry.clone().into_bytes();
            bad[bit / 8] ^= 1 << (bit % 8);
            // Without its name it is an entry of an older version, whose other bytes are as they were.
            let in_name = (name..name + BEFORE.len()).contains(&(bit / 8));
            assert_eq!(is_right(&bad), in_name, "bit {bit}");
        }
    }

    #[test]
    fn an_entry_of_an_older_version_has_none() {
        assert!(is_right(b"{\"commitInfo\":{}}\n"));
        assert_eq!(filled_in("{}".to_owned()), "{}");
    }
}
