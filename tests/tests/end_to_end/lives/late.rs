//! A commit of an ended life reaches the broker late: after the pipeline was deleted, and one of its name was made. The
//! sequences of the new stream begin elsewhere, so whatever record the commit expects is not there, and the fence
//! refuses it. A commit that were taken would bring the old life's outputs and state into the new one.

use tailrace_nats::async_nats::{HeaderMap, HeaderValue, header::NATS_EXPECTED_LAST_SUBJECT_SEQUENCE};
use tailrace_tests::{cluster::Cluster, tenant::Tenant};

use super::{begins_from_nothing, event};
use crate::{Stage, probe};

const COMMITS: &str = "tr.shop.p.commit.0";

/// Sequences of the stream's records, the oldest first.
async fn records(cluster: &Cluster) -> anyhow::Result<Vec<u64>> {
    let records = cluster.read_sequenced("TR_shop_p", COMMITS).await?;
    Ok(records.into_iter().map(|(sequence, ..)| sequence).collect())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_of_an_ended_life_that_comes_late_is_refused() -> anyhow::Result<()> {
    let mut stage = Stage::set().await?;
    let manifest = probe("p", 1, "");
    stage.engine.apply("p", &manifest).await?;
    stage
        .cluster
        .publish("shop.events.x", vec![event("u"); 20])
        .await?;
    stage.engine.caught_up("p", 20).await?;
    let ended = records(&stage.cluster).await?;
    let shop = Tenant::shop(&stage.engine);
    shop.delete(&stage.engine, "p").await?;
    stage.engine.apply("p", &super::counting_from_now("p")).await?;
    shop.comes_to(&stage.engine, "p", "running").await?;
    // It stays so when the broker reads the stream from its disk.
    stage.cluster.kill();
    stage.cluster.restart().await?;
    let next = records(&stage.cluster).await?;
    let last = *ended.last().unwrap_or(&0);
    assert!(
        next.iter().all(|sequence| sequence.abs_diff(last) > 1_000),
        "{next:?} are sequences of the ended life, {ended:?}"
    );
    for expected in &ended {
        let mut headers = HeaderMap::new();
        headers.insert(NATS_EXPECTED_LAST_SUBJECT_SEQUENCE, HeaderValue::from(*expected));
        let sent = stage
            .cluster
            .jetstream
            .publish_with_headers(COMMITS, headers, "late".into());
        let answer = sent.await?.await;
        assert!(
            answer.is_err(),
            "a commit that expects {expected} was taken: {answer:?}"
        );
    }
    begins_from_nothing(&stage.cluster, &stage.engine, "p").await
}
