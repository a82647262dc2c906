//! Configuration of the engine: a TOML file, then `TAILRACE_…` environment, then flags. These
//! structs are its documentation; `tailrace serve --print-config` prints them with their defaults,
//! and a test compares that with the committed `examples/tailrace.toml`.

mod http;
mod nats;
#[cfg(test)]
mod reference;
mod requests;

use std::{net::SocketAddr, path::PathBuf};

use anyhow::Context as _;
use figment::{
    Figment,
    providers::{Env, Format as _, Serialized, Toml},
};
pub use http::{HttpConfig, TlsConfig};
pub use nats::{AccountConfig, NatsConfig};
pub use requests::RequestsConfig;
use serde::{Deserialize, Serialize};
use tailrace_core::{
    alarm::{
        Quantity,
        memory::Alarm,
        tables::{ENGINE, names},
    },
    manifest::AlarmManifest,
    units::Span,
};
use tailrace_dataplane::run::settings::Settings;

/// The configuration of an engine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Config {
    /// The address of the HTTP API.
    pub listen: SocketAddr,
    /// The folder for local state stores and compiled plugins. The engine can rebuild all of it.
    pub data_dir: PathBuf,
    /// The number of threads that run plugins. 0 means one for each core. At least two run.
    pub guest_threads: usize,
    /// If true, `/metrics` answers without a token.
    pub metrics_public: bool,
    /// A file that holds the operator's first token. The environment variable `TAILRACE_OPERATOR_TOKEN` comes
    /// before it. Without both, the engine creates a token and writes it to `operator-token` in `data-dir`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub operator_token_file: Option<PathBuf>,
    /// The HTTP server of the API.
    pub http: HttpConfig,
    /// Certificate and private key of the API.
    pub tls: TlsConfig,
    /// The connection to the broker.
    pub nats: NatsConfig,
    /// The local state store.
    pub store: StoreConfig,
    /// Snapshots of partitions.
    pub snapshots: SnapshotConfig,
    /// The work of several engines on the same broker.
    pub engines: EnginesConfig,
    /// Rate limits for requests to the API.
    pub requests: RequestsConfig,
    /// The log of the engine.
    pub log: LogConfig,
    /// Traces for an OpenTelemetry collector.
    pub traces: TracesConfig,
    /// Web addresses that may receive notices of alarms.
    pub webhooks: WebhooksConfig,
    /// Alarms of the engine itself. Their rules use the [numbers of an engine](metrics.md#numbers-of-an-engine).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub alarms: Vec<AlarmManifest>,
}

/// The local state store.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct StoreConfig {
    /// The page cache of each tenant's database, in MiB.
    pub cache_mib: u64,
}

/// Snapshots of partitions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct SnapshotConfig {
    /// A partition writes a snapshot after this many commits.
    pub after_commits: u64,
    /// A partition writes a snapshot after this many MiB of commit records.
    pub after_mib: u64,
    /// A partition writes a snapshot after this time if anything was committed.
    pub every: Span,
}

/// The work of several engines on the same broker.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct EnginesConfig {
    /// An engine renews its lease this often. After three missed renewals the other engines take over its
    /// partitions. The value must be the same on all engines of a cluster.
    pub renew_every: Span,
    /// The engine compares each pipeline's counts with the broker's this often.
    pub reconcile_every: Span,
}

/// The log of the engine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct LogConfig {
    /// The form of log lines.
    pub format: LogFormat,
    /// The lines that are logged, as a filter of the crate `tracing`: `info` or `tailrace_core=debug`.
    pub filter: String,
}

/// Traces for an OpenTelemetry collector. The standard variables `OTEL_EXPORTER_OTLP_ENDPOINT`,
/// `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT`, `OTEL_TRACES_SAMPLER_ARG` and `OTEL_SERVICE_NAME` replace the
/// defaults. `OTEL_EXPORTER_OTLP_HEADERS` and `OTEL_RESOURCE_ATTRIBUTES` apply, too.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct TracesConfig {
    /// The address of the collector for OTLP over HTTP, such as `http://127.0.0.1:4318`. Without it nothing is
    /// traced, and a publisher's context is passed through.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// The share of events that is traced, between 0 and 1. It applies to events without a publisher's context.
    /// A publisher's context decides for itself.
    pub ratio: f64,
    /// The name of this service in traces.
    pub service_name: String,
}

/// Web addresses that may receive notices of alarms.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct WebhooksConfig {
    /// The allowed hosts, such as `hooks.example.com` for HTTPS. `http://10.0.0.7:9000` names another scheme or
    /// port. An empty list allows no webhook.
    pub hosts: Vec<String>,
    /// If true, hosts may have private, loopback and link-local addresses.
    pub private_addresses: bool,
}

/// The form of log lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(schemars::JsonSchema))]
#[serde(rename_all = "kebab-case")]
pub enum LogFormat {
    /// Lines for people.
    Text,
    /// JSON for programs.
    Json,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8790)),
            data_dir: PathBuf::from("tailrace-data"),
            guest_threads: 0,
            metrics_public: false,
            operator_token_file: None,
            http: HttpConfig::default(),
            tls: TlsConfig::default(),
            nats: NatsConfig::default(),
            store: StoreConfig::default(),
            snapshots: SnapshotConfig::default(),
            engines: EnginesConfig::default(),
            requests: RequestsConfig::default(),
            log: LogConfig::default(),
            traces: TracesConfig::default(),
            webhooks: WebhooksConfig::default(),
            alarms: Vec::new(),
        }
    }
}

impl Default for StoreConfig {
    fn default() -> Self {
        Self { cache_mib: 64 }
    }
}

impl Default for SnapshotConfig {
    fn default() -> Self {
        let Settings {
            snapshot_after_bytes,
            snapshot_after_commits,
            snapshot_every,
            ..
        } = Settings::default();
        Self {
            after_commits: snapshot_after_commits,
            after_mib: snapshot_after_bytes >> 20,
            every: Span(snapshot_every),
        }
    }
}

impl Default for EnginesConfig {
    fn default() -> Self {
        Self {
            renew_every: Span::from_millis(2_000),
            reconcile_every: Span(Settings::default().reconcile_every),
        }
    }
}

impl Default for LogConfig {
    fn default() -> Self {
        Self {
            format: LogFormat::Text,
            filter: "info".to_owned(),
        }
    }
}

impl Default for TracesConfig {
    fn default() -> Self {
        Self {
            endpoint: None,
            ratio: 0.01,
            service_name: "tailrace".to_owned(),
        }
    }
}

impl TracesConfig {
    /// What the standard names of the environment say, over the defaults.
    fn of_environment(variable: impl Fn(&str) -> Option<String>) -> Self {
        let defaults = Self::default();
        let set = |name: &str| variable(name).filter(|value| !value.is_empty());
        let endpoint =
            set("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT").or_else(|| set("OTEL_EXPORTER_OTLP_ENDPOINT"));
        let is_off = set("OTEL_SDK_DISABLED").is_some_and(|value| value.eq_ignore_ascii_case("true"))
            || set("OTEL_TRACES_EXPORTER").is_some_and(|value| value == "none");
        let ratio = set("OTEL_TRACES_SAMPLER_ARG").and_then(|value| value.parse().ok());
        Self {
            endpoint: endpoint.filter(|_| !is_off),
            ratio: ratio.unwrap_or(defaults.ratio),
            service_name: set("OTEL_SERVICE_NAME").unwrap_or(defaults.service_name),
        }
    }
}

impl Config {
    /// As the data plane takes it.
    pub fn settings(&self) -> Settings {
        Settings {
            snapshot_after_bytes: self.snapshots.after_mib << 20,
            snapshot_after_commits: self.snapshots.after_commits,
            snapshot_every: self.snapshots.every.0,
            reconcile_every: self.engines.reconcile_every.0,
            ..Settings::default()
        }
    }

    /// The engine's alarms, their rules read.
    pub fn engine_alarms(&self) -> anyhow::Result<Vec<Alarm>> {
        let metrics = names(ENGINE);
        let mut alarms: Vec<Alarm> = Vec::new();
        for declared in &self.alarms {
            let name = &declared.name;
            let alarm = declared
                .read(&metrics)
                .map_err(|why| anyhow::anyhow!("alarm {name:?} of the configuration, when: {why}"))?;
            anyhow::ensure!(
                !matches!(alarm.rule.quantity, Quantity::Sketch { .. }),
                "alarm {name:?} of the configuration asks a sketch, which only pipelines have"
            );
            anyhow::ensure!(
                alarms.iter().all(|other| other.name != *name),
                "the configuration has two alarms named {name:?}"
            );
            alarms.push(alarm);
        }
        Ok(alarms)
    }

    /// Reads the file, then the environment. A name with two underscores goes a level down:
    /// `TAILRACE_NATS__URL`.
    pub fn load(file: Option<&PathBuf>) -> anyhow::Result<Self> {
        let sections = [
            "listen",
            "data_dir",
            "guest_threads",
            "metrics_public",
            "operator_token_file",
        ];
        let env = Env::prefixed("TAILRACE_")
            .filter(move |key| {
                // The case of a variable is the shell's; figment compares without it.
                sections.iter().any(|section| key == *section) || key.as_str().contains("__")
            })
            .map(|key| key.as_str().replace("__", ".").replace('_', "-").into());
        let defaults = Self {
            traces: TracesConfig::of_environment(|name| std::env::var(name).ok()),
            ..Self::default()
        };
        let mut figment = Figment::from(Serialized::defaults(defaults));
        if let Some(file) = file {
            anyhow::ensure!(
                file.is_file(),
                "there is no configuration file {}",
                file.display()
            );
            figment = figment.merge(Toml::file_exact(file));
        }
        figment
            .merge(env)
            .extract()
            .context("the configuration is not valid")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_standard_names_of_the_environment_say_where_traces_go() {
        let environment = |name: &str| {
            let value = match name {
                "OTEL_EXPORTER_OTLP_ENDPOINT" => "http://collector:4318",
                "OTEL_SERVICE_NAME" => "streams",
                "OTEL_TRACES_SAMPLER_ARG" => "0.5",
                _ => return None,
            };
            Some(value.to_owned())
        };
        let expected = TracesConfig {
            endpoint: Some("http://collector:4318".to_owned()),
            ratio: 0.5,
            service_name: "streams".to_owned(),
        };
        assert_eq!(TracesConfig::of_environment(environment), expected);
        assert_eq!(TracesConfig::of_environment(|_| None), TracesConfig::default());
    }

    #[test]
    fn the_committed_example_is_the_default() {
        let committed = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/tailrace.toml");
        let printed = toml::to_string(&Config::default()).unwrap();
        if std::env::var_os("BLESS").is_some() {
            std::fs::write(committed, &printed).unwrap();
        }
        assert_eq!(
            std::fs::read_to_string(committed).unwrap(),
            printed,
            "run with BLESS=1 to renew it"
        );
    }
}
