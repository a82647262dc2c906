//! How cost grows: with keys, size of state, partitions and payload, and with pipelines that idle.
//!
//! What does not need a broker is measured without one. Idle pipelines are measured on the real engine,
//! for what they cost is mostly consumers, timers and lists.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use tailrace_tests::engine::TENANT;

use crate::{
    events::{BYTES, KEYS},
    jetstream::{self, INPUT},
    memory::{self, Job, Plugin},
    options::Options,
    process::{cpu_seconds, resident_mib},
    report::{Budget, Row, Section},
    stage::{Stage, Worker},
};

/// Tries of making a pipeline: the same description again is fine.
const MOST_TRIES: u32 = 20;
/// Most pipelines that a tenant has by default, in steps.
const IDLE_PIPELINES: [u32; 4] = [1, 10, 100, 1_000];

/// A job in memory and the row that its cost is held against.
struct Case {
    what: String,
    job: Job,
    against: Option<String>,
}

/// Measures all of it.
pub async fn measure(options: &Options) -> anyhow::Result<Vec<Section>> {
    let mut sections = in_memory(options).await?;
    sections.extend(on_jetstream(options).await?);
    sections.extend(idle(options).await?);
    Ok(sections)
}

/// Keys, state and partitions without a broker.
pub async fn in_memory(options: &Options) -> anyhow::Result<Vec<Section>> {
    let mut section = Section::new(
        "How cost grows, in memory",
        "One step that reads, changes and writes the state of each event's key, every key written before the clock runs. \
         Keys come in an order that no tree likes.",
    );
    let stage = memory::MemoryStage::set()?;
    let cases = cases(options);
    let mut rounds: Vec<Vec<memory::Round>> = cases.iter().map(|_| Vec::new()).collect();
    for number in 0..options.rounds() {
        println!("growth in memory, round {} of {}", number + 1, options.rounds());
        for (case, rounds) in cases.iter().zip(&mut rounds) {
            rounds.push(stage.run(&case.job).await.with_context(|| case.what.clone())?);
        }
    }
    for (case, rounds) in cases.into_iter().zip(rounds) {
        section.push(memory::row(case.what, &rounds).against(case.against));
    }
    Ok(vec![section])
}

fn cases(options: &Options) -> Vec<Case> {
    let usual = Job {
        plugin: Plugin::State { bytes: 64 },
        steps: 1,
        bytes: BYTES,
        keys: KEYS,
        partitions: 1,
        warm_up: KEYS.max(options.memory_events() / 10),
        events: options.memory_events() / 2,
    };
    let first = "1,000 keys, 64 bytes of state, 1 partition";
    let case = |what: &str, job: Job| Case {
        what: what.to_owned(),
        job,
        against: Some(first.to_owned()),
    };
    let keys = |keys: u64| Job {
        keys,
        warm_up: keys.max(usual.warm_up),
        ..usual
    };
    let state = |bytes: usize| Job {
        plugin: Plugin::State { bytes },
        events: usual.events / (1 + bytes as u64 / 512),
        ..usual
    };
    let partitions = |partitions: u32| Job { partitions, ..usual };
    let mut cases = vec![
        Case {
            against: None,
            ..case(first, usual)
        },
        case("10,000 keys", keys(10_000)),
        case("100,000 keys", keys(100_000)),
    ];
    if !options.is_quick() {
        cases.push(case("1,000,000 keys", keys(1_000_000)));
    }
    cases.extend([
        case("1,024 bytes of state", state(1_024)),
        case("16,384 bytes of state", state(16_384)),
        case("2 partitions", partitions(2)),
        case("4 partitions", partitions(4)),
        case("8 partitions", partitions(8)),
        case("16 partitions", partitions(16)),
    ]);
    cases
}

/// Partitions and payloads on a broker.
pub async fn on_jetstream(options: &Options) -> anyhow::Result<Vec<Section>> {
    let mut section = Section::new(
        "How cost grows, from JetStream to JetStream",
        "The validator in exactly-once; partitions with events of 256 bytes, payloads with 4 partitions.",
    );
    // Many more than are under way at once: two batches of 950 a partition.
    let events = options.events();
    let all = [1, 2, 4, 8, 16];
    let stage = Stage::set().await?;
    jetstream::store(&stage, events, BYTES).await?;
    let mut rounds: [Vec<jetstream::StreamRound>; 5] = Default::default();
    for number in 0..options.rounds() {
        for (partitions, rounds) in all.iter().zip(&mut rounds) {
            let worker = Worker::validating("exactly-once", *partitions);
            let name = format!("g{number}p{partitions}");
            rounds.push(jetstream::round(&stage, &worker, &name, events).await?);
        }
    }
    let what = |partitions: u32| counted(partitions, "partition");
    for (partitions, rounds) in all.iter().zip(&rounds) {
        let against = (*partitions != 4).then(|| what(4));
        section.push(jetstream::row(what(*partitions), rounds).against(against));
    }
    drop(stage);
    for bytes in [64, 1_024, 16_384] {
        let events = events / (1 + bytes as u64 / 1_024);
        let stage = Stage::set().await?;
        jetstream::store(&stage, events, bytes).await?;
        let mut rounds = Vec::new();
        for number in 0..options.rounds() {
            let worker = Worker::validating("exactly-once", 4);
            rounds.push(jetstream::round(&stage, &worker, &format!("g{number}"), events).await?);
        }
        section.push(jetstream::row(format!("{bytes} bytes"), &rounds).against(Some(what(4))));
    }
    Ok(vec![section])
}

/// Pipelines that have nothing to do, made one after the other on one engine.
pub async fn idle(options: &Options) -> anyhow::Result<Vec<Section>> {
    let mut section = Section::new(
        "Idle pipelines",
        "Pipelines of one validator, each with a stream of its own for its results, on one input stream without events. \
         Resident memory of the engine and its share of a core over 20 seconds, 5 in a quick run.",
    );
    let stage = Stage::set().await?;
    stage.cluster.stream(INPUT.stream, &[INPUT.subjects]).await?;
    let (pid, broker) = (stage.engine.pid(), stage.cluster.pid()?);
    // Several rounds of every timer but that of snapshots, after a time in which they are left alone.
    let (settle, idle) = if options.is_quick() {
        (Duration::from_secs(2), Duration::from_secs(5))
    } else {
        (Duration::from_secs(10), Duration::from_secs(20))
    };
    let mut made = 0;
    for pipelines in IDLE_PIPELINES {
        if options.is_quick() && pipelines > 100 {
            break;
        }
        println!("making {pipelines} pipelines");
        let began = Instant::now();
        let mut refused = 0;
        for number in made..pipelines {
            refused += make(&stage, &format!("idle-{number}")).await?;
        }
        let each_ms = began.elapsed().as_secs_f64() * 1e3 / f64::from(pipelines - made);
        made = pipelines;
        run(&stage, &format!("idle-{}", made - 1)).await?;
        tokio::time::sleep(settle).await;
        let (cpu, broker_cpu) = (cpu_seconds(pid)?, cpu_seconds(broker)?);
        tokio::time::sleep(idle).await;
        let share = |before: f64, now: f64| (now - before) / idle.as_secs_f64() * 100.0;
        let (cpu, broker_cpu) = (
            share(cpu, cpu_seconds(pid)?),
            share(broker_cpu, cpu_seconds(broker)?),
        );
        let is_judged = pipelines == 1_000;
        let memory = Row::new(
            format!("{}: resident", counted(pipelines, "pipeline")),
            "MiB",
            vec![resident_mib(pid)?],
        )
        .also("broker", &[resident_mib(broker)?], "MiB")
        .also("made in", &[each_ms], "ms each")
        .also("tried again", &[f64::from(refused)], "times");
        section.push(memory.budget(is_judged.then_some(Budget::AtMost(2_048.0))));
        let processor = Row::new(
            format!("{}: processor", counted(pipelines, "pipeline")),
            "% of a core",
            vec![cpu],
        )
        .also("broker", &[broker_cpu], "% of a core");
        section.push(processor.budget(is_judged.then_some(Budget::AtMost(5.0))));
    }
    Ok(vec![section])
}

fn counted(count: u32, what: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {what}{plural}")
}

/// Makes a pipeline; gives how often it had to be tried again, because the broker was not in time.
async fn make(stage: &Stage, name: &str) -> anyhow::Result<u32> {
    for refused in 0..MOST_TRIES {
        match stage
            .launch(&Worker::validating("exactly-once", 1), name, INPUT)
            .await
        {
            Ok(_) => return Ok(refused),
            Err(cause) => println!("    {name}: {cause:#}"),
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    anyhow::bail!("{name} could not be made\n{}", stage.engine.log())
}

/// Waits until a pipeline runs.
async fn run(stage: &Stage, name: &str) -> anyhow::Result<()> {
    let what = format!("{name} of {TENANT} runs");
    tailrace_tests::cluster::eventually(&what, || async {
        let status = stage.engine.status(name).await.unwrap_or_default();
        status["state"] == "running"
    })
    .await
}
