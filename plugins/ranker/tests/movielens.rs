//! The measure: does the chain embedding-updater -> ranker find what people rated next?
//!
//! MovieLens latest-small, 100,004 real ratings in time order. Before a rating of at least 4.0 by a
//! user who has a list, the film is looked for among the 10 of the user's latest list, which the chain
//! handed on at the user's rating before. Popularity is judged the same way, at the same moments:
//! films by likes so far, those that the user has rated left out.
//!
//! `cargo test -p ranker --test movielens -- --nocapture` prints both figures.

use std::{
    collections::{HashMap, HashSet},
    fs::File,
    path::PathBuf,
};

use embedding_updater::EmbeddingUpdater;
use flate2::read::GzDecoder;
use ranker::{List, Ranker};
use serde::Deserialize;
use serde_json::json;
use tailrace_sdk::{
    Event,
    testing::{Metric, TestHost},
};

const LIST: usize = 10;
const POSITIVE: f64 = 4.0;

#[derive(Deserialize)]
struct Rating {
    #[serde(rename = "movieId")]
    item: String,
    #[serde(rename = "userId")]
    user: String,
    rating: f64,
    timestamp: u64,
}

fn ratings() -> Option<Vec<Rating>> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("../../../shared/data/movielens/movielens.csv.gz");
    let file = File::open(root).ok()?;
    let mut reader = csv::Reader::from_reader(GzDecoder::new(file));
    Some(
        reader
            .deserialize()
            .map(|row| row.expect("the file is as its README says"))
            .collect(),
    )
}

/// Films by likes so far.
#[derive(Default)]
struct Popularity {
    likes: HashMap<String, u32>,
    seen: HashMap<String, HashSet<String>>,
}

impl Popularity {
    fn would_list(&self, user: &str, item: &str) -> bool {
        let Some(likes) = self.likes.get(item) else {
            return false;
        };
        let seen = &self.seen[user];
        let before = self.likes.iter().filter(|(other, count)| {
            (*count, item) > (likes, other.as_str()) && !seen.contains(*other)
        });
        before.count() < LIST
    }

    fn note(&mut self, rating: &Rating) {
        self.seen
            .entry(rating.user.clone())
            .or_default()
            .insert(rating.item.clone());
        if rating.rating >= POSITIVE {
            *self.likes.entry(rating.item.clone()).or_default() += 1;
        }
    }
}

fn chain() -> TestHost {
    let config = |variable: &str| {
        std::env::var(variable).map_or(json!({}), |text| serde_json::from_str(&text).unwrap())
    };
    TestHost::default()
        .step::<EmbeddingUpdater>("embed", config("EMBED"))
        .and_then(|host| host.step::<Ranker>("rank", config("RANK")))
        .unwrap()
        .collection("users", 32, Metric::Dot)
        .collection("items", 32, Metric::Dot)
}

fn event(rating: &Rating) -> Event {
    let payload = json!({ "user": rating.user, "item": rating.item, "rating": rating.rating });
    Event::new("shop.events.rating", payload.to_string())
        .with_key(&rating.user)
        .at(rating.timestamp * 1000)
}

#[test]
fn the_chain_finds_more_of_the_next_films_than_popularity_does() {
    let Some(ratings) = ratings() else {
        eprintln!("NOT RUN: ../shared/data/movielens/movielens.csv.gz is missing");
        return;
    };
    let mut host = chain();
    let mut popularity = Popularity::default();
    let mut lists: HashMap<String, List> = HashMap::new();
    let (mut judged, mut found, mut popular) = (0_u32, 0_u32, 0_u32);
    for rating in &ratings {
        if let Some(list) = lists
            .get(&rating.user)
            .filter(|_| rating.rating >= POSITIVE)
        {
            judged += 1;
            found += u32::from(list.items.iter().any(|item| item.id == rating.item));
            popular += u32::from(popularity.would_list(&rating.user, &rating.item));
        }
        popularity.note(rating);
        let verdict = host.send(event(rating)).unwrap();
        let list: List = serde_json::from_slice(&verdict.messages()[0].payload).unwrap();
        lists.insert(rating.user.clone(), list);
    }
    let share = |hits: u32| f64::from(hits) / f64::from(judged);
    eprintln!(
        "recall@{LIST} over {judged} positive events of known users: {:.4}; popularity alone: {:.4}",
        share(found),
        share(popular)
    );
    assert!(
        share(found) >= 0.075,
        "the chain finds only {:.4}",
        share(found)
    );
    assert!(share(found) > share(popular), "popularity does better");
}
