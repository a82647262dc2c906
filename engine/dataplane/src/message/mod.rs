//! Messages that a pipeline publishes: what of them may travel on ([`outgoing`]), and how many pipelines an
//! event has passed ([`hops`]). Both only check and count; `process` publishes.

pub mod hops;
pub mod outgoing;
