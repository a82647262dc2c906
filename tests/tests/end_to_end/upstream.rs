//! Tables of what another pipeline keeps, on a real broker: the rows are the state, whatever dies, and whatever becomes of
//! the pipeline that is read.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tailrace_tests::{cluster::eventually, engine::Launch};

use crate::Stage;

const USERS: u64 = 300;

/// Counts the events of each user.
const LEARNER: &str = r#"
name: learner
partitions: 2
input: { subjects: ["shop.events.seen"], key: { json: /user } }
steps: [{ name: probe, plugin: probe@1.0.0, grants: [state] }]
output: { subject: "shop.learner.{key}" }
"#;

fn reader(table: &str) -> String {
    format!(
        r#"
name: reader
partitions: 3
inputs: {{ orders: {{ subjects: ["shop.events.order"], key: {{ json: /user }} }} }}
tables: {{ counts: {{ {table} }} }}
joins: {{ counted: {{ left: orders, right: counts, kind: left }} }}
output: {{ subject: "shop.reader.{{join}}.{{key}}" }}
"#
    )
}

const COUNTS: &str = "pipeline: learner, state: probe";

impl Stage {
    async fn publish_users(&self, subject: &str, from: u64, to: u64) -> anyhow::Result<()> {
        let events = (from..to).map(|user| json!({ "user": format!("u{user:03}") }).to_string());
        self.cluster.publish(subject, events).await
    }

    /// The state of the step, by key.
    async fn counts_of_learner(&self) -> anyhow::Result<BTreeMap<String, Value>> {
        let path = "pipelines/learner/steps/probe/state?limit=1000";
        let found = self.engine.own("GET", path, "").await?;
        Ok(by_key(found.body.as_array()))
    }

    /// The rows of the table, by key.
    async fn rows_of_reader(&self) -> anyhow::Result<BTreeMap<String, Value>> {
        let path = "pipelines/reader/tables/counts?limit=1000";
        let found = self.engine.own("GET", path, "").await?;
        Ok(by_key(found.body["rows"].as_array()))
    }

    /// Waits until the rows are the state, and that has so many entries.
    async fn rows_agree(&self, entries: u64) -> anyhow::Result<()> {
        let agree = eventually("the rows are the state", || async {
            let (Ok(counts), Ok(rows)) = (self.counts_of_learner().await, self.rows_of_reader().await) else {
                return false;
            };
            counts.len() as u64 == entries && counts == rows
        });
        if let Err(cause) = agree.await {
            let (counts, rows) = (
                self.counts_of_learner().await?.len(),
                self.rows_of_reader().await?.len(),
            );
            let status = self.engine.status("reader").await?;
            anyhow::bail!("{cause}: {counts} entries, {rows} rows, {status:#}");
        }
        Ok(())
    }

    /// Why a reader of this table is refused.
    async fn refused_reader(&self, table: &str) -> anyhow::Result<String> {
        let answer = self.engine.own("PUT", "pipelines/reader", reader(table)).await?;
        anyhow::ensure!(answer.status == 422, "{}", answer.text);
        Ok(answer.text)
    }

    /// What the orders have found, by user: the newest of each.
    async fn found_counts(&self, count: usize) -> anyhow::Result<BTreeMap<String, Value>> {
        let path = "pipelines/reader/outputs?from=first&limit=500";
        let outputs = || async {
            let answer = self.engine.own("GET", path, "").await?;
            Ok::<_, anyhow::Error>(answer.body["outputs"].as_array().cloned().unwrap_or_default())
        };
        eventually("all orders are told", || async {
            outputs().await.is_ok_and(|outputs| outputs.len() >= count)
        })
        .await?;
        let told = outputs().await?.into_iter().map(|output| {
            let row = &output["value"];
            let key = row["key"].as_str().unwrap_or_default();
            (key.to_owned(), row["right"].clone())
        });
        Ok(told.collect())
    }
}

fn by_key(entries: Option<&Vec<Value>>) -> BTreeMap<String, Value> {
    let entries = entries.into_iter().flatten();
    let entries = entries.map(|entry| {
        let key = entry["key"].as_str().unwrap_or_default();
        (key.to_owned(), entry["value"].clone())
    });
    entries.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_find_the_state_of_another_pipeline_though_the_engine_is_killed() -> anyhow::Result<()> {
    let mut stage = Stage::set().await?;
    stage.engine.apply("learner", LEARNER).await?;
    stage.publish_users("shop.events.seen", 0, USERS).await?;
    stage.engine.caught_up("learner", USERS).await?;
    stage.publish_users("shop.events.order", 0, 10).await?;
    stage.engine.apply("reader", &reader(COUNTS)).await?;
    // No order overtakes the table.
    let found = stage.found_counts(10).await?;
    assert!(found.values().all(|count| *count == json!(1)), "{found:?}");
    stage.rows_agree(USERS).await?;
    stage.engine.kill();
    stage.publish_users("shop.events.seen", 0, USERS / 2).await?;
    stage.engine.restart(&Launch::on(&stage.cluster))?;
    stage.engine.ready().await?;
    stage.publish_users("shop.events.seen", USERS, USERS + 20).await?;
    stage.rows_agree(USERS + 20).await?;
    assert_eq!(stage.rows_of_reader().await?["u000"], json!(2));
    let shown = &stage.engine.status("reader").await?["tables"]["counts"];
    assert_eq!(shown["upstream"], "the state of step probe of pipeline learner");
    // State that is deleted goes from the table too.
    let order = json!({ "prefix": "u" }).to_string();
    let path = "pipelines/learner/steps/probe/state-deletions";
    let ordered = stage.engine.own("POST", path, order).await?;
    anyhow::ensure!(ordered.status == 202, "{ordered:?}");
    stage.rows_agree(0).await?;
    stage.publish_users("shop.events.seen", 0, 5).await?;
    stage.rows_agree(5).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipeline_that_is_deleted_is_told_and_one_made_anew_is_another_table() -> anyhow::Result<()> {
    let stage = Stage::set().await?;
    stage.engine.apply("learner", LEARNER).await?;
    stage.publish_users("shop.events.seen", 0, 10).await?;
    stage.engine.apply("reader", &reader(COUNTS)).await?;
    stage.rows_agree(10).await?;
    let deleted = stage.engine.own("DELETE", "pipelines/learner", "").await?;
    anyhow::ensure!(deleted.status < 300, "{deleted:?}");
    eventually("it is told", || async {
        let status = stage.engine.status("reader").await;
        status.is_ok_and(|status| {
            let reason = status["reason"].as_str().unwrap_or_default();
            status["state"] == "degraded" && reason.contains("pipeline learner is not there")
        })
    })
    .await?;
    assert_eq!(stage.rows_of_reader().await?.len(), 10, "the rows of before stay");
    let anew = LEARNER.replace("key: { json: /user } }", "key: { json: /user }, start: new }");
    stage.engine.apply("learner", &anew).await?;
    stage.publish_users("shop.events.seen", 20, 23).await?;
    stage.rows_agree(3).await?;
    // A revision that drops what is read is told whom it concerns.
    let without = anew.replace("name: probe,", "name: other,");
    let answer = stage.engine.own("PUT", "pipelines/learner", without).await?;
    anyhow::ensure!(answer.status < 300, "{answer:?}");
    assert!(
        answer.text.contains("table counts of pipeline reader"),
        "{}",
        answer.text
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_followed_is_refused_at_its_place() -> anyhow::Result<()> {
    let stage = Stage::set().await?;
    let told = stage.refused_reader(COUNTS).await?;
    assert!(told.contains("tables.counts.pipeline"), "{told}");
    assert!(told.contains("apply it first"), "{told}");
    stage.engine.apply("learner", LEARNER).await?;
    for (table, place, way_out) in [
        (
            "pipeline: learner, state: nobody",
            "tables.counts.state",
            "it has: probe",
        ),
        (
            "pipeline: learner, vectors: items",
            "tables.counts.vectors",
            "no collection",
        ),
        (
            "pipeline: reader, state: probe",
            "tables.counts.pipeline",
            "itself",
        ),
        ("pipeline: learner", "tables.counts", "state: STEP"),
    ] {
        let told = stage.refused_reader(table).await?;
        assert!(told.contains(place) && told.contains(way_out), "{table}: {told}");
    }
    Ok(())
}
