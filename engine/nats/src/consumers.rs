//! Consumers on the broker: what those of a pipeline are called, and which there are. What is asked of the
//! broker outlives the one who asks, so it goes through a handle that can be kept.

use serde::Deserialize;
use serde_json::{Value, json};
use tailrace_core::{identity::PipelineId, ports::broker::BrokerError};

use crate::{api, connect::NatsBroker};

#[derive(Deserialize)]
struct ConsumerNames {
    #[serde(default)]
    consumers: Option<Vec<String>>,
}

/// What a subscription needs of the broker.
#[derive(Clone)]
pub(crate) struct NatsHandle {
    pub(crate) client: async_nats::Client,
    pub(crate) jetstream: async_nats::jetstream::Context,
}

impl NatsHandle {
    pub(crate) async fn ask<T: serde::de::DeserializeOwned>(
        &self,
        subject: &str,
        body: &Value,
    ) -> Result<T, BrokerError> {
        let payload = if body.is_null() {
            Vec::new()
        } else {
            body.to_string().into_bytes()
        };
        let answer = self
            .client
            .request(format!("$JS.API.{subject}"), payload.into())
            .await;
        api::parse(
            &answer
                .map_err(|cause| BrokerError::Unreachable(cause.to_string()))?
                .payload,
        )
    }
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

impl NatsBroker {
    pub(crate) fn handle(&self) -> NatsHandle {
        NatsHandle {
            client: self.client.clone(),
            jetstream: self.jetstream.clone(),
        }
    }
}
