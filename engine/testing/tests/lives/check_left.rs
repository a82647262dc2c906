//! Whether anything is left behind: whatever there is belongs to a life that is registered, and that is there as a
//! whole.

use std::collections::BTreeSet;

use tailrace_core::{
    identity::{PartitionId, PipelineId},
    registry::{Key, Pipeline, Registry},
    subject,
};

use super::{
    cluster::{Cluster, INPUT},
    history::History,
    ledger::{Act, Asked},
};

/// Nothing is, as far as the registry goes.
pub fn check_registry(history: &History, asked: &[Asked]) -> Result<(), String> {
    let registry = history.registry.published();
    if let Some((key, cause)) = registry.unreadable.first_key_value() {
        return Err(format!("{key} cannot be read: {cause}"));
    }
    if let Some(key) = registry.orphans.first() {
        return Err(format!("{key} belongs to nobody"));
    }
    if let Some(keys) = registry.lost.of_tenants.values().next() {
        return Err(format!("{keys:?} belong to nobody, though each end was ordered"));
    }
    for (id, pipeline) in &registry.pipelines {
        if !pipeline.phase.is_ready() {
            return Err(format!("{id} is {:?} by {:?}", pipeline.phase, pipeline.by));
        }
        if pipeline.tenant_life != registry.life_of(&id.tenant) {
            return Err(format!("{id} is of another life of its tenant"));
        }
    }
    if let Some((name, _)) = registry.tenants.iter().find(|(_, tenant)| tenant.deleting) {
        return Err(format!("tenant {name} is being deleted"));
    }
    for (name, tenant) in &registry.tenants {
        let plugins = registry.plugins_of(name).count();
        if plugins > tenant.quotas.plugins as usize {
            return Err(format!("tenant {name} has {plugins} plugins, beyond its quota"));
        }
    }
    for ((tenant, plugin), version) in registry.uploads.iter().chain(&registry.plugins) {
        if version.uploading || version.deleting {
            return Err(format!("{plugin} of {tenant} is neither there nor gone"));
        }
    }
    for (id, pipeline) in &registry.pipelines {
        check_versions(&registry, id, pipeline)?;
    }
    for ((id, number), mark) in &history.revisions {
        check_revision(history, asked, id, *number, *mark)?;
    }
    Ok(())
}

/// What runs names versions that are there, of the bytes that it runs.
fn check_versions(registry: &Registry, id: &PipelineId, pipeline: &Pipeline) -> Result<(), String> {
    let candidate = pipeline.candidate.iter().map(|candidate| &candidate.revision);
    for revision in std::iter::once(&pipeline.active).chain(candidate) {
        for step in &revision.manifest.steps {
            let version = registry.plugins.get(&(id.tenant.clone(), step.plugin.clone()));
            if version.map(|version| version.digest) != revision.plugins.get(&step.name).copied() {
                return Err(format!(
                    "revision {} of {id} names {}, which is not there as it was",
                    revision.number, step.plugin
                ));
            }
        }
    }
    Ok(())
}

/// A revision that is kept is one of the pipeline's, or was left by a try that failed in this life.
fn check_revision(
    history: &History,
    asked: &[Asked],
    id: &PipelineId,
    number: u64,
    mark: u64,
) -> Result<(), String> {
    let life = history
        .current(id)
        .ok_or_else(|| format!("revision {number} of {id} is left, and the pipeline is gone"))?;
    let own = life.marks.get(&number).or_else(|| life.inherited.get(&number));
    let was_tried = || {
        asked.iter().any(|asked| {
            matches!(&asked.act, Act::Apply { mark: tried, .. } if *tried == mark)
                && asked.began >= life.created
        })
    };
    let is_own = match own {
        Some(own) => *own == mark,
        None => life.has(mark) || life.inherited.values().any(|known| *known == mark) || was_tried(),
    };
    if is_own {
        return Ok(());
    }
    Err(format!(
        "revision {number} of {id} bears mark {mark}, and its life {} has {:?}",
        life.life, life.marks
    ))
}

/// Whether all entries that belong to nobody are revisions of pipelines whose streams were left. An engine takes such a
/// stream for a sign that the pipeline's entry was removed by hand, and removes nothing.
pub fn wait_for_streams(cluster: &Cluster, history: &History) -> bool {
    let (held, _) = cluster.broker.own();
    let registry = &history.registry.published();
    registry.orphans.iter().all(|key| {
        let Key::Revision(id, _) = key else { return false };
        let name = subject::stream_name(id);
        !registry.pipelines.contains_key(id) && held.iter().any(|own| own.name == name)
    })
}

/// Nothing is, as far as the broker and the disks go.
pub fn check_broker(cluster: &Cluster, history: &History) -> Result<(), String> {
    let registry = &history.registry;
    let (held, _) = cluster.broker.own();
    for (id, pipeline) in &registry.pipelines {
        let name = subject::stream_name(id);
        let is_own = held
            .iter()
            .any(|own| own.name == name && own.life == pipeline.life);
        if !is_own {
            return Err(format!("{id} of life {} has no stream", pipeline.life));
        }
    }
    for own in &held {
        let is_of = |(id, life)| subject::stream_name(id) == own.name && life == own.life;
        let mut registered = registry
            .pipelines
            .iter()
            .map(|(id, pipeline)| (id, pipeline.life));
        if !registered.any(is_of) {
            return Err(format!("stream {} of life {} is left", own.name, own.life));
        }
    }
    let is_registered = |partition: &PartitionId| {
        let pipeline = registry.pipelines.get(&partition.pipeline);
        pipeline.is_some_and(|known| {
            known.life == partition.life && partition.partition < known.active.manifest.partitions
        })
    };
    for (partition, commit) in cluster.broker.snapshots() {
        if !is_registered(&partition) {
            return Err(format!(
                "the snapshot of commit {commit} of {} is left",
                partition.place()
            ));
        }
    }
    for (engine, disk) in cluster.disks() {
        for (partition, _) in disk.held() {
            if !is_registered(&partition) {
                return Err(format!(
                    "local state of {} is left on {engine}",
                    partition.place()
                ));
            }
        }
    }
    check_consumers(cluster, history)?;
    check_components(cluster, history)?;
    check_alarms(cluster, history)
}

/// Each consumer is a registered pipeline's, on its input or its own stream.
fn check_consumers(cluster: &Cluster, history: &History) -> Result<(), String> {
    for (stream, consumer) in cluster.broker.consumers() {
        let reads = |id: &PipelineId| {
            let prefix = format!("tr_{}_{}_", id.tenant, id.pipeline);
            consumer.starts_with(&prefix) && (stream == INPUT || stream == subject::stream_name(id))
        };
        if !history.registry.pipelines.keys().any(reads) {
            return Err(format!("consumer {consumer} is left on {stream}"));
        }
    }
    Ok(())
}

/// Each component is a version's, and each version has its component.
fn check_components(cluster: &Cluster, history: &History) -> Result<(), String> {
    let used = history.registry.plugins.values().map(|version| version.digest);
    let used: BTreeSet<_> = used.collect();
    let held: BTreeSet<_> = cluster.registry.components().into_iter().collect();
    if let Some(missing) = used.difference(&held).next() {
        return Err(format!("the component of plugin {missing} is missing"));
    }
    match held.difference(&used).next() {
        Some(left) => Err(format!("component {left} is left, and no version refers to it")),
        None => Ok(()),
    }
}

fn check_alarms(cluster: &Cluster, history: &History) -> Result<(), String> {
    let mut remembered = BTreeSet::new();
    for entry in cluster.alarms.written_after(0) {
        if entry.value.is_some() {
            remembered.insert(entry.key);
        } else {
            remembered.remove(&entry.key);
        }
    }
    for key in remembered {
        let pipeline = key.parse();
        let is_known =
            matches!(&pipeline, Ok(Key::Pipeline(id)) if history.registry.pipelines.contains_key(id));
        if !is_known {
            return Err(format!("alarms remember {key}"));
        }
    }
    Ok(())
}
