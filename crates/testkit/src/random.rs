//! Random numbers that are the same for the same seed, on every machine and for ever.

/// SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014).
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    /// The sequence of this seed.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number from `low` to `high`, both of them included.
    ///
    /// # Panics
    /// If `high` is below `low`, or they are all numbers that there are.
    #[must_use]
    pub fn from(&mut self, low: u64, high: u64) -> u64 {
        low + self.next() % (high - low + 1)
    }

    /// A place among so many.
    ///
    /// # Panics
    /// If there are none.
    #[must_use]
    pub fn place(&mut self, count: usize) -> usize {
        let last = u64::try_from(count).expect("a count fits 64 bits") - 1;
        usize::try_from(self.from(0, last)).expect("below a count")
    }

    /// One of the words.
    ///
    /// # Panics
    /// If there are none.
    #[must_use]
    pub fn pick<'a>(&mut self, words: &[&'a str]) -> &'a str {
        words[self.place(words.len())]
    }

    /// Whether something happens that happens so many times of a hundred.
    #[must_use]
    pub fn chance(&mut self, percent: u64) -> bool {
        self.from(1, 100) <= percent
    }

    /// A plain decimal below `high`, with whole digits only, or up to `places` decimal places.
    ///
    /// # Panics
    /// If `high` is zero.
    #[must_use]
    pub fn decimal(&mut self, high: u64, places: u64) -> String {
        let whole = self.from(0, high - 1);
        let places = [0, 0, 0, 1, 2, 4, places][self.place(7)];
        let digits: String = (0..places).map(|_| self.from(0, 9).to_string()).collect();
        if digits.is_empty() { whole.to_string() } else { format!("{whole}.{digits}") }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seed_names_one_sequence() {
        // The first numbers of the reference implementation for the seed 1234567.
        let mut random = Random::new(1_234_567);
        assert_eq!(random.next(), 6_457_827_717_110_365_317);
        assert_eq!(random.next(), 3_203_168_211_198_807_973);
    }
}
