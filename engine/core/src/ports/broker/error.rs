//! Why a request to the broker fails.

/// A request to the broker failed. The broker's or the network's fault: worth another try.
#[derive(Debug, Clone, thiserror::Error)]
pub enum BrokerError {
    /// No connection, or no answer in time.
    #[error("the broker does not answer: {0}")]
    Unreachable(String),
    /// The broker answered with an error.
    #[error("the broker refuses: {description} (code {code}){}", way_out(*code))]
    Refused {
        /// JetStream's error code.
        code: u64,
        /// Its description.
        description: String,
    },
    /// The stream does not exist.
    #[error("there is no stream {0:?}")]
    NoStream(String),
}

impl BrokerError {
    /// Whether the broker, or the account, has no storage left for anything.
    pub fn is_for_want_of_storage(&self) -> bool {
        matches!(self, Self::Refused { code, .. } if [10_002, 10_023, 10_028, 10_047].contains(code))
    }
}

/// What helps against a refusal for want of room, after it in words.
fn way_out(code: u64) -> &'static str {
    match code {
        10_027 => "; delete streams that nobody needs, or raise max_streams of the NATS account",
        10_002 | 10_028 => "; raise the limits of the NATS account, or delete streams that nobody needs",
        10_023 | 10_047 => "; give the broker more storage, or delete streams that nobody needs",
        10_077 => "; raise that limit of the stream (nats stream edit), or the broker's storage",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_for_want_of_room_says_what_helps() {
        let text = |code| {
            let description = "maximum number of streams reached".to_owned();
            BrokerError::Refused { code, description }.to_string()
        };
        assert!(text(10_027).contains("streams reached (code 10027); delete streams"));
        assert!(text(10_001).ends_with("(code 10001)"));
    }
}
