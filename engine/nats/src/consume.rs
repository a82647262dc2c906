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
//! Why: docs/decisions/0012-the-consumer-is-expendable.md

use std::{collections::VecDeque, time::Duration};

use async_nats::jetstream::{
    Message,
    consumer::pull::{self, MessagesError},
};
use async_trait::async_trait;
use futures::{FutureExt as _, StreamExt as _};
use serde::Deserialize;
use serde_json::{Value, json};
use tailrace_core::{
    manifest::{OnLoss, Start},
    observe::input::Loss,
    ports::broker::{BrokerError, Incoming, Input, InputError, Standing, SubscribeRequest, Subscription},
    subject,
};
use tokio::time::Instant;

use crate::{
    api::{self, code},
    connect::NatsBroker,
    consumers::{ConsumerGuard, NatsHandle, consumer_prefix, list_consumers, remove_consumer},
    headers,
    streams::{StreamInfo, facts},
};

/// Messages asked for ahead: some milliseconds of work at full speed.
const PREFETCH: usize = 1_000;
/// Deliveries that may be unacknowledged: more than all queues of a pipeline hold together.
const MAX_ACK_PENDING: u64 = 100_000;
/// Fewer than this are of no use.
const LEAST_ACK_PENDING: u64 = 10;
/// After so long without an acknowledgement the broker delivers again; what comes again is skipped.
const ACK_WAIT: Duration = Duration::from_mins(5);
/// A consumer that nobody pulls from goes away by itself, where no message's life depends on it. That is of an
/// engine that died: one that stops reading removes its own.
const INACTIVE: Duration = Duration::from_hours(1);
/// First pause before a consumer is made anew; it doubles up to [`LONGEST_PAUSE`].
const FIRST_PAUSE: Duration = Duration::from_millis(50);
/// Longest pause before a consumer is made anew.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);
/// The server's heartbeat: after two of them without a word the consumer is given up.
const HEARTBEAT: Duration = Duration::from_secs(5);
/// After so long, what the broker has delivered and nobody has got is lost: it went to a connection that is dead. The
/// broker would deliver it again after [`ACK_WAIT`].
const LOST_AFTER: Duration = Duration::from_secs(5);
/// How long one request for messages stands.
const EXPIRES: Duration = Duration::from_secs(30);

#[derive(Deserialize)]
struct Created {
    name: String,
}

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
    messages: Option<pull::Stream>,
    /// Removes the consumer in the end, where no message's life depends on it.
    guard: Option<ConsumerGuard>,
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
    /// What the client's stream gave when it was only looked at.
    held: Option<Option<Result<Message, MessagesError>>>,
    /// The broker has had more after this delivery, and since when.
    behind: Option<(u64, Instant)>,
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
        Ok(Box::new(NatsSubscription {
            broker,
            request,
            stream_created,
            messages: None,
            guard: None,
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
            held: None,
            behind: None,
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
        self.held = None;
        self.behind = None;
        self.consumer = None;
        self.rebuilds += 1;
    }

    async fn make_consumer(&mut self) -> Result<pull::Stream, Rebuild> {
        let stream = self.request.stream.clone();
        let info: StreamInfo = match self
            .broker
            .ask(&format!("STREAM.INFO.{stream}"), &Value::Null)
            .await
        {
            Err(cause) if api::is(&cause, code::STREAM_NOT_FOUND) => {
                return Err(Rebuild::Never(InputError::Deleted(stream)));
            }
            other => other?,
        };
        self.check_stream(&info)?;
        self.explicit_acks = info.config.retention == "workqueue";
        let allowed = info.config.consumer_limits.unwrap_or_default().max_ack_pending;
        if allowed > 0 {
            self.max_ack_pending = self.max_ack_pending.min(allowed);
        }
        let config = self.config(&info);
        let name = config["name"].as_str().unwrap_or_default();
        self.guard = (info.config.retention == "limits")
            .then(|| ConsumerGuard::new(self.broker.clone(), stream.clone(), name.to_owned()));
        let old = self.consumers(info.config.retention == "limits").await?;
        if self.explicit_acks {
            // Two consumers of a work queue may not overlap; what is unacknowledged stays.
            self.remove(&old).await?;
        }
        let made = self.create_consumer(&stream, config).await?;
        if !self.explicit_acks {
            // The new one is there before the old ones go: a stream that keeps messages for its
            // consumers must never be without one.
            self.remove(&old).await?;
        }
        self.consumer = Some(made.name.clone());
        let unreachable = |cause: &dyn std::fmt::Display| BrokerError::Unreachable(cause.to_string());
        let consumer = self
            .broker
            .jetstream
            .get_consumer_from_stream::<pull::Config, _, _>(&made.name, &stream)
            .await;
        let consumer = consumer.map_err(|cause| unreachable(&cause))?;
        let messages = consumer
            .stream()
            .max_messages_per_batch(PREFETCH)
            .heartbeat(HEARTBEAT)
            .expires(EXPIRES)
            .messages()
            .await;
        Ok(messages.map_err(|cause| unreachable(&cause))?)
    }

    /// Makes a consumer. One that asks for more than the broker allows is made with less: fewer deliveries at once
    /// only cost speed.
    async fn create_consumer(&mut self, stream: &str, mut config: Value) -> Result<Created, BrokerError> {
        let subject = format!(
            "CONSUMER.CREATE.{stream}.{}",
            config["name"].as_str().unwrap_or_default()
        );
        loop {
            config["max_ack_pending"] = json!(self.max_ack_pending);
            let request = json!({ "stream_name": stream, "config": config, "action": "create" });
            match self.broker.ask::<Created>(&subject, &request).await {
                Err(BrokerError::Refused { description, .. })
                    if description.contains("max ack pending")
                        && self.max_ack_pending > LEAST_ACK_PENDING =>
                {
                    self.max_ack_pending /= 10;
                    tracing::info!(
                        max_ack_pending = self.max_ack_pending,
                        "the broker allows fewer unacknowledged deliveries; less is asked for"
                    );
                }
                made => return made,
            }
        }
    }

    /// Whether the stream is still the one whose sequences were committed.
    fn check_stream(&mut self, info: &StreamInfo) -> Result<(), Rebuild> {
        let stream = self.request.stream.clone();
        let known = self.stream_created.get_or_insert_with(|| info.created.clone());
        let facts = facts(info);
        let next = self.next_sequence.unwrap_or(0);
        if *known != info.created || next > facts.last_sequence + 1 {
            return Err(Rebuild::Never(InputError::Recreated(stream)));
        }
        // Where messages live until they are acknowledged, their going is no loss.
        let keeps_to_limits = info.config.retention == "limits";
        let is_covered = info.config.is_covered_by(&self.request.subjects);
        self.sees_gaps = keeps_to_limits && is_covered && !info.config.keeps_the_last();
        if keeps_to_limits && next > 0 && facts.first_sequence > next {
            self.lost(next, facts.first_sequence - 1, is_covered)
                .map_err(Rebuild::Never)?;
            self.next_sequence = Some(facts.first_sequence);
        }
        self.check_subjects(info);
        if self.next_sequence.is_none() && self.request.start == Start::New {
            self.next_sequence = Some(facts.last_sequence + 1);
        }
        Ok(())
    }

    /// Events that are gone. Whether they were this pipeline's is certain where its subjects are all that the stream
    /// holds; otherwise nobody knows, and it goes on and says so.
    fn lost(&self, from: u64, to: u64, is_certain: bool) -> Result<(), InputError> {
        let loss = Loss {
            from,
            to,
            events: to + 1 - from,
            is_certain,
        };
        let stream = self.request.stream.clone();
        if is_certain && self.request.on_loss == OnLoss::Park {
            return Err(InputError::Lost { stream, loss });
        }
        let SubscribeRequest { watch, .. } = &self.request;
        tracing::warn!(
            stream,
            from,
            to,
            is_certain,
            "the input stream dropped events before they were processed; the pipeline goes on"
        );
        watch.lose(loss);
        Ok(())
    }

    /// Whether the stream still takes the pipeline's subjects. It may have been changed since.
    fn check_subjects(&self, info: &StreamInfo) {
        let held = info.config.subjects.as_deref().unwrap_or_default();
        let is_reached = |filter: &String| held.iter().any(|held| subject::overlap(held, filter));
        let missing = self.request.subjects.iter().find(|filter| !is_reached(filter));
        let trouble = missing.filter(|_| !info.config.is_derived()).map(|filter| {
            format!(
                "stream {} does not take {filter:?} any more; give it the subject back, or read another stream: tailrace pipeline resume {} --stream STREAM --from first",
                self.request.stream, self.request.pipeline.pipeline
            )
        });
        match trouble {
            Some(trouble) => self.request.watch.trouble(trouble),
            None => self.request.watch.trouble_over(),
        }
    }

    /// Whether sequences that were left out have gone by the bounds of the stream, and not by somebody's hand.
    async fn check_gap(&mut self) -> Result<(), InputError> {
        let Some((from, to)) = self.gap.take() else {
            return Ok(());
        };
        let asked = format!("STREAM.INFO.{}", self.request.stream);
        let info: StreamInfo = match self.broker.ask(&asked, &Value::Null).await {
            Ok(info) => info,
            Err(cause) => {
                tracing::debug!(%cause, from, to, "what became of left out sequences is not known yet");
                self.gap = Some((from, to));
                return Ok(());
            }
        };
        let gone = info.state.first_seq.min(to);
        if gone > from {
            self.lost(from, gone - 1, true)?;
        }
        Ok(())
    }

    fn config(&self, info: &StreamInfo) -> Value {
        let unique = format!("{:x}", async_nats_id(&self.broker.client));
        let SubscribeRequest {
            pipeline,
            role,
            engine,
            ..
        } = &self.request;
        let name = format!("{}{role}_{engine}_{unique}", consumer_prefix(pipeline));
        let mut config = json!({
            "name": name,
            "durable_name": name,
            "ack_policy": if self.explicit_acks { "explicit" } else { "all" },
            "ack_wait": ACK_WAIT.as_nanos() as u64,
            "filter_subjects": self.request.subjects,
            "replay_policy": "instant",
            "deliver_policy": "all",
        });
        let limits = info.config.consumer_limits.unwrap_or_default();
        if info.config.retention == "limits" {
            let most = Some(limits.inactive_threshold).filter(|most| *most > 0);
            let inactive = INACTIVE.as_nanos() as u64;
            config["inactive_threshold"] = json!(most.map_or(inactive, |most| most.min(inactive)));
        }
        if !self.explicit_acks {
            self.begin_at(&mut config);
        }
        config
    }

    /// Where the consumer begins. A work queue knows only its beginning; what was done is skipped.
    fn begin_at(&self, config: &mut Value) {
        match (self.next_sequence, self.request.start.clone()) {
            (Some(sequence), _) | (None, Start::Sequence(sequence)) => {
                config["deliver_policy"] = json!("by_start_sequence");
                config["opt_start_seq"] = json!(sequence);
            }
            (None, Start::Time(time)) => {
                config["deliver_policy"] = json!("by_start_time");
                config["opt_start_time"] = json!(time);
            }
            (None, Start::All | Start::New) => {}
        }
    }

    /// Consumers that were made for this before and are to go: this engine's own, and where one engine
    /// reads for all, those of the engines before it.
    async fn consumers(&self, shared: bool) -> Result<Vec<String>, BrokerError> {
        let SubscribeRequest {
            pipeline,
            role,
            engine,
            ..
        } = &self.request;
        let everyone = format!("{}{role}_", consumer_prefix(pipeline));
        let prefix = if shared {
            format!("{everyone}{engine}_")
        } else {
            everyone
        };
        let names = list_consumers(&self.broker, &self.request.stream).await?;
        Ok(names
            .into_iter()
            .filter(|name| name.starts_with(&prefix))
            .collect())
    }

    async fn remove(&self, names: &[String]) -> Result<(), BrokerError> {
        for name in names {
            remove_consumer(&self.broker, &self.request.stream, name).await?;
        }
        Ok(())
    }

    /// Gives the consumer up where the broker has messages for it and none comes: deliveries were lost on the way and
    /// none follows that would show the gap, or the request for more was.
    fn watch_deliveries(&mut self, waiting: u64) {
        match self.behind {
            _ if waiting == 0 => self.behind = None,
            Some((delivery, since)) if delivery == self.delivery => {
                if since.elapsed() > LOST_AFTER && self.is_drained() {
                    self.lose("the broker has messages, and none comes");
                }
            }
            _ => self.behind = Some((self.delivery, Instant::now())),
        }
    }

    /// Whether the client holds nothing that has come and was not taken yet.
    fn is_drained(&mut self) -> bool {
        if self.held.is_none()
            && let Some(messages) = &mut self.messages
        {
            self.held = messages.next().now_or_never();
        }
        self.held.is_none()
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

/// A number that no other consumer of ours has: of the client's unique inbox.
fn async_nats_id(client: &async_nats::Client) -> u64 {
    use std::hash::{DefaultHasher, Hash as _, Hasher as _};
    let mut hasher = DefaultHasher::new();
    client.new_inbox().hash(&mut hasher);
    hasher.finish()
}

#[async_trait]
impl Subscription for NatsSubscription {
    async fn next(&mut self, max: usize) -> Result<Vec<Incoming>, InputError> {
        loop {
            let Some(messages) = &mut self.messages else {
                self.rebuild().await?;
                continue;
            };
            let first = match self.held.take() {
                Some(held) => held,
                None => messages.next().await,
            };
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
                    ready = self
                        .messages
                        .as_mut()
                        .and_then(|messages| messages.next().now_or_never());
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
        self.watch_deliveries(if is_full { 0 } else { pending });
        Ok(Some(Standing {
            pending,
            complete_to: if pending == 0 { info.state.last_seq } else { 0 },
        }))
    }
}
