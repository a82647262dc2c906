//! A data folder is one engine's at a time: a lock on a file in it, which the operating system gives back when the
//! process ends, however it ends.
//!
//! The lock also tells the folder from every other one. The engine's lease says from which folder it is held, so an
//! engine that comes back after a crash knows that the holder was the process before it, and is dead.
//!
//! The name is made of what no copy has:
//!
//! - device and inode of the locked file, for a copy on this machine has another inode. It is the file's and not the
//!   folder's: if somebody deletes the file under a running engine, the next one locks another file, and must not
//!   take the first for dead;
//! - the machine's boot, for the disk of a cloned machine has the same devices and inodes. After a restart of the
//!   machine the name is another one, and the engine waits as it would for any other folder.

use std::{
    fs::{File, OpenOptions, TryLockError},
    os::unix::fs::MetadataExt as _,
    path::Path,
};

use anyhow::Context as _;
use tailrace_core::ports::clock::Random;

const FILE: &str = "lock";
/// Where Linux says which boot of the machine this is.
const BOOT: &str = "/proc/sys/kernel/random/boot_id";

/// The lock of a data folder, for as long as it lives.
pub struct FolderLock {
    file: File,
}

impl FolderLock {
    /// Locks a folder; refused where another process has it.
    pub fn take(folder: &Path) -> anyhow::Result<Self> {
        let path = folder.join(FILE);
        let file = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&path)
            .with_context(|| format!("cannot open {}", path.display()))?;
        match file.try_lock() {
            Ok(()) => Ok(Self { file }),
            Err(TryLockError::WouldBlock) => anyhow::bail!(
                "another engine runs on the data folder {}; end that one, or give this one a folder of its own",
                folder.display()
            ),
            Err(TryLockError::Error(cause)) => Err(cause).with_context(|| {
                format!(
                    "cannot lock {}; the data folder must be on a file system that has locks",
                    path.display()
                )
            }),
        }
    }

    /// What this folder is called, and no other one.
    pub fn name(&self, random: &dyn Random) -> anyhow::Result<String> {
        let boot = std::fs::read_to_string(BOOT).unwrap_or_else(|_| {
            // Then no name is ever known again, and an engine that comes back always waits.
            format!("{:016x}", random.next_u64())
        });
        let file = self
            .file
            .metadata()
            .context("cannot look at the data folder's lock")?;
        Ok(format!("{}/{:x}/{:x}", boot.trim(), file.dev(), file.ino()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::system::SystemRandom;

    fn name(folder: &Path) -> String {
        let lock = FolderLock::take(folder).unwrap();
        lock.name(&SystemRandom).unwrap()
    }

    #[test]
    fn a_folder_is_one_engines_at_a_time() {
        let folder = tempfile::tempdir().unwrap();
        let lock = FolderLock::take(folder.path()).unwrap();
        let refused = FolderLock::take(folder.path()).err().unwrap().to_string();
        assert!(refused.contains(folder.path().to_str().unwrap()), "{refused}");
        drop(lock);
        FolderLock::take(folder.path()).unwrap();
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_folder_keeps_its_name_and_a_copy_has_another() {
        let (folder, copy) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let first = name(folder.path());
        assert_eq!(name(folder.path()), first);
        std::fs::copy(folder.path().join(FILE), copy.path().join(FILE)).unwrap();
        assert_ne!(name(copy.path()), first);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_lock_that_is_deleted_under_an_engine_does_not_tell_that_it_is_dead() {
        let folder = tempfile::tempdir().unwrap();
        let lock = FolderLock::take(folder.path()).unwrap();
        std::fs::remove_file(folder.path().join(FILE)).unwrap();
        assert_ne!(name(folder.path()), lock.name(&SystemRandom).unwrap());
    }

    #[test]
    fn a_folder_that_is_not_there_is_named() {
        let folder = tempfile::tempdir().unwrap().path().join("gone");
        let refused = FolderLock::take(&folder).err().unwrap().to_string();
        assert!(refused.contains("gone"), "{refused}");
    }
}
