//! A broker of three nodes: what the engine makes lies on all of them, and the death or the standstill of any one
//! takes nothing away and holds nothing up for long.

use anyhow::Context as _;
use base64::Engine as _;
use serde_json::{Value, json};
use tailrace_tests::{
    cluster::eventually,
    engine::{Engine, Launch},
    nodes::Nodes,
};

use crate::probe;

/// What must have all its copies before the next node goes.
const STREAMS: [&str; 4] = [
    "SHOP",
    "TR_shop_count",
    "KV_tailrace_registry",
    "KV_tailrace_engines",
];

/// The broker's error code for "no message found".
const NO_MESSAGE: u64 = 10_037;

async fn publish(nodes: &Nodes, from: u64, to: u64) -> anyhow::Result<()> {
    for number in from..to {
        let payload = json!({ "user": "u", "number": number }).to_string();
        // The identifier lets the broker tell a second try from a second event.
        eventually("the event is stored", || async {
            let mut headers = tailrace_nats::async_nats::HeaderMap::new();
            headers.insert("Nats-Msg-Id", number.to_string());
            let sent = nodes
                .jetstream
                .publish_with_headers("shop.events.a", headers, payload.clone().into());
            match sent.await {
                Ok(ack) => ack.await.is_ok(),
                Err(_) => false,
            }
        })
        .await?;
    }
    Ok(())
}

async fn counted(engine: &Engine) -> Option<u64> {
    let answer = engine
        .own("GET", "pipelines/count/steps/probe/state/u", "")
        .await
        .ok()?;
    answer.text.parse().ok()
}

/// A stored message, or nothing where the stream says that none follows. Any other refusal, such as a stream that
/// elects its leader, tells nothing about what is stored: it is asked again.
async fn message(nodes: &Nodes, request: &Value) -> anyhow::Result<Option<Value>> {
    let said = std::cell::RefCell::new(Value::Null);
    eventually("the stream answers what it holds", || async {
        let answer = nodes.ask("STREAM.MSG.GET.TR_shop_count", request).await;
        let is_told = answer
            .as_ref()
            .is_ok_and(|answer| answer.get("message").is_some() || answer["error"]["err_code"] == NO_MESSAGE);
        said.replace(answer.unwrap_or_default());
        is_told
    })
    .await
    .with_context(|| said.borrow().to_string())?;
    Ok(said.into_inner().get("message").cloned())
}

/// The outputs, each of which tells the count: once each, in order.
async fn outputs(nodes: &Nodes) -> anyhow::Result<Vec<u64>> {
    let mut found = Vec::new();
    let mut next = 1_u64;
    loop {
        let request = json!({ "next_by_subj": "shop.count.u", "seq": next });
        let Some(message) = message(nodes, &request).await? else {
            return Ok(found);
        };
        next = message["seq"].as_u64().unwrap_or(u64::MAX - 1) + 1;
        let data = message["data"].as_str().unwrap_or_default();
        let payload: Value =
            serde_json::from_slice(&base64::engine::general_purpose::STANDARD.decode(data)?)?;
        found.push(payload["count"].as_u64().unwrap_or(0));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_keeps_three_copies_and_any_node_may_die_or_stand_still() -> anyhow::Result<()> {
    let mut nodes = Nodes::start(3).await?;
    let config = json!({ "name": "SHOP", "subjects": ["shop.events.>"], "num_replicas": 3 });
    let made = nodes.ask("STREAM.CREATE.SHOP", &config).await?;
    anyhow::ensure!(made.get("error").is_none(), "{made}");
    let folder = tempfile::tempdir()?;
    let engine = Engine::start_with(&Launch::on(&nodes), folder.path()).await?;
    engine.upload("probe", "tailrace_test_guest").await?;
    engine.apply("count", &probe("count", 1, "")).await?;
    publish(&nodes, 0, 10).await?;
    for stream in [
        "TR_shop_count",
        "KV_tailrace_registry",
        "KV_tailrace_engines",
        "OBJ_tailrace_plugins",
        "tailrace_audit",
    ] {
        eventually("what the engine makes has three copies", || async {
            nodes
                .replicas_of(stream)
                .await
                .is_ok_and(|replicas| replicas == 3)
        })
        .await?;
    }
    let mut published = 10;
    for stream in ["TR_shop_count", "SHOP", "KV_tailrace_registry"] {
        for freeze in [false, true] {
            let leader = nodes.leader_of(stream).await?;
            if freeze {
                nodes.freeze(leader, true)?;
            } else {
                nodes.kill(leader);
            }
            publish(&nodes, published, published + 5).await?;
            published += 5;
            // Elections of three servers on a busy machine take their time: that is measured by torture, not here.
            let is_counted = || async { counted(&engine).await == Some(published) };
            let mut progress = eventually("the events are counted", is_counted).await;
            for _ in 0..3 {
                if progress.is_err() {
                    progress = eventually("the events are counted", is_counted).await;
                }
            }
            if let Err(cause) = progress {
                let status = engine.status("count").await?;
                anyhow::bail!("{cause}: {stream}, freeze {freeze}: {status:#}\n{}", engine.log());
            }
            if freeze {
                nodes.freeze(leader, false)?;
            } else {
                nodes.restart(leader, stream == "SHOP")?;
            }
            nodes.healthy(&STREAMS).await?;
        }
    }
    let wanted: Vec<u64> = (1..=published).collect();
    assert_eq!(
        outputs(&nodes).await?,
        wanted,
        "nothing lost, nothing doubled, in order"
    );
    Ok(())
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_one_copy_is_found_and_raised() -> anyhow::Result<()> {
    let nodes = Nodes::start(3).await?;
    let config = json!({ "name": "SHOP", "subjects": ["shop.events.>"], "num_replicas": 3 });
    nodes.ask("STREAM.CREATE.SHOP", &config).await?;
    let folder = tempfile::tempdir()?;
    let one = Launch::on(&nodes).with("TAILRACE_NATS__REPLICAS", "1");
    let mut engine = Engine::start_with(&one, folder.path()).await?;
    engine.upload("probe", "tailrace_test_guest").await?;
    engine.apply("count", &probe("count", 1, "")).await?;
    publish(&nodes, 0, 5).await?;
    assert_eq!(nodes.replicas_of("TR_shop_count").await?, 1);
    // The same with the default: raised at the start, under load.
    engine.restart(&Launch::on(&nodes))?;
    engine.ready().await?;
    publish(&nodes, 5, 50).await?;
    for stream in ["TR_shop_count", "KV_tailrace_registry", "OBJ_tailrace_plugins"] {
        eventually("it has three copies", || async {
            nodes
                .replicas_of(stream)
                .await
                .is_ok_and(|replicas| replicas == 3)
        })
        .await?;
    }
    eventually("all events are counted", || async {
        counted(&engine).await == Some(50)
    })
    .await?;
    assert_eq!(outputs(&nodes).await?, (1..=50).collect::<Vec<u64>>());
    Ok(())
}
