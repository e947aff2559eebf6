//! The filters in every form that clients send, and times.

use domain::id::ObjectId;

use super::*;

const ALICE: &str = "aaaaaaaa-0000-0000-0000-000000000001";

#[test]
fn assignments_are_filtered_in_the_forms_that_clients_send() {
    let alice = ObjectId::parse(ALICE).unwrap();
    let (own, all) = (Some(Assignee::Principal(alice)), Some(Assignee::WithGroups(alice)));
    for (text, at_scope, of) in [
        ("", false, None),
        ("atScope()", true, None),
        ("ATSCOPE()", true, None),
        (&format!("principalId eq '{ALICE}'"), false, own),
        (&format!("principalid EQ {ALICE}"), false, own),
        (&format!("assignedTo('{ALICE}')"), false, all),
        (&format!("atScope() and assignedTo('{ALICE}')"), true, all),
        (&format!("assignedTo('{ALICE}') and atScope()"), true, all),
    ] {
        let expected = AssignmentFilter { at_scope, of };
        assert_eq!(AssignmentFilter::parse(Some(text)), Ok(expected), "{text}");
    }
    assert_eq!(AssignmentFilter::parse(None), Ok(AssignmentFilter::default()));
}

#[test]
fn other_filters_of_assignments_are_refused_and_say_what_is_taken() {
    let taken = "this list takes atScope(), principalId eq 'GUID', assignedTo('GUID') and \
                 atScope() and assignedTo('GUID').";
    for text in [
        &format!("atScope() and principalId eq '{ALICE}'"),
        &format!("principalId ne '{ALICE}'"),
        &format!("principalId eq '{ALICE}' or atScope()"),
        &format!("not principalId eq '{ALICE}'"),
        &format!("assignedTo('{ALICE}') and assignedTo('{ALICE}')"),
        &format!("assignedTo('{ALICE}', '{ALICE}')"),
        "atScope() and atScope()",
        "atScope('x')",
        "atScopeAndBelow()",
        "assignedTo()",
        "assignedTo(principalId)",
        "assignedTo(1)",
        "roleName eq 'Reader'",
        "type eq 'Group'",
    ] {
        let error = AssignmentFilter::parse(Some(text)).unwrap_err().to_string();
        assert!(error.ends_with(taken), "{text}: {error}");
    }
    for (text, expected) in [
        ("principalId eq 'me'", "The value 'me' of 'principalId' in the $filter is not a GUID."),
        ("assignedTo('')", "The value '' of 'assignedTo' in the $filter is not a GUID."),
    ] {
        assert_eq!(AssignmentFilter::parse(Some(text)).unwrap_err().to_string(), expected);
    }
    let error = AssignmentFilter::parse(Some("atScope(")).unwrap_err();
    assert!(matches!(error, ListFilterError::Syntax(_)), "{error}");
}

#[test]
fn definitions_are_filtered_by_name_type_and_depth() {
    let check = |text: &str| match DefinitionFilter::parse(Some(text)) {
        Ok(DefinitionFilter { name, role_type, and_below }) => {
            format!("{} {role_type:?} {and_below}", name.as_deref().unwrap_or("-"))
        }
        Err(error) => error.to_string(),
    };
    let refused = "this list takes roleName eq 'NAME', type eq 'BuiltInRole', type eq \
                   'CustomRole', atScopeAndBelow(), and several of them joined by 'and'.";
    for (text, expected) in [
        ("", "- None false"),
        ("roleName eq 'Billing Reader'", "Billing Reader None false"),
        ("roleName eq 'O''Neil'", "O'Neil None false"),
        ("type eq 'BuiltInRole'", "- Some(BuiltIn) false"),
        ("Type eq 'customrole'", "- Some(Custom) false"),
        ("atScopeAndBelow()", "- None true"),
        ("atScopeAndBelow() and type eq 'CustomRole' and roleName eq 'A'", "A Some(Custom) true"),
        (
            "type eq 'Both'",
            "The value 'Both' of 'type' in the $filter is not BuiltInRole or CustomRole.",
        ),
    ] {
        assert_eq!(check(text), expected, "{text}");
    }
    for text in [
        "roleName eq 'A' and roleName eq 'B'",
        "atScopeAndBelow() and atScopeAndBelow()",
        "roleName ne 'A'",
        "roleName eq 1",
        "atScope()",
        "type eq 'CustomRole' or roleName eq 'A'",
    ] {
        assert!(check(text).ends_with(refused), "{text}: {}", check(text));
    }
}

#[test]
fn times_have_seven_digits() {
    let time = |text| time_text(crate::time::parse_rfc3339(text).unwrap());
    assert_eq!(time("2017-05-18T00:16:53.678079Z"), "2017-05-18T00:16:53.6780790Z");
    assert_eq!(time("2026-02-10T12:00:00Z"), "2026-02-10T12:00:00.0000000Z");
}
