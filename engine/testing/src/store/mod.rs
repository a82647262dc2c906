//! The one local store in memory: the disk of one engine. It outlives its engine until a test takes it
//! away. Writes fail by chance, with an unknown outcome or when half of a commit is there.

mod collection;
mod content;
mod disturb;
mod folder;
mod state_store;

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
        mpsc::Receiver,
    },
};

use tailrace_core::{
    identity::{PartitionId, PipelineId},
    life::Life,
    manifest::PipelineManifest,
    name::Name,
    ports::store::{Applied, Exported, LocalStore, PartitionStore, ReclaimStep, StoreError},
};
use tailrace_sketch::TenantSeed;

use self::state_store::{MemoryPartition, Surroundings};
pub use self::{content::Content, folder::FOLDER};
use crate::{faults::Faults, sync::lock};

/// The store. Its copies are one.
#[derive(Clone, Default)]
pub struct MemoryStore {
    /// Whether all lives of a name share their state: for tests that hold content before a life is made.
    is_lifeless: bool,
    state_stores: Arc<Mutex<BTreeMap<PartitionId, Arc<MemoryPartition>>>>,
    removals: Arc<AtomicU64>,
    passes: Arc<AtomicU64>,
    around: Surroundings,
}

impl MemoryStore {
    /// A store whose writes fail by chance.
    pub fn with_faults(faults: Arc<Faults>) -> Self {
        Self {
            around: Surroundings {
                faults: Some(faults),
                ..Surroundings::default()
            },
            ..Self::default()
        }
    }

    /// A store in which all lives of a name share their state.
    pub fn lifeless() -> Self {
        Self {
            is_lifeless: true,
            ..Self::default()
        }
    }

    fn place(&self, partition: &PartitionId) -> PartitionId {
        let life = if self.is_lifeless {
            Life::UNNAMED
        } else {
            partition.life
        };
        PartitionId {
            life,
            ..partition.clone()
        }
    }

    /// The disk is gone.
    pub fn lose(&self) {
        lock(&self.state_stores).clear();
    }

    /// What it holds, by partition.
    pub fn held(&self) -> Vec<(PartitionId, Content)> {
        let held = lock(&self.state_stores);
        let contents = held
            .iter()
            .map(|(partition, held)| (partition.clone(), held.content()));
        contents.collect()
    }

    /// How often a pipeline was removed.
    pub fn removals(&self) -> u64 {
        self.removals.load(Ordering::Relaxed)
    }

    /// How often it was asked to give disk back.
    pub fn reclaim_passes(&self) -> u64 {
        self.passes.load(Ordering::Relaxed)
    }

    /// The partition holds this from now on.
    pub fn hold(&self, partition: &PartitionId, content: Content) {
        self.state_store(partition).change(|held| *held = content, true);
    }

    /// The same, and nobody keeps count of its versions, so no answer from it may be kept.
    pub fn hold_uncounted(&self, partition: &PartitionId, content: Content) {
        self.state_store(partition).change(|held| *held = content, false);
    }

    /// The partition's content changes, as by a commit.
    pub fn change(&self, partition: &PartitionId, change: impl FnOnce(&mut Content)) {
        self.state_store(partition).change(change, true);
    }

    /// When state stores have been read so many times more, this happens, once.
    pub fn while_reading(&self, after: u64, act: impl FnOnce() + Send + 'static) {
        self.around.disturbances.interrupt(after, Box::new(act));
    }

    /// What has not happened yet will not.
    pub fn undisturbed(&self) {
        self.around.disturbances.leave_alone();
    }

    /// The next merge of groups or windows waits for word from here.
    pub fn merge_when(&self, gate: Receiver<()>) {
        self.around.disturbances.hold_merge(gate);
    }

    /// Reads of this key of state fail from now on.
    pub fn damage(&self, key: &str) {
        self.around.disturbances.damage(key);
    }

    /// The disk is full from now on, or has room again.
    pub fn fill(&self, is_full: bool) {
        self.around.disturbances.fill(is_full);
    }

    fn state_store(&self, partition: &PartitionId) -> Arc<MemoryPartition> {
        let fresh = || Arc::new(MemoryPartition::new(&self.around));
        lock(&self.state_stores)
            .entry(self.place(partition))
            .or_insert_with(fresh)
            .clone()
    }
}

impl LocalStore for MemoryStore {
    fn open(
        &self,
        partition: &PartitionId,
        _: &PipelineManifest,
        _: TenantSeed,
    ) -> Result<Arc<dyn PartitionStore>, StoreError> {
        self.around.disturbances.check_room()?;
        Ok(self.state_store(partition))
    }

    fn existing(&self, partition: &PartitionId) -> Result<Option<Arc<dyn PartitionStore>>, StoreError> {
        let state_store = lock(&self.state_stores).get(&self.place(partition)).cloned();
        Ok(state_store.map(|state_store| state_store as Arc<dyn PartitionStore>))
    }

    fn read_export(
        &self,
        source: &mut dyn Iterator<Item = Vec<u8>>,
        each: &mut dyn FnMut(Exported<'_>),
    ) -> Result<Applied, StoreError> {
        let whole: Vec<u8> = source.flatten().collect();
        let damaged = |cause: serde_json::Error| StoreError::Damaged(cause.to_string());
        let content = Content::from_bytes(&whole).map_err(damaged)?;
        for ((step, key), value) in &content.state {
            let value = value.clone();
            each(Exported::State { step, key, value });
        }
        for ((collection, id), vector) in &content.vectors {
            let vector = vector.clone();
            each(Exported::Vector {
                collection,
                id,
                vector,
            });
        }
        Ok(content.applied)
    }

    fn wipe(&self, partition: &PartitionId) -> Result<(), StoreError> {
        lock(&self.state_stores).remove(&self.place(partition));
        Ok(())
    }

    fn remove(&self, pipeline: &PipelineId, life: Life) -> Result<(), StoreError> {
        self.removals.fetch_add(1, Ordering::Relaxed);
        lock(&self.state_stores).retain(|partition, _| {
            partition.pipeline != *pipeline || !(self.is_lifeless || partition.life == life)
        });
        Ok(())
    }

    fn tenants(&self) -> Result<Vec<Name>, StoreError> {
        // What is held before any life is made is nobody's.
        if self.is_lifeless {
            return Ok(Vec::new());
        }
        let held = lock(&self.state_stores);
        let mut tenants: Vec<_> = held.keys().map(|held| held.pipeline.tenant.clone()).collect();
        tenants.dedup();
        Ok(tenants)
    }

    fn lives(&self, tenant: &Name) -> Result<Vec<(PipelineId, Life)>, StoreError> {
        let held = lock(&self.state_stores);
        let own = held.keys().filter(|held| held.pipeline.tenant == *tenant);
        let mut lives: Vec<_> = own.map(|held| (held.pipeline.clone(), held.life)).collect();
        lives.dedup();
        Ok(lives)
    }

    fn remove_tenant(&self, tenant: &Name) -> Result<(), StoreError> {
        lock(&self.state_stores).retain(|partition, _| partition.pipeline.tenant != *tenant);
        Ok(())
    }

    /// Nothing is on disk.
    fn size_bytes(&self, _: &Name) -> Result<u64, StoreError> {
        Ok(0)
    }

    /// So there is none to give back.
    fn reclaim(&self, _: &dyn Fn(&Name, ReclaimStep) -> bool) {
        self.passes.fetch_add(1, Ordering::Relaxed);
    }
}
