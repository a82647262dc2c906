//! What the two entrances make of messages, as tables of cases.

mod carried;
mod cloudevents;
mod inputs;
mod schemas;

use std::{collections::BTreeSet, sync::Arc};

use bytes::Bytes;
use tailrace_core::{
    grant::{CallLimits, Grant},
    identity::{Digest, PipelineId},
    manifest::parse::parse,
    name::Name,
    ports::plugins::{Instance, Plugin, PluginError},
    registry::{Begun, Revision},
};
use tailrace_sketch::TenantSeed;

use super::*;

/// A plugin that is never called.
struct Idle(BTreeSet<Grant>);

impl Plugin for Idle {
    fn imports(&self) -> &BTreeSet<Grant> {
        &self.0
    }
    fn instantiate(&self, _: &str, _: &CallLimits) -> Result<Box<dyn Instance>, PluginError> {
        Err(PluginError::Engine("it is never called".to_owned()))
    }
}

/// A pipeline with this input, in YAML.
fn plan(input: &str) -> Plan {
    plan_of(&format!("input: {{subjects: [\"shop.>\"], {input}}}\n"))
}

/// A pipeline with these inputs, in YAML.
fn plan_of(inputs: &str) -> Plan {
    let text = format!("name: p\n{inputs}steps: [{{name: s, plugin: idle@1.0.0}}]\n");
    let manifest = parse(text.as_bytes()).unwrap();
    tailrace_core::manifest::check::check(&manifest).unwrap();
    let name = |text: &str| Name::new(text).unwrap();
    let revision = Revision {
        number: 1,
        plugins: [(name("s"), Digest::of(b"idle"))].into(),
        manifest,
        applied_ms: 0,
        rolled_back_to: None,
        begun: Begun::default(),
    };
    let pipeline = PipelineId {
        tenant: name("shop"),
        pipeline: name("p"),
    };
    let idle: Arc<dyn Plugin> = Arc::new(Idle(BTreeSet::new()));
    Plan::new(
        pipeline,
        &revision,
        &[(name("s"), idle)].into(),
        TenantSeed::new(0, 0),
    )
}

const RECEIVED_MS: u64 = 1_795_825_800_000;

fn message(headers: &[(&str, &str)], payload: &[u8]) -> Incoming {
    let header = |(name, value): &(&str, &str)| Header {
        name: (*name).to_owned(),
        value: (*value).to_owned(),
    };
    Incoming {
        sequence: 7,
        received_ms: RECEIVED_MS,
        subject: "shop.orders.eve".to_owned(),
        headers: headers.iter().map(header).collect(),
        payload: Bytes::copy_from_slice(payload),
        unreadable: None,
    }
}

/// The code and the reason with which a payload is refused.
fn refusal(plan: &Plan, payload: &[u8]) -> Option<(&'static str, String)> {
    let refused = arrive(plan, message(&[], payload)).refused;
    refused.map(|(code, reason)| (code.as_str(), reason))
}

#[test]
fn a_payload_is_refused_for_what_it_is_whatever_the_order_of_its_members() {
    let plan = plan("key: { json: /user }");
    let utf_16: Vec<u8> = "{\"user\":\"a\"}"
        .encode_utf16()
        .flat_map(u16::to_le_bytes)
        .collect();
    for (payload, code, word) in [
        (
            &br#"{"user":"alice","user":"bob"}"#[..],
            "duplicate-member",
            "\"user\" twice",
        ),
        (
            br#"{"user":"alice","x":1,"x":2}"#,
            "duplicate-member",
            "\"x\" twice",
        ),
        (
            br#"{"a":[{"x":1,"\u0078":2}],"user":"alice"}"#,
            "duplicate-member",
            "\"x\" twice",
        ),
        (
            br#"{"user":"a","x":NaN}"#,
            "unreadable-payload",
            "`NaN` at byte 16",
        ),
        (
            br#"{"x":NaN,"user":"a"}"#,
            "unreadable-payload",
            "`NaN` at byte 5",
        ),
        (br#"{"user":"a"}x"#, "unreadable-payload", "`x` at byte 12"),
        (br#"{"user":"a""#, "unreadable-payload", "ends too early"),
        (b"plain text", "unreadable-payload", "`plain`"),
        (b"\x1f\x8b\x08\x00", "unreadable-payload", "gzip"),
        (b"\x28\xb5\x2f\xfd\x24\x00", "unreadable-payload", "zstd"),
        (&utf_16, "unreadable-payload", "UTF-16"),
        (b"\xff\xfe\x00", "unreadable-payload", "UTF-16"),
        (b"\x80", "unreadable-payload", "not UTF-8"),
        (b"", "no-key", "its payload is empty"),
        (b"null", "no-key", "input.key {\"json\":\"/user\"}"),
        (br#"{"item":"a"}"#, "no-key", "input.key"),
        (br#"{"user":null}"#, "no-key", "input.key"),
        (br#"{"user":{"id":1}}"#, "no-key", "input.key"),
    ] {
        let (found, reason) = refusal(&plan, payload).unwrap_or(("none", String::new()));
        assert_eq!(found, code, "{payload:?}: {reason}");
        assert!(reason.contains(word), "{payload:?}: {reason}");
    }
    let long = format!(r#"{{"user":"{}"}}"#, "k".repeat(1_025));
    assert_eq!(refusal(&plan, long.as_bytes()).unwrap().0, "long-key");
}

#[test]
fn what_is_json_passes_and_its_key_is_the_text_of_its_member() {
    let plan = plan("key: { json: /user }");
    for (payload, key) in [
        (&b"\xef\xbb\xbf{\"user\":\"a\"}"[..], "a"),
        (br#"{"x":1e400,"user":"a"}"#, "a"),
        (br#"{"user":18446744073709551616}"#, "18446744073709551616"),
        (br#"{"user":18446744073709551617}"#, "18446744073709551617"),
        (br#"{"user":1.0}"#, "1.0"),
        (br#"{"user":1e3}"#, "1e3"),
        (br#"{"user":true}"#, "true"),
        (br#"{"user":"\u0061\ud83d\ude00"}"#, "a\u{1f600}"),
    ] {
        let arrival = arrive(&plan, message(&[], payload));
        assert_eq!(arrival.refused, None, "{payload:?}");
        assert_eq!(arrival.event.key, key);
        assert_eq!(arrival.event.payload, payload, "the payload stays as it came");
    }
}

#[test]
fn a_payload_that_need_not_be_json_may_be_anything_but_ambiguous() {
    let optional = plan("time: { json: /ts }");
    let blind = plan("key: { subject-token: 3 }");
    let strict = plan("time: { json: /ts, on-unreadable: reject }");
    for payload in [&b"\x1f\x8b"[..], b"plain", b"{\"ts\":NaN}", b""] {
        assert_eq!(refusal(&optional, payload), None);
        assert_eq!(refusal(&blind, payload), None);
        let code = refusal(&strict, payload).map(|(code, _)| code);
        let expected = (!payload.is_empty()).then_some("unreadable-payload");
        assert_eq!(code, expected, "{payload:?}");
    }
    let twice = br#"{"x":1,"x":2}"#;
    assert_eq!(refusal(&optional, twice).unwrap().0, "duplicate-member");
    assert_eq!(refusal(&blind, twice), None, "nobody looks into it");
}

#[test]
fn a_time_that_does_not_read_is_noted_or_refused() {
    let lenient = plan("time: { json: /ts, unit: s }");
    let strict = plan("time: { json: /ts, unit: s, on-unreadable: reject }");
    for (payload, time_ms) in [
        (r#"{"ts":1795825800}"#, Some(RECEIVED_MS)),
        (r#"{"ts":"1795825800"}"#, Some(RECEIVED_MS)),
        (
            r#"{"ts":"2026-11-28t02:30:00.25+02:00"}"#,
            Some(RECEIVED_MS + 250),
        ),
        (r#"{"ts":"2026-11-28T00:30:00"}"#, None),
        (r#"{"ts":"yesterday"}"#, None),
        (r#"{"ts":{}}"#, None),
        (r#"{"ts":-1}"#, None),
    ] {
        let arrival = arrive(&lenient, message(&[], payload.as_bytes()));
        assert_eq!(arrival.event.time_ms, time_ms.unwrap_or(RECEIVED_MS), "{payload}");
        let is_noted = matches!(arrival.time, EventTime::Unreadable { .. });
        assert_eq!(is_noted, time_ms.is_none(), "{payload}");
        assert_eq!(arrival.refused, None);
        let code = refusal(&strict, payload.as_bytes()).map(|(code, _)| code);
        assert_eq!(code, time_ms.is_none().then_some("unreadable-time"), "{payload}");
    }
    // None is no wrong one.
    for payload in ["{}", r#"{"ts":null}"#] {
        let arrival = arrive(&strict, message(&[], payload.as_bytes()));
        assert_eq!((arrival.refused, arrival.time), (None, EventTime::Missing));
        assert_eq!(arrival.event.time_ms, RECEIVED_MS);
    }
}

#[test]
fn identifiers_and_groups_keep_their_digits_too() {
    let plan = plan("dedup: { json: /id, window: 1h }");
    let id = |payload: &str| {
        let arrival = arrive(&plan, message(&[], payload.as_bytes()));
        arrival.dedup.map(|id| id.text)
    };
    assert_eq!(
        id(r#"{"id":18446744073709551616}"#).as_deref(),
        Some("18446744073709551616")
    );
    assert_ne!(
        id(r#"{"id":18446744073709551616}"#),
        id(r#"{"id":18446744073709551617}"#)
    );
}

#[test]
fn what_is_refused_keeps_the_key_that_decides_its_partition() {
    // What looks into the payload may change with the revision, and the partition must not.
    let looking = plan("key: { subject-token: 3 }, dedup: { json: /id, window: 1h }");
    let twice = arrive(&looking, message(&[], br#"{"id":1,"id":2}"#));
    assert_eq!(
        twice.refused.map(|(code, _)| code),
        Some(LetterCode::DuplicateMember)
    );
    assert_eq!(twice.event.key, "eve");
    // Of two keys, none is the event's.
    let inside = plan("key: { json: /user }");
    let twice = arrive(&inside, message(&[], br#"{"user":"a","user":"b"}"#));
    assert!(twice.refused.is_some());
    assert_eq!(twice.event.key, "");
}

#[test]
fn what_no_client_can_read_is_refused_with_its_reason() {
    let unreadable = Incoming {
        unreadable: Some("its headers are not UTF-8".to_owned()),
        ..message(&[], br#"{"user":"a"}"#)
    };
    let arrival = arrive(&plan("key: { json: /user }"), unreadable);
    let refused = arrival
        .refused
        .map(|(code, reason)| (code, reason.contains("not UTF-8")));
    assert_eq!(refused, Some((LetterCode::MalformedHeaders, true)));
    assert_eq!(arrival.event.key, "a");
}

#[test]
fn what_is_no_event_is_passed_over_or_marked() {
    let by_subject = plan("key: { subject-token: 3 }");
    let passing = plan("key: { subject-token: 3 }, markers: pass");
    let passing_json = plan("key: { json: /user }, markers: pass");
    for (headers, mark) in [
        (&[("Nats-Marker-Reason", "MaxAge"), ("X", "1")][..], "max-age"),
        (&[("Nats-Schedule", "@every 1h"), ("X", "1")], "schedule"),
    ] {
        let arrival = arrive(&by_subject, message(headers, b""));
        assert!(arrival.skipped && arrival.refused.is_none() && arrival.event.key.is_empty());
        let arrival = arrive(&passing, message(headers, b""));
        assert!(!arrival.skipped && arrival.refused.is_none());
        assert_eq!(arrival.event.key, "eve");
        let left: Vec<_> = arrival
            .event
            .headers
            .iter()
            .map(|h| (&*h.name, &*h.value))
            .collect();
        assert_eq!(left, [("X", "1"), ("Tr-Marker", mark)]);
        // It has no payload in which a key could be.
        let code = arrive(&passing_json, message(headers, b""))
            .refused
            .map(|(code, _)| code);
        assert_eq!(code, Some(LetterCode::NoKey));
    }
    let fired = [("Nats-Scheduler", "shop.s"), ("Nats-Schedule-Next", "purge")];
    let arrival = arrive(&by_subject, message(&fired, b"x"));
    assert!(!arrival.skipped && arrival.event.headers.is_empty());
}

/// A dead letter as it comes in on the redrive subject, of an event that the input refused or a step failed on.
fn letter(plan: &Plan, step: &str, code: &str, payload: &[u8]) -> Incoming {
    let first = arrive(plan, message(&[("Nats-Msg-Id", "o-17"), ("X", "1")], payload));
    let reason = dead_letter::Reason {
        step: step.to_owned(),
        code: code.to_owned(),
        reason: String::new(),
        plugin: None,
        revision: 1,
        fuel: 0,
        attempts: 1,
        backtrace: Vec::new(),
        sequence: first.event.sequence,
        time_ms: first.event.time_ms,
        subject: first.event.subject.clone(),
        key: first.event.key.clone(),
        cut_from: None,
        dedup_id: first.dedup.map(|id| id.text),
        timer: None,
        input: None,
    };
    Incoming {
        sequence: 99,
        received_ms: RECEIVED_MS + 3_600_000,
        subject: "tr.shop.p.redrive.99".to_owned(),
        headers: dead_letter::headers(&first.event.headers, &reason),
        payload: first.event.payload,
        unreadable: None,
    }
}

#[test]
fn the_second_entrance_has_the_checks_of_the_first() {
    let plan = plan("key: { json: /user }, time: { json: /ts, on-unreadable: reject }");
    let long = format!(r#"{{"user":"{}"}}"#, "k".repeat(1_025));
    for payload in [
        &b"{}"[..],
        b"",
        long.as_bytes(),
        b"\x1f\x8b",
        br#"{"user":"a","user":"b"}"#,
        br#"{"user":"a","ts":"yesterday"}"#,
    ] {
        let (code, reason) = refusal(&plan, payload).unwrap();
        let again = arrive_again(&plan, letter(&plan, "input", code, payload)).unwrap();
        assert_eq!(again.source, Source::Redrive);
        let refused = again.refused.map(|(code, reason)| (code.as_str(), reason));
        assert_eq!(refused, Some((code, reason)), "{payload:?}");
    }
}

#[test]
fn a_letter_that_is_mended_by_the_manifest_is_an_event_again() {
    let ts = br#"{"user":"a","ts":"1795825800"}"#;
    let before = plan("key: { json: /user }, time: { json: /ts, unit: ns, on-unreadable: reject }");
    let again = letter(&before, "input", "rate-limited", ts);
    let mended = plan("key: { json: /user }, time: { json: /ts, unit: s, on-unreadable: reject }");
    let again = arrive_again(&mended, again).unwrap();
    assert_eq!(again.refused, None);
    assert_eq!(
        (
            again.event.key.as_str(),
            again.event.time_ms,
            again.event.sequence
        ),
        ("a", RECEIVED_MS, 7)
    );
    assert!(again.from_step.is_none());
    assert_eq!(again.event.headers.len(), 1);
}

#[test]
fn what_a_step_failed_on_goes_to_that_step_as_it_came_there() {
    let plan = plan("key: { json: /user }");
    // A step before it made the payload, so the place of the key does not hold there.
    let mut sent = letter(&plan, "s", "crash", br#"{"user":"a"}"#);
    sent.payload = Bytes::from_static(b"\x1f\x8b made by a step");
    let again = arrive_again(&plan, sent).unwrap();
    assert_eq!((again.event.key.as_str(), again.refused), ("a", None));
    assert_eq!(again.from_step.as_deref(), Some("s"));
}

#[test]
fn an_event_that_is_sent_again_keeps_its_identifier_where_that_still_counts() {
    let input = |remember: &str| {
        plan(&format!(
            "dedup: {{ header: Nats-Msg-Id, window: 1h, remember: {remember} }}"
        ))
    };
    let again = |plan: &Plan| {
        let again = arrive_again(plan, letter(plan, "s", "crash", b"")).unwrap();
        again.dedup.map(|id| id.text)
    };
    assert_eq!(again(&input("processed")).as_deref(), Some("o-17"));
    assert_eq!(again(&input("seen")), None, "it would be a duplicate of itself");
}
