//! Paths below a scope of any depth: `{scope}/providers/Microsoft.Authorization/{type}/{name}`.
//! Pure.
//!
//! A path is split at the last `/providers/Microsoft.Authorization/`, as what comes before it may be
//! a role assignment itself. Each segment is decoded once, and one that could then be read as
//! something else than a name is refused: it is compared with the scopes of roles.

use accounts::{Scope, ScopeError};
use percent_encoding::percent_decode_str;

use crate::error::AuthorizationError;

/// What a path below a scope names.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ScopePath {
    /// The scope, or what is wrong with it.
    pub(super) scope: Result<Scope, ScopeError>,
    /// The subscription, as it is written.
    pub(super) subscription: String,
    /// The type in lower case, such as `roleassignments`.
    pub(super) resource_type: String,
    /// The name, as it is written; none for the list.
    pub(super) name: Option<String>,
}

/// Splits a path as a client wrote it; none if it is none of Microsoft.Authorization.
///
/// # Errors
/// [`AuthorizationError::Path`] if a segment could be read in two ways.
pub(super) fn split(path: &str) -> Result<Option<ScopePath>, AuthorizationError> {
    let path = path.trim_start_matches('/');
    let path = path.strip_suffix('/').unwrap_or(path);
    let written: Vec<&str> = path.split('/').collect();
    let is = |at: usize, name: &str| {
        written.get(at).is_some_and(|segment| segment.eq_ignore_ascii_case(name))
    };
    let begins = |at: &usize| is(*at, "providers") && is(at + 1, "microsoft.authorization");
    let Some(split) = (2..written.len()).rev().find(begins) else { return Ok(None) };
    let segments: Vec<String> = written.iter().map(|one| segment(one)).collect::<Result<_, _>>()?;
    let (scope, below) = segments.split_at(split);
    let (resource_type, name) = match &below[2..] {
        [resource_type] => (resource_type, None),
        [resource_type, name] => (resource_type, Some(name.clone())),
        _ => return Ok(None),
    };
    Ok(Some(ScopePath {
        scope: Scope::parse(&format!("/{}", scope.join("/"))),
        subscription: scope[1].clone(),
        resource_type: resource_type.to_ascii_lowercase(),
        name,
    }))
}

fn segment(written: &str) -> Result<String, AuthorizationError> {
    let refused = || AuthorizationError::Path { segment: written.to_owned() };
    let decoded = percent_decode_str(written).decode_utf8().map_err(|_| refused())?;
    let is_name = !decoded.is_empty() && !matches!(decoded.as_ref(), "." | "..");
    // A percent sign that is still there after decoding may be decoded again by others.
    let is_plain = !decoded.chars().any(|one| one.is_control() || r"/\%".contains(one));
    if is_name && is_plain { Ok(decoded.into_owned()) } else { Err(refused()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const S: &str = "/subscriptions/00000000-0000-0000-0000-0000000000ab";

    fn check(path: &str) -> String {
        match split(path) {
            Ok(None) => "none".to_owned(),
            Ok(Some(ScopePath { scope, subscription, resource_type, name })) => {
                let scope = match scope {
                    Ok(scope) => scope.to_string().replace(S, "S"),
                    Err(error) => format!("({error})"),
                };
                let _ = subscription;
                format!("{scope} {resource_type} {}", name.as_deref().unwrap_or("-"))
            }
            Err(AuthorizationError::Path { segment }) => format!("refused {segment}"),
            Err(other) => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_path_is_split_at_the_last_provider() {
        const P: &str = "providers/Microsoft.Authorization";
        for (path, expected) in [
            (format!("{S}/{P}/roleAssignments"), "S roleassignments -"),
            (format!("/{S}/{P}/roleAssignments/"), "S roleassignments -"),
            (
                format!("{S}/PROVIDERS/microsoft.AUTHORIZATION/ROLEassignments/X"),
                "S roleassignments X",
            ),
            (
                format!("{S}/resourcegroups/Web/{P}/roleDefinitions/a%20b"),
                "S/resourceGroups/Web roledefinitions a b",
            ),
            (
                format!("{S}/resourceGroups/w%28e%29b/providers/N/t/Name/{P}/permissions"),
                "S/resourceGroups/w(e)b/providers/N/t/Name permissions -",
            ),
            (
                format!("{S}/{P}/roleAssignments/X/{P}/roleAssignments/Y"),
                "S/providers/Microsoft.Authorization/roleAssignments/X roleassignments Y",
            ),
            (format!("{S}/providers/Microsoft.Commerce/RateCard"), "none"),
            (format!("{S}/{P}"), "none"),
            (format!("{S}/{P}/roleAssignments/X/Y"), "none"),
            ("/providers/Microsoft.Authorization/roleAssignments".to_owned(), "none"),
            (
                format!("/tenants/x/{P}/roleAssignments"),
                "(a scope begins with /subscriptions/) roleassignments -",
            ),
            (
                format!("{S}/resourceGroups/{P}/roleAssignments"),
                "(below a subscription a scope is /resourceGroups/NAME, \
                 /providers/NAMESPACE/TYPE/NAME, or both) roleassignments -",
            ),
            (
                format!("{S}/resourceGroups/a*/{P}/roleAssignments"),
                "(scope has the character '*') roleassignments -",
            ),
        ] {
            assert_eq!(check(&path), expected, "{path}");
        }
    }

    #[test]
    fn a_segment_that_could_be_read_in_two_ways_is_refused() {
        for segment in [
            "..", ".", "%2e%2e", "%2E", "", "a%2fb", "a%2Fb", "a%5cb", "a\\b", "%252e", "%00",
            "%ff", "a%0ab",
        ] {
            for path in [
                format!(
                    "{S}/resourceGroups/{segment}/providers/Microsoft.Authorization/permissions"
                ),
                format!(
                    "{S}/providers/Microsoft.Authorization/roleAssignments/{segment}/providers/Microsoft.Authorization/permissions"
                ),
            ] {
                assert_eq!(check(&path), format!("refused {segment}"), "{path}");
            }
        }
    }
}
