//! The consumer behind a subscription: how it is made, and which ones go for it.

use std::time::Duration;

use async_nats::jetstream::consumer::pull;
use serde::Deserialize;
use serde_json::{Value, json};
use tailrace_core::{
    manifest::Start,
    ports::broker::{BrokerError, InputError, SubscribeRequest},
};

use super::{NatsSubscription, Rebuild, altered, pulled::Pulled};
use crate::{
    api::{self, code},
    consumers::{ConsumerGuard, consumer_prefix, list_consumers, remove_consumer},
    stream_info::StreamInfo,
};

/// Messages asked for ahead: some milliseconds of work at full speed.
const PREFETCH: usize = 1_000;
/// Fewer than this are of no use.
const LEAST_ACK_PENDING: u64 = 10;
/// After so long without an acknowledgement the broker delivers again; what comes again is skipped.
const ACK_WAIT: Duration = Duration::from_mins(5);
/// A consumer that nobody pulls from goes away by itself, where no message's life depends on it. That is of an
/// engine that died: one that stops reading removes its own.
const INACTIVE: Duration = Duration::from_hours(1);
/// The server's heartbeat: after two of them without a word the consumer is given up.
const HEARTBEAT: Duration = Duration::from_secs(5);
/// How long one request for messages stands.
const EXPIRES: Duration = Duration::from_secs(30);

#[derive(Deserialize)]
struct Created {
    name: String,
    #[serde(default)]
    config: Value,
}

impl NatsSubscription {
    /// Makes a consumer; none where there is first a message to give that the client cannot read.
    pub(super) async fn make_consumer(&mut self) -> Result<Option<Pulled>, Rebuild> {
        let stream = self.request.stream.clone();
        self.check_lost().await;
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
        self.check_witness().await?;
        self.explicit_acks = info.config.retention == "workqueue";
        if self.rebuilds > 0 {
            self.unreadable = self.unreadable().await?;
            if self.unreadable.is_some() {
                return Ok(None);
            }
        }
        let allowed = info.config.consumer_limits.unwrap_or_default().max_ack_pending;
        if allowed > 0 {
            self.max_ack_pending = self.max_ack_pending.min(allowed);
        }
        let config = self.config(&info);
        let name = config["name"].as_str().unwrap_or_default();
        self.guard = (info.config.retention == "limits")
            .then(|| ConsumerGuard::new(self.broker.clone(), stream.clone(), name.to_owned()));
        let old = self.consumers(info.config.retention == "limits").await?;
        // A stream that keeps messages for its consumers must never be without one. Anywhere else the old ones go
        // first: two of a work queue may not overlap, and a stream, or an account, may take no more than there are.
        let keeps_for_consumers = info.config.retention == "interest";
        if !keeps_for_consumers {
            self.remove(&old).await?;
        }
        let made = self.create_consumer(&stream, config).await?;
        if keeps_for_consumers {
            self.remove(&old).await?;
        }
        self.consumer = Some(made.name.clone());
        self.made = altered::deciding(&made.config);
        self.certain_next = self.next_sequence;
        let unreachable = |cause: &dyn std::fmt::Display| BrokerError::Unreachable(cause.to_string());
        let consumer = self
            .broker
            .jetstream()
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
        Ok(Some(Pulled::new(messages.map_err(|cause| unreachable(&cause))?)))
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

    fn config(&self, info: &StreamInfo) -> Value {
        let unique = format!("{:x}", async_nats_id(&self.broker.client()));
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
}

/// A number that no other consumer of ours has: of the client's unique inbox.
fn async_nats_id(client: &async_nats::Client) -> u64 {
    use std::hash::{DefaultHasher, Hash as _, Hasher as _};
    let mut hasher = DefaultHasher::new();
    client.new_inbox().hash(&mut hasher);
    hasher.finish()
}
