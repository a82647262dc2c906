//! The databases: one sled database a tenant, so that a damaged one is one tenant's and its size is
//! one tenant's. Opened when first needed and kept open.

use std::{
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use sled::{Config, Db, Mode};
use tailrace_core::{
    identity::{PartitionId, PipelineId},
    life::Life,
    manifest::PipelineManifest,
    name::Name,
    ports::store::{LocalStore, PartCounts, PartitionStore, StoreError},
};
use tailrace_sketch::TenantSeed;

use crate::{handle::Condition, partition::SledPartition, value::failed, windowed::part_cache::PartCache};

/// Damaged databases that are kept for a look; older ones are deleted.
const KEPT_DAMAGED: usize = 3;
/// How often sled writes its log out on its own. The stream is the truth, so this only bounds how
/// much is applied again after a crash of the machine.
const FLUSH_EVERY_MS: u64 = 1_000;

/// Tries, and the pause between them, while the folder is still locked: five seconds in all.
const LOCK_TRIES: u32 = 100;
const LOCK_PAUSE: std::time::Duration = std::time::Duration::from_millis(50);

/// How databases are opened.
#[derive(Debug, Clone)]
pub struct StoreOptions {
    /// Page cache of each database, in bytes. sled's own default is a gigabyte, which 50 tenants do
    /// not have.
    pub cache_bytes: u64,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self {
            cache_bytes: 64 << 20,
        }
    }
}

/// The databases under one folder.
pub struct SledStore {
    root: PathBuf,
    options: StoreOptions,
    open: Mutex<Open>,
    moved_aside: AtomicU64,
    part_cache: Arc<PartCache>,
}

#[derive(Default)]
struct Open {
    databases: BTreeMap<Name, Db>,
    partitions: BTreeMap<PartitionId, Arc<SledPartition>>,
}

impl SledStore {
    /// Databases under `root`, which is made if it is missing.
    pub fn open(root: PathBuf, options: StoreOptions) -> Result<Self, StoreError> {
        let store = Self {
            root,
            options,
            open: Mutex::default(),
            moved_aside: AtomicU64::new(0),
            part_cache: Arc::default(),
        };
        let root = &store.root;
        if root.exists() && !root.is_dir() {
            tracing::error!(place = %root.display(), "the path of the databases is no folder; it is moved aside");
            store.move_aside(root)?;
        }
        std::fs::create_dir_all(root)
            .map_err(|cause| StoreError::Io(format!("cannot make {}: {cause}", root.display())))?;
        Ok(store)
    }

    /// How many databases were found damaged and moved aside.
    pub fn moved_aside(&self) -> u64 {
        self.moved_aside.load(Ordering::Relaxed)
    }

    fn lock(&self) -> MutexGuard<'_, Open> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Closes a tenant's database, so that it is opened anew. Whoever still works with a part of it
    /// gets an error at the next use, and recovers.
    fn close(open: &mut Open, tenant: &Name) {
        let of_tenant =
            |partition: &PartitionId, _: &mut Arc<SledPartition>| partition.pipeline.tenant == *tenant;
        for (_, store) in open.partitions.extract_if(.., of_tenant) {
            store.handle.let_go();
        }
        open.databases.remove(tenant);
    }

    /// Damage that reaches beyond a partition: the database is moved aside, and an empty one is opened.
    fn discard(&self, open: &mut Open, tenant: &Name, cause: &str) -> Result<(), StoreError> {
        tracing::error!(%tenant, cause, "the local database is damaged; it is moved aside and rebuilt from the stream");
        Self::close(open, tenant);
        self.move_aside(&self.root.join(tenant.as_str()))
    }

    /// The store that is open already, if it can still be used.
    fn sound_partition(
        &self,
        open: &mut Open,
        partition: &PartitionId,
    ) -> Result<Option<Arc<SledPartition>>, StoreError> {
        let tenant = &partition.pipeline.tenant;
        let Some(store) = open.partitions.get(partition) else {
            return Ok(None);
        };
        match store.handle.condition() {
            Condition::Sound => return Ok(Some(store.clone())),
            Condition::Failed => {
                tracing::warn!(%tenant, "the local database failed; it is opened anew");
                Self::close(open, tenant);
            }
            Condition::Damaged => {
                let (pipeline, partition_number) = (&partition.pipeline.pipeline, partition.partition);
                tracing::error!(%tenant, %pipeline, partition = partition_number, "the local state store is damaged; it is rebuilt from the stream");
                self.wipe_in(open, partition)?;
            }
        }
        Ok(None)
    }

    fn open_partition(
        &self,
        open: &mut Open,
        partition: &PartitionId,
        manifest: &PipelineManifest,
        seed: TenantSeed,
    ) -> Result<Arc<SledPartition>, StoreError> {
        let database = self.database(open, &partition.pipeline.tenant)?;
        let tree = guarded(|| database.open_tree(tree_name(partition)))?;
        Ok(Arc::new(SledPartition::open(
            tree,
            manifest,
            seed,
            self.part_cache.clone(),
        )?))
    }

    fn wipe_in(&self, open: &mut Open, partition: &PartitionId) -> Result<(), StoreError> {
        if let Some(store) = open.partitions.remove(partition) {
            store.handle.let_go();
        }
        let tenant = &partition.pipeline.tenant;
        let database = self.database(open, tenant)?;
        match guarded(|| database.drop_tree(tree_name(partition))) {
            Err(StoreError::Damaged(cause)) => self.discard(open, tenant, &cause),
            dropped => dropped.map(drop),
        }
    }

    fn database(&self, open: &mut Open, tenant: &Name) -> Result<Db, StoreError> {
        if let Some(database) = open.databases.get(tenant) {
            return Ok(database.clone());
        }
        let folder = self.root.join(tenant.as_str());
        let mut opened = self.open_database(&folder);
        for _ in 0..LOCK_TRIES {
            // sled lets go of its lock a moment after the last handle is dropped.
            if !matches!(opened, Err(StoreError::Io(_))) {
                break;
            }
            std::thread::sleep(LOCK_PAUSE);
            opened = self.open_database(&folder);
        }
        let database = match opened {
            Err(StoreError::Damaged(cause)) => {
                self.discard(open, tenant, &cause)?;
                self.open_database(&folder)?
            }
            opened => opened?,
        };
        open.databases.insert(tenant.clone(), database.clone());
        Ok(database)
    }

    fn open_database(&self, folder: &Path) -> Result<Db, StoreError> {
        let config = Config::new()
            .path(folder)
            .mode(Mode::HighThroughput)
            .cache_capacity(self.options.cache_bytes)
            .flush_every_ms(Some(FLUSH_EVERY_MS));
        // sled panics on some kinds of damage.
        match catch_unwind(AssertUnwindSafe(|| config.open())) {
            Ok(Ok(database)) => Ok(database),
            Ok(Err(sled::Error::Io(cause))) if cause.to_string().contains("lock") => Err(StoreError::Io(
                format!("{} is in use by another process", folder.display()),
            )),
            Ok(Err(sled::Error::Io(cause))) if is_the_disks(&cause) => Err(StoreError::Io(format!(
                "{} cannot be opened: {cause}",
                folder.display()
            ))),
            Ok(Err(cause)) => Err(StoreError::Damaged(cause.to_string())),
            Err(_) => Err(StoreError::Damaged("sled panicked when it was opened".to_owned())),
        }
    }

    fn move_aside(&self, folder: &Path) -> Result<(), StoreError> {
        self.moved_aside.fetch_add(1, Ordering::Relaxed);
        let io = |cause: std::io::Error| {
            StoreError::Io(format!("cannot move {} aside: {cause}", folder.display()))
        };
        let mut aside = damaged_folders(folder).map_err(io)?;
        let number = aside.last().map_or(1, |(number, _)| number + 1);
        let name = folder.file_name().unwrap_or_default().to_string_lossy();
        std::fs::rename(folder, folder.with_file_name(format!("{name}.damaged-{number}"))).map_err(io)?;
        let surplus = (aside.len() + 1).saturating_sub(KEPT_DAMAGED);
        for (_, old) in aside.drain(..surplus) {
            let gone = if old.is_dir() {
                std::fs::remove_dir_all(old)
            } else {
                std::fs::remove_file(old)
            };
            gone.map_err(io)?;
        }
        Ok(())
    }
}

/// sled panics on some kinds of damage.
fn guarded<T>(act: impl FnOnce() -> sled::Result<T>) -> Result<T, StoreError> {
    match catch_unwind(AssertUnwindSafe(act)) {
        Ok(done) => done.map_err(|cause| failed(&cause)),
        Err(_) => Err(StoreError::Damaged("sled panicked".to_owned())),
    }
}

/// Whether an error says nothing of the data: it will be fine once the disk is.
fn is_the_disks(cause: &std::io::Error) -> bool {
    use std::io::ErrorKind::{PermissionDenied, QuotaExceeded, ReadOnlyFilesystem, StorageFull};
    matches!(
        cause.kind(),
        PermissionDenied | QuotaExceeded | ReadOnlyFilesystem | StorageFull
    )
}

/// Folders that were moved aside, oldest first.
fn damaged_folders(folder: &Path) -> std::io::Result<Vec<(u64, PathBuf)>> {
    let prefix = format!(
        "{}.damaged-",
        folder.file_name().unwrap_or_default().to_string_lossy()
    );
    let parent = folder.parent().unwrap_or(Path::new("."));
    let mut found = Vec::new();
    for entry in std::fs::read_dir(parent)? {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if let Some(number) = name.strip_prefix(&prefix).and_then(|number| number.parse().ok()) {
            found.push((number, entry.path()));
        }
    }
    found.sort_unstable();
    Ok(found)
}

/// Names have no slash, so no two partitions share a tree, and no two lives of one name.
fn tree_name(partition: &PartitionId) -> String {
    let PartitionId {
        pipeline,
        life,
        partition,
    } = partition;
    let name = format!("{}/{partition}", pipeline.pipeline);
    if life.is_unnamed() {
        name
    } else {
        format!("{name}/{life}")
    }
}

/// The partition that a tree is of; none for a tree of sled's own.
fn partition_of(tenant: &Name, tree: &[u8]) -> Option<PartitionId> {
    let name = std::str::from_utf8(tree).ok()?;
    PartitionId::of_place(&format!("{tenant}/{name}"))
}

impl LocalStore for SledStore {
    fn open(
        &self,
        partition: &PartitionId,
        manifest: &PipelineManifest,
        seed: TenantSeed,
    ) -> Result<Arc<dyn PartitionStore>, StoreError> {
        let mut open = self.lock();
        if let Some(store) = self.sound_partition(&mut open, partition)? {
            store.declare(manifest, seed);
            return Ok(store);
        }
        let store = match self.open_partition(&mut open, partition, manifest, seed) {
            Err(StoreError::Damaged(cause)) => {
                self.discard(&mut open, &partition.pipeline.tenant, &cause)?;
                self.open_partition(&mut open, partition, manifest, seed)?
            }
            opened => opened?,
        };
        store.declare(manifest, seed);
        open.partitions.insert(partition.clone(), store.clone());
        Ok(store)
    }

    fn existing(&self, partition: &PartitionId) -> Result<Option<Arc<dyn PartitionStore>>, StoreError> {
        let open = self.lock();
        let store = open.partitions.get(partition).cloned();
        Ok(store.map(|store| store as Arc<dyn PartitionStore>))
    }

    fn wipe(&self, partition: &PartitionId) -> Result<(), StoreError> {
        self.wipe_in(&mut self.lock(), partition)
    }

    fn remove(&self, pipeline: &PipelineId, life: Life) -> Result<(), StoreError> {
        let mut open = self.lock();
        let is_of = |partition: &PartitionId| partition.pipeline == *pipeline && partition.life == life;
        open.partitions.retain(|partition, _| !is_of(partition));
        let database = self.database(&mut open, &pipeline.tenant)?;
        for name in database.tree_names() {
            if partition_of(&pipeline.tenant, &name).is_some_and(|partition| is_of(&partition)) {
                guarded(|| database.drop_tree(&name))?;
            }
        }
        Ok(())
    }

    fn tenants(&self) -> Result<Vec<Name>, StoreError> {
        let io =
            |cause: std::io::Error| StoreError::Io(format!("cannot list {}: {cause}", self.root.display()));
        let mut found = Vec::new();
        for entry in std::fs::read_dir(&self.root).map_err(io)? {
            let name = entry.map_err(io)?.file_name();
            found.extend(name.to_str().and_then(|name| Name::new(name).ok()));
        }
        Ok(found)
    }

    fn lives(&self, tenant: &Name) -> Result<Vec<(PipelineId, Life)>, StoreError> {
        let mut open = self.lock();
        let database = self.database(&mut open, tenant)?;
        let names = database.tree_names();
        let mut lives: Vec<_> = names
            .iter()
            .filter_map(|name| partition_of(tenant, name))
            .map(|partition| (partition.pipeline, partition.life))
            .collect();
        lives.sort_unstable();
        lives.dedup();
        Ok(lives)
    }

    fn remove_tenant(&self, tenant: &Name) -> Result<(), StoreError> {
        let mut open = self.lock();
        Self::close(&mut open, tenant);
        let folder = self.root.join(tenant.as_str());
        match std::fs::remove_dir_all(&folder) {
            Err(cause) if cause.kind() != std::io::ErrorKind::NotFound => Err(StoreError::Io(format!(
                "cannot remove {}: {cause}",
                folder.display()
            ))),
            _ => Ok(()),
        }
    }

    fn part_counts(&self) -> PartCounts {
        self.part_cache.counts()
    }

    fn size_bytes(&self, tenant: &Name) -> Result<u64, StoreError> {
        let mut open = self.lock();
        let database = self.database(&mut open, tenant)?;
        database.size_on_disk().map_err(|cause| failed(&cause))
    }
}
