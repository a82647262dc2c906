//! One tenant's sled database: where it is, whether it is open, and the copy of it that is being made. It is opened
//! when first needed and kept open. Whoever closes it lets go of its partitions first.
//!
//! What others may read without waiting for its lock is in [`Glance`].

use std::{
    path::{Path, PathBuf},
    sync::{
        Arc, PoisonError, RwLock,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

use tailrace_core::{name::Name, ports::store::StoreError};

use crate::{
    copying::Copying,
    folders::{self, Folders},
    opened::Opened,
    opening::StoreOptions,
    windowed::part_cache::PartCache,
};

/// What all tenants share.
pub(crate) struct Shared {
    pub(crate) folders: Folders,
    pub(crate) options: StoreOptions,
    pub(crate) part_cache: Arc<PartCache>,
    pub(crate) moved_aside: AtomicU64,
}

/// What is known of a database without its lock.
#[derive(Default)]
pub(crate) struct Glance {
    /// Where it is, while it is open.
    place: RwLock<Option<PathBuf>>,
    /// How often it was closed or trees were dropped: what was read before is of no use.
    changes: AtomicU64,
}

/// The database.
pub(crate) struct TenantDatabase {
    name: Name,
    shared: Arc<Shared>,
    glance: Arc<Glance>,
    opened: Option<Arc<Opened>>,
    /// The one that was open before, and whether sled could not close it.
    closed: Option<(PathBuf, Arc<AtomicBool>)>,
    copying: Option<Arc<Copying>>,
}

impl Glance {
    /// Bytes on disk.
    pub(crate) fn size_bytes(&self, tenant: &Name, folders: &Folders) -> Result<u64, StoreError> {
        let place = self.place.read().unwrap_or_else(PoisonError::into_inner).clone();
        match place {
            Some(place) => Ok(folders::size(&place)),
            None => folders.size_of(tenant),
        }
    }

    /// How often it was closed or trees were dropped.
    pub(crate) fn changes(&self) -> u64 {
        self.changes.load(Ordering::SeqCst)
    }

    fn put(&self, place: Option<PathBuf>) {
        *self.place.write().unwrap_or_else(PoisonError::into_inner) = place;
    }
}

impl TenantDatabase {
    pub(crate) fn new(name: Name, shared: Arc<Shared>, glance: Arc<Glance>) -> Self {
        Self {
            name,
            shared,
            glance,
            opened: None,
            closed: None,
            copying: None,
        }
    }

    pub(crate) fn is_open(&self) -> bool {
        self.opened.is_some()
    }

    /// Where it is.
    pub(crate) fn folder(&self) -> Result<Option<PathBuf>, StoreError> {
        match &self.opened {
            Some(opened) => Ok(Some(opened.folder.clone())),
            None => self.shared.folders.current(&self.name),
        }
    }

    /// Opens it, where it is not open; it is made if there is none.
    pub(crate) fn opened(&mut self) -> Result<Arc<Opened>, StoreError> {
        if let Some(opened) = &self.opened {
            return Ok(opened.clone());
        }
        self.remove_if_stuck()?;
        let Shared { folders, options, .. } = &*self.shared;
        let known = folders.current(&self.name)?;
        let folder = known.unwrap_or_else(|| folders.first(&self.name));
        let opened = match Opened::open(folder.clone(), *options) {
            Err(StoreError::Damaged(cause)) => {
                self.move_aside(&folder, &cause)?;
                Opened::open(folders.first(&self.name), *options)?
            }
            opened => opened?,
        };
        // Only now: its lock says that no other engine works here.
        if let Err(cause) = folders.keep_only(&self.name, Some(&opened.folder)) {
            tracing::warn!(tenant = %self.name, %cause, "what is left of the tenant's earlier databases cannot be removed now");
        }
        Ok(self.put(opened))
    }

    /// The same, but none is made.
    pub(crate) fn opened_if_there(&mut self) -> Result<Option<Arc<Opened>>, StoreError> {
        let folders = &self.shared.folders;
        if self.opened.is_none() && folders.current(&self.name)?.is_none() {
            return folders.keep_only(&self.name, None).map(|()| None);
        }
        self.opened().map(Some)
    }

    /// A database that sled could not close keeps its lock until the engine ends. What it holds is rebuilt from
    /// the stream.
    fn remove_if_stuck(&mut self) -> Result<(), StoreError> {
        let Some((folder, is_stuck)) = &self.closed else {
            return Ok(());
        };
        if is_stuck.load(Ordering::SeqCst) {
            tracing::error!(tenant = %self.name, "the local database could not be closed after a write had failed; it is removed and rebuilt from the stream");
            self.shared.folders.remove(folder)?;
        }
        self.closed = None;
        Ok(())
    }

    fn put(&mut self, opened: Opened) -> Arc<Opened> {
        self.glance.put(Some(opened.folder.clone()));
        self.opened.insert(Arc::new(opened)).clone()
    }

    /// Closes it. Whoever uses it still keeps it open until he is told of the change.
    pub(crate) fn close(&mut self) {
        self.changes();
        self.glance.put(None);
        if let Some(opened) = self.opened.take() {
            self.closed = Some((opened.folder.clone(), opened.is_stuck.clone()));
        }
    }

    /// What anybody has read or copied of it is of no use.
    pub(crate) fn changes(&mut self) {
        self.glance.changes.fetch_add(1, Ordering::SeqCst);
        if let Some(copying) = self.copying.take() {
            copying.end();
        }
    }

    /// Damage that reaches beyond a partition: it is moved aside, and an empty one will be opened.
    pub(crate) fn discard(&mut self, cause: &str) -> Result<(), StoreError> {
        let folder = self.opened.as_ref().map(|opened| opened.folder.clone());
        self.close();
        self.closed = None;
        let folder = folder.unwrap_or_else(|| self.shared.folders.first(&self.name));
        self.move_aside(&folder, cause)
    }

    fn move_aside(&self, folder: &Path, cause: &str) -> Result<(), StoreError> {
        tracing::error!(tenant = %self.name, cause, "the local database is damaged; it is moved aside and rebuilt from the stream");
        self.shared.moved_aside.fetch_add(1, Ordering::Relaxed);
        // What it was copied from must not be taken for the database.
        self.shared.folders.keep_only(&self.name, Some(folder))?;
        self.shared.folders.move_aside(&self.name, folder)
    }

    /// Whether it is open and has nothing.
    pub(crate) fn is_empty(&self) -> bool {
        let opened = self.opened.as_ref();
        opened.is_some_and(|opened| opened.partitions(&self.name).is_empty())
    }

    /// Closes and removes it.
    pub(crate) fn remove(&mut self) -> Result<(), StoreError> {
        self.close();
        match self.closed.take() {
            Some((folder, _)) => self.shared.folders.remove(&folder),
            None => Ok(()),
        }
    }

    /// The same, with everything that was kept of the tenant.
    pub(crate) fn remove_all(&mut self) -> Result<(), StoreError> {
        self.remove()?;
        self.shared.folders.remove_all(&self.name)
    }

    /// The copy that is being made.
    pub(crate) fn copying(&self) -> Option<&Arc<Copying>> {
        self.copying.as_ref()
    }

    /// A copy is being made.
    pub(crate) fn begin_copy(&mut self, copying: Arc<Copying>) {
        self.copying = Some(copying);
    }

    /// The copy is not made any more.
    pub(crate) fn end_copy(&mut self, copying: &Arc<Copying>) {
        copying.end();
        self.copying.take_if(|now| Arc::ptr_eq(now, copying));
    }

    /// The copy takes the place of the database, which is given back.
    pub(crate) fn replace(&mut self, copy: Arc<Opened>) -> Option<Arc<Opened>> {
        self.glance.put(Some(copy.folder.clone()));
        self.opened.replace(copy)
    }
}
