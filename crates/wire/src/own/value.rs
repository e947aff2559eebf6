//! Values of our own bodies that serde does not read as they are meant: numbers that keep every
//! digit, maps in which no name is lost, and members that are null on purpose.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;
use std::fmt;

use domain::catalogue::{Tier, Tiers, TiersError};
use domain::decimal::{DecimalError, Quantity, UnitPrice};
use serde::de::{Error, MapAccess, Visitor};
use serde::ser::SerializeMap;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::value::RawValue;

use crate::object;
use crate::text::Excerpt;

/// The text of a number, which may be no number yet: a JSON string, or the digits of a JSON number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NumberText(pub String);

impl NumberText {
    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Serialize for NumberText {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for NumberText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let raw = Box::<RawValue>::deserialize(deserializer)?;
        let text = object::number(&raw).map(str::to_owned);
        let text = text.or_else(|| object::string(&raw).map(std::borrow::Cow::into_owned));
        text.map(Self).ok_or_else(|| {
            let value = Excerpt::new(raw.get());
            D::Error::custom(format_args!("{value} is not a number or a string of one"))
        })
    }
}

/// Rates by lower bounds, in the order of the bounds: `{"0":"0.1","100":"0.08"}`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Rates(Vec<(String, NumberText)>);

/// What is wrong with rates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RatesError {
    /// A bound is no quantity.
    Bound {
        /// Its text.
        bound: Excerpt,
        /// Why.
        error: DecimalError,
    },
    /// A rate is no price.
    Rate {
        /// The bound that it begins at.
        bound: Excerpt,
        /// Its text.
        rate: Excerpt,
        /// Why.
        error: DecimalError,
    },
    /// They do not price every quantity once.
    Tiers(TiersError),
}

impl fmt::Display for RatesError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Bound { bound, error } => write!(f, "bound {bound} is {error}"),
            Self::Rate { bound, rate, error } => {
                write!(f, "the rate from {bound} is {rate}, which is {error}")
            }
            Self::Tiers(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for RatesError {}

impl Rates {
    /// Rates from bounds and rates as text, in any order.
    #[must_use]
    pub fn new(rates: impl IntoIterator<Item = (String, String)>) -> Self {
        Self(rates.into_iter().map(|(bound, rate)| (bound, NumberText(rate))).collect())
    }

    /// The prices that they are.
    ///
    /// # Errors
    /// [`RatesError`] if a text is no number, or they do not price every quantity once.
    pub fn tiers(&self) -> Result<Tiers, RatesError> {
        let tier = |(bound, rate): &(String, NumberText)| {
            let from = Quantity::parse(bound);
            let from =
                from.map_err(|error| RatesError::Bound { bound: Excerpt::new(bound), error })?;
            let rate = UnitPrice::parse(rate.as_str()).map_err(|error| RatesError::Rate {
                bound: Excerpt::new(bound),
                rate: Excerpt::new(rate.as_str()),
                error,
            })?;
            Ok(Tier { from, rate })
        };
        let tiers = self.0.iter().map(tier).collect::<Result<_, _>>()?;
        Tiers::new(tiers).map_err(RatesError::Tiers)
    }
}

impl fmt::Display for Rates {
    /// `0:0.1 100:0.08`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, (bound, rate)) in self.0.iter().enumerate() {
            let space = if position == 0 { "" } else { " " };
            write!(f, "{space}{bound}:{}", rate.as_str())?;
        }
        Ok(())
    }
}

impl From<&Tiers> for Rates {
    fn from(tiers: &Tiers) -> Self {
        let tiers = tiers.as_slice().iter();
        Self::new(tiers.map(|tier| (tier.from.to_string(), tier.rate.to_string())))
    }
}

impl Serialize for Rates {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (bound, rate) in &self.0 {
            map.serialize_entry(bound, rate)?;
        }
        map.end()
    }
}

impl<'de> Deserialize<'de> for Rates {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        pairs(deserializer, "an object of rates by bounds").map(Self)
    }
}

/// Tags by name, each name once.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TagMap(pub BTreeMap<String, String>);

impl Serialize for TagMap {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for TagMap {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut tags = BTreeMap::new();
        for (name, value) in pairs::<D, String>(deserializer, "an object of tags")? {
            match tags.entry(name) {
                Entry::Vacant(place) => place.insert(value),
                Entry::Occupied(place) => {
                    let name = Excerpt::new(place.key());
                    return Err(D::Error::custom(format_args!("tag {name} is given twice")));
                }
            };
        }
        Ok(Self(tags))
    }
}

/// The members of an object in their order; one of a name that was there before is not lost.
fn pairs<'de, D: Deserializer<'de>, V: Deserialize<'de>>(
    deserializer: D,
    expecting: &'static str,
) -> Result<Vec<(String, V)>, D::Error> {
    struct Pairs<V>(&'static str, std::marker::PhantomData<V>);

    impl<'de, V: Deserialize<'de>> Visitor<'de> for Pairs<V> {
        type Value = Vec<(String, V)>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str(self.0)
        }

        fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
            let mut pairs = Vec::new();
            while let Some(pair) = map.next_entry()? {
                pairs.push(pair);
            }
            Ok(pairs)
        }
    }
    deserializer.deserialize_map(Pairs(expecting, std::marker::PhantomData))
}

/// Reads a member that may be null: null is a value, and only its absence is none.
pub(super) fn nullable<'de, D: Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, expected: &str) {
        let rates = serde_json::from_str::<Rates>(text);
        let tiers = rates.map_err(|error| error.to_string());
        let tiers = tiers.and_then(|rates| rates.tiers().map_err(|error| error.to_string()));
        let found = tiers.map_or_else(
            |error| error,
            |tiers| serde_json::to_string(&Rates::from(&tiers)).unwrap(),
        );
        assert_eq!(found, expected, "{text}");
    }

    #[test]
    fn rates_are_numbers_or_strings_and_keep_every_digit() {
        check(r#"{"0":0.1}"#, r#"{"0":"0.1"}"#);
        check(r#"{"10":"1E-5","5":2,"0":3.0}"#, r#"{"0":"3","5":"2","10":"0.00001"}"#);
        check(
            r#"{"0":0.1000000000000000000000000001}"#,
            r#"{"0":"0.1000000000000000000000000001"}"#,
        );
    }

    #[test]
    fn rates_that_price_not_every_quantity_once_are_refused() {
        check(r#"{"100":1}"#, "no tier begins at 0");
        check("{}", "no tier begins at 0");
        check(r#"{"0":1,"0.0":2}"#, "two tiers begin at 0");
        check(r#"{"0":1,"0":1}"#, "two tiers begin at 0");
        check(r#"{"0":-1}"#, "rate -1 is negative");
        check(r#"{"0":"a lot"}"#, "the rate from '0' is 'a lot', which is not a decimal number");
        check(r#"{"some":1}"#, "bound 'some' is not a decimal number");
        check(r#"{"0":null}"#, "'null' is not a number or a string of one at line 1 column 10");
        check(r#"{"0":[1]}"#, "'[1]' is not a number or a string of one at line 1 column 9");
    }

    #[test]
    fn a_tag_that_is_given_twice_is_not_lost() {
        let tags = serde_json::from_str::<TagMap>(r#"{"env":"prod","a":""}"#).unwrap();
        assert_eq!(serde_json::to_string(&tags).unwrap(), r#"{"a":"","env":"prod"}"#);
        let error = serde_json::from_str::<TagMap>(r#"{"env":"prod","env":"test"}"#).unwrap_err();
        assert!(error.to_string().starts_with("tag 'env' is given twice"), "{error}");
    }
}
