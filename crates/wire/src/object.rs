//! JSON objects read by name, each value left as its text until it is asked for: one fault can then
//! be named without losing the rest, and a number never leaves its text.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::value::RawValue;

use crate::property::{Malformed, PropertyError};
use crate::text::Excerpt;

/// Most names that an [`Object`] is read by.
const NAMES_MAX: usize = 20;

/// The names of an object's known members, and the path that errors put before them.
pub(crate) struct Shape {
    /// `"data."`, or nothing at the top.
    pub(crate) path: &'static str,
    /// At most 20.
    pub(crate) names: &'static [&'static str],
}

/// An object's known members; a member that is `null` is absent.
pub(crate) struct Object<'a> {
    shape: &'static Shape,
    values: [Option<&'a RawValue>; NAMES_MAX],
    seen: [bool; NAMES_MAX],
    unknown: Option<Excerpt>,
    doubled: Option<&'static str>,
}

impl<'a> Object<'a> {
    pub(crate) fn read(text: &'a str, shape: &'static Shape) -> Result<Self, Malformed> {
        assert!(shape.names.len() <= NAMES_MAX, "{} names in a shape", shape.names.len());
        let mut object = Self {
            shape,
            values: [None; NAMES_MAX],
            seen: [false; NAMES_MAX],
            unknown: None,
            doubled: None,
        };
        let mut json = serde_json::Deserializer::from_str(text);
        let read = json.deserialize_map(&mut object).and_then(|()| json.end());
        read.map_err(|error| not(text, b'{', Malformed::NotAnObject, &error))?;
        match object.doubled {
            Some(name) => Err(Malformed::Doubled { member: Excerpt::new(name) }),
            None => Ok(object),
        }
    }

    /// Refuses an object with a member that the shape does not have, by its name.
    pub(crate) fn refuse_unknown(&self) -> Result<(), PropertyError> {
        match &self.unknown {
            Some(property) => Err(PropertyError::Unknown { property: property.clone() }),
            None => Ok(()),
        }
    }

    pub(crate) fn path_of(&self, name: &str) -> String {
        format!("{}{name}", self.shape.path)
    }

    pub(crate) fn raw(&self, name: &str) -> Option<&'a RawValue> {
        let position = self.shape.names.iter().position(|known| *known == name);
        self.values[position.expect("only names of the shape are asked for")]
    }

    pub(crate) fn required_raw(&self, name: &str) -> Result<&'a RawValue, PropertyError> {
        self.raw(name).ok_or_else(|| PropertyError::Missing { property: self.path_of(name) })
    }

    pub(crate) fn text(&self, name: &str) -> Result<Option<Cow<'a, str>>, PropertyError> {
        let Some(raw) = self.raw(name) else { return Ok(None) };
        string(raw).map(Some).ok_or_else(|| self.invalid(name, raw.get(), "a string"))
    }

    pub(crate) fn required_text(&self, name: &str) -> Result<Cow<'a, str>, PropertyError> {
        self.required_raw(name)?;
        let text = self.text(name)?;
        Ok(text.expect("a member that is there has a text or an error"))
    }

    /// A required text that one of the domain's types reads.
    pub(crate) fn parsed<T, E>(
        &self,
        name: &str,
        expected: &'static str,
        parse: impl FnOnce(&str) -> Result<T, E>,
    ) -> Result<T, PropertyError> {
        let text = self.required_text(name)?;
        parse(&text).map_err(|_| self.invalid(name, &text, expected))
    }

    pub(crate) fn invalid(&self, name: &str, value: &str, expected: &'static str) -> PropertyError {
        PropertyError::Invalid {
            property: self.path_of(name),
            value: Excerpt::new(value),
            expected,
        }
    }

    pub(crate) fn malformed(&self, name: &str, malformed: Malformed) -> PropertyError {
        PropertyError::Malformed { property: self.path_of(name), malformed }
    }
}

impl<'a> Visitor<'a> for &mut Object<'a> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key_seed(Key(self.shape))? {
            let Some(position) = key.known else {
                map.next_value::<IgnoredAny>()?;
                self.unknown = self.unknown.take().or(key.unknown);
                continue;
            };
            let value: &RawValue = map.next_value()?;
            if std::mem::replace(&mut self.seen[position], true) {
                self.doubled = Some(self.shape.names[position]);
            }
            self.values[position] = (value.get() != "null").then_some(value);
        }
        Ok(())
    }
}

struct Key(&'static Shape);

struct FoundKey {
    known: Option<usize>,
    unknown: Option<Excerpt>,
}

impl<'de> DeserializeSeed<'de> for Key {
    type Value = FoundKey;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<FoundKey, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for Key {
    type Value = FoundKey;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a member name")
    }

    fn visit_str<E>(self, name: &str) -> Result<FoundKey, E> {
        let known = self.0.names.iter().position(|known| *known == name);
        let unknown = match known {
            Some(_) => None,
            None => Some(Excerpt::new(&format!("{}{name}", self.0.path))),
        };
        Ok(FoundKey { known, unknown })
    }
}

/// The text of a JSON string, borrowed where it has no escapes; none if it is no string.
pub(crate) fn string(raw: &RawValue) -> Option<Cow<'_, str>> {
    let inner = raw.get().strip_prefix('"')?.strip_suffix('"')?;
    if inner.contains('\\') {
        // Fails for half a surrogate pair, which no text has.
        return serde_json::from_str(raw.get()).ok().map(Cow::Owned);
    }
    Some(Cow::Borrowed(inner))
}

/// The text of a JSON number; none if it is no number.
pub(crate) fn number(raw: &RawValue) -> Option<&str> {
    let first = raw.get().as_bytes().first()?;
    (*first == b'-' || first.is_ascii_digit()).then(|| raw.get())
}

/// The members of an object of any names, in the order of the text.
pub(crate) fn members(raw: &RawValue) -> Result<Vec<(Cow<'_, str>, &RawValue)>, Malformed> {
    let mut members = Vec::new();
    let mut json = serde_json::Deserializer::from_str(raw.get());
    let read = json.deserialize_map(Members(&mut members));
    read.map_err(|error| not(raw.get(), b'{', Malformed::NotAnObject, &error))?;
    Ok(members)
}

/// The elements of an array, or as many as `limit` and one more.
pub(crate) fn elements(text: &str, limit: usize) -> Result<Vec<&RawValue>, Malformed> {
    let mut elements = Vec::new();
    let mut json = serde_json::Deserializer::from_str(text);
    let read = json.deserialize_seq(Elements { elements: &mut elements, limit });
    match read.and_then(|()| json.end()) {
        Err(_) if elements.len() > limit => Ok(elements),
        Err(error) => Err(not(text, b'[', Malformed::NotAnArray, &error)),
        Ok(()) => Ok(elements),
    }
}

/// A body as text.
pub(crate) fn utf8(body: &[u8]) -> Result<&str, Malformed> {
    std::str::from_utf8(body).map_err(|error| Malformed::NotUtf8 { offset: error.valid_up_to() })
}

/// Tells JSON of another type from a text that is no JSON.
fn not(text: &str, opening: u8, other: Malformed, error: &serde_json::Error) -> Malformed {
    let opens = text.trim_ascii_start().as_bytes().first() == Some(&opening);
    if !opens && serde_json::from_str::<IgnoredAny>(text).is_ok() {
        return other;
    }
    Malformed::NotJson { detail: error.to_string() }
}

struct Members<'m, 'a>(&'m mut Vec<(Cow<'a, str>, &'a RawValue)>);

impl<'a> Visitor<'a> for Members<'_, 'a> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'a>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key_seed(AnyKey)? {
            self.0.push((key, map.next_value()?));
        }
        Ok(())
    }
}

struct AnyKey;

impl<'a> DeserializeSeed<'a> for AnyKey {
    type Value = Cow<'a, str>;

    fn deserialize<D: Deserializer<'a>>(self, deserializer: D) -> Result<Cow<'a, str>, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl<'a> Visitor<'a> for AnyKey {
    type Value = Cow<'a, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a member name")
    }

    fn visit_borrowed_str<E>(self, name: &'a str) -> Result<Cow<'a, str>, E> {
        Ok(Cow::Borrowed(name))
    }

    fn visit_str<E>(self, name: &str) -> Result<Cow<'a, str>, E> {
        Ok(Cow::Owned(name.to_owned()))
    }
}

struct Elements<'m, 'a> {
    elements: &'m mut Vec<&'a RawValue>,
    limit: usize,
}

impl<'a> Visitor<'a> for Elements<'_, 'a> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'a>>(self, mut sequence: A) -> Result<(), A::Error> {
        while self.elements.len() <= self.limit {
            match sequence.next_element()? {
                Some(element) => self.elements.push(element),
                None => return Ok(()),
            }
        }
        Ok(()) // not read to its end: the parser reports that, and the caller knows why
    }
}
