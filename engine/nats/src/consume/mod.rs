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
//! - [`altered`]: a consumer that somebody has altered is none of ours;
//! - [`complete`]: up to where nothing is left;
//! - [`loss`]: what the stream has lost;
//! - [`origins`]: where a stream gets its messages from;
//! - [`unreadable`]: messages that the client cannot read.
//!
//! Why: docs/decisions/0012-the-consumer-is-expendable.md

mod altered;
mod complete;
mod loss;
mod making;
mod origins;
mod pulled;
mod unreadable;

use std::{collections::VecDeque, time::Duration};

use async_nats::jetstream::Message;
use async_trait::async_trait;
use serde::Deserialize;
use serde_json::Value;
use tailrace_core::{
    ports::broker::{BrokerError, Incoming, Input, InputError, Standing, SubscribeRequest, Subscription},
    watermark::Witness,
};
use tokio::{sync::watch, time::Instant};

use self::pulled::Pulled;
use crate::{
    connect::NatsBroker, consumers::ConsumerGuard, handle::NatsHandle, headers, stream_info::StreamInfo,
};

/// Deliveries that may be unacknowledged: more than all queues of a pipeline hold together.
const MAX_ACK_PENDING: u64 = 100_000;
/// First pause before a consumer is made anew; it doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// Longest pause before a consumer is made anew.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

#[derive(Deserialize)]
struct ConsumerInfo {
    /// As it is now.
    #[serde(default)]
    config: Value,
    num_pending: u64,
    #[serde(default)]
    num_ack_pending: u64,
    delivered: Delivered,
}

#[derive(Deserialize)]
struct Delivered {
    consumer_seq: u64,
}

/// The last message that a stream is known to have stored.
struct LastStored {
    sequence: u64,
    /// When. A purge leaves that as it is, however far it goes.
    time: String,
}

struct NatsSubscription {
    broker: NatsHandle,
    /// Counts lost connections.
    connection_lost: watch::Receiver<u64>,
    /// How many of them it was looked what ended them. What is left to look outlives a caller that stops waiting.
    looked_at: u64,
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
    /// Name of the one before, until another is made.
    lost: Option<String>,
    /// Its settings that decide what it gives, as the broker made it.
    made: Value,
    /// Up to here it is certain that nothing was passed over: what was the next sequence when the consumer was known to be
    /// as it was made.
    certain_next: Option<u64>,
    /// What was taken of it and is given next. It outlives a caller that stops waiting.
    taken: Vec<Incoming>,
    /// Whether something among that has no payload, only the size of one.
    is_bare: bool,
    /// The last message that the stream is known to have stored.
    stored: Option<LastStored>,
    /// Sequences that no message ever had: somebody purged beyond the end of the stream.
    unused: Option<(u64, u64)>,
    /// Whether a sequence that is left out was an event of the pipeline's, unless it went for a later one.
    sees_gaps: bool,
    /// Sequences that were left out: the first of them, and the one that came in their place.
    gap: Option<(u64, u64)>,
    /// Deliveries that may be unacknowledged, as far as the broker allows it.
    max_ack_pending: u64,
    /// A message that the client cannot read, to be given next.
    unreadable: Option<Incoming>,
    /// One that was given, and is the first of a work queue until it is deleted.
    unreadable_in_queue: Option<u64>,
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
        let mut connection_lost = self.lost.clone();
        let looked_at = *connection_lost.borrow_and_update();
        let next_sequence = request.from_sequence;
        let stream_created = request.stream_created.clone();
        let witness = request.witness;
        Ok(Box::new(NatsSubscription {
            broker,
            connection_lost,
            looked_at,
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
            lost: None,
            made: Value::Null,
            certain_next: next_sequence,
            taken: Vec::new(),
            is_bare: false,
            stored: None,
            unused: None,
            sees_gaps: false,
            gap: None,
            max_ack_pending: MAX_ACK_PENDING,
            unreadable: None,
            unreadable_in_queue: None,
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
                self.messages = messages;
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

    /// Gives the message that the client cannot read.
    fn give_unreadable(&mut self) -> Option<Incoming> {
        let given = self.unreadable.take()?;
        let Incoming {
            sequence,
            received_ms,
            ..
        } = given;
        tracing::warn!(
            stream = self.request.stream,
            sequence,
            why = given.unreadable,
            "a message that no client can read is given by itself"
        );
        self.unreadable_in_queue = Some(sequence).filter(|_| self.explicit_acks);
        self.next_sequence = Some(sequence + 1);
        self.witness = Some(Witness {
            sequence,
            received_ms,
        });
        Some(given)
    }

    /// The consumer is lost, for whatever reason.
    fn lose(&mut self, why: &str) {
        tracing::info!(role = self.request.role, why, "the consumer is made anew");
        self.messages = None;
        self.lost = self.consumer.take();
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
        self.note_bare(&message);
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
            unreadable: None,
        }))
    }
}

impl NatsSubscription {
    /// Takes a delivery, and what else has come already.
    fn take_ready(&mut self, first: pulled::Pull, max: usize) {
        let mut ready = Some(first);
        while let Some(message) = ready.take() {
            let taken = match message {
                Some(Ok(message)) => self.take(message),
                Some(Err(cause)) => Err(cause.to_string()),
                None => Err("the client's stream of messages ended".to_owned()),
            };
            match taken {
                Ok(incoming) => self.taken.extend(incoming),
                Err(why) => {
                    self.lose(&why);
                    break;
                }
            }
            if self.taken.len() < max {
                ready = self.messages.as_mut().and_then(Pulled::ready);
            }
        }
    }
}

#[async_trait]
impl Subscription for NatsSubscription {
    async fn next(&mut self, max: usize) -> Result<Vec<Incoming>, InputError> {
        loop {
            if let Some(given) = self.give_unreadable() {
                return Ok(vec![given]);
            }
            if self.unreadable_in_queue.is_some() {
                // Until it is deleted, each consumer would begin with it.
                std::future::pending::<()>().await;
            }
            if self.taken.is_empty() {
                let lost = *self.connection_lost.borrow();
                let Some(messages) = &mut self.messages else {
                    self.looked_at = lost;
                    self.rebuild().await?;
                    continue;
                };
                if lost != self.looked_at {
                    self.look_what_ended_the_connection().await;
                    self.looked_at = lost;
                    continue;
                }
                tokio::select! {
                    first = messages.next() => self.take_ready(first, max),
                    Ok(()) = self.connection_lost.changed() => continue,
                }
            }
            // Whoever stops waiting here finds what was taken the next time.
            self.check_bare().await;
            self.check_gap().await?;
            if !self.taken.is_empty() {
                return Ok(std::mem::take(&mut self.taken));
            }
        }
    }

    async fn acknowledge(&mut self, low_water: u64) {
        self.remove_unreadable(low_water).await;
        let mut last = None;
        while let Some((_, reply)) = self
            .unacknowledged
            .pop_front_if(|(sequence, _)| *sequence <= low_water)
        {
            if self.explicit_acks {
                let _ = self.broker.client().publish(reply, "+ACK".into()).await;
            } else {
                last = Some(reply);
            }
        }
        if let Some(reply) = last {
            let _ = self.broker.client().publish(reply, "+ACK".into()).await;
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
        let Ok(mut info) = self
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
        // Before anything that this very answer says is believed.
        if self.is_altered(&standing.config) {
            return Ok(None);
        }
        self.certain_next = self.next_sequence;
        self.note_end(&info);
        self.learn_origins(&mut info).await;
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
