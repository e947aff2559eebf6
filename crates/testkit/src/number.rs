//! Numbers as they are written, and exact fractions: nothing here ever rounds by itself.

use num_bigint::BigInt;
use num_rational::BigRational;
use num_traits::{One, Signed, Zero};

/// Longest text of a number, in letters.
const TEXT_LETTERS: usize = 100;
/// Greatest exponent of a number, either way.
const EXPONENT: u32 = 100;

/// A number: its text as it stands in the case, and its exact value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Number {
    text: String,
    value: BigRational,
}

impl Number {
    /// Reads a decimal such as `-1.5` or `2E-06`; none if it is not one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        if text.len() > TEXT_LETTERS {
            return None;
        }
        let (mantissa, exponent) = match text.split_once(['e', 'E']) {
            Some((mantissa, exponent)) => (mantissa, exponent.parse::<i32>().ok()?),
            None => (text, 0),
        };
        let (sign, unsigned) = match mantissa.strip_prefix('-') {
            Some(unsigned) => (-1, unsigned),
            None => (1, mantissa),
        };
        let (whole, fraction) = unsigned.split_once('.').unwrap_or((unsigned, "0"));
        let digits = format!("{whole}{fraction}");
        let written = !whole.is_empty() && !fraction.is_empty();
        if !written || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
            return None;
        }
        let places = u32::try_from(fraction.len()).ok()?;
        let whole = BigInt::parse_bytes(digits.as_bytes(), 10)?;
        let value = BigRational::new(whole * sign, ten_to(places)) * power(exponent)?;
        Some(Self { text: text.to_owned(), value })
    }

    /// Nothing at all.
    #[must_use]
    pub fn zero() -> Self {
        Self { text: "0".to_owned(), value: BigRational::zero() }
    }

    /// The number as it was written.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Its exact value.
    #[must_use]
    pub fn value(&self) -> &BigRational {
        &self.value
    }
}

/// The number as a plain decimal: every digit, no zeros at the end, no exponent.
///
/// # Panics
/// If the decimal would never end. Every figure of a bill ends: it is made of decimals by sums and
/// products, and the one division that a bill has is cut at a fixed place.
#[must_use]
pub fn plain(value: &BigRational) -> String {
    let places = places(value.denom());
    let scaled = (value * BigRational::from_integer(ten_to(places))).to_integer();
    let sign = if scaled.is_negative() { "-" } else { "" };
    let width = usize::try_from(places).expect("a count of digits fits") + 1;
    let digits = format!("{:0>width$}", scaled.abs().to_string());
    let (whole, fraction) = digits.split_at(digits.len() + 1 - width);
    if fraction.is_empty() {
        return format!("{sign}{whole}");
    }
    format!("{sign}{whole}.{fraction}")
}

/// The number cut downwards after so many decimal places; it is not negative.
pub(crate) fn cut(value: &BigRational, places: u32) -> BigRational {
    assert!(!value.is_negative(), "only what is not negative is cut: {value}");
    let scale = BigRational::from_integer(ten_to(places));
    (value * &scale).floor() / scale
}

/// Fewest decimal places that show one part of this many exactly.
fn places(parts: &BigInt) -> u32 {
    let mut rest = parts.clone();
    let mut count = |factor: u32| {
        let mut times = 0;
        while (&rest % BigInt::from(factor)).is_zero() {
            rest /= factor;
            times += 1;
        }
        times
    };
    let (twos, fives) = (count(2), count(5));
    assert!(rest.is_one(), "a figure that no decimal shows: one part of {parts}");
    twos.max(fives)
}

fn power(exponent: i32) -> Option<BigRational> {
    let size = exponent.unsigned_abs();
    if size > EXPONENT {
        return None;
    }
    let power = BigRational::from_integer(ten_to(size));
    Some(if exponent < 0 { power.recip() } else { power })
}

fn ten_to(places: u32) -> BigInt {
    BigInt::from(10).pow(places)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_exactly_and_written_plainly() {
        for (text, expected) in [
            ("0", "0"),
            ("007", "7"),
            ("-0", "0"),
            ("1.50", "1.5"),
            ("-0.05", "-0.05"),
            ("100", "100"),
            ("2E-06", "0.000002"),
            ("1.5e3", "1500"),
            ("1.542000000000000299", "1.542000000000000299"),
            ("0.00000000000000000001", "0.00000000000000000001"),
        ] {
            let number = Number::parse(text).unwrap();
            assert_eq!((number.text(), plain(number.value()).as_str()), (text, expected));
        }
    }

    #[test]
    fn what_is_no_decimal_is_refused() {
        for text in ["", "-", ".5", "5.", "1,5", "1e", "1e999", "0x1", "--1", "1.2.3", "+1", "NaN"]
        {
            assert_eq!(Number::parse(text), None, "{text}");
        }
        assert_eq!(Number::parse(&"9".repeat(TEXT_LETTERS + 1)), None);
    }

    #[test]
    fn a_cut_goes_downwards() {
        let third = BigRational::new(BigInt::from(2), BigInt::from(3));
        assert_eq!(plain(&cut(&third, 3)), "0.666");
    }
}
