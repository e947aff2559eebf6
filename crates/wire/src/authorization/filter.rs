//! The filters of the lists of role assignments and role definitions: a few forms, and no others.

use std::fmt;

use domain::id::ObjectId;

use crate::odata::{self, Argument, Call, Comparison, Filter, Operator, parse_filter};
use crate::text::Excerpt;

/// Which role assignments are asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct AssignmentFilter {
    /// Those at the scope and above it alone (`atScope()`); without it, those below as well.
    pub at_scope: bool,
    /// Those of whom; of everybody if none.
    pub of: Option<Assignee>,
}

/// Whose role assignments are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Assignee {
    /// The principal's own (`principalId eq '…'`).
    Principal(ObjectId),
    /// The principal's and its groups' (`assignedTo('…')`).
    WithGroups(ObjectId),
}

/// Which role definitions are asked for; all that can be assigned at the scope by default.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DefinitionFilter {
    /// The one with this name, in any case (`roleName eq '…'`).
    pub name: Option<String>,
    /// Those of this type (`type eq '…'`).
    pub role_type: Option<RoleType>,
    /// Those that can be assigned below the scope as well (`atScopeAndBelow()`).
    pub and_below: bool,
}

/// Who made a role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RoleType {
    /// It is in every installation.
    BuiltIn,
    /// A tenant made it.
    Custom,
}

/// Why a filter selects nothing. Messages are sentences, as Azure's are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ListFilterError {
    /// It cannot be read.
    Syntax(odata::FilterError),
    /// It has a part that the list does not know, or twice, or together with what excludes it.
    Form {
        /// The filter, cut.
        filter: Excerpt,
        /// What the list takes.
        taken: &'static str,
    },
    /// A value that its field cannot have.
    Value {
        /// The field or function.
        of: &'static str,
        /// The value, cut.
        value: Excerpt,
        /// What it can be.
        expected: &'static str,
    },
}

/// The forms of role assignments.
const ASSIGNMENT_FORMS: &str = "atScope(), principalId eq 'GUID', assignedTo('GUID') and \
                                atScope() and assignedTo('GUID')";

/// The forms of role definitions.
const DEFINITION_FORMS: &str = "roleName eq 'NAME', type eq 'BuiltInRole', type eq 'CustomRole', \
                                atScopeAndBelow(), and several of them joined by 'and'";

impl AssignmentFilter {
    /// Reads the filter; an absent or empty one selects everything.
    ///
    /// # Errors
    /// [`ListFilterError`] if it is not one of the forms.
    pub fn parse(text: Option<&str>) -> Result<Self, ListFilterError> {
        let Some(text) = text.filter(|text| !text.trim().is_empty()) else {
            return Ok(Self::default());
        };
        let form = || ListFilterError::Form { filter: Excerpt::new(text), taken: ASSIGNMENT_FORMS };
        let filter = parse_filter(text).map_err(ListFilterError::Syntax)?;
        let mut parsed = Self::default();
        for term in filter.terms() {
            let of = match term {
                Filter::Call(call) if is_plain(call, "atScope") && !parsed.at_scope => {
                    parsed.at_scope = true;
                    continue;
                }
                Filter::Call(call) if call.function.is("assignedTo") => {
                    let [Argument::Literal(literal)] = call.arguments.as_slice() else {
                        return Err(form());
                    };
                    let text = literal.text().ok_or_else(form)?;
                    Assignee::WithGroups(object_id("assignedTo", text)?)
                }
                Filter::Compare(comparison) => {
                    let text = equal_to(comparison, "principalId").ok_or_else(form)?;
                    Assignee::Principal(object_id("principalId", text)?)
                }
                _ => return Err(form()),
            };
            if parsed.of.replace(of).is_some() {
                return Err(form());
            }
        }
        match parsed {
            // Azure refuses them together, and az never sends them so.
            Self { at_scope: true, of: Some(Assignee::Principal(_)) } => Err(form()),
            parsed => Ok(parsed),
        }
    }
}

impl DefinitionFilter {
    /// Reads the filter; an absent or empty one selects everything at the scope.
    ///
    /// # Errors
    /// [`ListFilterError`] if it is not one of the forms.
    pub fn parse(text: Option<&str>) -> Result<Self, ListFilterError> {
        let Some(text) = text.filter(|text| !text.trim().is_empty()) else {
            return Ok(Self::default());
        };
        let form = || ListFilterError::Form { filter: Excerpt::new(text), taken: DEFINITION_FORMS };
        let filter = parse_filter(text).map_err(ListFilterError::Syntax)?;
        let mut parsed = Self::default();
        for term in filter.terms() {
            let is_doubled = match term {
                Filter::Call(call) if is_plain(call, "atScopeAndBelow") => {
                    std::mem::replace(&mut parsed.and_below, true)
                }
                Filter::Compare(comparison) => {
                    if let Some(name) = equal_to(comparison, "roleName") {
                        parsed.name.replace(name.to_owned()).is_some()
                    } else {
                        let text = equal_to(comparison, "type").ok_or_else(form)?;
                        parsed.role_type.replace(role_type(text)?).is_some()
                    }
                }
                _ => return Err(form()),
            };
            if is_doubled {
                return Err(form());
            }
        }
        Ok(parsed)
    }
}

fn is_plain(call: &Call, name: &str) -> bool {
    call.function.is(name) && call.arguments.is_empty()
}

fn equal_to<'a>(comparison: &'a Comparison, field: &str) -> Option<&'a str> {
    let is_asked = comparison.field.is(field) && comparison.operator == Operator::Equal;
    comparison.value.text().filter(|_| is_asked)
}

fn object_id(of: &'static str, text: &str) -> Result<ObjectId, ListFilterError> {
    ObjectId::parse(text).map_err(|_| ListFilterError::Value {
        of,
        value: Excerpt::new(text),
        expected: "a GUID",
    })
}

fn role_type(text: &str) -> Result<RoleType, ListFilterError> {
    let types = [("BuiltInRole", RoleType::BuiltIn), ("CustomRole", RoleType::Custom)];
    let found = types.into_iter().find(|(name, _)| name.eq_ignore_ascii_case(text));
    found.map(|(_, role_type)| role_type).ok_or_else(|| ListFilterError::Value {
        of: "type",
        value: Excerpt::new(text),
        expected: "BuiltInRole or CustomRole",
    })
}

impl fmt::Display for ListFilterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Syntax(error) => write!(f, "{error}"),
            Self::Form { filter, taken } => {
                write!(f, "The $filter {filter} is not supported; this list takes {taken}.")
            }
            Self::Value { of, value, expected } => {
                write!(f, "The value {value} of '{of}' in the $filter is not {expected}.")
            }
        }
    }
}

impl std::error::Error for ListFilterError {}
