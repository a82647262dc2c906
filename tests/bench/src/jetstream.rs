//! From JetStream to JetStream: the engine in each delivery mode against the worker written by hand
//! and the peers, on the same server, over the same stored events, in turn.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use tailrace_tests::access::Broker;

use crate::{
    events::{BYTES, KEYS, event},
    memory::Plugin,
    options::Options,
    process::{cpu_seconds, resident_mib},
    report::{Budget, Row, Section},
    stage::{Counter, DELIVERIES, Input, Running, Stage, Worker},
};

const ABOUT: &str = "The same stored events of 256 bytes, read from one stream, checked, and published to another, on one \
nats-server. `by hand` is a worker on async-nats with the same atomic batches, fence and acknowledgements, without sandbox \
and state. Timed from the first tenth of the outputs on; processor time and resident memory of worker and broker apart. \
`forward` and `state` are the engine in exactly-once with a plugin that looks at no payload.";

/// Longest that may pass until the first tenth is there.
const PATIENCE: Duration = Duration::from_mins(1);
/// Longest that a round is timed: the slow need no more to be known.
const LONGEST: Duration = Duration::from_secs(15);
/// Where the events lie.
pub const INPUT: Input<'static> = Input {
    stream: "BENCH",
    subjects: "bench.in.>",
};

struct Case {
    what: String,
    worker: Worker,
    against: Option<String>,
    budget: Option<Budget>,
}

impl Case {
    fn new(what: impl Into<String>, worker: Worker, against: Option<&str>) -> Self {
        Self {
            what: what.into(),
            worker,
            against: against.map(ToOwned::to_owned),
            budget: None,
        }
    }

    fn within(mut self, budget: Budget) -> Self {
        self.budget = Some(budget);
        self
    }
}

/// What a round came to.
#[derive(Debug, Clone, Copy)]
pub struct StreamRound {
    /// Events a second.
    pub rate: f64,
    worker_cpu_us: f64,
    broker_cpu_us: f64,
    resident_mib: f64,
    broker_mib: f64,
}

/// Measures all of it.
pub async fn measure(options: &Options) -> anyhow::Result<Vec<Section>> {
    let stage = Stage::set().await?;
    store(&stage, options.events(), BYTES).await?;
    let cases = cases(options)?;
    let mut rounds: Vec<Vec<StreamRound>> = cases.iter().map(|_| Vec::new()).collect();
    for number in 0..options.rounds() {
        println!(
            "JetStream to JetStream, round {} of {}",
            number + 1,
            options.rounds()
        );
        for (index, case) in cases.iter().enumerate() {
            let name = format!("r{number}c{index}");
            let round = round(&stage, &case.worker, &name, options.events()).await;
            let round = round
                .with_context(|| case.what.clone())
                .map_err(|cause| stage.explain(&cause))?;
            println!("    {}: {:.0} events/s", case.what, round.rate);
            rounds[index].push(round);
        }
    }
    let mut section = Section::new("JetStream to JetStream", ABOUT);
    for (case, rounds) in cases.into_iter().zip(rounds) {
        section.push(row(case.what, &rounds).against(case.against).budget(case.budget));
    }
    Ok(vec![section])
}

/// Stores the events that every round reads.
pub async fn store<B: Broker>(stage: &Stage<B>, events: u64, bytes: usize) -> anyhow::Result<()> {
    println!("storing {events} events of {bytes} bytes");
    stage.cluster.stream(INPUT.stream, &[INPUT.subjects]).await?;
    let payloads = (0..events).map(|number| event(number, bytes, KEYS).to_vec());
    stage.cluster.publish("bench.in.x", payloads).await
}

/// A row of rounds.
pub fn row(what: String, rounds: &[StreamRound]) -> Row {
    let of = |value: fn(&StreamRound) -> f64| rounds.iter().map(value).collect::<Vec<_>>();
    Row::new(what, "events/s", of(|round| round.rate))
        .also("CPU of an event: worker", &of(|round| round.worker_cpu_us), "µs")
        .also("broker", &of(|round| round.broker_cpu_us), "µs")
        .also("worker resident", &of(|round| round.resident_mib), "MiB")
        .also("broker", &of(|round| round.broker_mib), "MiB")
}

fn cases(options: &Options) -> anyhow::Result<Vec<Case>> {
    let (floor, of_four) = ("by hand, 1 partition", "by hand, 4 partitions");
    let with = |plugin: Plugin| Worker::Engine {
        delivery: "exactly-once",
        plugin,
        partitions: 4,
    };
    let mut cases = Vec::new();
    for (partitions, of, by_hand) in [(1, "1 partition", floor), (4, "4 partitions", of_four)] {
        cases.push(Case::new(by_hand, Worker::by_hand(partitions)?, None));
        for delivery in DELIVERIES {
            let worker = Worker::validating(delivery, partitions);
            let case = Case::new(format!("{delivery}, {of}"), worker, Some(by_hand));
            cases.push(if delivery == "exactly-once" {
                case.within(Budget::RatioAtLeast(0.8))
            } else {
                case
            });
        }
    }
    let forward = "forward, 4 partitions";
    cases.push(Case::new(forward, with(Plugin::Forward), Some(of_four)));
    let state = with(Plugin::State { bytes: 64 });
    let state = Case::new("state of 64 bytes, 4 partitions", state, Some(forward));
    cases.push(state.within(Budget::RatioAtLeast(0.6)));
    for peer in &options.peers {
        let (name, command) = peer.split_once('=').context("a peer is name=command")?;
        let worker = Worker::Command(command.to_owned());
        cases.push(Case::new(
            format!("peer {name}"),
            worker,
            Some("exactly-once, 1 partition"),
        ));
    }
    Ok(cases)
}

/// One round of a worker over the stored events.
pub async fn round<B: Broker>(
    stage: &Stage<B>,
    worker: &Worker,
    name: &str,
    events: u64,
) -> anyhow::Result<StreamRound> {
    round_of(stage, worker, name, INPUT, events).await
}

/// One round of a worker, up to so many outputs.
pub async fn round_of<B: Broker>(
    stage: &Stage<B>,
    worker: &Worker,
    name: &str,
    input: Input<'_>,
    outputs: u64,
) -> anyhow::Result<StreamRound> {
    let running = stage.launch(worker, name, input).await?;
    let round = watch(stage, worker, &running, outputs).await;
    running.end().await?;
    round
}

/// Where a round's progress is seen.
enum Seen<'a> {
    /// In the stream of outputs.
    Stored(Box<Counter>),
    /// By the engine itself.
    Counted(&'a str),
}

/// Times the middle of a round: from the first tenth of the outputs to the last of them, or as many
/// as come in time, so that nobody's start counts.
async fn watch<B: Broker>(
    stage: &Stage<B>,
    worker: &Worker,
    running: &Running<'_, B>,
    events: u64,
) -> anyhow::Result<StreamRound> {
    // Outputs of at-most-once may be lost on the way, so there the engine's own count must do.
    let mut seen = match (worker, running.pipeline()) {
        (
            Worker::Engine {
                delivery: "at-most-once",
                ..
            },
            Some(pipeline),
        ) => Seen::Counted(pipeline),
        _ => Seen::Stored(Box::new(running.counter().await?)),
    };
    let (pid, nodes) = (running.pid(), stage.cluster.pids()?);
    let broker_seconds = || {
        nodes
            .iter()
            .map(|node| cpu_seconds(*node))
            .sum::<anyhow::Result<f64>>()
    };
    let first = reach(stage, &mut seen, events / 10, PATIENCE).await?;
    anyhow::ensure!(
        first >= events / 10,
        "only {first} of {events} events after {PATIENCE:?}"
    );
    let (began, worker_cpu, broker_cpu) = (Instant::now(), cpu_seconds(pid)?, broker_seconds()?);
    let last = reach(stage, &mut seen, events, LONGEST).await?;
    let took = began.elapsed().as_secs_f64();
    anyhow::ensure!(last > first, "stuck at {first} of {events} events");
    let done = (last - first) as f64;
    Ok(StreamRound {
        rate: done / took,
        worker_cpu_us: (cpu_seconds(pid)? - worker_cpu) / done * 1e6,
        broker_cpu_us: (broker_seconds()? - broker_cpu) / done * 1e6,
        resident_mib: resident_mib(pid)?,
        broker_mib: nodes
            .iter()
            .map(|node| resident_mib(*node))
            .sum::<anyhow::Result<f64>>()?,
    })
}

/// Waits until so many outputs are there, or so long; gives how many there are.
async fn reach<B: Broker>(
    stage: &Stage<B>,
    seen: &mut Seen<'_>,
    wanted: u64,
    most: Duration,
) -> anyhow::Result<u64> {
    let began = Instant::now();
    loop {
        let done = match seen {
            Seen::Stored(counter) => counter.count().await?,
            Seen::Counted(pipeline) => committed(stage, pipeline).await?,
        };
        if done >= wanted || began.elapsed() > most {
            return Ok(done);
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Events that a pipeline has committed.
pub async fn committed<B: Broker>(stage: &Stage<B>, pipeline: &str) -> anyhow::Result<u64> {
    let status = stage.engine.status(pipeline).await?;
    Ok(status["stats"]["counts"]["events"].as_u64().unwrap_or(0))
}
