//! What a pipeline must be that was made just now, whoever bore its name before: empty, and with nothing behind it.

use anyhow::Context as _;
use serde_json::{Value, json};

use crate::{
    cluster::{Cluster, eventually},
    engine::Engine,
    tenant::Tenant,
};

/// The only user of its events.
const USER: &str = "u";

/// A pipeline of tenant `shop` that counts what comes on these subjects after it was made; `label` is all that its
/// revisions differ in.
pub fn counting(name: &str, subjects: &str, partitions: u32, label: &str) -> String {
    format!(
        "name: {name}\ninput:\n  subjects: [\"{subjects}\"]\n  start: new\n  key: {{ json: /user }}\npartitions: {partitions}\nsteps:\n  - name: probe\n    plugin: probe@1.0.0\n    grants: [state]\n    config: {{ label: \"{label}\" }}\noutput:\n  subject: \"shop.{name}.{{key}}\"\n"
    )
}

/// An event that counts for a user.
pub fn event(user: &str) -> String {
    json!({ "user": user, "do": "count" }).to_string()
}

/// Outputs of a pipeline of tenant `shop`: user and count, in order.
pub async fn outputs(cluster: &Cluster, pipeline: &str) -> anyhow::Result<Vec<(String, u64)>> {
    let stream = format!("TR_shop_{pipeline}");
    let found = cluster.read(&stream, &format!("shop.{pipeline}.*")).await?;
    let read = found.into_iter().map(|(_, payload)| {
        let output: Value = serde_json::from_slice(&payload)?;
        let user = output["key"].as_str().context("no key")?.to_owned();
        Ok((user, output["count"].as_u64().context("no count")?))
    });
    read.collect()
}

/// A pipeline of tenant `shop` that was made just now, with `start: new`, has nothing of those that bore its name
/// before: it runs, and its first event on this subject is the first that it ever counted.
pub async fn begins_from_nothing(
    cluster: &Cluster,
    engine: &Engine,
    pipeline: &str,
    subject: &str,
) -> anyhow::Result<()> {
    let counted = counts_one_more(cluster, engine, pipeline, subject).await?;
    anyhow::ensure!(
        counted == 1,
        "pipeline {pipeline} has counted {counted} events, not its first"
    );
    Ok(())
}

/// Lets a pipeline count one more event; gives how many its life has counted. Each of them once, and its state is
/// what its outputs say.
pub async fn counts_one_more(
    cluster: &Cluster,
    engine: &Engine,
    pipeline: &str,
    subject: &str,
) -> anyhow::Result<u64> {
    let shop = Tenant::shop(engine);
    shop.comes_to(engine, pipeline, "running").await?;
    let before = outputs(cluster, pipeline).await?.len();
    cluster.publish(subject, [event(USER)]).await?;
    eventually("it has one output more", || async {
        outputs(cluster, pipeline)
            .await
            .is_ok_and(|outputs| outputs.len() > before)
    })
    .await
    .with_context(|| format!("pipeline {pipeline}\n{}", engine.log()))?;
    let found = outputs(cluster, pipeline).await?;
    let count = found.len() as u64;
    let wanted: Vec<_> = (1..=count).map(|count| (USER.to_owned(), count)).collect();
    anyhow::ensure!(
        found == wanted,
        "pipeline {pipeline} has these outputs: {found:?}"
    );
    eventually("its state is what its outputs say", || async {
        let counts = shop.counts(engine, pipeline).await;
        counts.is_ok_and(|counts| counts == [(USER.to_owned(), count)])
    })
    .await
    .with_context(|| format!("pipeline {pipeline} has {count} outputs\n{}", engine.log()))?;
    Ok(count)
}
