//! Erasing what may name people from the instance of a stored record.
//!
//! Tags, additional info and info fields go. In the resource URI each name becomes a *pseudonym*: the
//! resource group's, and those behind types; subscription, resource providers and types stay, and so do
//! location, part number and order number. Whoever lacks the key cannot go back from a pseudonym, nor
//! find out which name it is of; once the key is gone that is everybody.
//!
//! Names are equal as Azure compares them, without case: so resources that were one stay one, and others
//! stay apart.

use std::fmt;
use std::sync::Arc;

use crate::id::SubscriptionId;
use crate::record::{Instance, Tags};

/// What a pseudonym begins with; 32 hexadecimal digits in lower case follow.
pub const PSEUDONYM_PREFIX: &str = "erased-";
/// Digits of a pseudonym: 128 bits.
const PSEUDONYM_DIGITS: usize = 32;

/// The secret of one erasure, from which its pseudonyms follow: random, and destroyed once all is erased.
#[derive(Clone, PartialEq, Eq)]
pub struct ErasureKey([u8; 32]);

impl ErasureKey {
    /// From its bytes, which nobody can guess.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its bytes, to be kept until all is erased.
    #[must_use]
    pub const fn to_bytes(&self) -> [u8; 32] {
        self.0
    }
}

impl fmt::Debug for ErasureKey {
    /// Without its bytes, which no log is to have.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ErasureKey(…)")
    }
}

impl Instance {
    /// What an erasure leaves of it. Of what an erasure has left, another leaves the same, under any key.
    #[must_use]
    pub fn erased(&self, key: &ErasureKey) -> Self {
        Self {
            resource_uri: self.resource_uri.as_deref().map(|uri| erased_uri(uri, key)),
            location: self.location.clone(),
            tags: Tags::new(),
            additional_info: None,
            part_number: self.part_number.clone(),
            order_number: self.order_number.clone(),
            info_fields: None,
        }
    }
}

/// Whether a text is what an erasure puts in the place of a name.
#[must_use]
pub fn is_pseudonym(text: &str) -> bool {
    let is_digit = |byte: u8| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte);
    text.strip_prefix(PSEUDONYM_PREFIX)
        .is_some_and(|digits| digits.len() == PSEUDONYM_DIGITS && digits.bytes().all(is_digit))
}

/// A resource URI without names; one that is not of the form of Azure Resource Manager is a name as a whole.
fn erased_uri(uri: &str, key: &ErasureKey) -> Arc<str> {
    if uri.is_empty() {
        return uri.into();
    }
    let Some(segments) = segments_of(uri) else { return pseudonym("uri", uri, key).into() };
    let texts = segments.into_iter().map(|segment| match segment {
        Segment::Kept(text) => text.to_owned(),
        Segment::Name { role, text } => pseudonym(&role, text, key),
    });
    texts.collect::<Vec<_>>().join("/").into()
}

/// A part of a resource URI between slashes.
enum Segment<'a> {
    Kept(&'a str),
    /// A name, and of what: names of different roles have nothing in common.
    Name {
        role: String,
        text: &'a str,
    },
}

/// The segments of `/subscriptions/{id}/resourceGroups/{name}/providers/{namespace}/{type}/{name}…`, each
/// of the three beginnings being optional, with further types and names, and further `providers`.
fn segments_of(uri: &str) -> Option<Vec<Segment<'_>>> {
    let mut texts: Vec<&str> = uri.split('/').collect();
    let mut segments = Vec::with_capacity(texts.len());
    // A slash at the beginning and one at the end leave an empty segment each; others are of no ARM id.
    let is_open = texts.len() > 1 && texts.last() == Some(&"");
    if is_open {
        texts.pop();
    }
    if texts.first() == Some(&"") {
        segments.push(Segment::Kept(""));
        texts.remove(0);
    }
    if texts.is_empty() || texts.contains(&"") {
        return None;
    }
    let mut rest = &texts[..];
    if let [word, id, after @ ..] = rest
        && word.eq_ignore_ascii_case("subscriptions")
    {
        // A subscription is known by a GUID; anything else might be somebody's name.
        let is_guid = SubscriptionId::parse(id).is_ok();
        let name = || Segment::Name { role: "subscription".to_owned(), text: id };
        segments.extend([Segment::Kept(word), if is_guid { Segment::Kept(id) } else { name() }]);
        rest = after;
    }
    if let [word, group, after @ ..] = rest
        && word.eq_ignore_ascii_case("resourceGroups")
    {
        segments.extend([Segment::Kept(word), name_of("group", group)]);
        rest = after;
    }
    while let [word, namespace, after @ ..] = rest {
        if !word.eq_ignore_ascii_case("providers") || !is_type(namespace) {
            return None;
        }
        segments.extend([Segment::Kept(word), Segment::Kept(namespace)]);
        rest = types(namespace, after, &mut segments)?;
    }
    if !rest.is_empty() {
        return None;
    }
    if is_open {
        segments.push(Segment::Kept(""));
    }
    Some(segments)
}

/// Takes the types and names of one resource provider; gives back what follows, which begins with
/// `providers`, if anything.
fn types<'a, 'b>(
    namespace: &str,
    mut rest: &'b [&'a str],
    segments: &mut Vec<Segment<'a>>,
) -> Option<&'b [&'a str]> {
    let mut role = namespace.to_ascii_lowercase();
    loop {
        match rest {
            [word, ..] if word.eq_ignore_ascii_case("providers") => return Some(rest),
            [kind, name, after @ ..] => {
                if !is_type(kind) {
                    return None;
                }
                role = format!("{role}/{}", kind.to_ascii_lowercase());
                segments.extend([Segment::Kept(kind), name_of(&role, name)]);
                rest = after;
            }
            // A type without a name is no resource: it may be a name without its type.
            [last] => {
                segments.push(name_of(&role, last));
                return Some(&[]);
            }
            [] => return Some(&[]),
        }
    }
}

fn name_of<'a>(role: &str, text: &'a str) -> Segment<'a> {
    Segment::Name { role: role.to_owned(), text }
}

/// Whether a segment may be a namespace or a type: others might be anything.
fn is_type(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte))
}

/// What stands for a name; what does already stays.
fn pseudonym(role: &str, name: &str, key: &ErasureKey) -> String {
    if is_pseudonym(name) {
        return name.to_owned();
    }
    let folded = name.to_lowercase();
    let mut hasher = blake3::Hasher::new_keyed(&key.0);
    for part in [role, &folded] {
        let length = u64::try_from(part.len()).expect("a text is below 2^64 bytes");
        hasher.update(&length.to_be_bytes()).update(part.as_bytes());
    }
    let hash = hasher.finalize();
    let bits: [u8; 16] = *hash.as_bytes().first_chunk().expect("a BLAKE3 hash has 32 bytes");
    format!("{PSEUDONYM_PREFIX}{:032x}", u128::from_be_bytes(bits))
}

#[cfg(test)]
mod tests;
