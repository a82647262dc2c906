//! One tenant's partitions that are open, and its database. Nothing that is done to it holds up another tenant, for
//! each has locks of its own.
//!
//! There are two, the first taken first: that of the database, held while it is opened or closed, while trees are
//! dropped and while a copy takes its place, which may take seconds; and that of the partitions, only held to look
//! one up, so that a query never waits for the first.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use tailrace_core::{
    identity::{PartitionId, PipelineId},
    life::Life,
    manifest::PipelineManifest,
    name::Name,
    ports::store::StoreError,
};
use tailrace_sketch::TenantSeed;

use crate::{
    followed::FollowedTree,
    handle::Condition,
    need::Looks,
    opening::guarded,
    partition::SledPartition,
    tenant_database::{Glance, Shared, TenantDatabase},
    tree_name::tree_name,
};

/// Partitions that are open.
type Partitions = BTreeMap<PartitionId, Arc<SledPartition>>;

/// One tenant's.
pub(crate) struct TenantStore {
    pub(crate) name: Name,
    pub(crate) shared: Arc<Shared>,
    pub(crate) glance: Arc<Glance>,
    database: Mutex<TenantDatabase>,
    partitions: RwLock<Partitions>,
    looks: Mutex<Looks>,
}

impl TenantStore {
    pub(crate) fn new(name: Name, shared: Arc<Shared>) -> Self {
        let glance = Arc::<Glance>::default();
        let database = TenantDatabase::new(name.clone(), shared.clone(), glance.clone());
        Self {
            name,
            shared,
            glance,
            database: Mutex::new(database),
            partitions: RwLock::default(),
            looks: Mutex::default(),
        }
    }

    /// Opens a partition's state store, empty if it is new.
    pub(crate) fn open(
        &self,
        partition: &PartitionId,
        manifest: &PipelineManifest,
        seed: TenantSeed,
    ) -> Result<Arc<SledPartition>, StoreError> {
        let mut database = self.lock();
        if let Some(store) = self.sound_partition(&mut database, partition)? {
            store.declare(manifest, seed);
            return Ok(store);
        }
        let store = match self.open_partition(&mut database, partition, manifest, seed) {
            Err(StoreError::Damaged(cause)) => {
                self.discard(&mut database, &cause)?;
                self.open_partition(&mut database, partition, manifest, seed)?
            }
            opened => opened?,
        };
        store.declare(manifest, seed);
        self.write_partitions().insert(partition.clone(), store.clone());
        Ok(store)
    }

    /// A partition that is open.
    pub(crate) fn existing(&self, partition: &PartitionId) -> Option<Arc<SledPartition>> {
        self.read_partitions().get(partition).cloned()
    }

    /// The store that is open already, if it can still be used.
    fn sound_partition(
        &self,
        database: &mut TenantDatabase,
        partition: &PartitionId,
    ) -> Result<Option<Arc<SledPartition>>, StoreError> {
        let tenant = &self.name;
        let Some(store) = self.existing(partition) else {
            return Ok(None);
        };
        match store.handle.condition() {
            Condition::Sound => return Ok(Some(store)),
            Condition::Failed => {
                tracing::warn!(%tenant, "the local database failed; it is opened anew");
                self.let_go(|_| true);
                database.close();
            }
            Condition::Damaged => {
                let (pipeline, partition_number) = (&partition.pipeline.pipeline, partition.partition);
                tracing::error!(%tenant, %pipeline, partition = partition_number, "the local state store is damaged; it is rebuilt from the stream");
                self.drop_trees(database, |named| named == partition)?;
            }
        }
        Ok(None)
    }

    fn open_partition(
        &self,
        database: &mut TenantDatabase,
        partition: &PartitionId,
        manifest: &PipelineManifest,
        seed: TenantSeed,
    ) -> Result<Arc<SledPartition>, StoreError> {
        let opened = database.opened()?;
        let tree = guarded(|| opened.database.open_tree(tree_name(partition)))?;
        let mut followed = FollowedTree::from(tree.clone());
        if let Some(copying) = database.copying().cloned() {
            match copying.follower(tree) {
                Ok(follower) => followed.follow(follower),
                Err(_) => database.end_copy(&copying),
            }
        }
        let part_cache = self.shared.part_cache.clone();
        Ok(Arc::new(SledPartition::open(
            followed, manifest, seed, part_cache,
        )?))
    }

    /// Deletes the state store of a partition.
    pub(crate) fn wipe(&self, partition: &PartitionId) -> Result<(), StoreError> {
        self.drop_trees(&mut self.lock(), |named| named == partition)
    }

    /// Deletes everything of one life of a pipeline, and the database with the last of them.
    pub(crate) fn remove(&self, pipeline: &PipelineId, life: Life) -> Result<(), StoreError> {
        let mut database = self.lock();
        self.drop_trees(&mut database, |named| {
            named.pipeline == *pipeline && named.life == life
        })?;
        self.remove_if_empty(&mut database)
    }

    /// Drops trees, and lets go of their partitions.
    fn drop_trees(
        &self,
        database: &mut TenantDatabase,
        is_meant: impl Fn(&PartitionId) -> bool,
    ) -> Result<(), StoreError> {
        self.let_go(&is_meant);
        let Some(opened) = database.opened_if_there()? else {
            return Ok(());
        };
        let mut meant = opened.partitions(&self.name);
        meant.retain(is_meant);
        if meant.is_empty() {
            return Ok(());
        }
        database.changes();
        for partition in meant {
            match guarded(|| opened.database.drop_tree(tree_name(&partition))) {
                Err(StoreError::Damaged(cause)) => return self.discard(database, &cause),
                dropped => drop(dropped?),
            }
        }
        Ok(())
    }

    /// Removes a database that has nothing.
    pub(crate) fn remove_if_empty(&self, database: &mut TenantDatabase) -> Result<(), StoreError> {
        if !database.is_empty() {
            return Ok(());
        }
        tracing::info!(tenant = %self.name, "the last of the tenant's state is gone from this machine; its database is removed");
        self.let_go(|_| true);
        database.remove()
    }

    /// Deletes everything of the tenant.
    pub(crate) fn remove_all(&self) -> Result<(), StoreError> {
        let mut database = self.lock();
        self.let_go(|_| true);
        database.remove_all()
    }

    /// Removes what was kept of damaged databases, where the tenant has nothing else here any more.
    pub(crate) fn remove_orphans(&self) -> Result<(), StoreError> {
        let _database = self.lock();
        let folders = &self.shared.folders;
        if folders.current(&self.name)?.is_some() {
            return Ok(());
        }
        folders.remove_all(&self.name)
    }

    /// The lives of pipelines that have anything here.
    pub(crate) fn lives(&self) -> Result<Vec<(PipelineId, Life)>, StoreError> {
        let Some(opened) = self.lock().opened_if_there()? else {
            return Ok(Vec::new());
        };
        let partitions = opened.partitions(&self.name).into_iter();
        let mut lives: Vec<_> = partitions
            .map(|partition| (partition.pipeline, partition.life))
            .collect();
        lives.sort_unstable();
        lives.dedup();
        Ok(lives)
    }

    /// Bytes on disk; waits for nobody.
    pub(crate) fn size_bytes(&self) -> Result<u64, StoreError> {
        self.glance.size_bytes(&self.name, &self.shared.folders)
    }

    /// Whether nothing would be lost by forgetting it.
    pub(crate) fn is_idle(&self) -> bool {
        let database = self.database.try_lock();
        database.is_ok_and(|database| !database.is_open()) && self.read_partitions().is_empty()
    }

    fn discard(&self, database: &mut TenantDatabase, cause: &str) -> Result<(), StoreError> {
        self.let_go(|_| true);
        database.discard(cause)
    }

    /// Closes partitions. Whoever still works with one gets an error at the next use, and recovers.
    fn let_go(&self, is_meant: impl Fn(&PartitionId) -> bool) {
        let mut partitions = self.write_partitions();
        let gone: Vec<_> = partitions
            .extract_if(.., |partition, _| is_meant(partition))
            .collect();
        drop(partitions);
        for (_, store) in gone {
            store.handle.let_go();
        }
    }

    /// Does not find a partition any more that was let go of.
    pub(crate) fn forget(&self, partition: &PartitionId) {
        self.write_partitions().remove(partition);
    }

    /// The partitions that are open now.
    pub(crate) fn partitions(&self) -> Partitions {
        self.read_partitions().clone()
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, TenantDatabase> {
        self.database.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn looks(&self) -> MutexGuard<'_, Looks> {
        self.looks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn read_partitions(&self) -> RwLockReadGuard<'_, Partitions> {
        self.partitions.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write_partitions(&self) -> RwLockWriteGuard<'_, Partitions> {
        self.partitions.write().unwrap_or_else(PoisonError::into_inner)
    }
}
