//! Forty-nine tenants who mind their own business, and one who does not: what they keep of their
//! throughput and of their latency beside pipelines that loop to their deadline, take all memory, flood
//! the log and flood the state, with many partitions.
//!
//! The same in virtual time, without a machine's moods, is a test of `core/pipeline/schedule`.

mod audience;

use std::time::{Duration, Instant};

use anyhow::Context as _;
use serde_json::json;
use tailrace_tests::{cluster::eventually, engine::Engine, files};

use self::audience::Audience;
use crate::{
    events::{BYTES, timed_event},
    options::Options,
    process::cpu_seconds,
    report::{Budget, Row, Section},
    stage::Stage,
};

const ABOUT: &str = "49 tenants with a pipeline of one partition each, exactly-once, plugins that forward; and a hostile 50th: four \
pipelines of eight partitions whose plugins loop to a deadline of 500 ms, take memory until there is no more, log and write \
state until they are stopped, at every event. `p99`: each of the 49 gets ten events a second at their intended times, read \
from the stream of its outputs. `slowest tenant`: all 49 have a backlog, and the slowest is held against itself.";

/// Tenants who mind their own business.
const TENANTS: usize = 49;
/// Events a second that each of them gets, where latency is measured.
const EVENTS_A_SECOND: u64 = 10;
/// Streams that hold the events of all of them, and of the hostile one.
const INPUT: &str = "NEIGHBOURS";
/// Events of the hostile tenant: more than are done before the end.
const HOSTILE_EVENTS: usize = 50_000;
/// What its pipelines do.
const HOSTILE_ACTS: [&str; 4] = ["loop", "grow", "log", "flood"];

#[derive(Default)]
struct Rounds {
    p99: [Vec<f64>; 2],
    p50: [Vec<f64>; 2],
    slowest: [Vec<f64>; 2],
    all: [Vec<f64>; 2],
    cpu: [Vec<f64>; 2],
}

/// Measures it, in turn with and without the hostile one.
pub async fn measure(options: &Options) -> anyhow::Result<Vec<Section>> {
    let mut rounds = Rounds::default();
    for number in 0..options.rounds() {
        println!("neighbours, round {} of {}", number + 1, options.rounds());
        round(options, &mut rounds).await?;
    }
    let Rounds {
        p99,
        p50,
        slowest,
        all,
        cpu,
    } = rounds;
    let mut section = Section::new("Neighbours", ABOUT);
    let whats = ["49 tenants alone", "beside a hostile one"];
    for (index, what) in whats.into_iter().enumerate() {
        let beside = index == 1;
        let named = |figure: &str| format!("{what}: {figure}");
        let against = |figure: &str| beside.then(|| format!("{}: {figure}", whats[0]));
        let latency = Row::new(named("p99"), "ms", p99[index].clone())
            .against(against("p99"))
            .also("p50", &p50[index], "ms")
            .also("engine", &cpu[index], "cores");
        section.push(latency.budget(beside.then_some(Budget::RatioAtMost(1.25))));
        let share = Row::new(named("slowest tenant"), "events/s", slowest[index].clone())
            .against(against("slowest tenant"))
            .also("all of them", &all[index], "events/s");
        // Of fifty, the others' fair share is 49 parts; four fifths of that.
        section.push(share.budget(beside.then_some(Budget::RatioAtLeast(0.8 * 0.98))));
    }
    Ok(vec![section])
}

fn tenant(index: usize) -> String {
    format!("t{index:02}")
}

async fn round(options: &Options, rounds: &mut Rounds) -> anyhow::Result<()> {
    let stage = Stage::set().await?;
    stage.cluster.stream(INPUT, &["near.*.in"]).await?;
    for index in 0..TENANTS {
        settle(&stage.engine, &tenant(index), &[("forward", 1)]).await?;
    }
    let streams: Vec<_> = (0..TENANTS)
        .map(|index| format!("TR_{}_forward", tenant(index)))
        .collect();
    let audience = Audience::gather(&stage.cluster, &streams).await?;
    for beside in [0, 1] {
        if beside == 1 {
            unleash(&stage).await?;
        }
        latency(&stage, &audience, options, beside, rounds).await?;
        backlog(&stage, &audience, options, beside, rounds).await?;
    }
    Ok(())
}

/// Makes a tenant with pipelines that do this, in so many partitions.
async fn settle(engine: &Engine, name: &str, pipelines: &[(&str, u32)]) -> anyhow::Result<()> {
    let token = engine.tenant(name, &[&format!("near.{name}.>")]).await?;
    let base = format!("/v1/tenants/{name}");
    let plugin = files::plugin("tailrace_bench_guest")?;
    let sent = engine
        .ask(
            "PUT",
            &format!("{base}/plugins/guest/versions/1.0.0"),
            &token,
            plugin,
        )
        .await?;
    anyhow::ensure!(sent.status < 300, "{sent:?}");
    for (act, partitions) in pipelines {
        let manifest = json!({
            "name": act,
            "input": { "subjects": [format!("near.{name}.in")], "key": { "json": "/user" } },
            "partitions": partitions,
            "steps": [{
                "name": "step",
                "plugin": "guest@1.0.0",
                "grants": ["state", "log"],
                "config": { "act": act },
                "limits": { "deadline": "500ms", "fuel": 10_000_000_000_u64, "log-lines": 1_000 },
                "on-error": { "retries": 0, "then": "drop" },
            }],
            "output": { "subject": format!("near.{name}.{act}") },
        });
        let path = format!("{base}/pipelines/{act}");
        let applied = engine.ask("PUT", &path, &token, manifest.to_string()).await?;
        anyhow::ensure!(applied.status < 300, "{applied:?}");
        eventually("the pipeline runs", || async {
            let status = engine.ask("GET", &format!("{path}/status"), &token, "").await;
            status.is_ok_and(|status| status.body["state"] == "running")
        })
        .await?;
    }
    Ok(())
}

/// Sets the hostile tenant to work.
async fn unleash(stage: &Stage) -> anyhow::Result<()> {
    let pipelines = HOSTILE_ACTS.map(|act| (act, 8));
    settle(&stage.engine, "hostile", &pipelines)
        .await
        .context("the hostile tenant")?;
    let events = (0..HOSTILE_EVENTS).map(|number| format!(r#"{{"user":"u{}"}}"#, number % 100));
    stage.cluster.publish("near.hostile.in", events).await?;
    // Until all of it is under way.
    tokio::time::sleep(Duration::from_secs(3)).await;
    Ok(())
}

/// Events at their intended times, open loop.
async fn latency(
    stage: &Stage,
    audience: &Audience,
    options: &Options,
    beside: usize,
    rounds: &mut Rounds,
) -> anyhow::Result<()> {
    let seconds = options.seconds();
    let (pid, cpu) = (stage.engine.pid(), cpu_seconds(stage.engine.pid())?);
    let total = TENANTS as u64 * EVENTS_A_SECOND * seconds;
    let pause = Duration::from_secs(seconds) / u32::try_from(total)?;
    audience.listen(audience.now_us());
    let began = Instant::now();
    let offset_us = audience.now_us();
    for number in 0..total {
        let due = pause * u32::try_from(number)?;
        tokio::time::sleep(due.saturating_sub(began.elapsed())).await;
        let intended_us = offset_us + u64::try_from(due.as_micros())?;
        let subject = format!("near.{}.in", tenant(number as usize % TENANTS));
        let payload = timed_event(number, BYTES, intended_us);
        stage.cluster.client.publish(subject, payload).await?;
    }
    audience.heard(total).await?;
    let heard = audience.latency();
    rounds.p99[beside].push(heard.p99_ms);
    rounds.p50[beside].push(heard.p50_ms);
    let took = began.elapsed().as_secs_f64();
    rounds.cpu[beside].push((cpu_seconds(pid)? - cpu) / took);
    Ok(())
}

/// As many events for each as the engine can take.
async fn backlog(
    stage: &Stage,
    audience: &Audience,
    options: &Options,
    beside: usize,
    rounds: &mut Rounds,
) -> anyhow::Result<()> {
    let each = options.events() / 2 / TENANTS as u64;
    audience.listen(audience.now_us());
    let began = Instant::now();
    for number in 0..each * TENANTS as u64 {
        let subject = format!("near.{}.in", tenant(number as usize % TENANTS));
        let payload = timed_event(number, BYTES, 0);
        stage.cluster.client.publish(subject, payload).await?;
    }
    stage.cluster.client.flush().await?;
    audience.heard(each * TENANTS as u64).await?;
    let slowest = audience
        .slowest(TENANTS)
        .saturating_duration_since(began)
        .as_secs_f64();
    let all = each as f64 * TENANTS as f64 / began.elapsed().as_secs_f64();
    rounds.slowest[beside].push(each as f64 / slowest);
    rounds.all[beside].push(all);
    Ok(())
}
