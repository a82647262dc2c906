//! What the engine needs of the world, as traits. Adapters implement them (`engine/nats`,
//! `engine/store`, `engine/wasm`); the simulation implements them too. Time and randomness are
//! ports like the others.
//!
//! Why: docs/decisions/0004-ports-and-one-set-of-fakes.md

pub mod accounts;
pub mod audit;
pub mod broker;
pub mod clock;
pub mod executor;
pub mod messages;
pub mod notices;
pub mod peers;
pub mod plugins;
pub mod registry;
pub mod store;
pub mod tenant_streams;
pub mod threads;
pub mod tracer;
