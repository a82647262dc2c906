//! The broker's adapter, `engine/nats`, alone against a real nats-server: what the ports of
//! `tailrace_core::ports` promise, held port by port. No engine runs here, so a fault that shows is
//! the adapter's or the server's.
//!
//! Each test has a server of its own and waits for what it claims, never for a time to pass.

mod commits;
mod consumers;
mod dead_letters;
mod deliveries;
mod losses;
mod objects;
mod outages;
mod registry;
mod retention;
mod snapshots;
mod streams;
mod subscriptions;
mod unreadable;
mod wire;

use std::time::Duration;

use anyhow::Context as _;
use futures::{FutureExt as _, StreamExt as _};
use serde_json::{Value, json};
use tailrace_core::{
    identity::{PartitionId, PipelineId},
    life::Life,
    manifest::{Delivery, OnLoss, Start},
    name::Name,
    ports::broker::{
        CommitBatch, Incoming, Input as _, InputError, Output, OwnStream, Streams as _, SubscribeRequest,
        Subscription,
    },
    ports::registry::RegistryStore as _,
};
use tailrace_nats::{NatsBroker, NatsOptions, async_nats::jetstream::stream};
use tailrace_tests::cluster::{Cluster, PATIENCE};

/// Name of the own stream of [`pipeline`].
const OWN: &str = "TR_shop_clicks";
/// Subjects that [`output`] publishes on.
const OUTPUTS: &str = "shop.out.*";

/// A server, and the adapter on it.
struct Stand {
    cluster: Cluster,
    broker: NatsBroker,
}

impl Stand {
    async fn set() -> anyhow::Result<Self> {
        let cluster = Cluster::start().await?;
        let broker = connect(&cluster.url(), Duration::from_secs(10)).await?;
        // As an engine does that finds nothing: no other request makes the bucket.
        broker.make().await?;
        Ok(Self { cluster, broker })
    }

    /// With the pipeline's own stream.
    async fn with_own_stream() -> anyhow::Result<Self> {
        let stand = Self::set().await?;
        stand.broker.create_own(&own()).await?;
        Ok(stand)
    }

    /// Asks JetStream past the adapter; an error of its is an error here.
    async fn ask(&self, subject: &str, body: Value) -> anyhow::Result<Value> {
        let body = if body.is_null() {
            String::new()
        } else {
            body.to_string()
        };
        let request = self
            .cluster
            .client
            .request(format!("$JS.API.{subject}"), body.into());
        let answer: Value = serde_json::from_slice(&request.await?.payload)?;
        anyhow::ensure!(answer.get("error").is_none(), "{subject}: {answer}");
        Ok(answer)
    }

    /// Makes a stream that keeps its messages as `retention` says.
    async fn stream_kept(&self, name: &str, retention: stream::RetentionPolicy) -> anyhow::Result<()> {
        let config = stream::Config {
            name: name.to_owned(),
            subjects: vec![format!("{}.>", name.to_lowercase())],
            retention,
            ..stream::Config::default()
        };
        self.cluster.jetstream.create_stream(config).await?;
        Ok(())
    }

    /// Payloads of the own stream's outputs, in order.
    async fn outputs(&self) -> anyhow::Result<Vec<String>> {
        let found = self.cluster.read(OWN, OUTPUTS).await?;
        Ok(found.into_iter().map(|(_, payload)| text(&payload)).collect())
    }

    /// Names of the consumers of a stream.
    async fn consumers(&self, stream: &str) -> anyhow::Result<Vec<String>> {
        let answer = self.ask(&format!("CONSUMER.NAMES.{stream}"), Value::Null).await?;
        let names = answer["consumers"].as_array().into_iter().flatten();
        Ok(names.filter_map(Value::as_str).map(str::to_owned).collect())
    }

    /// Takes a subscription's consumer away; it may have gone by itself meanwhile.
    async fn delete_consumers(&self, stream: &str) -> anyhow::Result<()> {
        for name in self.consumers(stream).await? {
            let deleted = self
                .ask(&format!("CONSUMER.DELETE.{stream}.{name}"), Value::Null)
                .await;
            if let Err(cause) = deleted {
                anyhow::ensure!(!self.consumers(stream).await?.contains(&name), cause);
            }
        }
        Ok(())
    }

    /// Asks the subscription's consumer for messages in its place, and publishes until one has come
    /// here: that delivery the subscription misses. Gives the last sequence.
    async fn steal_a_delivery(&self, stream: &str, last: u64) -> anyhow::Result<u64> {
        let consumer = self.consumers(stream).await?.remove(0);
        let client = &self.cluster.client;
        let inbox = client.new_inbox();
        let mut stolen = client.subscribe(inbox.clone()).await?;
        let pull = format!("$JS.API.CONSUMER.MSG.NEXT.{stream}.{consumer}");
        client
            .publish_with_reply(pull, inbox, json!({ "batch": 1 }).to_string().into())
            .await?;
        let subject = format!("{}.x", stream.to_lowercase());
        let mut last = last;
        while stolen.next().now_or_never().is_none() {
            last += 1;
            self.cluster.publish(&subject, [last.to_string()]).await?;
            // What was delivered before this answer is here when it is.
            client.flush().await?;
            self.consumers(stream).await?;
        }
        Ok(last)
    }

    async fn subscribe(&self, request: SubscribeRequest) -> anyhow::Result<Reader> {
        subscribe(&self.broker, request).await
    }
}

async fn connect(url: &str, request_timeout: Duration) -> anyhow::Result<NatsBroker> {
    let options = NatsOptions {
        url: url.to_owned(),
        request_timeout,
        ..NatsOptions::default()
    };
    Ok(NatsBroker::connect(options).await?)
}

async fn subscribe(broker: &NatsBroker, request: SubscribeRequest) -> anyhow::Result<Reader> {
    let subscription = broker.subscribe(request).await?;
    Ok(Reader { subscription })
}

/// A subscription, and the patience of a test.
struct Reader {
    subscription: Box<dyn Subscription>,
}

impl Reader {
    /// So many messages, at most `max` at a time.
    async fn take(&mut self, count: usize, max: usize) -> anyhow::Result<Vec<Incoming>> {
        let mut taken = Vec::new();
        let reading = async {
            while taken.len() < count {
                let batch = self.subscription.next(max.min(count - taken.len())).await?;
                anyhow::ensure!(!batch.is_empty(), "next gave nothing");
                taken.extend(batch);
            }
            Ok(())
        };
        tokio::time::timeout(PATIENCE, reading)
            .await
            .with_context(|| format!("only some of {count} messages came"))??;
        Ok(taken)
    }

    /// The sequences of so many messages.
    async fn sequences(&mut self, count: usize) -> anyhow::Result<Vec<u64>> {
        let taken = self.take(count, 1_000).await?;
        Ok(taken.iter().map(|message| message.sequence).collect())
    }

    /// What ends it.
    async fn end(&mut self) -> anyhow::Result<InputError> {
        let reading = async {
            loop {
                if let Err(cause) = self.subscription.next(1_000).await {
                    return cause;
                }
            }
        };
        tokio::time::timeout(PATIENCE, reading)
            .await
            .context("the subscription does not end")
    }
}

/// Everything of a stream's subject tree, from the beginning.
fn request(stream: &str) -> SubscribeRequest {
    SubscribeRequest {
        pipeline: pipeline(),
        role: "input".to_owned(),
        engine: name("engine-1"),
        stream: stream.to_owned(),
        subjects: vec![format!("{}.>", stream.to_lowercase())],
        from_sequence: None,
        start: Start::All,
        stream_created: None,
        witness: None,
        on_loss: OnLoss::Park,
        accepted_loss: 0,
        keeps_newest: false,
        watch: std::sync::Arc::default(),
    }
}

fn pipeline() -> PipelineId {
    PipelineId {
        tenant: name("shop"),
        pipeline: name("clicks"),
    }
}

fn name(text: &str) -> Name {
    Name::new(text).expect("a name of the tests is a name")
}

fn partition(number: u32) -> PartitionId {
    PartitionId {
        pipeline: pipeline(),
        life: Life::UNNAMED,
        partition: number,
    }
}

fn own() -> OwnStream {
    OwnStream {
        pipeline: pipeline(),
        life: Life::UNNAMED,
        output_pattern: Some(OUTPUTS.to_owned()),
        keep_age: None,
        keep_bytes: None,
        replicas: None,
    }
}

/// The output of event `number`: its payload is `o<number>`.
fn output(number: usize) -> Output {
    Output {
        subject: "shop.out.x".to_owned(),
        headers: Vec::new(),
        payload: format!("o{number}").into(),
        id: Some(format!("shop/clicks:{number}:0")),
        keep: None,
    }
}

/// A commit of partition 0, exactly once.
fn batch(outputs: impl IntoIterator<Item = usize>, record: &[&str], expected: u64) -> CommitBatch {
    CommitBatch {
        partition: partition(0),
        delivery: Delivery::ExactlyOnce,
        outputs: outputs.into_iter().map(output).collect(),
        record: record
            .iter()
            .map(|part| (*part).to_owned().into_bytes().into())
            .collect(),
        expected,
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// The payloads of outputs `numbers`.
fn payloads(numbers: impl IntoIterator<Item = usize>) -> Vec<String> {
    numbers.into_iter().map(|number| format!("o{number}")).collect()
}
