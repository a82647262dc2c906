//! The ratings: real ones from a file, or generated.

use std::{
    io::Read as _,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use evaluation::Rating;
use serde::Deserialize;

use super::{args::DemoArgs, generate};

/// Where the real ratings lie beside a checkout.
const SHARED: &str = "../shared/data/movielens/movielens.csv.gz";

/// Ratings, and where they are from.
pub struct Source {
    /// In the order of their time.
    pub ratings: Vec<Rating>,
    /// For people.
    pub name: String,
    /// The true best items of each user, where they are known: the generator's.
    pub truth: Option<generate::Truth>,
}

/// A line of the file.
#[derive(Deserialize)]
struct Line {
    #[serde(rename = "movieId")]
    movie: String,
    title: String,
    #[serde(rename = "userId")]
    user: String,
    rating: f64,
    timestamp: u64,
}

/// The ratings that the arguments ask for.
pub fn load(args: &DemoArgs) -> anyhow::Result<Source> {
    let shared = PathBuf::from(SHARED);
    let file = args
        .ratings
        .clone()
        .or_else(|| shared.is_file().then_some(shared))
        .filter(|_| !args.generated);
    let mut source = if let Some(file) = file {
        Source {
            ratings: read(&file)?,
            name: file.display().to_string(),
            truth: None,
        }
    } else {
        let (ratings, truth) = generate::generate();
        Source {
            ratings,
            name: "a seeded generator with hidden tastes".to_owned(),
            truth: Some(truth),
        }
    };
    source.ratings.truncate(args.events.unwrap_or(usize::MAX));
    Ok(source)
}

fn read(file: &Path) -> anyhow::Result<Vec<Rating>> {
    let packed = std::fs::File::open(file).with_context(|| format!("cannot read {}", file.display()))?;
    let mut text = Vec::new();
    flate2::read::GzDecoder::new(packed)
        .read_to_end(&mut text)
        .with_context(|| format!("{} is no gzip file", file.display()))?;
    let mut lines = csv::Reader::from_reader(&*text);
    let rating = |line: Result<Line, csv::Error>| {
        let Line {
            movie,
            title,
            user,
            rating,
            timestamp,
        } = line?;
        Ok(Rating {
            user,
            item: movie,
            title,
            rating,
            ts: timestamp * 1_000,
        })
    };
    lines
        .deserialize()
        .map(rating)
        .collect::<Result<_, csv::Error>>()
        .with_context(|| format!("{} has another form", file.display()))
}
