//! `--query`: JMESPath over an answer, without losing a digit or the order of members.
//!
//! The interpreter is the crate `jmespath`; what it would do in binary floating point or in
//! alphabetical order is put right here: numbers go in and come out with all their digits, `sum`,
//! `to_number` and `abs` are exact, and members keep the order of the answer or of the expression.
//! `avg`, `ceil` and `floor` compute in floating point, and comparisons do so too.

use std::collections::{BTreeMap, BTreeSet};

use domain::decimal::Money;
use jmespath::ast::Ast;
use jmespath::functions::{ArgumentType, CustomFunction, Signature};
use jmespath::{
    Context, ErrorReason, JmespathError, Rcvar, Runtime, SearchResult, Variable, interpret,
};
use serde_json::Number;

use crate::document::Document;
use crate::failure::Failure;

/// Under this name `serde_json` hands numbers to types other than its own.
const NUMBER_MEMBER: &str = "$serde_json::private::Number";

/// A JMESPath expression that was parsed.
pub(crate) struct Query {
    text: String,
    ast: Ast,
    /// The order of members in each hash that the expression makes.
    orders: Vec<Vec<String>>,
}

impl Query {
    /// Parses an expression.
    ///
    /// # Errors
    /// [`Failure::Usage`], with the place.
    pub(crate) fn parse(text: &str) -> Result<Self, Failure> {
        let mut ast = jmespath::parse(text).map_err(|error| failure(&error))?;
        let mut orders = vec![];
        visit(&mut ast, &mut |node| match node {
            Ast::Literal { value, .. } => *value = with_numbers(value),
            Ast::MultiHash { elements, .. } => {
                orders.push(elements.iter().map(|pair| pair.key.clone()).collect());
            }
            _ => {}
        });
        Ok(Self { text: text.to_owned(), ast, orders })
    }

    /// What the expression selects.
    ///
    /// # Errors
    /// [`Failure::Usage`] if it does not fit the answer, such as `sum` of texts.
    pub(crate) fn select(&self, document: Document) -> Result<Document, Failure> {
        let mut orders = MemberOrders::default();
        orders.add_document(&document);
        self.orders.iter().for_each(|order| orders.add(order.iter().map(String::as_str)));
        let runtime = exact_runtime();
        // Not `Expression::search`: it takes data through serde, which mangles exact numbers.
        let mut context = Context::new(&self.text, &runtime);
        let selected = interpret(&to_variable(document), &self.ast, &mut context);
        Ok(orders.document(&*selected.map_err(|error| failure(&error))?))
    }
}

fn failure(error: &JmespathError) -> Failure {
    Failure::Usage(format!("--query: {}", error.to_string().trim_end()))
}

/// Calls `found` for the node and every one below it.
fn visit(node: &mut Ast, found: &mut dyn FnMut(&mut Ast)) {
    found(node);
    match node {
        Ast::Identity { .. }
        | Ast::Field { .. }
        | Ast::Index { .. }
        | Ast::Literal { .. }
        | Ast::Slice { .. } => {}
        Ast::Expref { ast: below, .. }
        | Ast::Flatten { node: below, .. }
        | Ast::Not { node: below, .. }
        | Ast::ObjectValues { node: below, .. } => visit(below, found),
        Ast::Comparison { lhs, rhs, .. }
        | Ast::Projection { lhs, rhs, .. }
        | Ast::And { lhs, rhs, .. }
        | Ast::Or { lhs, rhs, .. }
        | Ast::Subexpr { lhs, rhs, .. }
        | Ast::Condition { predicate: lhs, then: rhs, .. } => {
            visit(lhs, found);
            visit(rhs, found);
        }
        Ast::Function { args: all, .. } | Ast::MultiList { elements: all, .. } => {
            all.iter_mut().for_each(|below| visit(below, found));
        }
        Ast::MultiHash { elements, .. } => {
            elements.iter_mut().for_each(|pair| visit(&mut pair.value, found));
        }
    }
}

/// The order of members, by the set of their names.
#[derive(Default)]
struct MemberOrders(BTreeMap<BTreeSet<String>, Vec<String>>);

impl MemberOrders {
    /// Notes an order; a later one of the same names wins, so the expression's over the answer's.
    fn add<'a>(&mut self, names: impl Iterator<Item = &'a str> + Clone) {
        let set = names.clone().map(str::to_owned).collect();
        self.0.insert(set, names.map(str::to_owned).collect());
    }

    fn add_document(&mut self, document: &Document) {
        match document {
            Document::Array(items) => items.iter().for_each(|item| self.add_document(item)),
            Document::Object(members) => {
                self.add(members.iter().map(|(name, _)| name.as_str()));
                members.iter().for_each(|(_, value)| self.add_document(value));
            }
            _ => {}
        }
    }

    fn document(&self, variable: &Variable) -> Document {
        match variable {
            Variable::Null | Variable::Expref(_) => Document::Null,
            Variable::Bool(value) => Document::Bool(*value),
            Variable::Number(number) => Document::Number(number.to_string()),
            Variable::String(text) => Document::String(text.clone()),
            Variable::Array(items) => {
                Document::Array(items.iter().map(|item| self.document(item)).collect())
            }
            Variable::Object(members) => {
                let sorted: BTreeSet<String> = members.keys().cloned().collect();
                let in_order = match self.0.get(&sorted) {
                    Some(order) => order.clone(),
                    None => sorted.into_iter().collect(),
                };
                let member = |name: String| {
                    let value = self.document(&members[&name]);
                    (name, value)
                };
                Document::Object(in_order.into_iter().map(member).collect())
            }
        }
    }
}

fn to_variable(document: Document) -> Rcvar {
    Rcvar::new(match document {
        Document::Null => Variable::Null,
        Document::Bool(value) => Variable::Bool(value),
        Document::Number(text) => number(&text).expect("a document's numbers are JSON numbers"),
        Document::String(text) => Variable::String(text),
        Document::Array(items) => Variable::Array(items.into_iter().map(to_variable).collect()),
        Document::Object(members) => {
            let members = members.into_iter().map(|(name, value)| (name, to_variable(value)));
            Variable::Object(members.collect())
        }
    })
}

/// The number of this text, which it keeps.
fn number(text: &str) -> Option<Variable> {
    serde_json::from_str::<Number>(text).ok().map(Variable::Number)
}

/// A literal of the expression, with its numbers put back.
fn with_numbers(value: &Variable) -> Rcvar {
    Rcvar::new(match value {
        Variable::Array(items) => {
            Variable::Array(items.iter().map(|item| with_numbers(item)).collect())
        }
        Variable::Object(members) => {
            let text = members.get(NUMBER_MEMBER).and_then(|text| text.as_string());
            text.and_then(|text| number(text)).unwrap_or_else(|| {
                let members = members.iter().map(|(name, item)| (name.clone(), with_numbers(item)));
                Variable::Object(members.collect())
            })
        }
        other => other.clone(),
    })
}

/// The functions of JMESPath, with exact ones where the crate's are not.
fn exact_runtime() -> Runtime {
    let mut runtime = Runtime::new();
    runtime.register_builtin_functions();
    let numbers = ArgumentType::TypedArray(Box::new(ArgumentType::Number));
    let mut replace = |name, argument, function: fn(&[Rcvar], &mut Context<'_>) -> SearchResult| {
        let signature = Signature::new(vec![argument], None);
        runtime
            .register_function(name, Box::new(CustomFunction::new(signature, Box::new(function))));
    };
    replace("sum", numbers, sum);
    replace("to_number", ArgumentType::Any, to_number);
    replace("abs", ArgumentType::Number, abs);
    runtime
}

fn sum(arguments: &[Rcvar], context: &mut Context<'_>) -> SearchResult {
    let mut sum = Money::ZERO; // the widest of the exact numbers
    for item in arguments[0].as_array().into_iter().flatten() {
        let added = Money::parse(&item.to_string()).ok().and_then(|item| sum.plus(item).ok());
        sum = added.ok_or_else(|| {
            let reason = format!("sum: {item} cannot be added exactly");
            JmespathError::from_ctx(context, ErrorReason::Parse(reason))
        })?;
    }
    Ok(Rcvar::new(number(&sum.to_string()).expect("a plain decimal is a JSON number")))
}

fn to_number(arguments: &[Rcvar], _: &mut Context<'_>) -> SearchResult {
    Ok(match &*arguments[0] {
        Variable::Number(_) => Rcvar::clone(&arguments[0]),
        Variable::String(text) => Rcvar::new(number(text).unwrap_or(Variable::Null)),
        _ => Rcvar::new(Variable::Null),
    })
}

fn abs(arguments: &[Rcvar], _: &mut Context<'_>) -> SearchResult {
    let text = arguments[0].to_string();
    let magnitude = text.strip_prefix('-').unwrap_or(&text);
    Ok(Rcvar::new(number(magnitude).expect("a number without its sign is one")))
}

#[cfg(test)]
mod tests {
    use expect_test::{Expect, expect};

    use super::*;
    use crate::output::json;

    fn check(query: &str, document: &str, expected: Expect) {
        let document = Document::parse(document.as_bytes()).unwrap();
        let selected = Query::parse(query).and_then(|query| query.select(document));
        expected.assert_eq(&match selected {
            Ok(selected) => json::compact(&selected),
            Err(error) => error.to_string(),
        });
    }

    #[test]
    fn numbers_keep_their_text() {
        let usage = r#"{"q":0.12345678901234567891,"e":2E-06,"z":45.0,"l":123456789012345678901}"#;
        check(
            "[q, e, z, l]",
            usage,
            expect!["[0.12345678901234567891,2e-06,45.0,123456789012345678901]"],
        );
        check("to_string(q)", usage, expect![[r#""0.12345678901234567891""#]]);
        check("max([q, e])", usage, expect!["0.12345678901234567891"]);
        check("`0.12345678901234567891`", usage, expect!["0.12345678901234567891"]);
        check("`{\"a\": [1.50]}`", usage, expect![[r#"{"a":[1.50]}"#]]);
        check(
            "@",
            usage,
            expect![[
                r#"{"q":0.12345678901234567891,"e":2e-06,"z":45.0,"l":123456789012345678901}"#
            ]],
        );
    }

    #[test]
    fn sums_are_exact_and_say_so_where_they_cannot_be() {
        check("sum(@)", "[0.1, 0.2, 1E-20, 1000000]", expect!["1000000.30000000000000000001"]);
        check(
            "sum([].to_number(@))",
            r#"["0.1", "0.20000000000000000001"]"#,
            expect!["0.30000000000000000001"],
        );
        check("abs(@)", "-0.12345678901234567891", expect!["0.12345678901234567891"]);
        check(
            "sum(@)",
            "[1E400]",
            expect![[r#"
            --query: Parse error: sum: 1e+400 cannot be added exactly (line 0, column 3)
            sum(@)
               ^"#]],
        );
        check(
            "sum(@)",
            r#"["1"]"#,
            expect![[r#"
            --query: Runtime error: Argument 0 expects type array[number], given array (line 0, column 3)
            sum(@)
               ^"#]],
        );
    }

    #[test]
    fn members_keep_their_order() {
        check("[0]", r#"[{"z":1,"a":{"y":2,"b":3}}]"#, expect![[r#"{"z":1,"a":{"y":2,"b":3}}"#]]);
        check("[].{z: a, a: z}", r#"[{"a":1,"z":2}]"#, expect![[r#"[{"z":1,"a":2}]"#]]);
        check("merge(@, {m: `1`})", r#"{"z":1,"a":2}"#, expect![[r#"{"a":2,"m":1,"z":1}"#]]);
    }

    #[test]
    fn filters_compare_numbers_and_texts() {
        let rows = r#"[{"q":0.5,"m":"x"},{"q":2,"m":"y"},{"q":10,"m":"z"}]"#;
        check("[?q > `1`].m", rows, expect![[r#"["y","z"]"#]]);
        check("[?q == `2.0`].m", rows, expect![[r#"["y"]"#]]);
        check("[?m == 'x'].q | [0]", rows, expect!["0.5"]);
        check("sort_by(@, &q)[-1].m", rows, expect![[r#""z""#]]);
        check("length(@)", rows, expect!["3"]);
    }

    #[test]
    fn a_wrong_expression_names_its_place() {
        check(
            "[?",
            "[]",
            expect![[r#"
            --query: Parse error: Unexpected nud token -- found Eof (line 0, column 2)
            [?
              ^"#]],
        );
        check(
            "nosuch(@)",
            "[]",
            expect![[r#"
            --query: Runtime error: Call to undefined function nosuch (line 0, column 6)
            nosuch(@)
                  ^"#]],
        );
    }
}
