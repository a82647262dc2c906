//! The measure: do the lists hold what people rated next?
//!
//! MovieLens latest-small, 100,004 real ratings in time order. Before a rating of at least 4.0 by a
//! user who has a list, the film is looked for among the 10 of the user's latest list, which was
//! handed on at the user's rating before. Popularity and plain item-item cosine are judged the same way, at the same
//! moments: what the user has rated is left out.
//!
//! Three figures: as the films were shown; shuffled within each visit, so that the order in which MovieLens showed them
//! tells nothing; and of the first film after a gap, which the order does not tell either.
//!
//! Two forms are judged side by side: the chain embedding-updater -> ranker, and the one divided into two pipelines,
//! embedding-updater -> item-learner, whose rows come `LAG_MS` later to table-ranker.
//!
//! `cargo test --workspace --test movielens` prints the figures. Where `../shared/data` is missing the
//! test is counted as ignored, under a name that says so.

mod divided;

use std::{
    collections::HashMap,
    fs::File,
    path::{Path, PathBuf},
    process::ExitCode,
};

use divided::Divided;
use embedding_updater::EmbeddingUpdater;
use evaluation::{Hits, Judge, Rating, Recalls, TOP};
use flate2::read::GzDecoder;
use libtest_mimic::{Arguments, Failed, Trial};
use ranker::{List, Ranker};
use serde::Deserialize;
use serde_json::json;
use tailrace_sdk::{
    Event,
    testing::{Metric, TestHost},
};

/// Shuffled within visits, the chain must find this much more than plain item-item cosine; it finds 1.18.
const LEAST_OVER_COSINE: f64 = 1.15;
/// The share of the chain's recall that the divided form must reach; it reaches 0.959.
const LEAST_SHARE: f64 = 0.95;
/// Draws the order within visits.
const SEED: u64 = 1;

fn main() -> ExitCode {
    let data =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data/movielens/movielens.csv.gz");
    let is_missing = !data.exists();
    let name = "one_pipeline_beats_cosine_and_popularity_and_two_pipelines_are_nearly_as_good";
    let name = if is_missing {
        format!("{name} (needs ../shared/data/movielens)")
    } else {
        name.to_owned()
    };
    let trial = Trial::test(name, move || measure(&data)).with_ignored_flag(is_missing);
    libtest_mimic::run(&Arguments::from_args(), vec![trial]).exit_code()
}

fn measure(data: &Path) -> Result<(), Failed> {
    let ratings: Vec<Rating> = csv::Reader::from_reader(GzDecoder::new(File::open(data)?))
        .deserialize::<Line>()
        .map(|line| line.map(Rating::from))
        .collect::<Result<_, _>>()?;
    let mixed = evaluation::shuffled(&ratings, SEED);
    let (as_shown, mixed) = std::thread::scope(|threads| {
        let mixed = threads.spawn(|| judge(&mixed, None));
        (judge_both(&ratings), mixed.join())
    });
    let mixed = mixed.map_err(|_| "a thread has panicked")??;
    let (as_shown, divided) = as_shown?;
    eprintln!("recall@{TOP}:");
    eprintln!("{}", line("shuffled within visits", mixed.all));
    eprintln!("{}", line("first after a gap", as_shown.after_gaps));
    eprintln!("{}", line("as shown", as_shown.all));
    let share = f64::from(divided.found) / as_shown.all.ranker as f64;
    eprintln!(
        "in two pipelines, as shown: {share:.3} of that; {}",
        divided.published
    );
    let over_cosine = mixed.all.ranker as f64 / mixed.all.cosine as f64;
    if over_cosine < LEAST_OVER_COSINE || mixed.all.ranker <= mixed.all.popularity {
        return Err(format!("shuffled within visits, the ranker finds {over_cosine:.3} of cosine's").into());
    }
    let gaps = as_shown.after_gaps;
    if gaps.ranker <= gaps.cosine.max(gaps.popularity) {
        return Err("after a gap the ranker finds no more than cosine or popularity".into());
    }
    if share < LEAST_SHARE {
        return Err(format!("two pipelines find {share:.3} of what one finds").into());
    }
    Ok(())
}

/// What the divided form found.
struct OfTwo {
    found: u32,
    published: String,
}

fn judge_both(ratings: &[Rating]) -> Result<(Recalls, OfTwo), String> {
    let mut lists = Lists {
        divided: Divided::new()?,
        latest: HashMap::new(),
        found: 0,
    };
    let recalls = judge(ratings, Some(&mut lists))?;
    let divided = OfTwo {
        found: lists.found,
        published: lists.divided.published(),
    };
    Ok((recalls, divided))
}

/// Runs the ratings through the chain, and through the divided form where there is one.
fn judge(ratings: &[Rating], mut divided: Option<&mut Lists>) -> Result<Recalls, String> {
    let mut host = chain()?;
    let mut judge = Judge::default();
    for rating in ratings {
        let is_judged = judge.judge(rating);
        let verdict = host
            .send(event(rating))
            .map_err(|failure| failure.reason().to_owned())?;
        let list: Result<List, _> = serde_json::from_slice(&verdict.messages()[0].payload);
        judge.note(rating, films(&list.map_err(|cause| cause.to_string())?));
        if let Some(divided) = &mut divided {
            divided.judge(rating, is_judged)?;
        }
    }
    Ok(judge.recalls())
}

fn chain() -> Result<TestHost, String> {
    let host = TestHost::default()
        .step::<EmbeddingUpdater>("embed", json!({}))?
        .step::<Ranker>("rank", json!({}))?;
    Ok(host
        .collection("users", 32, Metric::Dot)
        .collection("items", 32, Metric::Dot))
}

/// The latest lists of the divided form, and how often they held the next film.
struct Lists {
    divided: Divided,
    latest: HashMap<String, List>,
    found: u32,
}

impl Lists {
    fn judge(&mut self, rating: &Rating, is_judged: bool) -> Result<(), String> {
        let list = self.latest.get(&rating.user).filter(|_| is_judged);
        let is_found = list.is_some_and(|list| list.items.iter().any(|item| item.id == rating.item));
        self.found += u32::from(is_found);
        let list = self.divided.rank_then_learn(rating)?;
        self.latest.insert(list.user.clone(), list);
        Ok(())
    }
}

/// A line of the file.
#[derive(Deserialize)]
struct Line {
    #[serde(rename = "movieId")]
    item: String,
    title: String,
    #[serde(rename = "userId")]
    user: String,
    rating: f64,
    timestamp: u64,
}

impl From<Line> for Rating {
    fn from(line: Line) -> Self {
        Self {
            user: line.user,
            item: line.item,
            title: line.title,
            rating: line.rating,
            ts: line.timestamp * 1_000,
        }
    }
}

fn event(rating: &Rating) -> Event {
    let payload = json!({ "user": rating.user, "item": rating.item, "rating": rating.rating });
    Event::new("shop.events.rating", payload.to_string())
        .with_key(&rating.user)
        .at(rating.ts)
}

/// The films of a list.
fn films(list: &List) -> Vec<String> {
    list.items.iter().map(|item| item.id.clone()).collect()
}

/// A line of figures.
fn line(protocol: &str, hits: Hits) -> String {
    format!(
        "{protocol:24} ranker {:.4}, item-item cosine {:.4}, popularity {:.4}, of {} positive events of known users",
        hits.recall(hits.ranker),
        hits.recall(hits.cosine),
        hits.recall(hits.popularity),
        hits.chances
    )
}
