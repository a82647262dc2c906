//! What is registered, in the form in which what lies on the broker is compared with it. What cannot be read may
//! be anything, so nothing that could belong to it is a leftover.

use std::collections::{BTreeMap, BTreeSet};

use tailrace_core::{
    identity::{Digest, PipelineId},
    life::Life,
    ports::broker::own_stream,
    registry::{Key, Registry},
    subject,
};

/// What is registered.
pub(super) struct Registered {
    lives: BTreeMap<PipelineId, Life>,
    partitions: BTreeMap<PipelineId, u32>,
    read: BTreeMap<PipelineId, BTreeSet<String>>,
    /// What the own stream of each takes.
    taken: BTreeMap<PipelineId, Vec<String>>,
    unreadable: BTreeSet<PipelineId>,
    /// None where nobody knows which are needed.
    components: Option<BTreeSet<Digest>>,
}

impl Registered {
    pub(super) fn of(registry: &Registry) -> Self {
        let unreadable: Vec<Key> = registry
            .unreadable
            .keys()
            .filter_map(|key| key.parse().ok())
            .collect();
        // What is lost is not given up.
        let pipelines = || registry.pipelines.iter().chain(&registry.lost.pipelines);
        Self {
            lives: pipelines()
                .map(|(id, pipeline)| (id.clone(), pipeline.life))
                .collect(),
            taken: pipelines()
                .map(|(id, pipeline)| {
                    let own = own_stream(id, pipeline.life, &pipeline.active.manifest);
                    (id.clone(), own.subjects())
                })
                .collect(),
            partitions: pipelines()
                .map(|(id, pipeline)| (id.clone(), pipeline.active.manifest.partitions))
                .collect(),
            read: pipelines()
                .map(|(id, pipeline)| (id.clone(), pipeline.active.manifest.streams_read()))
                .collect(),
            unreadable: unreadable
                .iter()
                .filter_map(|key| match key {
                    Key::Pipeline(id) | Key::Revision(id, _) => Some(id.clone()),
                    _ => None,
                })
                .collect(),
            // Orphans are on their way out, and take their bytes along themselves.
            components: registry
                .components()
                .filter(|_| !registry.orphans.iter().any(|key| matches!(key, Key::Plugin(..)))),
        }
    }

    /// Whether this life of a name is registered, or may be.
    pub(super) fn has(&self, id: &PipelineId, life: Life) -> bool {
        self.unreadable.contains(id)
            || self
                .lives
                .get(id)
                .is_some_and(|known| *known == life || life.is_unnamed())
    }

    pub(super) fn has_name(&self, id: &PipelineId) -> bool {
        self.unreadable.contains(id) || self.lives.contains_key(id)
    }

    /// What a pipeline's own stream is to take and does not.
    pub(super) fn lacking(&self, id: &PipelineId, held: &[String]) -> Option<&String> {
        let is_held = |subject: &&String| !held.iter().any(|held| subject::covers(held, subject));
        self.taken.get(id)?.iter().find(is_held)
    }

    pub(super) fn reads(&self, id: &PipelineId, stream: &str) -> bool {
        // Its own stream as well: dead letters that are sent again.
        self.unreadable.contains(id)
            || self.read.get(id).is_some_and(|read| read.contains(stream))
            || self.lives.contains_key(id) && stream == subject::stream_name(id)
    }

    pub(super) fn has_partition(&self, id: &PipelineId, partition: u32) -> bool {
        self.unreadable.contains(id) || self.partitions.get(id).is_some_and(|count| partition < *count)
    }

    pub(super) fn uses(&self, digest: &Digest) -> bool {
        let components = self.components.as_ref();
        components.is_none_or(|components| components.contains(digest))
    }
}
