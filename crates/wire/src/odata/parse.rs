//! Reads a filter by recursive descent: `or` binds weakest, then `and`, then `not`.

use domain::id::ObjectId;
use domain::time::Date;

use super::{
    Argument, Call, Comparison, DEPTH_MAX, FILTER_BYTES_MAX, Field, Filter, FilterError, Literal,
    Operator,
};
use crate::text::Excerpt;
use crate::time::parse_rfc3339_or_naive;

/// Reads a filter such as `usageEnd le 2018-02-28T00:00:00Z and contains(meterName, 'Spot')`.
///
/// # Errors
/// [`FilterError`] with the first place that is wrong.
pub fn parse_filter(filter: &str) -> Result<Filter, FilterError> {
    if filter.len() > FILTER_BYTES_MAX {
        return Err(FilterError::TooLong);
    }
    let mut scanner = Scanner { filter, rest: filter, depth: 0 };
    let read = scanner.any_of()?;
    if scanner.next_character().is_some() {
        return Err(scanner.syntax("and, or, or the end"));
    }
    Ok(read)
}

struct Scanner<'a> {
    filter: &'a str,
    rest: &'a str,
    depth: usize,
}

impl<'a> Scanner<'a> {
    fn any_of(&mut self) -> Result<Filter, FilterError> {
        let mut parts = Vec::new();
        loop {
            match self.all_of()? {
                Filter::Or(inner) => parts.extend(inner),
                other => parts.push(other),
            }
            if !self.keyword("or") {
                return Ok(one_or(parts, Filter::Or));
            }
        }
    }

    fn all_of(&mut self) -> Result<Filter, FilterError> {
        let mut parts = Vec::new();
        loop {
            match self.term()? {
                Filter::And(inner) => parts.extend(inner),
                other => parts.push(other),
            }
            if !self.keyword("and") {
                return Ok(one_or(parts, Filter::And));
            }
        }
    }

    fn term(&mut self) -> Result<Filter, FilterError> {
        if self.next_character() == Some('(') {
            return self.in_parentheses(Self::any_of);
        }
        if self.keyword("not") {
            return self.deeper(|scanner| Ok(Filter::Not(Box::new(scanner.term()?))));
        }
        let field = self.name().ok_or_else(|| self.syntax("a field or function"))?;
        if self.next_character() == Some('(') {
            return self.applied(field);
        }
        let operator = self.operator().ok_or_else(|| self.syntax("eq, ne, lt, gt, le or ge"))?;
        let value = self.literal()?;
        Ok(Filter::Compare(Comparison { field: Field(field.to_owned()), operator, value }))
    }

    /// A function and its arguments, or `field/any(variable: test)`.
    fn applied(&mut self, name: &str) -> Result<Filter, FilterError> {
        let Some((field, last)) = name.rsplit_once('/') else {
            let arguments = self.in_parentheses(Self::arguments)?;
            return Ok(Filter::Call(Call { function: Field(name.to_owned()), arguments }));
        };
        if !last.eq_ignore_ascii_case("any") {
            return Err(self.syntax("any before it"));
        }
        let (variable, test) = self.in_parentheses(|scanner| {
            let variable = scanner.name().ok_or_else(|| scanner.syntax("a variable"))?;
            scanner.character(':', "a colon")?;
            Ok((variable, scanner.any_of()?))
        })?;
        let (field, variable) = (Field(field.to_owned()), Field(variable.to_owned()));
        Ok(Filter::Any { field, variable, test: Box::new(test) })
    }

    fn arguments(&mut self) -> Result<Vec<Argument>, FilterError> {
        let mut arguments = Vec::new();
        if self.next_character() == Some(')') {
            return Ok(arguments);
        }
        loop {
            arguments.push(self.argument()?);
            if self.next_character() != Some(',') {
                return Ok(arguments);
            }
            self.character(',', "a comma")?;
        }
    }

    fn argument(&mut self) -> Result<Argument, FilterError> {
        let before = self.rest;
        if let Ok(literal) = self.literal() {
            return Ok(Argument::Literal(literal));
        }
        self.rest = before;
        let name = self.name().ok_or_else(|| self.syntax("a field or a value"))?;
        Ok(Argument::Field(Field(name.to_owned())))
    }

    fn operator(&mut self) -> Option<Operator> {
        [
            Operator::Equal,
            Operator::NotEqual,
            Operator::Less,
            Operator::Greater,
            Operator::LessOrEqual,
            Operator::GreaterOrEqual,
        ]
        .into_iter()
        .find(|operator| self.keyword(&operator.to_string()))
    }

    fn literal(&mut self) -> Result<Literal, FilterError> {
        const EXPECTED: &str = "a value";
        if self.next_character() == Some('\'') {
            return Ok(Literal::Text(self.quoted()?));
        }
        let before = self.rest;
        let word =
            self.run(|character| character.is_ascii_alphanumeric() || "-+:._".contains(character));
        let literal = if self.rest.starts_with('\'') {
            let text = self.quoted()?;
            match word.to_ascii_lowercase().as_str() {
                "guid" => ObjectId::parse(&text).ok().map(|_| Literal::Guid(text)),
                "datetime" | "datetimeoffset" => {
                    parse_rfc3339_or_naive(&text).ok().map(Literal::Time)
                }
                _ => None,
            }
        } else {
            bare(word)
        };
        literal.ok_or_else(|| {
            self.rest = before;
            self.syntax(EXPECTED)
        })
    }

    /// A text in single quotes, in which two of them stand for one.
    fn quoted(&mut self) -> Result<String, FilterError> {
        let mut text = String::new();
        let mut rest = &self.rest[1..];
        loop {
            let Some((part, after)) = rest.split_once('\'') else {
                self.rest = "";
                return Err(self.syntax("a closing quote"));
            };
            text.push_str(part);
            let Some(doubled) = after.strip_prefix('\'') else {
                self.rest = after;
                return Ok(text);
            };
            text.push('\'');
            rest = doubled;
        }
    }

    /// A name that begins with a letter; its parts are joined by slashes.
    fn name(&mut self) -> Option<&'a str> {
        self.next_character().filter(|first| first.is_ascii_alphabetic() || *first == '_')?;
        Some(self.run(|character| character.is_ascii_alphanumeric() || "_-./".contains(character)))
    }

    /// Takes the keyword if it comes next, in any case.
    fn keyword(&mut self, keyword: &str) -> bool {
        let before = self.rest;
        if self.name().is_some_and(|name| name.eq_ignore_ascii_case(keyword)) {
            return true;
        }
        self.rest = before;
        false
    }

    fn in_parentheses<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, FilterError>,
    ) -> Result<T, FilterError> {
        self.character('(', "an opening parenthesis")?;
        let inner = self.deeper(read)?;
        self.character(')', "a closing parenthesis")?;
        Ok(inner)
    }

    fn deeper<T>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<T, FilterError>,
    ) -> Result<T, FilterError> {
        if self.depth == DEPTH_MAX {
            return Err(FilterError::TooDeep);
        }
        self.depth += 1;
        let inner = read(self)?;
        self.depth -= 1;
        Ok(inner)
    }

    fn character(&mut self, character: char, expected: &'static str) -> Result<(), FilterError> {
        if self.next_character() != Some(character) {
            return Err(self.syntax(expected));
        }
        self.rest = &self.rest[character.len_utf8()..];
        Ok(())
    }

    /// The character that comes next, after spaces.
    fn next_character(&mut self) -> Option<char> {
        self.rest = self.rest.trim_start();
        self.rest.chars().next()
    }

    /// The characters of a kind that come next, after spaces.
    fn run(&mut self, is_part: impl Fn(char) -> bool) -> &'a str {
        self.rest = self.rest.trim_start();
        let end = self.rest.find(|character| !is_part(character)).unwrap_or(self.rest.len());
        let (run, rest) = self.rest.split_at(end);
        self.rest = rest;
        run
    }

    /// The error at the place that has been reached.
    fn syntax(&self, expected: &'static str) -> FilterError {
        let left = self.rest.trim_start();
        let read = &self.filter[..self.filter.len() - left.len()];
        let position = read.chars().count() + 1;
        FilterError::Syntax { expected, found: Excerpt::new(left), position }
    }
}

fn one_or(mut parts: Vec<Filter>, join: fn(Vec<Filter>) -> Filter) -> Filter {
    match parts.len() {
        1 => parts.remove(0),
        _ => join(parts),
    }
}

/// A value without quotes.
fn bare(word: &str) -> Option<Literal> {
    match word.to_ascii_lowercase().as_str() {
        "true" => return Some(Literal::Boolean(true)),
        "false" => return Some(Literal::Boolean(false)),
        "null" => return Some(Literal::Null),
        _ => {}
    }
    if word.len() == 36 && ObjectId::parse(word).is_ok() {
        return Some(Literal::Guid(word.to_owned()));
    }
    if let Ok(date) = Date::parse(word) {
        return Some(Literal::Date(date));
    }
    if word.contains(['T', 't']) {
        return parse_rfc3339_or_naive(word).ok().map(Literal::Time);
    }
    is_number(word).then(|| Literal::Number(word.to_owned()))
}

fn is_number(word: &str) -> bool {
    let digits = word.strip_prefix('-').unwrap_or(word);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, "0"));
    let all_digits =
        |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    all_digits(whole) && all_digits(fraction)
}
