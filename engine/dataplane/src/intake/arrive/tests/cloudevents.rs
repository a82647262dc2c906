//! CloudEvents in both modes.

use super::*;

const PLACES: &str = "key: { first-of: [{ cloudevent: subject }, { json: /user }] }, time: { cloudevent: time }, dedup: { cloudevent: id, window: 1h }";

fn ready(form: &str) -> Plan {
    plan(&format!("cloudevents: {form}, {PLACES}"))
}

fn binary() -> Vec<(&'static str, &'static str)> {
    vec![
        ("ce-specversion", "1.0"),
        ("CE-Id", "17"),
        ("ce-source", "/shop/tills%C3%BCwest"),
        ("ce-type", "shop.receipt"),
        ("ce-subject", "bj%C3%B6rn"),
        ("ce-time", "2026-11-28T00:30:00+01:00"),
        ("X", "1"),
    ]
}

const ENVELOPE: &str = r#"{"specversion":"1.0","id":"17","source":"/shop/tillsüwest","type":"shop.receipt",
    "subject":"björn","time":"2026-11-28T00:30:00+01:00","priority":3,"none":null,"data":{ "total": 12.50, "n": 18446744073709551617 }}"#;
const DATA: &str = r#"{ "total": 12.50, "n": 18446744073709551617 }"#;
const STRUCTURED: (&str, &str) = ("content-type", "application/cloudevents+json; charset=UTF-8");

fn header<'a>(arrival: &'a Arrival, name: &str) -> Option<&'a str> {
    let mut headers = arrival.event.headers.iter();
    let found = headers.find(|header| header.name.eq_ignore_ascii_case(name));
    found.map(|header| header.value.as_str())
}

#[test]
fn both_modes_are_one_event() {
    let plan = ready("data");
    let messages = [
        message(&binary(), DATA.as_bytes()),
        message(&[STRUCTURED, ("X", "1")], ENVELOPE.as_bytes()),
        // As the binding was before it had headers.
        message(&[("X", "1")], ENVELOPE.as_bytes()),
    ];
    for sent in messages {
        let arrival = arrive(&plan, sent.clone());
        assert_eq!(arrival.refused, None);
        assert_eq!(arrival.event.key, "björn");
        assert_eq!(arrival.event.time_ms, 1_795_822_200_000);
        let id = arrival.dedup.as_ref().map(|id| id.text.as_str());
        assert_eq!(id, Some("/shop/tillsüwest\n17"));
        assert_eq!(arrival.event.payload, DATA, "no digit changes");
        assert_eq!(header(&arrival, "ce-source"), Some("/shop/tills%C3%BCwest"));
        assert_eq!(
            (header(&arrival, "x"), header(&arrival, "ce-none")),
            (Some("1"), None)
        );
        assert_eq!(header(&arrival, "content-type"), None);
        assert_eq!(arrival.raw, sent.payload);
    }
}

#[test]
fn an_envelope_is_made_where_none_came() {
    let plan = ready("envelope");
    let whole = arrive(&plan, message(&[STRUCTURED], ENVELOPE.as_bytes()));
    assert_eq!(whole.event.payload, ENVELOPE, "nothing is rewritten");
    let mut headers = binary();
    headers.push(("ce-datacontenttype", "text/plain"));
    for (headers, data, member) in [
        (binary(), DATA.as_bytes(), format!("\"data\":{DATA}")),
        (headers, b"hi \"you\"", r#""data":"hi \"you\"""#.to_owned()),
        (binary(), b"\xff\x00", r#""data_base64":"/wA=""#.to_owned()),
        (binary(), b"", r#""time":"2026-11-28T00:30:00+01:00""#.to_owned()),
    ] {
        let arrival = arrive(&plan, message(&headers, data));
        assert_eq!(arrival.refused, None);
        let text = String::from_utf8_lossy(&arrival.event.payload);
        assert!(
            text.starts_with(
                r#"{"specversion":"1.0","id":"17","source":"/shop/tillsüwest","type":"shop.receipt","#
            ) && text.ends_with(&format!("{member}}}")),
            "{text}"
        );
        assert_eq!(
            header(&arrival, "content-type"),
            Some("application/cloudevents+json")
        );
        assert_eq!(header(&arrival, "ce-subject"), Some("bj%C3%B6rn"));
    }
}

#[test]
fn data_of_an_envelope_is_what_its_type_says() {
    let plan = ready("data");
    for (rest, data) in [
        (
            r#""datacontenttype":"text/xml","data":"<a b=\"é\"/>""#,
            "<a b=\"é\"/>".as_bytes(),
        ),
        (
            r#""datacontenttype":"application/vnd.x+JSON;v=1","data":"é""#,
            "\"é\"".as_bytes(),
        ),
        (r#""data":"é""#, "\"é\"".as_bytes()),
        (r#""data_base64":"AP8=""#, b"\x00\xff"),
        (r#""data":null"#, b"null"),
        (r#""x":"1""#, b""),
    ] {
        let payload =
            format!(r#"{{"specversion":"1.0","id":"1","source":"a","type":"t","subject":"s",{rest}}}"#);
        let arrival = arrive(&plan, message(&[STRUCTURED], payload.as_bytes()));
        assert_eq!(
            (arrival.refused, &arrival.event.payload[..]),
            (None, data),
            "{rest}"
        );
    }
}

#[test]
fn without_the_attribute_the_other_place_holds() {
    let plan = ready("data");
    let headers = |subject: &'static str| {
        let mut headers = binary();
        headers[4].1 = subject;
        headers
    };
    let key = |headers: &[(&str, &str)], data: &[u8]| {
        let arrival = arrive(&plan, message(headers, data));
        (arrival.refused.map(|(code, _)| code.as_str()), arrival.event.key)
    };
    assert_eq!(key(&headers(""), br#"{"user":"ann"}"#), (None, "ann".to_owned()));
    assert_eq!(key(&headers(""), b"{}").0, Some("no-key"));
    assert_eq!(key(&headers(""), b"\x1f\x8b").0, Some("unreadable-payload"));
    // A key that is found need not be looked for in data that is no JSON.
    assert_eq!(key(&headers("ann"), b"\x1f\x8b"), (None, "ann".to_owned()));
    assert_eq!(
        key(&headers("ann"), br#"{"a":1,"a":2}"#).0,
        Some("duplicate-member")
    );
}

#[test]
fn what_is_malformed_is_refused_with_its_place_and_kept_as_it_came() {
    let plan = ready("data");
    let with = |name: &'static str, value: &'static str| {
        let mut headers = binary();
        headers.retain(|header| !header.0.eq_ignore_ascii_case(name));
        headers.push((name, value));
        headers
    };
    let twice = [binary(), vec![("ce-ID", "18")]].concat();
    let long: &'static str = Box::leak("x".repeat(20_000).into_boxed_str());
    for (headers, payload, word) in [
        (vec![], "{}".to_owned(), "at its headers"),
        (vec![], "x".to_owned(), "neither a header ce-specversion"),
        (vec![("ce-id", "1")], "{}".to_owned(), "header ce-specversion"),
        (with("ce-specversion", "0.3"), String::new(), "\"0.3\""),
        (with("ce-id", ""), String::new(), "header ce-id"),
        (
            with("ce-subject", "100%"),
            String::new(),
            "header ce-subject, the `%` at byte 3",
        ),
        (
            with("ce-subject", "%0d%0aNats-Msg-Id: 1"),
            String::new(),
            "control character",
        ),
        (with("ce-source", "%ff"), String::new(), "not UTF-8"),
        (
            with("ce-trace_parent", "1"),
            String::new(),
            "header ce-trace_parent",
        ),
        (with("ce-data", "1"), String::new(), "header ce-data"),
        (with("ce-long", long), String::new(), "more than 16384 bytes"),
        (twice, String::new(), "header ce-id, the attribute is there twice"),
        (
            vec![("Content-Type", "application/cloudevents-batch+json")],
            "[]".to_owned(),
            "one event a message",
        ),
        (vec![STRUCTURED], "[]".to_owned(), "no JSON object"),
        (vec![STRUCTURED], "{".to_owned(), "ends too early"),
        (
            vec![STRUCTURED],
            ENVELOPE.replace("\"17\"", "17"),
            "at /id, CloudEvents has text there",
        ),
        (
            vec![STRUCTURED],
            ENVELOPE.replace("\"priority\":3", "\"priority\":3.5"),
            "at /priority, a number",
        ),
        (
            vec![STRUCTURED],
            ENVELOPE.replace("\"priority\":3", "\"priority\":{}"),
            "at /priority, an attribute is text",
        ),
        (
            vec![STRUCTURED],
            ENVELOPE.replace("\"17\"", "\"\\u0000\""),
            "at /id",
        ),
        (
            vec![STRUCTURED],
            ENVELOPE.replace("\"17\"", "\"\\ud800\""),
            "surrogate",
        ),
        (
            vec![STRUCTURED],
            ENVELOPE.replace("priority", "Priority"),
            "at /Priority",
        ),
        (
            vec![STRUCTURED],
            ENVELOPE.replace("\"none\"", "\"data_base64\""),
            "",
        ),
        (
            vec![STRUCTURED],
            ENVELOPE.replace("\"none\":null", "\"data_base64\":\"AA==\""),
            "either `data` or `data_base64`",
        ),
        (
            vec![STRUCTURED],
            r#"{"specversion":"1.0","id":"1","source":"a","type":"t","data_base64":"%"}"#.to_owned(),
            "no text in base64",
        ),
    ] {
        let sent = message(&headers, payload.as_bytes());
        let arrival = arrive(&plan, sent.clone());
        let Some((code, reason)) = arrival.refused else {
            assert_eq!(word, "", "{headers:?} {payload}");
            continue;
        };
        assert_eq!(code, LetterCode::MalformedCloudevent, "{reason}");
        assert!(reason.contains(word) && reason.len() < 500, "{word}: {reason}");
        assert!(!reason.contains(char::is_control), "{reason}");
        assert_eq!(
            (arrival.event.headers, arrival.event.payload),
            (sent.headers, sent.payload)
        );
    }
    let twice = ENVELOPE.replace("\"none\"", "\"id\"");
    let refused = arrive(&plan, message(&[STRUCTURED], twice.as_bytes())).refused;
    assert_eq!(refused.map(|(code, _)| code), Some(LetterCode::DuplicateMember));
}

#[test]
fn many_attributes_are_refused_before_they_become_headers() {
    let plan = ready("data");
    let many: Vec<String> = (0..100_000).map(|number| format!("\"x{number}\":1")).collect();
    let payload = ENVELOPE.replacen('{', &format!("{{{},", many.join(",")), 1);
    let (code, reason) = arrive(&plan, message(&[], payload.as_bytes())).refused.unwrap();
    assert_eq!(code, LetterCode::MalformedCloudevent);
    assert!(reason.contains("more than 64 attributes"), "{reason}");
}

#[test]
fn a_letter_that_comes_again_is_read_as_it_came_first() {
    let plan = ready("data");
    let first = arrive(&plan, message(&[STRUCTURED], ENVELOPE.as_bytes()));
    let mut letter = letter(&plan, dead_letter::INPUT_STEP, "rate-limited", b"");
    let reason = letter.headers.pop().unwrap();
    letter.headers = first.raw_headers.clone().unwrap();
    letter.headers.push(reason);
    letter.payload = first.raw.clone();
    let again = arrive_again(&plan, letter).unwrap();
    assert_eq!((again.refused, again.event.key.as_str()), (None, "björn"));
    assert_eq!(again.event.payload, DATA);
    assert_eq!(again.event.headers, first.event.headers);
}

#[test]
fn a_trace_that_the_event_names_is_followed() {
    let parent = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    let plan = ready("data");
    let envelope = ENVELOPE.replace(
        "\"none\":null",
        &format!("\"traceparent\":\"{parent}\",\"tracestate\":\"a=1\""),
    );
    let binary = [
        binary(),
        vec![("ce-traceparent", parent), ("ce-tracestate", "a%3D1")],
    ]
    .concat();
    for sent in [message(&[], envelope.as_bytes()), message(&binary, b"{}")] {
        let arrival = arrive(&plan, sent);
        let context = tailrace_core::trace::TraceContext::of(&arrival.event.headers).unwrap();
        assert_eq!(context.parent_id, "00f067aa0ba902b7");
        assert_eq!(header(&arrival, "tracestate"), Some("a=1"));
    }
}

#[test]
fn the_data_has_the_schema_of_the_input() {
    let mut plan = plan("cloudevents: data, key: { json: /user }, schema: { name: order, version: 1 }");
    plan.prepare_schemas(&schemas::registered()).unwrap();
    let envelope = |data: &str| {
        format!(
            r#"{{"specversion":"1.0","id":"1","source":"a","type":"t","datacontenttype":"application/avro","data_base64":"{data}"}}"#
        )
    };
    let arrival = arrive(&plan, message(&[], envelope("BmFubg==").as_bytes()));
    assert_eq!(
        (arrival.refused.as_ref(), arrival.event.key.as_str()),
        (None, "ann")
    );
    assert_eq!(arrival.event.payload, &br#"{"user":"ann"}"#[..]);
    assert_eq!(header(&arrival, "ce-datacontenttype"), Some("application/json"));
    let refused = arrive(&plan, message(&[], envelope("BmE=").as_bytes())).refused;
    assert_eq!(refused.map(|(code, _)| code), Some(LetterCode::SchemaMismatch));
    let mut enveloped = plan_of(
        "inputs: {a: {subjects: [\"shop.>\"], cloudevents: envelope, key: {json: /data/user}, schema: {name: order, version: 1}}}\n",
    );
    enveloped.prepare_schemas(&schemas::registered()).unwrap();
    let arrival = arrive(&enveloped, message(&[], envelope("BmFubg==").as_bytes()));
    assert_eq!(
        (arrival.refused.as_ref(), arrival.event.key.as_str()),
        (None, "ann")
    );
    assert!(String::from_utf8_lossy(&arrival.event.payload).ends_with(r#""data":{"user":"ann"}}"#));
    assert_eq!(header(&arrival, "tr-input"), Some("a"));
    // Places look into the decoded data, also where steps get it as it came.
    let mut raw = self::plan(
        "cloudevents: envelope, decode: raw, key: { json: /data/user }, schema: { name: order, version: 1 }",
    );
    raw.prepare_schemas(&schemas::registered()).unwrap();
    let sent = envelope("BmFubg==");
    let arrival = arrive(&raw, message(&[], sent.as_bytes()));
    assert_eq!(
        (arrival.refused.as_ref(), arrival.event.key.as_str()),
        (None, "ann")
    );
    assert_eq!(arrival.event.payload, sent);
}

#[test]
fn a_marker_is_no_event_and_passes() {
    let plan = plan("cloudevents: data, markers: pass, key: { subject-token: 3 }");
    let arrival = arrive(&plan, message(&[("Nats-Marker-Reason", "Purge")], b""));
    assert_eq!((arrival.refused, arrival.event.key.as_str()), (None, "eve"));
}
