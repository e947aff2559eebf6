//! The two columns that hold JSON objects: tags, and the details of a SKU price.

use std::fmt::Write as _;

use domain::record::Tags;

/// What the object of a text that is no JSON object calls it.
const OTHERWISE: &str = "AdditionalInfo";

/// Tags as an object of texts; none where there are none.
pub(crate) fn of_tags(tags: &Tags) -> Option<String> {
    let members = tags.iter().map(|(name, value)| (quoted(name), quoted(value)));
    object(members)
}

/// Further facts of a resource with `x_` before each name, as FOCUS asks of names that it does not
/// define. It asks for plain values too: an object or a list becomes its own text.
pub(crate) fn of_details(info: &str) -> Option<String> {
    let Some(members) = members(info) else {
        let name = format!("\"x_{OTHERWISE}\"");
        return object(std::iter::once((name, quoted(info))));
    };
    object(members.into_iter().map(|(name, value)| {
        let value = if value.starts_with(['{', '[']) { quoted(value) } else { value.to_owned() };
        (format!("\"x_{}", &name[1..]), value)
    }))
}

fn object(members: impl Iterator<Item = (String, String)>) -> Option<String> {
    let members: Vec<String> = members.map(|(name, value)| format!("{name}:{value}")).collect();
    (!members.is_empty()).then(|| format!("{{{}}}", members.join(",")))
}

/// A text in quotes, with the escapes that JSON asks for.
fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for letter in text.chars() {
        match letter {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            letter if letter < ' ' => {
                write!(quoted, "\\u{:04x}", u32::from(letter)).expect("a String takes any text");
            }
            letter => quoted.push(letter),
        }
    }
    quoted.push('"');
    quoted
}

/// The members of an object in canonical form (compact, no name twice), each as it is written.
fn members(text: &str) -> Option<Vec<(&str, &str)>> {
    let mut rest = text.strip_prefix('{')?.strip_suffix('}')?;
    let mut members = Vec::new();
    while !rest.is_empty() {
        let end = end_of_string(rest)?;
        let (name, after) = rest.split_at(end);
        let after = after.strip_prefix(':')?;
        let end = end_of_value(after);
        let (value, after) = after.split_at(end);
        if value.is_empty() {
            return None;
        }
        members.push((name, value));
        rest = match after.strip_prefix(',') {
            Some("") => return None,
            Some(after) => after,
            None => after,
        };
    }
    Some(members)
}

/// Where the string ends that the text begins with.
fn end_of_string(text: &str) -> Option<usize> {
    let mut is_escaped = false;
    for (place, byte) in text.bytes().enumerate() {
        match byte {
            b'"' if place == 0 => {}
            _ if place == 0 => return None,
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            b'"' => return Some(place + 1),
            _ => {}
        }
    }
    None
}

/// Where the value ends that the text begins with: before the next comma outside of it.
fn end_of_value(text: &str) -> usize {
    let (mut depth, mut place) = (0usize, 0);
    while let Some(byte) = text.as_bytes().get(place) {
        match byte {
            b'"' => match end_of_string(&text[place..]) {
                Some(length) => {
                    place += length;
                    continue;
                }
                None => return text.len(),
            },
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            b',' if depth == 0 => return place,
            _ => {}
        }
        place += 1;
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_details_begin_with_x_and_values_are_plain() {
        for (info, expected) in [
            (r#"{"ServiceType":"Standard_D1"}"#, r#"{"x_ServiceType":"Standard_D1"}"#),
            (r#"{"a":1.50,"b":true,"c":null}"#, r#"{"x_a":1.50,"x_b":true,"x_c":null}"#),
            (r#"{"a":{"b":[1,"}"]},"c":"d,e"}"#, r#"{"x_a":"{\"b\":[1,\"}\"]}","x_c":"d,e"}"#),
            (r#"{"a\"b":"\\","x_c":"d"}"#, r#"{"x_a\"b":"\\","x_x_c":"d"}"#),
            ("text", r#"{"x_AdditionalInfo":"text"}"#),
            (r#"{"a"}"#, r#"{"x_AdditionalInfo":"{\"a\"}"}"#),
            (r#"{"a":1,}"#, r#"{"x_AdditionalInfo":"{\"a\":1,}"}"#),
            ("[1]", r#"{"x_AdditionalInfo":"[1]"}"#),
        ] {
            assert_eq!(of_details(info).as_deref(), Some(expected), "{info}");
        }
        assert_eq!(of_details("{}"), None);
    }

    #[test]
    fn tags_are_escaped() {
        let tags = [("a\"\\", "b\n\u{1}"), ("env", "prod")];
        let tags: Tags = tags.map(|(name, value)| (name.into(), value.into())).into();
        assert_eq!(of_tags(&tags).as_deref(), Some(r#"{"a\"\\":"b\n\u0001","env":"prod"}"#));
        assert_eq!(of_tags(&Tags::new()), None);
    }
}
