//! What the edge allows. All of it can be configured (section `http`); the defaults and their reasons are here.

use std::time::Duration;

use super::{counts::EdgeCounts, tls::Tls};

/// Bounds of the accept loop.
#[derive(Debug, Clone)]
pub struct EdgeOptions {
    /// Longest time without a request: from the connection, or from the answer before, until a request's
    /// headers are whole. It bounds the first byte, the TLS handshake, headers that drip in, and keep-alive.
    pub idle: Duration,
    /// Longest time that a client may refuse to take more of an answer.
    pub write_deadline: Duration,
    /// Longest time from a request's headers until its answer is taken, event streams aside. Longer than the
    /// API's own limit, which answers with a problem; this one closes the connection.
    pub exchange: Duration,
    /// A body may pause for so long,
    pub body_grace: Duration,
    /// and must otherwise bring so many bytes a second, on the whole.
    pub body_bytes_a_second: u64,
    /// Connections served at once; further ones wait in the listener's queue.
    pub connections: usize,
    /// Connections of one address (of one /64 in IPv6) at once; further ones are closed.
    pub connections_per_address: usize,
    /// Longest time that running requests get at the end.
    pub drain: Duration,
    /// Certificate and key; without them, connections are plain.
    pub tls: Option<Tls>,
    /// What it counts.
    pub counts: EdgeCounts,
}

impl Default for EdgeOptions {
    fn default() -> Self {
        Self {
            idle: Duration::from_secs(10),
            write_deadline: Duration::from_secs(30),
            // The API's three minutes, and time to take the answer.
            exchange: Duration::from_mins(5),
            body_grace: Duration::from_secs(10),
            // An upload of 32 MiB on a line of 2 Mbit/s takes two minutes; this is a hundredth of that line.
            body_bytes_a_second: 2_048,
            // With 64 KiB of buffers each they stay below 64 MiB.
            connections: 1_024,
            connections_per_address: 256,
            drain: Duration::from_secs(10),
            tls: None,
            counts: EdgeCounts::default(),
        }
    }
}
