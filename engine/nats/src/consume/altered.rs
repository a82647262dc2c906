//! A consumer that somebody has altered is none of ours: it passes over events, or gives them without their payload, and
//! says that nothing is left. So its settings are compared with those that it was made with, in the very answer that says
//! how much it has to give. It is made anew behind what was read when it was known to be ours.
//!
//! Why: docs/decisions/0205-a-consumer-that-was-altered-is-not-believed.md

use serde_json::{Map, Value};

use super::{ConsumerInfo, NatsSubscription};

/// The settings that decide what is given, and when.
const DECIDING: [&str; 15] = [
    "ack_policy",
    "ack_wait",
    "backoff",
    "deliver_policy",
    "deliver_subject",
    "filter_subject",
    "filter_subjects",
    "headers_only",
    "max_ack_pending",
    "max_deliver",
    "opt_start_seq",
    "opt_start_time",
    "pause_until",
    "rate_limit_bps",
    "replay_policy",
];
/// Stands in the place of a payload, where a consumer gives headers only.
const SIZE: &str = "Nats-Msg-Size";

/// The settings of a consumer that decide what it gives.
pub(super) fn deciding(config: &Value) -> Value {
    let found = |name: &str| Some((name.to_owned(), config.get(name)?.clone()));
    DECIDING
        .into_iter()
        .filter_map(found)
        .collect::<Map<_, _>>()
        .into()
}

impl NatsSubscription {
    /// Takes note of a message that has no payload, only the size of one.
    pub(super) fn note_bare(&mut self, message: &async_nats::Message) {
        let headers = message.headers.as_ref();
        let has_size = headers.is_some_and(|headers| headers.get(SIZE).is_some());
        self.is_bare |= message.payload.is_empty() && has_size;
    }

    /// Whether the consumer is another one than was made. Then it is given up.
    pub(super) fn is_altered(&mut self, config: &Value) -> bool {
        let now = deciding(config);
        if now == self.made {
            return false;
        }
        let (certain, next) = (self.certain_next, self.next_sequence);
        tracing::warn!(
            role = self.request.role,
            stream = self.request.stream,
            consumer = self.consumer,
            made = %self.made,
            %now,
            "somebody has altered the consumer; events from sequence {} up to {} may have been passed over, and are read again",
            certain.unwrap_or(1),
            next.unwrap_or(1).saturating_sub(1),
        );
        self.read_again("it was altered");
        true
    }

    /// Whether the consumer before was altered, too, so that it was lost.
    pub(super) async fn check_lost(&mut self) {
        let Some(lost) = &self.lost else {
            return;
        };
        let asked = format!("CONSUMER.INFO.{}.{lost}", self.request.stream);
        let standing = self.broker.ask::<ConsumerInfo>(&asked, &Value::Null).await;
        self.lost = None;
        if let Ok(standing) = standing {
            self.is_altered(&standing.config);
        }
    }

    /// What was taken without a payload is not given before it is known that the message has none.
    pub(super) async fn check_bare(&mut self) {
        if !self.is_bare {
            return;
        }
        let Some(consumer) = self.consumer.clone() else {
            return self.read_again("it is gone, and its last messages had no payload");
        };
        let asked = format!("CONSUMER.INFO.{}.{consumer}", self.request.stream);
        match self.broker.ask::<ConsumerInfo>(&asked, &Value::Null).await {
            // A publisher may write that header, too.
            Ok(standing) if !self.is_altered(&standing.config) => self.is_bare = false,
            Ok(_) => {}
            Err(_) => self.read_again("its messages have no payload, and it does not answer"),
        }
    }

    /// Gives the consumer up, and what was taken of it. The next begins where nothing can have been passed over.
    fn read_again(&mut self, why: &str) {
        self.lose(why);
        self.taken.clear();
        self.is_bare = false;
        self.gap = None;
        self.next_sequence = self.certain_next;
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_what_decides_what_is_given_counts() {
        let made = json!({ "name": "c", "filter_subjects": ["a.>"], "ack_policy": "all", "num_replicas": 0 });
        let same =
            json!({ "filter_subjects": ["a.>"], "ack_policy": "all", "metadata": {}, "num_replicas": 3 });
        assert_eq!(deciding(&made), deciding(&same));
        for (field, value) in [
            ("filter_subject", json!("a.b")),
            ("filter_subjects", json!(["a.b"])),
            ("headers_only", json!(true)),
            ("max_deliver", json!(1)),
        ] {
            let mut now = made.clone();
            now[field] = value;
            assert_ne!(deciding(&made), deciding(&now), "{field}");
        }
    }
}
