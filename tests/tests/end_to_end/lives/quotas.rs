//! A quota holds for any number of requests at the same moment, and lets through as many as it allows.

use serde_json::json;
use tailrace_tests::{files, http::Answer, inventory, tenant::Tenant};

use super::{at_rest, counting_from_now};
use crate::{Stage, probe};

const AT_ONCE: usize = 20;

async fn quotas(stage: &Stage, quotas: serde_json::Value) -> anyhow::Result<Tenant> {
    let shop = Tenant::shop(&stage.engine);
    let wish = json!({ "read": ["shop.>"], "write": ["shop.>"], "quotas": quotas });
    shop.change(&stage.engine, wish).await?;
    Ok(shop)
}

/// How many were let through; all others must say that the quota is used up.
fn let_through(answers: Vec<anyhow::Result<Answer>>) -> anyhow::Result<usize> {
    let mut accepted = 0;
    for answer in answers {
        let answer = answer?;
        if answer.status < 300 {
            accepted += 1;
        } else {
            anyhow::ensure!(answer.body["code"] == "quota-exceeded", "{answer:?}");
        }
    }
    Ok(accepted)
}

async fn listed(stage: &Stage, what: &str) -> anyhow::Result<Vec<String>> {
    let shop = Tenant::shop(&stage.engine);
    let list = shop.ask(&stage.engine, ("GET", what), "").await?.body;
    let names = list.as_array().cloned().unwrap_or_default();
    let name = |known: &serde_json::Value| known["name"].as_str().map(str::to_owned);
    Ok(names.iter().filter_map(name).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_applies_at_once_make_as_many_pipelines_as_the_quota_allows() -> anyhow::Result<()> {
    let stage = Stage::set().await?;
    let expected = at_rest(&stage.cluster).await?;
    let shop = quotas(&stage, json!({ "pipelines": 5 })).await?;
    for _ in 0..2 {
        let applies = (0..AT_ONCE).map(async |number| {
            let name = format!("p-{number}");
            let path = format!("pipelines/{name}");
            shop.ask(&stage.engine, ("PUT", &path), counting_from_now(&name))
                .await
        });
        assert_eq!(let_through(futures::future::join_all(applies).await)?, 5);
        let names = listed(&stage, "pipelines").await?;
        assert_eq!(names.len(), 5, "{names:?}");
        for name in names {
            shop.comes_to(&stage.engine, &name, "running").await?;
        }
        // Those that were refused have left nothing.
        inventory::all_is_owned(&stage.cluster, &stage.engine, &expected).await?;
        for name in listed(&stage, "pipelines").await? {
            shop.delete(&stage.engine, &name).await?;
        }
    }
    inventory::all_is_owned(&stage.cluster, &stage.engine, &expected).await
}

#[tokio::test(flavor = "multi_thread")]
async fn twenty_applies_at_once_take_as_many_partitions_as_the_quota_allows() -> anyhow::Result<()> {
    let stage = Stage::set().await?;
    let expected = at_rest(&stage.cluster).await?;
    let shop = quotas(&stage, json!({ "partitions": 11 })).await?;
    let applies = (0..AT_ONCE).map(async |number| {
        let name = format!("p-{number}");
        let path = format!("pipelines/{name}");
        shop.ask(&stage.engine, ("PUT", &path), probe(&name, 2, "")).await
    });
    // A place of one partition is left, in which none of two fits.
    assert_eq!(let_through(futures::future::join_all(applies).await)?, 5);
    assert_eq!(listed(&stage, "pipelines").await?.len(), 5);
    let last = shop
        .ask(&stage.engine, ("PUT", "pipelines/last"), probe("last", 1, ""))
        .await?;
    assert_eq!(last.status, 200, "{last:?}");
    inventory::all_is_owned(&stage.cluster, &stage.engine, &expected).await
}

#[tokio::test(flavor = "multi_thread")]
async fn uploads_at_once_make_as_many_versions_as_the_quota_allows() -> anyhow::Result<()> {
    let stage = Stage::set().await?;
    let expected = at_rest(&stage.cluster).await?;
    // One is there already.
    let shop = quotas(&stage, json!({ "plugins": 6 })).await?;
    let guest = files::plugin("tailrace_test_guest")?;
    let uploads = (0..AT_ONCE).map(async |number| {
        let path = format!("plugins/probe/versions/2.0.{number}");
        loop {
            let answer = shop.ask(&stage.engine, ("PUT", &path), guest.clone()).await;
            // Few are taken in at once. The others are told to come again, mostly before they have sent all.
            if answer.as_ref().is_ok_and(|answer| answer.status != 429) {
                return answer;
            }
            tokio::time::sleep(std::time::Duration::from_millis(20)).await;
        }
    });
    assert_eq!(let_through(futures::future::join_all(uploads).await)?, 5);
    let versions = shop.ask(&stage.engine, ("GET", "plugins"), "").await?;
    assert_eq!(versions.body.as_array().map(Vec::len), Some(6), "{versions:?}");
    inventory::all_is_owned(&stage.cluster, &stage.engine, &expected).await
}
