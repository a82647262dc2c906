//! How the API is served: what clients may take, and with which certificate.

use std::path::PathBuf;

use anyhow::Context as _;
use bytesize::ByteSize;
use serde::{Deserialize, Serialize};
use tailrace_admin::{ApiOptions, EdgeOptions, ResponseCache, Tls};
use tailrace_core::units::Span;

use crate::api::ApiThreads;

/// The HTTP server of the API.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct HttpConfig {
    /// The number of threads that answer requests. They are separate from those of the engine.
    pub threads: usize,
    /// If true, these threads run with real-time priority, so no query waits for a processor. The system must
    /// grant `CAP_SYS_NICE`. Many queries can then delay the engine, so use it with trusted clients or with low
    /// limits under `requests`.
    pub real_time: bool,
    /// The most connections at once. Further connections wait.
    pub connections: usize,
    /// The most connections from one address at once, or from one /64 network of IPv6. Further connections are
    /// closed. All clients behind a proxy have its address.
    pub connections_per_address: usize,
    /// The longest time without a request. It starts with the connection or the previous answer. It ends when
    /// the headers of a request are complete.
    pub idle: Span,
    /// The longest time of a request, including its body.
    pub request_time: Span,
    /// The longest time in which a client takes no more of an answer.
    pub write_time: Span,
    /// The longest pause at the beginning of a body.
    pub body_pause: Span,
    /// The least average rate of a body, in bytes a second.
    #[cfg_attr(test, schemars(with = "tailrace_core::units::Bytes"))]
    pub body_rate: ByteSize,
    /// The size of the response cache for queries. 0 switches it off.
    #[cfg_attr(test, schemars(with = "tailrace_core::units::Bytes"))]
    pub cache: ByteSize,
    /// The longest time that running requests get when the engine ends.
    pub drain: Span,
}

/// Certificate and private key of the API. Without them it speaks plain HTTP. The engine reads both again on
/// SIGHUP and every minute.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct TlsConfig {
    /// A PEM file with the server's certificate and its chain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate: Option<PathBuf>,
    /// A PEM file with the private key.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub key: Option<PathBuf>,
}

impl Default for HttpConfig {
    fn default() -> Self {
        let edge = EdgeOptions::default();
        Self {
            // One can wait for a disk or a lock while the other answers; a look-up takes microseconds, so
            // more would only take cores from the guests.
            threads: 2,
            real_time: false,
            connections: edge.connections,
            connections_per_address: edge.connections_per_address,
            idle: Span(edge.idle),
            request_time: Span(ApiOptions::default().request_deadline),
            write_time: Span(edge.write_deadline),
            body_pause: Span(edge.body_grace),
            body_rate: ByteSize::b(edge.body_bytes_a_second),
            cache: ByteSize::b(ResponseCache::default_capacity_bytes()),
            drain: Span(edge.drain),
        }
    }
}

impl HttpConfig {
    /// Those that answer.
    pub fn threads(&self) -> ApiThreads {
        ApiThreads {
            count: self.threads,
            real_time: self.real_time,
        }
    }

    /// As the edge takes it.
    pub fn edge(&self, tls: Option<Tls>) -> anyhow::Result<EdgeOptions> {
        let counts = [
            ("http.threads", self.threads),
            ("http.connections", self.connections),
            ("http.connections-per-address", self.connections_per_address),
        ];
        for (name, count) in counts {
            anyhow::ensure!(count > 0, "{name} must be at least 1, or nobody is served");
        }
        Ok(EdgeOptions {
            idle: self.idle.0,
            write_deadline: self.write_time.0,
            // The API answers at `request-time` with a problem; the rest is time to take the answer.
            exchange: self.request_time.0 + self.write_time.0 * 4,
            body_grace: self.body_pause.0,
            body_bytes_a_second: self.body_rate.as_u64(),
            connections: self.connections,
            connections_per_address: self.connections_per_address,
            drain: self.drain.0,
            tls,
            ..EdgeOptions::default()
        })
    }
}

impl TlsConfig {
    /// The files, read; none where there are none.
    pub fn load(&self) -> anyhow::Result<Option<Tls>> {
        match (&self.certificate, &self.key) {
            (None, None) => Ok(None),
            (Some(certificate), Some(key)) => {
                let tls = Tls::load(certificate.clone(), key.clone());
                Ok(Some(tls.context("the API cannot be served with TLS")?))
            }
            (Some(_), None) => {
                anyhow::bail!("tls.certificate is given without tls.key; give both or neither")
            }
            (None, Some(_)) => {
                anyhow::bail!("tls.key is given without tls.certificate; give both or neither")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use crate::config::Config;

    #[test]
    fn the_example_with_tls_is_read_and_half_a_pair_is_refused() {
        let example = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/tls.toml");
        let mut config = Config::load(Some(&example.into())).unwrap();
        assert_eq!(
            config.tls.key.as_deref(),
            Some(Path::new("/etc/tailrace/server.key"))
        );
        let edge = config.http.edge(None).unwrap();
        assert_eq!((edge.connections, edge.connections_per_address), (4_096, 4_096));
        config.tls.key = None;
        let error = config.tls.load().unwrap_err().to_string();
        assert!(error.contains("tls.key"), "{error}");
        config.http.connections = 0;
        assert!(config.http.edge(None).is_err());
    }
}
