//! The floor: a worker written by hand with async-nats that does what the engine does for a pipeline
//! of one validator, without sandbox and without state, as well as we know how.
//!
//! It pulls ahead, validates each event into a typed structure, sorts by key into partitions, fills
//! atomic batches of 950 messages or for five milliseconds, ends each with a position record behind
//! the fence, keeps one batch of each partition under way while the next fills, and acknowledges
//! everything up to the lowest position.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use anyhow::Context as _;
use bytes::Bytes;
use clap::Args;
use futures::StreamExt as _;
use siphasher::sip::SipHasher13;
use tailrace_nats::async_nats::{
    Client, HeaderMap, HeaderValue,
    jetstream::{self, AckKind, consumer::pull},
};
use tokio::sync::mpsc;

use crate::events::validate;

/// Messages of a batch, and how long one that is not full waits: the engine's own.
const BATCH: usize = 950;
const LINGER: Duration = Duration::from_millis(5);
/// Messages asked for ahead, as the engine does.
const PREFETCH: usize = 1_000;

/// What to run on.
#[derive(Debug, Args)]
pub struct NativeArgs {
    /// The broker.
    #[arg(long)]
    nats: String,
    /// The input stream.
    #[arg(long)]
    stream: String,
    /// Outputs go to `<prefix>.<key>`, records to `<prefix>.commit.<partition>`; a stream holds both and
    /// allows atomic batches.
    #[arg(long)]
    prefix: String,
    /// Partitions.
    #[arg(long)]
    partitions: u32,
}

/// An event that was valid.
struct Work {
    sequence: u64,
    key: String,
    payload: Bytes,
}

/// Runs until it is killed.
pub async fn run(args: NativeArgs) -> anyhow::Result<()> {
    let client = tailrace_nats::async_nats::connect(&args.nats).await?;
    let jetstream = jetstream::new(client.clone());
    let consumer = jetstream
        .get_stream(&args.stream)
        .await?
        .create_consumer(pull::Config {
            ack_policy: jetstream::consumer::AckPolicy::All,
            max_ack_pending: 100_000,
            ..pull::Config::default()
        })
        .await?;
    let mut messages = consumer
        .stream()
        .max_messages_per_batch(PREFETCH)
        .messages()
        .await?;
    let mut lanes = Vec::new();
    let mut positions = Vec::new();
    for partition in 0..args.partitions {
        let (sender, lane) = mpsc::channel(4_096);
        let position = Arc::new(AtomicU64::new(0));
        lanes.push((sender, 0_u64));
        positions.push(position.clone());
        let subject = format!("{}.commit.{partition}", args.prefix);
        let writer = Writer {
            client: client.clone(),
            prefix: args.prefix.clone(),
            subject,
            expected: 0,
        };
        tokio::spawn(work(writer, lane, position));
    }
    let mut unacknowledged = std::collections::VecDeque::new();
    while let Some(message) = messages.next().await {
        let message = message.map_err(|cause| anyhow::anyhow!(cause))?;
        let sequence = message
            .info()
            .map_err(|cause| anyhow::anyhow!(cause))?
            .stream_sequence;
        let payload = message.payload.clone();
        if let Some(event) = validate(&payload) {
            let partition = partition_of(&event.user, args.partitions) as usize;
            let key = event.user.into_owned();
            let work = Work {
                sequence,
                key,
                payload: payload.clone(),
            };
            lanes[partition].1 = sequence;
            lanes[partition].0.send(work).await.context("a partition ended")?;
        }
        unacknowledged.push_back((sequence, message));
        if sequence % 512 == 0 {
            acknowledge(&mut unacknowledged, &lanes, &positions).await?;
        }
    }
    Ok(())
}

async fn acknowledge(
    unacknowledged: &mut std::collections::VecDeque<(u64, jetstream::Message)>,
    lanes: &[(mpsc::Sender<Work>, u64)],
    positions: &[Arc<AtomicU64>],
) -> anyhow::Result<()> {
    let done = lanes.iter().zip(positions).filter_map(|((_, given), position)| {
        let position = position.load(Ordering::Acquire);
        (position < *given).then_some(position)
    });
    let watermark = done.min().unwrap_or(u64::MAX);
    let mut last = None;
    while unacknowledged
        .front()
        .is_some_and(|(sequence, _)| *sequence <= watermark)
    {
        last = unacknowledged.pop_front();
    }
    if let Some((_, message)) = last {
        message
            .ack_with(AckKind::Ack)
            .await
            .map_err(|cause| anyhow::anyhow!(cause))?;
    }
    Ok(())
}

fn partition_of(key: &str, partitions: u32) -> u32 {
    use std::hash::Hasher as _;
    let mut hasher = SipHasher13::new_with_keys(1, 2);
    hasher.write(key.as_bytes());
    (hasher.finish() % u64::from(partitions)) as u32
}

/// Stores the batches of one partition.
struct Writer {
    client: Client,
    prefix: String,
    subject: String,
    expected: u64,
}

/// One partition: the next batch fills while the one before is stored.
async fn work(
    writer: Writer,
    mut lane: mpsc::Receiver<Work>,
    position: Arc<AtomicU64>,
) -> anyhow::Result<()> {
    // The writer is away while a batch is under way, and comes back with its answer.
    let (give_back, mut back) = mpsc::channel(1);
    give_back.send(writer).await?;
    while let Some(first) = lane.recv().await {
        let mut batch = Vec::with_capacity(BATCH);
        batch.push(first);
        let linger = tokio::time::sleep(LINGER);
        tokio::pin!(linger);
        let mut lingered = false;
        let mut writer = loop {
            tokio::select! {
                biased;
                work = lane.recv(), if batch.len() < BATCH => match work {
                    Some(work) => batch.push(work),
                    None => return Ok(()),
                },
                () = &mut linger, if !lingered => lingered = true,
                writer = back.recv(), if lingered || batch.len() == BATCH => {
                    break writer.context("a batch was refused")?;
                }
            }
        };
        let (give_back, position) = (give_back.clone(), position.clone());
        tokio::spawn(async move {
            if let Err(cause) = writer.store(&batch).await {
                println!("native worker: {cause}");
                std::process::exit(1);
            }
            let last = batch.last().map_or(0, |work| work.sequence);
            position.store(last, Ordering::Release);
            let _ = give_back.send(writer).await;
        });
    }
    Ok(())
}

impl Writer {
    async fn store(&mut self, batch: &[Work]) -> anyhow::Result<()> {
        let id = self.client.new_inbox();
        for (index, work) in batch.iter().enumerate() {
            let headers = numbered(&id, index + 1);
            let subject = format!("{}.{}", self.prefix, work.key);
            self.client
                .publish_with_headers(subject, headers, work.payload.clone())
                .await?;
        }
        let mut headers = numbered(&id, batch.len() + 1);
        headers.insert("Nats-Batch-Commit", "1");
        headers.insert(
            "Nats-Expected-Last-Subject-Sequence",
            HeaderValue::from(self.expected),
        );
        let position = batch.last().map_or(0, |work| work.sequence);
        let record = Bytes::from(position.to_le_bytes().to_vec());
        let answer = self
            .client
            .request_with_headers(self.subject.clone(), headers, record)
            .await?;
        let answer: serde_json::Value = serde_json::from_slice(&answer.payload)?;
        self.expected = answer["seq"]
            .as_u64()
            .with_context(|| format!("refused: {answer}"))?;
        Ok(())
    }
}

fn numbered(id: &str, number: usize) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert("Nats-Batch-Id", id);
    headers.insert("Nats-Batch-Sequence", HeaderValue::from(number));
    headers
}
