//! Timers in a rehearsal: they fire as the times of the events move the watermark, and at the end if it is asked for.

use super::*;
use tailrace_core::timer::Timer;

/// Sets a timer for each word of an event, `NAME:AT`; a timer says its name, and one called `again` sets another.
struct Waking;

impl Plugin for Waking {
    fn imports(&self) -> &BTreeSet<Grant> {
        static IMPORTS: BTreeSet<Grant> = BTreeSet::new();
        &IMPORTS
    }

    fn instantiate(&self, _: &str, _: &CallLimits) -> Result<Box<dyn Instance>, PluginError> {
        Ok(Box::new(Waking))
    }
}

impl Instance for Waking {
    fn process(&mut self, event: &Event, host: &mut dyn Host) -> Call {
        let text = String::from_utf8_lossy(&event.payload).into_owned();
        for (name, at) in text.split_whitespace().filter_map(|word| word.split_once(':')) {
            match at.parse() {
                Ok(at_ms) => host.timer_set(name, at_ms, b"bytes".to_vec()).unwrap(),
                Err(_) => host.timer_cancel(name).unwrap(),
            }
        }
        Call {
            result: Ok(Verdict::Drop),
            fuel: 10,
        }
    }

    fn on_timer(&mut self, timer: &Timer, host: &mut dyn Host) -> Call {
        if timer.name == "again" {
            host.timer_set("again", timer.at_ms + 1, Vec::new()).unwrap();
        }
        let result = match timer.name.as_str() {
            "invalid" => Err(CallFailure::Invalid(Rejection {
                code: "told-so".into(),
                reason: "told so".into(),
            })),
            name => Ok(Verdict::Emit(vec![Message {
                subject: None,
                key: None,
                headers: Vec::new(),
                payload: name.to_owned().into(),
            }])),
        };
        Call { result, fuel: 7 }
    }

    fn is_spent(&self) -> bool {
        false
    }

    fn memory_bytes(&self) -> u64 {
        0
    }
}

/// Plays events, a second apart, and goes to the end if that is asked for.
fn rehearse(payloads: &[&str], to_the_end: bool) -> (Vec<EventReport>, Summary) {
    let folder = tempfile::tempdir().unwrap();
    let store = SledStore::open(folder.path().to_path_buf(), StoreOptions::default()).unwrap();
    let setting = Setting::new(Wishes::default(), &admitted(&[])).unwrap();
    let clock = Arc::new(SystemClock::new());
    let mut rehearsal = Rehearsal::new(setting, Arc::new(Waking), &store, clock).unwrap();
    let (mut reports, mut summary) = (Vec::new(), Summary::default());
    let mut take = |played: Vec<Played>| {
        for played in played {
            match played {
                Played::Done(report) => {
                    summary.add(&report);
                    reports.push(*report);
                }
                Played::Paused(why) => summary.paused = Some(why),
            }
        }
    };
    for (line, payload) in (1..).zip(payloads) {
        take(rehearsal.play(given(line, payload)).unwrap());
    }
    if to_the_end {
        take(rehearsal.play_to_the_end().unwrap());
    }
    (reports, summary)
}

/// What each report is of: `event N`, or the timer with its time.
fn order(reports: &[EventReport]) -> Vec<String> {
    let name = |report: &EventReport| match &report.timer {
        Some(timer) => format!("{} {}", timer.name, timer.at_ms),
        None => format!("event {}", report.sequence),
    };
    reports.iter().map(name).collect()
}

#[test]
fn timers_fire_before_the_event_that_moves_the_watermark_past_them() {
    let (reports, summary) = rehearse(&["late:2900 early:1500 never:9000", "", ""], false);
    let wanted = ["event 1", "early 1500", "event 2", "late 2900", "event 3"];
    assert_eq!(order(&reports), wanted);
    let early = &reports[1];
    assert_eq!(
        (early.outcome, early.sequence, early.key.as_str()),
        (Outcome::Emit, 1, "a.b")
    );
    assert_eq!(early.messages[0].payload, Content::Text("early".to_owned()));
    assert!(
        early.state.is_empty() && early.timers.is_empty(),
        "only what the plugin did: {early:?}"
    );
    assert_eq!((summary.events, summary.timers, summary.messages), (3, 2, 2));
    assert_eq!((summary.emitted, summary.dropped), (0, 3));
    let set: Vec<_> = reports[0]
        .timers
        .iter()
        .map(|timer| (timer.name.as_str(), timer.at_ms))
        .collect();
    assert_eq!(
        set,
        [
            ("early", Some(1_500)),
            ("late", Some(2_900)),
            ("never", Some(9_000))
        ]
    );
}

#[test]
fn the_end_fires_what_is_left_at_its_own_time() {
    let (reports, summary) = rehearse(&["b:70000 a:60000 gone:5000", "gone:x invalid:65000"], true);
    assert_eq!(
        order(&reports),
        ["event 1", "event 2", "a 60000", "invalid 65000", "b 70000"]
    );
    assert_eq!(reports[1].timers[0].at_ms, None, "cancelled");
    assert_eq!((summary.timers, summary.rejected), (3, 1));
    assert!(summary.is_good(false) && !summary.is_good(true));
}

#[test]
fn a_timer_that_always_sets_another_one_comes_to_an_end() {
    let (reports, summary) = rehearse(&["again:5000"], true);
    assert_eq!(reports.len(), 10_001);
    assert!(summary.paused.unwrap().contains("go on setting timers"));
}
