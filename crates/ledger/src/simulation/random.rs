//! Numbers that follow from a seed alone, the same on every machine.

/// SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014).
#[derive(Debug, Clone)]
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mixed(self.0)
    }

    /// A number below `bound`.
    pub(super) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    /// A place below `length`.
    pub(super) fn place(&mut self, length: usize) -> usize {
        place(self.next(), length)
    }

    /// True so often of a thousand times.
    pub(super) fn chance(&mut self, per_mille: u64) -> bool {
        self.below(1_000) < per_mille
    }

    pub(super) fn pick<T: Copy>(&mut self, things: &[T]) -> T {
        things[self.place(things.len())]
    }
}

/// A place below `length` that follows from a number.
pub(super) fn place(number: u64, length: usize) -> usize {
    usize::try_from(number % length as u64).unwrap()
}

/// Every bit of the result depends on every bit of the number.
pub(super) fn mixed(number: u64) -> u64 {
    let mut mixed = number;
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

/// What follows from a seed for a text and a number.
pub(super) fn hash(seed: u64, text: &str, number: u64) -> u64 {
    let folded = text.bytes().fold(mixed(seed), |sum, byte| mixed(sum ^ u64::from(byte)));
    mixed(folded ^ mixed(number))
}
