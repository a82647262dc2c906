//! What a tenant sees of a running pipeline, through the command line: samples of calls, lines of its
//! plugins, and the picture of the flow. A stream ends when the engine does.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    process::{Child, Command, Output, Stdio},
};

use serde_json::{Value, json};
use tailrace_tests::{
    cluster::{PATIENCE, eventually},
    engine::{Engine, OPERATOR},
    files,
};

use crate::Stage;

const TALK: &str = "name: talk
input:
  subjects: [\"shop.events.>\"]
  key: { json: /user }
steps:
  - { name: say, plugin: chatty@1.0.0, grants: [log] }
output:
  subject: \"shop.talk.{key}\"
";

fn start(engine: &Engine, arguments: &[&str]) -> anyhow::Result<Child> {
    Ok(Command::new(files::binary()?)
        .args(arguments)
        .env("TAILRACE_URL", engine.url())
        .env("TAILRACE_TENANT", "shop")
        .env("TAILRACE_TOKEN", &engine.token)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()?)
}

async fn end(child: Child) -> anyhow::Result<(bool, String)> {
    let Output {
        status,
        stdout,
        stderr,
    } = tokio::task::spawn_blocking(move || child.wait_with_output()).await??;
    let said = String::from_utf8_lossy(&stdout).into_owned();
    anyhow::ensure!(
        status.success() || !stderr.is_empty(),
        "a command that fails says why"
    );
    Ok((status.success(), said))
}

async fn watched(engine: &Engine, watchers: u64) -> anyhow::Result<()> {
    eventually("the streams are watched", || async {
        let page = engine.ask("GET", "/metrics", OPERATOR, "").await;
        let line = format!("tailrace_watchers {watchers}");
        page.is_ok_and(|page| page.text.lines().any(|known| known == line))
    })
    .await
}

fn events(texts: &[&str]) -> Vec<String> {
    let event = |text: &&str| json!({ "user": "u1", "say": text }).to_string();
    texts.iter().map(event).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_tenant_watches_calls_and_lines_until_the_engine_ends() -> anyhow::Result<()> {
    let mut stage = Stage::set().await?;
    stage.engine.upload("chatty", "examples/chatty").await?;
    stage.engine.apply("talk", TALK).await?;
    let tap = [
        "pipeline", "tap", "talk", "--step", "say", "--key", "u1", "--limit", "2", "--output", "json",
    ];
    let tap = start(&stage.engine, &tap)?;
    let following = start(&stage.engine, &["pipeline", "logs", "talk", "--follow"])?;
    watched(&stage.engine, 2).await?;
    let said = events(&["one", "two\u{1b}[31m\nthree", "four"]);
    stage
        .cluster
        .publish("shop.events.x", said.iter().cloned())
        .await?;
    stage.engine.caught_up("talk", 3).await?;
    let (ended, samples) = end(tap).await?;
    assert!(ended);
    let samples: Vec<Value> = samples
        .lines()
        .map(serde_json::from_str)
        .collect::<Result<_, _>>()?;
    assert_eq!(samples.len(), 2);
    for (number, sample) in samples.iter().enumerate() {
        assert_eq!(sample["sequence"], number + 1, "{sample:#}");
        assert_eq!(sample["before"]["text"].as_str(), Some(said[number].as_str()));
        assert_eq!(
            (&sample["verdict"], &sample["step"]),
            (&"forward".into(), &"say".into())
        );
        assert!(sample["fuel"].as_u64() > Some(0), "{sample:#}");
    }
    watched(&stage.engine, 1).await?;
    let (_, lines) = end(start(
        &stage.engine,
        &["pipeline", "logs", "talk", "--lines", "2"],
    )?)
    .await?;
    assert_eq!(lines.lines().count(), 2, "{lines}");
    assert!(
        lines.contains("warn") && lines.contains("0/3") && !lines.contains('\u{1b}'),
        "{lines}"
    );
    let (_, picture) = end(start(&stage.engine, &["pipeline", "graph", "talk"])?).await?;
    assert!(
        picture.starts_with("flowchart LR") && picture.contains("chatty@1.0.0"),
        "{picture}"
    );
    assert_eq!(stage.engine.terminate().await?, 0);
    let (ended, followed) = end(following).await?;
    assert!(
        !ended,
        "who follows hears that the engine has stopped, by the exit code too"
    );
    assert_eq!(followed.lines().count(), 3, "{followed}");
    Ok(())
}

/// Opens a stream, reads the status of the answer, and reads no more; the connection is the watcher.
fn watch_and_never_read(engine: &Engine, path: &str) -> anyhow::Result<(u16, TcpStream)> {
    let address = engine.url().trim_start_matches("http://");
    let mut connection = TcpStream::connect(address)?;
    connection.set_read_timeout(Some(PATIENCE))?;
    write!(
        connection,
        "GET /v1/tenants/shop/pipelines/talk/{path} HTTP/1.1\r\nhost: tailrace\r\nauthorization: Bearer {}\r\n\r\n",
        engine.token
    )?;
    let mut start = [0; 12];
    connection.read_exact(&mut start)?;
    let status = std::str::from_utf8(&start)?
        .rsplit(' ')
        .next()
        .unwrap_or_default();
    Ok((status.parse()?, connection))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_thousand_watchers_are_bounded_and_those_who_never_read_hold_nothing_up() -> anyhow::Result<()> {
    const EVENTS: u64 = 20_000;
    let stage = Stage::set().await?;
    stage.engine.upload("chatty", "examples/chatty").await?;
    stage.engine.apply("talk", TALK).await?;
    let (mut connections, mut refused) = (Vec::new(), 0);
    for number in 0..1_000 {
        let path = if number % 2 == 0 {
            "tap"
        } else {
            "logs?follow=true"
        };
        let (status, connection) = watch_and_never_read(&stage.engine, path)?;
        match status {
            200 => connections.push(connection),
            429 => refused += 1,
            other => anyhow::bail!("watcher {number} was answered {other}"),
        }
    }
    assert_eq!(
        (connections.len(), refused),
        (8, 992),
        "a pipeline has eight places"
    );
    let said = "x".repeat(512);
    let event = |number: u64| json!({ "user": format!("u{}", number % 50), "say": said }).to_string();
    stage
        .cluster
        .publish("shop.events.x", (0..EVENTS).map(event))
        .await?;
    stage.engine.caught_up("talk", EVENTS).await?;
    let outputs = stage.cluster.read("TR_shop_talk", "shop.talk.*").await?;
    assert_eq!(outputs.len() as u64, EVENTS, "nobody waits for who watches");
    watched(&stage.engine, 8).await?;
    drop(connections);
    watched(&stage.engine, 0).await
}
