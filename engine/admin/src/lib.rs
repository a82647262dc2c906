//! The HTTP API: it reads requests, asks the control plane, and writes answers. What a request means
//! is decided in `tailrace_core::control`; what an error means to a client in `problem`.
//!
//! - `routes`: the table of all routes, from which the `router` and the description are both made;
//! - `access`: who may do what; a tenant never learns whether another's thing exists;
//! - `limit`: how often somebody may ask;
//! - one file a subject: `tenants`, `tokens`, `audit`, `plugins`, `pipelines`, `candidates`, `queries`,
//!   `sketches`, `graph`, `views`, `dead_letters`, `probes`;
//! - `answers`: the cache in front of queries;
//! - `edge`: connections: how many, how fast, encrypted or not; it does not wait for slow clients.

mod access;
mod answers;
mod audit;
mod candidates;
mod dead_letters;
mod edge;
mod graph;
mod input;
mod limit;
mod metrics;
mod openapi;
mod pipelines;
mod plugins;
mod probes;
mod problem;
mod queries;
#[cfg(test)]
mod reference;
mod router;
mod routes;
mod sketches;
mod tenants;
mod tokens;
mod views;

pub use answers::Answers;
pub use edge::{EdgeCounts, EdgeOptions, Tls, TlsError, serve};
pub use limit::RequestRates;
pub use router::router;
pub use routes::{Audience, Route, routes};
use tailrace_core::control::Control;
use tokio_util::sync::CancellationToken;

/// What a handler has at hand.
#[derive(Clone)]
pub struct ApiState {
    /// The control plane.
    pub control: Control,
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
    /// What queries were answered with.
    pub answers: Answers,
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
            answers: Answers::default(),
            stop: CancellationToken::new(),
        }
    }
}
