//! The partitions of a pipeline as sources: what they carry, silence, and what is none of theirs.

use super::*;

const SECOND: u64 = 1_000;
const MINUTE: u64 = 60 * SECOND;

fn bound(text: &str) -> ClockRule {
    ClockRule {
        is_bound: true,
        ..rule(text)
    }
}

/// A clock of this rule, and what comes to it.
struct Read {
    rule: ClockRule,
    clock: InputClock,
    sequence: u64,
}

impl Read {
    fn by(text: &str) -> Self {
        Self {
            rule: bound(text),
            clock: InputClock::default(),
            sequence: 0,
        }
    }

    /// Of a partition of two; times count from [`NOW_MS`].
    fn of(&mut self, partition: u32, watermark: u64, time: u64, received: u64) -> u64 {
        let carried = CarriedWatermark {
            watermark_ms: NOW_MS + watermark,
            partition,
            partitions: 2,
        };
        let received_ms = NOW_MS + received;
        self.clock
            .advance_behind(&self.rule, carried, NOW_MS + time, received_ms);
        self.end(received_ms)
    }

    /// Of nobody.
    fn of_none(&mut self, time: u64, received: u64) -> u64 {
        self.clock.advance(&self.rule, None, NOW_MS + time);
        self.end(NOW_MS + received)
    }

    fn end(&mut self, received_ms: u64) -> u64 {
        self.sequence += 1;
        self.clock.read(self.sequence, received_ms);
        let bytes = postcard::to_stdvec(&self.clock).unwrap();
        let written: InputClock = postcard::from_bytes(&bytes).unwrap();
        let mut known = self.clock.clone();
        known.set_read_sequence(0);
        assert_eq!(written, known, "what is written goes on as what was not");
        self.clock.watermark_ms.saturating_sub(NOW_MS)
    }
}

#[test]
fn the_watermark_is_that_of_the_partition_furthest_behind() {
    let mut read = Read::by(r#"{"delay":"0s","lag":"1h"}"#);
    // The other partition is waited for, though nothing has come of it.
    assert_eq!(read.of(0, 10 * SECOND, 11 * SECOND, 0), 0);
    assert_eq!(read.of(1, 2 * SECOND, 3 * SECOND, 0), 2 * SECOND);
    assert_eq!(read.of(0, 30 * SECOND, 30 * SECOND, 0), 2 * SECOND);
    assert_eq!(read.of(1, 20 * SECOND, 90 * SECOND, 0), 20 * SECOND);
    assert_eq!(read.of(1, SECOND, SECOND, 0), 20 * SECOND, "never back");
    assert_eq!(read.clock.latest_ms(), NOW_MS + 90 * SECOND);
}

#[test]
fn a_pipeline_that_publishes_earlier_times_than_it_reads_makes_none_of_them_late() {
    let mut read = Read::by(r#"{"delay":"0s","lag":"1h"}"#);
    read.of(1, 60 * SECOND, 0, 0);
    assert_eq!(read.of(0, 60 * SECOND, 0, 0), 0);
    read.of(1, 120 * SECOND, 60 * SECOND, 0);
    assert_eq!(read.of(0, 120 * SECOND, 60 * SECOND, 0), 60 * SECOND);
}

#[test]
fn a_partition_that_is_silent_is_not_waited_for_and_comes_back() {
    let mut read = Read::by(r#"{"delay":"0s","lag":"1h","idle":{"after":"30s"}}"#);
    read.of(1, SECOND, SECOND, 0);
    assert_eq!(read.of(0, 20 * SECOND, 20 * SECOND, 30 * SECOND), SECOND);
    assert!(read.clock.held_by(&read.rule).unwrap().contains("partition 1"));
    assert_eq!(read.of(0, 21 * SECOND, 21 * SECOND, 30 * SECOND + 1), 21 * SECOND);
    assert_eq!(read.clock.held_by(&read.rule), None);
    assert_eq!(read.of(1, 22 * SECOND, 22 * SECOND, 31 * SECOND), 21 * SECOND);
    assert_eq!(read.of(0, 40 * SECOND, 40 * SECOND, 40 * SECOND), 22 * SECOND);
}

#[test]
fn one_of_which_nothing_has_ever_come_is_waited_for_as_long() {
    let mut read = Read::by(r#"{"delay":"0s","lag":"1h","idle":{"after":"30s"}}"#);
    assert_eq!(read.of(0, SECOND, SECOND, 5 * SECOND), 0);
    assert_eq!(read.of(0, 30 * SECOND, 30 * SECOND, 35 * SECOND), 0);
    assert_eq!(read.of(0, 31 * SECOND, 31 * SECOND, 36 * SECOND), 31 * SECOND);
}

#[test]
fn an_input_that_is_to_hold_waits_for_a_silent_partition_up_to_the_lag() {
    let mut read = Read::by(r#"{"delay":"0s","lag":"10m","idle":{"advance":"hold"}}"#);
    read.of(1, SECOND, SECOND, 0);
    assert_eq!(read.of(0, 9 * MINUTE, 9 * MINUTE, 60 * MINUTE), SECOND);
    assert_eq!(read.of(0, 20 * MINUTE, 20 * MINUTE, 61 * MINUTE), 10 * MINUTE);
}

#[test]
fn a_tick_waits_for_no_partition() {
    let mut read = Read::by(r#"{"delay":"1s","lag":"10m"}"#);
    read.of(1, 5 * SECOND, 5 * SECOND, 0);
    read.of(0, 50 * SECOND, 50 * SECOND, 0);
    assert_eq!(read.clock.watermark_ms, NOW_MS + 4 * SECOND);
    read.clock.tick(&read.rule, 30 * SECOND);
    assert_eq!(read.clock.watermark_ms, NOW_MS + 79 * SECOND);
}

#[test]
fn what_carries_nothing_counts_until_the_first_that_does() {
    let mut read = Read::by(r#"{"delay":"0s","lag":"1h"}"#);
    assert_eq!(read.of_none(5 * SECOND, 0), 5 * SECOND);
    read.of(0, 7 * SECOND, 7 * SECOND, 0);
    assert_eq!(read.of(1, 6 * SECOND, 6 * SECOND, 0), 6 * SECOND);
    assert_eq!(read.of_none(90 * SECOND, 0), 6 * SECOND);
    assert_eq!(read.clock.sources().count(), 2);
    // Another rule begins without them.
    read.rule = rule(r#"{"delay":"0s"}"#);
    assert_eq!(read.of_none(91 * SECOND, 0), 91 * SECOND);
    assert_eq!(read.clock.sources().count(), 0);
}

#[test]
fn a_pipeline_made_anew_with_fewer_partitions_is_waited_for_in_those_it_has() {
    let mut read = Read::by(r#"{"delay":"0s","lag":"1h"}"#);
    read.of(0, 7 * SECOND, 7 * SECOND, 0);
    read.of(1, 6 * SECOND, 6 * SECOND, 0);
    let carried = CarriedWatermark {
        watermark_ms: NOW_MS + 8 * SECOND,
        partition: 0,
        partitions: 1,
    };
    let (rule, now) = (read.rule, NOW_MS + 8 * SECOND);
    read.clock.advance_behind(&rule, carried, now, now);
    assert_eq!(read.clock.watermark_ms, now);
    assert_eq!(read.clock.sources().collect::<Vec<_>>(), [("partition 0", now)]);
}

#[test]
fn only_the_stream_of_a_pipeline_binds_and_nothing_that_names_sources() {
    let manifest = |input: &str| {
        let text = format!(
            "{{\"name\":\"p\",\"input\":{{\"subjects\":[\"a.>\"],\"key\":{{\"subject-token\":2}},{input}}}}}"
        );
        crate::manifest::parse::parse(text.as_bytes()).unwrap()
    };
    for (input, is_bound) in [
        (r#""stream":"TR_shop_orders""#, true),
        (r#""stream":"SHOP""#, false),
        (r#""stream":"TR_shop""#, false),
        (
            r#""stream":"TR_shop_orders","watermark":{"upstream":"ignore"}"#,
            false,
        ),
        (
            r#""stream":"TR_shop_orders","watermark":{"per":{"subject-token":1}}"#,
            false,
        ),
    ] {
        let manifest = manifest(input);
        assert_eq!(ClockRule::of(&manifest).is_bound(), is_bound, "{input}");
        let reach_ms = if input.contains("TR_shop_orders") && !input.contains("ignore") {
            605_000
        } else {
            5_000
        };
        assert_eq!(manifest.reach_ms(), reach_ms, "{input}");
    }
}
