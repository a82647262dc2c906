//! Payloads that have a schema.

use tailrace_core::{
    codec::Registered,
    life::Life,
    registry::{Registry, SchemaVersion},
};
use tokio::sync::watch;

use super::*;

const ORDER: &str = r#"{"type":"record","name":"Order","fields":[{"name":"user","type":"string"}]}"#;

pub(super) fn registered() -> Registered {
    let name = |text: &str| Name::new(text).unwrap();
    let version = SchemaVersion {
        schema: name("order"),
        version: 1,
        id: 1,
        life: Life::UNNAMED,
        tenant_life: Life::UNNAMED,
        deleting: false,
        format: serde_json::from_str("\"avro\"").unwrap(),
        assert_formats: false,
        text: ORDER.to_owned(),
        references: Vec::new(),
        digest: Digest::of(ORDER.as_bytes()),
        created_ms: 0,
    };
    let mut registry = Registry::default();
    let key = (name("shop"), name("order"), 1);
    registry.schema_versions.insert(key, Arc::new(version));
    watch::channel(Some(Arc::new(registry))).1
}

fn ready(decode: &str) -> Plan {
    let schema = "key: {json: /user}, schema: {name: order, version: 1}";
    let mut plan = plan(&format!("{schema}, decode: {decode}"));
    plan.prepare_schemas(&registered()).unwrap();
    plan
}

#[test]
fn a_payload_is_read_before_its_key_is_looked_for() {
    for (decode, payload) in [("json", &br#"{"user":"ann"}"#[..]), ("raw", b"\x06ann")] {
        let arrival = arrive(&ready(decode), message(&[], b"\x06ann"));
        assert_eq!(arrival.refused, None);
        assert_eq!(arrival.event.key, "ann");
        assert_eq!(arrival.event.payload, payload, "{decode}");
        assert_eq!(arrival.raw, &b"\x06ann"[..], "it is kept as it came");
    }
}

#[test]
fn one_that_does_not_fit_is_refused_and_read_again_when_it_comes_again() {
    let plan = ready("json");
    let refused = arrive(&plan, message(&[], b"\x06an"));
    let (code, reason) = refused.refused.unwrap();
    assert_eq!(code, LetterCode::SchemaMismatch);
    assert!(reason.contains("schema order, version 1"), "{reason}");
    assert_eq!(
        (refused.event.key.as_str(), &refused.raw[..]),
        ("", &b"\x06an"[..])
    );
    let mut letter = letter(&plan, dead_letter::INPUT_STEP, "schema-mismatch", b"\x06ann");
    letter.payload = Bytes::from_static(b"\x06ann");
    let again = arrive_again(&plan, letter).unwrap();
    assert_eq!((again.refused, again.event.key.as_str()), (None, "ann"));
    assert_eq!(again.event.payload, &br#"{"user":"ann"}"#[..]);
}

#[test]
fn what_a_step_has_failed_on_is_not_read_again() {
    let plan = ready("json");
    let letter = letter(&plan, "s", "crash", b"\x06ann");
    let again = arrive_again(&plan, letter).unwrap();
    assert_eq!(again.event.payload, &br#"{"user":"ann"}"#[..]);
    assert_eq!((again.refused, again.from_step.as_deref()), (None, Some("s")));
}

#[test]
fn a_schema_that_is_gone_is_named() {
    let mut plan = plan("schema: {name: order, version: 2}");
    let why = plan.prepare_schemas(&registered()).unwrap_err();
    assert!(
        why.contains("input.schema") && why.contains("no version 2"),
        "{why}"
    );
}
