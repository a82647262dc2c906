//! What lies on the broker.

use std::collections::BTreeMap;

use futures::TryStreamExt as _;
use serde_json::Value;
use tailrace_nats::async_nats::jetstream::{
    self,
    object_store::ObjectInfo,
    stream::{LastRawMessageErrorKind, Stream},
};

const REGISTRY: &str = "tailrace_registry";
const ALARMS: &str = "tailrace_alarms";
const PLUGINS: &str = "tailrace_plugins";
const SNAPSHOTS: &str = "tailrace_snapshots";

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Streams, with the life that their metadata tell.
    pub(super) streams: BTreeMap<String, Option<String>>,
    /// Consumers: stream and name.
    pub(super) consumers: Vec<(String, String)>,
    /// Entries of the registry.
    pub(super) entries: BTreeMap<String, Value>,
    /// Keys of what alarms remember.
    pub(super) alarms: Vec<String>,
    /// Digests of plugins.
    pub(super) components: Vec<String>,
    /// Names of snapshots.
    pub(super) snapshots: Vec<String>,
    /// Subjects of chunks that no object has.
    pub(super) loose: Vec<String>,
}

impl Found {
    /// Consumers that belong to no pipeline.
    pub(super) fn watches(&self) -> impl Iterator<Item = &(String, String)> {
        self.consumers
            .iter()
            .filter(|(_, consumer)| !consumer.starts_with("tr_"))
    }
}

pub(super) async fn look(jetstream: &jetstream::Context) -> anyhow::Result<Found> {
    let mut found = Found::default();
    let mut streams = jetstream.streams();
    while let Some(stream) = streams.try_next().await? {
        let life = stream.config.metadata.get("tailrace.life").cloned();
        found.streams.insert(stream.config.name.clone(), life);
    }
    for name in found.streams.keys() {
        // It may have gone meanwhile.
        let Ok(stream) = jetstream.get_stream(name).await else {
            continue;
        };
        let consumers: Vec<String> = stream.consumer_names().try_collect().await.unwrap_or_default();
        let consumers = consumers.into_iter().map(|consumer| (name.clone(), consumer));
        found.consumers.extend(consumers);
    }
    for (key, value) in values(jetstream, REGISTRY).await? {
        let entry = serde_json::from_slice(&value).unwrap_or_default();
        found.entries.insert(key, entry);
    }
    found.alarms = values(jetstream, ALARMS).await?.into_keys().collect();
    (found.components, found.loose) = objects(jetstream, PLUGINS).await?;
    let (snapshots, loose) = objects(jetstream, SNAPSHOTS).await?;
    found.snapshots = snapshots;
    found.loose.extend(loose);
    Ok(found)
}

/// What a bucket holds, without what was deleted; nothing where there is no bucket.
async fn values(jetstream: &jetstream::Context, bucket: &str) -> anyhow::Result<BTreeMap<String, Vec<u8>>> {
    let Ok(store) = jetstream.get_key_value(bucket).await else {
        return Ok(BTreeMap::new());
    };
    let before = format!("$KV.{bucket}.");
    let mut found = BTreeMap::new();
    for subject in subjects(&store.stream, &format!("{before}>")).await? {
        let key = subject.trim_start_matches(&before).to_owned();
        if let Some(value) = store.get(&key).await? {
            found.insert(key, value.to_vec());
        }
    }
    Ok(found)
}

/// Names of an object store's objects, and subjects of chunks that belong to none of them.
async fn objects(jetstream: &jetstream::Context, bucket: &str) -> anyhow::Result<(Vec<String>, Vec<String>)> {
    let Ok(stream) = jetstream.get_stream(format!("OBJ_{bucket}")).await else {
        return Ok((Vec::new(), Vec::new()));
    };
    let before = format!("$O.{bucket}.C.");
    // Before the objects: those that are stored meanwhile have their chunks first.
    let mut loose = subjects(&stream, &format!("{before}>")).await?;
    let mut names = Vec::new();
    for subject in subjects(&stream, &format!("$O.{bucket}.M.>")).await? {
        let message = match stream.get_last_raw_message_by_subject(&subject).await {
            Err(gone) if gone.kind() == LastRawMessageErrorKind::NoMessageFound => continue,
            message => message?,
        };
        let info: ObjectInfo = serde_json::from_slice(&message.payload)?;
        if !info.deleted {
            loose.retain(|subject| subject.trim_start_matches(&before) != info.nuid);
            names.push(info.name);
        }
    }
    Ok((names, loose))
}

async fn subjects(stream: &Stream, filter: &str) -> anyhow::Result<Vec<String>> {
    let counts: Vec<(String, usize)> = stream.info_with_subjects(filter).await?.try_collect().await?;
    Ok(counts.into_iter().map(|(subject, _)| subject).collect())
}
