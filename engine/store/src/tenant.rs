//! One tenant's database and the partitions of it that are open. The database is opened when first needed and
//! kept open; nothing that is done to it holds up another tenant, for each has a lock of its own.
//!
//! Two locks, the first taken first: [`Database`], held while the database is opened or closed, while trees are
//! dropped and while a copy takes its place, which may take seconds; and the partitions, only held to look one up,
//! so that a query never waits for the first.

use std::{
    collections::BTreeMap,
    path::PathBuf,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard,
        atomic::{AtomicU64, Ordering},
    },
};

use sled::{Db, IVec};
use tailrace_core::{
    identity::{PartitionId, PipelineId},
    life::Life,
    manifest::PipelineManifest,
    name::Name,
    ports::store::StoreError,
};
use tailrace_sketch::TenantSeed;

use crate::{
    copying::Copying,
    folders::{self, Folders},
    followed::FollowedTree,
    handle::Condition,
    need::Looks,
    opening::{StoreOptions, guarded, open_database},
    partition::SledPartition,
    tree_name::{partition_of, tree_name},
    windowed::part_cache::PartCache,
};

/// What all tenants share.
pub(crate) struct Shared {
    pub(crate) folders: Folders,
    pub(crate) options: StoreOptions,
    pub(crate) part_cache: Arc<PartCache>,
    pub(crate) moved_aside: AtomicU64,
}

/// One tenant's.
pub(crate) struct TenantStore {
    pub(crate) name: Name,
    pub(crate) shared: Arc<Shared>,
    database: Mutex<Database>,
    partitions: RwLock<BTreeMap<PartitionId, Arc<SledPartition>>>,
    /// Where the database is, while it is open: who asks for its size waits for nobody.
    place: RwLock<Option<PathBuf>>,
    looks: Mutex<Looks>,
    /// How often the database was closed or trees were dropped: who reads it looks whether that has happened.
    changes: AtomicU64,
}

/// The database, and the copy of it that is being made.
#[derive(Default)]
pub(crate) struct Database {
    pub(crate) opened: Option<Opened>,
    pub(crate) copying: Option<Arc<Copying>>,
}

/// A database that is open.
pub(crate) struct Opened {
    pub(crate) database: Db,
    pub(crate) folder: PathBuf,
}

impl TenantStore {
    pub(crate) fn new(name: Name, shared: Arc<Shared>) -> Self {
        Self {
            name,
            shared,
            database: Mutex::default(),
            partitions: RwLock::default(),
            place: RwLock::default(),
            looks: Mutex::default(),
            changes: AtomicU64::new(0),
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
        database: &mut Database,
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
                self.close(database);
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
        database: &mut Database,
        partition: &PartitionId,
        manifest: &PipelineManifest,
        seed: TenantSeed,
    ) -> Result<Arc<SledPartition>, StoreError> {
        let opened = self.opened(database)?;
        let tree = guarded(|| opened.open_tree(tree_name(partition)))?;
        let mut followed = FollowedTree::from(tree.clone());
        if let Some(copying) = &database.copying {
            match copying.follower(tree) {
                Ok(follower) => followed.follow(follower),
                Err(_) => Self::give_up_copy(database),
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
        database: &mut Database,
        is_meant: impl Fn(&PartitionId) -> bool,
    ) -> Result<(), StoreError> {
        self.let_go(&is_meant);
        let Some(opened) = self.opened_if_there(database)? else {
            return Ok(());
        };
        let names = opened.tree_names().into_iter();
        let meant: Vec<_> = names
            .filter(|name| partition_of(&self.name, name).is_some_and(|named| is_meant(&named)))
            .collect();
        if meant.is_empty() {
            return Ok(());
        }
        self.changes(database);
        for name in meant {
            match guarded(|| opened.drop_tree(&name)) {
                Err(StoreError::Damaged(cause)) => return self.discard(database, &cause),
                dropped => drop(dropped?),
            }
        }
        Ok(())
    }

    /// Closes and removes a database that has nothing.
    pub(crate) fn remove_if_empty(&self, database: &mut Database) -> Result<(), StoreError> {
        let Some(opened) = &database.opened else {
            return Ok(());
        };
        let is_ours = |name: &IVec| partition_of(&self.name, name).is_some();
        if opened.database.tree_names().iter().any(is_ours) {
            return Ok(());
        }
        let folder = opened.folder.clone();
        self.close(database);
        tracing::info!(tenant = %self.name, "the last of the tenant's state is gone from this machine; its database is removed");
        self.shared.folders.remove(&folder)
    }

    /// Deletes everything of the tenant.
    pub(crate) fn remove_all(&self) -> Result<(), StoreError> {
        let mut database = self.lock();
        self.close(&mut database);
        self.shared.folders.remove_all(&self.name)
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
        let Some(opened) = self.opened_if_there(&mut self.lock())? else {
            return Ok(Vec::new());
        };
        let names = opened.tree_names();
        let partitions = names.iter().filter_map(|name| partition_of(&self.name, name));
        let mut lives: Vec<_> = partitions
            .map(|partition| (partition.pipeline, partition.life))
            .collect();
        lives.sort_unstable();
        lives.dedup();
        Ok(lives)
    }

    /// Bytes on disk.
    pub(crate) fn size_bytes(&self) -> Result<u64, StoreError> {
        let place = self.place.read().unwrap_or_else(PoisonError::into_inner).clone();
        match place {
            Some(place) => Ok(folders::size(&place)),
            None => self.shared.folders.size_of(&self.name),
        }
    }

    /// Whether nothing would be lost by forgetting it.
    pub(crate) fn is_idle(&self) -> bool {
        let database = self.database.try_lock();
        database.is_ok_and(|database| database.opened.is_none()) && self.read_partitions().is_empty()
    }

    /// The tenant's database, which is made if it has none.
    fn opened(&self, database: &mut Database) -> Result<Db, StoreError> {
        if let Some(opened) = &database.opened {
            return Ok(opened.database.clone());
        }
        let Shared { folders, options, .. } = &*self.shared;
        let known = folders.current(&self.name)?;
        let mut folder = known.unwrap_or_else(|| folders.first(&self.name));
        let sled = match open_database(&folder, *options) {
            Err(StoreError::Damaged(cause)) => {
                self.move_aside(&folder, &cause)?;
                folder = folders.first(&self.name);
                open_database(&folder, *options)?
            }
            opened => opened?,
        };
        // Only now: its lock says that no other engine works here.
        folders.keep_only(&self.name, Some(&folder))?;
        self.put(database, sled.clone(), folder);
        Ok(sled)
    }

    /// The tenant's database, where it has one.
    pub(crate) fn opened_if_there(&self, database: &mut Database) -> Result<Option<Db>, StoreError> {
        let folders = &self.shared.folders;
        if database.opened.is_none() && folders.current(&self.name)?.is_none() {
            return folders.keep_only(&self.name, None).map(|()| None);
        }
        self.opened(database).map(Some)
    }

    /// The tenant's database is this one.
    pub(crate) fn put(&self, database: &mut Database, sled: Db, folder: PathBuf) {
        *self.place.write().unwrap_or_else(PoisonError::into_inner) = Some(folder.clone());
        database.opened = Some(Opened {
            database: sled,
            folder,
        });
    }

    /// Damage that reaches beyond a partition: the database is moved aside, and an empty one will be opened.
    fn discard(&self, database: &mut Database, cause: &str) -> Result<(), StoreError> {
        let folder = database.opened.as_ref().map(|opened| opened.folder.clone());
        self.close(database);
        let folder = folder.unwrap_or_else(|| self.shared.folders.first(&self.name));
        self.move_aside(&folder, cause)
    }

    fn move_aside(&self, folder: &std::path::Path, cause: &str) -> Result<(), StoreError> {
        tracing::error!(tenant = %self.name, cause, "the local database is damaged; it is moved aside and rebuilt from the stream");
        self.shared.moved_aside.fetch_add(1, Ordering::Relaxed);
        // What it was copied from must not be taken for the database.
        self.shared.folders.keep_only(&self.name, Some(folder))?;
        self.shared.folders.move_aside(&self.name, folder)
    }

    /// Closes the database, so that it is opened anew. Whoever still works with a part of it gets an error at the
    /// next use, and recovers.
    fn close(&self, database: &mut Database) {
        self.changes(database);
        self.let_go(|_| true);
        *self.place.write().unwrap_or_else(PoisonError::into_inner) = None;
        database.opened = None;
    }

    /// What anybody has read or copied of the database is of no use.
    fn changes(&self, database: &mut Database) {
        self.changes.fetch_add(1, Ordering::SeqCst);
        Self::give_up_copy(database);
        self.looks().forget();
    }

    /// How often the database was closed or trees were dropped.
    pub(crate) fn changed(&self) -> u64 {
        self.changes.load(Ordering::SeqCst)
    }

    /// The copy that is being made will not take the database's place; whoever makes it removes it.
    pub(crate) fn give_up_copy(database: &mut Database) {
        if let Some(copying) = database.copying.take() {
            copying.end();
        }
    }

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

    pub(crate) fn lock(&self) -> MutexGuard<'_, Database> {
        self.database.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn looks(&self) -> MutexGuard<'_, Looks> {
        self.looks.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn read_partitions(&self) -> RwLockReadGuard<'_, BTreeMap<PartitionId, Arc<SledPartition>>> {
        self.partitions.read().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn write_partitions(&self) -> RwLockWriteGuard<'_, BTreeMap<PartitionId, Arc<SledPartition>>> {
        self.partitions.write().unwrap_or_else(PoisonError::into_inner)
    }
}
