//! What all handlers share, and how the API is set up.

use tailrace_control::{Commands, Queries};
use tokio_util::sync::CancellationToken;

use crate::{edge::EdgeCounts, request_rates::RequestRates, response_cache::ResponseCache};

/// What a handler has at hand.
#[derive(Clone)]
pub struct ApiState {
    /// What changes something.
    pub commands: Commands,
    /// What answers.
    pub queries: Queries,
    /// How the API is set up.
    pub options: ApiOptions,
}

/// How the API is set up.
#[derive(Debug, Clone)]
pub struct ApiOptions {
    /// Whether `/metrics` answers without a token.
    pub metrics_public: bool,
    /// Longest time that a request may take, its body included.
    pub request_deadline: std::time::Duration,
    /// How often somebody may ask.
    pub rates: RequestRates,
    /// What the accept loop counts, for `/metrics`.
    pub edge: EdgeCounts,
    /// Answers to queries, kept until a commit changes them.
    pub response_cache: ResponseCache,
    /// Ends the streams that clients watch; requests are let finish by the accept loop.
    pub stop: CancellationToken,
}

impl Default for ApiOptions {
    fn default() -> Self {
        // An upload of 32 MiB over a slow line, and its compilation.
        Self {
            metrics_public: false,
            request_deadline: std::time::Duration::from_mins(3),
            rates: RequestRates::default(),
            edge: EdgeCounts::default(),
            response_cache: ResponseCache::default(),
            stop: CancellationToken::new(),
        }
    }
}
