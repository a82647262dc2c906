//! Lives whose end this engine has seen. What an engine asked the broker for may happen after that: the engine stood
//! still, or its request was on the way. So it is looked a few times whether anything of them is there again. Only what
//! somebody ordered to delete is cleared away: an entry that was removed, or put back, by hand says nothing of any end,
//! and neither does a registry that is lost or restored.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use tailrace_core::{
    identity::{Digest, PipelineId},
    life::Life,
    manifest::PluginRef,
    name::Name,
    registry::{Key, PipelinePhase, Registry},
};

/// How long after the end it is looked: longer than any request of an engine takes, and once more.
const LOOKS_AFTER: [Duration; 3] = [
    Duration::from_secs(10),
    Duration::from_mins(1),
    Duration::from_mins(5),
];
/// Most ends that are kept in mind; what is left of more is found by `tailrace doctor`.
const MOST_ENDED: usize = 10_000;

/// A life that has ended.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Ended {
    /// A pipeline's, the NATS account that it lay in, and the streams that it read.
    Pipeline(PipelineId, Life, Option<Name>, BTreeSet<String>),
    /// A plugin version's, and its bytes.
    Plugin(Name, PluginRef, Life, Digest),
}

impl Ended {
    /// Whose it was.
    pub(crate) fn tenant(&self) -> &Name {
        match self {
            Self::Pipeline(id, ..) => &id.tenant,
            Self::Plugin(tenant, ..) => tenant,
        }
    }

    fn life(&self) -> Life {
        match self {
            Self::Pipeline(_, life, ..) | Self::Plugin(_, _, life, _) => *life,
        }
    }

    /// Where it was registered.
    pub(crate) fn key(&self) -> Key {
        match self {
            Self::Pipeline(id, ..) => Key::Pipeline(id.clone()),
            Self::Plugin(tenant, plugin, ..) => Key::Plugin(tenant.clone(), plugin.clone()),
        }
    }
}

/// The lives that are registered, and those that have ended.
#[derive(Default)]
pub(super) struct Lifetimes {
    /// With whether somebody has ordered their end.
    registered: BTreeMap<Ended, bool>,
    /// With when it is looked next, and how often it was.
    ended: BTreeMap<Ended, (Duration, usize)>,
}

impl Lifetimes {
    /// Takes note of what has ended.
    ///
    /// `deleted` has the lives that this engine itself has deleted: a watch may pass over the entry that said so, because
    /// a later one has taken its place.
    pub(super) fn see(&mut self, registry: &Registry, deleted: &mut BTreeSet<Life>, now: Duration) {
        let is_leaving = |tenant: &Name| registry.tenants.get(tenant).is_some_and(|tenant| tenant.deleting);
        let pipelines = registry.pipelines.iter().map(|(id, pipeline)| {
            let read = pipeline.active.manifest.streams_read();
            let ended = Ended::Pipeline(id.clone(), pipeline.life, pipeline.nats_account.clone(), read);
            let is_ordered = pipeline.phase == PipelinePhase::Deleting || is_leaving(&id.tenant);
            (ended, is_ordered)
        });
        let plugins = registry.plugins.iter().chain(&registry.uploads);
        let plugins = plugins.map(|((tenant, plugin), version)| {
            let ended = Ended::Plugin(tenant.clone(), plugin.clone(), version.life, version.digest);
            // An upload that is given up leaves no order.
            let is_ordered = version.deleting || version.uploading || is_leaving(tenant);
            (ended, is_ordered)
        });
        let registered = pipelines.chain(plugins).collect();
        let before = std::mem::replace(&mut self.registered, registered);
        for (life, is_ordered) in before {
            if self.registered.contains_key(&life) {
                continue;
            }
            let is_ordered = deleted.remove(&life.life()) || is_ordered;
            let lost = &registry.lost;
            if !is_ordered && lost.of_tenants.values().any(|keys| keys.contains(&life.key())) {
                let tenant = life.tenant();
                tracing::warn!(%tenant, entry = %life.key(), "the entry of a tenant is gone from the registry, and nobody has ordered that over the API: what is the tenant's does not run, and is left alone; put the tenant's entry back, or see tailrace doctor");
            } else if !is_ordered {
                tracing::warn!(entry = %life.key(), "an entry of the registry is gone, and nobody has ordered that over the API: what it stood for is left alone; put the entry back, or see tailrace doctor");
            } else if self.ended.len() < MOST_ENDED {
                self.ended.insert(life, (now + LOOKS_AFTER[0], 0));
            }
        }
    }

    /// What is to be looked at by now.
    pub(super) fn due(&mut self, now: Duration) -> Vec<Ended> {
        let mut due = Vec::new();
        self.ended.retain(|life, (at, looks)| {
            if *at > now {
                return true;
            }
            due.push(life.clone());
            *looks += 1;
            let next = LOOKS_AFTER.get(*looks);
            if let Some(next) = next {
                *at = now + *next;
            }
            next.is_some()
        });
        due
    }
}
