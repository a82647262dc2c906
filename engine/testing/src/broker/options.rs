//! What a test wants of the broker.

use std::sync::Arc;

use tailrace_core::manifest::Delivery;

use crate::faults::Faults;

/// By default: no faults, everything is kept, payloads of a megabyte.
#[derive(Clone)]
pub struct Options {
    /// Seeded delays, failures and crashes; without them every request succeeds at once.
    pub faults: Option<Arc<Faults>>,
    /// Largest payload of a message. A small one makes commit records come in parts.
    pub max_payload: usize,
    /// Whether commits are stored. A benchmark only counts them, so that they cost neither time nor memory.
    pub keeps_commits: bool,
    /// The only delivery that the test's pipelines ask for; another one is a failure. None allows all.
    pub expected_delivery: Option<Delivery>,
    /// Whether the broker says that it writes to its disk before it answers.
    pub syncs_always: Option<bool>,
    /// When the message of a sequence was received.
    pub received_ms: fn(u64) -> u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            faults: None,
            max_payload: 1 << 20,
            keeps_commits: true,
            expected_delivery: None,
            syncs_always: None,
            received_ms: |sequence| sequence,
        }
    }
}
