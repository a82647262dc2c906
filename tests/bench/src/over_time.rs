//! Windows and joins from JetStream to JetStream, exactly once, beside a peer that does the same at least once.

use anyhow::Context as _;
use tailrace_tests::access::Broker;

use crate::{
    events::{BYTES, KEYS, event},
    jetstream::{self, StreamRound},
    options::Options,
    report::{Budget, Section},
    stage::{Input, Stage, Worker},
};

const ABOUT: &str = "The same stored events of 256 bytes, a millisecond apart in event time, 1,000 keys. `window` counts and sums by key \
and second, which is one event each, so every event becomes a result. `join` pairs an event of one input with the one of the other \
that the same key has sent at the same time: a result of two events. Rates are of results, timed from the first tenth of \
them on. The engine is exactly-once; a peer is what it is.";

/// A key has an event a second, and the last windows end only when the input has been silent.
const STILL_OPEN: u64 = 10_000;
/// Where the events of the join lie.
const JOINED: Input<'static> = Input {
    stream: "JOINED",
    subjects: "bench.two.>",
};

/// A job, and where it is done.
struct Job {
    name: &'static str,
    input: Input<'static>,
    manifest: fn(&str) -> String,
    /// Events of a result.
    events_each: u64,
    /// Least that the engine has to reach of the first peer.
    budget: Option<Budget>,
}

const JOBS: [Job; 2] = [
    Job {
        name: "window",
        input: jetstream::INPUT,
        manifest: window,
        events_each: 1,
        budget: Some(Budget::RatioAtLeast(1.0)),
    },
    Job {
        name: "join",
        input: JOINED,
        manifest: join,
        events_each: 2,
        budget: None,
    },
];

fn window(name: &str) -> String {
    format!(
        "name: {name}\ninput:\n  stream: BENCH\n  subjects: [\"bench.in.>\"]\n  key: {{ json: /user }}\n  time: {{ json: /ts }}\n  watermark: {{ delay: 1s }}\nwindows:\n  second:\n    over: {{ tumbling: 1s }}\n    aggregate:\n      n: count\n      sum: {{ sum: {{ json: /amount }} }}\noutput: {{ subject: \"bench.{name}.{{key}}\" }}\n"
    )
}

fn join(name: &str) -> String {
    format!(
        "name: {name}\ninputs:\n  a: {{ subjects: [\"bench.two.a\"] }}\n  b: {{ subjects: [\"bench.two.b\"] }}\ninput:\n  key: {{ json: /user }}\n  time: {{ json: /ts }}\n  watermark: {{ delay: 1s }}\njoins:\n  pair:\n    left: a\n    right: b\n    within: {{ before: 500ms, after: 500ms }}\noutput: {{ subject: \"bench.{name}.{{key}}\" }}\n"
    )
}

/// Who does a job, and the rounds of it.
struct Contender {
    what: String,
    worker: Worker,
    rounds: Vec<StreamRound>,
}

/// Measures the jobs, in turn.
pub async fn measure(options: &Options) -> anyhow::Result<Vec<Section>> {
    let stage = Stage::set().await?;
    let events = options.events();
    jetstream::store(&stage, events, BYTES).await?;
    store_pairs(&stage, events / 2).await?;
    let mut section = Section::new("Windows and joins from JetStream to JetStream", ABOUT);
    for job in JOBS {
        let results = events.saturating_sub(STILL_OPEN) / job.events_each;
        let mut contenders = contenders(&job, options)?;
        for number in 0..options.rounds() {
            println!("{}, round {} of {}", job.name, number + 1, options.rounds());
            for (index, contender) in contenders.iter_mut().enumerate() {
                let name = format!("{}{number}c{index}", job.name);
                let round = jetstream::round_of(&stage, &contender.worker, &name, job.input, results).await;
                let round = round
                    .with_context(|| contender.what.clone())
                    .map_err(|cause| stage.explain(&cause))?;
                println!("    {}: {:.0} results/s", contender.what, round.rate);
                contender.rounds.push(round);
            }
        }
        // The engine is held against the first peer.
        let peer = contenders.get(1).map(|peer| peer.what.clone());
        for (index, Contender { what, rounds, .. }) in contenders.into_iter().enumerate() {
            let row = jetstream::row(what, &rounds).counting("results/s");
            section.push(match (&peer, index) {
                (Some(peer), 0) => row.against(Some(peer.clone())).budget(job.budget),
                _ => row,
            });
        }
    }
    Ok(vec![section])
}

fn contenders(job: &Job, options: &Options) -> anyhow::Result<Vec<Contender>> {
    let mut contenders = vec![Contender {
        what: format!("{}, exactly-once", job.name),
        worker: Worker::Pipeline(job.manifest),
        rounds: Vec::new(),
    }];
    for peer in &options.peers_over_time {
        let (name, command) = peer.split_once('=').context("a peer is name=command")?;
        contenders.push(Contender {
            what: format!("{}, peer {name}", job.name),
            worker: Worker::Command(command.replace("{job}", job.name)),
            rounds: Vec::new(),
        });
    }
    Ok(contenders)
}

/// Stores pairs of events with one key and one time, a half of each in either input.
async fn store_pairs<B: Broker>(stage: &Stage<B>, pairs: u64) -> anyhow::Result<()> {
    const CHUNK: u64 = 1_000;
    println!("storing {pairs} pairs of {BYTES} bytes");
    stage.cluster.stream(JOINED.stream, &[JOINED.subjects]).await?;
    // In turn, so that neither input is far ahead of the other.
    for begin in (0..pairs).step_by(CHUNK as usize) {
        for subject in ["bench.two.a", "bench.two.b"] {
            let of_chunk = begin..(begin + CHUNK).min(pairs);
            let payloads = of_chunk.map(|number| event(number, BYTES, KEYS).to_vec());
            stage.cluster.publish(subject, payloads).await?;
        }
    }
    Ok(())
}
