//! A rehearsal reads events and configs as the engine does: what is no event, comes twice, reads in two ways or has no
//! time is told.

use tailrace_core::{event::Header, schema::ConfigSchema};

use super::*;

/// A message with these headers.
fn edge(headers: &[(&str, &str)], payload: &str) -> GivenEvent {
    let header = |(name, value): &(&str, &str)| Header {
        name: (*name).to_owned(),
        value: (*value).to_owned(),
    };
    GivenEvent {
        headers: headers.iter().map(header).collect(),
        ..given(1, payload)
    }
}

#[test]
fn the_edge_of_the_input_is_that_of_the_engine() {
    const EDGE: &str = r#"
name: p
input:
  subjects: ["a.>"]
  key: { json: /user }
  time: { json: /ts }
  dedup: { header: Id, window: 1h }
steps: [{ name: only, plugin: mine@1.0.0 }]
"#;
    let wishes = Wishes {
        pipeline: Some(read(EDGE.as_bytes()).unwrap()),
        ..Wishes::default()
    };
    let folder = tempfile::tempdir().unwrap();
    let store = SledStore::open(folder.path().to_path_buf(), StoreOptions::default()).unwrap();
    let setting = Setting::new(wishes, &admitted(&[])).unwrap();
    let clock = Arc::new(SystemClock::new());
    let mut rehearsal = Rehearsal::new(setting, Arc::new(Script), &store, clock).unwrap();
    let mut seen = Vec::new();
    let events = [
        edge(&[("Nats-Marker-Reason", "MaxAge")], ""),
        edge(&[("Nats-Schedule", "@every 1h")], "{}"),
        edge(&[("Id", "1")], r#"{"user":"ada","ts":"2026-11-28T00:30:00"}"#),
        edge(&[("Id", "1")], r#"{"user":"ada"}"#),
        edge(&[], r#"{"user":"ada","user":"bob"}"#),
        edge(&[], "\u{1f}\u{8b}"),
        edge(&[], r#"{"user":"ada","ts":1795825800}"#),
    ];
    for (line, mut given) in (1..).zip(events) {
        given.line = line;
        let Ok([Played::Done(report)]) = <[Played; 1]>::try_from(rehearsal.play(given).unwrap()) else {
            panic!("nothing pauses")
        };
        seen.push((report.outcome, report.code.clone(), report.time.is_some()));
    }
    let code = |code: &str| Some(code.to_owned());
    assert_eq!(
        seen,
        [
            (Outcome::Marker, None, false),
            (Outcome::Marker, None, false),
            (Outcome::Forward, None, true),
            (Outcome::Duplicate, None, false),
            (Outcome::Refused, code("duplicate-member"), false),
            (Outcome::Refused, code("unreadable-payload"), false),
            (Outcome::Forward, None, true),
        ]
    );
    let warnings = rehearsal.warnings();
    assert!(
        warnings.len() == 1 && warnings[0].contains("no time zone"),
        "{warnings:?}"
    );
}

#[test]
fn a_config_is_read_and_checked_by_the_plugins_schema() {
    let schema = br#"{"properties":{"codes":{"items":{"type":"string"}}},"additionalProperties":false}"#;
    let admitted = Admitted {
        config_schema: Some(ConfigSchema::parse(schema).unwrap()),
        ..admitted(&[])
    };
    let config = |text: &str| {
        let wishes = Wishes {
            config: Some(WrittenConfig::read(text.as_bytes()).unwrap()),
            ..Wishes::default()
        };
        Setting::new(wishes, &admitted).map(|setting| setting.manifest.steps[0].config.to_string())
    };
    let read = config("codes: [NO, 08001, 1e3]").unwrap();
    assert_eq!(read, r#"{"codes":["NO","08001","1e3"]}"#);
    let refused = config("code: 1").unwrap_err().to_string();
    assert!(refused.contains("config.code"), "{refused}");
}
