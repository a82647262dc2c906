//! The ranker as a pipeline would run it, alone; `movielens.rs` runs the chain.

use ranker::{Fallback, FallbackList, List, Ranker};
use serde_json::json;
use tailrace_sdk::{
    prelude::*,
    testing::{Metric, TestHost},
};

const DAY_MS: u64 = 86_400_000;

fn host_with(config: Value) -> TestHost {
    let host = TestHost::of::<Ranker>(config).unwrap();
    host.collection("users", 2, Metric::Dot)
        .collection("items", 2, Metric::Dot)
}

fn host() -> TestHost {
    host_with(json!({}))
}

fn event(user: &str, item: &str, rating: f64) -> Event {
    let payload = json!({ "user": user, "item": item, "rating": rating });
    Event::new("shop.events.rating", payload.to_string()).with_key(user)
}

fn rate(host: &mut TestHost, user: &str, item: &str, rating: f64) -> List {
    list_of(&host.send(event(user, item, rating)).unwrap())
}

fn list_of(verdict: &Verdict) -> List {
    serde_json::from_slice(&verdict.messages()[0].payload).unwrap()
}

fn ids(list: &List) -> Vec<&str> {
    list.items.iter().map(|item| item.id.as_str()).collect()
}

#[test]
fn what_followed_in_other_histories_comes_first() {
    let mut host = host();
    for user in ["a", "b", "c"] {
        rate(&mut host, user, "alien", 5.0);
        rate(&mut host, user, "aliens", 5.0);
    }
    for user in ["d", "e", "f", "g"] {
        rate(&mut host, user, "amelie", 5.0);
    }
    let list = rate(&mut host, "new", "alien", 5.0);
    assert_eq!(ids(&list), ["aliens", "amelie"], "amelie is the more popular");
}

#[test]
fn what_the_first_of_many_items_said_still_counts() {
    let mut host = host_with(json!({ "weights": { "popularity": 0, "freshness": 0 } }));
    for user in ["a", "b", "c"] {
        rate(&mut host, user, "alien", 5.0);
        rate(&mut host, user, "aliens", 5.0);
    }
    let mut list = rate(&mut host, "new", "alien", 5.0);
    for number in 0..30 {
        list = rate(&mut host, "new", &format!("unheard-of-{number}"), 5.0);
    }
    assert_eq!(ids(&list), ["aliens"]);
}

#[test]
fn what_came_together_long_ago_counts_less_than_what_does_now() {
    let mut host =
        host_with(json!({ "weights": { "popularity": 0, "freshness": 0 }, "row-half-life-days": 1 }));
    let mut pair = |user: &str, second: &str, day: u64| {
        host.send(event(user, "alien", 5.0).at(day * DAY_MS)).unwrap();
        host.send(event(user, second, 5.0).at(day * DAY_MS)).unwrap();
    };
    for user in ["a", "b", "c"] {
        pair(user, "yesteryear", 1);
    }
    pair("d", "today", 30);
    let list = list_of(&host.send(event("new", "alien", 5.0).at(30 * DAY_MS)).unwrap());
    assert_eq!(ids(&list), ["today", "yesteryear"]);
}

#[test]
fn nothing_that_the_user_has_seen_is_offered_however_much_that_is() {
    let mut host = host();
    for number in 0..600 {
        rate(&mut host, "other", &format!("film-{number}"), 5.0);
    }
    let mut list = List {
        user: String::new(),
        time: 0,
        items: Vec::new(),
    };
    for number in 0..595 {
        list = rate(
            &mut host,
            "keen",
            &format!("film-{number}"),
            if number % 2 == 0 { 5.0 } else { 1.0 },
        );
    }
    let mut offered = ids(&list);
    offered.sort_unstable();
    assert!(
        offered
            .iter()
            .all(|id| ["film-595", "film-596", "film-597", "film-598", "film-599"].contains(id))
    );
    assert!(!offered.is_empty());
}

#[test]
fn a_user_without_a_history_gets_what_is_popular() {
    let mut host = host();
    for (user, film) in [("a", "heat"), ("b", "heat"), ("c", "ran")] {
        rate(&mut host, user, film, 4.0);
    }
    assert_eq!(ids(&rate(&mut host, "new", "unheard-of", 1.0)), ["heat", "ran"]);
}

#[test]
fn what_is_disliked_is_not_popular() {
    let mut host = host_with(json!({ "weak": 0.0 }));
    for user in ["a", "b", "c"] {
        rate(&mut host, user, "dull", 2.0);
    }
    rate(&mut host, "d", "heat", 4.0);
    assert_eq!(ids(&rate(&mut host, "new", "ran", 5.0)), ["heat"]);
}

#[test]
fn freshness_prefers_the_likes_of_today() {
    let weights = json!({ "co-occurrence": 0, "similarity": 0, "popularity": 0, "freshness": 1 });
    let mut host = host_with(json!({ "weights": weights, "half-life-days": 1 }));
    for user in ["a", "b", "c"] {
        host.send(event(user, "yesteryear", 5.0).at(DAY_MS)).unwrap();
    }
    let list = list_of(&host.send(event("d", "today", 5.0).at(30 * DAY_MS)).unwrap());
    assert_eq!(ids(&list), ["yesteryear"], "one's own is seen");
    let list = list_of(&host.send(event("e", "else", 1.0).at(30 * DAY_MS)).unwrap());
    assert_eq!(ids(&list), ["today", "yesteryear"]);
}

/// Stands for the step that learns vectors: an event's `vectors` are set as they are.
struct Place;

impl Plugin for Place {
    type Config = ();
    fn new((): ()) -> Result<Self, String> {
        Ok(Self)
    }
    fn process(&mut self, event: &Event, host: &mut Host<'_>) -> Result<Verdict, Failure> {
        let payload: Value = event.json()?;
        for (collection, id, vector) in
            serde_json::from_value::<Vec<(String, String, Vec<f32>)>>(payload["vectors"].clone())
                .unwrap_or_default()
        {
            host.vectors(&collection).set(&id, &vector);
        }
        Ok(Verdict::Forward)
    }
}

#[test]
fn similarity_follows_the_users_vector() {
    let weights = json!({ "co-occurrence": 0, "popularity": 0, "freshness": 0 });
    let host = TestHost::default().step::<Place>("place", ()).unwrap();
    let host = host
        .step::<Ranker>("rank", json!({ "weights": weights }))
        .unwrap();
    let mut host = host
        .collection("users", 2, Metric::Dot)
        .collection("items", 2, Metric::Dot);
    for film in ["near", "nearer", "behind"] {
        rate(&mut host, "other", film, 5.0);
    }
    let payload = json!({ "user": "new", "item": "ran", "rating": 5, "vectors": [
        ["users", "new", [1, 0]], ["items", "near", [1, 0]], ["items", "nearer", [2, 0]],
        ["items", "behind", [-1, 0]], ["items", "never-came-by", [9, 0]],
    ]});
    let list = list_of(
        &host
            .send(Event::new("shop.events.rating", payload.to_string()))
            .unwrap(),
    );
    assert_eq!(ids(&list), ["nearer", "near"]);
}

#[test]
fn the_list_is_in_state_as_it_is_handed_on() {
    let mut host = host();
    rate(&mut host, "a", "heat", 5.0);
    let verdict = host.send(event("new", "ran", 5.0).at(1_234)).unwrap();
    assert_eq!(
        host.state("plugin", "list/new"),
        Some(verdict.messages()[0].payload.as_slice())
    );
    assert_eq!(verdict.messages()[0].key.as_deref(), Some("new"));
    assert_eq!(list_of(&verdict).time, 1_234);
}

#[test]
fn users_without_a_list_have_the_popular_one_where_the_config_says_so() {
    let key = "fallback/list";
    let mut without = host();
    rate(&mut without, "a", "heat", 5.0);
    assert_eq!(without.state("plugin", key), None);
    let mut host = host_with(json!({ "fallback": "popular", "list": 2 }));
    for (user, item) in [
        ("a", "heat"),
        ("b", "ran"),
        ("c", "ran"),
        ("d", "up"),
        ("e", "up"),
        ("f", "up"),
    ] {
        rate(&mut host, user, item, 5.0);
    }
    rate(&mut host, "g", "disliked", 1.0);
    let list: FallbackList = serde_json::from_slice(host.state("plugin", key).unwrap()).unwrap();
    let ids: Vec<_> = list
        .items
        .iter()
        .map(|item| (item.id.as_str(), item.score))
        .collect();
    assert_eq!(
        (list.fallback, ids),
        (Fallback::Popular, vec![("up", 3.0), ("ran", 2.0)])
    );
}

#[test]
fn rating_the_same_item_again_and_again_gains_it_nothing() {
    let mut host = host();
    for user in ["a", "b"] {
        rate(&mut host, user, "heat", 5.0);
    }
    for _ in 0..20 {
        rate(&mut host, "fan", "own-film", 5.0);
    }
    assert_eq!(ids(&rate(&mut host, "new", "ran", 1.0)), ["heat", "own-film"]);
}

#[test]
fn users_whose_ids_hold_slashes_do_not_share_state() {
    let mut host = host();
    for user in ["1", "1/0", "0/1", "/", "user/1"] {
        let list = rate(&mut host, user, &format!("film-of-{user}"), 5.0);
        assert!(!ids(&list).contains(&format!("film-of-{user}").as_str()));
    }
    let list = rate(&mut host, "1", "another", 5.0);
    assert_eq!(list.items.len(), 4);
}

#[test]
fn lists_and_neighbours_keep_their_bounds() {
    let mut host = host_with(json!({ "list": 3, "neighbours": 10, "window": 50 }));
    let mut longest = 0;
    for number in 0..300 {
        longest = rate(
            &mut host,
            &format!("user-{}", number % 4),
            &format!("film-{number}"),
            5.0,
        )
        .items
        .len()
        .max(longest);
    }
    assert_eq!(longest, 3);
}

#[test]
fn an_event_without_its_fields_is_invalid() {
    for (payload, code) in [
        ("", "malformed-json"),
        ("7", "wrong-type"),
        (r#"{"item":"heat","rating":5}"#, "missing-field"),
        (r#"{"user":"a","item":"","rating":5}"#, "wrong-length"),
        (r#"{"user":"a","item":"heat","rating":"good"}"#, "wrong-type"),
    ] {
        let failure = host()
            .send(Event::new("shop.events.rating", payload))
            .unwrap_err();
        assert_eq!(failure.code(), Some(code), "{payload}");
    }
}

#[test]
fn a_config_out_of_bounds_is_refused_with_its_path() {
    for (config, says) in [
        (json!({ "list": 0 }), "config.list: 0 lies outside 1 to 100"),
        (json!({ "window": 51 }), "config.window: 51 lies outside 0 to 50"),
        (
            json!({ "weights": { "freshness": -1 } }),
            "config.weights.freshness: -1",
        ),
        (
            json!({ "weights": { "fresh": 1 } }),
            "unknown field `fresh`, expected one of `co-occurrence`",
        ),
        (json!({ "half-life-days": 0 }), "config.half-life-days"),
    ] {
        let error = TestHost::of::<Ranker>(config).err().unwrap();
        assert!(error.contains(says), "{error}");
    }
}
