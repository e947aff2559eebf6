//! Exact decimals: quantities, unit prices and money. Every operation is exact or an error.
//!
//! Only this module touches the wide integers behind them. A value has one scale for its type, so
//! equal values are equal integers and text is canonical: plain digits, no exponent, no trailing
//! zeros.

use std::fmt;

use ethnum::I256;

/// Decimal places that a [`Quantity`] keeps.
pub const QUANTITY_PLACES: u32 = 20;
/// Decimal places of a price on a rate card.
pub const CARD_PRICE_PLACES: u32 = 28;
/// Decimal places that a [`Percent`] keeps.
pub const PERCENT_PLACES: u32 = 8;
/// Decimal places that a [`UnitPrice`] keeps: a card's, and ten for a markup of any percentage.
pub const UNIT_PRICE_PLACES: u32 = CARD_PRICE_PLACES + PERCENT_PLACES + 2;
/// Decimal places that [`Money`] keeps: a quantity's and a price's.
pub const MONEY_PLACES: u32 = QUANTITY_PLACES + UNIT_PRICE_PLACES;

/// Whole digits of one record's quantity: it is below 10^15.
pub const QUANTITY_RECORD_DIGITS: u32 = 15;
/// Whole digits of any sum of quantities: it is below 10^18.
pub const QUANTITY_SUM_DIGITS: u32 = 18;
/// Whole digits of a price on a rate card: it is below 10^10.
pub const UNIT_PRICE_DIGITS: u32 = 10;
/// Whole digits of a percentage: it is below 10^6.
pub const PERCENT_DIGITS: u32 = 6;
/// Whole digits of an amount read from text: it is below 10^18.
pub const MONEY_DIGITS: u32 = 18;

/// Longest text that is read as a number; longer text is refused unread.
const TEXT_BYTES_MAX: usize = 128;

/// Why a text is not a number of the type asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DecimalError {
    /// Not digits with an optional sign, point and exponent (`NaN`, `1,5`, an empty text).
    NotANumber,
    /// More decimal places than the type keeps.
    TooManyPlaces {
        /// Places that the type keeps.
        limit: u32,
    },
    /// At or above the type's bound, which is ten to the power of `digits`.
    TooLarge {
        /// Whole digits that the type keeps.
        digits: u32,
    },
}

impl fmt::Display for DecimalError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotANumber => f.write_str("not a decimal number"),
            Self::TooManyPlaces { limit } => write!(f, "more than {limit} decimal places"),
            Self::TooLarge { digits } => write!(f, "not below 10^{digits}"),
        }
    }
}

impl std::error::Error for DecimalError {}

/// A sum or product left the range in which it would be exact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OutOfRange;

impl fmt::Display for OutOfRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("result is outside the range of exact numbers")
    }
}

impl std::error::Error for OutOfRange {}

/// Amount used, in the meter's unit (for example GB-hours). Exact; negative only in a reversal.
///
/// Fixed scale of 20 places in 128 bits; one record is below 10^15, any sum below 10^18.
///
/// Source: Azure Usage Aggregates, `properties.quantity`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Quantity(i128);

/// Price of one unit, in the card's currency. Exact; 38 places in 256 bits, never negative.
///
/// A card's has at most 28 places and is below 10^10; a markup may add ten.
///
/// Source: Azure RateCard, the values of `MeterRates`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct UnitPrice(I256);

/// A percentage: 1 is one of a hundred. Exact; 8 places, below 10^6, negative where it takes off.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Percent(i64);

/// An amount of money in one currency, which its owner knows. Exact; 58 places in 256 bits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Money(I256);

impl Quantity {
    /// No usage.
    pub const ZERO: Self = Self(0);

    /// Reads the quantity of one record: digits with optional sign, point and exponent (`2E-06`).
    ///
    /// # Errors
    /// [`DecimalError`] if the text is no number, has more than 20 places or is not below 10^15.
    pub fn parse(text: &str) -> Result<Self, DecimalError> {
        scaled(text, QUANTITY_PLACES, QUANTITY_RECORD_DIGITS).map(|value| Self(value.as_i128()))
    }

    /// Sum, as long as it stays below 10^18.
    ///
    /// # Errors
    /// [`OutOfRange`] if it does not.
    pub fn plus(self, other: Self) -> Result<Self, OutOfRange> {
        let sum = self.0.checked_add(other.0).ok_or(OutOfRange)?;
        Self(sum).within_sum_bound()
    }

    /// Difference, as long as it stays above -10^18.
    ///
    /// # Errors
    /// [`OutOfRange`] if it does not.
    pub fn minus(self, other: Self) -> Result<Self, OutOfRange> {
        let difference = self.0.checked_sub(other.0).ok_or(OutOfRange)?;
        Self(difference).within_sum_bound()
    }

    /// The same amount with the other sign: the quantity of a reversal.
    #[must_use]
    pub fn negated(self) -> Self {
        Self(-self.0)
    }

    /// Whether it is below zero, which only a reversal may be.
    #[must_use]
    pub fn is_negative(self) -> bool {
        self.0 < 0
    }

    /// Whether it is exactly zero.
    #[must_use]
    pub fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// Units of 10^-20: the form in which the ledger stores a quantity.
    #[must_use]
    pub fn to_scaled(self) -> i128 {
        self.0
    }

    /// Reads the ledger's form.
    ///
    /// # Errors
    /// [`OutOfRange`] if it is not below 10^18.
    pub fn from_scaled(units: i128) -> Result<Self, OutOfRange> {
        Self(units).within_sum_bound()
    }

    fn within_sum_bound(self) -> Result<Self, OutOfRange> {
        const BOUND: u128 = 10u128.pow(QUANTITY_PLACES + QUANTITY_SUM_DIGITS);
        if self.0.unsigned_abs() < BOUND { Ok(self) } else { Err(OutOfRange) }
    }
}

impl UnitPrice {
    /// Free of charge.
    pub const ZERO: Self = Self(I256::ZERO);

    /// Reads a card's price: digits with optional sign, point and exponent.
    ///
    /// # Errors
    /// [`DecimalError`] if the text is no number, has more than 28 places or is not below 10^10.
    pub fn parse(text: &str) -> Result<Self, DecimalError> {
        let value = scaled(text, CARD_PRICE_PLACES, UNIT_PRICE_DIGITS)?;
        Ok(Self(value * I256::new(10).pow(UNIT_PRICE_PLACES - CARD_PRICE_PLACES)))
    }

    /// What the quantity costs at this price. Nothing is rounded.
    ///
    /// # Errors
    /// [`OutOfRange`] if the amount is too large to be exact.
    pub fn times(self, quantity: Quantity) -> Result<Money, OutOfRange> {
        self.0.checked_mul(I256::from(quantity.0)).map(Money).ok_or(OutOfRange)
    }

    /// The price with a percentage of it added, or taken off where that is negative. For a card's
    /// price always exact.
    ///
    /// # Errors
    /// [`OutOfRange`] if the result would have more than 38 places.
    pub fn changed_by(self, percent: Percent) -> Result<Self, OutOfRange> {
        let whole = I256::from(Percent::WHOLE.0);
        let factor = whole + I256::from(percent.0);
        let product = self.0.checked_mul(factor).ok_or(OutOfRange)?;
        if product % whole == 0 { Ok(Self(product / whole)) } else { Err(OutOfRange) }
    }

    /// As much of the wanted quantity as the amount pays for: cut, not rounded, at 20 places.
    #[must_use]
    pub fn paid_for_by(self, amount: Money, wanted: Quantity) -> Quantity {
        if self.0 == 0 {
            return wanted;
        }
        let affordable = i128::try_from(amount.0 / self.0);
        affordable.map_or(wanted, |affordable| Quantity(affordable).min(wanted))
    }

    /// Whether it is below zero, which no rate card may say.
    #[must_use]
    pub fn is_negative(self) -> bool {
        self.0 < 0
    }
}

impl Percent {
    /// Reads a percentage, as `12.5` or `-3`.
    ///
    /// # Errors
    /// [`DecimalError`] if the text is no number, has more than 8 places or is not below 10^6.
    pub fn parse(text: &str) -> Result<Self, DecimalError> {
        scaled(text, PERCENT_PLACES, PERCENT_DIGITS).map(|value| Self(value.as_i64()))
    }

    /// A hundred of a hundred.
    pub const WHOLE: Self = Self(100 * 10i64.pow(PERCENT_PLACES));

    /// The same percentage with the other sign.
    #[must_use]
    pub fn negated(self) -> Self {
        Self(-self.0)
    }
}

impl Money {
    /// Nothing owed.
    pub const ZERO: Self = Self(I256::ZERO);

    /// Reads an amount, as offer terms state them.
    ///
    /// # Errors
    /// [`DecimalError`] if the text is no number, has more than 58 places or is not below 10^18.
    pub fn parse(text: &str) -> Result<Self, DecimalError> {
        scaled(text, MONEY_PLACES, MONEY_DIGITS).map(Self)
    }

    /// Sum.
    ///
    /// # Errors
    /// [`OutOfRange`] if it would not be exact.
    pub fn plus(self, other: Self) -> Result<Self, OutOfRange> {
        self.0.checked_add(other.0).map(Self).ok_or(OutOfRange)
    }

    /// Difference.
    ///
    /// # Errors
    /// [`OutOfRange`] if it would not be exact.
    pub fn minus(self, other: Self) -> Result<Self, OutOfRange> {
        self.0.checked_sub(other.0).map(Self).ok_or(OutOfRange)
    }

    /// The same amount with the other sign.
    #[must_use]
    pub fn negated(self) -> Self {
        Self(-self.0) // nothing here reaches the one value without a counterpart
    }

    /// Whether it is below zero.
    #[must_use]
    pub fn is_negative(self) -> bool {
        self.0 < 0
    }

    /// Whether it is exactly zero.
    #[must_use]
    pub fn is_zero(self) -> bool {
        self.0 == 0
    }

    /// The effective price: this amount for each unit, rounded half away from zero at 20 places. To
    /// be shown, never to be computed with; none for no quantity.
    #[must_use]
    pub fn effective_price(self, quantity: Quantity) -> Option<String> {
        const PLACES: u32 = 20;
        if quantity.is_zero() {
            return None;
        }
        let unit = I256::from(quantity.0) * I256::new(10).pow(UNIT_PRICE_PLACES - PLACES);
        let (quotient, rest) = (self.0 / unit, self.0 % unit);
        let away = I256::from(i8::from(rest.abs() * 2 >= unit.abs()));
        let sign = self.0.signum() * unit.signum();
        let price = Money((quotient + away * sign) * I256::new(10).pow(MONEY_PLACES - PLACES));
        Some(price.to_string())
    }

    /// Splits the amount by weights into parts of whole units of `places` decimal places, which add
    /// up to it: every part is cut, and the units left go to the largest remainders, the first of
    /// equal ones. What is smaller than a unit goes to the part that would get the next one.
    ///
    /// Weights below zero count as zero; if none is above it, all are equal.
    ///
    /// # Errors
    /// [`OutOfRange`] if the amount or the sum of the weights is too large to be divided exactly.
    ///
    /// # Panics
    /// If there is no weight, or `places` is above 58.
    pub fn split(self, weights: &[Self], places: u32) -> Result<Vec<Self>, OutOfRange> {
        assert!(!weights.is_empty(), "an amount is split over something");
        assert!(places <= MONEY_PLACES, "money has {MONEY_PLACES} places, {places} asked");
        let unit = I256::new(10).pow(MONEY_PLACES - places);
        let mut weights: Vec<I256> =
            weights.iter().map(|weight| weight.0.max(I256::ZERO)).collect();
        if weights.iter().all(|weight| *weight == 0) {
            weights.fill(I256::ONE);
        }
        let whole = weights.iter().try_fold(I256::ZERO, |sum, weight| sum.checked_add(*weight));
        let whole = whole.filter(|whole| *whole < I256::ONE << 253).ok_or(OutOfRange)?;
        let units = (self.0 / unit).abs();
        let mut parts: Vec<I256> = Vec::with_capacity(weights.len());
        let mut by_remainder: Vec<(I256, usize)> = Vec::with_capacity(weights.len());
        for (position, weight) in weights.iter().enumerate() {
            let (share, remainder) = multiply_divide(units, *weight, whole);
            parts.push(share);
            by_remainder.push((remainder, position));
        }
        by_remainder.sort_by(|a, b| b.0.cmp(&a.0).then(a.1.cmp(&b.1)));
        let given: I256 = parts.iter().fold(I256::ZERO, |sum, part| sum + part);
        let left =
            usize::try_from(units - given).expect("fewer units are left than there are parts");
        for (_, position) in &by_remainder[..left] {
            parts[*position] += 1;
        }
        let sign = self.0.signum();
        let mut parts: Vec<Self> = parts.into_iter().map(|part| Self(part * unit * sign)).collect();
        let crumb = &mut parts[by_remainder[left].1];
        crumb.0 += self.0 % unit;
        Ok(parts)
    }

    /// Text with exactly `places` decimal places, rounded half away from zero. For screens only.
    ///
    /// # Panics
    /// If `places` is above 58.
    #[must_use]
    pub fn to_rounded_text(self, places: u32) -> String {
        assert!(places <= MONEY_PLACES, "money has {MONEY_PLACES} places, {places} asked");
        let unit = I256::new(10).pow(MONEY_PLACES - places);
        let half = unit / 2 * self.0.signum();
        let rounded = self.0.checked_add(half).unwrap_or(self.0) / unit;
        let (sign, digits) = sign_and_digits(rounded);
        if places == 0 {
            return format!("{sign}{digits}");
        }
        let width = places as usize + 1;
        let padded = format!("{digits:0>width$}");
        let (whole, fraction) = padded.split_at(padded.len() - places as usize);
        format!("{sign}{whole}.{fraction}")
    }
}

/// `units * weight / whole` and the remainder, without the product: bit by bit of `units`.
fn multiply_divide(units: I256, weight: I256, whole: I256) -> (I256, I256) {
    let (mut quotient, mut remainder) = (I256::ZERO, I256::ZERO);
    for bit in (0..256 - units.leading_zeros()).rev() {
        let set = (units >> bit) & I256::ONE;
        remainder = remainder * 2 + set * weight;
        quotient *= 2;
        while remainder >= whole {
            remainder -= whole;
            quotient += 1;
        }
    }
    (quotient, remainder)
}

/// Reads decimal text into units of `10^-places`, refusing whatever would lose a digit.
fn scaled(text: &str, places: u32, whole_digits: u32) -> Result<I256, DecimalError> {
    let (negative, digits, exponent) = significant(text)?;
    let Some(first) = digits.iter().position(|digit| *digit != 0) else { return Ok(I256::ZERO) };
    let last = digits.iter().rposition(|digit| *digit != 0).unwrap_or(first);
    let significant = &digits[first..=last];
    let exponent = exponent + count(digits.len() - 1 - last);

    let whole = count(significant.len()) + exponent; // digits before the point
    if whole > i64::from(whole_digits) {
        return Err(DecimalError::TooLarge { digits: whole_digits });
    }
    let padding = exponent + i64::from(places);
    let Ok(padding) = u32::try_from(padding) else {
        return Err(DecimalError::TooManyPlaces { limit: places });
    };
    let value = significant.iter().fold(I256::ZERO, |sum, digit| sum * 10 + I256::from(*digit));
    let value = value * I256::new(10).pow(padding);
    Ok(if negative { -value } else { value })
}

/// Splits a decimal text into sign, digits and the power of ten of the last digit.
fn significant(text: &str) -> Result<(bool, Vec<u8>, i64), DecimalError> {
    if text.is_empty() || text.len() > TEXT_BYTES_MAX {
        return Err(DecimalError::NotANumber);
    }
    let (mantissa, exponent) = match text.split_once(['e', 'E']) {
        Some((mantissa, exponent)) => (mantissa, exponent_value(exponent)?),
        None => (text, 0),
    };
    let negative = mantissa.starts_with('-');
    let unsigned = mantissa.strip_prefix(['-', '+']).unwrap_or(mantissa);
    let (whole, fraction) = match unsigned.split_once('.') {
        Some((_, "")) => return Err(DecimalError::NotANumber),
        Some(parts) => parts,
        None => (unsigned, ""),
    };
    let all_digits = whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !all_digits {
        return Err(DecimalError::NotANumber);
    }
    let digits = whole.bytes().chain(fraction.bytes()).map(|byte| byte - b'0').collect();
    Ok((negative, digits, exponent - count(fraction.len())))
}

fn count(digits: usize) -> i64 {
    i64::try_from(digits).expect("a number has at most 128 digits")
}

fn exponent_value(text: &str) -> Result<i64, DecimalError> {
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if unsigned.is_empty() || !unsigned.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(DecimalError::NotANumber);
    }
    // An exponent of more than nine digits is out of every range; saturating keeps it so.
    let size = unsigned.parse::<i64>().unwrap_or(i64::from(i32::MAX)).min(i64::from(i32::MAX));
    Ok(if text.starts_with('-') { -size } else { size })
}

fn sign_and_digits(value: I256) -> (&'static str, String) {
    let sign = if value.is_negative() { "-" } else { "" };
    (sign, value.unsigned_abs().to_string())
}

fn write_plain(f: &mut fmt::Formatter<'_>, value: I256, places: u32) -> fmt::Result {
    let (sign, digits) = sign_and_digits(value);
    let width = places as usize + 1;
    let padded = format!("{digits:0>width$}");
    let (whole, fraction) = padded.split_at(padded.len() - places as usize);
    let fraction = fraction.trim_end_matches('0');
    let point = if fraction.is_empty() { "" } else { "." };
    f.pad(&format!("{sign}{whole}{point}{fraction}"))
}

macro_rules! plain_text {
    ($name:ident, $places:expr) => {
        impl fmt::Display for $name {
            /// Plain decimals with every digit and no trailing zeros.
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write_plain(f, I256::from(self.0), $places)
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }
    };
}

plain_text!(Quantity, QUANTITY_PLACES);
plain_text!(UnitPrice, UNIT_PRICE_PLACES);
plain_text!(Percent, PERCENT_PLACES);
plain_text!(Money, MONEY_PLACES);

#[cfg(test)]
mod tests {
    use super::*;

    fn quantity(text: &str) -> String {
        Quantity::parse(text).map_or_else(|error| error.to_string(), |value| value.to_string())
    }

    #[test]
    fn text_is_read_exactly_and_written_plainly() {
        for (text, expected) in [
            ("8", "8"),
            ("8.0", "8"),
            ("-0", "0"),
            ("0.41667", "0.41667"),
            ("2E-06", "0.000002"),
            ("3.8e-05", "0.000038"),
            ("1.5e3", "1500"),
            ("0.00000000000000000001", "0.00000000000000000001"),
            ("1e-20", "0.00000000000000000001"),
            ("999999999999999.99999999999999999999", "999999999999999.99999999999999999999"),
            ("1.000000000000000000000000", "1"),
            ("+7", "7"),
        ] {
            assert_eq!(quantity(text), expected, "{text}");
        }
    }

    #[test]
    fn what_would_lose_a_digit_is_refused() {
        for (text, expected) in [
            ("NaN", "not a decimal number"),
            ("", "not a decimal number"),
            ("1,5", "not a decimal number"),
            (".5", "not a decimal number"),
            ("1.", "not a decimal number"),
            ("1e", "not a decimal number"),
            ("--1", "not a decimal number"),
            ("0x10", "not a decimal number"),
            ("Infinity", "not a decimal number"),
            (" 1", "not a decimal number"),
            ("1e-21", "more than 20 decimal places"),
            ("1e15", "not below 10^15"),
            ("1e99999999999999999999", "not below 10^15"),
            ("1e-99999999999999999999", "more than 20 decimal places"),
            ("1000000000000000", "not below 10^15"),
        ] {
            assert_eq!(quantity(text), expected, "{text}");
        }
        assert_eq!(quantity(&"1".repeat(200)), "not a decimal number");
    }

    #[test]
    fn a_product_keeps_every_digit() {
        let price = UnitPrice::parse("1.542000000000000299").unwrap();
        let quantity = Quantity::parse("0.00000000000000000001").unwrap();
        let cost = price.times(quantity).unwrap();
        assert_eq!(cost.to_string(), "0.00000000000000000001542000000000000299");
    }

    #[test]
    fn sums_past_their_bound_are_errors() {
        let large = Quantity::from_scaled(10i128.pow(38) - 1).unwrap();
        assert_eq!(large.plus(Quantity::parse("1").unwrap()), Err(OutOfRange));
        assert_eq!(Quantity::from_scaled(10i128.pow(38)), Err(OutOfRange));
        let price = UnitPrice::parse("9999999999").unwrap();
        assert_eq!(price.times(large), Err(OutOfRange));
    }

    fn money(text: &str) -> Money {
        let (size, negative) = text.strip_prefix('-').map_or((text, false), |size| (size, true));
        let money = Money::parse(size).unwrap();
        if negative { money.negated() } else { money }
    }

    #[test]
    fn a_percentage_of_a_price_is_exact_or_refused() {
        let changed = |price: &str, percent: &str| {
            let price = UnitPrice::parse(price).unwrap();
            price.changed_by(Percent::parse(percent).unwrap()).map(|price| price.to_string())
        };
        assert_eq!(changed("0.10", "-10").as_deref(), Ok("0.09"));
        assert_eq!(changed("2", "12.5").as_deref(), Ok("2.25"));
        assert_eq!(changed("3", "-100").as_deref(), Ok("0"));
        let finest = UnitPrice::parse("0.0000000000000000000000000001").unwrap();
        let once = finest.changed_by(Percent::parse("0.00000001").unwrap()).unwrap();
        assert_eq!(once.to_string(), "0.00000000000000000000000000010000000001");
        assert_eq!(once.changed_by(Percent::parse("0.5").unwrap()), Err(OutOfRange));
        assert!(Percent::parse("0.000000001").is_err());
    }

    #[test]
    fn what_an_amount_pays_for_is_cut() {
        for (price, amount, expected) in [
            ("3", "10", "3.33333333333333333333"),
            ("0.5", "10", "20"),
            ("0", "10", "99"),
            ("0.1", "10", "99"),
        ] {
            let wanted = Quantity::parse("99").unwrap();
            let paid = UnitPrice::parse(price).unwrap().paid_for_by(money(amount), wanted);
            assert_eq!(paid.to_string(), expected, "{price}");
        }
    }

    #[test]
    fn the_effective_price_is_rounded_for_display() {
        let price = |amount: &str, units: &str| {
            money(amount).effective_price(Quantity::parse(units).unwrap())
        };
        assert_eq!(price("10", "3").as_deref(), Some("3.33333333333333333333"));
        assert_eq!(price("20", "3").as_deref(), Some("6.66666666666666666667"));
        assert_eq!(price("-20", "3").as_deref(), Some("-6.66666666666666666667"));
        assert_eq!(price("1", "0"), None);
    }

    #[test]
    fn parts_of_a_split_add_up() {
        let split = |amount: &str, weights: &[&str]| {
            let weights: Vec<_> = weights.iter().map(|weight| money(weight)).collect();
            let parts = money(amount).split(&weights, 2).unwrap();
            let sum = parts.iter().fold(Money::ZERO, |sum, part| sum.plus(*part).unwrap());
            assert_eq!(sum, money(amount));
            parts.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
        };
        assert_eq!(split("10", &["1", "1", "1"]), "3.34 3.33 3.33");
        assert_eq!(split("-10", &["1", "1", "1"]), "-3.34 -3.33 -3.33");
        assert_eq!(split("1.005", &["70", "30"]), "0.705 0.3");
        assert_eq!(split("7", &["0", "0"]), "3.5 3.5");
        assert_eq!(split("7", &["-1", "0.000000001"]), "0 7");
        assert_eq!(split("0.004", &["1", "1"]), "0.004 0");
    }

    #[test]
    fn screens_round_half_away_from_zero() {
        for (text, places, expected) in [
            ("0.125", 2, "0.13"),
            ("-0.125", 2, "-0.13"),
            ("0.124", 2, "0.12"),
            ("1234.5", 0, "1235"),
            ("0", 2, "0.00"),
            ("0.005", 2, "0.01"),
        ] {
            assert_eq!(Money::parse(text).unwrap().to_rounded_text(places), expected, "{text}");
        }
    }
}
