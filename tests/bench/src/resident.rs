//! How much memory the engine takes, held against the formula of the README: what an operator reckons
//! with before there is a load.
//!
//! Every case has a broker and an engine of its own, so that no case inherits what another left; what
//! is measured is the highest that the kernel ever saw (`VmHWM`).

use std::time::Duration;

use anyhow::Context as _;

use crate::{
    events::{BYTES, event},
    jetstream::{INPUT, committed},
    memory::Plugin,
    options::Options,
    process::peak_mib,
    report::{Budget, Row, Section},
    stage::{Stage, Worker},
};

const ABOUT: &str = "The highest resident memory of the engine, against the formula of the README. Idle pipelines have no \
events; busy ones read a backlog as fast as they can, with `state` or a vector under each event's key, or the validator.";

/// Longest that a case may take.
const PATIENCE: Duration = Duration::from_mins(5);

/// The engine alone, with the broker's connection, the compiler's code and its own tables.
const ENGINE_MIB: f64 = 48.0;
/// A pipeline that is idle: its stream's handle, consumer, tasks and lists.
const PIPELINE_MIB: f64 = 0.3;
/// A partition that is idle, its instance not counted.
const PARTITION_MIB: f64 = 0.1;
/// What the consumer has read ahead for a busy pipeline, at most (`pipeline/intake`, `nats/consume`).
const READ_AHEAD_EVENTS: f64 = 8_000.0;
const READ_AHEAD_MOST_MIB: f64 = 64.0;
/// Of an event besides its payload, with its headers and its place in queues.
const EVENT_BYTES: f64 = 1_024.0;
/// Batches that a busy partition can hold bytes of: the one that is processed and the one that is under way, each with
/// the events it came from, as messages, in the client's buffers, and as what the allocator keeps of the one before.
const BATCHES: f64 = 10.0;
/// Events of a batch that publish one message each, and its bytes at most (`pipeline/worker`).
const BATCH_EVENTS: f64 = 950.0;
const BATCH_MOST_MIB: f64 = 8.0;
/// The cache of a tenant's database by default (`store.cache-mib`). sled counts what a page has on disk; in memory it
/// takes up to four times as much, and a page outside the cache still has its place in a table.
const CACHE_MIB: f64 = 64.0;
const CACHE_IN_MEMORY: f64 = 4.0;
const KEY_BYTES: f64 = 48.0;
/// Of a vector, besides its numbers, which lie twice for a while where the list of them grows.
const VECTOR_BYTES: f64 = 200.0;
const NUMBER_BYTES: f64 = 8.0;
const DIMENSIONS: u32 = 64;
const MIB: f64 = 1_048_576.0;

/// A load.
#[derive(Debug, Clone, Copy)]
struct Case {
    pipelines: u32,
    partitions: u32,
    plugin: Plugin,
    payload_bytes: usize,
    /// Events that lie there; none for idle pipelines.
    events: u64,
    keys: u64,
}

impl Case {
    /// The formula: MiB at most.
    fn bound_mib(&self) -> f64 {
        let (pipelines, partitions) = (
            f64::from(self.pipelines),
            f64::from(self.pipelines * self.partitions),
        );
        let idle = ENGINE_MIB + pipelines * PIPELINE_MIB + partitions * PARTITION_MIB;
        if self.events == 0 {
            return idle;
        }
        let event = self.payload_bytes as f64 + EVENT_BYTES;
        let read_ahead = (READ_AHEAD_EVENTS * event / MIB).min(READ_AHEAD_MOST_MIB);
        let batch = (BATCH_EVENTS * event / MIB).min(BATCH_MOST_MIB);
        let keys = self.keys as f64;
        let cache = CACHE_MIB * CACHE_IN_MEMORY + keys * KEY_BYTES / MIB;
        let kept = match self.plugin {
            Plugin::State { .. } => cache,
            Plugin::Vectors { dimensions } => {
                cache + keys * (f64::from(dimensions) * NUMBER_BYTES + VECTOR_BYTES) / MIB
            }
            _ => 0.0,
        };
        idle + pipelines * read_ahead + partitions * BATCHES * batch + kept
    }

    fn what(&self) -> String {
        let counted = |count: u32, what: &str| format!("{count} {what}{}", if count == 1 { "" } else { "s" });
        let of = counted(self.partitions, "partition");
        if self.events == 0 {
            return format!("{} of {of}, idle", counted(self.pipelines, "pipeline"));
        }
        let state = match self.plugin {
            Plugin::State { bytes } => format!(", {} keys with {bytes} bytes of state", self.keys),
            Plugin::Vectors { dimensions } => format!(", {} vectors of {dimensions} dimensions", self.keys),
            _ => String::new(),
        };
        format!("busy, {of}, payloads of {} bytes{state}", self.payload_bytes)
    }
}

fn cases(options: &Options) -> Vec<Case> {
    let events = options.events() / 2;
    let idle = |pipelines, partitions| Case {
        pipelines,
        partitions,
        plugin: Plugin::Validator,
        payload_bytes: BYTES,
        events: 0,
        keys: 1_000,
    };
    let busy = |partitions, payload_bytes: usize| Case {
        events: events / (1 + payload_bytes as u64 / 2_048),
        payload_bytes,
        ..idle(1, partitions)
    };
    let keyed = |plugin, keys| Case {
        plugin,
        keys,
        events: events.max(keys),
        ..busy(4, BYTES)
    };
    vec![
        idle(1, 1),
        idle(50, 1),
        idle(50, 4),
        busy(1, BYTES),
        busy(4, BYTES),
        busy(16, BYTES),
        busy(4, 16_384),
        keyed(Plugin::State { bytes: 64 }, 1_000),
        keyed(Plugin::State { bytes: 64 }, options.events()),
        keyed(
            Plugin::Vectors {
                dimensions: DIMENSIONS,
            },
            options.events(),
        ),
    ]
}

/// Measures all of it.
pub async fn measure(options: &Options) -> anyhow::Result<Vec<Section>> {
    let mut section = Section::new("Memory", ABOUT);
    for case in cases(options) {
        println!("  {}", case.what());
        let bound = case.bound_mib();
        let row = Row::new(case.what(), "MiB", vec![peak(&case).await?]);
        section.push(
            row.also("formula", &[bound], "MiB")
                .budget(Some(Budget::AtMost(bound))),
        );
    }
    Ok(vec![section])
}

async fn peak(case: &Case) -> anyhow::Result<f64> {
    let stage = Stage::set().await?;
    if let Plugin::Vectors { .. } = case.plugin {
        stage
            .engine
            .upload(case.plugin.name(), case.plugin.file())
            .await?;
    }
    stage.cluster.stream(INPUT.stream, &[INPUT.subjects]).await?;
    let payloads = (0..case.events).map(|number| event(number, case.payload_bytes, case.keys).to_vec());
    stage.cluster.publish("bench.in.x", payloads).await?;
    for number in 0..case.pipelines {
        let worker = Worker::Engine {
            delivery: "exactly-once",
            plugin: case.plugin,
            partitions: case.partitions,
        };
        stage.launch(&worker, &format!("m{number}"), INPUT).await?;
    }
    let last = format!("m{}", case.pipelines - 1);
    tokio::time::timeout(PATIENCE, done(&stage, &last, case.events))
        .await
        .with_context(|| format!("{last} is not done after {PATIENCE:?}"))
        .map_err(|cause| stage.explain(&cause))?;
    // Timers of an idle pipeline have gone round once.
    tokio::time::sleep(Duration::from_secs(6)).await;
    peak_mib(stage.engine.pid())
}

/// Waits until a pipeline runs and has done so many events.
async fn done(stage: &Stage, pipeline: &str, events: u64) {
    loop {
        let status = stage.engine.status(pipeline).await;
        let runs = status.is_ok_and(|status| status["state"] == "running");
        if runs && committed(stage, pipeline).await.is_ok_and(|done| done >= events) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}
