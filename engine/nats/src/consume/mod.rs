//! An endless, ordered subscription.
//!
//! Consumers come and go behind it; what comes out is every message of its subjects, in stream order,
//! each once. That rests on the consumer's own count of deliveries: it must go up by one with every
//! message. A gap means that a delivery was lost on the way, and then, as with every error and every
//! end of the client's stream, the consumer is made anew behind the last message that was given.
//!
//! Acknowledgements are a courtesy: they tell the broker what it need not keep for us and show how far
//! we are. Nothing is decided by them, so nobody waits for them. Streams that keep messages until they
//! are acknowledged by someone (`workqueue`) take each one; elsewhere one acknowledges all before it.
//!
//! - [`making`]: the consumer behind it;
//! - [`pulled`]: what the client gives of its messages, and when that stands still;
//! - [`complete`]: up to where nothing is left;
//! - [`loss`]: what the stream has lost.
//!
//! Why: docs/decisions/0012-the-consumer-is-expendable.md

mod complete;
mod loss;
mod making;
mod pulled;

use std::{collections::VecDeque, time::Duration};

use async_nats::jetstream::Message;
use async_trait::async_trait;
use serde::Deserialize;
use serde_json::Value;
use tailrace_core::{
    ports::broker::{BrokerError, Incoming, Input, InputError, Standing, SubscribeRequest, Subscription},
    watermark::Witness,
};
use tokio::time::Instant;

use self::pulled::Pulled;
use crate::{
    connect::NatsBroker,
    consumers::{ConsumerGuard, NatsHandle},
    headers,
    stream_info::StreamInfo,
};

/// Deliveries that may be unacknowledged: more than all queues of a pipeline hold together.
const MAX_ACK_PENDING: u64 = 100_000;
/// First pause before a consumer is made anew; it doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// Longest pause before a consumer is made anew.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

#[derive(Deserialize)]
struct ConsumerInfo {
    num_pending: u64,
    #[serde(default)]
    num_ack_pending: u64,
    delivered: Delivered,
}

#[derive(Deserialize)]
struct Delivered {
    consumer_seq: u64,
}

struct NatsSubscription {
    broker: NatsHandle,
    request: SubscribeRequest,
    /// When the stream was made: another moment means another stream.
    stream_created: Option<String>,
    messages: Option<Pulled>,
    /// Removes the consumer in the end, where no message's life depends on it.
    guard: Option<ConsumerGuard>,
    /// The last message that was given, or was read before.
    witness: Option<Witness>,
    /// First sequence that has not been given yet; none before anything is known.
    next_sequence: Option<u64>,
    /// The consumer's count of its last delivery.
    delivery: u64,
    explicit_acks: bool,
    /// What was given and not acknowledged: sequence and where to acknowledge.
    unacknowledged: VecDeque<(u64, async_nats::Subject)>,
    rebuilds: u64,
    pause: Duration,
    retry_at: Option<Instant>,
    /// Name of the consumer, while there is one.
    consumer: Option<String>,
    /// Whether a sequence that is left out was an event of the pipeline's, unless it went for a later one.
    sees_gaps: bool,
    /// Sequences that were left out: the first of them, and the one that came in their place.
    gap: Option<(u64, u64)>,
    /// Deliveries that may be unacknowledged, as far as the broker allows it.
    max_ack_pending: u64,
}

/// Why a consumer could not be made: worth another try, or not.
enum Rebuild {
    Later(BrokerError),
    Never(InputError),
}

impl From<BrokerError> for Rebuild {
    fn from(cause: BrokerError) -> Self {
        Self::Later(cause)
    }
}

#[async_trait]
impl Input for NatsBroker {
    async fn subscribe(&self, request: SubscribeRequest) -> Result<Box<dyn Subscription>, InputError> {
        let broker = self.handle();
        let next_sequence = request.from_sequence;
        let stream_created = request.stream_created.clone();
        let witness = request.witness;
        Ok(Box::new(NatsSubscription {
            broker,
            request,
            stream_created,
            messages: None,
            guard: None,
            witness,
            next_sequence,
            delivery: 0,
            explicit_acks: false,
            unacknowledged: VecDeque::new(),
            rebuilds: 0,
            pause: FIRST_PAUSE,
            retry_at: None,
            consumer: None,
            sees_gaps: false,
            gap: None,
            max_ack_pending: MAX_ACK_PENDING,
        }))
    }
}

impl NatsSubscription {
    /// Makes a consumer behind what was given, after the pause that is due.
    async fn rebuild(&mut self) -> Result<(), InputError> {
        if let Some(moment) = self.retry_at {
            tokio::time::sleep_until(moment).await;
        }
        self.retry_at = Some(Instant::now() + self.pause);
        match self.make_consumer().await {
            Ok(messages) => {
                self.messages = Some(messages);
                self.delivery = 0;
                self.unacknowledged.clear();
                self.retry_at = None;
                self.request.watch.trouble_over();
                Ok(())
            }
            Err(Rebuild::Never(cause)) => Err(cause),
            Err(Rebuild::Later(cause)) => {
                let trouble = format!("there is no consumer on stream {}: {cause}", self.request.stream);
                if self.request.watch.current_trouble().as_ref() != Some(&trouble) {
                    tracing::warn!(role = self.request.role, %cause, "no consumer yet");
                }
                self.request.watch.trouble(trouble);
                self.pause = (self.pause * 2).min(LONGEST_PAUSE);
                self.retry_at = Some(Instant::now() + self.pause);
                Ok(())
            }
        }
    }

    /// The consumer is lost, for whatever reason.
    fn lose(&mut self, why: &str) {
        tracing::info!(role = self.request.role, why, "the consumer is made anew");
        self.messages = None;
        self.consumer = None;
        self.rebuilds += 1;
    }

    /// Takes a delivery; `None` for one that came before.
    fn take(&mut self, message: Message) -> Result<Option<Incoming>, String> {
        let info = message.info().map_err(|cause| cause.to_string())?;
        let (sequence, delivery) = (info.stream_sequence, info.consumer_sequence);
        let received_ms = u64::try_from(info.published.unix_timestamp_nanos() / 1_000_000).unwrap_or(0);
        if delivery != self.delivery + 1 {
            return Err(format!("delivery {delivery} follows delivery {}", self.delivery));
        }
        self.delivery = delivery;
        let message = message.message;
        if let Some(reply) = message.reply {
            self.unacknowledged.push_back((sequence, reply));
        }
        if self.next_sequence.is_some_and(|next| sequence < next) {
            return Ok(None);
        }
        if let Some(next) = self
            .next_sequence
            .filter(|next| self.sees_gaps && sequence > *next)
        {
            let from = self.gap.map_or(next, |(from, _)| from);
            self.gap = Some((from, sequence));
        }
        self.next_sequence = Some(sequence + 1);
        self.witness = Some(Witness {
            sequence,
            received_ms,
        });
        self.pause = FIRST_PAUSE;
        Ok(Some(Incoming {
            sequence,
            received_ms,
            subject: message.subject.to_string(),
            headers: headers::to_engine(message.headers.as_ref()),
            payload: message.payload,
        }))
    }
}

#[async_trait]
impl Subscription for NatsSubscription {
    async fn next(&mut self, max: usize) -> Result<Vec<Incoming>, InputError> {
        loop {
            let Some(messages) = &mut self.messages else {
                self.rebuild().await?;
                continue;
            };
            let first = messages.next().await;
            let mut batch = Vec::new();
            let mut ready = Some(first);
            while let Some(message) = ready.take() {
                let taken = match message {
                    Some(Ok(message)) => self.take(message),
                    Some(Err(cause)) => Err(cause.to_string()),
                    None => Err("the client's stream of messages ended".to_owned()),
                };
                match taken {
                    Ok(incoming) => batch.extend(incoming),
                    Err(why) => {
                        self.lose(&why);
                        break;
                    }
                }
                if batch.len() < max {
                    ready = self.messages.as_mut().and_then(Pulled::ready);
                }
            }
            self.check_gap().await?;
            if !batch.is_empty() {
                return Ok(batch);
            }
        }
    }

    async fn acknowledge(&mut self, low_water: u64) {
        let mut last = None;
        while let Some((_, reply)) = self
            .unacknowledged
            .pop_front_if(|(sequence, _)| *sequence <= low_water)
        {
            if self.explicit_acks {
                let _ = self.broker.client.publish(reply, "+ACK".into()).await;
            } else {
                last = Some(reply);
            }
        }
        if let Some(reply) = last {
            let _ = self.broker.client.publish(reply, "+ACK".into()).await;
        }
    }

    fn rebuilds(&self) -> u64 {
        self.rebuilds
    }

    async fn standing(&mut self) -> Result<Option<Standing>, InputError> {
        let Some(consumer) = self.consumer.clone() else {
            return Ok(None);
        };
        let stream = &self.request.stream;
        // The stream first: what comes in between is pending, and so nothing is taken for read that was not.
        let Ok(info) = self
            .broker
            .ask::<StreamInfo>(&format!("STREAM.INFO.{stream}"), &Value::Null)
            .await
        else {
            return Ok(None);
        };
        let asked = format!("CONSUMER.INFO.{stream}.{consumer}");
        let Ok(standing) = self.broker.ask::<ConsumerInfo>(&asked, &Value::Null).await else {
            return Ok(None);
        };
        self.check_subjects(&info);
        let on_the_way = standing.delivered.consumer_seq.saturating_sub(self.delivery);
        let pending = standing.num_pending + on_the_way;
        // Beyond that the broker waits for acknowledgements, not we for it.
        let is_full = standing.num_ack_pending >= self.max_ack_pending;
        let waiting = if is_full { 0 } else { pending };
        let messages = self.messages.as_mut();
        if messages.is_some_and(|messages| messages.is_stalled(self.delivery, waiting)) {
            self.lose("the broker has messages, and none comes");
        }
        let complete_to = match pending {
            0 => self.complete_to(&info).await,
            _ => None,
        };
        Ok(Some(Standing { pending, complete_to }))
    }
}
