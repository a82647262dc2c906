//! Notices of alarms to a subject: a plain message, which a stream keeps if one holds the subject.

use bytes::Bytes;
use tailrace_core::ports::broker::BrokerError;

use crate::{connect::NatsBroker, error::unreachable};

impl NatsBroker {
    /// Publishes a message and waits until the server has it, for seconds at most.
    pub async fn publish_notice(&self, subject: &str, body: Bytes) -> Result<(), BrokerError> {
        if !self.connected() {
            return Err(unreachable(&"not connected"));
        }
        let sent = async {
            self.client()
                .publish(subject.to_owned(), body)
                .await
                .map_err(|cause| unreachable(&cause))?;
            self.client().flush().await.map_err(|cause| unreachable(&cause))
        };
        let within = tokio::time::timeout(self.options.request_timeout, sent);
        within.await.map_err(|cause| unreachable(&cause))?
    }
}
