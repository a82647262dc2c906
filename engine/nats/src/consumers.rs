//! Consumers on the broker: what those of a pipeline are called, and which there are. What is asked of the
//! broker outlives the one who asks, so it goes through a handle that can be kept.

use serde::Deserialize;
use serde_json::{Value, json};
use tailrace_core::{identity::PipelineId, ports::broker::BrokerError, tasks};

use crate::{
    api::{self, code},
    handle::NatsHandle,
};

#[derive(Deserialize)]
struct ConsumerNames {
    #[serde(default)]
    consumers: Option<Vec<String>>,
}

/// Consumers of a pipeline begin with it; names have no underscore, so no two share one.
pub(crate) fn consumer_prefix(pipeline: &PipelineId) -> String {
    format!("tr_{}_{}_", pipeline.tenant, pipeline.pipeline)
}

/// Names of all consumers of a stream.
pub(crate) async fn list_consumers(broker: &NatsHandle, stream: &str) -> Result<Vec<String>, BrokerError> {
    let mut names = Vec::new();
    loop {
        let page: ConsumerNames = broker
            .ask(
                &format!("CONSUMER.NAMES.{stream}"),
                &json!({ "offset": names.len() }),
            )
            .await?;
        let page = page.consumers.unwrap_or_default();
        if page.is_empty() {
            return Ok(names);
        }
        names.extend(page);
    }
}

/// Removes the consumers of a stream whose names begin with a text, once it is dropped. Nobody waits for that:
/// one that it cannot remove goes when it has been idle for long enough.
pub(crate) struct ConsumerGuard {
    broker: NatsHandle,
    stream: String,
    prefix: String,
}

impl ConsumerGuard {
    pub(crate) fn new(broker: NatsHandle, stream: String, prefix: String) -> Self {
        Self {
            broker,
            stream,
            prefix,
        }
    }

    async fn remove(broker: &NatsHandle, stream: &str, prefix: &str) -> Result<(), BrokerError> {
        let names = list_consumers(broker, stream).await?;
        for name in names.iter().filter(|name| name.starts_with(prefix)) {
            remove_consumer(broker, stream, name).await?;
        }
        Ok(())
    }
}

impl Drop for ConsumerGuard {
    fn drop(&mut self) {
        // Without a runtime the process ends.
        if tokio::runtime::Handle::try_current().is_err() {
            return;
        }
        let (broker, stream) = (self.broker.clone(), std::mem::take(&mut self.stream));
        let prefix = std::mem::take(&mut self.prefix);
        tasks::spawn(async move {
            if let Err(cause) = Self::remove(&broker, &stream, &prefix).await {
                tracing::debug!(stream, prefix, %cause, "consumers stay until they have been idle for long enough");
            }
        });
    }
}

/// Removes a consumer; fine if there is none.
pub(crate) async fn remove_consumer(
    broker: &NatsHandle,
    stream: &str,
    name: &str,
) -> Result<(), BrokerError> {
    let subject = format!("CONSUMER.DELETE.{stream}.{name}");
    match broker.ask::<Value>(&subject, &Value::Null).await {
        Err(cause) if !api::is(&cause, code::CONSUMER_NOT_FOUND) => Err(cause),
        _ => Ok(()),
    }
}
