//! How far the partitions have come with an order to delete state, as of their last commits.

use serde::Serialize;
use tailrace_core::{
    identity::PipelineId,
    state_deletion::{Deleted, KEPT, STEP, key},
};

use crate::{
    error::{ControlError, ControlResult},
    query::{
        Queries,
        local::What,
        queries::{StateEntry, entries},
    },
};

/// How far an order has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, schemars::JsonSchema)]
pub struct StateDeletionReport {
    /// Its number.
    pub number: u64,
    /// Whether every partition has done it.
    pub done: bool,
    /// Entries that are deleted so far.
    pub entries: u64,
    /// Partitions that have not done it yet.
    pub waiting: Vec<u32>,
}

impl Queries {
    /// How far an order has come. Each partition keeps the outcome of its last orders only.
    pub async fn state_deletion(&self, id: &PipelineId, number: u64) -> ControlResult<StateDeletionReport> {
        let partitions = self.context.pipeline(id)?.active.manifest.partitions;
        let what = What::Scan {
            step: STEP.to_owned(),
            prefix: String::new(),
            after: None,
            limit: KEPT,
        };
        let kept = entries(self.ask(id, what).await?);
        let own = key(number);
        let mut report = StateDeletionReport {
            number,
            done: true,
            entries: 0,
            waiting: Vec::new(),
        };
        if !kept.iter().any(|entry| entry.key == own) {
            let letters = self.context.world_of(&id.tenant).await?.dead_letters;
            if !letters.is_order(id, number).await? {
                return Err(ControlError::not_found("state deletion", &number));
            }
        }
        for partition in 0..partitions {
            let mut of_it = kept.iter().filter(|entry| entry.partition == partition);
            let deleted = match of_it.clone().find(|entry| entry.key == own) {
                Some(entry) => read(entry)?,
                None if of_it.any(|entry| entry.key > own) => {
                    return Err(ControlError::not_found("state deletion", &number));
                }
                None => Deleted::default(),
            };
            report.entries += deleted.entries;
            report.done &= deleted.done;
            if !deleted.done {
                report.waiting.push(partition);
            }
        }
        Ok(report)
    }
}

fn read(entry: &StateEntry) -> ControlResult<Deleted> {
    let read = serde_json::from_slice(&entry.value);
    read.map_err(|cause| ControlError::Internal(format!("a deletion's outcome cannot be read: {cause}")))
}
