//! Exact sums of what was sent, computed here and not by the code under test.
//!
//! A quantity is below 10^15 and a sum below 10^18, so units of 10^-20 fit into 128 bits.

use std::fmt;

use anyhow::{Context, Result, bail};

const PLACES: u32 = 20;
const ONE: i128 = 10_i128.pow(PLACES);

/// A decimal with at most 20 places.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub(crate) struct Decimal(i128);

impl Decimal {
    /// Reads digits with an optional point and exponent (`3.8E-05`); refuses to lose a digit.
    pub(crate) fn parse(text: &str) -> Result<Self> {
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>()?),
            None => (text, 0),
        };
        let (negative, unsigned) = match mantissa.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, mantissa),
        };
        let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, ""));
        let digits: i128 = format!("{whole}{fraction}")
            .parse()
            .with_context(|| format!("{text} is no decimal"))?;
        let places = i32::try_from(fraction.len())? - exponent;
        let shift = i32::try_from(PLACES)? - places;
        let power = 10_i128.checked_pow(shift.unsigned_abs());
        let power = power.with_context(|| format!("{text} is out of range"))?;
        let units = if shift >= 0 {
            digits.checked_mul(power).with_context(|| format!("{text} is out of range"))?
        } else if digits % power == 0 {
            digits / power
        } else {
            bail!("{text} has more than {PLACES} places");
        };
        Ok(Self(if negative { -units } else { units }))
    }

    /// The sum.
    pub(crate) fn plus(self, other: Self) -> Self {
        Self(self.0.checked_add(other.0).expect("test data stays far below 10^18"))
    }

    /// To so many places, half away from zero, with all of them written.
    pub(crate) fn rounded(self, places: u32) -> String {
        let unit = 10_u128.pow(PLACES - places);
        let units = (self.0.unsigned_abs() + unit / 2) / unit;
        let (one, sign) = (10_u128.pow(places), if self.0 < 0 && units > 0 { "-" } else { "" });
        let places = usize::try_from(places).expect("at most 20");
        format!("{sign}{}.{:0places$}", units / one, units % one)
    }
}

impl fmt::Display for Decimal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        let units = self.0.unsigned_abs();
        let (whole, fraction) = (units / ONE.unsigned_abs(), units % ONE.unsigned_abs());
        let text = format!("{sign}{whole}.{fraction:020}");
        f.write_str(text.trim_end_matches('0').trim_end_matches('.'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_comes_back_plain_and_exact() {
        for (text, plain) in [
            ("2E-06", "0.000002"),
            ("1.5e+3", "1500"),
            ("45.0", "45"),
            ("0", "0"),
            ("1E-20", "0.00000000000000000001"),
            ("999999999999999.99999999999999999999", "999999999999999.99999999999999999999"),
            ("-0.50", "-0.5"),
        ] {
            assert_eq!(Decimal::parse(text).unwrap().to_string(), plain, "{text}");
        }
        assert!(Decimal::parse("1E-21").is_err());
        assert!(Decimal::parse("NaN").is_err());
    }

    #[test]
    fn rounding_is_half_away_from_zero() {
        for (text, rounded) in
            [("1.2345", "1.235"), ("-0.0005", "-0.001"), ("-0.0004", "0.000"), ("7", "7.000")]
        {
            assert_eq!(Decimal::parse(text).unwrap().rounded(3), rounded, "{text}");
        }
    }

    #[test]
    fn sums_keep_the_last_digit() {
        let sum = Decimal::parse("1E-20").unwrap().plus(Decimal::parse("999999999999999").unwrap());
        assert_eq!(sum.to_string(), "999999999999999.00000000000000000001");
    }
}
