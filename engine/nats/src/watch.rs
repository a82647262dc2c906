//! The watch of a key-value bucket. It is an ordered consumer with a name of its own, so that it can be removed
//! when the watch ends: a bucket has room for only so many consumers.

use async_nats::{
    HeaderMap,
    jetstream::{
        self,
        consumer::{DeliverPolicy, ReplayPolicy, push},
        kv,
        stream::LastRawMessageErrorKind,
    },
};
use async_trait::async_trait;
use futures::StreamExt as _;
use tailrace_core::ports::{
    broker::BrokerError,
    registry::{Entry, Watch},
};

use crate::{consumers::ConsumerGuard, error::unreachable, handle::NatsHandle};

/// Says of an entry what was done to its key.
const OPERATION: &str = "KV-Operation";
/// Says of an entry that the broker made it, because the key is gone.
const MARKER: &str = "Nats-Marker-Reason";

/// A watch.
pub(crate) struct NatsWatch {
    entries: push::Ordered,
    /// Begins the subject of every key.
    prefix: String,
    /// Revision of the last entry that was there at the beginning: until it has come, not all has been given. What
    /// the broker counts as pending is no sign of that: the consumer may be another one by then.
    whole_at: u64,
    /// Revision of the last entry that came.
    read_to: u64,
    marked: bool,
    _consumers: ConsumerGuard,
}

impl NatsWatch {
    /// Begins with the last entry of each key.
    pub(crate) async fn begin(broker: NatsHandle, store: &kv::Store) -> Result<Self, BrokerError> {
        let deliver_subject = broker.client().new_inbox();
        let unique = deliver_subject.rsplit('.').next().unwrap_or_default();
        let name = format!("watch_{unique}");
        // The client makes the consumer anew with a number behind its name. Before there is one, so that an end
        // in the middle leaves none.
        let consumers = ConsumerGuard::new(broker, store.stream_name.clone(), name.clone());
        let config = push::OrderedConfig {
            deliver_subject,
            name: Some(name),
            description: Some("Tailrace: watches the bucket".to_owned()),
            filter_subject: format!("{}>", store.prefix),
            replay_policy: ReplayPolicy::Instant,
            deliver_policy: DeliverPolicy::LastPerSubject,
            ..push::OrderedConfig::default()
        };
        let whole_at = last_entry(store).await?;
        let consumer = store.stream.create_consumer(config).await;
        let consumer = consumer.map_err(|cause| unreachable(&cause))?;
        let entries = consumer.messages().await;
        Ok(Self {
            entries: entries.map_err(|cause| unreachable(&cause))?,
            prefix: store.prefix.clone(),
            whole_at,
            read_to: 0,
            marked: false,
            _consumers: consumers,
        })
    }

    fn take(&mut self, message: jetstream::Message) -> Result<Entry, BrokerError> {
        let info = message.info().map_err(|cause| unreachable(&cause))?;
        let revision = info.stream_sequence;
        self.read_to = self.read_to.max(revision);
        let message = message.message;
        let key = message.subject.strip_prefix(&*self.prefix).unwrap_or_default();
        Ok(Entry {
            key: key.to_owned(),
            value: is_value(message.headers.as_ref()).then_some(message.payload),
            revision,
        })
    }
}

/// Revision of the last entry; 0 where there is none.
pub(crate) async fn last_entry(store: &kv::Store) -> Result<u64, BrokerError> {
    let all = format!("{}>", store.prefix);
    match store.stream.get_last_raw_message_by_subject(&all).await {
        Ok(last) => Ok(last.sequence),
        Err(cause) if cause.kind() == LastRawMessageErrorKind::NoMessageFound => Ok(0),
        Err(cause) => Err(unreachable(&cause)),
    }
}

/// A key's last entry, asked of the leader: the client would ask any copy, and one that lags behind knows of no entry
/// that was written just now.
pub(crate) async fn entry_of(store: &kv::Store, key: &str) -> Result<Option<Entry>, BrokerError> {
    let subject = format!("{}{key}", store.prefix);
    match store.stream.get_last_raw_message_by_subject(&subject).await {
        Ok(last) => Ok(Some(Entry {
            key: key.to_owned(),
            value: is_value(Some(&last.headers)).then_some(last.payload),
            revision: last.sequence,
        })),
        Err(cause) if cause.kind() == LastRawMessageErrorKind::NoMessageFound => Ok(None),
        Err(cause) => Err(unreachable(&cause)),
    }
}

/// Whether an entry holds a value, and does not say that its key is gone.
fn is_value(headers: Option<&HeaderMap>) -> bool {
    let Some(headers) = headers else { return true };
    match headers.get(OPERATION) {
        Some(operation) => operation.as_str() == "PUT",
        None => headers.get(MARKER).is_none(),
    }
}

#[async_trait]
impl Watch for NatsWatch {
    async fn next(&mut self) -> Result<Option<Entry>, BrokerError> {
        if self.read_to >= self.whole_at && !self.marked {
            self.marked = true;
            return Ok(None);
        }
        match self.entries.next().await {
            Some(Ok(message)) => self.take(message).map(Some),
            Some(Err(cause)) => Err(unreachable(&cause)),
            None => Err(unreachable(&"the watch ended")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_is_a_value_or_says_that_its_key_is_gone() {
        assert!(is_value(None));
        for (name, text, value) in [
            ("Other", "x", true),
            (OPERATION, "PUT", true),
            (OPERATION, "DEL", false),
            (OPERATION, "PURGE", false),
            (MARKER, "MaxAge", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(name, text);
            assert_eq!(is_value(Some(&headers)), value, "{name}: {text}");
        }
    }
}
