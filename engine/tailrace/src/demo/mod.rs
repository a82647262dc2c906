//! `tailrace demo`: the main job from end to end on real ratings, with figures that anyone can check.
//!
//! A private broker and engine, tenant `shop`, the plugins and manifests of `examples/recommendations`;
//! ratings in the order of their time; and then what came of it: speed, hits against what the users
//! did next and against plain popularity, sketches beside the exact values. Then the same in two pipelines (`divided`).

mod args;
mod divided;
mod generate;
mod measure;
mod pipelines;
pub mod publish;
mod ratings;
mod report;
mod shuffled;

use anyhow::Context as _;
pub use args::DemoArgs;
use bytes::Bytes;
use pipelines::{TENANT, apply_text, wait};
use tailrace_control::Commands;
use tailrace_core::{manifest::PluginRef, name::Name, ports::clock::Clock as _};
use tailrace_server::{
    config::{LogConfig, LogFormat},
    system::SystemClock,
};

use crate::{dev::PrivateEngine, serve::Signals};

/// The pipeline, as it is committed.
const PIPELINE: &str = include_str!("../../../../examples/recommendations/pipeline.yaml");
/// Its plugins, and the files that `make` builds of them.
const PLUGINS: [(&str, &str); 5] = [
    ("validator", "validator.wasm"),
    ("embedding-updater", "embedding_updater.wasm"),
    ("ranker", "ranker.wasm"),
    ("item-learner", "item_learner.wasm"),
    ("table-ranker", "table_ranker.wasm"),
];
/// Runs the demonstration.
pub async fn run(args: DemoArgs) -> anyhow::Result<()> {
    tailrace_server::logs::init(&LogConfig {
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
    let (commands, queries) = (&engine.engine.commands, &engine.engine.queries);
    upload(commands, &args.plugins).await?;
    publish::make_stream(&engine.engine.broker, "SHOP", "shop.events.>").await?;
    let id = apply_text(commands, PIPELINE).await?;
    let clock = SystemClock::new();
    publish::publish(&engine.engine.broker, "shop.events.rating", &source.ratings).await?;
    wait(queries, &id, source.ratings.len() as u64).await?;
    let took = clock.monotonic();
    let lists = publish::read_lists(&engine.engine.broker, "recommendations").await?;
    report::print(queries, &id, &source, &lists, took).await?;
    // All at once: the figures before have told the rate of one alone.
    let shuffled = (1..=args.orders).map(|seed| shuffled::run(&engine, &source.ratings, seed));
    let judged = measure::in_background(source.ratings.clone(), lists);
    let (judged, shuffled) = futures::try_join!(judged, futures::future::try_join_all(shuffled))?;
    report::quality(&judged, &shuffled)?;
    report::divided(&divided::run(&engine, &source.ratings).await?);
    if !args.stay {
        crate::out("\nIt ends here. With --stay it keeps running, and prints how to look further.");
        engine.stop().await;
        return measure::check(&judged.all);
    }
    crate::out(&format!(
        "\nLook further, while it runs:\n  curl -H 'Authorization: Bearer {token}' http://{}/v1/tenants/{TENANT}/pipelines/{}/steps/rank/state/list%2F{}",
        engine.engine.address,
        id.pipeline,
        source.ratings.last().map_or("1", |rating| rating.user.as_str()),
    ));
    Signals::with_a_terminals()?.wait().await;
    engine.stop().await;
    measure::check(&judged.all)
}

async fn upload(commands: &Commands, folder: &std::path::Path) -> anyhow::Result<()> {
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
        let uploaded = commands
            .upload_plugin(&tenant, plugin, Bytes::from(bytes))
            .await?;
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
