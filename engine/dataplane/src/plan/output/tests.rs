//! What is published as a CloudEvent.

use tailrace_core::name::Name;

use super::*;

fn output(declared: &str) -> PlannedOutput {
    let name = |text: &str| Name::new(text).unwrap();
    let pipeline = PipelineId {
        tenant: name("shop"),
        pipeline: name("p"),
    };
    let text = format!(r#"{{"subject":"out","cloudevents":{declared}}}"#);
    PlannedOutput::of(&pipeline, Some(&serde_json::from_str(&text).unwrap()))
}

const ABOUT: About<'_> = About {
    name: "17:0",
    time_ms: 1_795_822_200_000,
    key: "björn",
    result: None,
    is_the_event: true,
};

fn headers(all: &[(&str, &str)]) -> Vec<Header> {
    let header = |(name, value): &(&str, &str)| Header {
        name: (*name).to_owned(),
        value: (*value).to_owned(),
    };
    all.iter().map(header).collect()
}

fn write(declared: &str, about: About<'_>, own: &[(&str, &str)], payload: &str) -> (String, String) {
    let written = output(declared)
        .write(about, headers(own), Bytes::from(payload.to_owned()))
        .unwrap();
    let shown = |header: &Header| format!("{}={}", header.name, header.value);
    let headers: Vec<_> = written.headers.iter().map(shown).collect();
    (
        headers.join(" "),
        String::from_utf8(written.payload.to_vec()).unwrap(),
    )
}

#[test]
fn what_has_no_attributes_gets_them() {
    let (headers, payload) = write(r#"{"type":"shop.receipt"}"#, ABOUT, &[("x", "1")], r#"{"n":1.0}"#);
    assert_eq!(
        headers,
        "x=1 ce-datacontenttype=application/json ce-id=17:0 ce-source=/tailrace/shop/p ce-specversion=1.0 ce-subject=bj%C3%B6rn ce-time=2026-11-27T23:30:00.000Z ce-type=shop.receipt"
    );
    assert_eq!(payload, r#"{"n":1.0}"#);
    let declared = r#"{"mode":"structured","type":"shop.{window}","source":"/till"}"#;
    let about = About {
        result: Some("daily"),
        key: "",
        ..ABOUT
    };
    let (headers, payload) = write(declared, about, &[], r#"{"n":1.0}"#);
    assert_eq!(headers, "Content-Type=application/cloudevents+json");
    assert_eq!(
        payload,
        r#"{"specversion":"1.0","id":"17:0","source":"/till","type":"shop.daily","datacontenttype":"application/json","time":"2026-11-27T23:30:00.000Z","data":{"n":1.0}}"#
    );
}

const OWN: [(&str, &str); 5] = [
    ("ce-specversion", "1.0"),
    ("ce-id", "a"),
    ("ce-source", "/till%201"),
    ("ce-type", "shop.sale"),
    ("ce-step", "2"),
];

#[test]
fn the_event_itself_keeps_what_it_is_and_what_is_made_of_it_does_not() {
    let declared = r#"{"type":"shop.receipt"}"#;
    let (headers, _) = write(declared, ABOUT, &OWN, "{}");
    assert!(
        headers.contains("ce-id=a ce-source=/till%201") && headers.contains("ce-type=shop.sale"),
        "{headers}"
    );
    let made = About {
        is_the_event: false,
        ..ABOUT
    };
    let (headers, _) = write(declared, made, &OWN, "{}");
    assert!(
        headers.contains("ce-id=17:0 ce-source=/tailrace/shop/p")
            && headers.contains("ce-type=shop.sale")
            && headers.contains("ce-step=2"),
        "{headers}"
    );
}

#[test]
fn an_envelope_of_a_step_is_an_event_and_no_data() {
    let envelope = r#"{"specversion":"1.0","id":"a","source":"b","type":"c","data":{"n":1.0},"level":3}"#;
    let sign = [("content-type", "application/cloudevents+json")];
    let structured = r#"{"mode":"structured","type":"t"}"#;
    let (_, payload) = write(structured, ABOUT, &sign, envelope);
    assert_eq!(payload, envelope, "the event that came in stays as it is");
    let made = About {
        is_the_event: false,
        ..ABOUT
    };
    let (_, payload) = write(structured, made, &sign, envelope);
    assert!(
        payload.contains(r#""id":"17:0","source":"/tailrace/shop/p","type":"c""#),
        "{payload}"
    );
    let (headers, payload) = write(r#"{"type":"t"}"#, ABOUT, &sign, envelope);
    assert!(
        headers.starts_with("ce-datacontenttype=application/json ce-id=a ce-level=3"),
        "{headers}"
    );
    assert_eq!(payload, r#"{"n":1.0}"#);
}

#[test]
fn no_key_or_name_breaks_a_header() {
    let about = About {
        name: "timer-s:a\r\nNats-Msg-Id: 1",
        key: "a\r\nb",
        ..ABOUT
    };
    let (headers, _) = write(r#"{"type":"t"}"#, about, &[], "\u{1}");
    assert!(
        !headers.contains(char::is_control) && !headers.contains("ce-subject"),
        "{headers}"
    );
    assert!(
        headers.contains("ce-datacontenttype=application/octet-stream"),
        "{headers}"
    );
}

#[test]
fn attributes_that_a_step_may_not_write_are_refused() {
    let written = output(r#"{"type":"t"}"#).write(ABOUT, headers(&[("ce-Sub_ject", "1")]), Bytes::new());
    let (code, reason) = written.unwrap_err();
    assert_eq!(code, LetterCode::MalformedCloudevent);
    assert!(reason.contains("header ce-sub_ject"), "{reason}");
}
