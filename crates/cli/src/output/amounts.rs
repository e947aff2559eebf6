//! Amounts and times as tables show them: rounded here, and nowhere else.

use domain::currency::minor_unit_places;
use domain::decimal::Money;
use domain::id::Currency;

use super::message;

/// Amounts of one currency, rounded for display to the places of its minor unit.
pub(crate) struct Amounts {
    places: u32,
    is_rounded: bool,
}

impl Amounts {
    /// Of a currency; a text that is no currency has two places.
    pub(crate) fn of(currency: &str) -> Self {
        Self { places: places(currency), is_rounded: false }
    }

    /// The amount rounded; a text that is no amount as it is.
    pub(crate) fn rounded(&mut self, text: &str) -> String {
        let Ok(money) = Money::parse(text) else { return text.to_owned() };
        let rounded = money.to_rounded_text(self.places);
        self.is_rounded |= Money::parse(&rounded) != Ok(money);
        rounded
    }

    /// Whether rounding changed an amount.
    pub(crate) fn is_rounded(&self) -> bool {
        self.is_rounded
    }
}

/// Says on standard error that a table does not show every digit.
pub(crate) fn say_if_rounded(is_rounded: bool, currency: &str) {
    if is_rounded {
        let places = places(currency);
        message(format!(
            "amounts are rounded to {places} places for display; -o json has every digit"
        ));
    }
}

/// The day of an RFC 3339 time at midnight; another time as it is.
pub(crate) fn day(time: &str) -> &str {
    time.strip_suffix("T00:00:00Z").or(time.strip_suffix("T00:00:00+00:00")).unwrap_or(time)
}

fn places(currency: &str) -> u32 {
    Currency::parse(currency).map_or(2, |currency| minor_unit_places(&currency))
}
