//! How the API is served: what clients may take, and with which certificate.

use std::path::PathBuf;

use anyhow::Context as _;
use bytesize::ByteSize;
use serde::{Deserialize, Serialize};
use tailrace_admin::{Answers, ApiOptions, EdgeOptions, Tls};
use tailrace_core::units::Span;

use crate::api::ApiThreads;

/// How the API is served.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct HttpConfig {
    /// Threads that answer requests, beside those of the engine.
    pub threads: usize,
    /// Whether they come before all other threads of the machine, so that no query waits for a processor.
    /// The system must grant it (`CAP_SYS_NICE`), and whoever may ask much can then hold up the engine: only
    /// where clients are trusted, or held back by `requests`.
    pub real_time: bool,
    /// Connections at once; further ones wait.
    pub connections: usize,
    /// Connections of one address at once (of one /64 in IPv6); further ones are closed. Behind a proxy all
    /// clients have its address.
    pub connections_per_address: usize,
    /// Longest time without a request: from the connection, or from the answer before, until a request's
    /// headers are whole.
    pub idle: Span,
    /// Longest time that a request may take, its body included.
    pub request_time: Span,
    /// Longest time that a client may refuse to take more of an answer.
    pub write_time: Span,
    /// Longest pause of a body that has just begun,
    pub body_pause: Span,
    /// and what it must bring a second, on the whole.
    #[cfg_attr(test, schemars(with = "tailrace_core::units::Bytes"))]
    pub body_rate: ByteSize,
    /// What the cache in front of queries may hold; 0 switches it off.
    #[cfg_attr(test, schemars(with = "tailrace_core::units::Bytes"))]
    pub cache: ByteSize,
    /// Longest time that running requests get when the engine ends.
    pub drain: Span,
}

/// Certificate and key; without them the API speaks plain HTTP. Both are read again on SIGHUP, and each
/// minute.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct TlsConfig {
    /// The server's certificate, then those that vouch for it (PEM).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub certificate: Option<PathBuf>,
    /// Its private key (PEM).
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
            cache: ByteSize::b(Answers::default_capacity_bytes()),
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
