//! Who goes on with a change is whoever is alive: an engine that dies in the middle of one and never comes back is
//! not waited for.

use anyhow::Context as _;
use tailrace_tests::{
    cluster::{Cluster, eventually},
    cut::OpenRequest,
    engine::{Engine, Launch, OPERATOR},
    inventory,
    tenant::Tenant,
};

use super::{at_rest, begins_from_nothing, counting_from_now};

/// Two engines, of which the first ends at this point.
async fn set(point: &str) -> anyhow::Result<(Cluster, [Engine; 2], [tempfile::TempDir; 2])> {
    let cluster = Cluster::start().await?;
    let folders = [tempfile::tempdir()?, tempfile::tempdir()?];
    let launch = Launch::on(&cluster).with("TAILRACE_ENGINES__RENEW_EVERY", "300ms");
    let second = Engine::start_with(&launch, folders[1].path()).await?;
    cluster.stream("SHOP", &["shop.events.>"]).await?;
    second.upload("probe", "tailrace_test_guest").await?;
    let first = launch.with("TAILRACE_FAIL_AT", &format!("{point}:1"));
    let first = Engine::start_with(&first, folders[0].path()).await?;
    Ok((cluster, [first, second], folders))
}

/// Asks the first engine, which dies of it.
async fn ask(first: &mut Engine, line: (&str, &str), token: &str, body: &str) -> anyhow::Result<()> {
    let request = OpenRequest::send(first, line, token, body.as_bytes()).await?;
    let answer = request.status().await;
    anyhow::ensure!(answer.is_err(), "it was answered {answer:?}");
    first.kill();
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn another_engine_makes_what_one_that_is_gone_was_making() -> anyhow::Result<()> {
    let (cluster, [mut first, second], _folders) = set("create-stream-made").await?;
    let shop = Tenant::shop(&second);
    let path = shop.path("pipelines/p");
    ask(&mut first, ("PUT", &path), &shop.token, &counting_from_now("p")).await?;
    begins_from_nothing(&cluster, &second, "p")
        .await
        .with_context(|| second.log())?;
    shop.delete(&second, "p").await
}

#[tokio::test(flavor = "multi_thread")]
async fn another_engine_deletes_what_one_that_is_gone_was_deleting() -> anyhow::Result<()> {
    let (cluster, [mut first, second], _folders) = set("delete-stream-gone").await?;
    let shop = Tenant::shop(&second);
    shop.apply(&second, "p", &counting_from_now("p")).await?;
    eventually("it runs, on either engine", || async {
        let states = [&first, &second].map(async |engine| shop.status(engine, "p").await["state"].clone());
        let [one, other] = states;
        one.await == "running" || other.await == "running"
    })
    .await?;
    let path = shop.path("pipelines/p");
    ask(&mut first, ("DELETE", &path), &shop.token, "").await?;
    shop.is_without(&second, "p").await?;
    shop.apply(&second, "p", &counting_from_now("p")).await?;
    begins_from_nothing(&cluster, &second, "p").await
}

#[tokio::test(flavor = "multi_thread")]
async fn another_engine_ends_a_tenant_that_one_that_is_gone_was_ending() -> anyhow::Result<()> {
    let (cluster, [mut first, second], _folders) = set("tenant-tokens-gone").await?;
    let expected = at_rest(&cluster).await?;
    let brief = Tenant::make(&second, "brief").await?;
    brief.upload(&second, "chatty", "examples/chatty").await?;
    // Both engines may delete it, and the second must not be done before the first has died of it.
    second.pause()?;
    ask(&mut first, ("DELETE", "/v1/tenants/brief"), OPERATOR, "").await?;
    second.resume()?;
    eventually("the tenant is gone", || async {
        let known = second.ask("GET", "/v1/tenants/brief", OPERATOR, "").await;
        known.is_ok_and(|known| known.status == 404)
    })
    .await
    .with_context(|| second.log())?;
    inventory::all_is_owned(&cluster, &second, &expected).await
}
