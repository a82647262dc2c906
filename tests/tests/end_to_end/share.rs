//! An engine reads its share of a pipeline's events, and not all of them, where the subject names the partition. It is
//! measured in messages that the broker delivered to each of 2 and 4 engines: the broker writes the number, or another
//! pipeline does for keys in the payload.

use std::collections::BTreeMap;

use anyhow::Context as _;
use futures::TryStreamExt as _;
use serde_json::{Value, json};
use tailrace_nats::async_nats::jetstream::{
    consumer::Info,
    stream::{Config, SubjectTransform},
};
use tailrace_tests::{
    cluster::{Cluster, eventually},
    engine::{Engine, Launch},
};

const PARTITIONS: u64 = 16;
const USERS: u64 = 400;

struct Fleet {
    cluster: Cluster,
    engines: Vec<Engine>,
    folders: Vec<tempfile::TempDir>,
}

impl Fleet {
    async fn start() -> anyhow::Result<Self> {
        let mut fleet = Self {
            cluster: Cluster::start().await?,
            engines: Vec::new(),
            folders: Vec::new(),
        };
        fleet.grow(1).await?;
        Ok(fleet)
    }

    /// Starts engines until there are so many.
    async fn grow(&mut self, engines: usize) -> anyhow::Result<()> {
        while self.engines.len() < engines {
            let folder = tempfile::tempdir()?;
            // Names decide who has which partitions. Drawn ones may leave an engine without any.
            let data = folder.path().join("data");
            std::fs::create_dir_all(&data)?;
            std::fs::write(data.join("engine-id"), format!("e-{}", self.engines.len()))?;
            let launch = Launch::on(&self.cluster)
                .with("TAILRACE_ENGINES__RENEW_EVERY", "300ms")
                .with("TAILRACE_ENGINES__RECONCILE_EVERY", "1s");
            self.engines
                .push(Engine::start_with(&launch, folder.path()).await?);
            self.folders.push(folder);
        }
        Ok(())
    }

    /// Waits until the engines have divided the partitions; gives the part that each has.
    async fn parts(&self, pipeline: &str) -> anyhow::Result<Vec<f64>> {
        let parts = std::cell::RefCell::default();
        eventually("the engines have divided the partitions", || async {
            let mut owned = Vec::new();
            for engine in &self.engines {
                let status = engine.status(pipeline).await.unwrap_or_default();
                let partitions = status["partitions"].as_array().cloned().unwrap_or_default();
                let own = partitions.iter().filter(|partition| partition["owner"].is_null());
                owned.push(if status["state"] == "running" {
                    own.count()
                } else {
                    0
                });
            }
            let share = |own: &usize| *own as f64 / PARTITIONS as f64;
            parts.replace(owned.iter().map(share).collect::<Vec<_>>());
            owned.iter().sum::<usize>() as u64 == PARTITIONS && owned.iter().all(|own| *own > 0)
        })
        .await?;
        Ok(parts.into_inner())
    }

    /// What the broker has delivered of a stream to the consumers of a pipeline.
    async fn delivered(&self, stream: &str, pipeline: &str) -> anyhow::Result<BTreeMap<String, u64>> {
        let stream = self.cluster.jetstream.get_stream(stream).await?;
        let consumers: Vec<Info> = stream.consumers().try_collect().await?;
        let prefix = format!("tr_shop_{pipeline}_input_");
        let own = consumers
            .into_iter()
            .filter(|info| info.name.starts_with(&prefix));
        Ok(own
            .map(|info| (info.name, info.delivered.consumer_sequence))
            .collect())
    }

    /// Lets every user count once more; gives the share that each engine was sent of the events.
    async fn shares(&self, stream: &str, subject: &str, times: u64) -> anyhow::Result<Vec<f64>> {
        let before = self.delivered(stream, "p").await?;
        for user in 0..USERS {
            let event = json!({ "user": format!("u{user}"), "do": "count" }).to_string();
            let subject = subject.replace("USER", &format!("u{user}"));
            self.cluster.publish(&subject, [event]).await?;
        }
        eventually("every user has counted", || async {
            let path = "pipelines/p/steps/probe/state?prefix=u&limit=1000";
            let found = self.engines[0].own("GET", path, "").await;
            let entries = found.map(|answer| answer.body).unwrap_or_default();
            let entries = entries.as_array().cloned().unwrap_or_default();
            entries.len() as u64 == USERS && entries.iter().all(|entry| entry["value"] == times)
        })
        .await?;
        let after = self.delivered(stream, "p").await?;
        let sent = after.iter().map(|(name, count)| {
            let sent = count - before.get(name).copied().unwrap_or(0);
            sent as f64 / USERS as f64
        });
        Ok(sent.collect())
    }

    /// Each engine is sent about its share of the events, and all of them together no more than there are.
    async fn read_their_shares(&mut self, stream: &str, subject: &str) -> anyhow::Result<()> {
        for (times, engines) in [(1, 1), (2, 2), (3, 4)] {
            self.grow(engines).await?;
            let mut parts = self.parts("p").await?;
            let mut shares = self.shares(stream, subject, times).await?;
            let all: f64 = shares.iter().sum();
            parts.sort_unstable_by(f64::total_cmp);
            shares.sort_unstable_by(f64::total_cmp);
            println!(
                "{engines} engines with {parts:.3?} of the partitions are sent {shares:.3?} of the events"
            );
            // A partition that has just changed hands is sent some events again. Without shares, it is 2 and 4.
            anyhow::ensure!(
                (0.999..1.3).contains(&all),
                "{engines} engines are sent {shares:?}"
            );
            let is_near = |(share, part): (&f64, &f64)| (share - part).abs() < 0.2;
            anyhow::ensure!(
                shares.len() == engines && shares.iter().zip(&parts).all(is_near),
                "{shares:?}"
            );
        }
        Ok(())
    }
}

fn counting(stream: &str, subjects: &str, key: &str, token: u32) -> String {
    format!(
        "name: p\ninput:\n  stream: {stream}\n  subjects: [\"{subjects}\"]\n  key: {key}\n  partition: {{ subject-token: {token} }}\npartitions: {PARTITIONS}\nsteps:\n  - name: probe\n    plugin: probe@1.0.0\n    grants: [state]\noutput:\n  subject: \"shop.p.{{key}}\"\n"
    )
}

/// A stream whose broker writes the partition of the third token before it.
async fn divided_by_the_broker(cluster: &Cluster, partitions: u64) -> anyhow::Result<()> {
    let config = Config {
        name: "SHOP".to_owned(),
        subjects: vec!["shop.events.*".to_owned()],
        subject_transform: Some(SubjectTransform {
            source: "shop.events.*".to_owned(),
            destination: format!("shop.events.{{{{partition({partitions},1)}}}}.{{{{wildcard(1)}}}}"),
        }),
        ..Config::default()
    };
    cluster.jetstream.create_stream(config).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_in_the_subject_are_read_by_the_engine_that_owns_them() -> anyhow::Result<()> {
    let mut fleet = Fleet::start().await?;
    divided_by_the_broker(&fleet.cluster, PARTITIONS).await?;
    fleet.engines[0].upload("probe", "tailrace_test_guest").await?;
    let manifest = counting("SHOP", "shop.events.*.*", "{ subject-token: 4 }", 3);
    fleet.engines[0].apply("p", &manifest).await?;
    fleet.read_their_shares("SHOP", "shop.events.USER").await
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_in_the_payload_are_divided_by_a_pipeline_before() -> anyhow::Result<()> {
    let mut fleet = Fleet::start().await?;
    fleet.cluster.stream("SHOP", &["shop.events.>"]).await?;
    let engine = &fleet.engines[0];
    engine.upload("probe", "tailrace_test_guest").await?;
    engine.upload("validator", "validator").await?;
    let divide = format!(
        "name: divide\ninput:\n  subjects: [\"shop.events.>\"]\n  key: {{ json: /user }}\nsteps:\n  - name: pass\n    plugin: validator@1.0.0\n    config: {{ schema: {{}} }}\noutput:\n  subject: \"shop.divided.{{partition:{PARTITIONS}}}.{{key}}\"\n"
    );
    engine.apply("divide", &divide).await?;
    let manifest = counting("TR_shop_divide", "shop.divided.*.*", "{ json: /user }", 3);
    engine.apply("p", &manifest).await?;
    fleet.read_their_shares("TR_shop_divide", "shop.events.x").await
}

#[tokio::test(flavor = "multi_thread")]
async fn events_that_name_no_partition_are_counted_and_said() -> anyhow::Result<()> {
    let fleet = Fleet::start().await?;
    // The stream divides in twice as many as the pipeline has.
    divided_by_the_broker(&fleet.cluster, 2 * PARTITIONS).await?;
    let engine = &fleet.engines[0];
    engine.upload("probe", "tailrace_test_guest").await?;
    let manifest = counting("SHOP", "shop.events.*.*", "{ subject-token: 4 }", 3);
    engine.apply("p", &manifest).await?;
    // The place is fixed: what is committed is divided by it.
    let moved = counting("SHOP", "shop.events.*.*", "{ subject-token: 4 }", 4);
    let refused = engine.own("PUT", "pipelines/p", moved).await?;
    assert_eq!(
        (refused.status, &refused.body["field"]),
        (422, &json!("input.partition"))
    );
    for user in 0..USERS {
        let event = json!({ "user": user, "do": "count" }).to_string();
        fleet
            .cluster
            .publish(&format!("shop.events.u{user}"), [event])
            .await?;
    }
    let stored = fleet.cluster.read("SHOP", ">").await?;
    let number = |subject: &str| {
        subject
            .split('.')
            .nth(2)
            .and_then(|token| token.parse::<u64>().ok())
    };
    let unread = stored
        .iter()
        .filter(|(subject, _)| number(subject) >= Some(PARTITIONS));
    let unread = unread.count() as u64;
    anyhow::ensure!(unread > 0, "all events have a partition");
    eventually("they are counted", || async {
        let status = engine.status("p").await.unwrap_or_default();
        status["input"]["unassigned"] == unread
    })
    .await
    .with_context(|| format!("{unread} of {}\n{}", stored.len(), engine.log()))?;
    let status: Value = engine.status("p").await?;
    let warnings = status["warnings"].as_array().context("no warnings")?;
    let says = |warning: &Value| {
        warning
            .as_str()
            .is_some_and(|text| text.contains("input.partition"))
    };
    anyhow::ensure!(warnings.iter().any(says), "{warnings:?}");
    anyhow::ensure!(status["state"] == "running", "{status}");
    Ok(())
}
