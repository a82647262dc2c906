//! Alarms at work. Every few seconds the engine that has partition 0 of a pipeline asks all engines of
//! the pipeline for their numbers, and decides ([`tailrace_core::alarm`]). What an alarm remembers is written to
//! the broker before a notice of it is sent, by compare-and-set: of two engines that both take a pipeline
//! for theirs, one writes, and the other reads again. A notice is sent at least once, with the same id at
//! every try, so a restart neither loses the end of an alarm nor repeats it without end.
//!
//! Where an engine of the pipeline does not answer, the look is left out: half the numbers are wrong ones.
//!
//! Why: docs/decisions/0033-alarms-are-remembered-by-the-broker.md

pub mod kept;
pub mod reports;
pub mod subject;
pub mod tried;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use futures::{FutureExt as _, StreamExt as _, future::BoxFuture, stream};
use tailrace_core::{
    alarm::{memory::Alarm, notice::Target},
    identity::{EngineId, PipelineId},
    manifest::alarm_rules::alarms,
    registry::Registry,
};
use tokio::sync::{Semaphore, mpsc};
use tokio_util::sync::CancellationToken;

use crate::{
    alarms::{kept::Kept, subject::Subject, tried::Tried},
    query::Queries,
};

/// How often alarms are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// Longest that a look at one pipeline takes; then it is left out.
const LOOK_WITHIN: Duration = Duration::from_secs(4);
/// Pipelines that are looked at together.
const LOOKS_AT_ONCE: usize = 16;
/// Notices under way on an engine. A tenant's web server that never answers takes up a few of them for
/// seconds ([`kept::SENDING_AT_ONCE`]), so others find a permit.
const SENDING: usize = 64;

/// Looks after the alarms of an engine.
pub struct Alarms {
    queries: Queries,
    me: EngineId,
    of_engine: Vec<Alarm>,
    kept: BTreeMap<Subject, Kept>,
    places: Arc<Semaphore>,
    tell: mpsc::Sender<Tried>,
    told: mpsc::Receiver<Tried>,
    /// Whether what earlier engines left of deleted pipelines was taken up.
    has_looked_back: bool,
}

impl Alarms {
    /// For an engine with alarms of its own.
    pub fn new(queries: Queries, me: EngineId, of_engine: Vec<Alarm>) -> Self {
        // As many as there are permits, so that telling never waits.
        let (tell, told) = mpsc::channel(SENDING);
        Self {
            queries,
            me,
            of_engine,
            kept: BTreeMap::new(),
            places: Arc::new(Semaphore::new(SENDING)),
            tell,
            told,
            has_looked_back: false,
        }
    }

    /// Runs until it is stopped.
    pub async fn run(mut self, stop: CancellationToken) {
        let mut looks = tokio::time::interval(LOOK_EVERY);
        looks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                () = stop.cancelled() => return,
                Some(tried) = self.told.recv() => self.tried(tried).await,
                _ = looks.tick() => self.look().await,
            }
        }
    }

    async fn look(&mut self) {
        let known = self.queries.context.registry().ok();
        // What a registry in doubt does not know is not gone, and is not forgotten.
        let Some(registry) = known.filter(|known| known.standing.is_whole()) else {
            return;
        };
        self.look_back(&registry).await;
        self.take_up(&registry);
        let (queries, places, tell) = (&self.queries, &self.places, &self.tell);
        let mut looks: Vec<BoxFuture<'_, Option<Subject>>> = Vec::new();
        for (subject, kept) in &mut self.kept {
            let look = async move {
                // What is under way when the time is over is done again at the next look.
                let _ = tokio::time::timeout(LOOK_WITHIN, kept.look(queries, subject)).await;
                kept.send(queries, subject, places, tell);
                kept.is_over().then(|| subject.clone())
            };
            looks.push(look.boxed());
        }
        let over: Vec<Option<Subject>> = stream::iter(looks)
            .buffer_unordered(LOOKS_AT_ONCE)
            .collect()
            .await;
        for subject in over.into_iter().flatten() {
            let kept = self.kept.remove(&subject);
            self.queries.reports.forget(&subject);
            if kept.is_some_and(|kept| kept.is_written()) {
                // What stays is found, and found empty, by the engine that starts next.
                let _ = self.queries.context.world.alarms.delete(&subject.key()).await;
            }
        }
    }

    /// What an engine before this one left of pipelines that are gone.
    async fn look_back(&mut self, registry: &Registry) {
        if self.has_looked_back {
            return;
        }
        let Ok(mut entries) = self.queries.context.world.alarms.watch().await else {
            return;
        };
        while let Ok(Some(entry)) = entries.next().await {
            let subject = entry.value.and_then(|_| Subject::of_key(&entry.key));
            let gone = |subject: &Subject| match subject {
                Subject::Engine(engine) => *engine == self.me,
                Subject::Pipeline(id) => !registry.pipelines.contains_key(id),
            };
            if let Some(subject) = subject.filter(gone) {
                self.kept.entry(subject).or_default();
            }
        }
        self.has_looked_back = true;
    }

    /// Which alarms are this engine's, as they are declared now.
    fn take_up(&mut self, registry: &Registry) {
        let mut mine = BTreeSet::new();
        for (id, pipeline) in &registry.pipelines {
            let subject = Subject::Pipeline(id.clone());
            if !self.is_mine(id) {
                continue;
            }
            let mut declared = alarms(&pipeline.active.manifest);
            // The grant may have been narrowed since the pipeline was applied.
            let tenant = registry.tenants.get(&id.tenant);
            let may_tell = |target: &Target| match target {
                Target::Subject(told) => tenant.is_some_and(|tenant| tenant.may_write(told)),
                Target::Webhook(_) => true,
            };
            for alarm in &mut declared {
                alarm.targets.retain(may_tell);
            }
            if !declared.is_empty() || self.kept.contains_key(&subject) {
                self.kept.entry(subject.clone()).or_default().declared = declared;
                mine.insert(subject);
            }
        }
        if !self.of_engine.is_empty() {
            let subject = Subject::Engine(self.me.clone());
            self.kept
                .entry(subject)
                .or_default()
                .declared
                .clone_from(&self.of_engine);
        }
        self.kept.retain(|subject, kept| match subject {
            Subject::Engine(_) => true,
            Subject::Pipeline(id) => {
                let is_gone = !registry.pipelines.contains_key(id);
                if is_gone {
                    kept.declared.clear();
                }
                let keep = mine.contains(subject) || is_gone && !kept.is_over();
                if !keep {
                    self.queries.reports.forget(subject);
                }
                keep
            }
        });
    }

    fn is_mine(&self, id: &PipelineId) -> bool {
        let Some(members) = self.queries.context.cluster.members.borrow().clone() else {
            return false;
        };
        let status = self.queries.context.overview.pipeline(id);
        let shared = status.is_none_or(|status| status.is_shared());
        *members.owner(id, 0, shared) == self.me
    }

    async fn tried(&mut self, tried: Tried) {
        let Tried {
            of,
            id,
            target,
            arrived,
        } = tried;
        let Some(kept) = self.kept.get_mut(&of) else {
            return;
        };
        let given_up = kept.tried(&id, &target, arrived.is_ok(), self.queries.context.now_ms());
        self.queries.reports.count(arrived.is_ok(), given_up);
        if let Err(cause) = arrived {
            tracing::warn!(
                id,
                ?target,
                cause,
                given_up,
                "a notice of an alarm did not arrive"
            );
        }
        kept.save(&self.queries, &of).await;
    }
}
