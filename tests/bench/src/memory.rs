//! The engine without a broker: events come from memory, commits go nowhere. Everything between is
//! the real thing: intake, guest threads, sandbox, effects, commit records, sled.

use std::{
    collections::BTreeMap,
    sync::{Arc, atomic::AtomicU64},
    time::{Duration, Instant},
};

use anyhow::Context as _;
use bytes::Bytes;
use tailrace_core::{
    identity::PipelineId,
    membership::Membership,
    name::Name,
    pipeline::{
        engine::{Engine, Overview},
        schedule::Turns,
        settings::Settings,
    },
    ports::{World, plugins::PluginRuntime as _},
    registry::{Pipeline, Quotas, Registry, Revision, Tenant},
    spec::parse::parse,
};
use tailrace_sketch::TenantSeed;
use tailrace_store::{SledStore, StoreOptions};
use tailrace_tests::files;
use tailrace_wasm::{WasmOptions, WasmRuntime};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::{
    Options,
    events::{SCHEMA, event},
    ports::Nothing,
    process::cpu_seconds,
    table::{Figure, Row, Table},
};

/// A way to run.
struct Case {
    what: &'static str,
    plugin: &'static str,
    steps: usize,
    bytes: usize,
    /// What the probe is told to do; the validator is told nothing.
    act: Option<&'static str>,
    /// The row that it is held against.
    against: Option<usize>,
}

const fn validator(what: &'static str, steps: usize, bytes: usize, against: Option<usize>) -> Case {
    Case {
        what,
        plugin: "validator",
        steps,
        bytes,
        act: None,
        against,
    }
}

const CASES: [Case; 7] = [
    validator("in memory, 1 step, 256 bytes", 1, 256, None),
    validator("in memory, 3 steps, 256 bytes", 3, 256, Some(0)),
    validator("in memory, 1 step, 64 bytes", 1, 64, Some(0)),
    validator("in memory, 1 step, 1,024 bytes", 1, 1_024, Some(0)),
    validator("in memory, 1 step, 16,384 bytes", 1, 16_384, Some(0)),
    Case {
        what: "in memory, probe that forwards, 256 bytes",
        plugin: "tailrace_test_guest",
        steps: 1,
        bytes: 256,
        act: Some("forward"),
        against: None,
    },
    Case {
        what: "in memory, probe that reads, changes and writes state, 256 bytes",
        plugin: "tailrace_test_guest",
        steps: 1,
        bytes: 256,
        act: Some("count"),
        against: Some(5),
    },
];

/// Measures all of it, in turn.
pub async fn measure(options: &Options, table: &mut Table) -> anyhow::Result<()> {
    let mut rates: Vec<Vec<(f64, f64)>> = CASES.iter().map(|_| Vec::new()).collect();
    for _ in 0..options.rounds {
        for (case, rates) in CASES.iter().zip(&mut rates) {
            // Fewer of the large ones, so that a round takes about the same time.
            let events = options.memory_events / (1 + case.bytes as u64 / 1_024);
            rates.push(run(case, events).await.with_context(|| case.what)?);
        }
    }
    let medians: Vec<f64> = rates.iter().map(|rates| per_core(rates).median).collect();
    for (index, case) in CASES.iter().enumerate() {
        let wall = Figure::of(rates[index].iter().map(|(wall, _)| *wall).collect());
        table.push(Row {
            what: case.what.to_owned(),
            figure: per_core(&rates[index]),
            unit: "events/s of a core",
            ratio: case
                .against
                .map(|other| (CASES[other].what.to_owned(), medians[index] / medians[other])),
            note: format!("{:.0} events/s on the wall clock", wall.median),
        });
    }
    Ok(())
}

fn per_core(rates: &[(f64, f64)]) -> Figure {
    Figure::of(rates.iter().map(|(_, core)| *core).collect())
}

/// One round: events a second on the wall clock, and of processor time.
async fn run(case: &Case, events: u64) -> anyhow::Result<(f64, f64)> {
    let folder = tempfile::tempdir()?;
    let runtime = Arc::new(WasmRuntime::new(WasmOptions {
        artefacts: folder.path().join("artefacts"),
        ..WasmOptions::default()
    })?);
    let admitted = runtime.admit(&Bytes::from(files::plugin(case.plugin)?))?;
    let payloads = (0..10_000).map(|number| payload(case, number)).collect();
    let broker = Arc::new(Nothing {
        events: Arc::new(payloads),
        count: events,
        component: admitted.component.clone(),
        sequence: AtomicU64::new(0),
        began: Instant::now(),
    });
    let id = PipelineId {
        tenant: Name::new("bench")?,
        pipeline: Name::new("bench")?,
    };
    let registry = registry(case, &id, admitted.digest)?;
    let overview = Overview::default();
    let stop = CancellationToken::new();
    let alone = Membership::alone(Name::new("bench")?);
    let (_members, members) = watch::channel(Some(Arc::new(alone)));
    let (_registry, registry) = watch::channel(Some(Arc::new(registry)));
    let engine = Engine {
        world: world(&broker, runtime, folder.path())?,
        registry,
        overview: overview.clone(),
        members,
        settings: Settings::default(),
        stop: stop.clone(),
    };
    let running = tokio::spawn(engine.run());
    // The first tenth warms up: plugins are compiled and instances made.
    let (began, cpu) = (
        reach(&overview, &id, events / 10).await,
        cpu_seconds(std::process::id())?,
    );
    let wall = Instant::now();
    let ended = reach(&overview, &id, events).await;
    let (wall, cpu) = (
        wall.elapsed().as_secs_f64(),
        cpu_seconds(std::process::id())? - cpu,
    );
    stop.cancel();
    running.await?;
    let done = (ended - began) as f64;
    Ok((done / wall, done / cpu.max(0.01)))
}

/// Waits until so many events are committed; gives how many there are then.
async fn reach(overview: &Overview, id: &PipelineId, events: u64) -> u64 {
    loop {
        let report = overview.pipeline(id).map(|status| status.report());
        let done = report.map_or(0, |report| report.stats.counts.ledger.events);
        if done >= events {
            return done;
        }
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

fn payload(case: &Case, number: u64) -> Bytes {
    let event = event(number, case.bytes);
    match case.act {
        None => event,
        Some(act) => {
            let text = String::from_utf8_lossy(&event).replacen('{', &format!("{{\"do\":\"{act}\","), 1);
            Bytes::from(text.into_bytes())
        }
    }
}

fn registry(
    case: &Case,
    id: &PipelineId,
    digest: tailrace_core::identity::Digest,
) -> anyhow::Result<Registry> {
    let config = if case.act.is_none() { SCHEMA } else { "null" };
    let step = |number: usize| {
        format!(r#"{{"name":"s{number}","plugin":"p@1.0.0","config":{config},"grants":["state"]}}"#)
    };
    let steps: Vec<_> = (0..case.steps).map(step).collect();
    let text = format!(
        r#"{{"name":"bench","input":{{"stream":"IN","subjects":["bench.in.>"],"key":{{"json":"/user"}}}},
        "steps":[{}],"output":{{"subject":"bench.out.{{key}}"}}}}"#,
        steps.join(",")
    );
    let spec = parse(text.as_bytes())?;
    let plugins: BTreeMap<_, _> = spec
        .steps
        .iter()
        .map(|step| (step.name.clone(), digest))
        .collect();
    let active = Revision {
        number: 1,
        spec,
        plugins,
        applied_ms: 0,
        rolled_back_to: None,
    };
    let tenant = Tenant {
        name: id.tenant.clone(),
        read: Vec::new(),
        write: Vec::new(),
        quotas: Quotas::default(),
        seed: TenantSeed::new(1, 2),
        created_ms: 0,
    };
    let mut registry = Registry::default();
    registry.tenants.insert(tenant.name.clone(), Arc::new(tenant));
    let pipeline = Pipeline {
        active,
        paused: None,
        redriven: 0,
        stream_created: None,
        start_sequence: None,
        created_ms: 0,
    };
    registry.pipelines.insert(id.clone(), Arc::new(pipeline));
    Ok(registry)
}

fn world(
    broker: &Arc<Nothing>,
    plugins: Arc<WasmRuntime>,
    folder: &std::path::Path,
) -> anyhow::Result<World> {
    let store = SledStore::open(folder.join("state"), StoreOptions::default())?;
    Ok(World {
        streams: broker.clone(),
        input: broker.clone(),
        commits: broker.clone(),
        dead_letters: broker.clone(),
        snapshots: broker.clone(),
        registry: broker.clone(),
        leases: broker.clone(),
        peers: broker.clone(),
        store: Arc::new(store),
        plugins,
        turns: Arc::new(Turns::start(2, broker.clone())?),
        clock: broker.clone(),
        random: broker.clone(),
    })
}
