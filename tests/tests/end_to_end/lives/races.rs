//! Two requests for one name at the same moment: whatever both are answered is so afterwards.

use std::time::Duration;

use rand::{Rng as _, SeedableRng as _, rngs::StdRng};
use tailrace_tests::{http::Answer, inventory, tenant::Tenant};

use super::{at_rest, begins_from_nothing, counting_from_now};
use crate::{Stage, probe};

const SEED: u64 = 20_261_128;
/// One request is this much later than the other, in milliseconds, at most.
const LATER_MS: u64 = 20;

fn labelled(round: u32) -> String {
    let label = format!("    config: {{ label: \"r{round}\" }}\n");
    probe("p", 1, &label).replace("  key:", "  start: new\n  key:")
}

/// What a race came to, once both were answered that their change was made.
async fn is_as_it_was_answered(stage: &Stage, applied: &Answer) -> anyhow::Result<()> {
    let shop = Tenant::shop(&stage.engine);
    if applied.body["revision"] == 1 {
        // It was made after the deletion, so it is another life, and it stays.
        begins_from_nothing(&stage.cluster, &stage.engine, "p").await
    } else {
        // It was changed before it was deleted.
        shop.is_without(&stage.engine, "p").await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pipeline_applied_while_its_name_is_deleted_works_if_it_was_accepted_after() -> anyhow::Result<()> {
    let stage = Stage::set().await?;
    let shop = Tenant::shop(&stage.engine);
    let expected = at_rest(&stage.cluster).await?;
    let mut random = StdRng::seed_from_u64(SEED);
    let mut both = 0;
    for round in 0..40 {
        shop.ask_until(
            &stage.engine,
            ("PUT", "pipelines/p"),
            &counting_from_now("p"),
            &[200],
        )
        .await?;
        let (wait_one, wait_other) = (
            Duration::from_millis(random.random_range(0..LATER_MS)),
            Duration::from_millis(random.random_range(0..LATER_MS)),
        );
        let deletion = async {
            tokio::time::sleep(wait_one).await;
            shop.ask(&stage.engine, ("DELETE", "pipelines/p"), "").await
        };
        let application = async {
            tokio::time::sleep(wait_other).await;
            shop.ask(&stage.engine, ("PUT", "pipelines/p"), labelled(round))
                .await
        };
        let (deleted, applied) = tokio::join!(deletion, application);
        let (deleted, applied) = (deleted?, applied?);
        assert!(matches!(deleted.status, 204 | 409), "{deleted:?}");
        assert!(matches!(applied.status, 200 | 409), "{applied:?}");
        if deleted.status == 204 && applied.status == 200 {
            both += 1;
            is_as_it_was_answered(&stage, &applied).await?;
        }
    }
    println!("both were accepted in {both} of 40 rounds");
    assert!(both > 0, "no round was a race");
    shop.ask_until(&stage.engine, ("DELETE", "pipelines/p"), "", &[204, 404])
        .await?;
    inventory::all_is_owned(&stage.cluster, &stage.engine, &expected).await
}

#[tokio::test(flavor = "multi_thread")]
async fn of_many_that_make_and_delete_one_name_none_leaves_a_half() -> anyhow::Result<()> {
    let stage = Stage::set().await?;
    let shop = Tenant::shop(&stage.engine);
    let expected = at_rest(&stage.cluster).await?;
    for _ in 0..5 {
        let spec = counting_from_now("p");
        let both = ["PUT", "DELETE"].repeat(6).into_iter().map(|method| {
            let (shop, engine, spec) = (&shop, &stage.engine, &spec);
            async move {
                let body = if method == "PUT" { spec } else { "" };
                shop.ask(engine, (method, "pipelines/p"), body).await
            }
        });
        for answer in futures::future::join_all(both).await {
            let answer = answer?;
            assert!(matches!(answer.status, 200 | 204 | 404 | 409), "{answer:?}");
        }
        shop.ask_until(&stage.engine, ("DELETE", "pipelines/p"), "", &[204, 404])
            .await?;
        shop.ask_until(&stage.engine, ("PUT", "pipelines/p"), &spec, &[200])
            .await?;
        begins_from_nothing(&stage.cluster, &stage.engine, "p").await?;
    }
    shop.delete(&stage.engine, "p").await?;
    inventory::all_is_owned(&stage.cluster, &stage.engine, &expected).await
}
