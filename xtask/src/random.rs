//! Pseudo-random numbers that are the same for the same seed, on every machine and for ever.

use std::time::Instant;

/// SplitMix64 (Steele, Lea, Flood: "Fast splittable pseudorandom number generators", 2014).
pub(crate) struct Random {
    state: u64,
}

impl Random {
    /// The sequence of this seed.
    pub(crate) fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    /// The next number.
    pub(crate) fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`, which is small beside 2^64.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next() % bound
    }

    /// One of the things.
    pub(crate) fn pick<'a, T>(&mut self, things: &'a [T]) -> &'a T {
        let bound = u64::try_from(things.len()).expect("a slice is shorter than 2^64");
        let place = usize::try_from(self.below(bound)).expect("below the length of a slice");
        &things[place]
    }

    /// This many random digits.
    pub(crate) fn digits(&mut self, count: u64) -> String {
        (0..count)
            .map(|_| *self.pick(&['0', '1', '2', '3', '4', '5', '6', '7', '8', '9']))
            .collect()
    }
}

/// A seed that differs from run to run; who uses it prints it.
pub(crate) fn seed_of_process() -> u64 {
    let pid = u64::from(std::process::id());
    let moment = format!("{:?}", Instant::now());
    let spread =
        moment.bytes().fold(pid, |sum, byte| sum.wrapping_mul(31).wrapping_add(u64::from(byte)));
    Random::new(spread).below(1_000_000)
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
