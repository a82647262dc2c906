//! A pipeline at half load while a plugin of another tenant beside it loops for ever at every event.

use std::time::Duration;

use anyhow::Context as _;
use serde_json::Value;
use tailrace_tests::{cluster::eventually, engine::Engine, files};

use super::line::Line;
use crate::{
    options::Options,
    report::{Budget, Row, Section},
    stage::{Input, Stage, Worker},
};

const ABOUT: &str = "The validator in exactly-once with 4 partitions at half of its highest rate: alone, and beside a pipeline of \
another tenant whose plugin loops until its deadline at every event; in turn, five times a round. `stopped`: calls of the \
plugin that loops that were ended by their deadline meanwhile. The machine's moods are longer than a turn, so each p99 beside \
is held against the one alone just before.";

/// Another tenant, and its pipeline.
const ROGUE: &str = "rogue";
const LOOPS: &str = "loops";
/// Events that loop: more than are done before the end.
const EVENTS: usize = 50_000;
/// How often in a round both are measured.
const TURNS: usize = 5;

#[derive(Default)]
struct Rounds {
    alone: Vec<f64>,
    beside: Vec<f64>,
    stopped: Vec<f64>,
}

/// Measures both, in turn.
pub async fn measure(options: &Options) -> anyhow::Result<Vec<Section>> {
    let mut rounds = Rounds::default();
    for number in 0..options.rounds() {
        println!("disturbances, round {} of {}", number + 1, options.rounds());
        round(options, &mut rounds).await?;
    }
    let mut section = Section::new("Disturbances", ABOUT);
    section.push(Row::new("alone: p99", "ms", rounds.alone));
    let beside = Row::new("beside a plugin that loops: p99", "ms", rounds.beside)
        .against(Some("alone: p99"))
        .also("stopped", &rounds.stopped, "calls");
    section.push(beside.budget(Some(Budget::RatioAtMost(1.25))));
    Ok(vec![section])
}

async fn round(options: &Options, rounds: &mut Rounds) -> anyhow::Result<()> {
    let (stage, seconds) = (Stage::set().await?, Duration::from_secs(options.seconds()));
    let input = Input {
        stream: "LIVE",
        subjects: "bench.live.x",
    };
    stage.cluster.stream(input.stream, &[input.subjects]).await?;
    let worker = Worker::validating("exactly-once", 4);
    let running = stage.launch(&worker, "disturbed", input).await?;
    let line = Line::start(&stage, &running, input.stream, input.subjects).await?;
    let rate = line.highest(seconds).await? / 2.0;
    let rogue = Rogue::settle(&stage)
        .await
        .context("the tenant whose plugin loops")?;
    for _ in 0..TURNS {
        rogue.act("pause", "paused").await?;
        rounds.alone.push(p99(&line, rate, seconds).await?);
        rogue.act("resume", "running").await?;
        let before = rogue.stopped().await?;
        rounds.beside.push(p99(&line, rate, seconds).await?);
        let stopped = rogue.stopped().await? - before;
        anyhow::ensure!(stopped > 0.0, "the plugin that loops did not run");
        rounds.stopped.push(stopped);
    }
    drop(line);
    running.end().await
}

async fn p99(line: &Line<'_>, rate: f64, seconds: Duration) -> anyhow::Result<f64> {
    Ok(line.at(rate, seconds, None).await?.latency.p99_ms)
}

/// The tenant whose plugin loops.
struct Rogue<'a> {
    engine: &'a Engine,
    token: String,
}

impl<'a> Rogue<'a> {
    /// Makes it, with events to loop at.
    async fn settle(stage: &'a Stage) -> anyhow::Result<Self> {
        let engine = &stage.engine;
        let token = engine.tenant(ROGUE, &["rogue.>"]).await?;
        let rogue = Self { engine, token };
        stage.cluster.stream("ROGUE", &["rogue.in"]).await?;
        let probe = files::plugin("tailrace_test_guest")?;
        rogue.ask("PUT", "plugins/probe/versions/1.0.0", probe).await?;
        let manifest = format!(
            "name: {LOOPS}\ninput: {{ subjects: [rogue.in], key: {{ json: /user }} }}\nsteps:\n  - name: loop\n    \
             plugin: probe@1.0.0\n    grants: [state]\n    limits: {{ fuel: 10000000000, deadline: 50ms }}\n    \
             on-error: {{ retries: 0, then: drop }}\noutput: {{ subject: \"rogue.out\" }}\n"
        );
        rogue.ask("PUT", &format!("pipelines/{LOOPS}"), manifest).await?;
        let events = std::iter::repeat_n(r#"{"user":"u","do":"loop"}"#, EVENTS);
        stage.cluster.publish("rogue.in", events).await?;
        Ok(rogue)
    }

    /// Pauses its pipeline, or lets it go on, until it does.
    async fn act(&self, what: &str, state: &str) -> anyhow::Result<()> {
        self.ask("POST", &format!("pipelines/{LOOPS}/{what}"), "").await?;
        eventually("the plugin that loops obeys", || async {
            self.status().await.is_ok_and(|status| status["state"] == state)
        })
        .await
    }

    /// How many of its calls were stopped by now.
    async fn stopped(&self) -> anyhow::Result<f64> {
        let status = self.status().await?;
        status["stats"]["counts"]["traps"]
            .as_f64()
            .context("a status without traps")
    }

    async fn status(&self) -> anyhow::Result<Value> {
        self.ask("GET", &format!("pipelines/{LOOPS}/status"), "").await
    }

    async fn ask(&self, method: &str, path: &str, body: impl Into<Vec<u8>>) -> anyhow::Result<Value> {
        let path = format!("/v1/tenants/{ROGUE}/{path}");
        let answer = self.engine.ask(method, &path, &self.token, body).await?;
        anyhow::ensure!(answer.status < 300, "{answer:?}");
        Ok(answer.body)
    }
}
