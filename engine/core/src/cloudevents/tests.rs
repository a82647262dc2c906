//! The two forms are one event.

use super::*;

fn there_and_back(attributes: &Attributes, data: &[u8]) {
    let data = Bytes::copy_from_slice(data);
    let headers: Vec<Header> = attributes.to_headers().collect();
    let binary = read(&headers, &data).unwrap();
    assert_eq!((&binary.attributes, &binary.data), (attributes, &data));
    let envelope = Bytes::from(to_envelope(attributes, &data));
    let structured = read(&[], &envelope).unwrap();
    assert_eq!(structured.mode, CloudeventsMode::Structured);
    assert_eq!(structured.data, data, "{}", String::from_utf8_lossy(&envelope));
    let all = |attributes: &Attributes| {
        let owned = attributes
            .iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned()));
        owned.collect::<Vec<_>>()
    };
    assert_eq!(all(&structured.attributes), all(attributes));
}

#[test]
fn whatever_the_data_is_each_form_gives_it_back() {
    for media in [
        None,
        Some("application/json"),
        Some("text/plain"),
        Some("image/png"),
    ] {
        let mut attributes = Attributes::default();
        for (name, value) in [
            ("specversion", "1.0"),
            ("id", "\"1\" %41"),
            ("source", "/a%20b"),
            ("type", "ü\u{10ffff}"),
        ] {
            attributes.add(name, value.to_owned(), name).unwrap();
        }
        if let Some(media) = media {
            attributes.add("datacontenttype", media.to_owned(), "").unwrap();
        }
        for data in [
            &b""[..],
            b"{\"a\":1e400}",
            b"\"text\"",
            b"plain \"text\"",
            b"\xff\xfe\x00",
            "é\u{0}".as_bytes(),
        ] {
            there_and_back(&attributes, data);
        }
    }
}

#[test]
fn the_identity_is_of_source_and_id() {
    let header = |name: &str, value: &str| Header {
        name: name.to_owned(),
        value: value.to_owned(),
    };
    let of = |source: &str, id: &str| identity(&[header("ce-source", source), header("ce-id", id)]);
    assert_eq!(of("/a%20", "1").as_deref(), Some("/a \n1"));
    assert_ne!(of("a", "b c"), of("a b", "c"));
    // A line break could make two events one, and is refused where the event comes in.
    assert_eq!(of("a%0Ab", "c"), None);
    assert_eq!(identity(&[header("ce-id", "1")]), None);
}

#[test]
fn an_attribute_of_the_specification_holds_what_it_says() {
    let event = |name: &str, value: &str| {
        let mut attributes = Attributes::default();
        for (known, good) in [
            ("specversion", "1.0"),
            ("id", "1"),
            ("source", "/a"),
            ("type", "t"),
        ] {
            attributes.set(known, good);
        }
        attributes.set(name, value);
        let headers: Vec<Header> = attributes.to_headers().collect();
        let structured = to_envelope(&attributes, &Bytes::new());
        [
            read(&headers, &Bytes::new()).map(drop),
            read(&[], &Bytes::from(structured)).map(drop),
        ]
    };
    for (name, value) in [
        ("source", "https://shop.example/o?a=1"),
        ("source", "/b\u{fc}cher"),
        ("time", "2026-11-29T12:00:00.5+01:00"),
        ("dataschema", "https://shop.example/o.json"),
    ] {
        assert_eq!(event(name, value), [Ok(()), Ok(())], "{name}={value}");
    }
    for (name, value) in [
        ("source", "a b"),
        ("source", "%zz"),
        ("id", ""),
        ("time", "yesterday"),
        ("time", "2026-11-29"),
        ("dataschema", "a b"),
    ] {
        for read in event(name, value) {
            let fault = read.unwrap_err();
            assert_eq!(fault.code(), crate::codes::LetterCode::MalformedCloudevent);
            assert!(fault.to_string().contains(name), "{fault}");
        }
    }
}

#[test]
fn an_attribute_of_the_specification_is_a_text_and_an_extension_may_be_a_number() {
    let event = |members: &str| {
        let all = format!(r#"{{"specversion":"1.0","source":"/a","type":"t",{members}}}"#);
        read(&[], &Bytes::from(all))
    };
    for (members, place) in [
        (r#""id":7"#, "/id"),
        (r#""id":true"#, "/id"),
        (r#""id":"1","subject":7"#, "/subject"),
        (r#""id":"1","time":1795825800"#, "/time"),
    ] {
        let fault = event(members).unwrap_err();
        assert_eq!(fault.code(), crate::codes::LetterCode::MalformedCloudevent);
        let said = fault.to_string();
        assert!(said.contains(place) && said.contains("has text there"), "{said}");
    }
    let event = event(r#""id":"1","subject":null,"priority":7,"urgent":true"#).unwrap();
    assert_eq!(event.attributes.get("priority"), Some("7"));
    assert_eq!(event.attributes.get("urgent"), Some("true"));
}

#[test]
fn json_that_is_no_event_is_told_of_headers_and_not_of_members() {
    let other = read(&[], &Bytes::from_static(br#"{"user":{"a":1}}"#)).unwrap_err();
    assert!(
        other.to_string().contains("neither a header ce-specversion"),
        "{other}"
    );
    let half = read(&[], &Bytes::from_static(br#"{"specversion":"1.0"}"#)).unwrap_err();
    assert!(half.to_string().contains("/id"), "{half}");
}
