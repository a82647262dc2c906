//! The HTTP API: it reads requests, asks the control plane, and writes answers. What a request means
//! is decided in `tailrace_control`; what an error means to a client in `problem`.
//!
//! - `routes`: the table of all routes; the `router` and the description (`openapi`) are made from it;
//! - `route`: what a row of it says; `described`: what its handler takes and gives, as the types say it; `answers`: the
//!   kinds of answer; `document_types`: their schemas, made plain by `plain_schemas`;
//! - `access`: which token may do what; a tenant never learns whether another's thing exists;
//! - `limit`: the rate limiter of each token and address; `request_rates` are its rates;
//! - `state`: what handlers share, and how the API is set up;
//! - one file a subject: `tenants`, `tokens`, `whoami`, `audit`, `streams`, `events`, `plugins`, `pipelines`, `candidates`,
//!   `queries`, `sketches`, `graph`, `views`, `outputs`, `dead_letters`, `probes`;
//! - `console`: the console's files, which are no part of the API;
//! - `cached`: answers queries from the `response_cache`;
//! - `edge`: connections: how many, how fast, encrypted or not; it does not wait for slow clients.

mod access;
mod answers;
mod audit;
mod cached;
mod candidates;
mod collections;
mod condition;
mod console;
mod dead_letters;
mod described;
mod doctor;
mod document_types;
mod edge;
mod events;
mod graph;
mod input;
mod limit;
mod metrics;
mod openapi;
mod operators;
mod outputs;
mod pipelines;
mod plain_schemas;
mod plugins;
mod probes;
mod problem;
mod queries;
#[cfg(test)]
mod reference;
mod request_rates;
mod response_cache;
mod route;
mod router;
mod routes;
mod schemas;
mod sketches;
mod state;
mod state_deletions;
mod streams;
mod tenants;
mod tokens;
mod views;
mod whoami;

pub use access::Audience;
pub use edge::{EdgeCounts, EdgeOptions, Tls, TlsError, serve};
pub use request_rates::RequestRates;
pub use response_cache::ResponseCache;
pub use route::Route;
pub use router::router;
pub use routes::routes;
pub use state::{ApiOptions, ApiState};
