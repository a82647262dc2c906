//! Two engines on one cluster: they share the partitions, either answers for both, and one that ends
//! or dies leaves its share to the other.

use anyhow::Context as _;
use serde_json::{Value, json};
use tailrace_tests::{
    cluster::{Cluster, eventually},
    engine::{Engine, Launch, OPERATOR},
    files,
};

use crate::probe;

/// Renews often, so that a death is noticed within a second or two.
fn launch(cluster: &Cluster) -> Launch {
    Launch::on(cluster).with("TAILRACE_ENGINES__RENEW_EVERY", "300ms")
}

/// Partitions of the pipeline that run on this engine.
async fn own(engine: &Engine) -> Vec<u64> {
    let status = engine.status("shared").await.unwrap_or_default();
    let partitions = status["partitions"].as_array().cloned().unwrap_or_default();
    let own = partitions.iter().filter(|partition| partition["owner"].is_null());
    own.filter_map(|partition| partition["partition"].as_u64())
        .collect()
}

async fn share(first: &Engine, second: &Engine) -> anyhow::Result<()> {
    eventually("each engine has a share, and together they have all", || async {
        let (mine, theirs) = (own(first).await, own(second).await);
        let mut all = [mine.clone(), theirs.clone()].concat();
        all.sort_unstable();
        !mine.is_empty() && !theirs.is_empty() && all == (0..16).collect::<Vec<_>>()
    })
    .await
    .with_context(|| format!("{}\n---\n{}", first.log(), second.log()))
}

fn events(users: std::ops::Range<u64>) -> impl Iterator<Item = String> {
    users.map(|user| json!({ "user": format!("u{user}"), "do": "count" }).to_string())
}

async fn counts(engine: &Engine) -> Vec<u64> {
    let found = engine
        .own(
            "GET",
            "pipelines/shared/steps/probe/state?prefix=u&limit=1000",
            "",
        )
        .await;
    let entries = found.map(|answer| answer.body).unwrap_or_default();
    let entries = entries.as_array().cloned().unwrap_or_default();
    entries
        .iter()
        .filter_map(|entry| entry["value"].as_u64())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn two_engines_share_a_pipeline_and_either_answers_for_both() -> anyhow::Result<()> {
    let cluster = Cluster::start().await?;
    let folders = (tempfile::tempdir()?, tempfile::tempdir()?);
    let first = Engine::start_with(&launch(&cluster), folders.0.path()).await?;
    cluster.stream("SHOP", &["shop.events.>"]).await?;
    first.upload("probe", "tailrace_test_guest").await?;
    first.apply("shared", &probe("shared", 16, "")).await?;
    cluster.publish("shop.events.x", events(0..200)).await?;
    first.caught_up("shared", 200).await?;

    let mut second = Engine::start_with(&launch(&cluster), folders.1.path()).await?;
    share(&first, &second).await?;
    cluster.publish("shop.events.x", events(0..200)).await?;
    for engine in [&first, &second] {
        eventually("every user counts 2, wherever one asks", || async {
            counts(engine).await == vec![2; 200]
        })
        .await
        .with_context(|| format!("{}\n---\n{}", first.log(), second.log()))?;
        let one: Value = engine
            .own("GET", "pipelines/shared/steps/probe/state/u17", "")
            .await?
            .body;
        assert_eq!(one, 2);
    }

    second.kill();
    eventually("the engine that is left takes all over", || async {
        own(&first).await.len() == 16
    })
    .await
    .with_context(|| first.log())?;
    cluster.publish("shop.events.x", events(0..200)).await?;
    eventually("every user counts 3", || async {
        counts(&first).await == vec![3; 200]
    })
    .await
    .with_context(|| first.log())?;
    let outputs = cluster.read("TR_shop_shared", "shop.shared.*").await?;
    assert_eq!(
        outputs.len(),
        600,
        "each event has one output, whoever processed it"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_work_queue_has_one_reader_and_the_other_engine_stands_by() -> anyhow::Result<()> {
    use tailrace_nats::async_nats::jetstream::stream::{Config, RetentionPolicy};
    let cluster = Cluster::start().await?;
    let folders = (tempfile::tempdir()?, tempfile::tempdir()?);
    let first = Engine::start_with(&launch(&cluster), folders.0.path()).await?;
    let config = Config {
        name: "SHOP".to_owned(),
        subjects: vec!["shop.events.>".to_owned()],
        retention: RetentionPolicy::WorkQueue,
        ..Config::default()
    };
    cluster.jetstream.create_stream(config).await?;
    first.upload("probe", "tailrace_test_guest").await?;
    first.apply("shared", &probe("shared", 4, "")).await?;
    let second = Engine::start_with(&launch(&cluster), folders.1.path()).await?;
    eventually("one engine has all partitions, the other none", || async {
        let mut shares = [own(&first).await.len(), own(&second).await.len()];
        shares.sort_unstable();
        shares == [0, 4]
    })
    .await
    .with_context(|| format!("{}\n---\n{}", first.log(), second.log()))?;
    cluster.publish("shop.events.x", events(0..50)).await?;
    eventually("all is processed once and acknowledged", || async {
        let left = cluster
            .jetstream
            .get_stream("SHOP")
            .await
            .map(|stream| stream.cached_info().state.messages);
        let outputs = cluster.read("TR_shop_shared", "shop.shared.*").await;
        left.is_ok_and(|left| left == 0) && outputs.is_ok_and(|outputs| outputs.len() == 50)
    })
    .await
    .with_context(|| format!("{}\n---\n{}", first.log(), second.log()))
}

/// Each engine has the part of a tenant's limit that its partitions are of all. Counted, not timed: the window is
/// a day, so that what was let through is all that there was room for.
#[tokio::test(flavor = "multi_thread")]
async fn two_engines_together_let_through_what_the_tenant_may_have_and_no_more() -> anyhow::Result<()> {
    const LIMIT: usize = 160;
    let cluster = Cluster::start().await?;
    let folders = (tempfile::tempdir()?, tempfile::tempdir()?);
    let first = Engine::start_with(&launch(&cluster), folders.0.path()).await?;
    cluster.stream("SHOP", &["shop.events.>"]).await?;
    first.upload("probe", "tailrace_test_guest").await?;
    first.apply("shared", &probe("shared", 16, "")).await?;
    let second = Engine::start_with(&launch(&cluster), folders.1.path()).await?;
    share(&first, &second).await?;
    let rates = |rates: Value| {
        let wish = json!({ "read": ["shop.>"], "write": ["shop.>"], "quotas": { "rates": rates } });
        let first = &first;
        async move {
            let answer = first
                .ask("PUT", "/v1/tenants/shop", OPERATOR, wish.to_string())
                .await?;
            anyhow::ensure!(answer.status == 200, "{answer:?}");
            anyhow::Ok(())
        }
    };
    // What a change of the registry says is at work before what a later one says: when the pipeline goes on, so
    // does the limit.
    let said = async |what: &str| {
        let done = first.own("POST", &format!("pipelines/shared/{what}"), "").await?;
        anyhow::ensure!(done.status == 204, "{done:?}");
        anyhow::Ok(())
    };
    said("pause").await?;
    rates(json!({ "events": { "limit": LIMIT, "per": "24h", "window": "fixed" } })).await?;
    cluster.publish("shop.events.x", events(0..2_000)).await?;
    said("resume").await?;
    for engine in [&first, &second] {
        eventually("the engine holds back what it has no room for", || async {
            let status = engine.status("shared").await.unwrap_or_default();
            status["limited"]["by"] == "tenant-events"
        })
        .await
        .with_context(|| engine.log())?;
    }
    let through = || async {
        cluster
            .read("TR_shop_shared", "shop.shared.>")
            .await
            .map(|done| done.len())
    };
    let logs = || format!("{}\n---\n{}", first.log(), second.log());
    eventually("all that there is room for is let through", || async {
        through().await.is_ok_and(|done| done == LIMIT)
    })
    .await
    .with_context(logs)?;

    // As many events of another tenant, which has no limit, go through both engines meanwhile.
    let bank = first.tenant("bank", &["bank.>"]).await?;
    cluster.stream("BANK", &["bank.events.>"]).await?;
    let say = async |path: &str, body: Vec<u8>| {
        let done = first
            .ask("PUT", &format!("/v1/tenants/bank/{path}"), &bank, body)
            .await?;
        anyhow::ensure!(done.status < 300, "{done:?}");
        anyhow::Ok(())
    };
    say(
        "plugins/probe/versions/1.0.0",
        files::plugin("tailrace_test_guest")?,
    )
    .await?;
    say(
        "pipelines/free",
        probe("free", 16, "").replace("shop.", "bank.").into(),
    )
    .await?;
    cluster.publish("bank.events.x", events(0..2_000)).await?;
    eventually("the other tenant's events are through", || async {
        let done = cluster.read("TR_bank_free", "bank.free.>").await;
        done.is_ok_and(|done| done.len() == 2_000)
    })
    .await
    .with_context(logs)?;
    assert_eq!(
        through().await?,
        LIMIT,
        "and not one of the tenant's that is over its limit"
    );

    rates(json!({})).await?;
    eventually("without a limit everything is through, once", || async {
        through().await.is_ok_and(|done| done == 2_000)
    })
    .await
    .with_context(|| format!("{}\n---\n{}", first.log(), second.log()))
}
