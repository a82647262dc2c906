//! What belongs to nobody is cleared away, however much it is and whatever made it.

use anyhow::Context as _;
use serde_json::{Value, json};
use tailrace_tests::{cluster::eventually, engine::OPERATOR, inventory, tenant::Tenant};

use super::{at_rest, begins_from_nothing, counting_from_now};
use crate::Stage;

/// More than one tenant may have under way at once.
const MANY: usize = 40;
/// A life that no tenant has any more.
const ENDED: &str = "0123456789abcdef0123456789abcdef";

#[tokio::test(flavor = "multi_thread")]
async fn entries_that_a_gone_tenant_left_are_cleared_away_however_many_they_are() -> anyhow::Result<()> {
    let mut stage = Stage::set().await?;
    let shop = Tenant::shop(&stage.engine);
    let expected = at_rest(&stage.cluster).await?;
    shop.apply(&stage.engine, "p", &counting_from_now("p")).await?;
    let registry = stage.cluster.jetstream.get_key_value("tailrace_registry").await?;
    let entry = registry.get("pipeline.shop.p").await?.context("no entry")?;
    let mut entry: Value = serde_json::from_slice(&entry)?;
    entry["tenant_life"] = json!(ENDED);
    // An engine that died while others were made for a tenant that was being deleted.
    stage.engine.kill();
    for tenant in ["gone", "shop"] {
        // Whoever orders the end of a tenant leaves this mark.
        registry.delete(format!("ended.{tenant}.{ENDED}")).await?;
    }
    for number in 0..MANY {
        entry["life"] = json!(format!("{:032x}", number + 1));
        for tenant in ["gone", "shop"] {
            let key = format!("pipeline.{tenant}.left-{number}");
            registry.put(key, entry.to_string().into()).await?;
        }
    }
    stage
        .engine
        .restart(&tailrace_tests::engine::Launch::on(&stage.cluster))?;
    stage.engine.ready().await?;
    eventually("nothing of a tenant that is gone is there", || async {
        let mut left = 0;
        for number in 0..MANY {
            for tenant in ["gone", "shop"] {
                let key = format!("pipeline.{tenant}.left-{number}");
                left += usize::from(!matches!(registry.get(key).await, Ok(None)));
            }
        }
        left == 0
    })
    .await
    .with_context(|| stage.engine.log())?;
    // The names are free, for a tenant of the name, too.
    shop.apply(&stage.engine, "left-0", &counting_from_now("left-0"))
        .await?;
    begins_from_nothing(&stage.cluster, &stage.engine, "left-0").await?;
    shop.delete(&stage.engine, "left-0").await?;
    shop.delete(&stage.engine, "p").await?;
    inventory::all_is_owned(&stage.cluster, &stage.engine, &expected).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_an_ended_life_left_is_never_taken_for_ones_own() -> anyhow::Result<()> {
    let stage = Stage::set().await?;
    let shop = Tenant::shop(&stage.engine);
    let expected = at_rest(&stage.cluster).await?;
    shop.apply(&stage.engine, "p", &counting_from_now("p")).await?;
    begins_from_nothing(&stage.cluster, &stage.engine, "p").await?;
    // As if the deletion had been cut before the stream: its entries go, and the stream stays as it is.
    let registry = stage.cluster.jetstream.get_key_value("tailrace_registry").await?;
    for key in ["pipeline.shop.p", "revision.shop.p.1"] {
        registry.purge(key).await?;
    }
    shop.is_without(&stage.engine, "p").await?;
    let left = stage.cluster.jetstream.get_stream("TR_shop_p").await?;
    assert!(left.cached_info().state.messages > 1, "it holds what it held");
    shop.apply(&stage.engine, "p", &counting_from_now("p")).await?;
    begins_from_nothing(&stage.cluster, &stage.engine, "p").await?;
    shop.delete(&stage.engine, "p").await?;
    inventory::all_is_owned(&stage.cluster, &stage.engine, &expected).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_no_engine_made_is_left_alone_and_named() -> anyhow::Result<()> {
    let stage = Stage::set().await?;
    let shop = Tenant::shop(&stage.engine);
    stage.cluster.stream("TR_shop_p", &["elsewhere.>"]).await?;
    stage.cluster.publish("elsewhere.x", ["somebody's"]).await?;
    let path = ("PUT", "pipelines/p");
    let refused = shop.ask(&stage.engine, path, counting_from_now("p")).await?;
    assert_eq!(refused.status, 409, "{refused:?}");
    assert!(refused.text.contains("TR_shop_p"), "{refused:?}");
    shop.is_without(&stage.engine, "p").await?;
    let theirs = stage.cluster.read("TR_shop_p", "elsewhere.x").await?;
    assert_eq!(theirs.len(), 1, "what is somebody's stays");
    // When that has gone, the name is free.
    stage.cluster.jetstream.delete_stream("TR_shop_p").await?;
    shop.apply(&stage.engine, "p", &counting_from_now("p")).await?;
    begins_from_nothing(&stage.cluster, &stage.engine, "p").await
}

/// Kinds of what the doctor finds, and what each is about.
async fn findings(stage: &Stage) -> anyhow::Result<Vec<(String, String)>> {
    let seen = stage.engine.ask("GET", "/v1/doctor", OPERATOR, "").await?;
    let findings = seen.body["findings"].as_array().context("no findings")?.clone();
    let text = |finding: &Value, field: &str| finding[field].as_str().unwrap_or_default().to_owned();
    let found = findings.iter();
    Ok(found
        .map(|finding| (text(finding, "kind"), text(finding, "what")))
        .collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_version_whose_bytes_are_lost_is_told_and_mended_by_the_same_upload() -> anyhow::Result<()> {
    use futures::TryStreamExt as _;
    let stage = Stage::set().await?;
    let nothing = Vec::<(String, String)>::new();
    assert_eq!(findings(&stage).await?, nothing);
    let bucket = stage
        .cluster
        .jetstream
        .get_object_store("tailrace_plugins")
        .await?;
    let objects: Vec<_> = bucket.list().await?.try_collect().await?;
    for object in objects {
        bucket.delete(object.name).await?;
    }
    let lost = ("lost-component".to_owned(), "shop/probe@1.0.0".to_owned());
    assert_eq!(findings(&stage).await?, [lost]);
    stage.engine.upload("probe", "tailrace_test_guest").await?;
    assert_eq!(findings(&stage).await?, nothing);
    Ok(())
}
