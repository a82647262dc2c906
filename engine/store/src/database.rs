//! The store of all tenants: one sled database a tenant, so that a damaged one is one tenant's and its size is
//! one tenant's.
//!
//! The map of tenants is only held to look one up. Whatever takes long is done under a lock of its tenant (see
//! [`crate::tenant`]), so opening, dropping and copying of one tenant's database hold up nobody else.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{
        Arc, Mutex, PoisonError, RwLock, TryLockError,
        atomic::{AtomicU64, Ordering},
    },
};

use tailrace_core::{
    identity::{PartitionId, PipelineId},
    life::Life,
    manifest::PipelineManifest,
    name::Name,
    ports::store::{
        Applied, Exported, LocalStore, PartCounts, PartitionStore, ReclaimCounts, ReclaimStep, StoreError,
    },
};
use tailrace_sketch::TenantSeed;

use crate::{
    compaction::{Compacted, reclaim},
    copying::Halt,
    folders::Folders,
    opening::StoreOptions,
    tenant::TenantStore,
    tenant_database::Shared,
    transfer,
};

/// The databases under one folder.
pub struct SledStore {
    shared: Arc<Shared>,
    tenants: RwLock<BTreeMap<Name, Arc<TenantStore>>>,
    /// One pass at a time.
    reclaiming: Mutex<()>,
    compactions: AtomicU64,
    failed_compactions: AtomicU64,
    reclaimed_bytes: AtomicU64,
}

impl SledStore {
    /// Databases under `root`, which is made if it is missing.
    pub fn open(root: PathBuf, options: StoreOptions) -> Result<Self, StoreError> {
        let is_no_folder = root.exists() && !root.is_dir();
        let store = Self {
            shared: Arc::new(Shared {
                folders: Folders::new(root),
                options,
                part_cache: Arc::default(),
                moved_aside: AtomicU64::new(u64::from(is_no_folder)),
            }),
            tenants: RwLock::default(),
            reclaiming: Mutex::default(),
            compactions: AtomicU64::new(0),
            failed_compactions: AtomicU64::new(0),
            reclaimed_bytes: AtomicU64::new(0),
        };
        let folders = &store.shared.folders;
        if is_no_folder {
            tracing::error!("the path of the databases is no folder; it is moved aside");
            folders.move_root_aside()?;
        }
        folders.prepare()?;
        Ok(store)
    }

    /// How many databases were found damaged and moved aside.
    pub fn moved_aside(&self) -> u64 {
        self.shared.moved_aside.load(Ordering::Relaxed)
    }

    /// A tenant, if anything was done with it.
    fn known(&self, name: &Name) -> Option<Arc<TenantStore>> {
        let tenants = self.tenants.read().unwrap_or_else(PoisonError::into_inner);
        tenants.get(name).cloned()
    }

    fn tenant(&self, name: &Name) -> Arc<TenantStore> {
        if let Some(known) = self.known(name) {
            return known;
        }
        let mut tenants = self.tenants.write().unwrap_or_else(PoisonError::into_inner);
        let made = || Arc::new(TenantStore::new(name.clone(), self.shared.clone()));
        tenants.entry(name.clone()).or_insert_with(made).clone()
    }

    /// Does something with a tenant that may leave nothing of it.
    fn with_tenant<T>(&self, name: &Name, act: impl FnOnce(&TenantStore) -> T) -> T {
        let tenant = self.tenant(name);
        let done = act(&tenant);
        let mut tenants = self.tenants.write().unwrap_or_else(PoisonError::into_inner);
        // This one and the map's: nobody else has it, and nobody gets it while the map is locked.
        if Arc::strong_count(&tenant) == 2 && tenant.is_idle() {
            tenants.remove(name);
        }
        done
    }

    fn pass(&self, may_go_on: &dyn Fn(&Name, ReclaimStep) -> bool) -> Result<(), StoreError> {
        let folders = &self.shared.folders;
        for tenant in folders.owners_of_damaged()? {
            self.with_tenant(&tenant, TenantStore::remove_orphans)?;
        }
        for tenant in folders.tenants()? {
            if !self.reclaim_of(&tenant, may_go_on) {
                break;
            }
        }
        Ok(())
    }

    /// Gives a tenant's disk back; false where the engine stops.
    fn reclaim_of(&self, name: &Name, may_go_on: &dyn Fn(&Name, ReclaimStep) -> bool) -> bool {
        let may_go_on = |step| may_go_on(name, step);
        match self.with_tenant(name, |tenant| reclaim(tenant, &may_go_on)) {
            Ok(None) | Err(Halt::Overtaken) => true,
            Ok(Some(Compacted {
                before_bytes,
                after_bytes,
            })) => {
                tracing::info!(tenant = %name, before_bytes, after_bytes, "the local database gave disk back");
                let bytes = before_bytes.saturating_sub(after_bytes);
                self.compactions.fetch_add(1, Ordering::Relaxed);
                self.reclaimed_bytes.fetch_add(bytes, Ordering::Relaxed);
                true
            }
            Err(Halt::Failed(cause)) => {
                tracing::warn!(tenant = %name, %cause, "the local database could not give disk back; it goes on as it was");
                self.failed_compactions.fetch_add(1, Ordering::Relaxed);
                true
            }
            Err(Halt::Stopped) => false,
        }
    }
}

impl LocalStore for SledStore {
    fn open(
        &self,
        partition: &PartitionId,
        manifest: &PipelineManifest,
        seed: TenantSeed,
    ) -> Result<Arc<dyn PartitionStore>, StoreError> {
        let tenant = self.tenant(&partition.pipeline.tenant);
        Ok(tenant.open(partition, manifest, seed)?)
    }

    fn existing(&self, partition: &PartitionId) -> Result<Option<Arc<dyn PartitionStore>>, StoreError> {
        let tenant = self.known(&partition.pipeline.tenant);
        let store = tenant.and_then(|tenant| tenant.existing(partition));
        Ok(store.map(|store| store as Arc<dyn PartitionStore>))
    }

    fn read_export(
        &self,
        source: &mut dyn Iterator<Item = Vec<u8>>,
        each: &mut dyn FnMut(Exported<'_>),
    ) -> Result<Applied, StoreError> {
        transfer::read(source, each)
    }

    fn wipe(&self, partition: &PartitionId) -> Result<(), StoreError> {
        self.with_tenant(&partition.pipeline.tenant, |tenant| tenant.wipe(partition))
    }

    fn remove(&self, pipeline: &PipelineId, life: Life) -> Result<(), StoreError> {
        self.with_tenant(&pipeline.tenant, |tenant| tenant.remove(pipeline, life))
    }

    fn tenants(&self) -> Result<Vec<Name>, StoreError> {
        self.shared.folders.tenants()
    }

    fn lives(&self, tenant: &Name) -> Result<Vec<(PipelineId, Life)>, StoreError> {
        self.with_tenant(tenant, TenantStore::lives)
    }

    fn remove_tenant(&self, tenant: &Name) -> Result<(), StoreError> {
        self.with_tenant(tenant, TenantStore::remove_all)
    }

    fn part_counts(&self) -> PartCounts {
        self.shared.part_cache.counts()
    }

    fn size_bytes(&self, tenant: &Name) -> Result<u64, StoreError> {
        match self.known(tenant) {
            Some(known) => known.size_bytes(),
            None => self.shared.folders.size_of(tenant),
        }
    }

    fn reclaim(&self, may_go_on: &dyn Fn(&Name, ReclaimStep) -> bool) {
        let _alone = match self.reclaiming.try_lock() {
            Err(TryLockError::WouldBlock) => return,
            Err(TryLockError::Poisoned(alone)) => alone.into_inner(),
            Ok(alone) => alone,
        };
        if let Err(cause) = self.pass(may_go_on) {
            tracing::warn!(%cause, "not all local databases could be looked at");
        }
    }

    fn reclaim_counts(&self) -> ReclaimCounts {
        ReclaimCounts {
            compactions: self.compactions.load(Ordering::Relaxed),
            failed: self.failed_compactions.load(Ordering::Relaxed),
            bytes: self.reclaimed_bytes.load(Ordering::Relaxed),
        }
    }
}
