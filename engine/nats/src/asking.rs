//! What a connection asks of JetStream.

use serde::de::DeserializeOwned;
use serde_json::Value;
use tailrace_core::ports::broker::BrokerError;

use crate::connect::NatsBroker;

impl NatsBroker {
    /// Asks `$JS.API.<subject>`.
    pub(crate) async fn ask<T: DeserializeOwned>(
        &self,
        subject: &str,
        body: &Value,
    ) -> Result<T, BrokerError> {
        self.handle().ask(subject, body).await
    }
}
