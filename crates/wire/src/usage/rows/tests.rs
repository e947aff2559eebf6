//! Files of every form, cut into pieces of every length.

use super::*;

/// Reads in pieces of a few bytes, so that every bound falls into every place.
fn check(file: &str, expected: &[&str]) {
    for piece in [1, 7, 1 << 16] {
        let reader = io::BufReader::with_capacity(piece, file.as_bytes());
        let mut found = vec![];
        let mut rows = match Rows::new(reader) {
            Ok(rows) => rows,
            Err(error) => {
                assert_eq!(vec![error.to_string()], expected, "{file}");
                continue;
            }
        };
        loop {
            match rows.next() {
                Ok(Some(Row::Text(text))) => found.push(text),
                Ok(Some(Row::Unreadable(reason))) => found.push(reason.to_owned()),
                Ok(None) => break,
                Err(error) => {
                    found.push(error.to_string());
                    break;
                }
            }
        }
        assert_eq!(found, expected, "{file}");
    }
}

#[test]
fn a_document_is_split_at_its_rows() {
    check(r#"{"value":[{"a":1},{"b":"]}\"{"}]}"#, &[r#"{"a":1}"#, r#"{"b":"]}\"{"}"#]);
    check("\u{feff}{ \"value\" : [ {\"a\":\n[1, {}]} ] }\n", &[r#"{"a": [1, {}]}"#]);
    check(r#"{"nextLink":"value","x":{"value":[1]},"value":[{}]}"#, &["{}"]);
    check(r#"{"value":[]}"#, &[]);
}

#[test]
fn documents_follow_each_other() {
    let pages = "{\"value\":[{\"a\":1}],\"nextLink\":\"https://x/?a=[{\"}\n{\"value\":[{\"b\":2}]}";
    check(pages, &[r#"{"a":1}"#, r#"{"b":2}"#]);
}

#[test]
fn a_list_is_split_too() {
    check("[{\"a\":1}, 2, \"x\"]", &[r#"{"a":1}"#, "2", "\"x\""]);
    check(" [] ", &[]);
}

#[test]
fn lines_stand_alone_and_a_broken_one_does_not_swallow_the_next() {
    check("{\"a\":1}\r\n\n{\"b\":\n{\"c\":3}", &[r#"{"a":1}"#, "{\"b\":", r#"{"c":3}"#]);
    check("{\"properties\":{\"value\":[1]}}\n", &[r#"{"properties":{"value":[1]}}"#]);
    check("", &[]);
    check("\n \n", &[]);
}

#[test]
fn a_broken_document_names_the_place() {
    check(
        "id,quantity\n",
        &[
            "line 1, column 1: expected a JSON document {\"value\": [...]}, or a JSON object on each line",
        ],
    );
    check(
        "{\"value\":[{\"a\":1}\n{\"b\":2}]}",
        &[r#"{"a":1}"#, "line 2, column 1: expected ',' or ']' after a row"],
    );
    check(
        "{\"value\":[{\"a\":1},{\"b\":",
        &[r#"{"a":1}"#, "line 1, column 24: expected the end of a row, not of the file"],
    );
    check("{\"value\":[{}", &["{}", "line 1, column 13: expected ',' or ']' after a row"]);
    check("{\"value\":[{}]", &["{}", "line 1, column 14: expected '}' at the end of the document"]);
    check(
        "{\"value\":[{}]} x",
        &["{}", "line 1, column 16: expected a document {\"value\": [...]}"],
    );
}

#[test]
fn an_object_over_several_lines_is_one_row() {
    check("\n{\n \"a\": 1\n}\n{\n}\n", &["{  \"a\": 1 }", "{ }"]);
    check("\n{\"a\":1}\n{\"b\":\n", &["{\"a\":1}", "{\"b\":"]);
}

#[test]
fn a_row_has_a_bound() {
    let long = format!("{{\"a\":\"{}\"}}\n{{}}\n", "x".repeat(ROW_BYTES_MAX));
    check(&long, &["the row is longer than 1 MiB", "{}"]);
    check("[{\"a\":\"b\nc\"}, {}]", &["a string of the row has a line end in it", "{}"]);
    let document = format!("{{\"value\":[{},{{}}]}}", long.lines().next().unwrap());
    check(&document, &["the row is longer than 1 MiB", "{}"]);
}

#[test]
fn what_is_no_text_is_a_row_of_its_own() {
    let reader = &b"{\"a\":\"\xff\"}\n{}\n"[..];
    let mut rows = Rows::new(reader).unwrap();
    assert_eq!(rows.next().unwrap(), Some(Row::Unreadable("the row is not UTF-8")));
    assert_eq!(rows.next().unwrap(), Some(Row::Text("{}".to_owned())));
}
