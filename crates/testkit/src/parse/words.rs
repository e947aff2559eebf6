//! The words of a statement: numbers, times, tiers, and options that are a name and its value.

use std::collections::{BTreeMap, BTreeSet};

use num_traits::{Signed, Zero};

use crate::calendar::Time;
use crate::case::{Scope, Tier};
use crate::number::Number;

/// Options of a statement by name, each given once at most.
pub(super) struct Options<'a>(BTreeMap<&'a str, &'a str>);

impl<'a> Options<'a> {
    /// Reads pairs of a known name and a value, in any order.
    pub(super) fn read(words: &[&'a str], known: &[&str]) -> Result<Self, String> {
        let mut options = BTreeMap::new();
        for pair in words.chunks(2) {
            let [name, value] = pair else {
                return Err(format!("nothing after {}", pair[0]));
            };
            if !known.contains(name) {
                return Err(format!("no such option here: {name}"));
            }
            if options.insert(*name, *value).is_some() {
                return Err(format!("given twice: {name}"));
            }
        }
        Ok(Self(options))
    }

    pub(super) fn word(&self, name: &str) -> Option<&'a str> {
        self.0.get(name).copied()
    }

    pub(super) fn time(&self, name: &str) -> Result<Option<Time>, String> {
        self.word(name).map(time).transpose()
    }

    pub(super) fn amount(&self, name: &str) -> Result<Option<Number>, String> {
        self.word(name).map(amount).transpose()
    }
}

pub(super) fn id(word: &str) -> Result<u32, String> {
    word.parse().map_err(|_| format!("no whole number: {word}"))
}

pub(super) fn time(word: &str) -> Result<Time, String> {
    Time::parse(word).ok_or_else(|| format!("no time: {word}"))
}

pub(super) fn number(word: &str) -> Result<Number, String> {
    Number::parse(word).ok_or_else(|| format!("no number: {word}"))
}

/// A number that is not negative.
pub(super) fn amount(word: &str) -> Result<Number, String> {
    let number = number(word)?;
    if number.value().is_negative() {
        return Err(format!("below zero: {word}"));
    }
    Ok(number)
}

/// `A:B C:D` and so on, none of them negative.
pub(super) fn pairs(words: &[&str]) -> Result<Vec<(Number, Number)>, String> {
    let pair = |word: &&str| {
        let (left, right) = word.split_once(':').ok_or_else(|| format!("no pair a:b: {word}"))?;
        Ok((amount(left)?, amount(right)?))
    };
    words.iter().map(pair).collect()
}

/// The words without the last one, if that says that closed periods change too.
pub(super) fn reprice<'a, 'b>(words: &'b [&'a str]) -> (&'b [&'a str], bool) {
    match words {
        [rest @ .., "reprice"] => (rest, true),
        _ => (words, false),
    }
}

/// Whom an override is for: everyone if it does not say.
pub(super) fn scope(word: Option<&str>) -> Result<Scope, String> {
    match word {
        None | Some("installation") => Ok(Scope::Installation),
        Some("tenant") => Ok(Scope::Tenant),
        Some("subscription") => Ok(Scope::Subscription),
        Some(other) => Err(format!("no such scope: {other}")),
    }
}

/// The words before a lone colon, and the tiers after it: one from 0, no bound twice.
pub(super) fn tiers<'a, 'b>(words: &'b [&'a str]) -> Result<(&'b [&'a str], Vec<Tier>), String> {
    let colon = words.iter().position(|word| *word == ":");
    let colon = colon.ok_or_else(|| "no prices after a lone `:`".to_owned())?;
    let mut bounds = BTreeSet::new();
    let mut tiers = Vec::new();
    for (bound, rate) in pairs(&words[colon + 1..])? {
        if !bounds.insert(bound.value().clone()) {
            return Err(format!("two prices from {}", bound.text()));
        }
        tiers.push(Tier { bound, rate });
    }
    if !bounds.first().is_some_and(Zero::is_zero) {
        return Err("no price from 0".to_owned());
    }
    Ok((&words[..colon], tiers))
}
