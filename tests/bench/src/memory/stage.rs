//! A pipeline in this process, on a broker of nothing and a store of its own, run to the end of its
//! events and timed after its start.

use std::{
    collections::BTreeMap,
    path::Path,
    sync::Arc,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use bytes::Bytes;
use tailrace_core::{
    identity::{Digest, PipelineId},
    life::Life,
    manifest::parse::parse,
    membership::Membership,
    name::Name,
    observe::overview::Overview,
    ports::plugins::PluginRuntime as _,
    registry::{Pipeline, Quotas, Registry, Revision, Tenant},
    world::World,
};
use tailrace_dataplane::{
    run::{engine::Engine, settings::Settings},
    schedule::Turns,
};
use tailrace_sketch::TenantSeed;
use tailrace_store::{SledStore, StoreOptions};
use tailrace_testing::{
    broker::{Generated, MemoryBroker, Options},
    link::Service,
    registry::MemoryRegistry,
};
use tailrace_tests::files;
use tailrace_wasm::{WasmOptions, WasmRuntime};
use tempfile::TempDir;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{
    events::{SCHEMA, event},
    process::cpu_seconds,
};

/// Longest that a round may take.
const PATIENCE: Duration = Duration::from_mins(3);
/// Guest threads: one a core of the machines that this is measured on.
const GUEST_THREADS: usize = 2;
/// When the broker receives the first event.
const BEGIN_MS: u64 = 1_795_824_000_000;
/// Fewest different events; more keys need more.
const LEAST_EVENTS: u64 = 10_000;

/// What the steps do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plugin {
    /// Nothing.
    Forward,
    /// Read, change and write so many bytes of state.
    State {
        /// Of a key.
        bytes: usize,
    },
    /// Write the key's vector.
    Vectors {
        /// Of a vector.
        dimensions: u32,
    },
    /// Check the payload.
    Validator,
    /// Log a line of the payload.
    Chatty,
    /// Set a timer, which fires before the key's next event. Events are a millisecond apart.
    Waker,
    /// Nothing: without a step, a window counts and sums by key. Events are a millisecond apart.
    Window {
        /// Of a window.
        seconds: u32,
    },
    /// Nothing: without a step, each event of one input meets one of the other. Events are a millisecond apart.
    Join,
}

impl Plugin {
    /// What rows call it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Forward => "forward",
            Self::State { .. } => "state",
            Self::Vectors { .. } => "keeper",
            Self::Validator => "validator",
            Self::Chatty => "chatty",
            Self::Waker => "timer",
            Self::Window { .. } => "window",
            Self::Join => "join",
        }
    }

    /// The file that it is built into.
    pub fn file(self) -> &'static str {
        match self {
            Self::Forward | Self::State { .. } | Self::Window { .. } | Self::Join => "tailrace_bench_guest",
            Self::Vectors { .. } => "examples/keeper",
            Self::Validator => "validator",
            Self::Chatty => "examples/chatty",
            Self::Waker => "examples/waker",
        }
    }

    /// Its config.
    pub fn config(self) -> String {
        match self {
            Self::Forward => r#"{"act":"forward"}"#.to_owned(),
            Self::State { bytes } => format!(r#"{{"act":"state","bytes":{bytes}}}"#),
            Self::Vectors { dimensions } => format!(r#"{{"dimensions":{dimensions}}}"#),
            Self::Validator => SCHEMA.to_owned(),
            Self::Chatty | Self::Waker | Self::Window { .. } | Self::Join => "null".to_owned(),
        }
    }
}

/// What to run.
#[derive(Debug, Clone, Copy)]
pub struct Job {
    /// In every step.
    pub plugin: Plugin,
    /// Steps one after the other.
    pub steps: usize,
    /// Of a payload.
    pub bytes: usize,
    /// Keys of the events.
    pub keys: u64,
    /// Partitions of the pipeline.
    pub partitions: u32,
    /// Events before the clock runs.
    pub warm_up: u64,
    /// Events that are timed.
    pub events: u64,
}

/// What a round came to, in events a second.
#[derive(Debug, Clone, Copy)]
pub struct Round {
    /// On the wall clock.
    pub rate: f64,
    /// Of processor time.
    pub rate_a_core: f64,
}

/// A sandbox in which plugins are compiled once for all rounds.
pub struct MemoryStage {
    runtime: Arc<WasmRuntime>,
    _folder: TempDir,
}

impl MemoryStage {
    /// Makes it.
    pub fn set() -> anyhow::Result<Self> {
        let folder = tempfile::tempdir()?;
        let artefacts = folder.path().join("artefacts");
        let runtime = Arc::new(WasmRuntime::new(WasmOptions {
            artefacts,
            ..WasmOptions::default()
        })?);
        Ok(Self {
            runtime,
            _folder: folder,
        })
    }

    /// One round, with a store of its own.
    pub async fn run(&self, job: &Job) -> anyhow::Result<Round> {
        let folder = tempfile::tempdir()?;
        let admitted = self
            .runtime
            .admit(&Bytes::from(files::plugin(job.plugin.file())?))?;
        let payloads = (0..job.keys.max(LEAST_EVENTS)).map(|number| event(number, job.bytes, job.keys));
        let input = Generated {
            subjects: ["bench.in.x", "bench.in.y"].map(str::to_owned).to_vec(),
            payloads: payloads.collect(),
            count: job.warm_up + job.events,
        };
        let id = PipelineId {
            tenant: Name::new("bench")?,
            pipeline: Name::new("bench")?,
        };
        let overview = Overview::default();
        let stop = CancellationToken::new();
        let alone = Membership::alone(Name::new("bench")?);
        let (_members, members) = watch::channel(Some(Arc::new(alone)));
        let registry = registry(job, &id, admitted.digest)?;
        let (_registry, registry) = watch::channel(Some(Arc::new(registry)));
        let engine = Engine {
            world: world(
                &id,
                input,
                &admitted.component,
                self.runtime.clone(),
                folder.path(),
            )?,
            registry,
            overview: overview.clone(),
            members,
            settings: Settings::default(),
            stop: stop.clone(),
        };
        let running = tokio::spawn(engine.run());
        let round = timed(&overview, &id, job).await;
        stop.cancel();
        running.await?;
        round
    }
}

async fn timed(overview: &Overview, id: &PipelineId, job: &Job) -> anyhow::Result<Round> {
    let this = std::process::id();
    let began = reach(overview, id, job.warm_up).await?;
    let (wall, cpu) = (Instant::now(), cpu_seconds(this)?);
    let ended = reach(overview, id, job.warm_up + job.events).await?;
    let (wall, cpu) = (wall.elapsed().as_secs_f64(), cpu_seconds(this)? - cpu);
    let done = (ended - began) as f64;
    Ok(Round {
        rate: done / wall,
        rate_a_core: done / cpu.max(0.01),
    })
}

/// Waits until so many events are committed; gives how many there are then.
async fn reach(overview: &Overview, id: &PipelineId, events: u64) -> anyhow::Result<u64> {
    let waiting = async {
        loop {
            let report = overview.pipeline(id).map(|status| status.report());
            let done = report.map_or(0, |report| report.stats.counts.outcomes.events);
            if done >= events {
                return done;
            }
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    let reached = tokio::time::timeout(PATIENCE, waiting).await;
    reached.with_context(|| {
        let state = overview.pipeline(id).map(|status| status.report());
        format!("{events} events were never done: {state:?}")
    })
}

fn registry(job: &Job, id: &PipelineId, digest: Digest) -> anyhow::Result<Registry> {
    let config = job.plugin.config();
    let grant = match job.plugin {
        Plugin::Waker => "timers",
        _ => "state",
    };
    let step = |number: usize| {
        format!(r#"{{"name":"s{number}","plugin":"p@1.0.0","config":{config},"grants":["{grant}"]}}"#)
    };
    let steps: Vec<_> = (0..job.steps).map(step).collect();
    let (rules, beside) = read(job.plugin);
    let text = format!(
        r#"{{"name":"bench","input":{{"stream":"IN",{rules}"key":{{"json":"/user"}}}},{beside}
        "partitions":{},"windows":{},"steps":[{}],"output":{{"subject":"bench.out.{{key}}"}}}}"#,
        job.partitions,
        windows(job.plugin),
        steps.join(",")
    );
    let manifest = parse(text.as_bytes())?;
    let plugins: BTreeMap<_, _> = manifest
        .steps
        .iter()
        .map(|step| (step.name.clone(), digest))
        .collect();
    let active = Revision {
        number: 1,
        manifest,
        plugins,
        applied_ms: 0,
        rolled_back_to: None,
        begun: tailrace_core::registry::Begun::default(),
    };
    let tenant = Tenant {
        name: id.tenant.clone(),
        life: Life::UNNAMED,
        deleting: false,
        read: vec![">".to_owned()],
        write: vec![">".to_owned()],
        nats_account: None,
        quotas: Quotas::default(),
        schema_rules: Vec::new(),
        seed: TenantSeed::new(1, 2),
        created_ms: 0,
    };
    let mut registry = Registry::default();
    registry.tenants.insert(tenant.name.clone(), Arc::new(tenant));
    let pipeline = Pipeline::new(active, 0);
    registry.pipelines.insert(id.clone(), Arc::new(pipeline));
    Ok(registry)
}

/// The rules of the input, and what stands beside it.
fn read(plugin: Plugin) -> (&'static str, &'static str) {
    match plugin {
        // A key has an event of either input every two seconds, one second apart.
        Plugin::Join => (
            r#""watermark":{"lag":"1s"},"#,
            r#""inputs":{"a":{"subjects":["bench.in.x"]},"b":{"subjects":["bench.in.y"]}},
            "joins":{"j":{"left":"a","right":"b","within":{"after":"1500ms"}}},"#,
        ),
        _ => (r#""subjects":["bench.in.>"],"#, ""),
    }
}

fn windows(plugin: Plugin) -> String {
    let Plugin::Window { seconds } = plugin else {
        return "{}".to_owned();
    };
    format!(
        r#"{{"w":{{"over":{{"tumbling":"{seconds}s"}},"aggregate":{{"n":"count","sum":{{"sum":{{"json":"/amount"}}}}}}}}}}"#
    )
}

/// Everything but the broker is the engine's own. The broker counts commits and keeps none of them, and no
/// snapshot either: what is measured is the engine alone.
fn world(
    id: &PipelineId,
    input: Generated,
    component: &Bytes,
    plugins: Arc<WasmRuntime>,
    folder: &Path,
) -> anyhow::Result<World> {
    let broker = MemoryBroker::new(Options {
        keeps_commits: false,
        // A millisecond apart, for windows.
        received_ms: |sequence| BEGIN_MS + sequence,
        ..Options::default()
    });
    broker.generate("IN", input);
    broker.begin_pipeline(id, Life::UNNAMED, 0);
    broker.link().cut(Service::Snapshots);
    let registry = MemoryRegistry::new(broker.link().clone());
    registry.hold_plugin(component.clone());
    let store = SledStore::open(folder.join("state"), StoreOptions::default())?;
    let world = tailrace_testing::world::world(&broker, &registry, Arc::new(store), plugins);
    Ok(World {
        turns: Arc::new(Turns::start(
            GUEST_THREADS,
            world.clock.clone(),
            Arc::new(tailrace_core::ports::threads::Alike),
        )?),
        ..world
    })
}
