//! Filters that real clients send, and those that are refused.

use super::*;

fn check(filter: &str, expected: &str) {
    let found = match parse_filter(filter) {
        Ok(filter) => plain(&filter),
        Err(error) => error.to_string(),
    };
    assert_eq!(found, expected, "{filter}");
}

fn plain(filter: &Filter) -> String {
    let joined = |parts: &[Filter], word| {
        format!("({})", parts.iter().map(plain).collect::<Vec<_>>().join(word))
    };
    match filter {
        Filter::Compare(Comparison { field, operator, value }) => {
            format!("{field} {operator} {value:?}")
        }
        Filter::Call(Call { function, arguments }) => format!("{function}{arguments:?}"),
        Filter::Any { field, variable, test } => {
            format!("any {variable} of {field}: {}", plain(test))
        }
        Filter::And(parts) => joined(parts, " & "),
        Filter::Or(parts) => joined(parts, " | "),
        Filter::Not(inner) => format!("!{}", plain(inner)),
    }
}

#[test]
fn filters_of_real_clients_are_read() {
    for (filter, expected) in [
        (
            "tagName eq 'team' and tagValue eq 'O''Hara'",
            r#"(tagName eq Text("team") & tagValue eq Text("O'Hara"))"#,
        ),
        ("billingPeriodEndDate gt 2017-02-01", "billingPeriodEndDate gt Date(2017-02-01)"),
        ("usageEnd le 2018-02-28T00:00:00Z", "usageEnd le Time(2018-02-28T00:00:00Z)"),
        ("properties/usageStart ge '2026-01-01'", r#"properties/usageStart ge Text("2026-01-01")"#),
        (
            "usageDate ge datetime'2018-01-01T02:00:00+02:00'",
            "usageDate ge Time(2018-01-01T00:00:00Z)",
        ),
        (
            "usagedate ge '2018-04-01' AND usagedate le '2018-04-02'",
            r#"(usagedate ge Text("2018-04-01") & usagedate le Text("2018-04-02"))"#,
        ),
        ("atScope()", "atScope[]"),
        ("atScope() and assignedTo('{01}')", r#"(atScope[] & assignedTo[Literal(Text("{01}"))])"#),
        (
            "principalId eq 8e3af657-a8ff-443c-a75c-2fe8c4bcb635",
            r#"principalId eq Guid("8e3af657-a8ff-443c-a75c-2fe8c4bcb635")"#,
        ),
        (
            "a eq guid'8e3af657a8ff443ca75c2fe8c4bcb635'",
            r#"a eq Guid("8e3af657a8ff443ca75c2fe8c4bcb635")"#,
        ),
        (
            "contains(meterName, 'Spot') and unitPrice lt -0.50",
            r#"(contains[Field(Field("meterName")), Literal(Text("Spot"))] & unitPrice lt Number("-0.50"))"#,
        ),
        (
            "servicePrincipalNames/any(c:c eq 'http://x')",
            r#"any c of servicePrincipalNames: c eq Text("http://x")"#,
        ),
        ("isPrimary eq TRUE and other ne null", "(isPrimary eq Boolean(true) & other ne Null)"),
    ] {
        check(filter, expected);
    }
}

#[test]
fn and_binds_before_or_and_parentheses_before_both() {
    check(
        "a eq 1 or b eq 2 and c eq 3",
        r#"(a eq Number("1") | (b eq Number("2") & c eq Number("3")))"#,
    );
    check(
        "(a eq 1 or b eq 2) and c eq 3",
        r#"((a eq Number("1") | b eq Number("2")) & c eq Number("3"))"#,
    );
    check(
        "(a eq 1 and (b eq 2 and c eq 3))",
        r#"(a eq Number("1") & b eq Number("2") & c eq Number("3"))"#,
    );
    check("not (a eq 1) and not f(b)", r#"(!a eq Number("1") & !f[Field(Field("b"))])"#);
}

#[test]
fn what_cannot_be_read_is_named_with_its_place() {
    for (filter, expected) in [
        ("", "expected a field or function at character 1, found ''."),
        ("a", "expected eq, ne, lt, gt, le or ge at character 2, found ''."),
        ("a is 1", "expected eq, ne, lt, gt, le or ge at character 3, found 'is 1'."),
        ("a eq", "expected a value at character 5, found ''."),
        ("a eq b", "expected a value at character 6, found 'b'."),
        ("é eq 1", "expected a field or function at character 1, found 'é eq 1'."),
        ("a eq 'é' b", "expected and, or, or the end at character 10, found 'b'."),
        ("a eq 'b", "expected a closing quote at character 8, found ''."),
        ("a eq 2026-13-01", "expected a value at character 6, found '2026-13-01'."),
        ("a eq 1.", "expected a value at character 6, found '1.'."),
        ("a eq hour'5'", "expected a value at character 6, found 'hour'5''."),
        ("(a eq 1", "expected a closing parenthesis at character 8, found ''."),
        ("a eq 1)", "expected and, or, or the end at character 7, found ')'."),
        ("f(a,)", "expected a field or a value at character 5, found ')'."),
        ("a/all(x: x eq 1)", "expected any before it at character 6, found '(x: x eq 1)'."),
        ("a/any(x eq 1)", "expected a colon at character 9, found 'eq 1)'."),
        ("a eq 1 and", "expected a field or function at character 11, found ''."),
    ] {
        check(filter, &format!("The $filter cannot be read: {expected}"));
    }
}

#[test]
fn depth_and_length_have_limits() {
    let nested = |depth| format!("{}a eq 1{}", "(".repeat(depth), ")".repeat(depth));
    check(&nested(32), r#"a eq Number("1")"#);
    check(&nested(33), "The $filter is nested deeper than 32.");
    check(&format!("{}a eq 1", "not ".repeat(33)), "The $filter is nested deeper than 32.");
    check(&format!("a eq '{}'", "x".repeat(20_000)), "The $filter is longer than 16384 bytes.");
}

#[test]
fn literals_are_asked_for_what_they_are() {
    let value = |text: &str| match parse_filter(&format!("a eq {text}")) {
        Ok(Filter::Compare(comparison)) => comparison.value,
        other => panic!("{other:?}"),
    };
    let asked = |text: &str| {
        let value = value(text);
        format!("{:?} {:?} {:?}", value.text(), value.date(), value.time())
    };
    assert_eq!(asked("2026-01-31"), "None Some(2026-01-31) Some(2026-01-31T00:00:00Z)");
    assert_eq!(
        asked("'2026-01-31'"),
        r#"Some("2026-01-31") Some(2026-01-31) Some(2026-01-31T00:00:00Z)"#
    );
    assert_eq!(asked("2026-01-31T01:00:00Z"), "None None Some(2026-01-31T01:00:00Z)");
    assert_eq!(asked("'soon'"), r#"Some("soon") None None"#);
    assert_eq!(asked("7"), "None None None");
}

#[test]
fn only_comparisons_joined_by_and_are_a_conjunction() {
    let count = |text: &str| parse_filter(text).unwrap().conjunction().map(|all| all.len());
    assert_eq!(count("a eq 1"), Some(1));
    assert_eq!(count("a eq 1 and b eq 2"), Some(2));
    assert_eq!(count("a eq 1 or b eq 2"), None);
    assert_eq!(count("a eq 1 and f()"), None);
    assert_eq!(count("not a eq 1"), None);
}

#[test]
fn operators_compare() {
    use std::cmp::Ordering::{Equal, Greater, Less};
    let holds =
        |operator: Operator| [Less, Equal, Greater].map(|ordering| operator.holds(ordering));
    assert_eq!(holds(Operator::Equal), [false, true, false]);
    assert_eq!(holds(Operator::NotEqual), [true, false, true]);
    assert_eq!(holds(Operator::Less), [true, false, false]);
    assert_eq!(holds(Operator::Greater), [false, false, true]);
    assert_eq!(holds(Operator::LessOrEqual), [true, true, false]);
    assert_eq!(holds(Operator::GreaterOrEqual), [false, true, true]);
}
