//! What is followed, what is passed over, and that a sketch which lies is found out.

use tailrace_core::series::{Group, WindowRule};
use tailrace_sketch::{SketchConfig, TenantSeed};

use super::*;

const MINUTE_MS: u64 = 60_000;
const RULE: WindowRule = WindowRule {
    length_ms: MINUTE_MS,
    keep_ms: 100 * MINUTE_MS,
};

fn seed() -> TenantSeed {
    TenantSeed::new(1, 2)
}

fn watched(share: f64) -> [Watched; 1] {
    [Watched {
        name: Name::new("amounts").unwrap(),
        kind: Kind::Quantiles,
        share,
        seed: seed(),
    }]
}

/// What a state store would hold: each series with its sketch, as the updates say.
#[derive(Default)]
struct Held(BTreeMap<Series, Sketch>);

impl Held {
    fn add(&mut self, series: Series, update: &Update) {
        let config = SketchConfig {
            kind: Kind::Quantiles,
            size: None,
        };
        let sketch = self
            .0
            .entry(series)
            .or_insert_with(|| Sketch::new(&config, seed()));
        sketch.apply(update).unwrap();
    }

    fn apply(&mut self, delta: &Delta) {
        for update in delta.sketches.get("amounts").into_iter().flatten() {
            self.add(Series::default(), update);
        }
        let measured = delta.measured.get("amounts");
        for placed in measured.into_iter().flat_map(|measured| &measured.updates) {
            for series in series_of(measured, placed) {
                self.add(series, &placed.update);
            }
        }
    }
}

fn follow(accuracy: &mut Accuracy, share: f64, delta: &Delta, held: &Held) -> Vec<Comparison> {
    let read = |_: &str, series: &Series| Ok(held.0.get(series).cloned());
    let found = accuracy.follow(0, &watched(share), delta, read).unwrap();
    found.into_iter().map(|(_, comparison)| comparison).collect()
}

/// A commit of a sketch that is not windowed or grouped.
fn plain(values: impl IntoIterator<Item = u32>) -> Delta {
    let updates = values.into_iter().map(|value| Update::Observe(f64::from(value)));
    Delta {
        sketches: BTreeMap::from([("amounts".to_owned(), updates.collect())]),
        ..Delta::default()
    }
}

/// A commit of a windowed and grouped sketch: values with their times and groups.
fn divided(clock_ms: u64, values: impl IntoIterator<Item = (u32, u64, Option<Group>)>) -> Delta {
    let placed = |(value, time_ms, group)| Placed {
        window_start_ms: Some(RULE.start(time_ms)),
        is_late: false,
        group,
        update: Update::Observe(f64::from(value)),
    };
    let measured = Measured {
        window: Some(RULE),
        most_groups: 2,
        clock_ms,
        updates: values.into_iter().map(placed).collect(),
    };
    Delta {
        measured: BTreeMap::from([("amounts".to_owned(), measured)]),
        ..Delta::default()
    }
}

#[test]
fn a_sound_sketch_is_compared_each_time_it_has_grown_twofold() {
    let (mut accuracy, mut held) = (Accuracy::default(), Held::default());
    let mut compared = Vec::new();
    for commit in 0..64 {
        let delta = plain(commit * 10..commit * 10 + 10);
        held.apply(&delta);
        compared.extend(follow(&mut accuracy, 1.0, &delta, &held));
    }
    assert_eq!(compared.len(), 5, "at 40, 80, 160, 320 and 640 values");
    assert!(
        compared
            .iter()
            .all(|found| !found.is_breach && found.observed <= 0.01)
    );
}

#[test]
fn a_sketch_that_lies_is_a_breach() {
    let (mut accuracy, mut held) = (Accuracy::default(), Held::default());
    held.apply(&plain((0..100).map(|value| value * 2)));
    let compared = follow(&mut accuracy, 1.0, &plain(0..100), &held);
    assert!(compared.len() == 1 && compared[0].is_breach, "{compared:?}");
    assert!(compared[0].observed > 0.9, "{compared:?}");
}

#[test]
fn what_began_before_is_passed_over_and_the_windows_after_it_are_followed() {
    let mut held = Held::default();
    let minute = |minute: u64| (0..40).map(move |value| (value, minute * MINUTE_MS, None));
    held.apply(&divided(0, minute(0)));
    // Another engine's work so far; from here on it is ours.
    let mut accuracy = Accuracy::default();
    let delta = divided(0, minute(0));
    held.apply(&delta);
    assert_eq!(
        follow(&mut accuracy, 1.0, &delta, &held),
        [],
        "all time and its window had begun"
    );
    let delta = divided(2 * MINUTE_MS, minute(1));
    held.apply(&delta);
    let compared = follow(&mut accuracy, 1.0, &delta, &held);
    assert!(compared.len() == 1 && !compared[0].is_breach, "{compared:?}");
}

#[test]
fn a_window_is_compared_when_it_is_over_however_little_it_holds() {
    let (mut accuracy, mut held) = (Accuracy::default(), Held::default());
    let delta = divided(0, [(7, 0, None)]);
    held.apply(&delta);
    assert_eq!(follow(&mut accuracy, 1.0, &delta, &held), []);
    let delta = divided(MINUTE_MS, []);
    let compared = follow(&mut accuracy, 1.0, &delta, &held);
    assert_eq!(compared.len(), 1);
    assert_eq!(follow(&mut accuracy, 1.0, &delta, &held), [], "only once");
}

#[test]
fn groups_are_followed_each_and_those_put_elsewhere_are_let_go() {
    let (mut accuracy, mut held) = (Accuracy::default(), Held::default());
    let group = |text: &str| Some(Group::Value(text.to_owned()));
    let of = |text| (0..40).map(move |value| (value, 0, group(text)));
    let delta = divided(0, of("en").chain(of("de")).chain(of("fr")));
    held.apply(&delta);
    // The state store has no room for a third group, and counts it among the others.
    held.0.retain(|series, _| series.group != group("fr"));
    let compared = follow(&mut accuracy, 1.0, &delta, &held);
    assert_eq!(compared.len(), 4, "two groups, of all time and of the window");
    assert!(compared.iter().all(|found| !found.is_breach));
}

#[test]
fn the_share_says_how_many_windows_are_followed_and_the_bound_how_many_at_once() {
    let followed = |share: f64| {
        let mut accuracy = Accuracy::default();
        let each_minute = (0..900).map(|minute| (1, minute * MINUTE_MS, None));
        follow(&mut accuracy, share, &divided(0, each_minute), &Held::default());
        accuracy
            .sketches
            .values()
            .flat_map(BTreeMap::values)
            .flatten()
            .count()
    };
    assert_eq!(followed(0.0), 0);
    // Of 900 windows 18 are expected, with a standard deviation of 4.2.
    assert!((5..=35).contains(&followed(0.02)), "{}", followed(0.02));
    // All time was due, and nothing was found to compare it with.
    assert_eq!(followed(1.0), MOST_FOLLOWED - 1);
}

#[test]
fn what_grows_too_large_is_let_go_and_names_passed_over_are_bounded() {
    let (mut accuracy, mut held) = (Accuracy::default(), Held::default());
    let delta = plain(0..20_000);
    held.apply(&delta);
    assert_eq!(follow(&mut accuracy, 1.0, &delta, &held), []);
    let mut accuracy = Accuracy::default();
    let each_minute = (0..5_000).map(|minute| (1, minute * MINUTE_MS, None));
    follow(&mut accuracy, 0.0, &divided(0, each_minute), &held);
    let known: usize = accuracy.sketches.values().map(BTreeMap::len).sum();
    assert!(known <= MOST_PASSED + MOST_FOLLOWED, "{known}");
}

#[test]
fn a_sketch_that_is_no_longer_watched_is_forgotten() {
    let mut accuracy = Accuracy::default();
    follow(&mut accuracy, 1.0, &plain(0..10), &Held::default());
    let read = |_: &str, _: &Series| Ok(None);
    assert_eq!(accuracy.follow(0, &[], &plain(0..10), read).unwrap(), []);
    assert!(accuracy.sketches.is_empty());
}
