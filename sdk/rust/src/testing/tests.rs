//! What the test host promises: the engine's meaning.

use serde_json::json;

use super::{Metric, TestHost};
use crate::{Event, Failure, Host, Level, Message, Plugin, Verdict};

mod timers;

/// Does what its payload says, word by word.
struct Script;

impl Plugin for Script {
    type Config = Option<String>;

    fn new(config: Self::Config) -> Result<Self, String> {
        match config {
            Some(reason) => Err(reason),
            None => Ok(Self),
        }
    }

    fn process(&mut self, event: &Event, host: &mut Host<'_>) -> Result<Verdict, Failure> {
        let mut verdict = Verdict::Forward;
        for command in event.text()?.split(';').filter(|command| !command.is_empty()) {
            let words: Vec<&str> = command.split(' ').collect();
            match words[..] {
                ["set", key, value] => host.state().set(key, value.as_bytes()),
                ["lend", key, value] => host.state().expiring(100).set(key, value.as_bytes()),
                ["delete", key] => host.state().delete(key),
                ["place", id, x] => host.vectors("items").set(id, &[x.parse().unwrap(), 1.0]),
                ["remove", id] => host.vectors("items").delete(id),
                ["measure", value] => {
                    host.sketches().observe("amounts", value.parse().unwrap());
                    host.sketches().distinct("users", value);
                    host.sketches().count("items", value, 2);
                }
                ["log", line] => host.log(Level::Warn, line),
                ["emit", payload] => {
                    verdict = Message::new(payload.replace(',', ";").replace('_', " ")).into();
                }
                ["drop"] => verdict = Verdict::Drop,
                ["invalid"] => return Err(Failure::invalid("told-so", "told so")),
                ["transient"] => return Err(Failure::transient("told so")),
                _ => panic!("no such command: {command}"),
            }
        }
        Ok(verdict)
    }
}

fn host() -> TestHost {
    TestHost::of::<Script>(())
        .unwrap()
        .collection("items", 2, Metric::Dot)
}

fn run(host: &mut TestHost, script: &str) -> Result<Verdict, Failure> {
    host.send(Event::new("scripts", script))
}

#[test]
fn an_event_that_fails_leaves_no_trace_but_its_log_lines() {
    for end in ["invalid", "transient"] {
        let mut host = host();
        run(&mut host, "set kept old;place p 1;measure 1").unwrap();
        let script = format!(
            "set kept new;set added 1;delete kept;place p 2;place q 3;remove p;measure 2;log seen;{end}"
        );
        run(&mut host, &script).unwrap_err();
        assert_eq!(host.state("plugin", "kept"), Some(&b"old"[..]));
        assert_eq!(host.state("plugin", "added"), None);
        assert_eq!(host.vector("items", "p"), Some(&[1.0, 1.0][..]));
        assert_eq!(host.vector("items", "q"), None);
        assert_eq!(host.sketches().quantiles["amounts"], [1.0]);
        assert_eq!(host.sketches().distinct["users"].len(), 1);
        assert_eq!(host.sketches().counts["items"]["1"], 2);
        assert_eq!(host.logs(), [(Level::Warn, "seen".to_owned())]);
    }
}

#[test]
fn state_ends_in_event_time() {
    let mut host = host();
    host.send(Event::new("scripts", "lend key 1").at(1_000)).unwrap();
    host.send(Event::new("scripts", "").at(1_099)).unwrap();
    assert!(host.state("plugin", "key").is_some());
    host.send(Event::new("scripts", "").at(1_100)).unwrap();
    assert!(host.state("plugin", "key").is_none());
}

#[test]
fn time_does_not_run_backwards() {
    let mut host = host();
    host.send(Event::new("scripts", "lend key 1").at(1_000)).unwrap();
    host.send(Event::new("scripts", "").at(1_100)).unwrap();
    host.send(Event::new("scripts", "").at(500)).unwrap();
    assert!(
        host.state("plugin", "key").is_none(),
        "a late event brings nothing back"
    );
}

/// Answers with what a scan gives.
struct Scanner;

impl Plugin for Scanner {
    type Config = ();
    fn new((): ()) -> Result<Self, String> {
        Ok(Self)
    }
    fn process(&mut self, event: &Event, host: &mut Host<'_>) -> Result<Verdict, Failure> {
        for key in ["b/2", "a/1", "b/1", "b/3", "c"] {
            host.state().set(key, b"");
        }
        let (prefix, after): (&str, Option<&str>) = event.json()?;
        let keys: Vec<String> = host
            .state()
            .scan(prefix, after, 2)
            .into_iter()
            .map(|entry| entry.key)
            .collect();
        Ok(Message::json(&keys)?.into())
    }
}

#[test]
fn a_scan_is_in_key_order_after_a_key_and_bounded() {
    let mut host = TestHost::of::<Scanner>(()).unwrap();
    for (query, keys) in [
        (json!(["b/", null]), json!(["b/1", "b/2"])),
        (json!(["b/", "b/2"]), json!(["b/3"])),
        (json!(["b/", "a"]), json!(["b/1", "b/2"])),
        (json!(["", null]), json!(["a/1", "b/1"])),
        (json!(["d", null]), json!([])),
    ] {
        let verdict = host.send(Event::new("scans", query.to_string())).unwrap();
        assert_eq!(
            verdict.messages()[0].payload,
            keys.to_string().into_bytes(),
            "{query}"
        );
    }
}

/// Answers with the neighbours of the payload.
struct Search;

impl Plugin for Search {
    type Config = ();
    fn new((): ()) -> Result<Self, String> {
        Ok(Self)
    }
    fn process(&mut self, event: &Event, host: &mut Host<'_>) -> Result<Verdict, Failure> {
        let mut items = host.vectors("items");
        for (id, vector) in [
            ("far", [9.0, 0.0]),
            ("b", [1.0, 1.0]),
            ("a", [1.0, 1.0]),
            ("near", [1.0, 0.0]),
        ] {
            items.set(id, &vector);
        }
        items.set("gone", &[1.0, 0.0]);
        items.delete("gone");
        let found = items.nearest(&event.json::<Vec<f32>>()?, 3);
        Ok(Message::json(
            &found
                .into_iter()
                .map(|found| (found.id, found.score))
                .collect::<Vec<_>>(),
        )?
        .into())
    }
}

#[test]
fn the_nearest_are_by_metric_with_ties_by_id() {
    for (metric, nearest) in [
        (Metric::Dot, json!([["far", 9.0], ["a", 1.0], ["b", 1.0]])),
        (
            Metric::Cosine,
            json!([["far", 1.0], ["near", 1.0], ["a", 0.707_106_77]]),
        ),
        (
            Metric::Euclidean,
            json!([["near", 0.0], ["a", -1.0], ["b", -1.0]]),
        ),
    ] {
        let mut host = TestHost::of::<Search>(()).unwrap().collection("items", 2, metric);
        let verdict = host.send(Event::new("searches", "[1, 0]")).unwrap();
        let found: Vec<(String, f32)> = serde_json::from_slice(&verdict.messages()[0].payload).unwrap();
        assert_eq!(
            json!(found),
            json!(serde_json::from_value::<Vec<(String, f32)>>(nearest).unwrap()),
            "{metric:?}"
        );
    }
}

#[test]
#[should_panic(expected = "declares no collection \"items\"")]
fn an_undeclared_collection_is_misuse() {
    let _ = run(&mut TestHost::of::<Script>(()).unwrap(), "place a 1");
}

#[test]
#[should_panic(expected = "2 dimensions")]
fn a_vector_of_another_length_is_misuse() {
    let mut host = TestHost::of::<Search>(())
        .unwrap()
        .collection("items", 3, Metric::Dot);
    let _ = host.send(Event::new("searches", "[1, 0]"));
}

#[test]
fn a_chain_hands_on_what_each_step_emits() {
    let chain = TestHost::default().step::<Script>("first", ()).unwrap();
    let mut chain = chain.step::<Script>("second", ()).unwrap();
    assert_eq!(run(&mut chain, "set a 1"), Ok(Verdict::Forward));
    assert_eq!(chain.state("first", "a"), chain.state("second", "a"));
    assert_eq!(run(&mut chain, "drop"), Ok(Verdict::Drop));
    assert_eq!(run(&mut chain, "emit drop"), Ok(Verdict::Drop));
    let event = Event::new("scripts", "emit set_b_2").with_key("7");
    let message = Message::new("set b 2").with_key("7");
    assert_eq!(
        chain.send(event),
        Ok(Verdict::from(message)),
        "forwarded by the second"
    );
    assert_eq!(chain.state("first", "b"), None);
    assert_eq!(chain.state("second", "b"), Some(&b"2"[..]));
}

#[test]
fn a_later_steps_rejection_leaves_the_earlier_steps_effects_and_a_transient_failure_nothing() {
    let chain = || {
        TestHost::default()
            .step::<Script>("first", ())
            .unwrap()
            .step::<Script>("second", ())
            .unwrap()
    };
    let mut rejected = chain();
    run(&mut rejected, "set a 1;emit set_b_2,invalid").unwrap_err();
    assert_eq!(rejected.state("first", "a"), Some(&b"1"[..]));
    assert_eq!(rejected.state("second", "b"), None);
    let mut again = chain();
    run(&mut again, "set a 1;emit set_b_2,transient").unwrap_err();
    assert_eq!(again.state("first", "a"), None);
}

#[test]
fn a_refused_config_says_why() {
    assert_eq!(TestHost::of::<Script>("no thanks").err().unwrap(), "no thanks");
    let error = TestHost::of::<Script>(json!({ "reason": 5 })).err().unwrap();
    assert!(error.starts_with("config: invalid type"), "{error}");
}

/// Counts in each of the three encodings.
struct Counter;

impl Plugin for Counter {
    type Config = ();
    fn new((): ()) -> Result<Self, String> {
        Ok(Self)
    }
    fn process(&mut self, event: &Event, host: &mut Host<'_>) -> Result<Verdict, Failure> {
        let mut state = host.state();
        state.update_json("json", |count: &mut u32| *count += 1)?;
        let packed: (String, u32) = state.get_packed("packed")?.unwrap_or_default();
        state.set_packed("packed", &(event.key.clone(), packed.1 + 1))?;
        Ok(Verdict::Drop)
    }
}

#[test]
fn typed_state_comes_back_as_it_went() {
    let mut host = TestHost::of::<Counter>(()).unwrap();
    for _ in 0..3 {
        host.send(Event::new("counts", "").with_key("ada")).unwrap();
    }
    assert_eq!(host.state("plugin", "json"), Some(&b"3"[..]));
    assert_eq!(host.state("plugin", "packed"), Some(&b"\x03ada\x03"[..]));
}

#[test]
fn state_that_does_not_decode_is_an_invalid_event_and_stays() {
    let mut memory = super::Memory::default();
    memory.states.add_step();
    memory.states.set(0, "json", b"no", None);
    let failure = Counter.process(&Event::new("counts", ""), &mut Host::native(&mut memory, 0));
    assert_eq!(failure.unwrap_err().code(), Some("unreadable-state"));
    assert_eq!(memory.states.get(0, "json"), Some(&b"no"[..]));
}
