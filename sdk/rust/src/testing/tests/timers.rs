//! Timers and readable sketches of the test host.

use super::super::{Fired, TestHost};
use crate::{Event, Failure, Frequency, Host, Message, Plugin, Timer, Verdict};

/// Does what its payload says, of an event and of a timer: `wake NAME AT [SCRIPT]`, where the words of the script are
/// divided by `_` and its commands by `,`.
struct Waker;

impl Waker {
    fn run(script: &str, key: &str, host: &mut Host<'_>) -> Result<Vec<Message>, Failure> {
        let mut messages = Vec::new();
        for command in script.split(';').filter(|command| !command.is_empty()) {
            let words: Vec<&str> = command.split(' ').collect();
            match words[..] {
                ["wake", name, at] => host.timers().set(name, at.parse().unwrap(), b""),
                ["wake", name, at, script] => {
                    let script = script.replace(',', ";").replace('_', " ");
                    host.timers().set(name, at.parse().unwrap(), script.as_bytes());
                }
                ["sleep", name] => host.timers().cancel(name),
                ["now"] => messages.push(Message::new(host.timers().watermark().to_string())),
                ["count"] => {
                    let count = host.state().update_json("count", |count: &mut u64| *count += 1)?;
                    messages.push(Message::new(format!("{key}:{count}")));
                }
                ["transient"] => return Err(Failure::transient("told so")),
                ["invalid"] => return Err(Failure::invalid("told-so", "told so")),
                _ => panic!("no such command: {command}"),
            }
        }
        Ok(messages)
    }
}

impl Plugin for Waker {
    type Config = ();
    fn new((): ()) -> Result<Self, String> {
        Ok(Self)
    }
    fn process(&mut self, event: &Event, host: &mut Host<'_>) -> Result<Verdict, Failure> {
        Ok(Self::run(event.text()?, &event.key, host)?.into())
    }
    fn on_timer(&mut self, timer: &Timer, host: &mut Host<'_>) -> Result<Vec<Message>, Failure> {
        let script = String::from_utf8(timer.payload.clone()).unwrap();
        Self::run(&script, &timer.key, host)
    }
}

fn send(host: &mut TestHost, key: &str, at: u64, script: &str) {
    let event = Event::new("scripts", script).with_key(key).at(at);
    host.send(event).unwrap();
}

fn names(fired: &[Fired]) -> Vec<String> {
    let name = |fired: &Fired| {
        let Timer { name, key, at, .. } = &fired.timer;
        format!("{at} {key} {} {name}", fired.step)
    };
    fired.iter().map(name).collect()
}

fn said(fired: &[Fired]) -> Vec<String> {
    let messages = fired.iter().flat_map(Fired::messages);
    messages
        .map(|message| String::from_utf8_lossy(&message.payload).into_owned())
        .collect()
}

#[test]
fn timers_fire_in_the_order_of_time_key_step_and_name_and_none_before_its_time() {
    let mut host = TestHost::default().step::<Waker>("a", ()).unwrap();
    send(&mut host, "zoe", 0, "wake y 20;wake x 20;wake early 10");
    send(&mut host, "ada", 0, "wake x 20;wake late 30");
    assert_eq!(names(&host.advance_to(9)), [""; 0]);
    let due = ["10 zoe a early", "20 ada a x", "20 zoe a x", "20 zoe a y"];
    assert_eq!(names(&host.advance_to(29)), due);
    assert_eq!(host.timer("a", "ada", "late"), Some(30));
    // An event moves the watermark, and what is due fires before it.
    send(&mut host, "ada", 30, "");
    assert_eq!(names(&host.take_fired()), ["30 ada a late"]);
    assert_eq!(names(&host.take_fired()), [""; 0]);
}

#[test]
fn a_timer_is_moved_by_setting_it_again_and_goes_when_it_is_cancelled() {
    let mut host = TestHost::of::<Waker>(()).unwrap();
    send(
        &mut host,
        "ada",
        0,
        "wake moved 10;wake gone 10;wake moved 30;sleep gone;sleep never",
    );
    assert_eq!(names(&host.advance_to(29)), [""; 0]);
    assert_eq!(names(&host.advance_to(30)), ["30 ada plugin moved"]);
}

#[test]
fn a_timer_sees_its_own_time_and_may_set_the_next_one() {
    let mut host = TestHost::of::<Waker>(()).unwrap();
    send(
        &mut host,
        "ada",
        0,
        "wake first 10 now,wake_second_20_now,wake_third_15_now",
    );
    let fired = host.advance_to(1_000);
    assert_eq!(said(&fired), ["10", "15", "20"]);
    // One that is due already fires with the next event, at its own time.
    send(&mut host, "ada", 1_000, "wake past 5 now");
    send(&mut host, "ada", 1_000, "now");
    assert_eq!(said(&host.take_fired()), ["5"]);
}

#[test]
fn a_timer_that_fails_takes_its_effects_back_and_is_gone() {
    for end in ["transient", "invalid"] {
        let mut host = TestHost::of::<Waker>(()).unwrap();
        let script = format!("count;wake t 10 count,wake_more_20,{end}");
        send(&mut host, "ada", 0, &script);
        let fired = host.advance_to(1_000);
        assert_eq!(names(&fired), ["10 ada plugin t"]);
        assert!(fired[0].result.is_err());
        assert_eq!(host.state("plugin", "count"), Some(&b"1"[..]));
    }
}

#[test]
fn an_event_that_fails_sets_no_timer_and_cancels_none() {
    let mut host = TestHost::of::<Waker>(()).unwrap();
    send(&mut host, "ada", 0, "wake kept 10");
    let script = "wake new 5;wake kept 50;sleep kept;transient";
    host.send(Event::new("scripts", script).with_key("ada"))
        .unwrap_err();
    assert_eq!(names(&host.advance_to(100)), ["10 ada plugin kept"]);
}

#[test]
fn what_a_timer_emits_goes_through_the_steps_behind() {
    let steps = TestHost::default().step::<Waker>("one", ()).unwrap();
    let mut host = steps.step::<Forgetful>("two", ()).unwrap();
    send(&mut host, "ada", 0, "wake t 10 now,now");
    let fired = host.advance_to(9);
    assert_eq!(names(&fired), [""; 0]);
    // The second step has dropped both, and set a timer of its own, which is due at once.
    let fired = host.advance_to(10);
    assert_eq!(names(&fired), ["10 ada one t", "10 ada two ada"]);
    assert_eq!(said(&fired), [""; 0]);
}

/// Sets a timer and has nothing to do when it is due.
struct Forgetful;

impl Plugin for Forgetful {
    type Config = ();
    fn new((): ()) -> Result<Self, String> {
        Ok(Self)
    }
    fn process(&mut self, event: &Event, host: &mut Host<'_>) -> Result<Verdict, Failure> {
        host.timers().set(&event.key, 10, b"");
        Ok(Verdict::Drop)
    }
}

#[test]
fn a_plugin_without_on_timer_is_told_so() {
    let mut host = TestHost::of::<Forgetful>(()).unwrap();
    host.send(Event::new("visits", "").with_key("ada")).unwrap();
    let failure = host.advance_to(10)[0].result.clone().unwrap_err();
    assert_eq!(failure.code(), Some("no-on-timer"));
}

#[test]
#[should_panic(expected = "at most 128 bytes")]
fn a_timer_s_name_is_bounded_as_in_the_engine() {
    let mut host = TestHost::of::<Forgetful>(()).unwrap();
    let _ = host.send(Event::new("visits", "").with_key("k".repeat(129)));
}

/// Tells what it reads, and then adds to it.
struct Reader;

impl Plugin for Reader {
    type Config = ();
    fn new((): ()) -> Result<Self, String> {
        Ok(Self)
    }
    fn process(&mut self, event: &Event, host: &mut Host<'_>) -> Result<Verdict, Failure> {
        let mut sketches = host.sketches();
        let told = format!(
            "{:?} {} {} {} {:?}",
            sketches.quantile("amounts", 0.5),
            sketches.estimate("users"),
            sketches.estimate_of("items", "tea"),
            sketches.total("items"),
            sketches
                .top("items", 1)
                .iter()
                .map(|Frequency { item, .. }| item)
                .collect::<Vec<_>>(),
        );
        sketches.observe("amounts", event.json()?);
        sketches.distinct("users", &event.key);
        sketches.count("items", "tea", 2);
        sketches.count("items", "milk", 1);
        Ok(Message::new(told).into())
    }
}

#[test]
fn a_plugin_reads_what_the_events_before_have_told() {
    let mut host = TestHost::of::<Reader>(()).unwrap();
    let mut told = Vec::new();
    for (key, amount) in [("ada", "1"), ("bob", "5"), ("ada", "9"), ("ada", "0")] {
        let verdict = host.send(Event::new("orders", amount).with_key(key)).unwrap();
        told.push(String::from_utf8(verdict.messages()[0].payload.clone()).unwrap());
    }
    let wanted = [
        "None 0 0 0 []",
        "Some(1.0) 1 2 3 [\"tea\"]",
        "Some(1.0) 2 4 6 [\"tea\"]",
        "Some(5.0) 2 6 9 [\"tea\"]",
    ];
    assert_eq!(told, wanted);
}
