//! How to reach the broker, and how what the engine makes there is kept.

use std::{path::PathBuf, time::Duration};

use async_nats::jetstream::stream;

use crate::login::Login;

/// Replicas that a cluster is asked for where nothing is said.
const OF_A_CLUSTER: u64 = 3;

/// How to reach the broker.
#[derive(Debug, Clone)]
pub struct NatsOptions {
    /// Address, or several of one cluster parted by commas.
    pub url: String,
    /// How to log in.
    pub login: Login,
    /// Address of the monitoring port, to learn how the server syncs.
    pub monitor_url: Option<String>,
    /// Longest wait for an answer; beyond it the outcome is unknown.
    pub request_timeout: Duration,
    /// How the connection is secured.
    pub tls: TlsOptions,
    /// How many replicas what the engine makes has.
    pub replicas: Replicas,
    /// Where it is kept.
    pub placement: Placement,
}

/// How a connection is secured. With none of these it is as the address says: `tls://` demands TLS, and a server
/// that demands it gets it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TlsOptions {
    /// A file with the certificate of the authority that the server's is signed by; the system's without it.
    pub ca: Option<PathBuf>,
    /// Files with the engine's own certificate and its key, for a server that demands one.
    pub client: Option<(PathBuf, PathBuf)>,
}

impl Default for NatsOptions {
    fn default() -> Self {
        Self {
            url: "nats://127.0.0.1:4222".to_owned(),
            login: Login::Plain,
            monitor_url: None,
            request_timeout: Duration::from_secs(5),
            tls: TlsOptions::default(),
            replicas: Replicas::default(),
            placement: Placement::default(),
        }
    }
}

/// How many replicas are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Replicas {
    /// Three where the broker is a cluster that can hold them, else one.
    #[default]
    Auto,
    /// So many.
    Exactly(u64),
}

/// Where it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Placement {
    /// Name of the cluster; none for wherever the broker puts it.
    pub cluster: Option<String>,
    /// Tags that its servers must have.
    pub tags: Vec<String>,
}

impl Replicas {
    /// How many are asked for first.
    pub(crate) fn wanted(self) -> u64 {
        match self {
            Self::Auto => OF_A_CLUSTER,
            Self::Exactly(count) => count,
        }
    }
}

impl Placement {
    /// As the client's configurations of streams have it.
    pub(crate) fn of_stream(&self) -> Option<stream::Placement> {
        let is_anywhere = self.cluster.is_none() && self.tags.is_empty();
        (!is_anywhere).then(|| stream::Placement {
            cluster: self.cluster.clone(),
            tags: self.tags.clone(),
        })
    }
}
