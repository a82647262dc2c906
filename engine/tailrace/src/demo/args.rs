//! What the demonstration takes from the command line.

use std::{net::SocketAddr, path::PathBuf};

use clap::Args;

/// Run a demonstration on real ratings and measure the quality of its recommendations.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  tailrace demo\n  tailrace demo --events 20000 --stay      keeps serving at the end\n\nThe ratings come from ../shared/data/movielens/movielens.csv.gz, or from the file of --ratings.\nWithout a file they come from a seeded generator."
)]
pub struct DemoArgs {
    /// A gzipped CSV file: movieId,title,year,genres,userId,rating,timestamp.
    #[arg(long)]
    pub ratings: Option<PathBuf>,
    /// Use generated ratings even if there is a file.
    #[arg(long, conflicts_with = "ratings")]
    pub generated: bool,
    /// The most ratings to use.
    #[arg(long)]
    pub events: Option<usize>,
    /// In how many orders the films of each visit are shuffled, each a run of its own.
    #[arg(long, default_value_t = 2, value_parser = clap::value_parser!(u64).range(1..=10))]
    pub orders: u64,
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
