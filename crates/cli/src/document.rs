//! JSON as the server sent it: members in their order, numbers as their text. Nothing passes
//! through binary floating point, so every format prints the very digits of the answer.

use serde::de::{Error, MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::value::RawValue;

use crate::limits;

/// A JSON value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Document {
    /// `null`.
    Null,
    /// `true` or `false`.
    Bool(bool),
    /// The number's text.
    Number(String),
    /// A string, unescaped.
    String(String),
    /// A list.
    Array(Vec<Document>),
    /// Members in the order of the source.
    Object(Vec<(String, Document)>),
}

impl Document {
    /// Reads one JSON value.
    ///
    /// # Errors
    /// If the text is no JSON, or nests deeper than [`limits::ANSWER_DEPTH`].
    pub(crate) fn parse(text: &[u8]) -> Result<Self, serde_json::Error> {
        Self::from_raw(serde_json::from_slice(text)?, 0)
    }

    /// From a value that serialises to JSON, with its members in order.
    pub(crate) fn of(value: &impl serde::Serialize) -> Self {
        let text = serde_json::to_vec(value).expect("our own bodies have string keys");
        Self::parse(&text).expect("serde_json writes JSON")
    }

    /// The member of this name.
    pub(crate) fn get(&self, name: &str) -> Option<&Self> {
        match self {
            Self::Object(members) => {
                members.iter().find(|(key, _)| key == name).map(|(_, value)| value)
            }
            _ => None,
        }
    }

    /// The member of this name, taken out.
    pub(crate) fn take(self, name: &str) -> Option<Self> {
        match self {
            Self::Object(members) => {
                members.into_iter().find(|(key, _)| key == name).map(|(_, value)| value)
            }
            _ => None,
        }
    }

    fn from_raw(raw: &RawValue, depth: usize) -> Result<Self, serde_json::Error> {
        if depth > limits::ANSWER_DEPTH {
            return Err(Error::custom(format!("more than {} levels deep", limits::ANSWER_DEPTH)));
        }
        let text = raw.get();
        Ok(match text.as_bytes().first() {
            Some(b'n') => Self::Null,
            Some(b't') => Self::Bool(true),
            Some(b'f') => Self::Bool(false),
            Some(b'"') => Self::String(serde_json::from_str(text)?),
            Some(b'[') => {
                let items: Vec<&RawValue> = serde_json::from_str(text)?;
                let items = items.into_iter().map(|item| Self::from_raw(item, depth + 1));
                Self::Array(items.collect::<Result<_, _>>()?)
            }
            Some(b'{') => {
                let Members(members) = serde_json::from_str(text)?;
                let members = members
                    .into_iter()
                    .map(|(key, value)| Ok((key, Self::from_raw(value, depth + 1)?)));
                Self::Object(members.collect::<Result<_, serde_json::Error>>()?)
            }
            _ => Self::Number(text.to_owned()),
        })
    }
}

/// The members of an object, in their order.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> Deserialize<'de> for Members<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct MembersVisitor;
        impl<'de> Visitor<'de> for MembersVisitor {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(MembersVisitor)
    }
}
