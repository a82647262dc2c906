//! A tenant that is deleted, with everything that is made for it at the same moment; and one that is made anew
//! under its name.

use std::time::Duration;

use anyhow::Context as _;
use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use serde_json::Value;
use tailrace_tests::{
    cluster::eventually,
    engine::{Engine, OPERATOR},
    files,
    inventory::{self, Expected},
    tenant::Tenant,
};

use super::{at_rest, counting_from_now, event};
use crate::Stage;

const SEED: u64 = 20_261_128;
/// The deletion comes this much later than the rest, in milliseconds, at most.
const LATER_MS: u64 = 60;
/// Pipelines that are applied while their tenant is deleted.
const AT_ONCE: usize = 6;

fn spec(name: &str) -> String {
    counting_from_now(name).replace("shop.", "brief.")
}

/// A tenant with a plugin, which reads what comes to `brief.events`.
async fn brief(stage: &Stage) -> anyhow::Result<Tenant> {
    let brief = Tenant::make(&stage.engine, "brief").await?;
    brief
        .upload(&stage.engine, "probe", "tailrace_test_guest")
        .await?;
    Ok(brief)
}

async fn stage_with_brief() -> anyhow::Result<(Stage, Expected)> {
    let stage = Stage::set().await?;
    let mut expected = at_rest(&stage.cluster).await?;
    stage.cluster.stream("BRIEF", &["brief.events.>"]).await?;
    expected.streams.push("BRIEF".to_owned());
    Ok((stage, expected))
}

async fn delete_brief(engine: &Engine) -> anyhow::Result<u16> {
    Ok(engine
        .ask("DELETE", "/v1/tenants/brief", OPERATOR, "")
        .await?
        .status)
}

/// A tenant of the name begins from nothing: none of the old one's things, none of its rights, and at once all
/// that a new one may do.
async fn brief_begins_anew(stage: &Stage, old: &Tenant) -> anyhow::Result<()> {
    let engine = &stage.engine;
    let new = Tenant::make(engine, "brief").await?;
    let refused = old.ask(engine, ("GET", "pipelines"), "").await?;
    anyhow::ensure!(refused.status == 401, "an old token opens it: {refused:?}");
    for path in ["pipelines", "plugins"] {
        let list = new.ask(engine, ("GET", path), "").await?;
        anyhow::ensure!(list.body == Value::Array(Vec::new()), "{path}: {list:?}");
    }
    let log = new.ask(engine, ("GET", "audit"), "").await?.body;
    let log = log.as_array().cloned().unwrap_or_default();
    let actions: Vec<_> = log.iter().map(|record| record["action"].clone()).collect();
    anyhow::ensure!(
        actions == ["token-made", "tenant-put"],
        "it reads of another: {log:#?}"
    );
    new.upload(engine, "probe", "tailrace_test_guest").await?;
    new.apply(engine, "p-0", &spec("p-0")).await?;
    new.comes_to(engine, "p-0", "running").await?;
    stage.cluster.publish("brief.events.x", [event("u")]).await?;
    eventually("it counts its first event", || async {
        let counts = new.counts(engine, "p-0").await;
        counts.is_ok_and(|counts| counts == [("u".to_owned(), 1)])
    })
    .await
    .with_context(|| engine.log())?;
    new.delete(engine, "p-0").await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_made_anew_reads_of_itself_alone_and_an_operator_reads_of_both() -> anyhow::Result<()> {
    let (stage, _) = stage_with_brief().await?;
    let engine = &stage.engine;
    let old = brief(&stage).await?;
    old.apply(engine, "secret-plans", &spec("secret-plans")).await?;
    old.delete(engine, "secret-plans").await?;
    assert_eq!(delete_brief(engine).await?, 204);
    let new = brief(&stage).await?;
    let own = new.ask(engine, ("GET", "audit?limit=500"), "").await?;
    assert!(!own.text.contains("secret-plans"), "{own:?}");
    let own = own.body.as_array().cloned().unwrap_or_default();
    let lives: std::collections::BTreeSet<_> = own
        .iter()
        .map(|record| record["tenant_life"].to_string())
        .collect();
    assert_eq!((own.len(), lives.len()), (3, 1), "{own:#?}");
    // In pages as well, for what is left out must not end the list early.
    let page = new.ask(engine, ("GET", "audit?limit=1"), "").await?.body;
    let sequence = page[0]["sequence"].as_u64().unwrap_or_default();
    let path = format!("audit?limit=2&before={sequence}");
    let rest = new.ask(engine, ("GET", &path), "").await?.body;
    assert_eq!(rest.as_array().map(Vec::len), Some(2), "{rest}");

    let all = engine
        .ask("GET", "/v1/tenants/brief/audit?limit=500", OPERATOR, "")
        .await?;
    let puts: Vec<_> = all.body.as_array().into_iter().flatten().collect();
    let puts = puts.iter().filter(|record| record["action"] == "tenant-put");
    assert_eq!(puts.count(), 2, "{all:?}");
    assert!(all.text.contains("secret-plans"), "{all:?}");
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_made_for_a_tenant_while_it_is_deleted_goes_with_it_or_keeps_it() -> anyhow::Result<()> {
    let (stage, expected) = stage_with_brief().await?;
    let engine = &stage.engine;
    let mut random = StdRng::seed_from_u64(SEED);
    let mut deleted_in_between = 0;
    for round in 0..8 {
        let brief = brief(&stage).await?;
        let later = Duration::from_millis(random.random_range(0..LATER_MS));
        let deletion = async {
            tokio::time::sleep(later).await;
            delete_brief(engine).await
        };
        let pipelines = (0..AT_ONCE).map(|number| {
            let (name, brief) = (format!("p-{number}"), &brief);
            let path = format!("pipelines/{name}");
            async move { brief.ask(engine, ("PUT", &path), spec(&name)).await }
        });
        let upload = async {
            let path = format!("plugins/probe/versions/2.0.{round}");
            let guest = files::plugin("examples/chatty")?;
            brief.ask(engine, ("PUT", &path), guest).await
        };
        let token = brief.ask(engine, ("POST", "tokens"), "");
        let (deleted, applied, uploaded, made) =
            tokio::join!(deletion, futures::future::join_all(pipelines), upload, token);
        let applied: Vec<_> = applied.into_iter().collect::<Result<_, _>>()?;
        let (deleted, others) = (deleted?, [uploaded?, made?]);
        for answer in applied.iter().chain(&others) {
            assert!(
                matches!(answer.status, 200 | 201 | 401 | 404 | 409 | 422),
                "{answer:?}"
            );
        }
        if deleted == 204 {
            deleted_in_between += 1;
            // Nothing goes on working for a tenant that is gone, whatever was accepted a moment before.
            for path in ["pipelines", "plugins", "tokens"] {
                let path = format!("/v1/tenants/brief/{path}");
                let list = engine.ask("GET", &path, OPERATOR, "").await?;
                assert_eq!(list.status, 404, "{path}: {list:?}");
            }
        } else {
            assert_eq!(deleted, 409, "it has pipelines");
            for number in 0..AT_ONCE {
                let path = format!("pipelines/p-{number}");
                brief
                    .ask_until(engine, ("DELETE", &path), "", &[204, 404])
                    .await?;
            }
            assert_eq!(delete_brief(engine).await?, 204);
        }
        inventory::all_is_owned(&stage.cluster, engine, &expected).await?;
        brief_begins_anew(&stage, &brief).await?;
        assert_eq!(delete_brief(engine).await?, 204);
    }
    println!("deleted while things were made for it: {deleted_in_between} of 8");
    inventory::all_is_owned(&stage.cluster, engine, &expected).await
}
