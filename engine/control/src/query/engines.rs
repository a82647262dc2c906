//! The engines that are alive, and which share of the partitions each has.

use std::collections::BTreeMap;

use serde::Serialize;
use tailrace_core::{identity::EngineId, ports::broker::BrokerError};

use crate::{error::ControlResult, query::Queries};

/// An engine with its share.
#[derive(Debug, Clone, Serialize, schemars::JsonSchema)]
pub struct EngineShare {
    /// The engine.
    pub engine: EngineId,
    /// Whether it is the one that answers.
    pub answers: bool,
    /// Pipelines of which it has partitions.
    pub pipelines: u64,
    /// Partitions that are its own.
    pub partitions: u64,
    /// What it cannot read of the registry: `tenant/pipeline`, `tenant/` for all of a tenant, `*` for everything. That
    /// goes to engines that can.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub cannot_read: Vec<String>,
}

impl Queries {
    /// The engines whose leases are alive, as this one sees them.
    pub fn engines(&self) -> ControlResult<Vec<EngineShare>> {
        let members = self.context.cluster.members.borrow().clone();
        let unknown = || BrokerError::Unreachable("the engines are not known yet".to_owned());
        let members = members.ok_or_else(unknown)?;
        let registry = self.context.registry()?;
        let mut shares: BTreeMap<&EngineId, EngineShare> = BTreeMap::new();
        for engine in &members.alive {
            let unread = members.unread.get(engine);
            let share = EngineShare {
                engine: engine.clone(),
                answers: *engine == members.me,
                pipelines: 0,
                partitions: 0,
                cannot_read: unread
                    .into_iter()
                    .flat_map(|unread| unread.names().map(str::to_owned))
                    .collect(),
            };
            shares.insert(engine, share);
        }
        for (id, pipeline) in &registry.pipelines {
            let status = self.context.overview.pipeline(id);
            let is_shared = status.is_none_or(|status| status.is_shared());
            let mut owned: BTreeMap<&EngineId, u64> = BTreeMap::new();
            for partition in 0..pipeline.active.manifest.partitions {
                *owned.entry(members.owner(id, partition, is_shared)).or_default() += 1;
            }
            for (engine, partitions) in owned {
                if let Some(share) = shares.get_mut(engine) {
                    share.pipelines += 1;
                    share.partitions += partitions;
                }
            }
        }
        Ok(shares.into_values().collect())
    }
}
