//! What an earlier version of the engine has stored, kept as files: JetStream's whole folder with the registry's
//! entries, commit records, snapshots, plugins and dead letters, and beside it what they mean.
//!
//! `tests/tools/stored.sh` makes an archive with that version's own engine. The tests let the present engine read
//! it.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use anyhow::Context as _;
use serde_json::{Value, json};

use crate::{
    cluster::{BrokerOptions, Cluster, eventually},
    engine::{Engine, Launch},
    files::{self, OtherVersion},
};

/// The versions whose files are kept, by their commits.
pub const VERSIONS: [&str; 1] = ["8fd95f2"];
/// The pipeline that counts.
pub const COUNT: &str = "count";
/// The pipeline that somebody has paused.
pub const PAUSED: &str = "resting";
/// Users, each with its state.
pub const USERS: u64 = 5;
/// Events of each user before the archive was made.
pub const EVENTS: u64 = 40;

/// What is on the broker, and the folder that it lies in.
pub struct Stored {
    /// The broker.
    pub cluster: Cluster,
    /// What the archive means.
    pub meaning: Value,
    _folder: tempfile::TempDir,
}

/// The counting pipeline's manifest, as that version knew it.
pub fn manifest(name: &str) -> String {
    format!(
        "name: {name}\ninput:\n  subjects: [\"shop.events.>\"]\n  key: {{ json: /user }}\n  dedup: {{ json: /id, window: 1h }}\npartitions: 3\nsteps:\n  - name: probe\n    plugin: probe@1.0.0\n    grants: [state]\n    on-error: {{ retries: 0 }}\nsketches:\n  users: {{ kind: distinct, value: {{ json: /user }} }}\noutput:\n  subject: \"shop.{name}.{{key}}\"\n"
    )
}

/// An event of each user.
pub fn round(number: u64) -> impl Iterator<Item = String> {
    (0..USERS).map(move |user| {
        json!({ "user": format!("u{user}"), "id": format!("{number}-{user}"), "do": "count" }).to_string()
    })
}

/// An event that fails.
pub fn failing() -> String {
    json!({ "user": "u0", "id": "fails", "do": "invalid" }).to_string()
}

/// Lets the version before store what there is to store, and packs it.
pub async fn make(archive: &Path) -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let store_dir = folder.path().join("store");
    let options = BrokerOptions {
        store_dir: Some(store_dir),
        ..BrokerOptions::default()
    };
    let mut cluster = Cluster::start_with(&options).await?;
    let home = tempfile::tempdir()?;
    let launch = Launch::on(&cluster)
        .of(OtherVersion::before()?)
        .with("TAILRACE_SNAPSHOTS__AFTER_COMMITS", "5");
    let mut engine = Engine::start_with(&launch, home.path()).await?;
    cluster.stream("SHOP", &["shop.events.>"]).await?;
    engine.upload("probe", "tailrace_test_guest").await?;
    let revision = engine.apply(COUNT, &manifest(COUNT)).await?;
    engine.apply(PAUSED, &manifest(PAUSED)).await?;
    for number in 0..EVENTS / 2 {
        cluster.publish("shop.events.x", round(number)).await?;
    }
    let half = EVENTS / 2 * USERS;
    engine.caught_up(PAUSED, half).await?;
    let paused = engine
        .own("POST", &format!("pipelines/{PAUSED}/pause"), "")
        .await?;
    anyhow::ensure!(paused.status < 300, "{paused:?}");
    // More than one snapshot.
    cluster.publish("shop.events.x", [failing()]).await?;
    for number in EVENTS / 2..EVENTS {
        cluster.publish("shop.events.x", round(number)).await?;
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
    engine.caught_up(COUNT, EVENTS * USERS + 1).await?;
    let snapshots = || async {
        let stream = cluster.jetstream.get_stream("OBJ_tailrace_snapshots").await;
        stream.is_ok_and(|stream| stream.cached_info().state.messages > 0)
    };
    eventually("there are snapshots", snapshots).await?;
    let meaning = json!({ "token": engine.token, "revision": revision });
    engine.terminate().await?;
    cluster.kill();
    std::fs::write(folder.path().join("meaning.json"), meaning.to_string())?;
    let packed = Command::new("tar")
        .args(["--create", "--gzip", "--owner=0", "--group=0", "--file"])
        .arg(archive)
        .arg("--directory")
        .arg(folder.path())
        .args(["store", "meaning.json"])
        .status()?;
    anyhow::ensure!(packed.success(), "tar failed");
    Ok(())
}

/// A broker on what a version has stored.
pub async fn open(version: &str) -> anyhow::Result<Stored> {
    let folder = tempfile::tempdir()?;
    let unpacked = Command::new("tar")
        .args(["--extract", "--gzip", "--file"])
        .arg(archive(version))
        .arg("--directory")
        .arg(folder.path())
        .status()?;
    anyhow::ensure!(unpacked.success(), "tar failed");
    let meaning = std::fs::read(folder.path().join("meaning.json"))?;
    let options = BrokerOptions {
        store_dir: Some(folder.path().join("store")),
        ..BrokerOptions::default()
    };
    Ok(Stored {
        cluster: Cluster::start_with(&options).await?,
        meaning: serde_json::from_slice(&meaning).context("meaning.json")?,
        _folder: folder,
    })
}

/// Where a version's archive lies.
pub fn archive(version: &str) -> PathBuf {
    files::root().join(format!("tests/stored/{version}.tar.gz"))
}
