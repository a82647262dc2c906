//! Queries of Nexmark that have state, a join or another query before them, against a real broker: a kill in the middle,
//! and the results are those that SQLite computes for the same events.

use std::{
    collections::BTreeMap,
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
};

use anyhow::Context as _;
use nexmark::{EventGenerator, config::NexmarkConfig, event::Event};
use serde_json::{Map, Value};
use tailrace_tests::{
    cluster::{Cluster, eventually},
    engine::{Engine, Launch},
};

const EVENTS: usize = 6_000;
/// 2026-11-28 in UTC, five seconds before its first noon.
const BEGIN_MS: u64 = 1_795_824_000_000 + 12 * 3_600_000 - 5_000;
/// With whether each result takes the place of the one before it on its subject.
const QUERIES: [(&str, bool); 5] = [
    ("q9", true),
    ("q4", true),
    ("q16", true),
    ("q19", true),
    ("q20", false),
];

/// Events of each hundred come in another order than that of their times.
fn events() -> Vec<Event> {
    let config = NexmarkConfig {
        base_time: BEGIN_MS,
        first_rate: 500,
        next_rate: 500,
        out_of_order_group_size: 100,
        ..NexmarkConfig::default()
    };
    EventGenerator::new(config).take(EVENTS).collect()
}

/// The manifest of a query, below the subjects of tenant `shop` and in four partitions.
fn manifest(query: &str) -> anyhow::Result<String> {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("../examples/nexmark/{query}.yaml"));
    let text = std::fs::read_to_string(file)?;
    Ok(text.replace("\"nexmark.", "\"shop.nexmark.") + "partitions: 4\n")
}

async fn publish(cluster: &Cluster, events: &[Event]) -> anyhow::Result<()> {
    for event in events {
        let subject = match event {
            Event::Person(person) => format!("shop.nexmark.person.{}", person.id),
            Event::Auction(auction) => format!("shop.nexmark.auction.{}", auction.seller),
            Event::Bid(bid) => format!("shop.nexmark.bid.{}", bid.bidder),
        };
        cluster.publish(&subject, [serde_json::to_vec(event)?]).await?;
    }
    Ok(())
}

/// The rows that SQLite computes.
fn expected(query: &str, events: &[Event]) -> anyhow::Result<Vec<Map<String, Value>>> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../examples/nexmark/expected.py");
    let mut python = Command::new("python3")
        .arg(script)
        .arg(query)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut input = python.stdin.take().context("a pipe")?;
    for event in events {
        writeln!(input, "{}", serde_json::to_string(event)?)?;
    }
    drop(input);
    let output = python.wait_with_output()?;
    anyhow::ensure!(output.status.success(), "{query}");
    let text = String::from_utf8(output.stdout)?;
    let rows = text.lines().map(serde_json::from_str);
    Ok(rows.collect::<Result<_, _>>()?)
}

/// A row as text. Averages are compared as numbers of twelve digits.
fn text(mut row: Map<String, Value>) -> String {
    if let Some(average) = row.get_mut("avg") {
        *average = Value::String(format!("{:.11e}", average.as_f64().unwrap_or_default()));
    }
    Value::Object(row).to_string()
}

/// The columns of a result. Those of a join stand behind the names of its sides.
fn columns(result: &Value, of: &Map<String, Value>) -> Map<String, Value> {
    let column = |name: &String| {
        let value = match name.split_once('.') {
            Some((side, member)) => &result[side][member],
            None => &result[name.as_str()],
        };
        (name.clone(), value.clone())
    };
    of.keys().map(column).collect()
}

/// What a reader of a query's results has by now, sorted.
async fn told(
    cluster: &Cluster,
    (query, replaces): (&str, bool),
    columns_of: &Map<String, Value>,
) -> anyhow::Result<Vec<String>> {
    let stream = format!("TR_shop_{query}");
    let outputs = cluster.read(&stream, &format!("shop.nexmark.{query}.>")).await?;
    let mut rows = BTreeMap::new();
    for (number, (subject, payload)) in outputs.into_iter().enumerate() {
        let row = text(columns(&serde_json::from_slice(&payload)?, columns_of));
        let place = if replaces { 0 } else { number };
        rows.insert((subject, place), row);
    }
    let mut rows: Vec<String> = rows.into_values().collect();
    rows.sort_unstable();
    Ok(rows)
}

#[tokio::test(flavor = "multi_thread")]
async fn queries_of_nexmark_are_those_of_sql_through_a_kill() -> anyhow::Result<()> {
    let cluster = Cluster::start().await?;
    let folder = tempfile::tempdir()?;
    let mut engine = Engine::start(&cluster, folder.path()).await?;
    let subjects = ["person", "auction", "bid"].map(|kind| format!("shop.nexmark.{kind}.>"));
    cluster
        .stream("NEXMARK", &subjects.each_ref().map(String::as_str))
        .await?;
    engine.upload("nexmark-queries", "nexmark_queries").await?;
    for (query, _) in QUERIES {
        engine.apply(query, &manifest(query)?).await.context(query)?;
    }
    let events = events();
    let (first, second) = events.split_at(EVENTS / 2);
    publish(&cluster, first).await?;
    eventually("some bids have won", || async {
        let told = cluster.read("TR_shop_q9", "shop.nexmark.q9.>").await;
        told.is_ok_and(|told| !told.is_empty())
    })
    .await?;
    publish(&cluster, second).await?;
    engine.kill();
    engine.restart(&Launch::on(&cluster))?;
    engine.ready().await?;
    for (query, replaces) in QUERIES {
        let expected = expected(query, &events)?;
        let columns_of = expected.first().context("SQL gives rows")?.clone();
        let mut rows: Vec<String> = expected.into_iter().map(text).collect();
        rows.sort_unstable();
        eventually(query, || async {
            let told = told(&cluster, (query, replaces), &columns_of).await;
            told.is_ok_and(|told| told == rows)
        })
        .await
        .with_context(|| engine.log())?;
    }
    Ok(())
}
