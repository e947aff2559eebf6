//! Every form of output, on the same few answers.

use expect_test::{Expect, expect};

use super::*;

const USAGE: &str = r#"[
  {"id":"/a","name":"Hourly","quantity":0.12345678901234567891,"ok":true,"tags":{"env":"prod"}},
  {"id":"/b","name":"Größe\t1","quantity":2E-06,"ok":null,"tags":[1,2]},
  {"id":"/c","name":"yes","quantity":45.0,"ok":false,"tags":{}}
]"#;

fn print(format: Format, query: Option<&str>, document: &str) -> String {
    let mut text = Vec::new();
    let query = query.map(|query| Query::parse(query).unwrap());
    let mut output = Output::new(&mut text, format, query);
    output.palette = if format == Format::Jsonc { Palette::COLOURS } else { Palette::default() };
    let document = Document::parse(document.as_bytes()).unwrap();
    output.write(document).unwrap();
    String::from_utf8(text).unwrap()
}

fn check(format: Format, query: Option<&str>, document: &str, expected: Expect) {
    let whole = print(format, query, document);
    expected.assert_eq(&whole);
    if let Document::Array(items) = Document::parse(document.as_bytes()).unwrap() {
        let mut text = Vec::new();
        let mut output = Output::new(&mut text, format, query.map(|q| Query::parse(q).unwrap()));
        output.palette =
            if format == Format::Jsonc { Palette::COLOURS } else { Palette::default() };
        let mut list = output.list();
        items.into_iter().for_each(|item| list.push(item).unwrap());
        list.finish().unwrap();
        assert_eq!(String::from_utf8(text).unwrap(), whole, "item by item");
    }
}

#[test]
fn json_keeps_order_and_digits() {
    check(
        Format::Json,
        None,
        USAGE,
        expect![[r#"
        [
          {
            "id": "/a",
            "name": "Hourly",
            "quantity": 0.12345678901234567891,
            "ok": true,
            "tags": {
              "env": "prod"
            }
          },
          {
            "id": "/b",
            "name": "Größe\t1",
            "quantity": 2E-06,
            "ok": null,
            "tags": [
              1,
              2
            ]
          },
          {
            "id": "/c",
            "name": "yes",
            "quantity": 45.0,
            "ok": false,
            "tags": {}
          }
        ]
    "#]],
    );
    check(
        Format::Json,
        None,
        "{}",
        expect![[r#"
        {}
    "#]],
    );
    check(
        Format::Json,
        None,
        r#"{"a":[],"b":[[]]}"#,
        expect![[r#"
        {
          "a": [],
          "b": [
            []
          ]
        }
    "#]],
    );
    check(
        Format::Json,
        None,
        "[]",
        expect![[r#"
        []
    "#]],
    );
}

#[test]
fn jsonc_is_json_in_colours() {
    let coloured = print(Format::Jsonc, None, USAGE);
    let mut plain = coloured.clone();
    for colour in ["\x1b[94m", "\x1b[33m", "\x1b[36m", "\x1b[39m"] {
        assert!(coloured.contains(colour));
        plain = plain.replace(colour, "");
    }
    assert_eq!(plain, print(Format::Json, None, USAGE));
}

#[test]
fn a_table_has_the_scalars_of_the_first_level() {
    check(
        Format::Table,
        None,
        USAGE,
        expect![[r#"
        Name                   Quantity  Ok
        -------  ----------------------  -----
        Hourly   0.12345678901234567891  True
        Größe 1                   2E-06
        yes                        45.0  False
    "#]],
    );
    check(
        Format::Table,
        None,
        r#"{"value":"x","count":3}"#,
        expect![[r#"
        Value  Count
        -----  -----
        x          3
    "#]],
    );
    check(Format::Table, None, "[]", expect![""]);
    check(
        Format::Table,
        None,
        "[\"a\",\"b\"]",
        expect![[r#"
        Result
        ------
        a
        b
    "#]],
    );
    check(
        Format::Table,
        Some("[].[name, quantity]"),
        USAGE,
        expect![[r#"
        Column1                 Column2
        -------  ----------------------
        Hourly   0.12345678901234567891
        Größe 1                   2e-06
        yes                        45.0
    "#]],
    );
    check(
        Format::Table,
        Some("[].{Q: quantity, id: id}"),
        USAGE,
        expect![[r#"
                             Q  Id
        ----------------------  --
        0.12345678901234567891  /a
                         2e-06  /b
                          45.0  /c
    "#]],
    );
}

#[test]
fn tsv_has_values_only() {
    check(
        Format::Tsv,
        None,
        USAGE,
        expect![[r#"
        /a	Hourly	0.12345678901234567891	true	
        /b	Größe 1	2E-06		2
        /c	yes	45.0	false	
    "#]],
    );
    check(
        Format::Tsv,
        None,
        r#"{"value":"x","count":3}"#,
        expect![[r#"
        x	3
    "#]],
    );
    check(
        Format::Tsv,
        Some("[0].quantity"),
        USAGE,
        expect![[r#"
        0.12345678901234567891
    "#]],
    );
    check(Format::Tsv, None, "[]", expect![""]);
}

#[test]
fn yaml_quotes_what_could_be_something_else() {
    check(
        Format::Yaml,
        None,
        USAGE,
        expect![[r#"
        - id: /a
          name: Hourly
          quantity: 0.12345678901234567891
          ok: true
          tags:
            env: prod
        - id: /b
          name: "Größe\t1"
          quantity: 2E-06
          ok: null
          tags:
            - 1
            - 2
        - id: /c
          name: "yes"
          quantity: 45.0
          ok: false
          tags: {}
    "#]],
    );
    check(
        Format::Yaml,
        None,
        r#"{"a":[],"b":[[1,{"c":{}}]],"1":"1","d e":"a: b","u":"\u007f"}"#,
        expect![[r#"
        a: []
        b:
          - - 1
            - c: {}
        "1": "1"
        d e: "a: b"
        u: "\u007f"
    "#]],
    );
    check(
        Format::Yaml,
        None,
        "[]",
        expect![[r#"
        []
    "#]],
    );
    check(
        Format::Yaml,
        None,
        "3",
        expect![[r#"
        3
    "#]],
    );
}

#[test]
fn a_quantity_keeps_every_digit_in_every_form() {
    for format in [Format::Json, Format::Jsonc, Format::Table, Format::Tsv, Format::Yaml] {
        for query in [None, Some("[].quantity"), Some("[?name == 'Hourly'].{q: quantity}")] {
            let text = print(format, query, USAGE);
            assert!(text.contains("0.12345678901234567891"), "{format:?} {query:?}\n{text}");
        }
    }
}
