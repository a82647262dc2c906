//! The measure: do the lists hold what people rated next?
//!
//! MovieLens latest-small, 100,004 real ratings in time order. Before a rating of at least 4.0 by a
//! user who has a list, the film is looked for among the 10 of the user's latest list, which was
//! handed on at the user's rating before. Popularity is judged the same way, at the same moments:
//! films by likes so far, those that the user has rated left out.
//!
//! Two forms are judged side by side: the chain embedding-updater -> ranker, and the one divided into two pipelines,
//! embedding-updater -> item-learner, whose rows come `LAG_S` seconds later to table-ranker.
//!
//! `cargo test --workspace --test movielens` prints the figures. Where `../shared/data` is missing the
//! test is counted as ignored, under a name that says so.

mod divided;
mod popularity;

use std::{
    collections::HashMap,
    fs::File,
    path::{Path, PathBuf},
    process::ExitCode,
};

use divided::Divided;
use embedding_updater::EmbeddingUpdater;
use flate2::read::GzDecoder;
use libtest_mimic::{Arguments, Failed, Trial};
use popularity::Popularity;
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
/// The share of the chain's recall that the divided form must reach.
const LEAST_SHARE: f64 = 0.98;

fn main() -> ExitCode {
    let data =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/movielens/movielens.csv.gz");
    let is_missing = !data.exists();
    let name = "one_pipeline_beats_popularity_and_two_pipelines_are_as_good_as_one";
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
    let mut divided = Divided::new()?;
    let mut popularity = Popularity::default();
    let (mut whole_lists, mut divided_lists) = (Lists::default(), Lists::default());
    let (mut judged, mut popular) = (0_u32, 0_u32);
    for rating in csv::Reader::from_reader(GzDecoder::new(File::open(data)?)).deserialize() {
        let rating: Rating = rating?;
        if rating.is_positive() && whole_lists.judge(&rating) {
            judged += 1;
            divided_lists.judge(&rating);
            popular += u32::from(popularity.would_list(&rating.user, &rating.item));
        }
        popularity.note(&rating);
        let verdict = host
            .send(rating.event())
            .map_err(|failure| failure.reason().to_owned())?;
        whole_lists.note(serde_json::from_slice(&verdict.messages()[0].payload)?);
        divided_lists.note(divided.rank_then_learn(&rating)?);
    }
    let share = |hits: u32| f64::from(hits) / f64::from(judged);
    let (found, popular) = (share(whole_lists.found), share(popular));
    let found_divided = share(divided_lists.found);
    eprintln!(
        "recall@{LIST} over {judged} positive events of known users: {found:.4}; popularity alone: {popular:.4}"
    );
    eprintln!(
        "in two pipelines: {found_divided:.4}, {:.3} of that; {}",
        found_divided / found,
        divided.published()
    );
    if found < LEAST_RECALL || found <= popular {
        return Err(format!("recall@{LIST} is {found:.4}, popularity's {popular:.4}").into());
    }
    if found_divided < LEAST_SHARE * found {
        return Err(
            format!("recall@{LIST} is {found_divided:.4} in two pipelines, {found:.4} in one").into(),
        );
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

/// The latest lists of users, and how often they held the next film.
#[derive(Default)]
struct Lists {
    latest: HashMap<String, List>,
    found: u32,
}

impl Lists {
    /// Whether the user has a list; a film that is on it counts as found.
    fn judge(&mut self, rating: &Rating) -> bool {
        let Some(list) = self.latest.get(&rating.user) else {
            return false;
        };
        self.found += u32::from(list.items.iter().any(|item| item.id == rating.item));
        true
    }

    fn note(&mut self, list: List) {
        self.latest.insert(list.user.clone(), list);
    }
}

/// A line of the file.
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
