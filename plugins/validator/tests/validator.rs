//! The validator as a pipeline would run it.

use serde_json::json;
use tailrace_sdk::{prelude::*, testing::TestHost};
use validator::Validator;

fn host(schema: &Value) -> TestHost {
    TestHost::of::<Validator>(json!({ "schema": schema })).unwrap()
}

fn one_field(field: &Value) -> TestHost {
    host(&json!({ "fields": { "field": field } }))
}

fn send(host: &mut TestHost, payload: &str) -> Result<Verdict, Failure> {
    host.send(Event::new("shop.events", payload))
}

/// The payload after normalising; the event's own where it was forwarded.
fn normalised(host: &mut TestHost, payload: &Value) -> Value {
    match send(host, &payload.to_string()).unwrap() {
        Verdict::Forward => payload.clone(),
        verdict => serde_json::from_slice(&verdict.messages()[0].payload).unwrap(),
    }
}

fn code_of(host: &mut TestHost, payload: &str) -> String {
    send(host, payload).unwrap_err().code().unwrap().to_owned()
}

fn shop() -> Value {
    json!({ "fields": {
        "user": { "type": "text", "required": true, "aliases": ["userId", "/actor/id"], "length": { "min": 1, "max": 8 } },
        "item": { "type": "text", "required": true, "convert": true, "pattern": "^[0-9]+$" },
        "rating": { "type": "number", "required": true, "convert": true, "min": 0.5, "max": 5 },
        "ts": { "type": "timestamp", "required": true },
        "device": { "type": "text", "one-of": ["web", "app"], "default": "web" },
    }})
}

#[test]
fn an_event_in_form_is_forwarded_as_it_came() {
    let payload = r#" {"user":"383", "item":"21","rating":3.0,"ts":789652009000,"device":"app","extra":[1]}"#;
    assert_eq!(send(&mut host(&shop()), payload), Ok(Verdict::Forward));
}

#[test]
fn names_types_times_and_defaults_are_brought_into_form() {
    let payload = json!({ "userId": "383", "item": 21, "rating": " 3.5 ", "ts": "1995-01-09T11:46:49Z" });
    assert_eq!(
        normalised(&mut host(&shop()), &payload),
        json!({ "user": "383", "item": "21", "rating": 3.5, "ts": 789_652_009_000_i64, "device": "web" })
    );
}

#[test]
fn a_field_is_lifted_out_of_an_inner_object() {
    let payload =
        json!({ "actor": { "id": "7", "n": 1 }, "item": "21", "rating": 5, "ts": 1, "device": "web" });
    assert_eq!(
        normalised(&mut host(&shop()), &payload),
        json!({ "actor": { "n": 1 }, "user": "7", "item": "21", "rating": 5, "ts": 1, "device": "web" })
    );
}

#[test]
fn each_broken_rule_has_its_code_and_names_the_field() {
    let good = json!({ "user": "383", "item": "21", "rating": 3, "ts": 1 });
    for (field, value, code) in [
        ("user", json!(null), "missing-field"),
        ("user", json!(5), "wrong-type"),
        ("user", json!(""), "wrong-length"),
        ("user", json!("ninechars"), "wrong-length"),
        ("userId", json!("383"), "ambiguous-field"),
        ("item", json!("21b"), "pattern-mismatch"),
        ("rating", json!("three"), "wrong-type"),
        ("rating", json!("NaN"), "wrong-type"),
        ("rating", json!("1e999"), "wrong-type"),
        ("rating", json!(5.5), "out-of-range"),
        ("rating", json!("0"), "out-of-range"),
        ("rating", json!({}), "wrong-type"),
        ("ts", json!("soon"), "wrong-type"),
        ("ts", json!(-1), "out-of-range"),
        ("ts", json!(u64::MAX), "out-of-range"),
        ("device", json!("fridge"), "not-allowed"),
    ] {
        let mut event = good.clone();
        event[field] = value.clone();
        let failure = send(&mut host(&shop()), &event.to_string()).unwrap_err();
        assert_eq!(failure.code(), Some(code), "{field} {value}: {failure:?}");
        let name = field.strip_suffix("Id").unwrap_or(field);
        assert!(failure.reason().contains(&format!("{name:?}")), "{failure:?}");
    }
}

#[test]
fn a_missing_field_is_named() {
    let failure = send(&mut host(&shop()), r#"{"user":"383"}"#).unwrap_err();
    assert_eq!(
        failure,
        Failure::invalid("missing-field", "field \"item\" is missing")
    );
}

#[test]
fn inner_objects_and_lists_are_checked_with_their_path() {
    let mut host = host(&json!({ "fields": { "order": { "type": "object", "fields": {
        "lines": { "type": "list", "length": { "min": 1, "max": 3 }, "items": { "type": "object", "fields": {
            "count": { "type": "integer", "required": true, "convert": true, "min": 1 },
        }}},
    }}}}));
    let order = |lines: Value| json!({ "order": { "lines": lines } });
    assert_eq!(
        normalised(&mut host, &order(json!([{ "count": "2" }, { "count": 3.0 }]))),
        order(json!([{ "count": 2 }, { "count": 3 }]))
    );
    let failure = send(
        &mut host,
        &order(json!([{ "count": 2 }, { "count": 0 }])).to_string(),
    )
    .unwrap_err();
    assert_eq!(
        failure,
        Failure::invalid("out-of-range", "field \"order.lines[1].count\" is 0, outside 1..")
    );
    assert_eq!(code_of(&mut host, &order(json!([])).to_string()), "wrong-length");
    assert_eq!(code_of(&mut host, &order(json!({})).to_string()), "wrong-type");
    assert_eq!(
        code_of(&mut host, &order(json!([{ "count": 1.5 }])).to_string()),
        "wrong-type"
    );
}

#[test]
fn unknown_fields_are_kept_dropped_or_refused() {
    let schema = |unknown: &str| json!({ "unknown": unknown, "fields": { "known": {} } });
    let payload = json!({ "known": 1, "unknown": 2 });
    assert_eq!(normalised(&mut host(&schema("keep")), &payload), payload);
    assert_eq!(
        normalised(&mut host(&schema("drop")), &payload),
        json!({ "known": 1 })
    );
    let failure = send(&mut host(&schema("refuse")), &payload.to_string()).unwrap_err();
    assert_eq!(
        failure,
        Failure::invalid("unknown-field", "field \"unknown\" is not in the schema")
    );
    assert_eq!(
        send(&mut host(&schema("refuse")), r#"{"known":1}"#),
        Ok(Verdict::Forward)
    );
}

#[test]
fn null_is_missing_unless_the_field_may_be_null() {
    let null = json!({ "field": null });
    assert_eq!(
        normalised(&mut one_field(&json!({ "type": "text" })), &null),
        json!({})
    );
    assert_eq!(
        normalised(&mut one_field(&json!({ "type": "text", "default": "x" })), &null),
        json!({ "field": "x" })
    );
    assert_eq!(
        normalised(
            &mut one_field(&json!({ "type": "text", "nullable": true })),
            &null
        ),
        null
    );
    assert_eq!(
        code_of(&mut one_field(&json!({ "required": true })), &null.to_string()),
        "missing-field"
    );
}

#[test]
fn truth_values_are_converted_only_without_doubt() {
    let mut host = one_field(&json!({ "type": "boolean", "convert": true }));
    for (value, truth) in [
        (json!("true"), true),
        (json!("0"), false),
        (json!(1), true),
        (json!(false), false),
    ] {
        assert_eq!(
            normalised(&mut host, &json!({ "field": value })),
            json!({ "field": truth })
        );
    }
    assert_eq!(code_of(&mut host, r#"{"field":"yes"}"#), "wrong-type");
    assert_eq!(code_of(&mut host, r#"{"field":2}"#), "wrong-type");
}

#[test]
fn without_convert_nothing_but_a_time_changes_its_type() {
    for (kind, value) in [
        ("number", json!("5")),
        ("text", json!(5)),
        ("boolean", json!(1)),
        ("integer", json!(5.0)),
    ] {
        let payload = json!({ "field": value }).to_string();
        assert_eq!(
            code_of(&mut one_field(&json!({ "type": kind })), &payload),
            "wrong-type",
            "{kind}"
        );
    }
}

#[test]
fn large_numbers_keep_their_digits() {
    let mut host = one_field(&json!({ "type": "text", "convert": true }));
    let digits = u64::MAX.to_string();
    assert_eq!(
        normalised(&mut host, &json!({ "field": u64::MAX })),
        json!({ "field": digits })
    );
}

#[test]
fn what_no_rule_changes_stays_as_it_came() {
    let schema = json!({ "fields": {
        "user": { "type": "text", "required": true, "aliases": ["userId", "/actor/id"] },
        "rating": { "type": "number", "convert": true },
        "lines": { "type": "list", "items": { "type": "object", "fields": {
            "count": { "type": "integer", "convert": true },
        }}},
        "device": { "default": "web" },
    }});
    for (payload, after) in [
        (
            r#"{"z":1.50,"id":18446744073709551617,"user":"a","e":1e3,"s":"\u0061\/","rating":"4.50"}"#,
            r#"{"z":1.50,"id":18446744073709551617,"user":"a","e":1e3,"s":"\u0061\/","rating":4.50,"device":"web"}"#,
        ),
        (
            r#" { "userId" : "a" , "o" : { "b" : 1.0 , "a" : [ 1 , 2 ] } } "#,
            r#"{"user":"a","o":{ "b" : 1.0 , "a" : [ 1 , 2 ] },"device":"web"}"#,
        ),
        (
            r#"{"actor":{"n":1.0,"id":"a"},"device":"app"}"#,
            r#"{"actor":{"n":1.0},"device":"app","user":"a"}"#,
        ),
        (
            r#"{"user":"a","device":"app","lines":[{ "count" : 1, "x": 2.0 },{"x":2.0,"count":"3"}]}"#,
            r#"{"user":"a","device":"app","lines":[{ "count" : 1, "x": 2.0 },{"x":2.0,"count":3}]}"#,
        ),
        (
            r#"{"user":"a","rating":null,"x":0.10}"#,
            r#"{"user":"a","x":0.10,"device":"web"}"#,
        ),
        ("\u{feff}{\"user\":\"a\"}", r#"{"user":"a","device":"web"}"#),
    ] {
        let verdict = send(&mut host(&schema), payload).unwrap();
        let written = String::from_utf8_lossy(&verdict.messages()[0].payload).into_owned();
        assert_eq!(written, after, "{payload}");
    }
}

#[test]
fn long_whole_numbers_are_whole_and_keep_their_digits() {
    let number = "18446744073709551617";
    let mut whole = one_field(&json!({ "type": "integer", "convert": true }));
    for (value, after) in [(format!("\"{number}\""), Some(number)), (number.to_owned(), None)] {
        let verdict = send(&mut whole, &format!(r#"{{"field":{value}}}"#)).unwrap();
        let written = verdict.messages().first().map(|message| message.payload.clone());
        assert_eq!(
            written,
            after.map(|after| format!(r#"{{"field":{after}}}"#).into_bytes())
        );
    }
    let mut text = one_field(&json!({ "type": "text", "convert": true }));
    let verdict = send(&mut text, &format!(r#"{{"field":{number}}}"#)).unwrap();
    assert_eq!(
        verdict.messages()[0].payload,
        format!(r#"{{"field":"{number}"}}"#).into_bytes()
    );
}

#[test]
fn a_time_in_any_form_of_rfc_3339_is_one() {
    let mut host = one_field(&json!({ "type": "timestamp" }));
    for text in [
        "2026-11-28T00:30:00+02:00",
        "2026-11-27t22:30:00z",
        "2026-11-27T22:30:00.0000000000001Z",
    ] {
        assert_eq!(
            normalised(&mut host, &json!({ "field": text })),
            json!({ "field": 1_795_818_600_000_i64 }),
            "{text}"
        );
    }
    assert_eq!(
        code_of(&mut host, r#"{"field":"2026-11-28T00:30:00"}"#),
        "wrong-type"
    );
}

#[test]
fn a_field_that_is_there_twice_is_refused() {
    let failure = send(&mut one_field(&json!({})), r#"{"field":{"a":1,"a":2}}"#).unwrap_err();
    assert_eq!(failure.code(), Some("duplicate-member"));
    assert!(
        failure.reason().contains("field \"a\" is there twice"),
        "{failure:?}"
    );
}

#[test]
fn the_reason_of_what_is_no_json_is_true_whatever_the_order() {
    let mut host = one_field(&json!({ "type": "text" }));
    for (payload, word) in [
        (br#"{"field":"a","x":NaN}"#.to_vec(), "expected value"),
        (br#"{"x":NaN,"field":"a"}"#.to_vec(), "expected value"),
        (br#"{"field":"a","x":1e400}"#.to_vec(), "out of range"),
        (br#"{"x":1e400,"field":"a"}"#.to_vec(), "out of range"),
        (vec![0x1f, 0x8b, 8, 0], "gzip"),
        (
            "{\"field\":1}"
                .encode_utf16()
                .flat_map(u16::to_be_bytes)
                .collect(),
            "UTF-16",
        ),
    ] {
        let failure = host.send(Event::new("shop", payload)).unwrap_err();
        assert_eq!(failure.code(), Some("malformed-json"));
        assert!(failure.reason().contains(word), "{failure:?}");
    }
}

#[test]
fn hostile_payloads_are_rejected_and_nothing_worse() {
    let mut host = host(&shop());
    for payload in [
        Vec::new(),
        b"[]".to_vec(),
        b"null".to_vec(),
        vec![0xff; 64],
        vec![b'x'; 1 << 20],
        b"[".repeat(100_000),
        b"{\"a\":".repeat(100_000),
        format!(r#"{{"user":"{}"}}"#, "é".repeat(100_000)).into_bytes(),
        br#"{"user":"\ud800"}"#.to_vec(),
        br#"{"rating":1e400}"#.to_vec(),
    ] {
        let failure = host.send(Event::new("shop.events", payload)).unwrap_err();
        assert!(failure.code().is_some());
        assert!(
            failure.reason().len() < 400,
            "a reason is for a person: {}",
            failure.reason().len()
        );
    }
}

#[test]
fn headers_travel_with_a_normalised_event() {
    let mut host = one_field(&json!({ "default": 1 }));
    let verdict = host
        .send(Event::new("shop.events", "{}").with_header("trace", "7"))
        .unwrap();
    assert_eq!(verdict.messages()[0].headers[0].value, "7");
    assert_eq!(verdict.messages()[0].subject, None);
}

#[test]
fn a_schema_that_cannot_be_meant_is_refused_with_its_path() {
    let refusal = |field: Value| {
        let config = json!({ "schema": { "fields": { "field": field } } });
        TestHost::of::<Validator>(config).err().unwrap()
    };
    for (field, says) in [
        (
            json!({ "pattern": "a" }),
            "config.schema.fields.field.pattern: only for the type text",
        ),
        (
            json!({ "type": "text", "min": 1 }),
            "config.schema.fields.field.min: only for the type number",
        ),
        (
            json!({ "type": "text", "pattern": "(" }),
            "config.schema.fields.field.pattern: ",
        ),
        (
            json!({ "type": "number", "min": 2, "max": 1 }),
            "min is greater than max",
        ),
        (
            json!({ "type": "number", "default": "x" }),
            "config.schema.fields.field.default: must be a number",
        ),
        (
            json!({ "type": "number", "convert": true, "default": "5" }),
            "in its final form, 5",
        ),
        (json!({ "required": true, "default": 1 }), "leave out required"),
        (json!({ "aliases": ["field"] }), "already names a field"),
        (json!({ "aliases": ["/field"] }), "leads nowhere"),
        (
            json!({ "type": "list", "items": { "required": true } }),
            "fields.field.items: required",
        ),
        (
            json!({ "type": "txt" }),
            "config.schema.fields.field.type: unknown variant `txt`",
        ),
        (json!({ "requires": true }), "unknown field `requires`"),
    ] {
        let error = refusal(field);
        assert!(error.contains(says), "{error}");
    }
    assert!(
        TestHost::of::<Validator>(json!({}))
            .err()
            .unwrap()
            .contains("`json-schema` takes a JSON Schema")
    );
}
