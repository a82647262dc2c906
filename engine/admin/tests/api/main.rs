//! The API from outside: requests against the router over an in-memory world, and raw connections
//! against the accept loop. One file a claim: who may do what, what refusals look like, what names
//! may hold, how large bodies may be, what an upload tells, what the description says, how long a
//! client may take, what floods come to, and that all of it holds with HTTP/2 and TLS.

mod access;
mod answers;
mod audit;
mod bodies;
mod by_hand;
mod cache;
mod collections;
mod console;
mod description;
mod edge;
mod floods;
mod graph;
mod http2;
mod judge;
mod judged;
mod kept;
mod limits;
mod lives;
mod merging;
mod metrics;
mod names;
mod operators;
mod plugin_deletion;
mod problems;
mod quotas;
mod schema_rules;
mod schemas;
mod scopes;
mod stage;
mod tls;
mod tokens;
mod uploads;
mod views;
mod whoami;
mod world;
