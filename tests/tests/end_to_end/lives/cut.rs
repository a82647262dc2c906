//! A change that several places see is done, or was never begun, whatever is cut in the middle of it: the client's
//! connection, the engine, the broker. And what is made anew of that name begins from nothing.

use std::time::Duration;

use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use tailrace_tests::{cut::OpenRequest, engine::Launch, inventory, tenant::Tenant};

use super::{at_rest, begins_from_nothing, counting_from_now, event};
use crate::Stage;

/// A request is cut within this, in milliseconds: longer than most take.
const CUT_WITHIN_MS: u64 = 80;
const SEED: u64 = 20_261_128;

async fn begin(stage: &Stage, method: &str, body: &str) -> anyhow::Result<OpenRequest> {
    let shop = Tenant::shop(&stage.engine);
    let path = shop.path("pipelines/p");
    OpenRequest::send(&stage.engine, (method, &path), &shop.token, body.as_bytes()).await
}

/// The broker and the engine as they are at rest, with a pipeline that has an ended life behind it.
async fn set() -> anyhow::Result<(Stage, Tenant, inventory::Expected)> {
    let stage = Stage::set().await?;
    let shop = Tenant::shop(&stage.engine);
    let expected = at_rest(&stage.cluster).await?;
    // What came before must be seen by none that is made with `start: new`.
    stage
        .cluster
        .publish("shop.events.x", [event("before"), event("u")])
        .await?;
    Ok((stage, shop, expected))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deletion_whose_client_goes_away_at_any_moment_is_done_all_the_same() -> anyhow::Result<()> {
    let (stage, shop, expected) = set().await?;
    let mut random = StdRng::seed_from_u64(SEED);
    for _ in 0..25 {
        shop.apply(&stage.engine, "p", &counting_from_now("p")).await?;
        begins_from_nothing(&stage.cluster, &stage.engine, "p").await?;
        let patience = Duration::from_millis(random.random_range(0..CUT_WITHIN_MS));
        begin(&stage, "DELETE", "").await?.cut_after(patience).await;
        // A connection that is closed at once may take its request along before the engine has read it.
        shop.ask_until(&stage.engine, ("DELETE", "pipelines/p"), "", &[204, 404])
            .await?;
        shop.is_without(&stage.engine, "p").await?;
    }
    inventory::all_is_owned(&stage.cluster, &stage.engine, &expected).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_creation_whose_client_goes_away_at_any_moment_leaves_nothing_that_nobody_can_delete()
-> anyhow::Result<()> {
    let (stage, shop, expected) = set().await?;
    let mut random = StdRng::seed_from_u64(SEED + 1);
    let mut made = 0;
    for _ in 0..25 {
        let patience = Duration::from_millis(random.random_range(0..CUT_WITHIN_MS));
        begin(&stage, "PUT", &counting_from_now("p"))
            .await?
            .cut_after(patience)
            .await;
        // Either it was begun, and then it is there and works; or it never was, and then nothing is.
        let spec = counting_from_now("p");
        let there = shop
            .ask_until(&stage.engine, ("PUT", "pipelines/p"), &spec, &[200])
            .await?;
        made += u32::from(there.body["changed"] == false);
        begins_from_nothing(&stage.cluster, &stage.engine, "p").await?;
        shop.delete(&stage.engine, "p").await?;
    }
    assert!(made > 0, "none of the requests was cut after it had begun");
    inventory::all_is_owned(&stage.cluster, &stage.engine, &expected).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_engine_was_doing_when_it_was_killed_it_does_when_it_is_back() -> anyhow::Result<()> {
    let (mut stage, shop, expected) = set().await?;
    let launch = Launch::on(&stage.cluster);
    let mut random = StdRng::seed_from_u64(SEED + 2);
    for method in ["DELETE", "PUT"].repeat(3) {
        if method == "DELETE" {
            shop.apply(&stage.engine, "p", &counting_from_now("p")).await?;
            begins_from_nothing(&stage.cluster, &stage.engine, "p").await?;
        }
        let body = counting_from_now("p");
        let request = begin(&stage, method, if method == "PUT" { &body } else { "" }).await?;
        let patience = Duration::from_millis(random.random_range(0..CUT_WITHIN_MS));
        request.cut_after(patience).await;
        stage.engine.restart(&launch)?;
        stage.engine.ready().await?;
        end_and_begin_anew(&stage, &shop).await?;
    }
    inventory::all_is_owned(&stage.cluster, &stage.engine, &expected).await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_engine_was_doing_when_its_broker_was_killed_it_does_when_that_is_back() -> anyhow::Result<()>
{
    let (mut stage, shop, expected) = set().await?;
    let mut random = StdRng::seed_from_u64(SEED + 3);
    for method in ["DELETE", "PUT"].repeat(3) {
        if method == "DELETE" {
            shop.apply(&stage.engine, "p", &counting_from_now("p")).await?;
            begins_from_nothing(&stage.cluster, &stage.engine, "p").await?;
        }
        let body = counting_from_now("p");
        let request = begin(&stage, method, if method == "PUT" { &body } else { "" }).await?;
        let patience = Duration::from_millis(random.random_range(0..CUT_WITHIN_MS));
        tokio::time::sleep(patience).await;
        stage.cluster.restart().await?;
        drop(request);
        stage.engine.ready().await?;
        end_and_begin_anew(&stage, &shop).await?;
    }
    inventory::all_is_owned(&stage.cluster, &stage.engine, &expected).await
}

/// Whatever became of the request: the pipeline can be deleted, and another one made that begins from nothing.
async fn end_and_begin_anew(stage: &Stage, shop: &Tenant) -> anyhow::Result<()> {
    let engine = &stage.engine;
    for _ in 0..2 {
        shop.ask_until(engine, ("DELETE", "pipelines/p"), "", &[204, 404])
            .await?;
        shop.is_without(engine, "p").await?;
        shop.ask_until(engine, ("PUT", "pipelines/p"), &counting_from_now("p"), &[200])
            .await?;
        begins_from_nothing(&stage.cluster, engine, "p").await?;
    }
    shop.delete(engine, "p").await
}
