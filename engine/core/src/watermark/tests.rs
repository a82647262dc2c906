//! How the clocks of sources make the watermark.

use super::*;

const NOW_MS: u64 = 1_795_825_800_000;
const HOUR_MS: u64 = 3_600_000;

fn rule(text: &str) -> ClockRule {
    ClockRule::of_watermark(&serde_json::from_str(text).unwrap())
}

#[test]
fn the_watermark_is_the_latest_time_less_the_delay_however_far_one_event_moves_it() {
    let rule = rule(r#"{"delay":"5s"}"#);
    let mut clock = InputClock::default();
    for (time_ms, watermark_ms) in [
        (NOW_MS, NOW_MS - 5_000),
        (NOW_MS - 60_000, NOW_MS - 5_000),
        (NOW_MS + 25 * HOUR_MS, NOW_MS + 25 * HOUR_MS - 5_000),
    ] {
        clock.advance(&rule, None, time_ms);
        assert_eq!(clock.watermark_ms, watermark_ms);
    }
}

#[test]
fn a_time_is_believed_up_to_ahead_of_its_own_receive_time() {
    let five_minutes = rule("{}");
    assert!(five_minutes.believes(NOW_MS + 300_000, NOW_MS));
    assert!(!five_minutes.believes(NOW_MS + 300_001, NOW_MS));
    assert!(five_minutes.believes(0, NOW_MS));
    let any = rule(r#"{"ahead":"any"}"#);
    for rule in [any, five_minutes.believing_all()] {
        assert!(rule.believes(CALENDAR_ENDS_MS - 1, 0));
        assert!(
            !rule.believes(CALENDAR_ENDS_MS, 0),
            "a watermark there would stand for ever"
        );
        assert!(!rule.believes(u64::MAX, u64::MAX));
    }
}

#[test]
fn the_watermark_waits_for_the_source_that_is_behind_until_that_lags_too_far() {
    let rule = rule(r#"{"delay":"0s","lag":"10m","per":{"subject-token":2}}"#);
    let mut clock = InputClock::default();
    clock.advance(&rule, Some("a"), NOW_MS);
    clock.advance(&rule, Some("b"), NOW_MS - 60_000);
    assert_eq!(clock.watermark_ms, NOW_MS, "it never goes back");
    clock.advance(&rule, Some("a"), NOW_MS + 300_000);
    assert_eq!(clock.watermark_ms, NOW_MS, "b is waited for");
    clock.advance(&rule, Some("b"), NOW_MS + 120_000);
    assert_eq!(clock.watermark_ms, NOW_MS + 120_000);
    clock.advance(&rule, Some("a"), NOW_MS + HOUR_MS);
    assert_eq!(clock.watermark_ms, NOW_MS + HOUR_MS - 600_000);
    let shown: Vec<_> = clock.sources().collect();
    assert_eq!(shown, [("a", NOW_MS + HOUR_MS), ("b", NOW_MS + 120_000)]);
}

#[test]
fn the_65th_source_takes_the_place_of_one_that_is_not_waited_for_or_shares_a_clock() {
    let rule = rule(r#"{"delay":"0s","lag":"10m","per":{"subject-token":2}}"#);
    let mut clock = InputClock::default();
    for number in 0..MAX_SOURCES {
        clock.advance(&rule, Some(&format!("s{number:02}")), NOW_MS + number as u64);
    }
    clock.advance(&rule, Some("x"), NOW_MS + 500);
    clock.advance(&rule, Some("y"), NOW_MS + 400);
    let other = clock.sources().find(|(name, _)| *name == OTHER_SOURCES);
    assert_eq!(other, Some((OTHER_SOURCES, NOW_MS + 500)));
    // All but two of them fall silent.
    clock.advance(&rule, Some("s01"), NOW_MS + HOUR_MS);
    for number in 0..100 {
        clock.advance(&rule, Some(&format!("new{number:02}")), NOW_MS + HOUR_MS);
    }
    assert!(clock.sources().count() <= MAX_SOURCES + 1);
    assert!(clock.sources().any(|(name, _)| name == "new00"));
    assert!(clock.sources().all(|(name, _)| name != "s00"));
}

#[test]
fn sources_at_another_place_begin_anew_and_the_watermark_stays() {
    let mut clock = InputClock::default();
    clock.advance(&rule(r#"{"per":{"subject-token":2}}"#), Some("a"), NOW_MS);
    let watermark_ms = clock.watermark_ms;
    clock.advance(&rule(r#"{"per":{"subject-token":3}}"#), Some("b"), NOW_MS - 9_000);
    assert_eq!(clock.watermark_ms, watermark_ms);
    assert_eq!(clock.sources().collect::<Vec<_>>(), [("b", NOW_MS - 9_000)]);
    clock.advance(&rule("{}"), None, NOW_MS + 9_000);
    assert_eq!(clock.sources().count(), 0);
}

#[test]
fn a_tick_moves_only_a_clock_that_has_started() {
    let (mut clock, rule) = (InputClock::default(), rule(r#"{"delay":"0s"}"#));
    clock.tick(&rule, 1_000);
    assert_eq!(clock.watermark_ms, 0);
    clock.advance(&rule, None, NOW_MS);
    clock.read(1, NOW_MS);
    clock.tick(&rule, 7);
    assert_eq!(clock.watermark_ms, NOW_MS + 7);
    clock.tick(&rule, 5);
    assert_eq!(clock.watermark_ms, NOW_MS + 7);
    clock.tick(&rule, 9);
    assert_eq!(clock.watermark_ms, NOW_MS + 9);
}

#[test]
fn a_clock_that_was_written_goes_on_as_the_one_that_was_not() {
    let rule = rule(r#"{"per":{"subject-token":2}}"#);
    let mut clock = InputClock::default();
    let times = [("a", 9), ("b", 4), ("c", 11), ("a", 20), ("b", 19), ("c", 17)];
    let long = "source".repeat(40);
    for (source, seconds) in times
        .into_iter()
        .chain([(&*long, 30), ("a\u{0}1795825800000", 31)])
    {
        let bytes = postcard::to_stdvec(&clock).unwrap();
        let mut read: InputClock = postcard::from_bytes(&bytes).unwrap();
        assert_eq!(read, clock);
        for clock in [&mut clock, &mut read] {
            clock.advance(&rule, Some(source), NOW_MS + seconds * 1_000);
        }
        assert_eq!(read, clock);
    }
    assert!(clock.sources().all(|(name, _)| name.len() <= 64));
}

mod bound;
