//! What one pass over a payload finds, and what it says of one that is no JSON.

use proptest::prelude::*;
use serde_json::Value;

use super::*;

fn fault(payload: &[u8]) -> Option<String> {
    let outcome = scan(payload, &Node::default(), &mut []);
    outcome.err().map(|fault| fault.to_string())
}

#[test]
fn what_is_one_json_text_passes() {
    for payload in [
        "null",
        " true ",
        "-0.5e+10",
        "1e400",
        "\"\"",
        "[]",
        "{}",
        "[[],{},[{}]]",
        "\u{feff}{\"a\":1}",
        "{\"a\":{\"a\":1},\"b\":[{\"a\":1},{\"a\":2}]}",
        "[\"\\ud83d\"]",
        "\t[ 1 , 2 ]\r\n",
    ] {
        assert_eq!(fault(payload.as_bytes()), None, "{payload}");
    }
}

#[test]
fn a_fault_is_the_same_wherever_it_stands() {
    for (wrong, word) in [
        ("NaN", "`NaN`"),
        ("Infinity", "`Infinity`"),
        ("-Infinity", "`-Infinity`"),
        ("01", "`01`"),
        ("1.", "`1.`"),
        (".5", "`.5`"),
        ("+1", "`+1`"),
        ("1e", "`1e`"),
        ("0x10", "`0x10`"),
        ("1_000", "`1_000`"),
        ("True", "`True`"),
        ("nul", "`nul`"),
        ("nullx", "`nullx`"),
        ("undefined", "`undefined`"),
        ("'a'", "`'`"),
        ("\"\\x\"", "an escape"),
        ("\"\u{1}\"", "a control character"),
        ("[1,]", "`]`"),
        ("{\"b\":1,}", "`}`"),
        ("{b:1}", "`b`"),
        ("{\"b\" 1}", "`1`"),
        ("[1 2]", "`2`"),
        ("// x\n1", "`/`"),
    ] {
        for payload in [
            format!("{{\"user\":\"a\",\"x\":{wrong}}}"),
            format!("{{\"x\":{wrong},\"user\":\"a\"}}"),
            format!("[{wrong}]"),
        ] {
            let fault = fault(payload.as_bytes()).unwrap_or_default();
            assert!(
                fault.starts_with("the payload is no JSON") && fault.contains(word),
                "{payload}: {fault}"
            );
        }
    }
}

#[test]
fn what_ends_too_early_or_goes_on_says_so() {
    for payload in [
        "", " ", "{", "[1,", "{\"a\"", "{\"a\":", "\"a", "\"\\", "[[]", "-",
    ] {
        let fault = fault(payload.as_bytes()).unwrap_or_default();
        assert!(
            fault.contains("ends too early") || payload == "-",
            "{payload:?}: {fault}"
        );
    }
    assert!(fault(b"{} {}").unwrap().contains("`{` at byte 3"));
    assert!(fault(b"]").unwrap().contains("`]` at byte 0"));
    assert!(fault(b"[}").unwrap().contains("`}` at byte 1"));
    assert!(fault(b"\"\xff\"").unwrap().contains("not UTF-8 at byte 1"));
}

#[test]
fn a_member_twice_is_found_in_every_object() {
    for payload in [
        r#"{"user":"alice","user":"bob"}"#,
        r#"{"user":"alice","x":1,"user":"alice"}"#,
        r#"{"\u0075ser":"alice","user":"bob"}"#,
        r#"{"x":{"user":"alice","user":"bob"}}"#,
        r#"[1,[{"x":[{"user":1,"user":2}]}]]"#,
        r#"{"user":{"x":1},"user":NaN}"#,
    ] {
        let fault = fault(payload.as_bytes()).unwrap_or_default();
        assert!(fault.contains("the member \"user\" twice"), "{payload}: {fault}");
    }
}

#[test]
fn nesting_beyond_reason_costs_no_recursion() {
    for (open, close) in [("[", "]"), ("{\"a\":", "}"), ("[{\"a\":", "}]")] {
        let deep = format!("{}1{}", open.repeat(300_000), close.repeat(300_000));
        assert_eq!(fault(deep.as_bytes()), None);
        assert!(fault(&deep.as_bytes()[..deep.len() - 1]).is_some());
    }
}

#[test]
fn what_is_open_is_known_at_any_depth() {
    let mut open = Opened::default();
    let is_object = |depth: usize| depth.is_multiple_of(3) || depth % 64 == 5;
    for depth in 0..1_000 {
        open.push(is_object(depth));
    }
    for depth in (0..1_000).rev() {
        assert_eq!(open.is_object(), Some(is_object(depth)), "{depth}");
        open.pop();
    }
    assert_eq!(open.is_object(), None);
}

fn json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        (-1e300..1e300).prop_map(Value::from),
        "\\PC{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec(("[a-d\"\\\\]{0,2}", inner), 0..5)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn whatever_serde_writes_passes(value in json(), is_pretty in any::<bool>()) {
        let text = if is_pretty {
            serde_json::to_string_pretty(&value)
        } else {
            serde_json::to_string(&value)
        };
        prop_assert_eq!(fault(text.unwrap().as_bytes()), None);
    }

    #[test]
    fn what_serde_refuses_is_refused(text in "[\\[\\]{}:,\"0-2ae. \\\\-]{0,14}") {
        agrees_with_serde(text.as_bytes())?;
    }

    #[test]
    fn one_byte_changed_is_judged_as_serde_does(
        value in json(),
        place in any::<prop::sample::Index>(),
        byte: u8,
    ) {
        let mut payload = serde_json::to_vec(&value).unwrap();
        let place = place.index(payload.len());
        payload[place] = byte;
        agrees_with_serde(&payload)?;
    }
}

/// But for a member twice, a number beyond a float, and half of a surrogate pair.
fn agrees_with_serde(payload: &[u8]) -> Result<(), TestCaseError> {
    let refused = serde_json::from_slice::<Value>(payload)
        .err()
        .map(|cause| cause.to_string());
    let is_allowed = |cause: &String| {
        ["number out of range", "surrogate", "hex escape"]
            .iter()
            .any(|word| cause.contains(word))
    };
    match scan(payload, &Node::default(), &mut []) {
        Ok(()) => prop_assert!(refused.iter().all(is_allowed), "{refused:?}"),
        Err(PayloadFault::Duplicate { .. }) => {}
        Err(PayloadFault::Unreadable(_)) => prop_assert!(refused.is_some()),
    }
    Ok(())
}
