//! All pipelines of this engine: follows the registry, starts what is new, tells those that run what
//! changed, ends what is gone.
//!
//! The loop waits for nobody. A pipeline ends in a task of its own, however long its drain takes, and one of the
//! same name begins when that task is over.
//!
//! Why: docs/decisions/0002-planes-meet-in-passive-memory.md

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use tailrace_core::{
    identity::{Digest, PipelineId},
    life::Life,
    membership::Membership,
    observe::{overview::Overview, status::PipelineStatus},
    ports::store::{LocalStore, StoreError},
    registry::{Key, PipelinePhase, Registry},
    tasks,
    world::World,
};
use tokio::{
    sync::watch,
    task::{JoinHandle, JoinSet},
};
use tokio_util::sync::CancellationToken;
use tracing::Instrument as _;

use crate::{
    limits::tenants::{TenantLimiter, TenantLimiters},
    observe::context,
    run::{Entry, PipelineRun, reclaim::Reclaiming, settings::Settings},
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
    life: Life,
    entry: watch::Sender<Entry>,
    stop: CancellationToken,
    handle: JoinHandle<()>,
}

/// What runs, and what is on its way out.
#[derive(Default)]
struct Tasks {
    /// The lives that were registered when this was looked at last.
    registered: BTreeMap<PipelineId, Life>,
    running: BTreeMap<PipelineId, Task>,
    /// They have not let go of their name yet.
    ending: BTreeSet<PipelineId>,
    ended: JoinSet<PipelineId>,
    limiters: TenantLimiters,
}

impl Engine {
    /// Runs until it is stopped; returns when every pipeline has come to its end.
    pub async fn run(mut self) {
        let mut tasks = Tasks::default();
        let mut members = self.members.clone();
        let mut look = tokio::time::interval(LOOK_EVERY);
        look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut looking: Option<JoinHandle<()>> = None;
        let mut reclaiming = Reclaiming::begin(self.settings.reclaim_every);
        let mut swept = false;
        let mut components = None;
        loop {
            let registry = self.registry.borrow_and_update().clone();
            if let Some(registry) = registry {
                // What a registry in doubt does not know is not gone.
                if registry.standing.is_whole() {
                    if !std::mem::replace(&mut swept, true) {
                        self.sweep();
                    }
                    self.forget_plugins(&registry, &mut components);
                }
                tasks.limiters.follow(&registry, self.is_alone());
                self.world.turns.weigh(registry.weights());
                self.reconcile(&registry, &mut tasks);
            }
            tokio::select! {
                biased;
                () = self.stop.cancelled() => break,
                changed = self.registry.changed() => if changed.is_err() { break },
                Some(ended) = tasks.ended.join_next() => match ended {
                    Ok(id) => drop(tasks.ending.remove(&id)),
                    Err(panic) => tracing::error!(%panic, "the end of a pipeline panicked"),
                },
                // Tenants' limits are shared out anew.
                Ok(()) = members.changed() => {}
                () = reclaiming.due() => reclaiming.pass(self.world.store.clone(), self.stop.clone()),
                _ = look.tick() => {
                    if looking.as_ref().is_none_or(JoinHandle::is_finished) {
                        looking = Some(tasks::spawn(look_at_broker(self.world.clone(), self.overview.clone())));
                    }
                }
            }
        }
        for task in tasks.running.values() {
            task.stop.cancel();
        }
        for task in tasks.running.into_values() {
            let _ = task.handle.await;
        }
        while tasks.ended.join_next().await.is_some() {}
        reclaiming.end().await;
    }

    /// Whether no other engine is known.
    fn is_alone(&self) -> bool {
        let members = self.members.borrow();
        members.as_ref().is_none_or(|members| members.alive.len() <= 1)
    }

    /// Removes what lies on this machine of lives that ended while this engine was away.
    fn sweep(&self) {
        let (store, registry) = (self.world.store.clone(), self.registry.clone());
        tasks::spawn_blocking(move || {
            if let Err(cause) = sweep(&*store, &registry) {
                tracing::warn!(%cause, "what ended lives have left on this machine could not be removed");
            }
        });
    }

    /// Deletes machine code that nothing registered needs any more: at first of all that is kept here, then of what
    /// was needed until now.
    fn forget_plugins(&self, registry: &Registry, known: &mut Option<BTreeSet<Digest>>) {
        let Some(needed) = registry.components() else {
            return;
        };
        let before = known.replace(needed.clone());
        if before.as_ref().is_some_and(|before| before.is_subset(&needed)) {
            return;
        }
        let plugins = self.world.plugins.clone();
        tasks::spawn_blocking(move || {
            let kept = before.map_or_else(|| plugins.kept(), |before| before.into_iter().collect());
            for digest in kept.into_iter().filter(|digest| !needed.contains(digest)) {
                plugins.forget(digest);
            }
        });
    }

    fn reconcile(&self, registry: &Registry, tasks: &mut Tasks) {
        let wanted = |id: &PipelineId| {
            let pipeline = registry.pipelines.get(id)?;
            (pipeline.phase == PipelinePhase::Ready).then_some(pipeline)
        };
        let gone: Vec<_> = tasks
            .running
            .iter()
            .filter(|(id, task)| wanted(id).is_none_or(|pipeline| pipeline.life != task.life))
            .map(|(id, _)| id.clone())
            .collect();
        for id in gone {
            if let Some(task) = tasks.running.remove(&id) {
                tasks.ending.insert(id.clone());
                let (world, overview) = (self.world.clone(), self.overview.clone());
                // An entry that cannot be read does not say that the pipeline is gone: its state stays.
                let is_gone = !registry.is_unreadable(&Key::Pipeline(id.clone()));
                let context = context::pipeline(&id);
                tasks
                    .ended
                    .spawn(end(world, overview, id, task, is_gone).instrument(context));
            }
        }
        self.forget(registry, tasks);
        for (id, pipeline) in &registry.pipelines {
            let Some(tenant) = registry.tenants.get(&id.tenant) else {
                continue;
            };
            if pipeline.phase != PipelinePhase::Ready || tasks.ending.contains(id) {
                continue;
            }
            let entry = Some((pipeline.clone(), tenant.clone()));
            if let Some(task) = tasks.running.get(id) {
                task.entry.send_if_modified(|current| {
                    *current != entry && {
                        current.clone_from(&entry);
                        true
                    }
                });
            } else {
                let limiter = tasks.limiters.of(&id.tenant);
                let task = self.start(id, pipeline.life, entry, limiter);
                tasks.running.insert(id.clone(), task);
            }
        }
    }

    /// Removes from this machine what lies here of lives that are gone by now and did not run here: an earlier
    /// process of this engine may have run them.
    fn forget(&self, registry: &Registry, tasks: &mut Tasks) {
        let lives = registry.pipelines.iter();
        let lives = lives.map(|(id, pipeline)| (id.clone(), pipeline.life));
        let mut before = std::mem::replace(&mut tasks.registered, lives.collect());
        before.retain(|id, life| tasks.registered.get(id) != Some(life));
        for (id, life) in before {
            if registry.is_unreadable(&Key::Pipeline(id.clone())) {
                tasks.registered.insert(id, life);
            } else if !tasks.ending.contains(&id) {
                tasks::spawn(remove(self.world.clone(), id, life));
            }
        }
    }

    fn start(&self, id: &PipelineId, life: Life, entry: Entry, tenant_gate: Arc<TenantLimiter>) -> Task {
        let status = Arc::new(PipelineStatus::of(life));
        let stop = CancellationToken::new();
        let (sender, receiver) = watch::channel(entry);
        let run = PipelineRun {
            world: self.world.clone(),
            pipeline: id.clone(),
            entry: receiver,
            registered: self.registry.clone(),
            members: self.members.clone(),
            settings: self.settings,
            stop: stop.clone(),
            status: status.clone(),
            tenant_gate,
        };
        self.overview.set(id, Some(status));
        Task {
            life,
            entry: sender,
            stop,
            handle: tasks::spawn(run.run().instrument(context::pipeline(id))),
        }
    }
}

/// Removes from this machine what belongs to no life that is registered.
fn sweep(
    store: &dyn LocalStore,
    registry: &watch::Receiver<Option<Arc<Registry>>>,
) -> Result<(), StoreError> {
    for tenant in store.tenants()? {
        // Asked each time: what is made meanwhile is registered before it has anything here.
        let registered = || {
            registry
                .borrow()
                .clone()
                .filter(|known| known.standing.is_whole())
        };
        let Some(known) = registered() else { continue };
        if known.is_unreadable(&Key::Tenant(tenant.clone())) {
            continue;
        }
        if !known.tenants.contains_key(&tenant) {
            tracing::info!(%tenant, "the local state of a tenant that is gone is removed");
            store.remove_tenant(&tenant)?;
            continue;
        }
        for (id, life) in store.lives(&tenant)? {
            let is_known = registered().is_none_or(|known| {
                known.is_unreadable(&Key::Pipeline(id.clone()))
                    || known.pipelines.get(&id).is_some_and(|known| known.life == life)
            });
            if !is_known {
                tracing::info!(%tenant, pipeline = %id.pipeline, %life, "the local state of a pipeline that is gone is removed");
                store.remove(&id, life)?;
            }
        }
    }
    Ok(())
}

/// A pipeline that is gone: ends it and removes what it left on this machine.
async fn end(world: World, overview: Overview, id: PipelineId, task: Task, is_gone: bool) -> PipelineId {
    task.entry.send_replace(None);
    task.stop.cancel();
    let _ = task.handle.await;
    if is_gone {
        remove(world, id.clone(), task.life).await;
    }
    // Last, so that its name is free for the next life only when nothing of this one is left here.
    overview.set(&id, None);
    id
}

async fn remove(world: World, id: PipelineId, life: Life) {
    let removed = tasks::spawn_blocking(move || world.store.remove(&id, life)).await;
    let cause = match removed {
        Ok(Ok(())) => return,
        Ok(Err(cause)) => cause.to_string(),
        Err(panic) => panic.to_string(),
    };
    tracing::warn!(
        cause,
        "the local state of a deleted pipeline could not be removed"
    );
}

/// Warns where what was accepted would not survive a power loss.
async fn look_at_broker(world: World, overview: Overview) {
    let known = world.streams.syncs_always().await;
    let before = overview.set_broker_syncs_always(known);
    if known == Some(false) && before != known {
        tracing::warn!(
            "the broker answers before it writes to its disk: what it has accepted survives the death of any process, but not a power loss; set `sync_interval: always` in its jetstream section, or use replicas"
        );
    }
}
