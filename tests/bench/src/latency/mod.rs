//! How long an event is under way, at a stated load, and how long a query takes meanwhile.
//!
//! The load is open: each event has the moment at which it should be sent, whatever became of those
//! before it, and its latency is counted from that moment. So a worker that stops for a second is seen
//! to be late for all events of that second, not for one of them.
//!
//! The highest rate of a worker is found first, under the same conditions, for the generator and the
//! receiver take their share of the machine too. Loads are stated as shares of it.

mod count;
pub mod disturbed;
mod echo;
mod generator;
mod line;
mod queries;
mod receiver;
pub mod swaps;

use std::time::Duration;

use line::{Line, Loaded};
pub use queries::{Queried, Queries};
pub use receiver::{Percentiles, histogram};

use crate::{
    memory::Plugin,
    options::Options,
    report::{Budget, Row, Section},
    stage::{DELIVERIES, Input, Stage, Worker},
};

const ABOUT: &str = "Events of 256 bytes are published to a JetStream stream at their intended times (open loop), and read \
from the output stream by a consumer, that is after they were stored. Latency counts from the intended time. `highest rate` \
is what the same worker sustained just before with the same generator and receiver on the same machine, at most 8,000 events \
under way; loads are shares of it.";

/// Shares of the highest rate.
const LOADS: [u64; 2] = [50, 90];
struct Case {
    what: String,
    worker: Worker,
    against: Option<String>,
    /// Whether state of a key is asked for meanwhile,
    is_queried: bool,
    /// and answered by threads in real time.
    is_real_time: bool,
}

/// All rounds of a case.
#[derive(Default)]
struct Rounds {
    highest: Vec<f64>,
    loads: [Vec<Loaded>; LOADS.len()],
    idle: Vec<Queried>,
    has_failed: bool,
}

/// Measures all of it.
pub async fn measure(options: &Options) -> anyhow::Result<Vec<Section>> {
    let stage = Stage::set().await?;
    let real_time = Stage::set_with(&[("TAILRACE_HTTP__REAL_TIME", "true")]).await;
    let mut cases = cases()?;
    if let Err(cause) = &real_time {
        println!("    the API in real time is not measured: {cause:#}");
        cases.retain(|case| !case.is_real_time);
    }
    let mut section = Section::new("Latency from end to end", ABOUT);
    let mut all: Vec<Rounds> = cases.iter().map(|_| Rounds::default()).collect();
    for number in 0..options.rounds() {
        println!("latency, round {} of {}", number + 1, options.rounds());
        for (index, (case, rounds)) in cases.iter().zip(&mut all).enumerate() {
            if rounds.has_failed {
                continue;
            }
            let name = format!("l{number}c{index}");
            let seconds = Duration::from_secs(options.seconds());
            let stage = real_time
                .as_ref()
                .ok()
                .filter(|_| case.is_real_time)
                .unwrap_or(&stage);
            if let Err(cause) = round(stage, case, &name, seconds, rounds).await {
                // What was measured before stays, and so do the other cases.
                rounds.has_failed = true;
                section.fail(&case.what, &stage.explain(&cause));
            }
        }
    }
    let mut queries = Section::new(
        "Queries of one state key by HTTP",
        "200 queries a second at their intended times, over one connection, while the engine is idle and while it is \
         loaded. `in real time`: an engine with `http.real-time`.",
    );
    for (case, rounds) in cases.iter().zip(&all) {
        report(case, rounds, &mut section, &mut queries);
    }
    Ok(vec![section, queries])
}

fn cases() -> anyhow::Result<Vec<Case>> {
    let case = |what: String, worker, against| Case {
        what,
        worker,
        against,
        is_queried: false,
        is_real_time: false,
    };
    let mut cases = Vec::new();
    for (partitions, of) in [(1, "1 partition"), (4, "4 partitions")] {
        let by_hand = format!("by hand, {of}");
        cases.push(case(by_hand.clone(), Worker::by_hand(partitions)?, None));
        for delivery in DELIVERIES {
            let worker = Worker::validating(delivery, partitions);
            cases.push(case(format!("{delivery}, {of}"), worker, Some(by_hand.clone())));
        }
    }
    let state = || Worker::Engine {
        delivery: "exactly-once",
        plugin: Plugin::State { bytes: 64 },
        partitions: 4,
    };
    let queried = "exactly-once with state and queries, 4 partitions";
    cases.push(Case {
        is_queried: true,
        ..case(queried.to_owned(), state(), None)
    });
    cases.push(Case {
        is_queried: true,
        is_real_time: true,
        ..case("the same, the API in real time".to_owned(), state(), None)
    });
    Ok(cases)
}

async fn round(
    stage: &Stage,
    case: &Case,
    name: &str,
    seconds: Duration,
    rounds: &mut Rounds,
) -> anyhow::Result<()> {
    let input = format!("in-{name}");
    let subject = format!("bench.live.{name}");
    stage.cluster.stream(&input, &[&subject]).await?;
    let from = Input {
        stream: &input,
        subjects: &subject,
    };
    let running = stage.launch(&case.worker, name, from).await?;
    let measured = async {
        let line = Line::start(stage, &running, &input, &subject).await?;
        let highest = line.highest(seconds).await?;
        println!("    {}: highest rate {highest:.0} events/s", case.what);
        rounds.highest.push(highest);
        if case.is_queried {
            let queries = queries::of_every_key(stage, name)?;
            tokio::time::sleep(seconds).await;
            rounds.idle.push(queries.end()?);
        }
        for (share, loads) in LOADS.iter().zip(&mut rounds.loads) {
            let rate = highest * *share as f64 / 100.0;
            let loaded = line.at(rate, seconds, case.is_queried.then_some(name)).await?;
            println!(
                "    {}: at {share} %: p50 {:.2} ms, p99 {:.2} ms",
                case.what, loaded.latency.p50_ms, loaded.latency.p99_ms
            );
            loads.push(loaded);
        }
        anyhow::Ok(())
    };
    let measured = measured.await;
    // Whatever came of it: a worker that goes on would disturb those after it.
    let ended = running.end().await;
    stage.cluster.jetstream.delete_stream(&input).await?;
    measured.and(ended)
}

fn report(case: &Case, rounds: &Rounds, section: &mut Section, queries: &mut Section) {
    section.push(Row::new(
        format!("{}: highest rate", case.what),
        "events/s",
        rounds.highest.clone(),
    ));
    let by = if case.is_real_time { ", in real time" } else { "" };
    for (share, loads) in LOADS.iter().zip(&rounds.loads) {
        let of = |value: fn(&Loaded) -> f64| loads.iter().map(value).collect::<Vec<_>>();
        let row = Row::new(
            format!("{}: p99 at {share} %", case.what),
            "ms",
            of(|load| load.latency.p99_ms),
        );
        let row = row
            .also("p50", &of(|load| load.latency.p50_ms), "ms")
            .also("p99.9", &of(|load| load.latency.p999_ms), "ms")
            .also("load", &of(|load| load.rate), "events/s")
            .also("worker", &of(|load| load.worker_cores), "cores")
            .also("broker", &of(|load| load.broker_cores), "cores")
            .also("worker resident", &of(|load| load.resident_mib), "MiB")
            .also("broker", &of(|load| load.broker_mib), "MiB");
        section.push(
            row.against(
                case.against
                    .as_ref()
                    .map(|other| format!("{other}: p99 at {share} %")),
            ),
        );
        let asked: Vec<&Queried> = loads.iter().filter_map(|load| load.queries.as_ref()).collect();
        let budget = (*share == 50).then_some(Budget::AtMost(2.0));
        queries_row(&format!("query at {share} %{by}: p99"), &asked, budget, queries);
    }
    queries_row(
        &format!("query, idle{by}: p99"),
        &rounds.idle.iter().collect::<Vec<_>>(),
        None,
        queries,
    );
}

/// A row of queries, where there were any.
pub fn queries_row(what: &str, rounds: &[&Queried], budget: Option<Budget>, section: &mut Section) {
    if rounds.is_empty() {
        return;
    }
    let of = |value: fn(&Percentiles) -> f64| {
        rounds
            .iter()
            .map(|asked| value(&asked.latency))
            .collect::<Vec<_>>()
    };
    let echoes: Vec<_> = rounds.iter().map(|asked| asked.echo.p99_ms).collect();
    let row = Row::new(what, "ms", of(|asked| asked.p99_ms))
        .also("p50", &of(|asked| asked.p50_ms), "ms")
        .also("p99.9", &of(|asked| asked.p999_ms), "ms")
        .also("a byte over TCP and back: p99", &echoes, "ms")
        .also(
            "taken by the machine's host",
            &rounds
                .iter()
                .map(|asked| asked.stolen * 100.0)
                .collect::<Vec<_>>(),
            "%",
        )
        .also(
            "queries of a round",
            &rounds.iter().map(|asked| asked.count as f64).collect::<Vec<_>>(),
            "",
        );
    section.push(row.budget(budget));
}
