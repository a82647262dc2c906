//! A rehearsal against a sandbox that does what the payload says: what is tested is everything
//! around the sandbox, on the real store.

use std::{collections::BTreeSet, sync::Arc};

use tailrace_core::{
    event::{Event, Message, Rejection, Verdict},
    grant::{CallLimits, Grant},
    identity::Digest,
    manifest::{Extract, VectorManifest, config::WrittenConfig, parse::read},
    name::Name,
    ports::plugins::{
        Admitted, Call, CallFailure, DeclaredMemory, Host, Instance, LogLevel, Plugin, PluginError, Trap,
        TrapCode,
    },
    vectors::{Metric, Search},
};
use tailrace_server::system::SystemClock;
use tailrace_store::{SledStore, StoreOptions};

use super::{
    events::GivenEvent,
    rehearsal::{Played, Rehearsal},
    report::{Content, EventReport, Outcome, Summary},
    setting::{Setting, Wishes},
};

mod edge;
mod timers;

/// Does what the payload says, word by word; refuses the config `"bad"`.
struct Script;

struct ScriptInstance {
    is_spent: bool,
}

impl Plugin for Script {
    fn imports(&self) -> &BTreeSet<Grant> {
        static IMPORTS: BTreeSet<Grant> = BTreeSet::new();
        &IMPORTS
    }

    fn instantiate(&self, config: &str, _: &CallLimits) -> Result<Box<dyn Instance>, PluginError> {
        if config == "\"bad\"" {
            return Err(PluginError::Config("it is bad".to_owned()));
        }
        Ok(Box::new(ScriptInstance { is_spent: false }))
    }
}

impl Instance for ScriptInstance {
    fn process(&mut self, event: &Event, host: &mut dyn Host) -> Call {
        let text = String::from_utf8_lossy(&event.payload).into_owned();
        let mut result = Ok(Verdict::Forward);
        for word in text.split(' ') {
            result = match word {
                "set" => host
                    .state_set("k", b"v".to_vec(), Some(1_500))
                    .map(|()| Ok(Verdict::Forward))
                    .unwrap(),
                "place" => host
                    .vector_set("items", "a", vec![1.0, 2.0])
                    .map(|()| Ok(Verdict::Forward))
                    .unwrap(),
                "log" => {
                    host.log(LogLevel::Warn, "look");
                    result
                }
                "emit" => Ok(Verdict::Emit(vec![Message {
                    subject: None,
                    key: Some("x".into()),
                    headers: Vec::new(),
                    payload: "out".into(),
                }])),
                "stray" => Ok(Verdict::Emit(vec![Message {
                    subject: Some("elsewhere".into()),
                    key: None,
                    headers: Vec::new(),
                    payload: "out".into(),
                }])),
                "drop" => Ok(Verdict::Drop),
                "invalid" => Err(CallFailure::Invalid(Rejection {
                    code: "told-so".into(),
                    reason: "told so".into(),
                })),
                "transient" => Err(CallFailure::Transient("later".into())),
                "trap" => {
                    self.is_spent = true;
                    Err(CallFailure::Trap(Trap {
                        code: TrapCode::Crash,
                        message: "unreachable".into(),
                        backtrace: vec!["f".into()],
                    }))
                }
                _ => result,
            };
        }
        Call { result, fuel: 10 }
    }

    fn is_spent(&self) -> bool {
        self.is_spent
    }

    fn memory_bytes(&self) -> u64 {
        65_536
    }
}

fn admitted(imports: &[Grant]) -> Admitted {
    Admitted {
        component: "x".into(),
        digest: Digest::of(b"x"),
        imports: imports.iter().copied().collect(),
        memory: DeclaredMemory::default(),
        config_schema: None,
        compiled: None,
    }
}

fn given(line: u64, payload: &str) -> GivenEvent {
    GivenEvent {
        line,
        subject: "a.b".into(),
        headers: Vec::new(),
        received_ms: None,
        payload: payload.to_owned().into(),
    }
}

/// Plays the payloads one after the other; gives the reports and why it paused, if it did.
fn play(wishes: Wishes, payloads: &[&str]) -> anyhow::Result<(Vec<EventReport>, Option<String>)> {
    let folder = tempfile::tempdir()?;
    let store = SledStore::open(folder.path().to_path_buf(), StoreOptions::default())?;
    let setting = Setting::new(wishes, &admitted(&[]))?;
    let mut rehearsal = Rehearsal::new(setting, Arc::new(Script), &store, Arc::new(SystemClock::new()))?;
    let mut reports = Vec::new();
    for (index, payload) in payloads.iter().enumerate() {
        for played in rehearsal.play(given(index as u64 + 1, payload))? {
            match played {
                Played::Done(report) => reports.push(*report),
                Played::Paused(why) => return Ok((reports, Some(why))),
            }
        }
    }
    Ok((reports, None))
}

fn one(payload: &str) -> EventReport {
    let vectors = vec![(
        Name::new("items").unwrap(),
        VectorManifest {
            dimensions: 2,
            metric: Metric::Dot,
            search: Search::Auto,
        },
    )];
    play(
        Wishes {
            vectors,
            ..Wishes::default()
        },
        &[payload],
    )
    .unwrap()
    .0
    .remove(0)
}

const PIPELINE: &str = r#"
name: p
input: { subjects: ["a.>"], key: { json: /user } }
steps:
  - { name: first, plugin: other@1.0.0 }
  - { name: second, plugin: mine@1.0.0, on-error: { retries: 2, backoff: 1ms, then: pause } }
output: { subject: "b.{key}" }
"#;

#[test]
fn what_an_event_caused_is_told() {
    let report = one("set place log emit");
    assert_eq!(report.outcome, Outcome::Emit);
    assert_eq!(
        (report.messages[0].subject.as_str(), &report.messages[0].payload),
        ("results.x", &Content::Text("out".into()))
    );
    assert_eq!(
        (report.state[0].key.as_str(), &report.state[0].value),
        ("k", &Some(Content::Text("v".into())))
    );
    assert_eq!(report.vectors[0].vector, Some(vec![1.0, 2.0]));
    assert_eq!(
        (report.log[0].level.as_str(), report.log[0].message.as_str()),
        ("warn", "look")
    );
    assert_eq!(
        (
            report.calls,
            report.fuel,
            report.memory_bytes,
            report.key.as_str()
        ),
        (1, 10, 65_536, "a.b")
    );
}

#[test]
fn an_event_that_fails_leaves_nothing() {
    for (payload, outcome, code) in [
        ("set invalid", Outcome::Rejected, "told-so"),
        ("set place trap", Outcome::Trapped, "crash"),
        ("set transient", Outcome::Exhausted, "transient"),
    ] {
        let report = one(payload);
        assert_eq!((report.outcome, report.code.as_deref()), (outcome, Some(code)));
        assert!(
            report.messages.is_empty() && report.state.is_empty() && report.vectors.is_empty(),
            "{report:?}"
        );
    }
}

#[test]
fn a_trap_is_tried_once_more_and_shows_its_frames() {
    let report = one("trap");
    assert_eq!((report.calls, report.fuel), (2, 20));
    assert_eq!(report.backtrace, ["f"]);
}

#[test]
fn a_subject_out_of_bounds_is_a_trap() {
    let report = one("stray");
    assert_eq!(
        (report.outcome, report.code.as_deref()),
        (Outcome::Trapped, Some("misuse"))
    );
    assert!(report.reason.unwrap().contains("elsewhere"));
}

#[test]
fn state_ends_in_event_time() {
    let (reports, _) = play(Wishes::default(), &["set", "drop", "drop", "drop"]).unwrap();
    assert_eq!(reports[0].state[0].expires_ms, Some(2_500));
    let deleted: Vec<usize> = reports
        .iter()
        .map(|report| {
            report
                .state
                .iter()
                .filter(|change| change.value.is_none())
                .count()
        })
        .collect();
    assert_eq!(deleted, [0, 0, 1, 0], "events are a second apart");
}

#[test]
fn a_step_of_a_pipeline_brings_its_key_its_output_and_its_policy() {
    let wishes = || Wishes {
        pipeline: Some(read(PIPELINE.as_bytes()).unwrap()),
        plugin: Some("mine".into()),
        ..Wishes::default()
    };
    let (reports, paused) = play(
        wishes(),
        &[
            r#"{"user":"ada","do":" emit "}"#,
            "no key",
            r#"{"user":"bob","do":" transient "}"#,
            "drop",
        ],
    )
    .unwrap();
    assert_eq!(
        (reports[0].key.as_str(), reports[0].messages[0].subject.as_str()),
        ("ada", "b.x")
    );
    assert_eq!((reports[1].outcome, reports[1].calls), (Outcome::Refused, 0));
    assert_eq!(reports.len(), 2, "nothing goes on behind a pause");
    assert!(paused.unwrap().contains("second"), "the step is named");
}

#[test]
fn what_cannot_run_is_refused_before_the_first_event() {
    let error = |wishes: Wishes| play(wishes, &[]).err().unwrap().to_string();
    assert!(
        error(Wishes {
            config: Some(WrittenConfig::new("bad".into(), None)),
            ..Wishes::default()
        })
        .contains("it is bad")
    );
    assert!(
        error(Wishes {
            key: Some(Extract::Json("user".into())),
            ..Wishes::default()
        })
        .contains("input.key.json")
    );
    let unclear = Wishes {
        pipeline: Some(read(PIPELINE.as_bytes()).unwrap()),
        ..Wishes::default()
    };
    assert!(error(unclear).contains("which step"));
    let ungranted = Wishes {
        pipeline: Some(read(PIPELINE.as_bytes()).unwrap()),
        step: Some("first".into()),
        ..Wishes::default()
    };
    assert!(
        Setting::new(ungranted, &admitted(&[Grant::State]))
            .unwrap_err()
            .to_string()
            .contains("imports state")
    );
    assert!(
        Setting::new(Wishes::default(), &admitted(&[Grant::Vectors]))
            .unwrap_err()
            .to_string()
            .contains("vectors")
    );
}

#[test]
fn a_run_is_good_unless_something_was_stopped() {
    let sum = |payloads: &[&str]| {
        let mut summary = Summary::default();
        play(Wishes::default(), payloads)
            .unwrap()
            .0
            .iter()
            .for_each(|report| summary.add(report));
        summary
    };
    let rejected = sum(&["drop", "invalid", "emit"]);
    assert!(rejected.is_good(false) && !rejected.is_good(true));
    assert_eq!(
        (
            rejected.events,
            rejected.rejected,
            rejected.messages,
            rejected.fuel
        ),
        (3, 1, 1, 30)
    );
    assert!(!sum(&["trap"]).is_good(false));
}
