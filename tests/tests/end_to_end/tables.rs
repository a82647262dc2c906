//! Tables as a tenant uses them: orders look up the customers of a key-value bucket, through kills of the engine and while
//! the bucket changes; a stream that is made anew is another table; what cannot be a table is refused.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use tailrace_nats::async_nats::jetstream::kv;
use tailrace_tests::{
    cluster::eventually,
    engine::{Launch, OPERATOR},
};

use crate::Stage;

const CUSTOMERS: usize = 200;

fn pipeline(name: &str, scope: &str) -> String {
    format!(
        r#"
name: {name}
partitions: 3
inputs:
  orders: {{ subjects: ["shop.events.order.*"], key: {{ json: /customer }} }}
tables:
  customers: {{ bucket: customers, scope: {scope} }}
joins:
  known: {{ left: orders, right: customers, kind: left }}
output:
  subject: "shop.{name}.{{join}}.{{key}}"
"#
    )
}

/// With a tenant that may read the bucket.
pub(crate) async fn stage() -> anyhow::Result<Stage> {
    let stage = Stage::set().await?;
    let grants = json!({ "read": ["shop.>", "$KV.customers.>"], "write": ["shop.>"] });
    let path = "/v1/tenants/shop";
    let answer = stage
        .engine
        .ask("PUT", path, OPERATOR, grants.to_string())
        .await?;
    anyhow::ensure!(answer.status == 200, "{}", answer.text);
    Ok(stage)
}

pub(crate) async fn bucket(stage: &Stage) -> anyhow::Result<kv::Store> {
    let config = kv::Config {
        bucket: "customers".to_owned(),
        ..kv::Config::default()
    };
    Ok(stage.cluster.jetstream.create_key_value(config).await?)
}

async fn order(stage: &Stage, number: usize, customers: &[usize]) -> anyhow::Result<()> {
    let orders = customers
        .iter()
        .map(|customer| json!({ "customer": format!("c{customer}"), "n": number }).to_string());
    stage.cluster.publish("shop.events.order.new", orders).await
}

/// The tier that each order of this number has found, by customer.
async fn found(stage: &Stage, name: &str, number: usize) -> anyhow::Result<BTreeMap<String, Value>> {
    let path = format!("pipelines/{name}/outputs?from=first&limit=500");
    let answer = stage.engine.own("GET", &path, "").await?;
    let outputs = answer.body["outputs"].as_array().cloned().unwrap_or_default();
    let mut found = BTreeMap::new();
    for output in &outputs {
        let row = &output["value"];
        if row["left"]["n"] == json!(number) {
            let key = row["key"].as_str().unwrap_or_default().to_owned();
            let before = found.insert(key.clone(), row["right"]["tier"].clone());
            anyhow::ensure!(before.is_none(), "{name}: the row of {key} left twice");
        }
    }
    Ok(found)
}

async fn all_found(
    stage: &Stage,
    name: &str,
    number: usize,
    count: usize,
) -> anyhow::Result<BTreeMap<String, Value>> {
    let all = eventually("all orders are told", || async {
        found(stage, name, number)
            .await
            .is_ok_and(|found| found.len() >= count)
    });
    if let Err(cause) = all.await {
        anyhow::bail!("{cause}: {:#}", stage.engine.status(name).await?);
    }
    found(stage, name, number).await
}

/// Waits until the engine has read so much of the table.
pub(crate) async fn read_up(stage: &Stage, name: &str, sequence: u64) -> anyhow::Result<()> {
    eventually("the table is read", || async {
        let status = stage.engine.status(name).await;
        status.is_ok_and(|status| {
            let table = &status["tables"]["customers"];
            table["is_loaded"] == json!(true) && table["read_sequence"].as_u64() >= Some(sequence)
        })
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_find_the_customers_of_a_bucket_though_it_changes_and_the_engine_is_killed()
-> anyhow::Result<()> {
    let mut stage = stage().await?;
    let customers = bucket(&stage).await?;
    let mut last = 0;
    for number in 0..CUSTOMERS {
        let tier = json!({ "tier": number }).to_string();
        last = customers.put(format!("c{number}"), tier.into()).await?;
    }
    let everyone: Vec<_> = (0..CUSTOMERS).collect();
    // They are there before the pipelines, and still no order overtakes the table.
    order(&stage, 1, &everyone).await?;
    for scope in ["everywhere", "partition"] {
        stage.engine.apply(scope, &pipeline(scope, scope)).await?;
    }
    for scope in ["everywhere", "partition"] {
        let found = all_found(&stage, scope, 1, CUSTOMERS).await?;
        for number in &everyone {
            assert_eq!(found[&format!("c{number}")], json!(number), "{scope}");
        }
    }
    stage.engine.kill();
    for number in (0..CUSTOMERS).step_by(2) {
        last = customers
            .put(format!("c{number}"), r#"{"tier":"gold"}"#.into())
            .await?;
    }
    customers.delete("c1").await?;
    last += 1;
    order(&stage, 2, &everyone).await?;
    stage.engine.restart(&Launch::on(&stage.cluster))?;
    stage.engine.ready().await?;
    for scope in ["everywhere", "partition"] {
        let found = all_found(&stage, scope, 2, CUSTOMERS).await?;
        for number in &everyone {
            let expected = match number {
                1 => Value::Null,
                even if even % 2 == 0 => json!("gold"),
                odd => json!(odd),
            };
            assert_eq!(found[&format!("c{number}")], expected, "{scope}");
        }
        read_up(&stage, scope, last).await?;
    }
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bucket_that_is_gone_is_told_and_one_made_anew_is_another_table() -> anyhow::Result<()> {
    let stage = stage().await?;
    let customers = bucket(&stage).await?;
    customers.put("c1", r#"{"tier":"old"}"#.into()).await?;
    customers.put("c2", r#"{"tier":"old"}"#.into()).await?;
    stage.engine.apply("p", &pipeline("p", "everywhere")).await?;
    read_up(&stage, "p", 2).await?;
    stage.cluster.jetstream.delete_key_value("customers").await?;
    eventually("it is told", || async {
        let status = stage.engine.status("p").await;
        status.is_ok_and(|status| {
            let reason = status["reason"].as_str().unwrap_or_default();
            status["state"] == "degraded" && reason.contains("nats kv add customers")
        })
    })
    .await?;
    // The rows of before stay meanwhile.
    order(&stage, 1, &[1]).await?;
    assert_eq!(all_found(&stage, "p", 1, 1).await?["c1"], json!("old"));
    let customers = bucket(&stage).await?;
    customers.put("c2", r#"{"tier":"new"}"#.into()).await?;
    eventually("it is read again", || async {
        let status = stage.engine.status("p").await;
        status.is_ok_and(|status| {
            status["state"] == "running" && status["tables"]["customers"]["read_sequence"] == json!(1)
        })
    })
    .await?;
    order(&stage, 2, &[1, 2]).await?;
    let found = all_found(&stage, "p", 2, 2).await?;
    assert_eq!((&found["c1"], &found["c2"]), (&Value::Null, &json!("new")));
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_cannot_be_a_table_is_refused_and_a_table_in_use_stays() -> anyhow::Result<()> {
    let stage = stage().await?;
    let refused = |text: String, path: &'static str| {
        let stage = &stage;
        async move {
            let answer = stage.engine.own("PUT", "pipelines/p", text).await?;
            anyhow::ensure!(answer.status == 422, "{}", answer.text);
            anyhow::ensure!(answer.text.contains(path), "{path}: {}", answer.text);
            Ok::<_, anyhow::Error>(answer.text)
        }
    };
    let text = pipeline("p", "everywhere");
    let told = refused(text.clone(), "tables.customers.bucket").await?;
    assert!(told.contains("nats kv add customers"), "{told}");
    let foreign = text.replace("bucket: customers", "bucket: invoices");
    let told = refused(foreign, "tables.customers.bucket").await?;
    assert!(told.contains("read grant"), "{told}");
    let other = |table: &str| text.replace("bucket: customers, scope: everywhere", table);
    refused(other("bucket: tailrace_registry"), "tables.customers.bucket").await?;
    refused(other("subjects: [\"nobody.*\"]"), "tables.customers.subjects[0]").await?;
    let stream = json!({ "subjects": ["shop.customers.*"], "newest-only": true });
    let made = stage
        .engine
        .own("PUT", "streams/customers", stream.to_string())
        .await?;
    assert_eq!(made.status, 200, "{}", made.text);
    let own = other("stream: customers, subjects: [\"shop.customers.*\"], key: { subject-token: 3 }");
    stage.engine.apply("p", &own).await?;
    let kept = stage.engine.own("DELETE", "streams/customers", "").await?;
    assert_eq!(kept.status, 409, "{}", kept.text);
    assert!(kept.text.contains("pipeline p"), "{}", kept.text);
    Ok(())
}
