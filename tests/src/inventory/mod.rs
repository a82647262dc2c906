//! Everything that there is, on the broker and on the engines' disks, beside everything that the API lists.
//! What no listed thing owns is a stranger, and there must be none.
//!
//! Looking leaves nothing behind: no consumer is made for it.

mod broker;
mod owners;

use std::path::Path;

use self::{broker::Found, owners::Owners};
use crate::{cluster::Cluster, cluster::eventually, engine::Engine};

/// What an inventory needs to know beside the API.
#[derive(Debug, Clone, Default)]
pub struct Expected {
    /// Streams of the test's own.
    pub streams: Vec<String>,
    /// Consumers of streams that belong to no pipeline, such as the engines' watches, as [`watches`] gave them
    /// while the engines were at rest.
    pub watches: usize,
}

/// Whatever no listed thing owns; `engine` is the one that is asked for the list.
pub async fn strangers(
    cluster: &Cluster,
    engine: &Engine,
    expected: &Expected,
) -> anyhow::Result<Vec<String>> {
    // Found before it is listed: what is made meanwhile is registered first.
    let found = broker::look(&cluster.jetstream).await?;
    let folders = folders(&engine.data_dir())?;
    let owners = owners::ask(engine).await?;
    let mut strangers = compare(&found, &owners, expected);
    for folder in folders {
        let is_owned = match folder.split_once('/') {
            Some(("state", tenant)) => owners.has_tenant(tenant.split(".damaged-").next().unwrap_or(tenant)),
            Some((_, artefact)) => owners.has_component(artefact.split('-').next().unwrap_or(artefact)),
            None => true,
        };
        if !is_owned {
            strangers.push(format!("folder {folder}"));
        }
    }
    Ok(strangers)
}

/// Waits until there are no strangers; fails with the list of those that stay.
pub async fn all_is_owned(cluster: &Cluster, engine: &Engine, expected: &Expected) -> anyhow::Result<()> {
    let waited = eventually("everything has an owner", || async {
        strangers(cluster, engine, expected)
            .await
            .is_ok_and(|strangers| strangers.is_empty())
    });
    if waited.await.is_ok() {
        return Ok(());
    }
    let strangers = strangers(cluster, engine, expected).await?;
    anyhow::ensure!(
        strangers.is_empty(),
        "these belong to nobody: {strangers:#?}\n{}",
        engine.log()
    );
    Ok(())
}

/// How many consumers there are that belong to no pipeline.
pub async fn watches(cluster: &Cluster) -> anyhow::Result<usize> {
    let found = broker::look(&cluster.jetstream).await?;
    Ok(found.watches().count())
}

fn compare(found: &Found, owners: &Owners, expected: &Expected) -> Vec<String> {
    let mut strangers = Vec::new();
    let streams = found.streams.iter().filter(|(name, life)| {
        let is_shared = name.starts_with("KV_tailrace_") || name.starts_with("OBJ_tailrace_");
        let is_expected = is_shared || *name == "tailrace_audit" || expected.streams.contains(name);
        !is_expected && !owners.has_stream(name, life.as_deref())
    });
    strangers.extend(streams.map(|(name, life)| format!("stream {name} of life {life:?}")));
    let consumers = found
        .consumers
        .iter()
        .filter(|(stream, consumer)| consumer.starts_with("tr_") && !owners.has_consumer(stream, consumer));
    strangers.extend(consumers.map(|(stream, consumer)| format!("consumer {consumer} of stream {stream}")));
    if found.watches().count() > expected.watches {
        let watches: Vec<_> = found.watches().collect();
        strangers.push(format!(
            "more than {} consumers of no pipeline: {watches:?}",
            expected.watches
        ));
    }
    let entries = found
        .entries
        .iter()
        .filter(|(key, entry)| !owners.has_entry(key, entry));
    strangers.extend(entries.map(|(key, entry)| format!("entry {key}: {entry}")));
    let alarms = found.alarms.iter().filter(|key| !owners.has_alarm(key));
    strangers.extend(alarms.map(|key| format!("what alarms remember under {key}")));
    let components = found
        .components
        .iter()
        .filter(|digest| !owners.has_component(digest));
    strangers.extend(components.map(|digest| format!("bytes of plugin {digest}")));
    let snapshots = found.snapshots.iter().filter(|name| !owners.has_snapshot(name));
    strangers.extend(snapshots.map(|name| format!("snapshot {name}")));
    strangers.extend(found.loose.iter().map(|subject| format!("chunks {subject}")));
    strangers
}

/// `state/<tenant>` and `artefacts/<file>` of an engine.
fn folders(data_dir: &Path) -> anyhow::Result<Vec<String>> {
    let mut found = Vec::new();
    for part in ["state", "artefacts"] {
        for entry in std::fs::read_dir(data_dir.join(part))? {
            let name = entry?.file_name().to_string_lossy().into_owned();
            // An empty folder for compilers to stand in.
            if name != "empty" {
                found.push(format!("{part}/{name}"));
            }
        }
    }
    Ok(found)
}
