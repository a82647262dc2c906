//! Where databases are on the disk. Names of tenants have no dot, so nothing here can be taken for a tenant:
//!
//! - `<tenant>`: a tenant's database;
//! - `<tenant>.<n>`: one that was copied there from the one before. It counts only with the file [`COMPLETE`] in
//!   it, and then it is the database of all with a lower number; what is left of the others is removed;
//! - `<tenant>.damaged-<n>`: one that was found damaged, kept for a look;
//! - `….gone-<n>`: what is being removed. It is renamed first, so that nothing half removed is ever opened.
//!
//! Why: docs/decisions/0078-a-database-is-copied-to-give-disk-back.md

use std::{
    fs, io,
    path::{Path, PathBuf},
    sync::atomic::{AtomicU64, Ordering},
};

use tailrace_core::{name::Name, ports::store::StoreError};

use crate::value::is_full;

/// Damaged databases of a tenant that are kept for a look; older ones are deleted.
const KEPT_DAMAGED: usize = 3;
/// Says that a copy has all that the database had.
const COMPLETE: &str = "complete";

/// What something here is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A database, 0, or a copy.
    Database(u64),
    /// A database that was moved aside.
    Damaged(u64),
}

/// The folder of all databases.
pub(crate) struct Folders {
    root: PathBuf,
    gone: AtomicU64,
}

impl Folders {
    pub(crate) fn new(root: PathBuf) -> Self {
        Self {
            root,
            gone: AtomicU64::new(0),
        }
    }

    /// Makes the folder, and ends the removals that were cut off.
    pub(crate) fn prepare(&self) -> Result<(), StoreError> {
        fs::create_dir_all(&self.root).map_err(failed("make", &self.root))?;
        for (name, path) in self.entries()? {
            let of = name.rsplit_once(".gone-");
            if of.is_some_and(|(of, number)| parse(of).is_some() && number.parse::<u64>().is_ok()) {
                delete(&path)?;
            }
        }
        Ok(())
    }

    /// Where a tenant's first database is made.
    pub(crate) fn first(&self, tenant: &Name) -> PathBuf {
        self.root.join(tenant.as_str())
    }

    /// Where a tenant's database is, if it has one.
    pub(crate) fn current(&self, tenant: &Name) -> Result<Option<PathBuf>, StoreError> {
        let mut known = self.copies(tenant)?;
        known.retain(|(number, path)| *number == 0 || path.join(COMPLETE).exists());
        Ok(known.pop().map(|(_, path)| path))
    }

    /// Where the next copy of a tenant's database is made.
    pub(crate) fn next(&self, tenant: &Name) -> Result<PathBuf, StoreError> {
        let highest = self.copies(tenant)?.last().map_or(0, |(number, _)| *number);
        Ok(self.root.join(format!("{tenant}.{}", highest + 1)))
    }

    /// From now on the copy is the database.
    pub(crate) fn complete(&self, copy: &Path) -> Result<(), StoreError> {
        let marker = copy.join(COMPLETE);
        let written = fs::File::create(&marker).and_then(|file| file.sync_all());
        written.map_err(failed("write", &marker))?;
        sync_entries(copy)?;
        sync_entries(&self.root)
    }

    /// Removes what is left of a tenant's databases, but this one.
    pub(crate) fn keep_only(&self, tenant: &Name, current: Option<&Path>) -> Result<(), StoreError> {
        for (_, path) in self.copies(tenant)? {
            if Some(path.as_path()) != current {
                self.remove(&path)?;
            }
        }
        Ok(())
    }

    /// Removes everything of a tenant.
    pub(crate) fn remove_all(&self, tenant: &Name) -> Result<(), StoreError> {
        let damaged = self.damaged(tenant)?;
        for (_, path) in self.copies(tenant)?.into_iter().chain(damaged) {
            self.remove(&path)?;
        }
        Ok(())
    }

    /// Removes a folder or a file, where it is there.
    pub(crate) fn remove(&self, path: &Path) -> Result<(), StoreError> {
        self.retire(path)?.map_or(Ok(()), |gone| delete(&gone))
    }

    /// From now on it is not there; gives the name under which it is deleted.
    pub(crate) fn retire(&self, path: &Path) -> Result<Option<PathBuf>, StoreError> {
        let name = file_name(path);
        loop {
            let number = self.gone.fetch_add(1, Ordering::Relaxed);
            let gone = self.root.join(format!("{name}.gone-{number}"));
            match fs::rename(path, &gone) {
                Ok(()) => return Ok(Some(gone)),
                Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(None),
                // What an earlier engine could not remove.
                Err(_) if gone.exists() => {}
                Err(cause) => return Err(failed("remove", path)(cause)),
            }
        }
    }

    /// Keeps a tenant's database for a look, out of the way.
    pub(crate) fn move_aside(&self, tenant: &Name, folder: &Path) -> Result<(), StoreError> {
        let mut aside = self.damaged(tenant)?;
        let number = aside.last().map_or(1, |(number, _)| number + 1);
        let place = self.root.join(format!("{tenant}.damaged-{number}"));
        match fs::rename(folder, place) {
            Err(cause) if cause.kind() != io::ErrorKind::NotFound => {
                return Err(failed("move aside", folder)(cause));
            }
            _ => {}
        }
        let surplus = (aside.len() + 1).saturating_sub(KEPT_DAMAGED);
        aside.drain(..surplus).try_for_each(|(_, old)| self.remove(&old))
    }

    /// Moves what is no folder away from where the folder of all databases should be.
    pub(crate) fn move_root_aside(&self) -> Result<(), StoreError> {
        let name = file_name(&self.root);
        let mut number = 1;
        let place = loop {
            let place = self.root.with_file_name(format!("{name}.damaged-{number}"));
            if !place.exists() {
                break place;
            }
            number += 1;
        };
        fs::rename(&self.root, place).map_err(failed("move aside", &self.root))
    }

    /// Tenants that have a folder here, in their order.
    pub(crate) fn tenants(&self) -> Result<Vec<Name>, StoreError> {
        self.owners(|kind, path| matches!(kind, Kind::Database(_)) && path.is_dir())
    }

    /// Tenants of which damaged databases are kept.
    pub(crate) fn owners_of_damaged(&self) -> Result<Vec<Name>, StoreError> {
        self.owners(|kind, _| matches!(kind, Kind::Damaged(_)))
    }

    fn owners(&self, is_meant: impl Fn(Kind, &Path) -> bool) -> Result<Vec<Name>, StoreError> {
        let entries = self.entries()?.into_iter();
        let mut found: Vec<_> = entries
            .filter_map(|(name, path)| {
                let (tenant, kind) = parse(&name)?;
                is_meant(kind, &path).then_some(tenant)
            })
            .collect();
        found.sort_unstable();
        found.dedup();
        Ok(found)
    }

    /// Bytes on disk of a tenant's database.
    pub(crate) fn size_of(&self, tenant: &Name) -> Result<u64, StoreError> {
        Ok(self.current(tenant)?.map_or(0, |folder| size(&folder)))
    }

    /// Bytes that may still be written.
    pub(crate) fn room(&self) -> Result<u64, StoreError> {
        let told = rustix::fs::statvfs(&self.root);
        let told = told.map_err(|cause| failed("ask for the room of", &self.root)(cause.into()))?;
        Ok(told.f_bavail.saturating_mul(told.f_frsize))
    }

    /// The tenant's databases and copies, by number.
    fn copies(&self, tenant: &Name) -> Result<Vec<(u64, PathBuf)>, StoreError> {
        self.numbered(tenant, |kind| match kind {
            Kind::Database(number) => Some(number),
            Kind::Damaged(_) => None,
        })
    }

    /// Databases of the tenant that were moved aside, oldest first.
    fn damaged(&self, tenant: &Name) -> Result<Vec<(u64, PathBuf)>, StoreError> {
        self.numbered(tenant, |kind| match kind {
            Kind::Damaged(number) => Some(number),
            Kind::Database(_) => None,
        })
    }

    fn numbered(
        &self,
        tenant: &Name,
        number: impl Fn(Kind) -> Option<u64>,
    ) -> Result<Vec<(u64, PathBuf)>, StoreError> {
        let entries = self.entries()?.into_iter();
        let mut found: Vec<_> = entries
            .filter_map(|(name, path)| {
                let (owner, kind) = parse(&name)?;
                (owner == *tenant).then_some((number(kind)?, path))
            })
            .collect();
        found.sort_unstable();
        Ok(found)
    }

    fn entries(&self) -> Result<Vec<(String, PathBuf)>, StoreError> {
        let listed = fs::read_dir(&self.root).and_then(|entries| {
            entries
                .map(|entry| entry.map(|entry| (file_name(&entry.path()), entry.path())))
                .collect()
        });
        listed.map_err(failed("list", &self.root))
    }
}

/// What a name of ours is of.
fn parse(name: &str) -> Option<(Name, Kind)> {
    let (tenant, rest) = name.split_once('.').unwrap_or((name, ""));
    let kind = match rest.strip_prefix("damaged-") {
        Some(number) => Kind::Damaged(counted(number)?),
        None if rest.is_empty() && tenant == name => Kind::Database(0),
        None => Kind::Database(counted(rest)?),
    };
    Some((Name::new(tenant).ok()?, kind))
}

/// A number as it is written here.
fn counted(text: &str) -> Option<u64> {
    let number = text.parse().ok()?;
    (number > 0 && text == format!("{number}")).then_some(number)
}

/// Bytes of all files below; of those that can still be found.
pub(crate) fn size(folder: &Path) -> u64 {
    let Ok(entries) = fs::read_dir(folder) else {
        return 0;
    };
    let sizes = entries.flatten().map(|entry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() => size(&entry.path()),
        Ok(metadata) => metadata.len(),
        Err(_) => 0,
    });
    sizes.sum()
}

/// Everything below is on the disk when this returns. Files may go meanwhile, as sled's do.
pub(crate) fn sync(folder: &Path) -> Result<(), StoreError> {
    sync_all(folder).map_err(failed("sync", folder))
}

fn sync_all(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.is_dir() {
            sync_all(&path)?;
            continue;
        }
        match fs::File::open(&path).and_then(|file| file.sync_all()) {
            Err(cause) if cause.kind() != io::ErrorKind::NotFound => return Err(cause),
            _ => {}
        }
    }
    fs::File::open(folder)?.sync_all()
}

/// The names in a folder are on the disk when this returns.
fn sync_entries(folder: &Path) -> Result<(), StoreError> {
    let synced = fs::File::open(folder).and_then(|folder| folder.sync_all());
    synced.map_err(failed("sync", folder))
}

/// Deletes what was retired. sled may not have closed its file, which takes no room from now on.
pub(crate) fn delete(gone: &Path) -> Result<(), StoreError> {
    if let Ok(file) = fs::File::options().write(true).open(gone.join("db")) {
        // Where it cannot be emptied, it goes all the same.
        let _ = file.set_len(0);
    }
    let deleted = if gone.is_dir() {
        fs::remove_dir_all(gone)
    } else {
        fs::remove_file(gone)
    };
    match deleted {
        Err(cause) if cause.kind() != io::ErrorKind::NotFound => Err(failed("remove", gone)(cause)),
        _ => Ok(()),
    }
}

fn file_name(path: &Path) -> String {
    path.file_name()
        .unwrap_or_default()
        .to_string_lossy()
        .into_owned()
}

fn failed(act: &'static str, path: &Path) -> impl FnOnce(io::Error) -> StoreError {
    let path = path.to_owned();
    move |cause| {
        let told = format!("cannot {act} {}: {cause}", path.display());
        if is_full(&cause) {
            StoreError::NoRoom(told)
        } else {
            StoreError::Io(told)
        }
    }
}

#[cfg(test)]
mod tests;
