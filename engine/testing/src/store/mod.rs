//! The one local store in memory: the disk of one engine. It outlives its engine until a test takes it
//! away. Writes fail by chance, with an unknown outcome or when half of a commit is there.

mod collection;
mod content;
mod disturb;
mod image;

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
    manifest::PipelineSpec,
    name::Name,
    ports::store::{Image, LocalStore, StoreError},
};
use tailrace_sketch::TenantSeed;

pub use self::content::Content;
use self::image::{MemoryImage, Surroundings};
use crate::{faults::Faults, sync::lock};

/// The folder that errors name. An answer to a client must never hold it.
pub const FOLDER: &str = "/var/lib/tailrace/state/shop";

/// The store. Its copies are one.
#[derive(Clone, Default)]
pub struct MemoryStore {
    images: Arc<Mutex<BTreeMap<PartitionId, Arc<MemoryImage>>>>,
    removals: Arc<AtomicU64>,
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

    /// The disk is gone.
    pub fn lose(&self) {
        lock(&self.images).clear();
    }

    /// How often a pipeline was removed.
    pub fn removals(&self) -> u64 {
        self.removals.load(Ordering::Relaxed)
    }

    /// The partition holds this from now on.
    pub fn hold(&self, partition: &PartitionId, content: Content) {
        self.image(partition).change(|held| *held = content, true);
    }

    /// The same, and nobody keeps count of its versions, so no answer from it may be kept.
    pub fn hold_uncounted(&self, partition: &PartitionId, content: Content) {
        self.image(partition).change(|held| *held = content, false);
    }

    /// The partition's content changes, as by a commit.
    pub fn change(&self, partition: &PartitionId, change: impl FnOnce(&mut Content)) {
        self.image(partition).change(change, true);
    }

    /// When images have been read so many times more, this happens, once.
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

    fn image(&self, partition: &PartitionId) -> Arc<MemoryImage> {
        let fresh = || Arc::new(MemoryImage::new(&self.around));
        lock(&self.images)
            .entry(partition.clone())
            .or_insert_with(fresh)
            .clone()
    }
}

impl LocalStore for MemoryStore {
    fn open(
        &self,
        partition: &PartitionId,
        _: &PipelineSpec,
        _: TenantSeed,
    ) -> Result<Arc<dyn Image>, StoreError> {
        Ok(self.image(partition))
    }

    fn existing(&self, partition: &PartitionId) -> Result<Option<Arc<dyn Image>>, StoreError> {
        let image = lock(&self.images).get(partition).cloned();
        Ok(image.map(|image| image as Arc<dyn Image>))
    }

    fn wipe(&self, partition: &PartitionId) -> Result<(), StoreError> {
        lock(&self.images).remove(partition);
        Ok(())
    }

    fn remove(&self, pipeline: &PipelineId) -> Result<(), StoreError> {
        self.removals.fetch_add(1, Ordering::Relaxed);
        lock(&self.images).retain(|partition, _| partition.pipeline != *pipeline);
        Ok(())
    }

    /// Nothing is on disk.
    fn size_bytes(&self, _: &Name) -> Result<u64, StoreError> {
        Ok(0)
    }
}
