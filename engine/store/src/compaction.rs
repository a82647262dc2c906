//! Giving disk back. sled's file never shrinks by more than a little, and values of a segment and more leave files
//! behind. So a database that takes far more disk than its content needs is copied into a fresh one, which takes
//! its place. Nobody waits for that but for moments: commits and queries of the tenant go on meanwhile.
//!
//! 1. **Measure**: what a copy would take. Most databases end here.
//! 2. **Begin**: an empty database beside the tenant's. Its partitions note what they change from now on.
//! 3. **Copy**: page by page, and again what changed since.
//! 4. **Join**: each partition stands still for the keys that are left, and then writes to both.
//! 5. **Sync**: the copy is on the disk. What is written to it later is written in the order of the commits.
//! 6. **Switch**: the copy is marked as complete, and the partitions go on with it alone.
//! 7. **Remove**: the old database goes.
//!
//! Until the mark, the old database is the truth and has everything; from then on the copy is and does. A copy
//! without the mark is removed when the database is opened, and so is an old database beside a complete copy.
//!
//! Why: docs/decisions/0078-a-database-is-copied-to-give-disk-back.md

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Duration,
};

use tailrace_core::ports::store::{PartitionStore as _, ReclaimStep, StoreError};

use crate::{
    apart::within_patience,
    copying::{Copying, Halt, next_page},
    folders,
    handover::{abandon, begin, join, remove_old, switch},
    need::{Seen, needed},
    opened::Opened,
    tenant::TenantStore,
    tenant_database::Shared,
    value::failed,
};

/// After each page others get the processor and the disk.
const PAUSE: Duration = Duration::from_millis(1);
/// Changed keys of a tree beyond which they are copied between two pages.
const MANY: usize = 10_000;
/// Changed keys of all trees that may be left when the partitions join: a few milliseconds of work.
const FEW: usize = 1_000;
/// Rounds of copying what changed before it is given up: each should leave fewer keys than the one before.
const ROUNDS: usize = 100;
/// Disk that must be left beside twice what the copy takes: others need some, too.
const ROOM_LEFT: u64 = 64 << 20;

/// Whether a step may be taken.
pub(crate) type MayGoOn<'a> = &'a dyn Fn(ReclaimStep) -> bool;

/// What was given back.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Compacted {
    pub(crate) before_bytes: u64,
    pub(crate) after_bytes: u64,
}

/// Gives the disk back that the tenant's database has no need of; none where it is as it should be.
pub(crate) fn reclaim(tenant: &TenantStore, may_go_on: MayGoOn<'_>) -> Result<Option<Compacted>, Halt> {
    tenant.remove_if_empty(&mut tenant.lock())?;
    let seen = glance(tenant)?;
    if seen.disk_bytes < tenant.shared.options.compact_above_bytes || !tenant.looks().is_due(seen) {
        return Ok(None);
    }
    // sled panics on some kinds of damage.
    let looked = catch_unwind(AssertUnwindSafe(|| look(tenant, seen, may_go_on)))
        .unwrap_or_else(|_| Err(StoreError::Damaged("sled panicked".to_owned()).into()));
    match looked {
        Ok(compacted) => {
            let disk_bytes = compacted.map_or(seen.disk_bytes, |compacted| compacted.after_bytes);
            tenant.looks().looked(Seen { disk_bytes, ..seen });
            Ok(compacted)
        }
        Err(halt) => {
            if let Halt::Failed(_) = halt {
                tenant.looks().failed();
            }
            Err(halt)
        }
    }
}

fn glance(tenant: &TenantStore) -> Result<Seen, StoreError> {
    let partitions = tenant.partitions();
    let weights = partitions.values().map(|partition| partition.weight());
    Ok(Seen {
        changes: tenant.glance.changes(),
        disk_bytes: tenant.size_bytes()?,
        held_bytes: weights.map(|size| size.state_bytes + size.vector_bytes).sum(),
    })
}

fn look(tenant: &TenantStore, seen: Seen, may_go_on: MayGoOn<'_>) -> Result<Option<Compacted>, Halt> {
    let has_changed = || tenant.glance.changes() != seen.changes;
    let measured = measure(tenant, seen.disk_bytes, &|| {
        std::thread::sleep(PAUSE);
        if has_changed() {
            return Err(Halt::Overtaken);
        }
        ask(may_go_on, ReclaimStep::Measure)
    });
    let needed_bytes = match measured {
        Ok(Some(needed_bytes)) => needed_bytes,
        Err(Halt::Failed(_)) if has_changed() => return Err(Halt::Overtaken),
        other => return other.map(|_| None),
    };
    let room_bytes = tenant.shared.folders.room()?;
    if room_bytes < needed_bytes.saturating_mul(2).saturating_add(ROOM_LEFT) {
        let disk_bytes = seen.disk_bytes;
        return Err(StoreError::Io(format!(
            "it takes {disk_bytes} bytes of disk and needs {needed_bytes}, but only {room_bytes} are free to copy it: twice what it needs and 64 MiB are wanted"
        ))
        .into());
    }
    compact(tenant, seen, needed_bytes, may_go_on).map(Some)
}

fn measure(
    tenant: &TenantStore,
    disk_bytes: u64,
    may_go_on: &dyn Fn() -> Result<(), Halt>,
) -> Result<Option<u64>, Halt> {
    let Some(opened) = tenant.lock().opened_if_there()? else {
        return Ok(None);
    };
    needed(&opened.trees(&tenant.name)?, disk_bytes, may_go_on)
}

fn compact(
    tenant: &TenantStore,
    seen: Seen,
    needed_bytes: u64,
    may_go_on: MayGoOn<'_>,
) -> Result<Compacted, Halt> {
    ask(may_go_on, ReclaimStep::Begin)?;
    let Shared { folders, options, .. } = &*tenant.shared;
    let folder = folders.next(&tenant.name)?;
    tracing::info!(tenant = %tenant.name, disk_bytes = seen.disk_bytes, needed_bytes, "the local database takes far more disk than it needs; it is copied into a fresh one");
    let copied = Opened::open(folder.clone(), *options)
        .map_err(Halt::from)
        .and_then(|opened| {
            let copying = Arc::new(Copying::new(opened));
            copy_and_switch(tenant, &copying, seen, may_go_on).map_err(|halt| abandon(tenant, &copying, halt))
        });
    let old = match copied {
        Ok(old) => old,
        Err(halt) => {
            tracing::info!(tenant = %tenant.name, "the copy of the local database is given up");
            if let Err(cause) = folders.remove(&folder) {
                tracing::warn!(tenant = %tenant.name, %cause, "a copy of the local database that was given up cannot be removed now");
            }
            return Err(halt);
        }
    };
    // It goes whether or not the engine stops: it is what all this was for.
    let _ = may_go_on(ReclaimStep::Remove);
    let old_folder = old.folder.clone();
    drop(old);
    if let Err(cause) = remove_old(tenant, &old_folder) {
        tracing::warn!(tenant = %tenant.name, %cause, "the old local database cannot be removed now; that is done when the new one is opened");
    }
    Ok(Compacted {
        before_bytes: seen.disk_bytes,
        after_bytes: folders::size(&folder),
    })
}

fn copy_and_switch(
    tenant: &TenantStore,
    copying: &Arc<Copying>,
    seen: Seen,
    may_go_on: MayGoOn<'_>,
) -> Result<Arc<Opened>, Halt> {
    // It goes after all trees of it that are in use here.
    let _source = begin(tenant, copying, seen.changes)?;
    for pair in copying.pairs() {
        pair.follower.note();
        let mut cursor = Vec::new();
        loop {
            ask(may_go_on, ReclaimStep::Copy)?;
            copying.check()?;
            let page = next_page(&pair.tree, &mut cursor)?;
            if page.is_empty() {
                break;
            }
            pair.take(page)?;
            copying.catch_up(MANY)?;
            std::thread::sleep(PAUSE);
        }
    }
    catch_up(copying)?;
    ask(may_go_on, ReclaimStep::Join)?;
    join(tenant, copying)?;
    ask(may_go_on, ReclaimStep::Sync)?;
    sync(copying)?;
    ask(may_go_on, ReclaimStep::Switch)?;
    switch(tenant, copying)
}

/// Copies what has changed, until there is little left.
fn catch_up(copying: &Copying) -> Result<(), Halt> {
    for _ in 0..ROUNDS {
        copying.check()?;
        if copying.catch_up(0)? <= FEW {
            return Ok(());
        }
    }
    Err(StoreError::Io("more is committed than can be copied".to_owned()).into())
}

/// What is in the copy now is on the disk when this returns.
fn sync(copying: &Arc<Copying>) -> Result<(), Halt> {
    copying.check()?;
    let opened = copying.opened.clone();
    match within_patience(move || opened.database.flush()) {
        Some(flushed) => drop(flushed.map_err(|cause| failed(&cause))?),
        None => return Err(StoreError::Io("sled does not write the copy to its end".to_owned()).into()),
    }
    Ok(folders::sync(&copying.opened.folder)?)
}

fn ask(may_go_on: MayGoOn<'_>, step: ReclaimStep) -> Result<(), Halt> {
    if may_go_on(step) {
        Ok(())
    } else {
        Err(Halt::Stopped)
    }
}
