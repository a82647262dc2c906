//! From JetStream to JetStream: the engine in each delivery mode against the worker written by hand,
//! on the same server, over the same stored events, in turn.

use std::{
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use anyhow::Context as _;
use tailrace_nats::async_nats::jetstream::stream;
use tailrace_tests::{
    cluster::Cluster,
    engine::{Engine, TENANT},
};

use crate::{
    Options,
    events::{SCHEMA, event},
    process::{cpu_seconds, resident_mib},
    table::{Figure, Row, Table},
};

/// Longest that a round may take.
const PATIENCE: Duration = Duration::from_mins(1);
/// Bytes of an event.
const BYTES: usize = 256;

/// Who works.
#[derive(Clone, Copy, PartialEq)]
enum Worker {
    Native,
    Engine(&'static str),
}

struct Case {
    what: &'static str,
    worker: Worker,
    partitions: u32,
    against: Option<usize>,
}

const CASES: [Case; 6] = [
    Case {
        what: "JetStream to JetStream, by hand, 1 partition",
        worker: Worker::Native,
        partitions: 1,
        against: None,
    },
    Case {
        what: "JetStream to JetStream, exactly-once, 1 partition",
        worker: Worker::Engine("exactly-once"),
        partitions: 1,
        against: Some(0),
    },
    Case {
        what: "JetStream to JetStream, by hand, 4 partitions",
        worker: Worker::Native,
        partitions: 4,
        against: None,
    },
    Case {
        what: "JetStream to JetStream, exactly-once, 4 partitions",
        worker: Worker::Engine("exactly-once"),
        partitions: 4,
        against: Some(2),
    },
    Case {
        what: "JetStream to JetStream, at-least-once, 4 partitions",
        worker: Worker::Engine("at-least-once"),
        partitions: 4,
        against: Some(2),
    },
    Case {
        what: "JetStream to JetStream, at-most-once, 4 partitions",
        worker: Worker::Engine("at-most-once"),
        partitions: 4,
        against: Some(2),
    },
];

/// What a round came to.
#[derive(Debug, Clone, Copy)]
struct Round {
    rate: f64,
    worker_cpu_us: f64,
    broker_cpu_us: f64,
    resident_mib: f64,
}

/// Measures all of it.
pub async fn measure(options: &Options, table: &mut Table) -> anyhow::Result<()> {
    let cluster = Cluster::start().await?;
    cluster.stream("BENCH", &["bench.in.>"]).await?;
    println!("storing {} events", options.events);
    let payloads = (0..options.events).map(|number| event(number, BYTES).to_vec());
    cluster.publish("bench.in.x", payloads).await?;
    let folder = tempfile::tempdir()?;
    let engine = Engine::start(&cluster, folder.path()).await?;
    engine.tenant(TENANT, &["bench.>"]).await?;
    engine.upload("validator", "validator").await?;
    let bench = Bench {
        cluster: &cluster,
        engine: &engine,
        events: options.events,
    };
    let mut rounds: Vec<Vec<Round>> = CASES.iter().map(|_| Vec::new()).collect();
    for number in 0..options.rounds {
        for (index, case) in CASES.iter().enumerate() {
            let round = bench.round(case, &format!("r{number}c{index}")).await;
            let round = round.with_context(|| format!("{}\n{}", case.what, engine.log()))?;
            println!("round {}: {}: {:.0} events/s", number + 1, case.what, round.rate);
            rounds[index].push(round);
        }
    }
    report(&rounds, table);
    Ok(())
}

fn report(rounds: &[Vec<Round>], table: &mut Table) {
    let figure = |index: usize, of: fn(&Round) -> f64| Figure::of(rounds[index].iter().map(of).collect());
    for (index, case) in CASES.iter().enumerate() {
        let rate = figure(index, |round| round.rate);
        let against = |other: usize| {
            let floor = figure(other, |round| round.rate).median;
            (CASES[other].what.to_owned(), rate.median / floor)
        };
        table.push(Row {
            what: case.what.to_owned(),
            unit: "events/s",
            ratio: case.against.map(against),
            note: format!(
                "CPU of an event: worker {:.1} µs, broker {:.1} µs; worker resident {:.0} MiB",
                figure(index, |round| round.worker_cpu_us).median,
                figure(index, |round| round.broker_cpu_us).median,
                figure(index, |round| round.resident_mib).median,
            ),
            figure: rate,
        });
    }
}

/// Where a round's progress is seen.
#[derive(Debug)]
enum Seen {
    /// Messages of a stream.
    Stored(String),
    /// Events that the engine has committed.
    Counted(String),
}

struct Bench<'a> {
    cluster: &'a Cluster,
    engine: &'a Engine,
    events: u64,
}

impl Bench<'_> {
    async fn round(&self, case: &Case, name: &str) -> anyhow::Result<Round> {
        match case.worker {
            Worker::Native => self.native(case.partitions, name).await,
            Worker::Engine(delivery) => self.engine(case.partitions, delivery, name).await,
        }
    }

    async fn native(&self, partitions: u32, name: &str) -> anyhow::Result<Round> {
        let prefix = format!("bench.{name}");
        let config = stream::Config {
            name: name.to_owned(),
            subjects: vec![format!("{prefix}.>")],
            allow_atomic_publish: true,
            allow_direct: true,
            ..stream::Config::default()
        };
        self.cluster.jetstream.create_stream(config).await?;
        let worker = Running(
            Command::new(std::env::current_exe()?)
                .args(["native", "--nats", &self.cluster.url(), "--stream", "BENCH"])
                .args(["--prefix", &prefix, "--partitions", &partitions.to_string()])
                .stdin(Stdio::null())
                .spawn()?,
        );
        let round = self.watch(Seen::Stored(name.to_owned()), worker.0.id()).await;
        drop(worker);
        self.cluster.jetstream.delete_stream(name).await?;
        round
    }

    async fn engine(&self, partitions: u32, delivery: &str, name: &str) -> anyhow::Result<Round> {
        let spec = format!(
            "name: {name}\ninput: {{ stream: BENCH, subjects: [\"bench.in.>\"], key: {{ json: /user }} }}\npartitions: {partitions}\ndelivery: {delivery}\nsteps:\n  - name: validate\n    plugin: validator@1.0.0\n    config: {SCHEMA}\noutput: {{ subject: \"bench.{name}.{{key}}\" }}\n"
        );
        self.engine.apply(name, &spec).await?;
        // Outputs of at-most-once may be lost on the way, so there the engine's own count must do.
        let seen = if delivery == "at-most-once" {
            Seen::Counted(name.to_owned())
        } else {
            Seen::Stored(format!("TR_{TENANT}_{name}"))
        };
        let round = self.watch(seen, self.engine.pid()).await;
        self.engine
            .own("DELETE", &format!("pipelines/{name}"), "")
            .await?;
        round
    }

    /// Times the middle of a round: from the first tenth of the outputs to the last of them, so that
    /// nobody's start counts.
    async fn watch(&self, seen: Seen, worker: u32) -> anyhow::Result<Round> {
        let broker = self.cluster.pid()?;
        let first = self.reach(&seen, self.events / 10).await?;
        let (began, worker_cpu, broker_cpu) = (Instant::now(), cpu_seconds(worker)?, cpu_seconds(broker)?);
        let last = self.reach(&seen, self.events).await?;
        let took = began.elapsed().as_secs_f64();
        let done = (last - first) as f64;
        Ok(Round {
            rate: done / took,
            worker_cpu_us: (cpu_seconds(worker)? - worker_cpu) / done * 1e6,
            broker_cpu_us: (cpu_seconds(broker)? - broker_cpu) / done * 1e6,
            resident_mib: resident_mib(worker)?,
        })
    }

    /// Waits until so many outputs are there; records are stored beside them, so it may be a few less.
    async fn reach(&self, seen: &Seen, wanted: u64) -> anyhow::Result<u64> {
        let waiting = async {
            loop {
                let done = self.done(seen).await.unwrap_or(0);
                if done >= wanted {
                    return done;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PATIENCE, waiting)
            .await
            .with_context(|| format!("{seen:?} never came to {wanted}"))
    }

    async fn done(&self, seen: &Seen) -> anyhow::Result<u64> {
        match seen {
            Seen::Stored(stream) => {
                let mut stream = self.cluster.jetstream.get_stream(stream).await?;
                Ok(stream.info().await?.state.messages)
            }
            Seen::Counted(pipeline) => {
                let status = self.engine.status(pipeline).await?;
                status["stats"]["counts"]["events"].as_u64().context("no count")
            }
        }
    }
}

/// A process that ends with its guard.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
