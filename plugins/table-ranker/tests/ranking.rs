//! The two halves as two pipelines would run them. `plugins/ranker/tests/movielens` judges their quality.

use item_learner::ItemLearner;
use serde_json::json;
use table_ranker::{FallbackList, List, TableRanker};
use tailrace_sdk::{
    prelude::*,
    testing::{Metric, TestHost},
};

/// Both pipelines, with the table between them.
struct Both {
    learn: TestHost,
    rank: TestHost,
}

impl Both {
    fn with(learn: Value, rank: Value) -> Self {
        let learn = TestHost::of::<ItemLearner>(learn).unwrap();
        Self {
            learn: learn.collection("items", 2, Metric::Dot),
            rank: TestHost::of::<TableRanker>(rank).unwrap(),
        }
    }

    fn new() -> Self {
        Self::with(json!({ "boards-every": 1 }), json!({}))
    }

    /// Learns from a rating; returns the keys of the rows that it published, which the table takes in.
    fn learn(&mut self, user: &str, item: &str, rating: f64) -> Vec<String> {
        let verdict = self.learn.send(event(user, item, rating)).unwrap();
        let rows = verdict.messages().iter().map(|row| {
            let key = row.key.clone().unwrap();
            self.rank.set_row("items", &key, row.payload.clone());
            key
        });
        rows.collect()
    }

    fn rank(&mut self, user: &str, item: &str, rating: f64) -> List {
        let verdict = self.rank.send(event(user, item, rating)).unwrap();
        serde_json::from_slice(&verdict.messages()[0].payload).unwrap()
    }
}

fn event(user: &str, item: &str, rating: f64) -> Event {
    let payload = json!({ "user": user, "item": item, "rating": rating });
    Event::new("shop.events.rating", payload.to_string()).with_key(user)
}

fn ids(list: &List) -> Vec<&str> {
    list.items.iter().map(|item| item.id.as_str()).collect()
}

#[test]
fn a_list_is_made_of_what_another_pipeline_has_learnt() {
    let mut both = Both::new();
    for user in ["a", "b", "c"] {
        both.learn(user, "alien", 5.0);
        both.learn(user, "aliens", 5.0);
    }
    for user in ["d", "e", "f", "g"] {
        both.learn(user, "amelie", 5.0);
    }
    let list = both.rank("new", "alien", 5.0);
    assert_eq!(ids(&list), ["aliens", "amelie"], "amelie is the more popular");
}

#[test]
fn before_the_table_has_a_row_the_list_is_empty_and_the_history_is_kept() {
    let mut both = Both::new();
    assert!(both.rank("ada", "alien", 5.0).items.is_empty());
    for item in ["alien", "aliens", "amelie"] {
        both.learn("other", item, 5.0);
    }
    let list = both.rank("ada", "amelie", 5.0);
    assert_eq!(
        ids(&list),
        ["aliens"],
        "what was seen before the rows came is not offered"
    );
}

#[test]
fn an_event_publishes_only_what_it_has_changed() {
    let mut both = Both::with(json!({ "growth": 0, "window": 1, "boards-every": 2 }), json!({}));
    let first = both.learn("ada", "alien", 5.0);
    assert!(
        first.len() == 2 && first.contains(&"boards".to_owned()),
        "{first:?}"
    );
    assert_eq!(
        both.learn("ada", "aliens", 5.0).len(),
        2,
        "both are neighbours now"
    );
    assert!(both.learn("ada", "aliens", 5.0).is_empty(), "it was rated before");
    assert_eq!(
        both.learn("ada", "amelie", 1.0).len(),
        2,
        "alien is behind the window"
    );
}

#[test]
fn a_row_that_changes_often_is_published_ever_more_seldom() {
    let rows_of = |growth: f64| {
        let mut both = Both::with(json!({ "growth": growth, "boards-every": 1000 }), json!({}));
        (0..400)
            .map(|user| both.learn(&format!("u{user}"), "alien", 5.0).len())
            .sum::<usize>()
    };
    assert_eq!(rows_of(0.0), 401, "each, and the boards once");
    assert!(rows_of(0.5) < 20);
}

#[test]
fn the_items_with_the_nearest_vectors_are_similar() {
    /// Stands for the step that learns vectors.
    struct Place;
    impl Plugin for Place {
        type Config = ();
        fn new((): ()) -> Result<Self, String> {
            Ok(Self)
        }
        fn process(&mut self, _event: &Event, host: &mut Host<'_>) -> Result<Verdict, Failure> {
            for (id, vector) in [
                ("near", [1.0, 0.0]),
                ("nearer", [2.0, 0.0]),
                ("behind", [-1.0, 0.0]),
            ] {
                host.vectors("items").set(id, &vector);
            }
            Ok(Verdict::Forward)
        }
    }
    let weights = json!({ "co-occurrence": 0, "popularity": 0, "freshness": 0 });
    let mut both = Both::with(json!({}), json!({ "weights": weights }));
    let learn = TestHost::default().step::<Place>("place", ()).unwrap();
    let learn = learn.step::<ItemLearner>("learn", json!({})).unwrap();
    both.learn = learn.collection("items", 2, Metric::Dot);
    for (user, film) in [("a", "near"), ("b", "nearer"), ("c", "behind")] {
        both.learn(user, film, 5.0);
    }
    assert_eq!(ids(&both.rank("new", "near", 5.0)), ["nearer"]);
}

#[test]
fn users_without_a_list_have_the_popular_one_where_the_config_says_so() {
    let mut both = Both::with(
        json!({ "boards-every": 1 }),
        json!({ "fallback": "popular", "list": 2 }),
    );
    for (user, item) in [
        ("a", "heat"),
        ("b", "ran"),
        ("c", "ran"),
        ("d", "up"),
        ("e", "up"),
        ("f", "up"),
    ] {
        both.learn(user, item, 5.0);
    }
    both.rank("g", "heat", 5.0);
    let list: FallbackList =
        serde_json::from_slice(both.rank.state("plugin", "fallback/list").unwrap()).unwrap();
    let ids: Vec<_> = list.items.iter().map(|item| item.id.as_str()).collect();
    assert_eq!(ids, ["up", "ran"]);
}

#[test]
fn a_row_that_is_none_fails_the_event_and_changes_nothing() {
    let mut both = Both::new();
    both.rank.set_row("items", "boards", "not a row");
    let failure = both.rank.send(event("ada", "alien", 5.0)).unwrap_err();
    assert_eq!(failure.code(), Some("invalid-row"));
    assert_eq!(both.rank.state("plugin", "user/ada"), None);
}

#[test]
fn a_config_out_of_bounds_is_refused_with_its_path() {
    let error = TestHost::of::<TableRanker>(json!({ "list": 0 })).err().unwrap();
    assert!(error.contains("config.list: 0 lies outside 1 to 100"), "{error}");
    let error = TestHost::of::<ItemLearner>(json!({ "growth": -1 }))
        .err()
        .unwrap();
    assert!(
        error.contains("config.growth: -1 lies outside 0 to 10"),
        "{error}"
    );
}
