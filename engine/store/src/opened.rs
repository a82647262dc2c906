//! A database that is open.

use std::{
    path::PathBuf,
    sync::{Arc, atomic::AtomicBool},
};

use sled::{Db, Tree};
use tailrace_core::{identity::PartitionId, name::Name, ports::store::StoreError};

use crate::{
    apart::Apart,
    opening::{StoreOptions, guarded, open_database},
    tree_name::{partition_of, tree_name},
};

/// The database. Whoever has trees of it lets go of them before.
pub(crate) struct Opened {
    pub(crate) database: Apart<Db>,
    pub(crate) folder: PathBuf,
    /// Whether sled could not close it.
    pub(crate) is_stuck: Arc<AtomicBool>,
}

impl Opened {
    pub(crate) fn open(folder: PathBuf, options: StoreOptions) -> Result<Self, StoreError> {
        let is_stuck = Arc::new(AtomicBool::new(false));
        let database = open_database(&folder, options)?;
        Ok(Self {
            database: Apart::new(database, is_stuck.clone()),
            folder,
            is_stuck,
        })
    }

    /// The partitions of the tenant that have a tree.
    pub(crate) fn partitions(&self, tenant: &Name) -> Vec<PartitionId> {
        let names = self.database.tree_names();
        names
            .iter()
            .filter_map(|name| partition_of(tenant, name))
            .collect()
    }

    /// The trees of these partitions.
    pub(crate) fn trees(&self, tenant: &Name) -> Result<Vec<Tree>, StoreError> {
        let partitions = self.partitions(tenant);
        let trees = partitions
            .iter()
            .map(|partition| guarded(|| self.database.open_tree(tree_name(partition))));
        trees.collect()
    }
}
