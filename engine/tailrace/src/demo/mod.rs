//! `tailrace demo`: the main job from end to end on real ratings, with figures that anyone can check.
//!
//! A private broker and engine, tenant `shop`, the three plugins and `examples/recommendations`;
//! ratings in the order of their time; and then what came of it: speed, hits against what the users
//! did next and against plain popularity, sketches beside the exact values.

mod generate;
mod measure;
pub mod publish;
mod ratings;
mod report;

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use anyhow::Context as _;
use bytes::Bytes;
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use tailrace_core::{
    control::{Control, candidates::Apply},
    identity::PipelineId,
    name::Name,
    ports::clock::Clock as _,
    spec::{PluginRef, parse},
};

use crate::{
    config::{LogConfig, LogFormat},
    dev::PrivateEngine,
    serve::Signals,
    system::SystemClock,
};

/// The tenant of the demonstration.
const TENANT: &str = "shop";
/// The pipeline, as it is committed.
const PIPELINE: &str = include_str!("../../../../examples/recommendations/pipeline.yaml");
/// Its plugins, and the files that `make` builds of them.
const PLUGINS: [(&str, &str); 3] = [
    ("validator", "validator.wasm"),
    ("embedding-updater", "embedding_updater.wasm"),
    ("ranker", "ranker.wasm"),
];
/// Longest that the pipeline may stand still before the demonstration gives up.
const STALLED: Duration = Duration::from_mins(1);

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

/// Runs the demonstration.
pub async fn run(args: DemoArgs) -> anyhow::Result<()> {
    crate::logs::init(&LogConfig {
        format: LogFormat::Text,
        filter: "warn".to_owned(),
    })?;
    let source = ratings::load(&args)?;
    let folder = tempfile::tempdir()?;
    crate::out(&format!(
        "Tailrace: {} ratings from {}",
        source.ratings.len(),
        source.name
    ));
    let engine = PrivateEngine::start(folder.path(), args.listen, None).await?;
    let subjects = ["shop.>".to_owned()];
    let token = engine.tenant(TENANT, &subjects).await?;
    let control = engine.engine.control.clone();
    upload(&control, &args.plugins).await?;
    publish::make_stream(&engine.engine.broker, "SHOP", "shop.events.>").await?;
    let id = apply(&control).await?;
    let clock = SystemClock::new();
    publish::publish(&engine.engine.broker, &source.ratings).await?;
    wait(&control, &id, source.ratings.len() as u64).await?;
    let took = clock.monotonic();
    let lists = publish::read_lists(&engine.engine.broker).await?;
    let hits = measure::measure(&source.ratings, &lists);
    report::print(&control, &id, &source, &lists, &hits, took).await?;
    crate::out(&format!(
        "\nLook further, while it runs (--stay):\n  curl -H 'Authorization: Bearer {token}' http://{}/v1/tenants/{TENANT}/pipelines/{}/steps/rank/state/list%2F{}",
        engine.engine.address,
        id.pipeline,
        source.ratings.last().map_or("1", |rating| rating.user.as_str()),
    ));
    if args.stay {
        Signals::new()?.wait().await;
    }
    engine.stop().await;
    hits.check()
}

async fn upload(control: &Control, folder: &std::path::Path) -> anyhow::Result<()> {
    let tenant = Name::new(TENANT)?;
    for (name, file) in PLUGINS {
        let path = folder.join(file);
        let bytes = std::fs::read(&path).with_context(|| {
            format!(
                "no plugin {}; build the plugins first: make plugins",
                path.display()
            )
        })?;
        let plugin = PluginRef {
            name: Name::new(name)?,
            version: semver::Version::new(1, 0, 0),
        };
        let uploaded = control.upload_plugin(&tenant, plugin, Bytes::from(bytes)).await?;
        let version = uploaded.version;
        let imports: Vec<_> = version
            .imports
            .iter()
            .map(|import| format!("{import:?}").to_lowercase())
            .collect();
        crate::out(&format!(
            "  uploaded {} ({} KiB; imports: {})",
            version.plugin,
            version.size_bytes / 1024,
            if imports.is_empty() {
                "nothing".to_owned()
            } else {
                imports.join(", ")
            }
        ));
    }
    Ok(())
}

async fn apply(control: &Control) -> anyhow::Result<PipelineId> {
    let spec = parse::parse(PIPELINE.as_bytes())?;
    let id = PipelineId {
        tenant: Name::new(TENANT)?,
        pipeline: spec.name.clone(),
    };
    let applied = control.apply_pipeline(&id.tenant, spec, Apply::default()).await?;
    crate::out(&format!("  applied {id}, revision {}", applied.revision));
    Ok(id)
}

/// Waits until every event is committed, with progress on a terminal.
async fn wait(control: &Control, id: &PipelineId, events: u64) -> anyhow::Result<()> {
    let style =
        ProgressStyle::with_template("  processing {bar:40} {pos}/{len} events, {per_sec}, {eta} left")?;
    let bar = ProgressBar::new(events).with_style(style);
    let mut done = 0;
    let mut idle = Duration::ZERO;
    let step = Duration::from_millis(100);
    while done < events {
        tokio::time::sleep(step).await;
        let status = control.pipeline_status(id).await?;
        let now = status.engine.stats.counts.ledger.events;
        idle = if now == done { idle + step } else { Duration::ZERO };
        anyhow::ensure!(
            idle < STALLED,
            "the pipeline stands still at {done} of {events} events: {:?}",
            status.engine.state
        );
        done = now;
        bar.set_position(done);
    }
    bar.finish_and_clear();
    Ok(())
}
