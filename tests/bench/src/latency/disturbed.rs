//! A pipeline at half load while a plugin of another tenant beside it loops for ever at every event.

use std::time::Duration;

use anyhow::Context as _;
use tailrace_tests::files;

use super::line::Line;
use crate::{
    options::Options,
    report::{Budget, Row, Section},
    stage::{Input, Stage, Worker},
};

const ABOUT: &str = "The validator in exactly-once with 4 partitions at half of its highest rate: alone, and beside a pipeline of \
another tenant whose plugin loops until its deadline at every event.";

/// Another tenant.
const ROGUE: &str = "rogue";
/// Events that loop: more than are done before the end.
const LOOPS: usize = 20_000;

#[derive(Default)]
struct Rounds {
    alone: Vec<f64>,
    beside: Vec<f64>,
}

/// Measures both, in turn with the pipeline alone.
pub async fn measure(options: &Options) -> anyhow::Result<Vec<Section>> {
    let mut rounds = Rounds::default();
    for number in 0..options.rounds() {
        println!("disturbances, round {} of {}", number + 1, options.rounds());
        round(options, &mut rounds).await?;
    }
    let mut section = Section::new("Disturbances", ABOUT);
    section.push(Row::new("alone: p99", "ms", rounds.alone));
    let beside = Row::new("beside a plugin that loops: p99", "ms", rounds.beside).against(Some("alone: p99"));
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
    rounds
        .alone
        .push(line.at(rate, seconds, None).await?.latency.p99_ms);
    loop_beside(&stage)
        .await
        .context("the tenant whose plugin loops")?;
    rounds
        .beside
        .push(line.at(rate, seconds, None).await?.latency.p99_ms);
    drop(line);
    running.end().await
}

/// Sets a plugin of another tenant to looping.
async fn loop_beside(stage: &Stage) -> anyhow::Result<()> {
    let engine = &stage.engine;
    let token = engine.tenant(ROGUE, &["rogue.>"]).await?;
    stage.cluster.stream("ROGUE", &["rogue.in"]).await?;
    let base = format!("/v1/tenants/{ROGUE}");
    let probe = files::plugin("tailrace_test_guest")?;
    let sent = engine
        .ask(
            "PUT",
            &format!("{base}/plugins/probe/versions/1.0.0"),
            &token,
            probe,
        )
        .await?;
    anyhow::ensure!(sent.status < 300, "{sent:?}");
    let spec = "name: loops\ninput: { subjects: [rogue.in], key: { json: /user } }\nsteps:\n  - name: loop\n    plugin: probe@1.0.0\n    grants: [state]\noutput: { subject: \"rogue.out\" }\n";
    let applied = engine
        .ask("PUT", &format!("{base}/pipelines/loops"), &token, spec)
        .await?;
    anyhow::ensure!(applied.status < 300, "{applied:?}");
    let events = std::iter::repeat_n(r#"{"user":"u","do":"loop"}"#, LOOPS);
    stage.cluster.publish("rogue.in", events).await
}
