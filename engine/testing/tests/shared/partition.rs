//! A partition as the tests of clocks, timers and windows need it: its plan, its store and its worker, whose clock
//! stands still.

use std::sync::Arc;

use tailrace_core::{
    identity::{Digest, PartitionId, PipelineId},
    life::Life,
    manifest::{PipelineManifest, check::check, parse::parse},
    name::Name,
    observe::progress::Cursor,
    ports::{
        plugins::Plugin,
        store::{LocalStore as _, PartitionStore},
    },
    registry::{Begun, Revision},
};
use tailrace_dataplane::{plan::Plan, turn::worker::Worker};
use tailrace_sketch::TenantSeed;
use tailrace_testing::{clock::StoppedClock, store::MemoryStore};

/// Largest message of the broker.
const MAX_MESSAGE_BYTES: usize = 1 << 20;

/// The pipeline that it is of.
pub fn pipeline() -> PipelineId {
    let name = |text: &str| Name::new(text).unwrap();
    PipelineId {
        tenant: name("shop"),
        pipeline: name("p"),
    }
}

/// The plan of a revision, with this plugin in each of its steps.
pub fn plan(number: u64, manifest: &str, plugin: &dyn Fn() -> (Digest, Arc<dyn Plugin>)) -> Arc<Plan> {
    plan_since(number, manifest, plugin, &|_| Begun::default())
}

/// The same, of which something is declared only since a later revision.
pub fn plan_since(
    number: u64,
    manifest: &str,
    plugin: &dyn Fn() -> (Digest, Arc<dyn Plugin>),
    begun: &dyn Fn(&PipelineManifest) -> Begun,
) -> Arc<Plan> {
    let manifest = parse(manifest.as_bytes()).unwrap();
    check(&manifest).unwrap();
    let steps: Vec<Name> = manifest.steps.iter().map(|step| step.name.clone()).collect();
    let revision = Revision {
        number,
        plugins: steps.iter().map(|step| (step.clone(), plugin().0)).collect(),
        begun: begun(&manifest),
        manifest,
        applied_ms: 0,
        rolled_back_to: None,
    };
    let plugins = steps.into_iter().map(|step| (step, plugin().1)).collect();
    Arc::new(Plan::new(pipeline(), &revision, &plugins, TenantSeed::new(0, 0)))
}

/// An empty store of its own.
pub fn store(plan: &Plan) -> Arc<dyn PartitionStore> {
    let partition = PartitionId {
        pipeline: pipeline(),
        life: Life::UNNAMED,
        partition: 0,
    };
    MemoryStore::default()
        .open(&partition, &plan.manifest, plan.seed)
        .unwrap()
}

/// What works on the store from there on.
pub fn worker(store: &Arc<dyn PartitionStore>, plan: &Arc<Plan>, cursor: Cursor) -> Worker {
    let clock = Arc::new(StoppedClock);
    Worker::new(store.clone(), plan.clone(), cursor, clock, MAX_MESSAGE_BYTES).unwrap()
}
