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
//! Why: docs/decisions/0068-a-database-is-copied-to-give-disk-back.md

use std::{
    collections::BTreeMap,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Duration,
};

use sled::{Db, IVec, Tree};
use tailrace_core::ports::store::{PartitionStore as _, ReclaimStep, StoreError};

use crate::{
    copying::{Copying, Halt, next_page},
    folders,
    need::{Seen, needed},
    opening::{guarded, open_database},
    partition::SledPartition,
    tenant::{Database, Opened, TenantStore},
    tree_name::{partition_of, tree_name},
};

/// After each page others get the processor and the disk.
const PAUSE: Duration = Duration::from_millis(1);
/// Changed keys of a tree beyond which they are copied between two pages.
const MANY: usize = 10_000;
/// Changed keys of all trees that may be left when the partitions join: a few milliseconds of work.
const FEW: usize = 1_000;
/// Rounds of copying what changed before the partitions join, however many keys are left.
const ROUNDS: usize = 20;
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
    let looked = catch_unwind(AssertUnwindSafe(|| look(tenant, seen.disk_bytes, may_go_on)))
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
    let disk_bytes = tenant.size_bytes()?;
    let partitions: Vec<_> = tenant.read_partitions().values().cloned().collect();
    let weights = partitions.iter().map(|partition| partition.weight());
    Ok(Seen {
        disk_bytes,
        held_bytes: weights.map(|size| size.state_bytes + size.vector_bytes).sum(),
    })
}

fn look(tenant: &TenantStore, disk_bytes: u64, may_go_on: MayGoOn<'_>) -> Result<Option<Compacted>, Halt> {
    let changed = tenant.changed();
    let measured = measure(tenant, disk_bytes, &|| {
        std::thread::sleep(PAUSE);
        if tenant.changed() != changed {
            return Err(Halt::Overtaken);
        }
        ask(may_go_on, ReclaimStep::Measure)
    });
    let needed_bytes = match measured {
        Ok(Some(needed_bytes)) => needed_bytes,
        Err(Halt::Failed(_)) if tenant.changed() != changed => return Err(Halt::Overtaken),
        other => return other.map(|_| None),
    };
    let room_bytes = tenant.shared.folders.room()?;
    if room_bytes < needed_bytes.saturating_mul(2).saturating_add(ROOM_LEFT) {
        return Err(StoreError::Io(format!(
            "the database takes {disk_bytes} bytes of disk and needs {needed_bytes}, but there is no room to make it smaller: {room_bytes} bytes are free, twice what it needs and 64 MiB are wanted"
        ))
        .into());
    }
    compact(tenant, needed_bytes, may_go_on).map(Some)
}

fn measure(
    tenant: &TenantStore,
    disk_bytes: u64,
    may_go_on: &dyn Fn() -> Result<(), Halt>,
) -> Result<Option<u64>, Halt> {
    let mut database = tenant.lock();
    let Some(sled) = tenant.opened_if_there(&mut database)? else {
        return Ok(None);
    };
    drop(database);
    needed(&trees(tenant, &sled)?, disk_bytes, may_go_on)
}

fn compact(tenant: &TenantStore, needed_bytes: u64, may_go_on: MayGoOn<'_>) -> Result<Compacted, Halt> {
    ask(may_go_on, ReclaimStep::Begin)?;
    let shared = &tenant.shared;
    let before_bytes = tenant.size_bytes()?;
    let folder = shared.folders.next(&tenant.name)?;
    tracing::info!(tenant = %tenant.name, disk_bytes = before_bytes, needed_bytes, "the local database takes far more disk than it needs; it is copied into a fresh one");
    let made = open_database(&folder, shared.options)
        .map_err(Halt::from)
        .and_then(|copy| {
            let copying = Arc::new(Copying::new(copy, folder.clone()));
            copy_and_switch(tenant, &copying, may_go_on)
                .map_err(|halt| abandon(&mut tenant.lock(), &copying, halt))
        });
    let old = match made {
        Ok(old) => old,
        Err(halt) => {
            // Whatever it was that went wrong, this is not the first to tell of.
            if let Err(cause) = shared.folders.remove(&folder) {
                tracing::warn!(tenant = %tenant.name, %cause, "a copy of the local database that was given up cannot be removed now");
            }
            return Err(halt);
        }
    };
    // It goes whether or not the engine stops: it is what all this was for.
    let _ = may_go_on(ReclaimStep::Remove);
    let old_folder = old.folder.clone();
    drop(old);
    if let Err(cause) = shared.folders.remove(&old_folder) {
        tracing::warn!(tenant = %tenant.name, %cause, "the old local database cannot be removed now; that is done when the new one is opened");
    }
    Ok(Compacted {
        before_bytes,
        after_bytes: folders::size(&folder),
    })
}

fn copy_and_switch(
    tenant: &TenantStore,
    copying: &Arc<Copying>,
    may_go_on: MayGoOn<'_>,
) -> Result<Opened, Halt> {
    begin(tenant, copying)?;
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
    for _ in 0..ROUNDS {
        copying.check()?;
        if copying.catch_up(0)? <= FEW {
            break;
        }
    }
    ask(may_go_on, ReclaimStep::Join)?;
    join(tenant, copying)?;
    ask(may_go_on, ReclaimStep::Sync)?;
    guarded(|| copying.database.flush())?;
    folders::sync(&copying.folder)?;
    ask(may_go_on, ReclaimStep::Switch)?;
    switch(tenant, copying)
}

/// From now on the partitions tell what they write.
fn begin(tenant: &TenantStore, copying: &Arc<Copying>) -> Result<(), Halt> {
    let mut database = tenant.lock();
    let Some(opened) = &database.opened else {
        return Err(Halt::Overtaken);
    };
    for tree in trees(tenant, &opened.database)? {
        copying.add(tree)?;
    }
    for (name, partition) in open_partitions(tenant) {
        if let Some(follower) = copying.known(&name) {
            partition.handle.follow(follower);
        }
    }
    database.copying = Some(copying.clone());
    Ok(())
}

/// From now on the partitions write to the copy, too.
fn join(tenant: &TenantStore, copying: &Arc<Copying>) -> Result<(), Halt> {
    let database = tenant.lock();
    check(&database, copying)?;
    let partitions = open_partitions(tenant);
    for pair in copying.pairs() {
        let join = || {
            pair.catch_up()?;
            pair.follower.join(pair.copy.clone());
            Ok::<_, StoreError>(())
        };
        match partitions.get(&pair.tree.name()) {
            Some(partition) => partition.handle.while_unused(join)?,
            None => join()?,
        }
    }
    Ok(())
}

/// From now on the copy is the database; gives the old one.
fn switch(tenant: &TenantStore, copying: &Arc<Copying>) -> Result<Opened, Halt> {
    let mut database = tenant.lock();
    check(&database, copying)?;
    let old = database.opened.take().ok_or(Halt::Overtaken)?;
    if let Err(cause) = tenant.shared.folders.complete(&copying.folder) {
        database.opened = Some(old);
        return Err(cause.into());
    }
    let partitions = open_partitions(tenant);
    for pair in copying.pairs() {
        if let Some(partition) = partitions.get(&pair.tree.name())
            && !partition.handle.move_to(pair.copy.clone(), &pair.follower)
        {
            tenant
                .write_partitions()
                .retain(|_, open| !Arc::ptr_eq(open, partition));
        }
    }
    TenantStore::give_up_copy(&mut database);
    tenant.put(&mut database, copying.database.clone(), copying.folder.clone());
    Ok(old)
}

/// Whether this copy is still the one that is being made.
fn check(database: &Database, copying: &Arc<Copying>) -> Result<(), Halt> {
    let now = database.copying.as_ref();
    if now.is_some_and(|now| Arc::ptr_eq(now, copying)) {
        copying.check()
    } else {
        Err(Halt::Overtaken)
    }
}

/// The copy is given up; says why.
fn abandon(database: &mut Database, copying: &Arc<Copying>, halt: Halt) -> Halt {
    let was_overtaken = check(database, copying).is_err_and(|halt| matches!(halt, Halt::Overtaken));
    copying.end();
    if let Some(now) = database.copying.take_if(|now| Arc::ptr_eq(now, copying)) {
        drop(now);
    }
    match halt {
        // The error is of the change that overtook it.
        Halt::Failed(_) if was_overtaken => Halt::Overtaken,
        halt => halt,
    }
}

/// The partitions' trees.
fn trees(tenant: &TenantStore, sled: &Db) -> Result<Vec<Tree>, StoreError> {
    let names = sled.tree_names().into_iter();
    names
        .filter(|name| partition_of(&tenant.name, name).is_some())
        .map(|name| guarded(|| sled.open_tree(&name)))
        .collect()
}

/// The partitions that are open, by the names of their trees.
fn open_partitions(tenant: &TenantStore) -> BTreeMap<IVec, Arc<SledPartition>> {
    let partitions = tenant.read_partitions();
    let named = partitions
        .iter()
        .map(|(id, partition)| (IVec::from(tree_name(id).as_str()), partition.clone()));
    named.collect()
}

fn ask(may_go_on: MayGoOn<'_>, step: ReclaimStep) -> Result<(), Halt> {
    if may_go_on(step) {
        Ok(())
    } else {
        Err(Halt::Stopped)
    }
}
