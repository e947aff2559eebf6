//! What the list of resource groups is asked: which tag they have, and which page.
//!
//! The `$skiptoken` is the last name of the page before, in lower case, with a form byte before it.
//! Groups come in order of name and none goes away, so no page loses or repeats one.
//!
//! Source: Azure Resource Manager, Resource Groups - List.

use crate::cost_request::{CostRequestError, PageRequest};
use crate::odata::{Comparison, Operator, parse_filter};
use crate::page_token::PageTokenError;
use crate::query::Parameters;
use crate::sealed;
use crate::text::Excerpt;

const FORM: u8 = 2; // the tokens of figures have 1

/// What a filter may be.
const FORMS: &str = "tagName eq 'NAME', or tagName eq 'NAME' and tagValue eq 'VALUE'";

/// A question for resource groups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ResourceGroupsRequest {
    /// The tag that they have; none for all.
    pub tag: Option<WantedTag>,
    /// Most groups of the page.
    pub top: usize,
    /// The name, in lower case, that the page before ended with.
    pub after: Option<String>,
}

/// A tag that resource groups have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WantedTag {
    /// Its name, in any case.
    pub name: String,
    /// Its value, exactly; none for any.
    pub value: Option<String>,
}

/// Why a question is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ResourceGroupsError {
    /// The filter or `$top` is wrong.
    Request(CostRequestError),
    /// The `$skiptoken` is none.
    Token(PageTokenError),
}

impl ResourceGroupsRequest {
    /// Reads the parameters; a page has at most `most` groups, and `expected` says so.
    ///
    /// # Errors
    /// [`ResourceGroupsError`] for the first that is wrong.
    pub fn from_parameters(
        parameters: &Parameters,
        most: usize,
        expected: &'static str,
    ) -> Result<Self, ResourceGroupsError> {
        let page = PageRequest::from_parameters(parameters, most, expected);
        let page = page.map_err(ResourceGroupsError::Request)?;
        let filter = parameters.get("$filter").filter(|text| !text.trim().is_empty());
        let tag = filter.map(wanted_tag).transpose().map_err(ResourceGroupsError::Request)?;
        let after = page.skip_token.as_deref().map(|token| {
            name_of(token).ok_or(ResourceGroupsError::Token(PageTokenError::Malformed))
        });
        Ok(Self { tag, top: page.top, after: after.transpose()? })
    }
}

/// The `$skiptoken` of the page after the one that ends with a name, in lower case.
#[must_use]
pub fn skip_token(last: &str) -> String {
    sealed::seal([&[FORM], last.as_bytes()].concat())
}

fn name_of(token: &str) -> Option<String> {
    let content = sealed::open(token)?;
    let (form, name) = content.split_first()?;
    (*form == FORM).then(|| String::from_utf8(name.to_vec()).ok()).flatten()
}

fn wanted_tag(text: &str) -> Result<WantedTag, CostRequestError> {
    let unknown = || CostRequestError::FilterPart { found: Excerpt::new(text), expected: FORMS };
    let filter = parse_filter(text)?;
    let (mut name, mut value) = (None, None);
    for Comparison { field, operator, value: literal } in
        filter.conjunction().ok_or_else(unknown)?
    {
        let place = match () {
            () if field.is("tagName") => &mut name,
            () if field.is("tagValue") => &mut value,
            () => return Err(unknown()),
        };
        let wanted = literal.text().filter(|_| *operator == Operator::Equal);
        let wanted = wanted.ok_or_else(unknown)?.to_owned();
        if place.replace(wanted).is_some() {
            return Err(unknown());
        }
    }
    Ok(WantedTag { name: name.ok_or_else(unknown)?, value })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(query: &str) -> Result<ResourceGroupsRequest, ResourceGroupsError> {
        let parameters = Parameters::parse(query).unwrap();
        ResourceGroupsRequest::from_parameters(&parameters, 10, "a number from 1 to 10")
    }

    #[test]
    fn a_filter_names_a_tag() {
        let tag = |query: &str| {
            let tag = read(query).unwrap().tag;
            tag.map(|tag| format!("{}={}", tag.name, tag.value.as_deref().unwrap_or("*")))
        };
        assert_eq!(tag(""), None);
        assert_eq!(tag("$filter=%20"), None);
        assert_eq!(tag("$filter=tagName eq 'env'").as_deref(), Some("env=*"));
        for both in
            ["tagName eq 'env' and tagValue eq 'it''s'", "TAGVALUE EQ 'it''s' AND tagname eq 'env'"]
        {
            assert_eq!(tag(&format!("$filter={both}")).as_deref(), Some("env=it's"), "{both}");
        }
        for wrong in [
            "tagValue eq 'prod'",
            "tagName ne 'env'",
            "tagName eq 'a' and tagName eq 'b'",
            "tagName eq 'a' or tagValue eq 'b'",
            "name eq 'web'",
            "tagName eq 7",
        ] {
            let refused = read(&format!("$filter={wrong}")).unwrap_err();
            assert!(matches!(
                refused,
                ResourceGroupsError::Request(CostRequestError::FilterPart { .. })
            ));
        }
    }

    #[test]
    fn a_token_gives_back_the_name_that_went_in() {
        let token = skip_token("grün-(1)");
        assert_eq!(
            read(&format!("$skiptoken={token}")).unwrap().after.as_deref(),
            Some("grün-(1)")
        );
        for none in ["AAAA", &token[1..], "web"] {
            let refused = read(&format!("$skiptoken={none}"));
            assert_eq!(
                refused,
                Err(ResourceGroupsError::Token(PageTokenError::Malformed)),
                "{none}"
            );
        }
        assert_eq!((read("").unwrap().top, read("$top=3").unwrap().top), (10, 3));
        assert!(read("$top=11").is_err() && read("$top=0").is_err());
    }
}
