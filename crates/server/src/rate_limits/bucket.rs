//! A bucket of calls: each call takes one, and those that were taken come back evenly over an hour.
//! Pure, and exact: a call is divided into as many parts as an hour has microseconds, so that what
//! comes back in a microsecond is a whole number of them.

use domain::time::UtcTime;

/// Parts of a call: microseconds of an hour.
const CALL: u64 = 3_600_000_000;

/// What was taken of a bucket and has not come back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Bucket {
    /// In parts of a call.
    taken: u64,
    /// When that was so.
    at: UtcTime,
}

impl Bucket {
    /// A bucket that nothing was taken of.
    pub(super) fn full(now: UtcTime) -> Self {
        Self { taken: 0, at: now }
    }

    /// Takes a call of a bucket that holds `per_hour`; how many are left. Where there is none,
    /// nothing is taken, and the seconds are given until there is one.
    pub(super) fn take(&mut self, per_hour: u32, now: UtcTime) -> Result<u32, u32> {
        self.refill(per_hour, now);
        let capacity = u64::from(per_hour) * CALL;
        let taken = self.taken + CALL;
        if let Some(left) = capacity.checked_sub(taken) {
            self.taken = taken;
            return Ok(u32::try_from(left / CALL).expect("fewer are left than it holds"));
        }
        let micros = (taken - capacity).div_ceil(per_hour.into());
        Err(u32::try_from(micros.div_ceil(1_000_000)).expect("one comes back within an hour"))
    }

    /// When all that was taken will have come back.
    pub(super) fn full_at(&self, per_hour: u32) -> UtcTime {
        let micros = i64::try_from(self.taken.div_ceil(per_hour.into())).unwrap_or(i64::MAX);
        UtcTime::from_micros(self.at.to_micros().saturating_add(micros)).unwrap_or(UtcTime::MAX)
    }

    /// A clock that is set back gives nothing back, and goes on from there.
    fn refill(&mut self, per_hour: u32, now: UtcTime) {
        let elapsed = now.to_micros().saturating_sub(self.at.to_micros());
        let back = u64::try_from(elapsed).unwrap_or(0).saturating_mul(per_hour.into());
        *self = Self { taken: self.taken.saturating_sub(back), at: now };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::limits::CALLS_PER_HOUR_MAX;

    const NOON: i64 = 1_770_724_800;

    fn at(micros: i64) -> UtcTime {
        UtcTime::from_micros(NOON * 1_000_000 + micros).unwrap()
    }

    /// Takes a call at each of these seconds; what is left, or `wait` and for how long.
    fn check(per_hour: u32, seconds: &[i64], expected: &str) {
        let mut bucket = Bucket::full(at(0));
        let answers: Vec<_> = seconds
            .iter()
            .map(|second| match bucket.take(per_hour, at(second * 1_000_000)) {
                Ok(left) => left.to_string(),
                Err(wait) => format!("wait {wait}"),
            })
            .collect();
        assert_eq!(answers.join(", "), expected, "{per_hour} an hour at {seconds:?}");
    }

    #[test]
    fn calls_come_back_evenly() {
        check(3, &[0, 0, 0, 0], "2, 1, 0, wait 1200");
        check(3, &[0, 0, 0, 1199, 1200, 1200], "2, 1, 0, wait 1, 0, wait 1200");
        check(3, &[0, 0, 0, 1800, 2400, 2400], "2, 1, 0, 0, 0, wait 1200");
        check(7, &[0, 0, 0, 0, 0, 0, 0, 0, 515], "6, 5, 4, 3, 2, 1, 0, wait 515, 0");
    }

    #[test]
    fn a_bucket_never_holds_more_than_it_holds() {
        check(2, &[0, 1_000_000, 1_000_000, 1_000_000], "1, 1, 0, wait 1800");
        let mut bucket = Bucket::full(UtcTime::MIN);
        assert_eq!(bucket.take(CALLS_PER_HOUR_MAX, UtcTime::MAX), Ok(CALLS_PER_HOUR_MAX - 1));
        let mut bucket = Bucket { taken: u64::from(CALLS_PER_HOUR_MAX) * CALL, at: at(0) };
        assert_eq!(bucket.take(CALLS_PER_HOUR_MAX, at(0)), Err(1));
    }

    #[test]
    fn a_refusal_takes_nothing() {
        check(1, &[0, 10, 3590, 3599, 3600], "0, wait 3590, wait 10, wait 1, 0");
    }

    #[test]
    fn a_clock_that_is_set_back_gives_nothing_back_and_goes_on() {
        check(1, &[100, 0, 3599, 3600], "0, wait 3600, wait 1, 0");
    }

    #[test]
    fn after_the_wait_there_is_a_call_and_not_a_second_before() {
        for per_hour in [1, 3, 7, 11, 1_200, 12_000, 3_601, 1_000_003] {
            let mut bucket = Bucket::full(at(0));
            for _ in 0..per_hour {
                bucket.take(per_hour, at(5)).unwrap();
            }
            let wait = i64::from(bucket.take(per_hour, at(6)).unwrap_err());
            let mut patient = bucket;
            assert!(patient.take(per_hour, at(6 + wait * 1_000_000)).is_ok(), "{per_hour}");
            let early = bucket.take(per_hour, at(6 + (wait - 1) * 1_000_000));
            assert!(early.is_err(), "{per_hour}: {early:?}");
            let full = bucket.full_at(per_hour);
            assert!(full > at(3_600_000_000) && full < at(3_600_000_010), "{per_hour}: {full}");
        }
    }
}
