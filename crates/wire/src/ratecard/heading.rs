//! What a rate card says of itself.

use domain::catalogue::RateCardKey;
use domain::id::{Country, Currency, Locale, OfferId};

use crate::object::{self, Object, Shape};

use super::RateCardError;

static HEADING: Shape = Shape { path: "", names: &["Currency", "Locale"] };

/// The key for a card that is rated by itself, outside any catalogue: the currency and the locale
/// that it names. It names neither offer nor region, so theirs are placeholders and not to be shown.
///
/// # Errors
/// [`RateCardError`] if it is no JSON object, names no currency, or one that is none.
pub fn key_of_itself(document: &[u8]) -> Result<RateCardKey, RateCardError> {
    let text = object::utf8(document).map_err(RateCardError::Malformed)?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let card = Object::read(text, &HEADING).map_err(RateCardError::Malformed)?;
    let locale = match card.raw("Locale") {
        Some(_) => card.parsed("Locale", "a locale such as en-US", Locale::parse)?,
        None => Locale::parse("en-US").expect("en-US is a locale"),
    };
    Ok(RateCardKey {
        offer: OfferId::parse("NONE").expect("four letters are an offer"),
        currency: card.parsed("Currency", "an ISO 4217 currency such as USD", Currency::parse)?,
        locale,
        region: Country::parse("ZZ").expect("two letters are a country"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(document: &str, expected: &str) {
        let found = match key_of_itself(document.as_bytes()) {
            Ok(key) => format!("{} {}", key.currency, key.locale),
            Err(error) => error.to_string(),
        };
        assert_eq!(found, expected, "{document}");
    }

    #[test]
    fn a_card_names_its_currency() {
        check(r#"{"Meters":[],"Currency":"eur","Locale":"de-DE"}"#, "EUR de-DE");
        check("\u{feff}{\"Currency\":\"USD\"}", "USD en-US");
        check(r#"{"Meters":[]}"#, "rate card: Currency is missing");
        check(
            r#"{"Currency":"dollars"}"#,
            "rate card: Currency is 'dollars', which is not an ISO 4217 currency such as USD",
        );
        check(
            r#"{"Currency":"USD","Locale":1}"#,
            "rate card: Locale is '1', which is not a string",
        );
        check("[]", "rate card is not a JSON object");
    }
}
