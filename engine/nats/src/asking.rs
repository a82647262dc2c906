//! What a connection asks of JetStream.

use serde::de::DeserializeOwned;
use serde_json::Value;
use tailrace_core::ports::broker::BrokerError;

use crate::{connect::NatsBroker, consumers::NatsHandle};

impl NatsBroker {
    /// Asks `$JS.API.<subject>`.
    pub(crate) async fn ask<T: DeserializeOwned>(
        &self,
        subject: &str,
        body: &Value,
    ) -> Result<T, BrokerError> {
        self.handle().ask(subject, body).await
    }

    /// What can be kept, and asks the same.
    pub(crate) fn handle(&self) -> NatsHandle {
        NatsHandle::new(&self.jetstream)
    }
}
