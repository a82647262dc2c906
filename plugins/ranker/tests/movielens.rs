//! The measure: does the chain embedding-updater -> ranker find what people rated next?
//!
//! MovieLens latest-small, 100,004 real ratings in time order. Before a rating of at least 4.0 by a
//! user who has a list, the film is looked for among the 10 of the user's latest list, which the chain
//! handed on at the user's rating before. Popularity is judged the same way, at the same moments:
//! films by likes so far, those that the user has rated left out.
//!
//! `cargo test -p ranker --test movielens` prints both figures. Where `../shared/data` is missing the
//! test is counted as ignored, under a name that says so.

use std::{
    cmp::Reverse,
    collections::{BTreeSet, HashMap, HashSet},
    fs::File,
    path::{Path, PathBuf},
    process::ExitCode,
};

use embedding_updater::EmbeddingUpdater;
use flate2::read::GzDecoder;
use libtest_mimic::{Arguments, Failed, Trial};
use ranker::{List, Ranker};
use serde::Deserialize;
use serde_json::json;
use tailrace_sdk::{
    Event,
    testing::{Metric, TestHost},
};

const LIST: usize = 10;
const POSITIVE: f64 = 4.0;
/// What the chain must reach; it reaches 0.14, the popular films 0.065.
const LEAST_RECALL: f64 = 0.12;

fn main() -> ExitCode {
    let data =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/movielens/movielens.csv.gz");
    let is_missing = !data.exists();
    let name = "the_chain_finds_more_of_the_next_films_than_popularity_does";
    let name = if is_missing {
        format!("{name} (needs ../shared/data/movielens)")
    } else {
        name.to_owned()
    };
    let trial = Trial::test(name, move || measure(&data)).with_ignored_flag(is_missing);
    libtest_mimic::run(&Arguments::from_args(), vec![trial]).exit_code()
}

fn measure(data: &Path) -> Result<(), Failed> {
    let mut host = chain()?;
    let mut popularity = Popularity::default();
    let mut lists: HashMap<String, List> = HashMap::new();
    let (mut judged, mut found, mut popular) = (0_u32, 0_u32, 0_u32);
    for rating in csv::Reader::from_reader(GzDecoder::new(File::open(data)?)).deserialize() {
        let rating: Rating = rating?;
        if let Some(list) = lists.get(&rating.user).filter(|_| rating.is_positive()) {
            judged += 1;
            found += u32::from(list.items.iter().any(|item| item.id == rating.item));
            popular += u32::from(popularity.would_list(&rating.user, &rating.item));
        }
        popularity.note(&rating);
        let verdict = host
            .send(rating.event())
            .map_err(|failure| failure.reason().to_owned())?;
        lists.insert(
            rating.user.clone(),
            serde_json::from_slice(&verdict.messages()[0].payload)?,
        );
    }
    let (found, popular) = [found, popular]
        .map(|hits| f64::from(hits) / f64::from(judged))
        .into();
    eprintln!(
        "recall@{LIST} over {judged} positive events of known users: {found:.4}; popularity alone: {popular:.4}"
    );
    if found < LEAST_RECALL || found <= popular {
        return Err(format!("recall@{LIST} is {found:.4}, popularity's {popular:.4}").into());
    }
    Ok(())
}

fn chain() -> Result<TestHost, String> {
    let host = TestHost::default()
        .step::<EmbeddingUpdater>("embed", json!({}))?
        .step::<Ranker>("rank", json!({}))?;
    Ok(host
        .collection("users", 32, Metric::Dot)
        .collection("items", 32, Metric::Dot))
}

#[derive(Deserialize)]
struct Rating {
    #[serde(rename = "movieId")]
    item: String,
    #[serde(rename = "userId")]
    user: String,
    #[serde(rename = "rating")]
    stars: f64,
    timestamp: u64,
}

impl Rating {
    fn is_positive(&self) -> bool {
        self.stars >= POSITIVE
    }

    fn event(&self) -> Event {
        let payload = json!({ "user": self.user, "item": self.item, "rating": self.stars });
        Event::new("shop.events.rating", payload.to_string())
            .with_key(&self.user)
            .at(self.timestamp * 1000)
    }
}

/// Films by likes so far.
#[derive(Default)]
struct Popularity {
    likes: HashMap<String, u32>,
    ranking: BTreeSet<(Reverse<u32>, String)>,
    seen: HashMap<String, HashSet<String>>,
}

impl Popularity {
    fn would_list(&self, user: &str, item: &str) -> bool {
        let seen = &self.seen[user];
        let unseen = self.ranking.iter().filter(|(_, other)| !seen.contains(other));
        unseen.take(LIST).any(|(_, other)| other == item)
    }

    fn note(&mut self, rating: &Rating) {
        self.seen
            .entry(rating.user.clone())
            .or_default()
            .insert(rating.item.clone());
        if rating.is_positive() {
            let likes = self.likes.entry(rating.item.clone()).or_default();
            self.ranking.remove(&(Reverse(*likes), rating.item.clone()));
            *likes += 1;
            self.ranking.insert((Reverse(*likes), rating.item.clone()));
        }
    }
}
