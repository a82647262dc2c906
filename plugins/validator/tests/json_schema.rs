//! A JSON Schema as it is, in the validator.

use serde_json::json;
use tailrace_sdk::{prelude::*, testing::TestHost};
use validator::Validator;

fn host(config: Value) -> TestHost {
    TestHost::of::<Validator>(config).unwrap()
}

fn refused(config: Value) -> String {
    match TestHost::of::<Validator>(config) {
        Ok(_) => panic!("it is taken"),
        Err(why) => why,
    }
}

fn code(host: &mut TestHost, payload: &str) -> Option<String> {
    let sent = host.send(Event::new("shop.events", payload));
    match sent {
        Ok(Verdict::Forward) => None,
        Ok(other) => panic!("{payload} was rewritten: {other:?}"),
        Err(failure) => failure.code().map(str::to_owned),
    }
}

#[test]
fn the_schema_is_taken_as_it_is() {
    let schema = json!({
        "type": "object",
        "required": ["id"],
        "properties": {
            "id": { "type": "integer", "maximum": 9_007_199_254_740_993_u64 },
            "price": { "multipleOf": 0.01 },
            "name": { "pattern": "^\\p{Lu}\\S*$" },
            "tags": { "prefixItems": [{ "const": "a" }], "unevaluatedItems": false },
            "next": { "$ref": "#" }
        },
        "if": { "properties": { "kind": { "const": "b2b" } }, "required": ["kind"] },
        "then": { "required": ["vat"] }
    });
    let mut host = host(json!({ "json-schema": schema }));
    for (payload, expected) in [
        (r#"{"id":1}"#, None),
        // An integer is a number without a fraction, and numbers are compared exactly.
        (r#"{"id":1.0}"#, None),
        (r#"{"id":1e2}"#, None),
        (r#"{"id":1.5}"#, Some("schema-mismatch")),
        (r#"{"id":9007199254740993}"#, None),
        (r#"{"id":9007199254740994}"#, Some("schema-mismatch")),
        (r#"{"id":1,"price":19.99}"#, None),
        (r#"{"id":1,"price":1e-3}"#, Some("schema-mismatch")),
        // As ECMA-262 has it: a no-break space is a space.
        (r#"{"id":1,"name":"Żółw"}"#, None),
        ("{\"id\":1,\"name\":\"A\u{a0}b\"}", Some("schema-mismatch")),
        (r#"{"id":1,"tags":["a"]}"#, None),
        (r#"{"id":1,"tags":["a",1]}"#, Some("schema-mismatch")),
        (r#"{"id":1,"next":{"id":2,"next":{}}}"#, Some("schema-mismatch")),
        (r#"{"id":1,"kind":"b2b"}"#, Some("schema-mismatch")),
        (r#"{"id":1,"id":1}"#, Some("duplicate-member")),
        (r#"{"id":1"#, Some("malformed-json")),
        ("\u{feff}{\"id\":1}", None),
    ] {
        assert_eq!(code(&mut host, payload).as_deref(), expected, "{payload}");
    }
}

#[test]
fn the_reason_names_the_place() {
    let schema = json!({ "properties": { "a": { "items": { "type": "string" } } } });
    let mut host = host(json!({ "json-schema": schema }));
    let failure = host.send(Event::new("x", r#"{"a":["x",1]}"#)).unwrap_err();
    assert!(failure.reason().starts_with("/a/1"), "{failure:?}");
    let compressed = host.send(Event::new("x", &b"\x1f\x8b\x08\x00"[..])).unwrap_err();
    assert!(compressed.reason().contains("gzip"), "{compressed:?}");
}

#[test]
fn as_text_no_digit_of_the_schema_is_lost() {
    let text = r#"{"const": 18446744073709551617}"#;
    let mut exact = host(json!({ "json-schema": text }));
    assert_eq!(code(&mut exact, "18446744073709551617"), None);
    assert_eq!(
        code(&mut exact, "18446744073709551616").as_deref(),
        Some("schema-mismatch")
    );
}

#[test]
fn formats_are_judged_where_that_is_asked_for() {
    let schema = json!({ "format": "date-time" });
    let mut noted = host(json!({ "json-schema": schema }));
    assert_eq!(code(&mut noted, r#""soon""#), None);
    let mut judged = host(json!({ "json-schema": schema, "assert-formats": true }));
    assert_eq!(code(&mut judged, r#""soon""#).as_deref(), Some("schema-mismatch"));
}

#[test]
fn with_rules_beside_it_the_schema_judges_what_came() {
    let config = json!({
        "json-schema": { "properties": { "n": { "type": "string" } } },
        "schema": { "fields": { "n": { "type": "integer", "convert": true } } }
    });
    let mut host = host(config);
    let verdict = host.send(Event::new("x", r#"{"n":"5"}"#)).unwrap();
    assert_eq!(verdict.messages()[0].payload, br#"{"n":5}"#);
    let refused = host.send(Event::new("x", r#"{"n":5}"#)).unwrap_err();
    assert_eq!(refused.code(), Some("schema-mismatch"));
}

#[test]
fn configs_that_cannot_be_meant_are_refused() {
    for (config, word) in [
        (json!({}), "json-schema"),
        (json!({ "schema": {}, "assert-formats": true }), "assert-formats"),
        (json!({ "json-schema": { "type": "text" } }), "/type"),
        (json!({ "json-schema": { "pattern": "(?=a)" } }), "ahead"),
        (
            json!({ "json-schema": { "$ref": "https://example.com/x" } }),
            "example.com",
        ),
        (json!({ "json-schema": "{" }), "byte 1"),
        (
            json!({ "json-schema": { "$schema": "http://json-schema.org/draft-07/schema#" } }),
            "draft",
        ),
    ] {
        let why = refused(config.clone());
        assert!(why.contains(word), "{config}: {why}");
    }
}

#[test]
fn hostile_schemas_end() {
    let doubled: serde_json::Map<String, Value> = (0..60)
        .map(|number| {
            let next = json!({ "$ref": format!("#/$defs/d{}", number + 1) });
            (format!("d{number}"), json!({ "allOf": [next, next] }))
        })
        .chain([("d60".to_owned(), json!({}))])
        .collect();
    let mut host = host(json!({ "json-schema": { "$ref": "#/$defs/d0", "$defs": doubled } }));
    assert_eq!(code(&mut host, "{}").as_deref(), Some("schema-mismatch"));
    let endless = json!({ "$defs": { "a": { "$ref": "#/$defs/a" } }, "$ref": "#/$defs/a" });
    assert!(refused(json!({ "json-schema": endless })).contains("comes back to where it began"));
}
