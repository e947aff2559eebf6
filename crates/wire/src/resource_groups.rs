//! What the list of resource groups is asked: which tag they have, and which page.
//!
//! The `$skiptoken` is the last name of the page before, in lower case, behind a form byte (3) and the
//! hash of the question as in [`page_token`] (16). Groups come in order of name and none goes away, so
//! no page loses or repeats one.
//!
//! Source: Azure Resource Manager, Resource Groups - List.
//!
//! [`page_token`]: crate::page_token

use domain::id::SubscriptionId;

use crate::cost_request::{CostRequestError, PageRequest};
use crate::odata::{Comparison, Operator, parse_filter};
use crate::page_token::{PageTokenError, question_hash};
use crate::query::Parameters;
use crate::sealed::{self, Form};
use crate::text::Excerpt;

const FORM: u8 = Form::ResourceGroups.byte();

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
    /// The hash of all that the answer depends on beside the page.
    question: [u8; 16],
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
    /// Reads the parameters of a question for those of a subscription; a page has at most `most` groups, and `expected` says so.
    ///
    /// # Errors
    /// [`ResourceGroupsError`] for the first that is wrong.
    pub fn from_parameters(
        subscription: SubscriptionId,
        parameters: &Parameters,
        most: usize,
        expected: &'static str,
    ) -> Result<Self, ResourceGroupsError> {
        let page = PageRequest::from_parameters(parameters, most, expected);
        let page = page.map_err(ResourceGroupsError::Request)?;
        let filter = parameters.get("$filter").filter(|text| !text.trim().is_empty());
        let tag = filter.map(wanted_tag).transpose().map_err(ResourceGroupsError::Request)?;
        let question = question(subscription, tag.as_ref());
        let after = page.skip_token.as_deref().map(|token| name_of(token, question));
        let after = after.transpose().map_err(ResourceGroupsError::Token)?;
        Ok(Self { tag, top: page.top, after, question })
    }

    /// The `$skiptoken` of the page after the one that ends with a name, in lower case.
    #[must_use]
    pub fn skip_token(&self, last: &str) -> String {
        sealed::seal([&[FORM], &self.question[..], last.as_bytes()].concat())
    }
}

/// The case of a tag's name does not count.
fn question(subscription: SubscriptionId, tag: Option<&WantedTag>) -> [u8; 16] {
    let mut texts = vec!["resourceGroups".to_owned(), subscription.to_string()];
    if let Some(WantedTag { name, value }) = tag {
        texts.push(name.to_ascii_lowercase());
        texts.extend(value.clone());
    }
    question_hash(&texts)
}

fn name_of(token: &str, question: [u8; 16]) -> Result<String, PageTokenError> {
    let content = sealed::open(token).ok_or(PageTokenError::Malformed)?;
    let read = || {
        let ([form], rest) = content.split_first_chunk()?;
        let (hash, name) = rest.split_first_chunk::<16>()?;
        let name = String::from_utf8(name.to_vec()).ok().filter(|_| *form == FORM)?;
        Some((*hash, name))
    };
    let (hash, name) = read().ok_or(PageTokenError::Malformed)?;
    if hash == question { Ok(name) } else { Err(PageTokenError::OtherQuestion) }
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
        read_of(7, query)
    }

    fn read_of(
        subscription: u128,
        query: &str,
    ) -> Result<ResourceGroupsRequest, ResourceGroupsError> {
        let (id, parameters) =
            (SubscriptionId::from_bits(subscription), Parameters::parse(query).unwrap());
        ResourceGroupsRequest::from_parameters(id, &parameters, 10, "a number from 1 to 10")
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
        let token = read("").unwrap().skip_token("grün-(1)");
        assert_eq!(
            read(&format!("$skiptoken={token}")).unwrap().after.as_deref(),
            Some("grün-(1)")
        );
        let of_changes = crate::log_token::encode(1, &["resourceGroups"]);
        for none in ["AAAA", &token[1..], "web", &of_changes] {
            let refused = read(&format!("$skiptoken={none}"));
            assert_eq!(
                refused,
                Err(ResourceGroupsError::Token(PageTokenError::Malformed)),
                "{none}"
            );
        }
        assert_eq!(
            crate::log_token::decode(&token, &["resourceGroups"]),
            Err(PageTokenError::Malformed)
        );
        assert_eq!((read("").unwrap().top, read("$top=3").unwrap().top), (10, 3));
        assert!(read("$top=11").is_err() && read("$top=0").is_err());
    }

    #[test]
    fn a_token_belongs_to_its_subscription_and_filter() {
        let of_tag = "$filter=tagName eq 'env'";
        let token = read(of_tag).unwrap().skip_token("web");
        let after = |subscription, filter: &str| {
            read_of(subscription, &format!("{filter}&$skiptoken={token}")).map(|read| read.after)
        };
        assert_eq!(after(7, of_tag), Ok(Some("web".to_owned())));
        assert_eq!(after(7, "$filter=TAGNAME eq 'ENV'"), Ok(Some("web".to_owned())));
        let refused = Err(ResourceGroupsError::Token(PageTokenError::OtherQuestion));
        assert_eq!(after(8, of_tag), refused);
        for other in
            ["", "$filter=tagName eq 'team'", "$filter=tagName eq 'env' and tagValue eq ''"]
        {
            assert_eq!(after(7, other), refused, "{other}");
        }
    }
}
