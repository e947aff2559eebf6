//! A filter that tells most identities that are not in a segment from those that are: a split-block
//! Bloom filter. It says "no" only of what is not there.
//!
//! An identity is a hash already, so its bytes are taken as they are. Each touches one block of 32
//! bytes, which is one line of the processor's cache.
//!
//! Source: Putze, Sanders and Singler, "Cache-, Hash- and Space-Efficient Bloom Filters" (2007); the
//! constants are those of the Parquet format.

use domain::id::RecordId;

/// Bits for each identity: about one in 200 that is not there passes.
const BITS_PER_RECORD: u64 = 12;
/// Words of a block; an identity sets one bit in each.
const WORDS: usize = 8;
/// Bytes of a block.
const BLOCK_BYTES: usize = WORDS * 4;
const SALTS: [u32; WORDS] = [
    0x47b6_137b,
    0x4497_4d91,
    0x8824_ad5b,
    0xa2b7_289d,
    0x7054_95c7,
    0x2df1_424b,
    0x9efc_4947,
    0x5c6b_fb31,
];

/// The filter of a segment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Filter {
    blocks: Vec<[u32; WORDS]>,
}

impl Filter {
    /// An empty filter for this many identities.
    pub(super) fn for_records(records: u64) -> Self {
        let blocks = usize::try_from(blocks_for(records)).expect("a filter fits into memory");
        Self { blocks: vec![[0; WORDS]; blocks] }
    }

    pub(super) fn insert(&mut self, id: RecordId) {
        let (block, mask) = self.place(id);
        for (word, bit) in self.blocks[block].iter_mut().zip(mask) {
            *word |= bit;
        }
    }

    /// False only if the identity was not inserted.
    pub(super) fn may_contain(&self, id: RecordId) -> bool {
        let (block, mask) = self.place(id);
        self.blocks[block].iter().zip(mask).all(|(word, bit)| word & bit != 0)
    }

    /// Which block, and which bit of each of its words.
    fn place(&self, id: RecordId) -> (usize, [u32; WORDS]) {
        let bytes = id.to_bytes();
        // The first bytes order a segment, so the others are taken.
        let high = u32::from_le_bytes([bytes[8], bytes[9], bytes[10], bytes[11]]);
        let low = u32::from_le_bytes([bytes[12], bytes[13], bytes[14], bytes[15]]);
        let block = (u64::from(high) * self.blocks.len() as u64) >> 32;
        let block = usize::try_from(block).expect("a block's place is below their number");
        (block, SALTS.map(|salt| 1 << (low.wrapping_mul(salt) >> 27)))
    }

    pub(super) fn to_bytes(&self) -> Vec<u8> {
        self.blocks.iter().flatten().flat_map(|word| word.to_le_bytes()).collect()
    }

    /// From its bytes; none if they are not whole blocks.
    pub(super) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        if bytes.is_empty() || !bytes.len().is_multiple_of(BLOCK_BYTES) {
            return None;
        }
        let block = |bytes: &[u8]| {
            let mut words = bytes
                .chunks_exact(4)
                .map(|word| u32::from_le_bytes(word.try_into().expect("a chunk has four bytes")));
            std::array::from_fn(|_| words.next().expect("a block has its words"))
        };
        Some(Self { blocks: bytes.chunks_exact(BLOCK_BYTES).map(block).collect() })
    }

    /// Length of its bytes for this many identities.
    pub(super) fn bytes_for(records: u64) -> u64 {
        blocks_for(records) * BLOCK_BYTES as u64
    }
}

fn blocks_for(records: u64) -> u64 {
    (records * BITS_PER_RECORD).div_ceil(BLOCK_BYTES as u64 * 8).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u32) -> RecordId {
        let hash = crc32c::crc32c(&number.to_le_bytes());
        let low = hash.wrapping_mul(0x9e37_79b1) ^ hash.rotate_left(13);
        let bits = u128::from(number) << 96 | u128::from(hash) << 32 | u128::from(low);
        RecordId::from_bytes(bits.to_be_bytes())
    }

    #[test]
    fn what_was_inserted_is_found_and_little_else() {
        let mut filter = Filter::for_records(10_000);
        (0..10_000).for_each(|number| filter.insert(id(number)));
        let filter = Filter::from_bytes(&filter.to_bytes()).unwrap();
        assert!((0..10_000).all(|number| filter.may_contain(id(number))));
        let wrongly = (10_000..110_000).filter(|number| filter.may_contain(id(*number))).count();
        assert!(wrongly < 2_000, "{wrongly} of 100000 passed");
    }

    #[test]
    fn bytes_are_as_long_as_foretold() {
        for records in [0, 1, 21, 22, 1_000] {
            let bytes = Filter::for_records(records).to_bytes();
            assert_eq!(bytes.len() as u64, Filter::bytes_for(records), "{records}");
        }
        assert_eq!(Filter::from_bytes(&[0; 31]), None);
        assert_eq!(Filter::from_bytes(&[]), None);
    }
}
