//! What a partition makes of events that are not like the others: sent again with the identifier of one that
//! failed, no events at all, or with times that are none. The real worker on a store in memory.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use bytes::Bytes;
use tailrace_core::{
    dead_letter,
    event::{Event, Header, Rejection, Verdict},
    grant::{CallLimits, Grant},
    identity::{Digest, PartitionId, PipelineId},
    life::Life,
    manifest::parse::parse,
    name::Name,
    observe::progress::Cursor,
    ports::{
        broker::{Incoming, Output},
        plugins::{Call, CallFailure, Host, Instance, Plugin, PluginError, Trap, TrapCode},
        store::LocalStore as _,
    },
    registry::{Begun, Revision},
};
use tailrace_dataplane::{
    arrival::QueueItem,
    intake::{self, clock::IntakeClock},
    plan::Plan,
    process::TurnEnd,
    turn::batch::Sealed,
    turn::worker::Worker,
};
use tailrace_sketch::{TenantSeed, Update};
use tailrace_testing::{clock::StoppedClock, store::MemoryStore};

/// A plugin whose verdict is the payload. A step with the config 2 rejects `second` only.
struct Obedient(BTreeSet<Grant>);

impl Plugin for Obedient {
    fn imports(&self) -> &BTreeSet<Grant> {
        &self.0
    }
    fn instantiate(&self, config: &str, _: &CallLimits) -> Result<Box<dyn Instance>, PluginError> {
        Ok(Box::new(At {
            is_second: config == "2",
        }))
    }
}

struct At {
    is_second: bool,
}

impl Instance for At {
    fn process(&mut self, event: &Event, _: &mut dyn Host) -> Call {
        let result = match &event.payload[..] {
            b"second" if !self.is_second => Ok(Verdict::Forward),
            b"second" | b"reject" => Err(CallFailure::Invalid(Rejection {
                code: "bad".into(),
                reason: "as asked".into(),
            })),
            b"crash" => Err(CallFailure::Trap(Trap {
                code: TrapCode::Crash,
                message: "as asked".into(),
                backtrace: Vec::new(),
            })),
            b"drop" => Ok(Verdict::Drop),
            _ => Ok(Verdict::Forward),
        };
        Call { result, fuel: 1 }
    }
    fn is_spent(&self) -> bool {
        false
    }
    fn memory_bytes(&self) -> u64 {
        0
    }
}

/// A partition at work.
struct Stage {
    plan: Arc<Plan>,
    worker: Worker,
    clock: IntakeClock,
    sequence: u64,
}

const RECEIVED_MS: u64 = 1_795_825_800_000;

impl Stage {
    /// With this input, in YAML.
    fn set(input: &str) -> Self {
        Self::measuring(input, "")
    }

    /// The same with these sketches.
    fn measuring(input: &str, sketches: &str) -> Self {
        let text = format!(
            "name: p\ninput: {{subjects: [\"shop.>\"], {input}}}\noutput: {{subject: out}}\n\
             steps: [{{name: s, plugin: obedient@1.0.0, on-error: {{retries: 0}}}},\
                     {{name: t, plugin: obedient@1.0.0, config: 2, on-error: {{retries: 0}}}}]\n\
             sketches: {{{sketches}}}\n"
        );
        let manifest = parse(text.as_bytes()).unwrap();
        let name = |text: &str| Name::new(text).unwrap();
        let revision = Revision {
            number: 1,
            plugins: ["s", "t"]
                .map(|step| (name(step), Digest::of(b"obedient")))
                .into(),
            manifest,
            applied_ms: 0,
            rolled_back_to: None,
            begun: Begun::default(),
        };
        let pipeline = PipelineId {
            tenant: name("shop"),
            pipeline: name("p"),
        };
        let seed = TenantSeed::new(0, 0);
        let plugin: Arc<dyn Plugin> = Arc::new(Obedient(BTreeSet::new()));
        let plugins = ["s", "t"].map(|step| (name(step), plugin.clone())).into();
        let plan = Plan::new(pipeline.clone(), &revision, &plugins, seed);
        let plan = Arc::new(plan);
        let partition = PartitionId {
            pipeline,
            life: Life::UNNAMED,
            partition: 0,
        };
        let store = MemoryStore::default()
            .open(&partition, &plan.manifest, seed)
            .unwrap();
        let clock = Arc::new(StoppedClock);
        let worker = Worker::new(store, plan.clone(), Cursor::default(), clock, 1 << 20).unwrap();
        Self {
            plan,
            worker,
            clock: IntakeClock::default(),
            sequence: 0,
        }
    }

    fn send(&mut self, headers: &[(&str, &str)], payload: &str) {
        self.sequence += 1;
        let header = |(name, value): &(&str, &str)| Header {
            name: (*name).to_owned(),
            value: (*value).to_owned(),
        };
        let message = Incoming {
            sequence: self.sequence,
            received_ms: RECEIVED_MS,
            subject: "shop.orders".to_owned(),
            headers: headers.iter().map(header).collect(),
            payload: Bytes::copy_from_slice(payload.as_bytes()),
            unreadable: None,
        };
        let mut arrival = intake::arrive(&self.plan, message);
        self.clock.stamp(&self.plan, &mut arrival, Duration::ZERO);
        self.worker.enqueue(vec![QueueItem::Event(Box::new(arrival))]);
    }

    /// Processes what was sent, and ends the batch.
    fn batch(&mut self) -> Sealed {
        assert!(matches!(
            self.worker.turn(Duration::from_mins(1), usize::MAX),
            TurnEnd::Drained
        ));
        self.worker.seal().unwrap()
    }

    /// What becomes of events with one identifier and these payloads, as forwarded, dead and duplicate.
    fn of_one_identifier(remember: &str, payloads: &[&str]) -> [u64; 3] {
        let mut stage = Self::set(&format!(
            "dedup: {{ header: Nats-Msg-Id, window: 1h, remember: {remember} }}"
        ));
        for payload in payloads {
            stage.send(&[("Nats-Msg-Id", "o-17")], payload);
        }
        let counts = stage.batch().stats.counts.outcomes;
        [counts.forwarded, counts.rejected + counts.dead, counts.duplicates]
    }
}

fn letters(outputs: &[Output]) -> Vec<dead_letter::Reason> {
    let reasons = outputs
        .iter()
        .filter_map(|output| dead_letter::reason(&output.headers));
    reasons.collect()
}

#[test]
fn only_what_was_processed_is_remembered_unless_all_that_was_seen_is_to_be() {
    for (payloads, processed, seen) in [
        (&["x", "x"][..], [1, 0, 1], [1, 0, 1]),
        (&["reject", "x", "x"], [1, 1, 1], [0, 1, 2]),
        (&["crash", "x"], [1, 1, 0], [0, 1, 1]),
        (&["reject", "reject"], [0, 2, 0], [0, 1, 1]),
        // Nothing came of it, on purpose.
        (&["drop", "x"], [0, 0, 1], [0, 0, 1]),
    ] {
        assert_eq!(
            Stage::of_one_identifier("processed", payloads),
            processed,
            "{payloads:?}"
        );
        assert_eq!(Stage::of_one_identifier("seen", payloads), seen, "{payloads:?}");
    }
}

#[test]
fn a_dead_letter_keeps_the_identifier_of_its_event() {
    let mut stage = Stage::set("dedup: { header: Nats-Msg-Id, window: 1h }");
    stage.send(&[("Nats-Msg-Id", "o-17")], "crash");
    stage.send(&[("Nats-Msg-Id", &"long".repeat(100))], "crash");
    stage.send(&[], "crash");
    let ids: Vec<_> = letters(&stage.batch().outputs)
        .into_iter()
        .map(|reason| reason.dedup_id)
        .collect();
    assert_eq!(ids, [Some("o-17".to_owned()), None, None]);
}

#[test]
fn what_is_no_event_moves_the_position_and_nothing_else() {
    let mut stage = Stage::set("key: { json: /user }, time: { json: /ts }");
    stage.send(&[("Nats-Marker-Reason", "MaxAge")], "");
    stage.send(&[("Nats-Schedule", "@every 1h")], "{}");
    let sealed = stage.batch();
    let counts = &sealed.stats.counts;
    assert_eq!(
        (counts.markers, counts.outcomes.events, counts.outcomes.dropped),
        (2, 2, 2)
    );
    assert!(sealed.outputs.is_empty() && sealed.delta.is_empty());
    assert_eq!((sealed.cursor.position, sealed.cursor.watermark_ms), (2, 0));
}

#[test]
fn times_that_do_not_read_are_counted_with_an_example() {
    let mut stage = Stage::set("time: { json: /ts }");
    for payload in [
        r#"{"ts":"2026-11-28T00:30:00"}"#,
        r#"{"ts":1795825800}"#,
        r#"{"ts":1795825801}"#,
        r#"{"ts":1795825802}"#,
        "{}",
    ] {
        stage.send(&[], payload);
    }
    let warnings = stage.batch().stats.times.warnings();
    assert_eq!(warnings.len(), 2, "{warnings:?}");
    assert!(
        warnings[0].contains("1 events") && warnings[0].contains("no time zone"),
        "{warnings:?}"
    );
    assert!(
        warnings[1].contains("1795825802") && warnings[1].contains("`unit: s`"),
        "{warnings:?}"
    );
}

#[test]
fn a_time_that_is_rejected_is_a_dead_letter_under_its_key() {
    let mut stage = Stage::set("key: { json: /user }, time: { json: /ts, on-unreadable: reject }");
    stage.send(&[], r#"{"user":"eve","ts":"yesterday"}"#);
    let reason = letters(&stage.batch().outputs).remove(0);
    assert_eq!(
        (reason.code.as_str(), reason.step.as_str(), reason.key.as_str()),
        ("unreadable-time", "input", "eve")
    );
}

#[test]
fn what_is_rejected_is_measured_only_behind_a_step_that_accepted_it() {
    let value = "kind: quantiles, value: {header: V}";
    let sketches = format!("all: {{{value}}}, first: {{{value}, after: s}}, second: {{{value}, after: t}}");
    let mut stage = Stage::measuring("start: all", &sketches);
    for (number, payload) in ["x", "drop", "reject", "crash", "second"].iter().enumerate() {
        stage.send(&[("V", &format!("1e{number}"))], payload);
    }
    let delta = stage.batch().delta;
    let values = |name: &str| {
        let updates = delta.sketches[name].iter();
        let values = updates.map(|update| match update {
            Update::Observe(value) => *value,
            other => panic!("{other:?}"),
        });
        values.collect::<Vec<_>>()
    };
    assert_eq!(values("all"), [1.0, 10.0]);
    assert_eq!(values("first"), [1.0, 10.0, 1e4]);
    assert_eq!(
        values("second"),
        [1.0],
        "what the first has dropped does not come to the second"
    );
}

#[test]
fn a_value_that_cannot_be_measured_is_counted_whatever_the_kind() {
    for (kind, skipped) in [
        ("quantiles", 3),
        ("distinct", 2),
        ("top", 2),
        ("seen", 2),
        ("sample", 2),
    ] {
        let sketch = format!("values: {{kind: {kind}, value: {{json: /v}}}}");
        let mut stage = Stage::measuring("start: all", &sketch);
        for payload in ["{}", r#"{"v":null}"#, r#"{"v":"words"}"#, r#"{"v":1.5}"#] {
            stage.send(&[], payload);
        }
        // It is not measured, so it is not skipped either.
        stage.send(&[], "reject");
        assert_eq!(stage.batch().stats.counts.skipped, skipped, "{kind}");
    }
}
