//! Nexmark queries 0, 1 and 2 as plugins: how many events a second, and whether the results are right.
//!
//! The events come from crate `nexmark`. What a query must give is worked out here from the events
//! themselves; every output of the engine, and the order of each bidder's, must be equal to it, or the
//! run fails. So exactly-once is checked under full speed as well.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use anyhow::Context as _;
use nexmark::{
    EventGenerator,
    config::NexmarkConfig,
    event::{Bid, Event},
};
use serde_json::{Value, json};
use tailrace_tests::engine::TENANT;

use crate::{
    jetstream::committed,
    options::Options,
    process::cpu_seconds,
    report::{Row, Section},
    stage::Stage,
};

const ABOUT: &str = "Events of crate `nexmark` (92 % bids), as JSON, through one plugin in exactly-once with 4 partitions. All \
results and each bidder's order were compared with a plain computation and were equal.";

/// Longest that a round may take.
const PATIENCE: Duration = Duration::from_mins(3);
/// Publishes that are unacknowledged at once.
const IN_FLIGHT: usize = 500;

/// What a query makes of a bid.
type Select = fn(&Bid) -> Option<Value>;

const QUERIES: [(&str, Select); 3] = [
    ("q0", |bid| {
        Some(
            json!({ "auction": bid.auction, "bidder": bid.bidder, "price": bid.price,
            "date_time": bid.date_time, "extra": bid.extra }),
        )
    }),
    ("q1", |bid| {
        let euros = bid.price * 908;
        Some(json!({ "auction": bid.auction, "bidder": bid.bidder,
            "price": format!("{}.{:03}", euros / 1_000, euros % 1_000),
            "date_time": bid.date_time, "extra": bid.extra }))
    }),
    ("q2", |bid| {
        (bid.auction % 123 == 0).then(|| json!({ "auction": bid.auction, "price": bid.price }))
    }),
];

/// What a round came to.
struct Round {
    rate: f64,
    worker_cpu_us: f64,
    outputs: f64,
}

/// Measures all three, in turn.
pub async fn measure(options: &Options) -> anyhow::Result<Vec<Section>> {
    let stage = Stage::set().await?;
    // Its `default()` repeats the first event for ever.
    let generator = EventGenerator::new(NexmarkConfig::default());
    let events: Vec<Event> = generator.take(options.events() as usize).collect();
    publish(&stage, &events).await?;
    for (query, _) in QUERIES {
        stage.engine.upload(query, &format!("nexmark_{query}")).await?;
    }
    let mut rounds: [Vec<Round>; QUERIES.len()] = Default::default();
    for number in 0..options.rounds() {
        println!("nexmark, round {} of {}", number + 1, options.rounds());
        for ((query, select), rounds) in QUERIES.iter().zip(&mut rounds) {
            let name = format!("{query}r{number}");
            let round = round(&stage, query, &name, &events, *select).await;
            rounds.push(round.context(name).map_err(|cause| stage.explain(&cause))?);
        }
    }
    let mut section = Section::new("Nexmark", ABOUT);
    for ((query, _), rounds) in QUERIES.iter().zip(&rounds) {
        let of = |value: fn(&Round) -> f64| rounds.iter().map(value).collect::<Vec<_>>();
        let row = Row::new(*query, "events/s", of(|round| round.rate))
            .also("CPU of an event: worker", &of(|round| round.worker_cpu_us), "µs")
            .also("outputs", &of(|round| round.outputs), "");
        section.push(row.against((*query != "q0").then_some("q0")));
    }
    Ok(vec![section])
}

/// Stores the events, each under what it is and whose.
async fn publish(stage: &Stage, events: &[Event]) -> anyhow::Result<()> {
    println!("storing {} events of nexmark", events.len());
    stage.cluster.stream("NEXMARK", &["bench.nexmark.>"]).await?;
    let mut unacknowledged = Vec::new();
    for event in events {
        let subject = match event {
            Event::Person(person) => format!("bench.nexmark.person.{}", person.id),
            Event::Auction(auction) => format!("bench.nexmark.auction.{}", auction.seller),
            Event::Bid(bid) => format!("bench.nexmark.bid.{}", bid.bidder),
        };
        let payload = serde_json::to_vec(event)?;
        unacknowledged.push(stage.cluster.jetstream.publish(subject, payload.into()).await?);
        if unacknowledged.len() == IN_FLIGHT {
            for acknowledgement in unacknowledged.drain(..) {
                acknowledgement.await?;
            }
        }
    }
    for acknowledgement in unacknowledged {
        acknowledgement.await?;
    }
    Ok(())
}

async fn round(
    stage: &Stage,
    query: &str,
    name: &str,
    events: &[Event],
    select: Select,
) -> anyhow::Result<Round> {
    let manifest = format!(
        "name: {name}\ninput: {{ stream: NEXMARK, subjects: [\"bench.nexmark.>\"], key: {{ subject-token: 4 }} }}\npartitions: 4\nsteps:\n  - name: {query}\n    plugin: {query}@1.0.0\noutput: {{ subject: \"bench.{name}.{{key}}\" }}\n"
    );
    stage.engine.apply(name, &manifest).await?;
    let pid = stage.engine.pid();
    let first = reach(stage, name, events.len() as u64 / 10).await?;
    let (began, cpu) = (Instant::now(), cpu_seconds(pid)?);
    let last = reach(stage, name, events.len() as u64).await?;
    let (took, cpu) = (began.elapsed().as_secs_f64(), cpu_seconds(pid)? - cpu);
    let outputs = compare(stage, name, events, select).await?;
    stage
        .engine
        .own("DELETE", &format!("pipelines/{name}"), "")
        .await?;
    let done = (last - first) as f64;
    Ok(Round {
        rate: done / took,
        worker_cpu_us: cpu / done * 1e6,
        outputs: outputs as f64,
    })
}

async fn reach(stage: &Stage, pipeline: &str, wanted: u64) -> anyhow::Result<u64> {
    let began = Instant::now();
    loop {
        let done = committed(stage, pipeline).await?;
        if done >= wanted {
            return Ok(done);
        }
        anyhow::ensure!(
            began.elapsed() < PATIENCE,
            "{done} of {wanted} events after {PATIENCE:?}"
        );
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Holds every output, in the order of its bidder, against the plain computation; gives how many.
async fn compare(stage: &Stage, name: &str, events: &[Event], select: Select) -> anyhow::Result<usize> {
    let mut expected: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for event in events {
        let Event::Bid(bid) = event else { continue };
        if let Some(value) = select(bid) {
            expected
                .entry(format!("bench.{name}.{}", bid.bidder))
                .or_default()
                .push(value);
        }
    }
    let stored = stage
        .cluster
        .read(&format!("TR_{TENANT}_{name}"), &format!("bench.{name}.*"))
        .await?;
    let mut found: BTreeMap<String, Vec<Value>> = BTreeMap::new();
    for (subject, payload) in &stored {
        let value = serde_json::from_slice(payload)?;
        found.entry(subject.clone()).or_default().push(value);
    }
    anyhow::ensure!(
        !expected.is_empty(),
        "{name} should give nothing, which proves nothing"
    );
    for (subject, wanted) in &expected {
        let got = found.get(subject);
        anyhow::ensure!(
            got == Some(wanted),
            "{subject} is not what a plain computation gives: {wanted:?} against {got:?}"
        );
    }
    anyhow::ensure!(found.len() == expected.len(), "outputs of bidders who never bid");
    Ok(stored.len())
}
