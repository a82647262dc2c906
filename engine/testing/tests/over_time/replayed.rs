//! What a stage has committed is done again, from its first record and from a snapshot in between.

use std::sync::Arc;

use tailrace_core::{identity::PartitionId, life::Life, ports::broker::Incoming};
use tailrace_dataplane::{arrival::TableRow, plan::Plan, replay::sources::Sources};

use crate::{
    partition,
    replaying::{Log, Seen, beginning, behind},
    stage::Stage,
};

/// Reads again what a stage had.
struct Again<'a>(&'a Stage);

impl Sources for Again<'_> {
    fn plan(&mut self, revision: u64, _: Option<u64>) -> Option<Arc<Plan>> {
        self.0.plans.get(&revision).cloned()
    }

    fn input(&mut self, after: u64) -> Option<Incoming> {
        let next = after as usize + 1;
        (next <= self.0.events()).then(|| self.0.message(next))
    }

    fn redriven(&mut self, after: u64) -> Option<Incoming> {
        behind(self.0.letters(), after)
    }

    fn row(&mut self, table: &str, tag: u32, from: u64) -> Option<TableRow> {
        self.0.row_from(table, tag, from)
    }
}

impl Stage {
    /// All that it has committed is the same when it is done again; gives what its records held.
    pub fn assert_replays(&self, seen: &mut Seen) {
        let log = Log {
            partition: PartitionId {
                pipeline: partition::pipeline(),
                life: Life::UNNAMED,
                partition: self.number(),
            },
            manifest: self.plans[&1].manifest.clone(),
            before: beginning(),
            commits: self.recorded.clone(),
        };
        log.replay_all(&mut Again(self), seen).unwrap();
    }
}
