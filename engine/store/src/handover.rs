//! From a database to its copy: the partitions are told when the copy begins, when it is complete, and when it is
//! the database. All of it under the lock of the tenant's database.
//!
//! Why: docs/decisions/0078-a-database-is-copied-to-give-disk-back.md

use std::{collections::BTreeMap, path::Path, sync::Arc};

use sled::IVec;
use tailrace_core::{identity::PartitionId, ports::store::StoreError};

use crate::{
    copying::{Copying, Halt},
    folders::delete,
    opened::Opened,
    partition::SledPartition,
    tenant::TenantStore,
    tenant_database::TenantDatabase,
    tree_name::tree_name,
};

/// From now on the partitions tell what they write. Gives the database that is copied, unless it has changed since
/// it was looked at.
pub(crate) fn begin(tenant: &TenantStore, copying: &Arc<Copying>, changes: u64) -> Result<Arc<Opened>, Halt> {
    let mut database = tenant.lock();
    if tenant.glance.changes() != changes {
        return Err(Halt::Overtaken);
    }
    let opened = database.opened()?;
    for tree in opened.trees(&tenant.name)? {
        copying.add(tree)?;
    }
    for (name, (_, partition)) in open_partitions(tenant) {
        if let Some(follower) = copying.known(&name) {
            partition.handle.follow(follower);
        }
    }
    database.begin_copy(copying.clone());
    Ok(opened)
}

/// From now on the partitions write to the copy, too.
pub(crate) fn join(tenant: &TenantStore, copying: &Arc<Copying>) -> Result<(), Halt> {
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
            Some((_, partition)) => partition.handle.while_unused(join)?,
            None => join()?,
        }
    }
    Ok(())
}

/// From now on the copy is the database; gives the old one.
pub(crate) fn switch(tenant: &TenantStore, copying: &Arc<Copying>) -> Result<Arc<Opened>, Halt> {
    let mut database = tenant.lock();
    check(&database, copying)?;
    tenant.shared.folders.complete(&copying.opened.folder)?;
    // Nothing may fail from here on.
    let partitions = open_partitions(tenant);
    for pair in copying.pairs() {
        if let Some((id, partition)) = partitions.get(&pair.tree.name())
            && !partition.handle.move_to(pair.copy.clone(), &pair.follower)
        {
            tenant.forget(id);
        }
    }
    let old = database.replace(copying.opened.clone());
    database.end_copy(copying);
    Ok(old.expect("a database that is closed has no copy under way"))
}

/// Whether this copy is still the one that is being made.
fn check(database: &TenantDatabase, copying: &Arc<Copying>) -> Result<(), Halt> {
    let now = database.copying();
    if now.is_some_and(|now| Arc::ptr_eq(now, copying)) {
        copying.check()
    } else {
        Err(Halt::Overtaken)
    }
}

/// The copy is given up; says why.
pub(crate) fn abandon(tenant: &TenantStore, copying: &Arc<Copying>, halt: Halt) -> Halt {
    copying.fail();
    let mut database = tenant.lock();
    let was_overtaken = check(&database, copying).is_err_and(|halt| matches!(halt, Halt::Overtaken));
    database.end_copy(copying);
    match halt {
        // The error is of the change that overtook it.
        Halt::Failed(_) if was_overtaken => Halt::Overtaken,
        halt => halt,
    }
}

/// Removes the database that was copied. What is the tenant's database by now is left alone: it may have been made
/// anew in the same folder.
pub(crate) fn remove_old(tenant: &TenantStore, folder: &Path) -> Result<(), StoreError> {
    let folders = &tenant.shared.folders;
    let database = tenant.lock();
    if database.folder()?.as_deref() == Some(folder) {
        return Ok(());
    }
    let gone = folders.retire(folder)?;
    drop(database);
    gone.map_or(Ok(()), |gone| delete(&gone))
}

/// The partitions that are open, by the names of their trees.
fn open_partitions(tenant: &TenantStore) -> BTreeMap<IVec, (PartitionId, Arc<SledPartition>)> {
    let partitions = tenant.partitions().into_iter();
    partitions
        .map(|(id, partition)| (IVec::from(tree_name(&id).as_str()), (id, partition)))
        .collect()
}
