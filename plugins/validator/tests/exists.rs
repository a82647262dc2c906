//! What an event names must be a row of a table.

use serde_json::json;
use tailrace_sdk::{prelude::*, testing::TestHost};
use validator::Validator;

/// With the customers `ada` and `7`.
fn host(config: Value) -> TestHost {
    let mut host = TestHost::of::<Validator>(config).unwrap();
    for customer in ["ada", "7", "true"] {
        host.set_row("customers", customer, "{}");
    }
    host
}

fn refused(host: &mut TestHost, payload: &str) -> Option<(String, String)> {
    let sent = host.send(Event::new("shop.events", payload));
    let failure = sent.err()?;
    let code = failure.code().expect("an invalid event").to_owned();
    Some((code, failure.reason().to_owned()))
}

fn code(host: &mut TestHost, payload: &str) -> Option<String> {
    refused(host, payload).map(|(code, _)| code)
}

#[test]
fn an_event_whose_row_is_missing_is_invalid_and_says_which() {
    let mut host = host(json!({ "exists": { "table": "customers", "key": "/customer" } }));
    for (payload, expected) in [
        (r#"{"customer":"ada"}"#, None),
        (r#"{"customer":7}"#, None),
        (r#"{"customer":true}"#, None),
        // As it is written, as the engine reads keys.
        (r#"{"customer":7.0}"#, Some("no-row")),
        (r#"{"customer":""}"#, Some("no-row")),
        (r#"{"customer":["ada"]}"#, Some("wrong-type")),
        (r#"{"customer":{}}"#, Some("wrong-type")),
        // What names nothing is not looked up.
        (r#"{"customer":null}"#, None),
        ("{}", None),
        ("5", None),
        ("{", Some("malformed-json")),
    ] {
        assert_eq!(code(&mut host, payload).as_deref(), expected, "{payload}");
    }
    let (_, reason) = refused(&mut host, r#"{"customer":"eve"}"#).unwrap();
    assert_eq!(
        reason,
        r#""/customer" is "eve", and table customers has no such row"#
    );
    host.set_row("customers", "eve", "{}");
    assert_eq!(code(&mut host, r#"{"customer":"eve"}"#), None);
    host.delete_row("customers", "eve");
    assert_eq!(
        code(&mut host, r#"{"customer":"eve"}"#).as_deref(),
        Some("no-row")
    );
}

#[test]
fn a_required_key_is_there() {
    let exists = json!({ "table": "customers", "key": "/order/customer", "required": true });
    let mut host = host(json!({ "exists": exists }));
    for payload in ["{}", r#"{"order":{}}"#, r#"{"order":{"customer":null}}"#] {
        let (code, reason) = refused(&mut host, payload).unwrap();
        assert_eq!(code, "missing-field");
        assert!(reason.contains("/order/customer"), "{reason}");
    }
    assert_eq!(code(&mut host, r#"{"order":{"customer":"ada"}}"#), None);
}

#[test]
fn each_entry_of_a_list_names_a_row() {
    let lines = json!({ "table": "items", "each": "/lines", "key": "/item" });
    let tags = json!({ "table": "tags", "each": "/tags", "key": "", "required": true });
    let mut host = host(json!({ "exists": [lines, tags] }));
    host.set_row("items", "tea", "1");
    host.set_row("tags", "hot", "1");
    for (payload, expected) in [
        (r#"{"lines":[{"item":"tea"},{}],"tags":["hot"]}"#, None),
        (r#"{"tags":[]}"#, None),
        (
            r#"{"lines":[{"item":"tea"},{"item":"cake"}],"tags":[]}"#,
            Some("no-row"),
        ),
        (r#"{"lines":{"item":"tea"},"tags":[]}"#, Some("wrong-type")),
        (r#"{"tags":["hot","cold"]}"#, Some("no-row")),
        (r#"{"tags":[null]}"#, Some("missing-field")),
        ("{}", Some("missing-field")),
    ] {
        assert_eq!(code(&mut host, payload).as_deref(), expected, "{payload}");
    }
    let (_, reason) = refused(
        &mut host,
        r#"{"lines":[{"item":"tea"},{"item":"cake"}],"tags":[]}"#,
    )
    .unwrap();
    assert!(reason.starts_with(r#""/lines/1/item" is "cake""#), "{reason}");
}

#[test]
fn what_is_handed_on_is_looked_up() {
    let fields = json!({ "customer": { "type": "text", "aliases": ["client"], "convert": true } });
    let exists = json!({ "table": "customers", "key": "/customer" });
    let mut host = host(json!({ "schema": { "fields": fields }, "exists": exists }));
    let sent = host.send(Event::new("shop.events", r#"{"client":7}"#)).unwrap();
    assert_eq!(sent.messages()[0].payload, br#"{"customer":"7"}"#);
    assert_eq!(code(&mut host, r#"{"client":8}"#).as_deref(), Some("no-row"));
    assert_eq!(
        code(&mut host, r#"{"customer":"eve"}"#).as_deref(),
        Some("no-row")
    );
}

#[test]
fn a_reference_that_leads_nowhere_is_refused() {
    let why = |exists: Value| {
        let made = TestHost::of::<Validator>(json!({ "exists": exists }));
        made.err().unwrap()
    };
    let told = why(json!({ "table": "t", "key": "customer" }));
    assert!(
        told.contains("config.exists.key") && told.contains("write /customer"),
        "{told}"
    );
    let told = why(json!([{ "table": "t", "key": "/a", "each": "b" }]));
    assert!(told.contains("config.exists[0].each"), "{told}");
    assert!(why(json!([])).contains("config.exists"));
}
