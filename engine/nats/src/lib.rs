//! The broker: NATS JetStream, by crate `async-nats`. Knows nothing of plugins.
//!
//! - [`connect`]: the connection, which outlives the server's restarts; [`options`]: how to reach it;
//! - [`address`]: where it is, and who the address says that the engine is; [`attempts`]: tries to connect that failed;
//! - [`denials`]: what its permissions deny; [`payload_limit`]: what it takes at most in a message, asked again;
//! - [`login`]: how it proves whose it is; [`accounts`]: a connection for each account of tenants;
//! - [`api`]: JetStream's answers, with its error codes; [`asking`]: its requests;
//! - [`consume`]: an endless, ordered subscription over consumers that come and go; [`consumers`]: what they are called;
//! - [`commit`]: the atomic batch with its fence; [`messages`]: reading what a stream holds;
//! - [`streams`]: the stream of a pipeline's own; [`own_config`]: whether it is as it was made; [`shared_config`]: the
//!   same of those for all pipelines; [`held_subjects`]: what may come into any; [`replicas`]: how many copies of all that there are, and where;
//! - [`bucket`], [`registry`]: key-value buckets and plugin bytes; [`watch`]: what changes in a bucket;
//! - [`tenant_messages`], [`tenant_streams`]: what a tenant sends, reads and makes by hand;
//! - [`objects`]: objects of any size;
//! - [`audit`]: the log of changes;
//! - [`dead_letters`], [`snapshots`];
//! - [`notices`]: notices of alarms;
//! - [`peers`]: questions from engine to engine.
//!
//! [`async_nats`] is given on to the tests and the demonstration, so that one `Cargo.toml` names it.

mod accounts;
mod address;
mod api;
mod asking;
mod attempts;
mod audit;
mod batches;
mod bucket;
mod client;
mod commit;
mod connect;
mod consume;
mod consumers;
mod dead_letters;
mod denials;
mod error;
mod handle;
mod headers;
mod held_subjects;
mod login;
mod messages;
mod notices;
mod objects;
mod options;
mod own_config;
mod payload_limit;
mod peers;
mod registry;
mod replicas;
mod shared_config;
mod silence;
mod snapshots;
mod stream_info;
mod streams;
mod sync;
mod tenant_messages;
mod tenant_streams;
mod watch;

pub use accounts::{AccountOptions, NatsAccounts};
pub use address::{bare_address, shown_address};
pub use async_nats;
pub use bucket::NatsBucket;
pub use connect::NatsBroker;
pub use login::Login;
pub use options::{NatsOptions, Placement, Replicas, TlsOptions};
