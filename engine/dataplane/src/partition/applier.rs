//! What a commit changes in the local state store, and how the sketches that are watched compare then.

use std::sync::Arc;

use tailrace_core::{
    delta::Delta,
    name::Name,
    ports::store::{Applied, PartitionStore, StoreError},
    series::Series,
};
use tailrace_sketch::Comparison;

use crate::{
    observe::accuracy::{self, Accuracy},
    plan::Plan,
};

/// Applies what was stored. Used on a guest thread, by one commit at a time.
pub(super) struct Applier {
    state_store: Arc<dyn PartitionStore>,
    partition: u32,
    accuracy: Accuracy,
}

impl Applier {
    pub(super) fn new(state_store: Arc<dyn PartitionStore>, partition: u32) -> Self {
        Self {
            state_store,
            partition,
            accuracy: Accuracy::default(),
        }
    }

    /// Applies a stored batch; gives how watched sketches compare with the exact answers now.
    pub(super) fn apply(
        &mut self,
        plan: &Plan,
        delta: &Delta,
        stored: Applied,
    ) -> Result<Vec<(Name, Comparison)>, StoreError> {
        self.state_store.apply(delta, stored)?;
        let state_store = &*self.state_store;
        let read = |name: &str, series: &Series| accuracy::read(state_store, name, series);
        self.accuracy.follow(self.partition, plan.watched(), delta, read)
    }
}
