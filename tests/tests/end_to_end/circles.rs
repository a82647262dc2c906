//! Circles of pipelines: one that can be seen is refused, and one that nobody sees comes to an end.

use futures::StreamExt as _;
use serde_json::{Value, json};
use tailrace_nats::async_nats::HeaderMap;
use tailrace_tests::cluster::eventually;

use crate::{Stage, probe};

#[tokio::test(flavor = "multi_thread")]
async fn pipelines_that_would_feed_themselves_are_refused_with_the_circle_named() -> anyhow::Result<()> {
    let stage = Stage::set().await?;
    let engine = &stage.engine;
    let chained = |name: &str, reads: &str| {
        probe(name, 1, "")
            .replace("shop.events.>", reads)
            .replace("{ json: /user }", "{ subject-token: 3 }")
    };
    engine.apply("a", &probe("a", 1, "")).await?;
    engine.apply("b", &chained("b", "shop.a.>")).await?;
    engine.apply("c", &chained("c", "shop.b.>")).await?;
    let gone = engine.own("DELETE", "pipelines/a", "").await?;
    assert_eq!(gone.status, 204, "{gone:?}");
    let closing = engine.own("PUT", "pipelines/a", chained("a", "shop.c.>")).await?;
    assert_eq!(closing.status, 422, "{closing:?}");
    assert_eq!(closing.body["field"], "output.subject", "{closing:?}");
    let detail = closing.body["detail"].as_str().unwrap_or_default();
    assert!(detail.contains("a -> b -> c -> a"), "{detail}");
    // It can be made to read what comes from outside.
    engine.apply("a", &probe("a", 1, "")).await?;
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_circle_that_nobody_sees_ends_after_sixteen_pipelines() -> anyhow::Result<()> {
    let stage = Stage::set().await?;
    let engine = &stage.engine;
    engine.apply("p", &probe("p", 1, "")).await?;
    // Somebody outside gives the outputs back as events.
    let mut outputs = stage.cluster.client.subscribe("shop.p.>").await?;
    let client = stage.cluster.client.clone();
    let circle = tailrace_core::tasks::spawn(async move {
        while let Some(message) = outputs.next().await {
            // The broker's own headers, of the batch that the message was in, are not for a second time.
            let hops = message
                .headers
                .as_ref()
                .and_then(|headers| headers.get("Tr-Hops"));
            let mut headers = HeaderMap::new();
            if let Some(hops) = hops {
                headers.insert("Tr-Hops", hops.clone());
            }
            let sent = client
                .publish_with_headers("shop.events.a", headers, message.payload)
                .await;
            if sent.is_err() {
                return;
            }
        }
    });
    let event = json!({ "user": "u", "do": "forward" }).to_string();
    stage.cluster.publish("shop.events.a", [event]).await?;
    let letters = || async {
        let page = engine.own("GET", "pipelines/p/dead-letters", "").await;
        page.map_or(Value::Null, |page| page.body)
    };
    eventually("the circle has ended", || async { !letters().await[0].is_null() }).await?;
    circle.abort();
    let letters = letters().await;
    assert_eq!(letters[0]["code"], "too-many-hops", "{letters}");
    assert_eq!(
        letters[0]["sequence"], 17,
        "sixteen rounds, and no more: {letters}"
    );
    // Sent again, it begins anew, and there is no circle any more.
    let id = letters[0]["id"].as_u64().unwrap_or_default();
    let again = engine
        .own("POST", &format!("pipelines/p/dead-letters/{id}/redrive"), "")
        .await?;
    assert_eq!(again.status, 202, "{again:?}");
    eventually("it is published", || async {
        let read = stage.cluster.read("TR_shop_p", "shop.p.>").await;
        read.is_ok_and(|messages| messages.len() == 17)
    })
    .await
}
