//! What the demonstration takes from the command line.

use std::{net::SocketAddr, path::PathBuf};

use clap::Args;

/// Run the whole on real ratings, and say how good the recommendations were.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  tailrace demo\n  tailrace demo --events 20000 --stay      keeps serving at the end\n\nRatings: ../shared/data/movielens/movielens.csv.gz, or another file of that form with --ratings;\nwithout one, a seeded generator with hidden tastes."
)]
pub struct DemoArgs {
    /// A gzipped CSV file: movieId,title,year,genres,userId,rating,timestamp.
    #[arg(long)]
    pub ratings: Option<PathBuf>,
    /// Use the generator even where a file is there.
    #[arg(long, conflicts_with = "ratings")]
    pub generated: bool,
    /// At most so many ratings.
    #[arg(long)]
    pub events: Option<usize>,
    /// Folder of the built plugins.
    #[arg(long, default_value = "target/wasm32-unknown-unknown/guest")]
    pub plugins: PathBuf,
    /// Address of the HTTP API.
    #[arg(long, default_value = "127.0.0.1:0")]
    pub listen: SocketAddr,
    /// Keep serving at the end, until Ctrl-C.
    #[arg(long)]
    pub stay: bool,
}
