//! What the engine's own log says, as a program reads it.

use serde_json::{Value, json};
use tailrace_nats::async_nats;
use tailrace_tests::{
    cluster::Cluster,
    engine::{Engine, Launch},
};

const TALK: &str = "name: talk
input:
  subjects: [\"shop.events.>\"]
  key: { json: /user }
partitions: 2
steps:
  - { name: say, plugin: chatty@1.0.0, grants: [log] }
";

const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";

fn lines(folder: &std::path::Path) -> anyhow::Result<Vec<Value>> {
    let text = std::fs::read_to_string(folder.join("engine.log"))?;
    Ok(text.lines().map(serde_json::from_str).collect::<Result<_, _>>()?)
}

#[tokio::test(flavor = "multi_thread")]
async fn every_line_is_json_and_those_of_an_event_say_whose_it_is() -> anyhow::Result<()> {
    let mut cluster = Cluster::start().await?;
    let folder = tempfile::tempdir()?;
    let launch = Launch::on(&cluster).with("TAILRACE_LOG__FORMAT", "json");
    let mut engine = Engine::start_with(&launch, folder.path()).await?;
    cluster.stream("SHOP", &["shop.events.>"]).await?;
    engine.upload("chatty", "examples/chatty").await?;
    engine.apply("talk", TALK).await?;
    let mut headers = async_nats::HeaderMap::new();
    headers.insert("traceparent", PARENT);
    let event = json!({ "user": "u1", "say": "one\n{\"level\":\"forged\"}" }).to_string();
    let sent = cluster
        .jetstream
        .publish_with_headers("shop.events.x", headers, event.into())
        .await?;
    let sequence = sent.await?.sequence;
    engine.caught_up("talk", sequence).await?;
    // A broker that is away while there is something to commit makes the partition say so.
    cluster.kill();
    cluster.restart().await?;
    assert_eq!(engine.terminate().await?, 0);
    let all = lines(folder.path())?;
    let said = all.iter().find(|line| line["target"] == "plugin");
    let said = said.unwrap_or(&Value::Null);
    for (field, expected) in [
        ("tenant", json!("shop")),
        ("pipeline", json!("talk")),
        ("step", json!("say")),
        ("sequence", json!(sequence)),
        ("trace_id", json!("4bf92f3577b34da6a3ce929d0e0e4736")),
    ] {
        assert_eq!(said[field], expected, "{field} of {said}");
    }
    assert!(said["partition"].as_u64() < Some(2), "{said}");
    assert!(all.iter().all(|line| line["level"] != "forged"));
    for line in &all {
        let whole = ["time", "level", "target", "message"];
        assert!(whole.iter().all(|field| line[field].is_string()), "{line}");
        let pipeline = line["pipeline"].as_str().unwrap_or("talk");
        assert_eq!(pipeline, "talk", "a pipeline is named alike everywhere: {line}");
    }
    Ok(())
}
