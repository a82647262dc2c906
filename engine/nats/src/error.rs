//! What the client's errors mean to the engine.

use std::error::Error;

use async_nats::jetstream::{
    self, ErrorCode,
    context::{CreateStreamError, CreateStreamErrorKind, GetStreamError, GetStreamErrorKind},
};
use tailrace_core::ports::broker::BrokerError;

/// Answers by which a cluster asks for patience.
const PASSING: [ErrorCode; 5] = [
    ErrorCode::CLUSTER_INCOMPLETE,
    ErrorCode::CLUSTER_NOT_ACTIVE,
    ErrorCode::CLUSTER_NOT_ASSIGNED,
    ErrorCode::CLUSTER_NOT_AVAILABLE,
    ErrorCode::CLUSTER_NOT_LEADER,
];

/// The broker did not do what was asked; the outcome of a write is unknown.
pub(crate) fn unreachable(cause: &dyn std::fmt::Display) -> BrokerError {
    BrokerError::Unreachable(cause.to_string())
}

/// The same, where the broker may have answered, and said why not: then nothing was done.
pub(crate) fn failed(cause: &(dyn Error + 'static), stream: &str) -> BrokerError {
    let mut causes = std::iter::successors(Some(cause), |cause| Error::source(*cause));
    let Some(said) = causes.find_map(said) else {
        return unreachable(&cause);
    };
    let text = said.to_string();
    // Behind that it repeats the code.
    let why = text.split_once(" (code ").map_or(&*text, |(why, _)| why);
    BrokerError::Refused {
        code: said.error_code().0,
        description: format!("stream {stream}: {why}"),
    }
}

/// The broker's answer that an error holds. One that asks for patience is none.
fn said(cause: &(dyn Error + 'static)) -> Option<jetstream::Error> {
    let in_kind = || match cause.downcast_ref::<CreateStreamError>()?.kind() {
        CreateStreamErrorKind::JetStream(said) => Some(said),
        _ => None,
    };
    let asked = || match cause.downcast_ref::<GetStreamError>()?.kind() {
        GetStreamErrorKind::JetStream(said) => Some(said),
        _ => None,
    };
    let said = cause.downcast_ref::<jetstream::Error>().cloned();
    let said = said.or_else(in_kind).or_else(asked)?;
    (!PASSING.contains(&said.error_code())).then_some(said)
}

#[cfg(test)]
mod tests {
    use async_nats::jetstream::{
        context::{PublishError, PublishErrorKind},
        kv::UpdateError,
    };
    use serde_json::json;

    use super::*;

    fn answer(code: u64, description: &str) -> UpdateError {
        let said = json!({ "code": 503, "err_code": code, "description": description });
        let said: jetstream::Error = serde_json::from_value(said).unwrap();
        UpdateError::from(PublishError::with_source(PublishErrorKind::Other, said))
    }

    #[test]
    fn an_answer_is_told_as_such_and_silence_as_silence() {
        let refused = failed(&answer(10_077, "maximum bytes exceeded"), "KV_tailrace_registry");
        let BrokerError::Refused { code, .. } = &refused else {
            panic!("{refused:?}")
        };
        assert_eq!(*code, 10_077);
        let text = refused.to_string();
        assert!(
            text.contains("stream KV_tailrace_registry: maximum bytes exceeded"),
            "{text}"
        );
        let silent = UpdateError::from(PublishError::new(PublishErrorKind::TimedOut));
        assert!(matches!(failed(&silent, "S"), BrokerError::Unreachable(_)));
        let patience = failed(&answer(10_008, "temporarily unavailable"), "S");
        assert!(matches!(patience, BrokerError::Unreachable(_)), "{patience:?}");
    }
}
