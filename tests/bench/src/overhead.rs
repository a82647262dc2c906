//! What being watched costs: the same work with everything off and with everything on, in turn.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use anyhow::Context as _;
use tailrace_tests::{
    engine::{Engine, Launch, OPERATOR},
    stand_in::StandIn,
};

use crate::{
    events::BYTES,
    jetstream::{round, row, store},
    memory::Plugin,
    options::Options,
    report::{Budget, Section},
    stage::{Stage, Worker},
};

const ABOUT: &str = "From JetStream to JetStream, exactly-once, 4 partitions; A B A B, three turns a round. `off`: no traces, no scrapes, no watcher, \
errors only in the log. `on`: 1 % of the events traced to a collector, metrics scraped every second, JSON log with the lines of \
plugins, a tap and the plugin's lines watched. `chatty` writes a line for every event.";

/// Turns of a round: one takes seconds, and scatters by more than what is looked for.
const TURNS: usize = 3;
/// How often Prometheus would ask, and more.
const SCRAPE_EVERY: Duration = Duration::from_secs(1);

struct Case {
    what: &'static str,
    plugin: Plugin,
    is_on: bool,
}

const CASES: [Case; 4] = [
    Case {
        what: "validator, off",
        plugin: Plugin::Validator,
        is_on: false,
    },
    Case {
        what: "validator, on",
        plugin: Plugin::Validator,
        is_on: true,
    },
    Case {
        what: "chatty, off",
        plugin: Plugin::Chatty,
        is_on: false,
    },
    Case {
        what: "chatty, on",
        plugin: Plugin::Chatty,
        is_on: true,
    },
];

/// Measures all of it.
pub async fn measure(options: &Options) -> anyhow::Result<Vec<Section>> {
    let mut stage = Stage::set().await?;
    stage.engine.upload("chatty", Plugin::Chatty.file()).await?;
    store(&stage, options.events(), BYTES).await?;
    let collector = StandIn::start()?;
    let mut rounds: Vec<Vec<_>> = CASES.iter().map(|_| Vec::new()).collect();
    let turns = TURNS * options.rounds();
    for number in 0..turns {
        println!("overhead, turn {} of {turns}", number + 1);
        for (index, case) in CASES.iter().enumerate() {
            stage
                .engine
                .restart(&launch(&stage, case.is_on.then_some(&collector)))?;
            stage.engine.ready().await?;
            let worker = Worker::Engine {
                delivery: "exactly-once",
                plugin: case.plugin,
                partitions: 4,
            };
            let name = format!("o{number}c{index}");
            let watched = case.is_on.then(|| Watched::begin(&stage.engine, &name));
            let round = round(&stage, &worker, &name, options.events()).await;
            let round = round.context(case.what).map_err(|cause| stage.explain(&cause))?;
            println!("    {}: {:.0} events/s", case.what, round.rate);
            rounds[index].push(round);
            drop(watched);
        }
    }
    anyhow::ensure!(!collector.taken().is_empty(), "the collector got no span");
    let mut section = Section::new("Overhead of being watched", ABOUT);
    for (index, (case, rounds)) in CASES.iter().zip(&rounds).enumerate() {
        let against = case.is_on.then(|| CASES[index - 1].what);
        let budget = case.is_on.then_some(Budget::RatioAtLeast(0.95));
        section.push(row(case.what.to_owned(), rounds).against(against).budget(budget));
    }
    Ok(vec![section])
}

fn launch(stage: &Stage, collector: Option<&StandIn>) -> Launch {
    let launch = Launch::on(&stage.cluster);
    match collector {
        None => launch.with("TAILRACE_LOG__FILTER", "error,plugin=off"),
        Some(collector) => launch
            .with("TAILRACE_LOG__FORMAT", "json")
            .with("TAILRACE_TRACES__ENDPOINT", collector.url()),
    }
}

/// Threads that watch a pipeline until they are dropped.
struct Watched(Arc<AtomicBool>);

impl Watched {
    fn begin(engine: &Engine, pipeline: &str) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let path = |what: &str| format!("/v1/tenants/shop/pipelines/{pipeline}/{what}");
        for (path, token) in [
            (path("tap"), engine.token.clone()),
            (path("logs?follow=true"), engine.token.clone()),
            ("/metrics".to_owned(), OPERATOR.to_owned()),
        ] {
            let (over, address) = (
                over.clone(),
                engine.url().trim_start_matches("http://").to_owned(),
            );
            std::thread::spawn(move || {
                while !over.load(Ordering::Relaxed) {
                    // A pipeline that is not there yet is asked for again.
                    let _ = read(&address, &path, &token, &over);
                    std::thread::sleep(SCRAPE_EVERY);
                }
            });
        }
        Self(over)
    }
}

impl Drop for Watched {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Reads an answer to its end, or until it is over.
fn read(address: &str, path: &str, token: &str, over: &AtomicBool) -> anyhow::Result<()> {
    let mut connection = TcpStream::connect(address)?;
    connection.set_read_timeout(Some(SCRAPE_EVERY))?;
    write!(
        connection,
        "GET {path} HTTP/1.1\r\nhost: tailrace\r\nconnection: close\r\nauthorization: Bearer {token}\r\n\r\n"
    )?;
    let mut page = [0; 16 * 1024];
    while !over.load(Ordering::Relaxed) {
        match connection.read(&mut page) {
            Ok(0) => return Ok(()),
            Ok(_) => {}
            Err(cause) if cause.kind() == std::io::ErrorKind::WouldBlock => {}
            Err(cause) => return Err(cause.into()),
        }
    }
    Ok(())
}
