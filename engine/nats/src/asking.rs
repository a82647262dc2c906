//! What a connection asks of JetStream.

use serde::de::DeserializeOwned;
use serde_json::Value;
use tailrace_core::ports::broker::{BrokerError, Denied, DeniedAct};

use crate::connect::NatsBroker;

impl NatsBroker {
    /// Asks `$JS.API.<subject>`.
    pub(crate) async fn ask<T: DeserializeOwned>(
        &self,
        subject: &str,
        body: &Value,
    ) -> Result<T, BrokerError> {
        let answer = self.handle().ask(subject, body).await;
        answer.map_err(|cause| self.unless_denied(cause, &format!("$JS.API.{subject}")))
    }

    /// A silence that has a cause: the server denies the subject, or the answers.
    fn unless_denied(&self, cause: BrokerError, subject: &str) -> BrokerError {
        let BrokerError::Unreachable(_) = cause else {
            return cause;
        };
        let is_it = |denied: &Denied| denied.subject == subject || denied.act == DeniedAct::Subscribe;
        match self.denials.now().into_iter().find(is_it) {
            Some(denied) => BrokerError::Unreachable(denied.to_string()),
            None => cause,
        }
    }
}
