//! Windowed sketches in the local state store: windows and groups are a function of the commits, whether they
//! were applied in one go, after restarts, or through a snapshot.

use std::{collections::BTreeMap, sync::Arc};

use proptest::prelude::*;
use tailrace_core::{
    delta::{Delta, Measured, Placed},
    identity::{PartitionId, PipelineId},
    life::Life,
    manifest::{PipelineManifest, parse::parse},
    name::Name,
    ports::store::{Applied, LocalStore as _, PartitionStore},
    series::{Group, Groups, RangeQuery, WindowRule, WindowSpan},
};
use tailrace_sketch::{Answer, Query, Sketch, TenantSeed, Update};
use tailrace_store::{SledStore, StoreOptions};

const MINUTE: u64 = 60_000;
const RULE: WindowRule = WindowRule {
    length_ms: MINUTE,
    keep_ms: 10 * MINUTE,
};

fn manifest() -> PipelineManifest {
    let text = r#"{"name":"p","input":{"subjects":["a.>"]},"steps":[{"name":"s","plugin":"v@1.0.0"}],
        "sketches":{"q":{"kind":"quantiles","window":"1m","keep":"10m","by":{"json":"/c"},"groups":3}}}"#;
    parse(text.as_bytes()).unwrap()
}

struct Place {
    folder: tempfile::TempDir,
    store: Option<SledStore>,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let store = Some(open(folder.path()));
        Self { folder, store }
    }

    fn image(&self) -> Arc<dyn PartitionStore> {
        let partition = PartitionId {
            life: Life::UNNAMED,
            pipeline: PipelineId {
                tenant: Name::new("t").unwrap(),
                pipeline: Name::new("p").unwrap(),
            },
            partition: 0,
        };
        let store = self.store.as_ref().unwrap();
        store
            .open(&partition, &manifest(), TenantSeed::new(1, 2))
            .unwrap()
    }

    fn restart(&mut self) {
        self.store = None;
        self.store = Some(open(self.folder.path()));
    }
}

fn open(folder: &std::path::Path) -> SledStore {
    SledStore::open(folder.join("images"), StoreOptions::default()).unwrap()
}

/// An event: its minute, its group, its value. The clock is the newest minute so far.
type Event = (u64, Option<u8>, u32);

fn delta(events: &[Event], clock_ms: u64) -> Delta {
    let place = |(minute, group, value): &Event| Placed {
        window_start_ms: Some(minute * MINUTE),
        is_late: RULE.is_gone(minute * MINUTE, clock_ms),
        group: Some(group.map_or(Group::Missing, |group| Group::Value(group.to_string()))),
        update: Update::Observe(f64::from(*value)),
    };
    let measured = Measured {
        window: Some(RULE),
        most_groups: 3,
        clock_ms,
        updates: events.iter().map(place).collect(),
    };
    let mut delta = Delta::default();
    delta.measured.insert("q".to_owned(), measured);
    delta
}

fn apply(image: &dyn PartitionStore, delta: &Delta) {
    let commit = image.applied().unwrap().commit + 1;
    let sequence = commit * 10;
    image.apply(delta, Applied { commit, sequence }).unwrap();
}

fn slice(minutes: Option<(u64, u64)>, groups: Groups) -> RangeQuery {
    let windows = minutes.map(|(from, to)| WindowSpan {
        length_ms: MINUTE,
        from_ms: from * MINUTE,
        to_ms: to * MINUTE,
    });
    RangeQuery { windows, groups }
}

fn counts(image: &dyn PartitionStore, slice: &RangeQuery) -> BTreeMap<Option<Group>, u64> {
    let found = image.sketch_range("q", slice).unwrap();
    let count = |(group, sketch): (Option<Group>, Sketch)| (group, sketch.count());
    found.into_iter().map(count).collect()
}

fn total(image: &dyn PartitionStore, minutes: Option<(u64, u64)>) -> u64 {
    counts(image, &slice(minutes, Groups::Together)).values().sum()
}

fn value(group: u8) -> Group {
    Group::Value(group.to_string())
}

fn events() -> impl Strategy<Value = Vec<Vec<Event>>> {
    commits(1..90)
}

fn commits(number: std::ops::Range<usize>) -> impl Strategy<Value = Vec<Vec<Event>>> {
    let event = (0_u64..150, prop::option::of(0_u8..6), 0_u32..100);
    prop::collection::vec(prop::collection::vec(event, 0..12), number)
}

fn asks() -> impl Strategy<Value = Vec<RangeQuery>> {
    let groups = prop::sample::select(vec![Groups::Together, Groups::Each, Groups::One(value(1))]);
    let ask = (0_u64..150, 0_u64..150, groups);
    let ask = ask.prop_map(|(one, other, groups)| slice(Some((one.min(other), one.max(other))), groups));
    prop::collection::vec(ask, 1..12)
}

/// Commits as a partition makes them: with a clock that follows the events.
fn deltas(commits: &[Vec<Event>]) -> Vec<Delta> {
    let mut clock_ms = 0;
    let mut delta_of = |events: &Vec<Event>| {
        let newest = events.iter().map(|(minute, ..)| minute * MINUTE).max();
        // By a minute at most, as the real one does for an event.
        clock_ms = newest.unwrap_or(0).clamp(clock_ms, clock_ms + MINUTE);
        delta(events, clock_ms)
    };
    commits.iter().map(&mut delta_of).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(24) })]

    #[test]
    fn restarts_and_snapshots_change_nothing(commits in events(), stops in prop::collection::vec(0_usize..90, 0..4)) {
        let deltas = deltas(&commits);
        let whole = Place::new();
        let mut stopped = Place::new();
        let image = whole.image();
        for (index, delta) in deltas.iter().enumerate() {
            apply(&*image, delta);
            if stops.contains(&index) {
                stopped.restart();
            }
            apply(&*stopped.image(), delta);
        }
        stopped.restart();
        prop_assert_eq!(image.content_hash().unwrap(), stopped.image().content_hash().unwrap());
        prop_assert_eq!(image.sketch_windows("q").unwrap(), stopped.image().sketch_windows("q").unwrap());
        let mut chunks = Vec::new();
        image.export(&mut |chunk| { chunks.push(chunk.to_vec()); Ok(()) }).unwrap();
        let copy = Place::new();
        copy.image().import(&mut chunks.into_iter()).unwrap();
        prop_assert_eq!(image.content_hash().unwrap(), copy.image().content_hash().unwrap());
        prop_assert_eq!(image.sketch_windows("q").unwrap(), copy.image().sketch_windows("q").unwrap());
    }

    #[test]
    fn answers_are_the_same_to_the_last_byte_whatever_was_asked_before(
        commits in commits(60..150),
        asks in asks(),
    ) {
        let (asked, silent) = (Place::new(), Place::new());
        let (asked_image, silent_image) = (asked.image(), silent.image());
        for (index, delta) in deltas(&commits).iter().enumerate() {
            apply(&*asked_image, delta);
            apply(&*silent_image, delta);
            asked_image.sketch_range("q", &asks[index % asks.len()]).unwrap();
        }
        for ask in &asks {
            let answer = |image: &dyn PartitionStore| {
                let found = image.sketch_range("q", ask).unwrap().into_iter();
                found.map(|(group, sketch)| (group, sketch.encode())).collect::<Vec<_>>()
            };
            let expected = answer(&*silent_image);
            prop_assert_eq!(answer(&*asked_image), expected.clone());
            prop_assert_eq!(answer(&*silent_image), expected, "the second time");
        }
    }

    #[test]
    fn windows_that_are_said_to_be_whole_hold_every_event_of_theirs(commits in events()) {
        let place = Place::new();
        let image = place.image();
        for delta in deltas(&commits) {
            apply(&*image, &delta);
        }
        let all: Vec<Event> = commits.concat();
        prop_assert_eq!(total(&*image, None), all.len() as u64);
        let whole_from = image.sketch_windows("q").unwrap().unwrap_or_default().whole_from_ms.div_ceil(MINUTE);
        for minute in whole_from..150 {
            let exact = all.iter().filter(|(of, ..)| *of == minute).count() as u64;
            prop_assert_eq!(total(&*image, Some((minute, minute + 1))), exact, "minute {}", minute);
        }
        let exact = all.iter().filter(|(of, ..)| *of >= whole_from).count() as u64;
        prop_assert_eq!(total(&*image, Some((whole_from, 150))), exact);
    }
}

#[test]
fn groups_beyond_the_most_count_in_other_which_no_value_can_be() {
    let place = Place::new();
    let image = place.image();
    apply(
        &*image,
        &delta(&[(0, Some(1), 5), (0, None, 5), (0, Some(2), 5)], 0),
    );
    apply(
        &*image,
        &delta(
            &[(0, Some(3), 5), (0, Some(4), 5), (0, Some(1), 5), (1, Some(5), 5)],
            0,
        ),
    );
    let mut named_other = delta(&[(1, Some(6), 7)], 0);
    named_other.measured.get_mut("q").unwrap().updates[0].group = Some(Group::Value("other".to_owned()));
    apply(&*image, &named_other);
    let expected = [
        (Some(value(1)), 2),
        (Some(value(2)), 1),
        (Some(value(3)), 1),
        (Some(Group::Other), 3),
        (Some(Group::Missing), 1),
    ];
    assert_eq!(counts(&*image, &slice(None, Groups::Each)), expected.into());
    let one = |group| slice(Some((1, 2)), Groups::One(group));
    assert_eq!(
        counts(&*image, &one(Group::Other)),
        [(Some(Group::Other), 2)].into()
    );
    assert!(counts(&*image, &one(Group::Value("other".to_owned()))).is_empty());
}

#[test]
fn windows_go_with_the_clock_some_at_a_time() {
    let place = Place::new();
    let image = place.image();
    let minutes: Vec<Event> = (0..100).map(|minute| (minute, Some(1), 1)).collect();
    apply(&*image, &delta(&minutes, 0));
    apply(&*image, &delta(&[], 100 * MINUTE));
    let held = image.sketch_windows("q").unwrap().unwrap();
    assert_eq!((held.begin_ms, held.end_ms), (90 * MINUTE, 100 * MINUTE));
    assert_eq!(held.whole_from_ms, 90 * MINUTE);
    // What comes for a window that is gone counts for all time.
    apply(
        &*image,
        &delta(&[(89, Some(1), 1), (90, Some(1), 1)], 100 * MINUTE),
    );
    assert_eq!(total(&*image, None), 102);
    assert_eq!(
        (total(&*image, Some((0, 90))), total(&*image, Some((90, 91)))),
        (0, 2)
    );
}

#[test]
fn windows_are_bounded_whatever_times_events_bear() {
    let place = Place::new();
    let image = place.image();
    let most = RULE.most_windows();
    for from in (0..1_000).step_by(50) {
        let ahead: Vec<Event> = (from..from + 50).map(|minute| (minute, Some(1), 1)).collect();
        apply(&*image, &delta(&ahead, 0));
    }
    let held = image.sketch_windows("q").unwrap().unwrap();
    assert_eq!(
        (held.begin_ms, held.end_ms),
        ((1_000 - most) * MINUTE, 1_000 * MINUTE)
    );
    assert_eq!(held.whole_from_ms, held.begin_ms);
    assert_eq!(
        (total(&*image, Some((0, 1_000))), total(&*image, None)),
        (most, 1_000)
    );
}

#[test]
fn what_is_merged_for_a_query_serves_the_next_until_a_commit_changes_it() {
    let place = Place::new();
    let image = place.image();
    for minute in 0..100 {
        apply(&*image, &delta(&[(minute, Some(1), 5)], 0));
    }
    let served = || {
        let counts = place.store.as_ref().unwrap().part_counts();
        (counts.hits, counts.misses)
    };
    // Six parts of 16 windows lie within. Of the first four the bases are written, which happens every
    // 64 commits; the other two are still changing.
    assert_eq!(total(&*image, Some((0, 100))), 100);
    assert_eq!(served(), (0, 6));
    assert_eq!(total(&*image, Some((0, 100))), 100);
    assert_eq!(served(), (4, 8));
    apply(&*image, &delta(&[(20, Some(2), 5)], 0));
    assert_eq!(
        total(&*image, Some((0, 100))),
        101,
        "a late event is part of the answer"
    );
    assert_eq!(served(), (7, 11));
    // Windows that go take what was kept of them along.
    apply(&*image, &delta(&[], 42 * MINUTE));
    assert_eq!(total(&*image, Some((32, 100))), 68);
    assert!(place.store.as_ref().unwrap().part_counts().bytes > 0);
    apply(&*image, &delta(&[], 200 * MINUTE));
    assert_eq!(total(&*image, Some((0, 200))), 0);
    assert_eq!(place.store.as_ref().unwrap().part_counts().bytes, 0);
}

#[test]
fn a_window_answers_with_its_own_quantiles() {
    let place = Place::new();
    let image = place.image();
    apply(
        &*image,
        &delta(&[(0, Some(1), 10), (1, Some(1), 90), (1, Some(2), 91)], 0),
    );
    let (_, sketch) = image
        .sketch_range("q", &slice(Some((1, 2)), Groups::Together))
        .unwrap()
        .remove(0);
    let report = sketch.report(&Query::default());
    assert_eq!(report.count, 2);
    let Answer::Quantiles { min, max, .. } = report.answer else {
        panic!("{report:?}");
    };
    assert_eq!((min, max), (Some(90.0), Some(91.0)));
}
