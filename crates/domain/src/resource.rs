//! What the id of an Azure resource says: its type and its name.

/// The end of a resource id.
#[derive(Debug, PartialEq, Eq)]
pub struct ResourcePath<'a> {
    /// Type with its parents', in lower case: `microsoft.sql/servers/databases`.
    pub kind: String,
    /// Its own name; none where the id ends with a type.
    pub name: Option<&'a str>,
    /// The resource provider, as written: `Microsoft.Sql`. None for groups and subscriptions.
    pub namespace: Option<&'a str>,
}

/// Reads `/subscriptions/…/providers/{namespace}/{type}/{name}…`, or the id of a resource group or
/// of a subscription. Of several `providers` the last counts: it names the extension, such as a
/// lock.
#[must_use]
pub fn parse(id: &str) -> Option<ResourcePath<'_>> {
    let segments: Vec<&str> = id.split('/').filter(|segment| !segment.is_empty()).collect();
    let after = |word: &str| {
        let place = segments.iter().rposition(|segment| segment.eq_ignore_ascii_case(word))?;
        Some(&segments[place + 1..])
    };
    if let Some([namespace, path @ ..]) = after("providers")
        && !path.is_empty()
    {
        let types = path.iter().step_by(2);
        let kind: Vec<&str> = std::iter::once(namespace).chain(types).copied().collect();
        let name = path.len().is_multiple_of(2).then(|| path[path.len() - 1]);
        let kind = kind.join("/").to_ascii_lowercase();
        return Some(ResourcePath { kind, name, namespace: Some(namespace) });
    }
    for word in ["resourceGroups", "subscriptions"] {
        if let Some([name, ..]) = after(word) {
            let kind = format!("microsoft.resources/{}", word.to_ascii_lowercase());
            return Some(ResourcePath { kind, name: Some(name), namespace: None });
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_type_and_its_parents_are_the_type() {
        let read = |id: &str| {
            parse(id).map_or("none".to_owned(), |path| {
                format!("{} {}", path.kind, path.name.unwrap_or("-"))
            })
        };
        for (id, expected) in [
            (
                "/subscriptions/s/resourceGroups/g/providers/Microsoft.Compute/virtualMachines/VM1",
                "microsoft.compute/virtualmachines VM1",
            ),
            (
                "/subscriptions/s/resourcegroups/g/PROVIDERS/Microsoft.Sql/servers/a/databases/b/",
                "microsoft.sql/servers/databases b",
            ),
            (
                "/providers/Microsoft.Storage/storageAccounts/a/providers/Microsoft.X/locks/l",
                "microsoft.x/locks l",
            ),
            ("/subscriptions/s/providers/Microsoft.Sql/locations", "microsoft.sql/locations -"),
            ("/subscriptions/s/resourceGroups/g", "microsoft.resources/resourcegroups g"),
            (
                "/subscriptions/s/resourceGroups/g/providers/Microsoft.X",
                "microsoft.resources/resourcegroups g",
            ),
            ("/subscriptions/s", "microsoft.resources/subscriptions s"),
            ("vm-d2", "none"),
            ("/providers", "none"),
            ("", "none"),
        ] {
            assert_eq!(read(id), expected, "{id}");
        }
    }
}
