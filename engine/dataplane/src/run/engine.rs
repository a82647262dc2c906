//! All pipelines of this engine: follows the registry, starts what is new, tells those that run what
//! changed, ends what is gone.
//!
//! Why: docs/decisions/0002-planes-meet-in-passive-memory.md

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use tailrace_core::{
    identity::PipelineId,
    membership::Membership,
    observe::{overview::Overview, status::PipelineStatus},
    registry::Registry,
    tasks,
    world::World,
};
use tokio::{sync::watch, task::JoinHandle};
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use crate::{
    limits::tenants::{TenantLimiter, TenantLimiters},
    observe::context,
    run::{Entry, PipelineRun, settings::Settings},
};

/// How often the broker is asked how it writes.
const LOOK_EVERY: Duration = Duration::from_mins(1);

/// The engine.
pub struct Engine {
    /// The world.
    pub world: World,
    /// What is registered; none until it has been read once.
    pub registry: watch::Receiver<Option<Arc<Registry>>>,
    /// What runs.
    pub overview: Overview,
    /// Which engines share the work; none until they are known.
    pub members: watch::Receiver<Option<Arc<Membership>>>,
    /// What the operator has set.
    pub settings: Settings,
    /// Ends it gracefully.
    pub stop: CancellationToken,
}

struct Task {
    entry: watch::Sender<Entry>,
    stop: CancellationToken,
    handle: JoinHandle<()>,
}

impl Engine {
    /// Runs until it is stopped; returns when every pipeline has come to its end.
    pub async fn run(mut self) {
        let mut running: BTreeMap<PipelineId, Task> = BTreeMap::new();
        let mut limiters = TenantLimiters::default();
        let mut members = self.members.clone();
        let mut look = tokio::time::interval(LOOK_EVERY);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            let registry = self.registry.borrow_and_update().clone();
            if let Some(registry) = registry {
                limiters.follow(&registry, self.is_alone());
                self.world.turns.weigh(registry.weights());
                self.reconcile(&registry, &mut running, &mut limiters).await;
            }
            tokio::select! {
                biased;
                () = self.stop.cancelled() => break,
                changed = self.registry.changed() => if changed.is_err() { break },
                // Tenants' limits are shared out anew.
                Ok(()) = members.changed() => {}
                _ = look.tick() => self.look_at_broker().await,
            }
        }
        for task in running.values() {
            task.stop.cancel();
        }
        for task in running.into_values() {
            let _ = task.handle.await;
        }
    }

    /// Whether no other engine is known.
    fn is_alone(&self) -> bool {
        let members = self.members.borrow();
        members.as_ref().is_none_or(|members| members.alive.len() <= 1)
    }

    /// Warns where what was accepted would not survive a power loss.
    async fn look_at_broker(&self) {
        let known = self.world.streams.syncs_always().await;
        let before = self.overview.set_broker_syncs_always(known);
        if known == Some(false) && before != known {
            tracing::warn!(
                "the broker answers before it writes to its disk: what it has accepted survives the death of any process, but not a power loss; set `sync_interval: always` in its jetstream section, or use replicas"
            );
        }
    }

    async fn reconcile(
        &self,
        registry: &Registry,
        running: &mut BTreeMap<PipelineId, Task>,
        limiters: &mut TenantLimiters,
    ) {
        let gone: Vec<_> = running
            .keys()
            .filter(|id| !registry.pipelines.contains_key(*id))
            .cloned()
            .collect();
        for id in gone {
            if let Some(task) = running.remove(&id) {
                self.end(&id, task).await;
            }
        }
        for (id, pipeline) in &registry.pipelines {
            let Some(tenant) = registry.tenants.get(&id.tenant) else {
                continue;
            };
            let entry = Some((pipeline.clone(), tenant.clone()));
            match running.get(id) {
                Some(task) => drop(task.entry.send_if_modified(|current| {
                    *current != entry && {
                        current.clone_from(&entry);
                        true
                    }
                })),
                None => drop(running.insert(id.clone(), self.start(id, entry, limiters.of(&id.tenant)))),
            }
        }
    }

    fn start(&self, id: &PipelineId, entry: Entry, tenant_gate: Arc<TenantLimiter>) -> Task {
        let status = Arc::new(PipelineStatus::default());
        let stop = CancellationToken::new();
        let (sender, receiver) = watch::channel(entry);
        let run = PipelineRun {
            world: self.world.clone(),
            pipeline: id.clone(),
            entry: receiver,
            members: self.members.clone(),
            settings: self.settings,
            stop: stop.clone(),
            status: status.clone(),
            tenant_gate,
        };
        self.overview.set(id, Some(status));
        Task {
            entry: sender,
            stop,
            handle: tasks::spawn(run.run().instrument(context::pipeline(id))),
        }
    }

    /// A deleted pipeline: ends it and removes what it left on this machine.
    async fn end(&self, id: &PipelineId, task: Task) {
        task.entry.send_replace(None);
        task.stop.cancel();
        let _ = task.handle.await;
        self.overview.set(id, None);
        if let Err(cause) = self.world.store.remove(id) {
            let (tenant, pipeline) = (&id.tenant, &id.pipeline);
            tracing::warn!(%tenant, %pipeline, %cause, "the local state of a deleted pipeline could not be removed");
        }
    }
}
