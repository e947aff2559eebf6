//! The little of Microsoft Graph that clients ask for when they assign roles: a service principal by a
//! name of it, and what objects are by their ids.
//!
//! Source: Microsoft Graph v1.0, List servicePrincipals and directoryObject: getByIds.

use std::collections::BTreeSet;
use std::fmt;

use domain::id::{ApplicationId, ObjectId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::odata::{self, Comparison, Filter, Operator, parse_filter};
use crate::query::Parameters;
use crate::text::Excerpt;

/// Most ids of one question.
///
/// Source: Microsoft Graph v1.0, directoryObject: getByIds.
pub const IDS_MAX: usize = 1_000;

/// The forms of the filter of service principals.
const FORMS: &str = "servicePrincipalNames/any(c:c eq 'NAME'), appId eq 'GUID' or id eq 'GUID'";

/// The types of objects that service principals are of.
const TYPES: [&str; 2] = ["servicePrincipal", "directoryObject"];

/// Which service principal is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// The one that signs in as this application.
    Application(ApplicationId),
    /// The one with this id of its own.
    Object(ObjectId),
    /// One with a name that none has here: names are the ids of applications.
    Nobody,
}

impl Wanted {
    /// Reads `$filter`, which has to name one service principal.
    ///
    /// # Errors
    /// [`GraphError`] if it is absent or of another form.
    pub fn from_parameters(parameters: &Parameters) -> Result<Self, GraphError> {
        let text = parameters.get("$filter").filter(|text| !text.trim().is_empty());
        let text = text.ok_or(GraphError::NoFilter)?;
        let form = || GraphError::Form(Excerpt::new(text));
        match parse_filter(text).map_err(GraphError::Syntax)? {
            Filter::Any { field, variable, test } if field.is("servicePrincipalNames") => {
                let Filter::Compare(test) = *test else { return Err(form()) };
                let name = equal_to(&test, variable.as_str()).ok_or_else(form)?;
                Ok(ApplicationId::parse(name).map_or(Self::Nobody, Self::Application))
            }
            Filter::Compare(test) => {
                let guid = |name: &str| GraphError::Id(Excerpt::new(name));
                if let Some(name) = equal_to(&test, "appId") {
                    return ApplicationId::parse(name)
                        .map(Self::Application)
                        .map_err(|_| guid(name));
                }
                let name = equal_to(&test, "id").ok_or_else(form)?;
                ObjectId::parse(name).map(Self::Object).map_err(|_| guid(name))
            }
            _ => Err(form()),
        }
    }
}

fn equal_to<'a>(comparison: &'a Comparison, field: &str) -> Option<&'a str> {
    let is_asked = comparison.field.is(field) && comparison.operator == Operator::Equal;
    comparison.value.text().filter(|_| is_asked)
}

/// Ids whose objects are asked for.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct GetByIds {
    /// GUIDs, at most 1,000.
    pub ids: Vec<String>,
    /// The types that are looked for, such as `servicePrincipal` and `user`; every type if absent.
    pub types: Option<Vec<String>>,
}

impl GetByIds {
    /// The ids that a service principal may have, each once, in the order in which they are asked for.
    ///
    /// # Errors
    /// [`GraphError`] if there are too many, or one is no GUID.
    pub fn objects(&self) -> Result<Vec<ObjectId>, GraphError> {
        if self.ids.len() > IDS_MAX {
            return Err(GraphError::TooMany(self.ids.len()));
        }
        let mut seen = BTreeSet::new();
        let mut objects = vec![];
        for text in &self.ids {
            let id = ObjectId::parse(text).map_err(|_| GraphError::Id(Excerpt::new(text)))?;
            if seen.insert(id) {
                objects.push(id);
            }
        }
        let is_ours = |given: &String| TYPES.iter().any(|name| name.eq_ignore_ascii_case(given));
        let asked = self.types.as_ref().is_none_or(|types| types.iter().any(is_ours));
        Ok(if asked { objects } else { vec![] })
    }
}

/// Why a question is refused. Messages are sentences, as Azure's are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum GraphError {
    /// Without a filter it would be all service principals.
    NoFilter,
    /// The filter cannot be read.
    Syntax(odata::FilterError),
    /// The filter is of another form, and this is it, cut.
    Form(Excerpt),
    /// What has to be a GUID, cut.
    Id(Excerpt),
    /// So many ids.
    TooMany(usize),
}

impl fmt::Display for GraphError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoFilter => {
                write!(f, "A $filter has to name the service principal; this list takes {FORMS}.")
            }
            Self::Syntax(error) => write!(f, "{error}"),
            Self::Form(filter) => {
                write!(f, "The $filter {filter} is not supported; this list takes {FORMS}.")
            }
            Self::Id(text) => write!(f, "The id {text} is not a GUID."),
            Self::TooMany(count) => {
                write!(f, "The request has {count} ids, and may have {IDS_MAX}.")
            }
        }
    }
}

impl std::error::Error for GraphError {}

/// A list, all on one page.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = GraphList)]
pub struct Listed<T> {
    /// What the entries are.
    #[serde(rename = "@odata.context")]
    pub context: String,
    /// The entries.
    pub value: Vec<T>,
}

impl<T> Listed<T> {
    /// The entries of this name, below the origin that the client asked.
    #[must_use]
    pub fn new(origin: &str, name: &str, value: Vec<T>) -> Self {
        Self { context: format!("{origin}/v1.0/$metadata#{name}"), value }
    }
}

/// A service principal.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = GraphServicePrincipal)]
pub struct ServicePrincipal {
    /// Of which type it is, in a list of several types.
    #[serde(rename = "@odata.type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// Its own id, which roles are assigned to.
    pub id: String,
    /// What it signs in as.
    pub app_id: String,
    /// Shown to people.
    pub display_name: String,
    /// What it can be asked for by: the `appId`.
    pub service_principal_names: Vec<String>,
    /// `Application`.
    pub service_principal_type: String,
    /// Whether it may sign in.
    pub account_enabled: bool,
    /// The tenant that it is of.
    pub app_owner_organization_id: String,
}

/// The type of service principals among others.
pub const SERVICE_PRINCIPAL: &str = "#microsoft.graph.servicePrincipal";

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "6b0f6f0a-7a0b-4a55-9a25-0b8f8f3d2c77";

    fn wanted(filter: &str) -> String {
        let parameters = Parameters::parse(&format!("$filter={filter}")).unwrap();
        match Wanted::from_parameters(&parameters) {
            Ok(wanted) => format!("{wanted:?}"),
            Err(error) => error.to_string(),
        }
    }

    #[test]
    fn a_filter_names_one_service_principal() {
        for (filter, expected) in [
            (format!("servicePrincipalNames/any(c:c eq '{ID}')"), format!("Application({ID})")),
            (format!("SERVICEPRINCIPALNAMES/any(x: x eq '{ID}')"), format!("Application({ID})")),
            (format!("appId eq '{ID}'"), format!("Application({ID})")),
            (format!("id eq {ID}"), format!("Object({ID})")),
            ("servicePrincipalNames/any(c:c eq 'http://x')".to_owned(), "Nobody".to_owned()),
        ] {
            assert_eq!(wanted(&filter), expected, "{filter}");
        }
    }

    #[test]
    fn every_other_filter_is_refused() {
        let refused = [
            "servicePrincipalNames/any(c:d eq 'x')",
            "servicePrincipalNames/any(c:c ne 'x')",
            "servicePrincipalNames/any(c:not (c eq 'x'))",
            "tags/any(c:c eq 'x')",
            "appId ne '6b0f6f0a-7a0b-4a55-9a25-0b8f8f3d2c77'",
            "displayName eq 'Cost report'",
            "startswith(displayName,'a')",
            "appId eq 'a' and id eq 'b'",
        ];
        for filter in refused {
            assert!(wanted(filter).contains("is not supported"), "{filter}: {}", wanted(filter));
        }
        assert_eq!(wanted("appId eq 'x'"), "The id 'x' is not a GUID.");
        assert!(wanted(" ").starts_with("A $filter has to name"));
        assert!(wanted("appId eq").contains("cannot be read"));
    }

    fn objects(ids: &[&str], types: Option<&[&str]>) -> Result<usize, GraphError> {
        let texts = |texts: &[&str]| texts.iter().map(|text| (*text).to_owned()).collect();
        let asked = GetByIds { ids: texts(ids), types: types.map(texts) };
        asked.objects().map(|objects| objects.len())
    }

    #[test]
    fn ids_are_asked_for_once_and_by_type() {
        assert_eq!(objects(&[ID, &ID.to_uppercase()], None), Ok(1));
        assert_eq!(objects(&[ID], Some(&["user", "serviceprincipal"])), Ok(1));
        assert_eq!(objects(&[ID], Some(&["user", "group"])), Ok(0));
        assert_eq!(objects(&["x"], Some(&["user"])), Err(GraphError::Id(Excerpt::new("x"))));
        assert_eq!(objects(&[ID; IDS_MAX], None), Ok(1));
        assert_eq!(objects(&[ID; IDS_MAX + 1], None), Err(GraphError::TooMany(IDS_MAX + 1)));
    }
}
