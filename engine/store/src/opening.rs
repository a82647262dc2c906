//! Opening sled's databases, and what sled's errors and panics mean.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    time::Duration,
};

use sled::{Config, Db, Mode};
use tailrace_core::ports::store::StoreError;

use crate::value::{failed, is_full};

/// How often sled writes its log out on its own. The stream is the truth, so this only bounds how
/// much is applied again after a crash of the machine.
const FLUSH_EVERY_MS: u64 = 1_000;

/// Tries, and the pause between them, while the folder is still locked: five seconds in all.
const LOCK_TRIES: u32 = 100;
const LOCK_PAUSE: Duration = Duration::from_millis(50);
/// Ends the error of a folder that is locked.
const IN_USE: &str = "is in use by another process";

/// How databases are opened, and when they are made smaller.
#[derive(Debug, Clone, Copy)]
pub struct StoreOptions {
    /// Page cache of each database, in bytes. sled's own default is a gigabyte, which 50 tenants do
    /// not have.
    pub cache_bytes: u64,
    /// Disk in bytes below which a database is left as it is. A few keys that change all the time take
    /// up to 7 MiB.
    pub compact_above_bytes: u64,
}

impl Default for StoreOptions {
    fn default() -> Self {
        Self {
            cache_bytes: 64 << 20,
            compact_above_bytes: 16 << 20,
        }
    }
}

/// Opens a database, which is made where it is not.
pub(crate) fn open_database(folder: &Path, options: StoreOptions) -> Result<Db, StoreError> {
    let mut opened = try_open(folder, options);
    for _ in 0..LOCK_TRIES {
        // sled lets go of its lock a moment after the last handle is dropped. Nothing else passes so soon, and whoever
        // waits here holds the tenant's other pipelines up.
        if !matches!(&opened, Err(StoreError::Io(cause)) if cause.ends_with(IN_USE)) {
            break;
        }
        std::thread::sleep(LOCK_PAUSE);
        opened = try_open(folder, options);
    }
    opened
}

fn try_open(folder: &Path, options: StoreOptions) -> Result<Db, StoreError> {
    let config = Config::new()
        .path(folder)
        .mode(Mode::HighThroughput)
        .cache_capacity(options.cache_bytes)
        .flush_every_ms(Some(FLUSH_EVERY_MS));
    // sled panics on some kinds of damage.
    match catch_unwind(AssertUnwindSafe(|| config.open())) {
        Ok(Ok(database)) => Ok(database),
        Ok(Err(sled::Error::Io(cause))) if cause.to_string().contains("lock") => {
            Err(StoreError::Io(format!("{} {IN_USE}", folder.display())))
        }
        Ok(Err(sled::Error::Io(cause))) if is_full(&cause) => {
            tracing::error!(folder = %folder.display(), %cause, "a local database cannot be opened: the disk of the data folder is full");
            Err(StoreError::NoRoom(cause.kind().to_string()))
        }
        Ok(Err(sled::Error::Io(cause))) if is_the_disks(&cause) => Err(StoreError::Io(format!(
            "{} cannot be opened: {cause}",
            folder.display()
        ))),
        Ok(Err(cause)) => Err(StoreError::Damaged(cause.to_string())),
        Err(_) => Err(StoreError::Damaged("sled panicked when it was opened".to_owned())),
    }
}

/// sled panics on some kinds of damage.
pub(crate) fn guarded<T>(act: impl FnOnce() -> sled::Result<T>) -> Result<T, StoreError> {
    match catch_unwind(AssertUnwindSafe(act)) {
        Ok(done) => done.map_err(|cause| failed(&cause)),
        Err(_) => Err(StoreError::Damaged("sled panicked".to_owned())),
    }
}

/// Whether an error says nothing of the data: it will be fine once the disk is.
fn is_the_disks(cause: &std::io::Error) -> bool {
    use std::io::ErrorKind::{PermissionDenied, ReadOnlyFilesystem};
    matches!(cause.kind(), PermissionDenied | ReadOnlyFilesystem)
}
