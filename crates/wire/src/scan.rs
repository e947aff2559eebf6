//! JSON looked at eight bytes at a time, where most bytes of a text say nothing of its form.

const ONES: u64 = 0x0101_0101_0101_0101;
const HIGH: u64 = 0x8080_8080_8080_8080;

/// How many bytes at the beginning stand for themselves within a JSON string: no quote, no backslash
/// and no control character.
pub(crate) fn plain(bytes: &[u8]) -> usize {
    let mut at = 0;
    while let Some(eight) = bytes.get(at..).and_then(|rest| rest.first_chunk::<8>()) {
        let special = specials(u64::from_le_bytes(*eight));
        if special != 0 {
            return at + (special.trailing_zeros() / 8) as usize;
        }
        at += 8;
    }
    let rest = &bytes[at..];
    at + rest.iter().position(|byte| is_special(*byte)).unwrap_or(rest.len())
}

fn is_special(byte: u8) -> bool {
    matches!(byte, b'"' | b'\\') || byte < b' '
}

/// The highest bit of the first special byte is set, and none below it.
///
/// A borrow spreads only upwards, so what it sets lies above the first byte found.
const fn specials(eight: u64) -> u64 {
    let quote = eight ^ (ONES * b'"' as u64);
    let backslash = eight ^ (ONES * b'\\' as u64);
    let is_quote = quote.wrapping_sub(ONES) & !quote;
    let is_backslash = backslash.wrapping_sub(ONES) & !backslash;
    let is_control = eight.wrapping_sub(ONES * b' ' as u64) & !eight;
    (is_quote | is_backslash | is_control) & HIGH
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_is_told_from_every_other_at_every_place() {
        for length in 0..20 {
            for place in 0..length {
                for byte in 0..=u8::MAX {
                    for filler in [b'a', 0x80, 0xff, b'!', b'#', b'[', b']'] {
                        let mut bytes = vec![filler; length];
                        bytes[place] = byte;
                        let expected = bytes.iter().position(|byte| is_special(*byte));
                        assert_eq!(plain(&bytes), expected.unwrap_or(length), "{bytes:?}");
                    }
                }
            }
        }
    }
}
