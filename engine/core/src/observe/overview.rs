//! All pipelines that run on this engine, for those who look.

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use crate::{
    identity::PipelineId,
    name::Name,
    observe::{status::PipelineStatus, watch_permits::WatchPermits},
};

/// What runs, for those who look.
#[derive(Clone, Default)]
pub struct Overview(Arc<RwLock<Shown>>);

#[derive(Default)]
struct Shown {
    pipelines: BTreeMap<PipelineId, Arc<PipelineStatus>>,
    broker_syncs_always: Option<bool>,
    places: Arc<WatchPermits>,
}

impl Overview {
    fn read(&self) -> RwLockReadGuard<'_, Shown> {
        self.0.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Shown> {
        self.0.write().unwrap_or_else(PoisonError::into_inner)
    }

    /// The status of a pipeline on this engine.
    pub fn pipeline(&self, id: &PipelineId) -> Option<Arc<PipelineStatus>> {
        self.read().pipelines.get(id).cloned()
    }

    /// All of them.
    pub fn all(&self) -> Vec<(PipelineId, Arc<PipelineStatus>)> {
        let shown = self.read();
        let pipelines = shown.pipelines.iter();
        pipelines
            .map(|(id, status)| (id.clone(), status.clone()))
            .collect()
    }

    /// Whether the broker has left a commit of any pipeline of these tenants without an answer, or had no
    /// room for it.
    pub fn broker_stores_nothing(&self, of: impl Fn(&Name) -> bool) -> bool {
        let shown = self.read();
        let mut pipelines = shown.pipelines.iter();
        pipelines.any(|(id, status)| status.broker_stores_nothing() && of(&id.tenant))
    }

    /// Whether a pipeline here waits for room on the disk of the data folder.
    pub fn lacks_disk(&self) -> bool {
        self.read().pipelines.values().any(|status| status.lacks_disk())
    }

    /// The permits of those who watch pipelines.
    pub fn places(&self) -> Arc<WatchPermits> {
        self.read().places.clone()
    }

    /// Whether the broker writes to its disk before it answers; none where it is not known.
    pub fn broker_syncs_always(&self) -> Option<bool> {
        self.read().broker_syncs_always
    }

    /// The broker has told how it writes, or does not tell; gives what was known before.
    pub fn set_broker_syncs_always(&self, known: Option<bool>) -> Option<bool> {
        std::mem::replace(&mut self.write().broker_syncs_always, known)
    }

    /// A pipeline is taken up here, or no longer.
    pub fn set(&self, id: &PipelineId, status: Option<Arc<PipelineStatus>>) {
        let pipelines = &mut self.write().pipelines;
        let before = match status {
            Some(status) => pipelines.insert(id.clone(), status),
            None => pipelines.remove(id),
        };
        if let Some(gone) = before {
            gone.views.close();
        }
    }
}
