//! The embedding updater as a pipeline would run it.

use embedding_updater::EmbeddingUpdater;
use serde_json::json;
use tailrace_sdk::{
    prelude::*,
    testing::{Metric, TestHost},
};

fn host() -> TestHost {
    host_with(json!({}))
}

fn host_with(config: Value) -> TestHost {
    let host = TestHost::of::<EmbeddingUpdater>(config).unwrap();
    host.collection("users", 32, Metric::Dot)
        .collection("items", 32, Metric::Dot)
}

fn rating(user: &str, item: &str, rating: f64) -> Event {
    Event::new(
        "shop.events.rating",
        json!({ "user": user, "item": item, "rating": rating }).to_string(),
    )
}

fn affinity(host: &TestHost, user: &str, item: &str) -> f32 {
    let user = host.vector("users", user).unwrap();
    let item = host.vector("items", item).unwrap();
    user.iter().zip(item).map(|(user, item)| user * item).sum()
}

#[test]
fn two_tastes_are_told_apart() {
    let mut host = host();
    for round in 0..400_u32 {
        let side = if round % 2 == 0 { "sea" } else { "land" };
        let event = rating(
            &format!("{side}-{}", round % 10),
            &format!("{side}-film-{}", round % 14),
            5.0,
        );
        assert_eq!(host.send(event), Ok(Verdict::Forward));
    }
    for film in [0, 2, 4, 6, 8, 10, 12] {
        let (own, other) = (format!("sea-film-{film}"), format!("land-film-{}", film + 1));
        assert!(
            affinity(&host, "sea-2", &own) > affinity(&host, "sea-2", &other),
            "{film}"
        );
    }
}

#[test]
fn a_rating_below_the_threshold_is_forwarded_and_teaches_nothing() {
    let mut host = host();
    assert_eq!(host.send(rating("ada", "heat", 3.9)), Ok(Verdict::Forward));
    assert_eq!(host.vector("users", "ada"), None);
    assert_eq!(host.vector("items", "heat"), None);
    host.send(rating("ada", "heat", 4.0)).unwrap();
    assert!(host.vector("users", "ada").is_some());
}

#[test]
fn without_a_rating_field_every_event_is_positive() {
    let mut host = host_with(json!({ "rating": null, "user": "who", "item": "what" }));
    host.send(Event::new("shop.events.view", r#"{"who":7,"what":8}"#))
        .unwrap();
    assert!(host.vector("users", "7").is_some() && host.vector("items", "8").is_some());
}

#[test]
fn a_replay_learns_the_same_to_the_bit() {
    let run = || {
        let mut host = host();
        for number in 0..200_u32 {
            let event = rating(&format!("u{}", number % 7), &format!("i{}", number % 31), 4.5);
            host.send(event.with_sequence(u64::from(number) * 3 + 1)).unwrap();
        }
        ["u1", "u6"].map(|user| host.vector("users", user).unwrap().to_vec())
    };
    assert_eq!(run(), run());
}

#[test]
fn each_item_is_on_the_roster_once() {
    let mut host = host();
    for item in ["a", "b", "a", "c", "b"] {
        host.send(rating("ada", item, 5.0)).unwrap();
    }
    assert_eq!(host.state("plugin", "items"), Some(&b"3"[..]));
    assert_eq!(host.state("plugin", "item/2"), Some(&b"c"[..]));
}

#[test]
fn an_event_without_its_fields_is_invalid_and_changes_nothing() {
    let mut host = host();
    for (payload, code) in [
        ("", "malformed-json"),
        ("[]", "wrong-type"),
        (r#"{"user":"ada","rating":5}"#, "missing-field"),
        (r#"{"user":"ada","item":"heat"}"#, "missing-field"),
        (r#"{"user":"ada","item":"heat","rating":"5"}"#, "wrong-type"),
    ] {
        let failure = host.send(Event::new("shop.events.rating", payload)).unwrap_err();
        assert_eq!(failure.code(), Some(code), "{payload}");
    }
    let deep = host
        .send(Event::new("shop.events.rating", "{\"a\":".repeat(100_000)))
        .unwrap_err();
    assert_eq!(deep.code(), Some("malformed-json"));
    assert_eq!(host.state("plugin", "items"), None);
}

#[test]
fn a_config_out_of_bounds_is_refused_with_its_path() {
    for (config, says) in [
        (
            json!({ "dimensions": 0 }),
            "config.dimensions: 0 lies outside 1 to 1024",
        ),
        (
            json!({ "negatives": 101 }),
            "config.negatives: 101 lies outside 1 to 100",
        ),
        (json!({ "learning-rate": 0.0 }), "config.learning-rate: 0"),
        (json!({ "users": "items" }), "config.items"),
        (json!({ "rate": 0.1 }), "unknown field `rate`"),
        (json!({ "negatives": "ten" }), "config.negatives: invalid type"),
    ] {
        let error = TestHost::of::<EmbeddingUpdater>(config).err().unwrap();
        assert!(error.contains(says), "{error}");
    }
}
