//! No loop waits for one tenant: while its pipelines, stuck in a call, are being deleted, those of others begin,
//! change and end.

use anyhow::Context as _;
use serde_json::json;
use tailrace_tests::{cluster::eventually, engine::OPERATOR, tenant::Tenant};

use super::event;
use crate::{Stage, probe};

/// As many as once held up everybody for a minute.
const STUCK: usize = 5;

#[tokio::test(flavor = "multi_thread")]
async fn a_stuck_pipeline_that_is_deleted_holds_up_no_other_tenant() -> anyhow::Result<()> {
    let stage = Stage::set().await?;
    let (engine, shop) = (&stage.engine, Tenant::shop(&stage.engine));
    let bank = Tenant::make(engine, "bank").await?;
    stage.cluster.stream("BANK", &["bank.events.>"]).await?;
    bank.upload(engine, "probe", "tailrace_test_guest").await?;
    // Calls that end only by their deadline, one after the other, for longer than anybody waits.
    let endless = "    limits: { fuel: 100000000000, deadline: 10s }\n    on-error: { retries: 100, backoff: 10ms, then: pause }\n";
    for number in 0..STUCK {
        let name = format!("stuck-{number}");
        shop.apply(engine, &name, &probe(&name, 1, endless)).await?;
    }
    let looping = json!({ "user": "u", "do": "loop" }).to_string();
    stage.cluster.publish("shop.events.x", [looping]).await?;
    eventually("their calls have begun", || async {
        let mut taken = 0;
        for number in 0..STUCK {
            let status = shop.status(engine, &format!("stuck-{number}")).await;
            taken += usize::from(status["input"]["read_sequence"] == 1);
        }
        taken == STUCK
    })
    .await
    .with_context(|| engine.log())?;
    let deletions = (0..STUCK).map(async |number| {
        let path = format!("pipelines/stuck-{number}");
        shop.ask(engine, ("DELETE", &path), "").await
    });
    let deletions = futures::future::join_all(deletions);
    let meanwhile = async {
        for number in 0..STUCK {
            shop.comes_to(engine, &format!("stuck-{number}"), "deleting")
                .await?;
        }
        let spec = probe("p", 1, "").replace("shop.", "bank.");
        bank.apply(engine, "p", &spec).await?;
        bank.comes_to(engine, "p", "running").await?;
        stage.cluster.publish("bank.events.x", [event("u")]).await?;
        eventually("the other tenant's event is through", || async {
            let counts = bank.counts(engine, "p").await;
            counts.is_ok_and(|counts| counts == [("u".to_owned(), 1)])
        })
        .await?;
        bank.delete(engine, "p").await?;
        let gone = engine.ask("DELETE", "/v1/tenants/bank", OPERATOR, "").await?;
        anyhow::ensure!(gone.status == 204, "{gone:?}");
        // All of that came before the first of the stuck ones was gone.
        for number in 0..STUCK {
            let status = shop.status(engine, &format!("stuck-{number}")).await;
            anyhow::ensure!(status["state"] == "deleting", "stuck-{number} is {status}");
        }
        anyhow::Ok(())
    };
    let (deleted, meanwhile) = tokio::join!(deletions, meanwhile);
    meanwhile.with_context(|| engine.log())?;
    for answer in deleted {
        let answer = answer?;
        assert_eq!(answer.status, 204, "a stuck one goes all the same: {answer:?}");
    }
    Ok(())
}
