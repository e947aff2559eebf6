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
    /// be shown, never to be computed with; none for no quantity, and from 10^18 on.
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
        // A price of 10^18 and more has no such text; no rate is near it.
        let price =
            (quotient + away * sign).checked_mul(I256::new(10).pow(MONEY_PLACES - PLACES))?;
        Some(Self(price).to_string())
    }

    /// Splits the amount by weights into parts of whole units of `places` decimal places, which add
    /// up to it: every part is cut, and the units left go to the largest remainders, the first of
    /// equal ones. What is smaller than a unit goes to the part that would get the next one. A part
    /// without weight gets nothing.
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
        let next = by_remainder[left..].iter().find(|(_, position)| weights[*position] > 0);
        let (_, position) = next.or(by_remainder.first()).expect("there is a part for each weight");
        parts[*position].0 += self.0 % unit;
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
        let away = I256::from(i8::from((self.0 % unit).abs() >= unit - (self.0 % unit).abs()));
        let rounded = self.0 / unit + away * self.0.signum();
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
mod tests;
