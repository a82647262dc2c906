//! Permits for watchers: so many a pipeline, so many a tenant, so many a process. A watcher takes a permit
//! and gives it back when it goes, however it goes.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use crate::{identity::PipelineId, name::Name};

/// Watchers of one pipeline: a team looking at one incident.
pub const OF_PIPELINE: usize = 8;
/// Watchers of one tenant, so that none takes all permits of the process.
pub const OF_TENANT: usize = 16;
/// Watchers of the process: a stream holds a connection, and the API has 1,024.
pub const OF_PROCESS: usize = 64;

/// The watch permits of a process.
#[derive(Default)]
pub struct WatchPermits(Mutex<Taken>);

#[derive(Default)]
struct Taken {
    all: usize,
    tenants: BTreeMap<Name, usize>,
    pipelines: BTreeMap<PipelineId, usize>,
}

/// There is no permit left.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{most} streams are watched {whose} already; close one, or try again later")]
pub struct Crowded {
    most: usize,
    whose: &'static str,
}

impl WatchPermits {
    /// Takes a permit for a watcher of this pipeline.
    pub fn take(self: &Arc<Self>, id: &PipelineId) -> Result<WatchPermit, Crowded> {
        let mut taken = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let count = |known: Option<&usize>| known.copied().unwrap_or(0);
        for (now, most, whose) in [
            (count(taken.pipelines.get(id)), OF_PIPELINE, "of this pipeline"),
            (count(taken.tenants.get(&id.tenant)), OF_TENANT, "of this tenant"),
            (taken.all, OF_PROCESS, "on this engine"),
        ] {
            if now >= most {
                return Err(Crowded { most, whose });
            }
        }
        taken.all += 1;
        *taken.tenants.entry(id.tenant.clone()).or_default() += 1;
        *taken.pipelines.entry(id.clone()).or_default() += 1;
        Ok(WatchPermit {
            places: self.clone(),
            id: id.clone(),
        })
    }

    /// How many are taken.
    pub fn taken(&self) -> usize {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).all
    }
}

/// A watcher's permit; dropping it gives it back.
pub struct WatchPermit {
    places: Arc<WatchPermits>,
    id: PipelineId,
}

impl Drop for WatchPermit {
    fn drop(&mut self) {
        let mut taken = self.places.0.lock().unwrap_or_else(PoisonError::into_inner);
        taken.all = taken.all.saturating_sub(1);
        leave(&mut taken.tenants, &self.id.tenant);
        leave(&mut taken.pipelines, &self.id);
    }
}

fn leave<K: Ord>(counts: &mut BTreeMap<K, usize>, key: &K) {
    if let Some(count) = counts.get_mut(key) {
        *count -= 1;
        if *count == 0 {
            counts.remove(key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(tenant: usize, pipeline: usize) -> PipelineId {
        PipelineId {
            tenant: Name::new(&format!("t{tenant}")).unwrap(),
            pipeline: Name::new(&format!("p{pipeline}")).unwrap(),
        }
    }

    #[test]
    fn a_thousand_watchers_are_bounded_and_each_tenant_finds_a_place() {
        let places = Arc::new(WatchPermits::default());
        let mut taken = Vec::new();
        for pipeline in 0..1_000 {
            taken.extend(places.take(&id(0, pipeline)).ok());
        }
        assert_eq!(taken.len(), OF_TENANT);
        for _ in 0..1_000 {
            taken.extend(places.take(&id(1, 0)).ok());
        }
        assert_eq!(taken.len(), OF_TENANT + OF_PIPELINE);
        for tenant in 2..1_000 {
            taken.extend(places.take(&id(tenant, 0)).ok());
        }
        assert_eq!((taken.len(), places.taken()), (OF_PROCESS, OF_PROCESS));
        let crowded = places
            .take(&id(5_000, 0))
            .err()
            .map(|crowded| crowded.to_string());
        assert!(crowded.is_some_and(|text| text.starts_with("64 streams")));
        taken.clear();
        let left = places.0.lock().unwrap();
        assert!(left.all == 0 && left.tenants.is_empty() && left.pipelines.is_empty());
    }
}
