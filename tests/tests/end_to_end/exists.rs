//! What an event names must be a row of a table: the validator looks it up in a bucket that changes, and its rows are
//! seen from outside.

use std::process::Command;

use serde_json::{Value, json};
use tailrace_tests::{cluster::eventually, files};

use crate::{
    Stage,
    tables::{bucket, read_up, stage},
};

const CHECKED: &str = r#"
name: checked
partitions: 1
input: { subjects: ["shop.events.order.*"], key: { json: /n } }
tables:
  customers: { bucket: customers }
steps:
  - name: check
    plugin: validator@1.0.0
    grants: [tables]
    config:
      exists: { table: customers, key: /customer }
output:
  subject: "shop.checked.{key}"
"#;

async fn order(stage: &Stage, number: usize, customer: Value) -> anyhow::Result<()> {
    let order = json!({ "n": number, "customer": customer }).to_string();
    stage.cluster.publish("shop.events.order.new", [order]).await
}

/// The numbers of the orders that were handed on, and of those that were refused for want of a row.
async fn told(stage: &Stage) -> anyhow::Result<(Vec<u64>, Vec<(u64, String)>)> {
    let outputs = stage
        .engine
        .own("GET", "pipelines/checked/outputs?from=first", "");
    let outputs = outputs.await?.body["outputs"].clone();
    let number = |value: &Value| value["n"].as_u64();
    let mut handed_on: Vec<u64> = outputs
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|output| number(&output["value"]))
        .collect();
    handed_on.sort_unstable();
    let letters = stage
        .engine
        .own("GET", "pipelines/checked/dead-letters", "")
        .await?;
    let letters = letters.body.as_array().cloned().unwrap_or_default();
    let mut refused: Vec<_> = letters
        .iter()
        .filter(|letter| letter["code"] == "no-row")
        .map(|letter| {
            let reason = letter["reason"].as_str().unwrap_or_default().to_owned();
            (letter["id"].as_u64().unwrap_or_default(), reason)
        })
        .collect();
    refused.sort();
    Ok((handed_on, refused))
}

async fn comes_to(stage: &Stage, handed_on: &[u64], refused: usize) -> anyhow::Result<Vec<(u64, String)>> {
    let all = eventually("the orders are judged", || async {
        told(stage)
            .await
            .is_ok_and(|(passed, dead)| passed == handed_on && dead.len() == refused)
    });
    let judged = all.await;
    let found = told(stage).await?;
    judged.map_err(|cause| cause.context(format!("{found:?}")))?;
    Ok(found.1)
}

async fn rows(stage: &Stage, query: &str) -> anyhow::Result<Value> {
    let path = format!("pipelines/checked/tables/customers{query}");
    Ok(stage.engine.own("GET", &path, "").await?.body)
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_whose_customer_is_no_row_is_a_dead_letter_until_the_bucket_has_one() -> anyhow::Result<()> {
    let stage = stage().await?;
    stage.engine.upload("validator", "validator").await?;
    let customers = bucket(&stage).await?;
    customers.put("c1", r#"{"tier":"gold"}"#.into()).await?;
    stage.engine.apply("checked", CHECKED).await?;
    read_up(&stage, "checked", 1).await?;
    order(&stage, 1, json!("c1")).await?;
    order(&stage, 2, json!("c9")).await?;
    order(&stage, 3, Value::Null).await?;
    let refused = comes_to(&stage, &[1, 3], 1).await?;
    let (letter, reason) = &refused[0];
    assert_eq!(
        reason,
        r#""/customer" is "c9", and table customers has no such row"#
    );
    let found = rows(&stage, "").await?;
    assert_eq!(found["rows"].as_array().map(Vec::len), Some(1), "{found}");
    assert_eq!(
        (&found["rows"][0]["key"], &found["rows"][0]["value"]),
        (&json!("c1"), &json!({ "tier": "gold" }))
    );

    // The bucket gets the row, and the same order passes.
    customers.put("c9", "{}".into()).await?;
    read_up(&stage, "checked", 2).await?;
    let taken_in = || async {
        rows(&stage, "?key=c9")
            .await
            .is_ok_and(|row| row["rows"][0]["key"] == "c9")
    };
    eventually("the row is committed", taken_in).await?;
    let redrive = format!("pipelines/checked/dead-letters/{letter}/redrive");
    let answer = stage.engine.own("POST", &redrive, "").await?;
    assert_eq!(answer.status, 202, "{}", answer.text);
    comes_to(&stage, &[1, 2, 3], 0).await?;

    // The bucket loses the row, and the next order does not.
    customers.delete("c1").await?;
    let gone = || async {
        rows(&stage, "?key=c1")
            .await
            .is_ok_and(|row| row["code"] == "not-found")
    };
    eventually("the row is gone", gone).await?;
    order(&stage, 4, json!("c1")).await?;
    comes_to(&stage, &[1, 2, 3], 1).await?;
    let scanned = tailrace(
        &stage,
        &["table", "scan", "checked", "customers", "--prefix", "c"],
    )?;
    assert!(scanned.contains("c9") && !scanned.contains("c1"), "{scanned}");
    assert_eq!(
        tailrace(&stage, &["table", "get", "checked", "customers", "c9"])?.trim(),
        "{}"
    );
    let listed = tailrace(&stage, &["table", "list", "checked"])?;
    assert!(
        listed.contains("KV_customers") && listed.contains("to its end"),
        "{listed}"
    );
    Ok(())
}

fn tailrace(stage: &Stage, arguments: &[&str]) -> anyhow::Result<String> {
    let run = Command::new(files::binary()?)
        .args(arguments)
        .env("TAILRACE_URL", stage.engine.url())
        .env("TAILRACE_TOKEN", &stage.engine.token)
        .env("TAILRACE_TENANT", "shop")
        .output()?;
    anyhow::ensure!(
        run.status.success(),
        "{arguments:?}: {}",
        String::from_utf8_lossy(&run.stderr)
    );
    Ok(String::from_utf8(run.stdout)?)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_validator_needs_the_grant_where_it_looks_up_and_only_there() -> anyhow::Result<()> {
    let stage = stage().await?;
    stage.engine.upload("validator", "validator").await?;
    bucket(&stage).await?;
    let refused = |text: String, path: &'static str| {
        let stage = &stage;
        async move {
            let answer = stage.engine.own("PUT", "pipelines/checked", text).await?;
            anyhow::ensure!(answer.status == 422, "{}", answer.text);
            anyhow::ensure!(answer.body["field"] == path, "{path}: {}", answer.text);
            Ok::<_, anyhow::Error>(answer.text)
        }
    };
    let ungranted = CHECKED.replace("    grants: [tables]\n", "");
    let told = refused(ungranted.clone(), "steps[0].grants").await?;
    assert!(told.contains("write grants: [tables]"), "{told}");
    let other = CHECKED.replace("table: customers, key", "table: items, key");
    let told = refused(other, "steps[0].config.exists.table").await?;
    assert!(told.contains("`tables`"), "{told}");
    let looks_up = "exists: { table: customers, key: /customer }";
    let unread = ungranted.replace(looks_up, "schema: { fields: { n: {} } }");
    stage.engine.apply("checked", &unread).await?;
    Ok(())
}

#[test]
fn a_rehearsal_looks_rows_up_in_a_file() -> anyhow::Result<()> {
    let folder = tempfile::tempdir()?;
    let file = |name: &str, text: &str| {
        let path = folder.path().join(name);
        std::fs::write(&path, text).map(|()| path)
    };
    let component = file("validator.wasm", "")?;
    std::fs::write(&component, files::plugin("validator")?)?;
    let config = file("config.yaml", "exists: { table: customers, key: /customer }\n")?;
    let events = file("events.jsonl", "{\"customer\":\"ada\"}\n{\"customer\":\"eve\"}\n")?;
    let rows = file("rows.json", "{\"ada\":{\"tier\":\"gold\"}}")?;
    let run = |table: &[String]| {
        let run = Command::new(files::binary()?)
            .args(["plugin", "test", "--output", "json"])
            .arg(&component)
            .args([
                "--config",
                &config.to_string_lossy(),
                "--events",
                &events.to_string_lossy(),
            ])
            .args(table)
            .output()?;
        let told = format!(
            "{}{}",
            String::from_utf8_lossy(&run.stdout),
            String::from_utf8_lossy(&run.stderr)
        );
        Ok::<_, anyhow::Error>(told)
    };
    let told = run(&["--table".to_owned(), format!("customers={}", rows.display())])?;
    assert!(told.contains("forward") && told.contains("no-row"), "{told}");
    let told = run(&[])?;
    assert!(told.contains("--table NAME=FILE"), "{told}");
    Ok(())
}
