//! The shop's side: its stream, its ratings, and the lists that come out.

use std::time::Duration;

use anyhow::Context as _;
use evaluation::Rating;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use serde::Deserialize;
use tailrace_nats::{
    NatsBroker,
    async_nats::{
        self,
        jetstream::{self, consumer::pull, stream::Config},
    },
};

/// How often it is looked whether a stream has come to the end of its sources; it takes a second or two.
const LOOK_EVERY: Duration = Duration::from_millis(100);
const MOST_LOOKS: u32 = 600;
/// Publishes that are unacknowledged at once.
const IN_FLIGHT: usize = 500;

/// A list of recommendations, as the ranker publishes it.
#[derive(Debug, Clone, Deserialize)]
pub struct List {
    /// Whose.
    pub user: String,
    /// Best first.
    pub items: Vec<Scored>,
}

/// A recommended item.
#[derive(Debug, Clone, Deserialize)]
pub struct Scored {
    /// The item.
    pub id: String,
}

fn jetstream(broker: &NatsBroker) -> jetstream::Context {
    async_nats::jetstream::new(broker.client().clone())
}

/// A stream of events, where there is none of that name.
pub async fn make_stream(broker: &NatsBroker, name: &str, subject: &str) -> anyhow::Result<()> {
    let config = Config {
        name: name.to_owned(),
        subjects: vec![subject.to_owned()],
        ..Config::default()
    };
    jetstream(broker)
        .get_or_create_stream(config)
        .await
        .map(drop)
        .with_context(|| format!("cannot make stream {name}"))
}

/// Waits until a stream has what its sources hold.
pub async fn await_sources(broker: &NatsBroker, name: &str) -> anyhow::Result<()> {
    let mut stream = jetstream(broker).get_stream(name).await?;
    for _ in 0..MOST_LOOKS {
        let info = stream.info().await?;
        let is_behind = info.sources.iter().any(|source| source.lag > 0);
        if info.state.last_sequence > 0 && !is_behind {
            return Ok(());
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    anyhow::bail!("stream {name} does not come to the end of its sources")
}

/// Publishes all ratings on a subject, in order, with many acknowledgements under way.
pub async fn publish(broker: &NatsBroker, subject: &str, ratings: &[Rating]) -> anyhow::Result<()> {
    let jetstream = jetstream(broker);
    let sent = stream::iter(ratings).then(|rating| async {
        let payload = serde_json::to_vec(rating)?;
        Ok::<_, anyhow::Error>(jetstream.publish(subject.to_owned(), payload.into()).await?)
    });
    sent.map(|ack| async { Ok::<_, anyhow::Error>(ack?.await?) })
        .buffered(IN_FLIGHT)
        .try_for_each(|_| async { Ok(()) })
        .await
}

/// Every list that a pipeline of the shop has published on `shop.<pipeline>.<user>`, in order.
pub async fn read_lists(broker: &NatsBroker, pipeline: &str) -> anyhow::Result<Vec<List>> {
    let stream = jetstream(broker)
        .get_stream(format!("TR_shop_{pipeline}"))
        .await?;
    let config = pull::OrderedConfig {
        filter_subject: format!("shop.{pipeline}.*"),
        ..pull::OrderedConfig::default()
    };
    let consumer = stream.create_consumer(config).await?;
    let mut pending = consumer.cached_info().num_pending;
    let mut messages = consumer.messages().await?;
    let mut lists = Vec::new();
    while pending > 0 {
        let message = messages.next().await.context("the lists ended too soon")??;
        lists.push(serde_json::from_slice(&message.payload)?);
        pending = message.info().map_err(|cause| anyhow::anyhow!(cause))?.pending;
    }
    Ok(lists)
}
