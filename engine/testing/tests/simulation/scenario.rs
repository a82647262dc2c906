//! The engines of a run: how they live and die, what they are told, and how one sees that they came to the end.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use futures::FutureExt as _;
use tailrace_core::{
    identity::{Digest, PipelineId},
    life::Life,
    manifest::parse::parse,
    membership::Membership,
    name::Name,
    observe::{
        candidate_reports::Report,
        live::LiveStream,
        overview::Overview,
        tap::{Sample, Wish},
    },
    registry::{
        Begun, Pipeline, Registry, Revision, Tenant,
        candidate::{Canary, Candidate, Mode},
    },
};
use tailrace_dataplane::run::{engine::Engine, settings::Settings};
use tailrace_sketch::TenantSeed;
use tailrace_testing::{broker::MemoryBroker, faults::Faults, schedule::Schedule, store::MemoryStore};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::{
    checker,
    plugins::{COUNT, Manner, STAMP},
    rough::{self, Rough},
    sketches::DIVIDED,
    world::world,
};

/// What the number of a candidate is above that of the revision beside which it runs.
pub const CANDIDATE: u64 = 1_000_000;
/// A canary that is never taken back.
pub const CANARY: Mode = Mode::Canary(Canary {
    share_ppm: 400_000,
    max_error_ratio: None,
    max_p99_ms: None,
    min_events: 1,
});
/// The watermark goes on soon after nothing comes.
pub const TICKS: &str = r#"{"after":"1s"}"#;

/// How long nothing comes at the end, where there are ticks: two looks at the broker.
const QUIET: Duration = Duration::from_secs(11);

pub struct Scenario {
    pub faults: Arc<Faults>,
    pub broker: MemoryBroker,
    pub pipeline: PipelineId,
    /// Half of the pipelines are from before lives.
    pub life: Life,
    pub partitions: u32,
    pub watchers: usize,
    pub shown: AtomicU64,
    /// Number of the active revision.
    pub revision: AtomicU64,
    /// Whether a shadow's outputs differ from the active revision's, in a header.
    pub shadow_differs: bool,
    /// What the watermark does while nothing comes.
    pub idle: &'static str,
    /// Of a rough pipeline.
    pub rough: Option<Rough>,
    /// Whether no snapshot lets records go.
    pub keeps_records: bool,
    /// How often something was sent again, or state was to be deleted.
    pub redriven: AtomicU64,
    /// What was found of the last candidate.
    pub found: Mutex<Option<Report>>,
}

impl Scenario {
    /// One life: one engine or two, until the crash, the end of its time, or the end of the work.
    pub fn live(&self, stores: &[MemoryStore], most: Duration, to_the_end: bool) -> Result<u64, String> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .map_err(|cause| cause.to_string())?;
        self.broker.link().crash().send_replace(false);
        let engines = if !to_the_end && self.faults.strikes("two engines", 30) {
            2
        } else {
            1
        };
        let overview = Overview::default();
        let schedule = Schedule::new(self.faults.below(u64::MAX));
        let done = schedule.drive(&runtime, async {
            let stop = CancellationToken::new();
            // One an engine, for those who listen to one are woken in an order of tokio's choice.
            let registry = || watch::Sender::new(Some(Arc::new(self.registry())));
            let registries: Vec<_> = stores[..engines].iter().map(|_| registry()).collect();
            let running: Vec<_> = stores
                .iter()
                .zip(&registries)
                .map(|(store, registry)| {
                    tailrace_core::tasks::spawn(self.engine(store, registry, &stop, &overview).run())
                })
                .collect();
            let mut crash = self.broker.link().crash().subscribe();
            let life = Duration::from_millis(if to_the_end {
                most.as_millis() as u64
            } else {
                self.faults.below(most.as_millis() as u64)
            });
            // Behind the draw: which task wakes first at the start is tokio's own choice.
            let watching = self.watch(&overview).await;
            let ended = tokio::select! {
                biased;
                _ = crash.wait_for(|crash| *crash) => false,
                () = tokio::time::sleep(life) => false,
                () = self.all_is_committed(), if to_the_end => true,
                never = self.swap_now_and_then(&registries) => never,
            };
            for mut watch in watching {
                let missed = watch.missed().unwrap_or_default();
                let mut shown = missed.dropped + missed.limited;
                while let Some(Some(_)) = watch.next().now_or_never() {
                    shown += 1;
                }
                self.shown.fetch_add(shown, Ordering::Relaxed);
            }
            if ended {
                // A graceful end must not lose anything either.
                stop.cancel();
                for engine in running {
                    engine.await.map_err(|cause| cause.to_string())?;
                }
            }
            Ok::<_, String>(ended)
        })?;
        // Dropping the runtime is the kill: every task ends where it waits.
        drop(runtime);
        if let (Some(status), Ok(mut found)) = (overview.pipeline(&self.pipeline), self.found.lock()) {
            *found = status.candidate_reports.report();
        }
        self.check_books(&overview)?;
        if to_the_end && !done {
            return Err(format!(
                "no progress: events are left {most:?} after the last fault"
            ));
        }
        Ok(engines as u64)
    }

    /// Those who watch. Waits for the pipeline even if nobody does, so that every run has the same turns.
    async fn watch(&self, overview: &Overview) -> Vec<LiveStream<Sample, Wish>> {
        let status = loop {
            if let Some(status) = overview.pipeline(&self.pipeline) {
                break status;
            }
            tokio::task::yield_now().await;
        };
        let tap = &status.views.tap;
        if self.watchers > 0 {
            drop(tap.watch(Wish::default()));
        }
        let watch = |_| tap.watch(Wish::default());
        (0..self.watchers).map(watch).collect()
    }

    /// Whatever happened, the counts of the engines that were at work must agree.
    fn check_books(&self, overview: &Overview) -> Result<(), String> {
        let reconciler = overview
            .pipeline(&self.pipeline)
            .map(|status| status.reconciler.clone());
        match reconciler.and_then(|reconciler| reconciler.last_imbalance()) {
            Some(balance) => Err(format!("the books do not balance: {balance:?}")),
            None => Ok(()),
        }
    }

    /// Another revision becomes the active one, at random moments.
    async fn swap_now_and_then(&self, registries: &[watch::Sender<Option<Arc<Registry>>>]) -> bool {
        loop {
            tokio::time::sleep(Duration::from_millis(self.faults.below(300))).await;
            if self.faults.strikes("swap of a revision", 50) {
                self.revision.fetch_add(1, Ordering::Relaxed);
                self.tell(registries);
            }
            let Some(rough) = &self.rough else { continue };
            if rough
                .meddle(&self.faults, &self.broker, &self.pipeline, self.life)
                .await
            {
                self.redriven.fetch_add(1, Ordering::Relaxed);
                self.tell(registries);
            }
        }
    }

    fn tell(&self, registries: &[watch::Sender<Option<Arc<Registry>>>]) {
        for registry in registries {
            registry.send_replace(Some(Arc::new(self.registry())));
        }
    }

    fn engine(
        &self,
        store: &MemoryStore,
        registry: &watch::Sender<Option<Arc<Registry>>>,
        stop: &CancellationToken,
        overview: &Overview,
    ) -> Engine {
        Engine {
            world: world(&self.broker, store, &self.faults, self.manner()),
            registry: registry.subscribe(),
            overview: overview.clone(),
            members: alone(),
            settings: Settings {
                // A thread that blocks is outside of the simulated time.
                reclaim_every: None,
                snapshot_after_commits: if self.keeps_records { u64::MAX } else { 20 },
                reconcile_every: Duration::from_millis(500),
                ..Settings::default()
            },
            stop: stop.clone(),
        }
    }

    fn registry(&self) -> Registry {
        let number = self.revision.load(Ordering::Relaxed);
        let active = self.revision_of(number, number);
        let mut pipeline = Pipeline {
            life: self.life,
            redriven: self.redriven.load(Ordering::Relaxed),
            ..Pipeline::new(active, 0)
        };
        let mode = match number % 4 {
            1 => Some(("shadow", Mode::Shadow)),
            3 => Some(("canary", CANARY)),
            _ => None,
        };
        if let Some((what, mode)) = mode {
            self.faults.note(what);
            let differs = mode != Mode::Shadow || self.shadow_differs;
            let label = number + if differs { CANDIDATE } else { 0 };
            pipeline.candidate = Some(Candidate {
                revision: self.revision_of(number + CANDIDATE, label),
                mode,
                began_ms: 0,
            });
        }
        let name = |text: &str| Name::new(text).expect("a name");
        let tenant = Tenant {
            name: name("sim"),
            life: Life::UNNAMED,
            deleting: false,
            read: vec!["in.>".to_owned()],
            write: vec!["out.>".to_owned()],
            nats_account: None,
            quotas: tailrace_core::registry::Quotas::default(),
            schema_rules: Vec::new(),
            seed: TenantSeed::new(1, 2),
            created_ms: 0,
        };
        let mut registry = Registry::default();
        registry.tenants.insert(tenant.name.clone(), Arc::new(tenant));
        registry
            .pipelines
            .insert(self.pipeline.clone(), Arc::new(pipeline));
        registry
    }

    /// A revision whose outputs bear this label.
    pub fn revision_of(&self, number: u64, label: u64) -> Revision {
        let name = |text: &str| Name::new(text).expect("a name");
        // Every third revision declares vectors of its own, which must be loaded from a settled state store.
        let more = if (number % CANDIDATE).is_multiple_of(3) {
            self.faults.note("swap that waits");
            r#","more":{"dimensions":2}"#
        } else {
            ""
        };
        let rough = self.rough.as_ref();
        let rough = rough.map(|rough| rough.manifest((number, label), self.partitions, more, self.idle));
        let text = rough.unwrap_or_else(|| format!(
            r#"{{"name":"count","partitions":{},"input":{{"stream":"IN","subjects":["in.>"],"key":{{"subject-token":2}},"watermark":{{"delay":"0s","idle":{}}}}},
            "steps":[{{"name":"count","plugin":"count@1.0.0","config":{label},"grants":["state","vectors","sketches","timers"],"on-error":{{"retries":40,"backoff":"10ms"}}}},
                     {{"name":"stamp","plugin":"stamp@1.0.0","on-error":{{"retries":40,"backoff":"10ms"}}}}],
            "vectors":{{"counts":{{"dimensions":1}}{more}}},"sketches":{{"counts":{{"kind":"quantiles"}},
                "{DIVIDED}":{{"kind":"top","value":{{"subject-token":2}},"window":"1s","keep":"2s","by":{{"subject-token":2}},"groups":3}}}},"output":{{"subject":"out.{{key}}"}}}}"#,
            self.partitions, self.idle
        ));
        let manifest = parse(text.as_bytes()).expect("the scenario's pipeline is valid");
        let plugins = BTreeMap::from([
            (name("count"), Digest::of(COUNT)),
            (name("stamp"), Digest::of(STAMP)),
        ]);
        Revision {
            number,
            manifest,
            plugins,
            applied_ms: 0,
            rolled_back_to: None,
            begun: Begun::default(),
        }
    }

    pub fn manner(&self) -> Manner {
        match self.rough {
            Some(_) => rough::MANNER,
            None => Manner::default(),
        }
    }

    pub fn check(&self) -> Result<(), String> {
        if let Some(rough) = &self.rough {
            return rough.check(&self.broker, &self.pipeline);
        }
        checker::check(&self.broker, &self.pipeline, self.partitions, self.idle == TICKS)
    }

    /// Waits until the checkers have nothing to say.
    async fn all_is_committed(&self) {
        while self.check().is_err() {
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        if self.idle == TICKS {
            tokio::time::sleep(QUIET).await;
        }
    }
}

/// Each engine believes that it is alone: only the fence keeps two of them apart.
fn alone() -> watch::Receiver<Option<Arc<Membership>>> {
    let alone = Membership::alone(Name::new("engine").expect("a name"));
    let (sender, members) = watch::channel(Some(Arc::new(alone)));
    std::mem::forget(sender);
    members
}
