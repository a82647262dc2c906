//! How many replicas what the engine makes on the broker has, and where. On one server there is one; a cluster of
//! three keeps three, so that the death of a node takes nothing away. What was made with fewer is raised; what an
//! operator has raised by hand is never lowered.
//!
//! Why: docs/decisions/0069-replicas-are-tried-for.md

use serde_json::{Value, json};
use tailrace_core::ports::broker::{BrokerError, Streams as _};

use crate::{
    api,
    connect::NatsBroker,
    options::{Placement, Replicas},
};

/// The server is not a cluster.
const NOT_CLUSTERED: u64 = 10_074;
/// There are too few servers for so many.
const TOO_FEW_PEERS: u64 = 10_005;

impl NatsBroker {
    /// Makes a stream with as many replicas as are wanted; with fewer where the broker cannot hold so many and
    /// nobody has said how many there must be.
    pub(crate) async fn create_stream<T: serde::de::DeserializeOwned>(
        &self,
        name: &str,
        mut config: Value,
    ) -> Result<T, BrokerError> {
        self.place(&mut config);
        let asked = format!("STREAM.CREATE.{name}");
        match self.ask(&asked, &config).await {
            Err(cause) if self.options.replicas == Replicas::Auto && is_too_many(&cause) => {
                config["num_replicas"] = json!(1);
                self.ask(&asked, &config).await
            }
            made => made,
        }
    }

    fn place(&self, config: &mut Value) {
        let least = config["num_replicas"].as_u64().unwrap_or(1);
        config["num_replicas"] = json!(self.options.replicas.wanted().max(least));
        let Placement { cluster, tags } = &self.options.placement;
        if cluster.is_some() || !tags.is_empty() {
            config["placement"] = json!({ "cluster": cluster.clone().unwrap_or_default(), "tags": tags });
        }
    }

    /// Raises a stream that has fewer replicas than are wanted. What cannot be raised stays as it is, and is said.
    pub(crate) async fn raise(&self, name: &str) -> Result<(), BrokerError> {
        let info: Value = match self.ask(&format!("STREAM.INFO.{name}"), &Value::Null).await {
            Err(cause) if api::is(&cause, api::code::STREAM_NOT_FOUND) => return Ok(()),
            info => info?,
        };
        let has = info["config"]["num_replicas"].as_u64().unwrap_or(1);
        let wanted = self.options.replicas.wanted();
        if has >= wanted || self.options.replicas == Replicas::Auto && !self.is_clustered() {
            return Ok(());
        }
        let mut config = info["config"].clone();
        config["num_replicas"] = json!(wanted);
        match self.ask::<Value>(&format!("STREAM.UPDATE.{name}"), &config).await {
            Ok(_) => {
                tracing::info!(
                    stream = name,
                    from = has,
                    to = wanted,
                    "a stream gets more replicas"
                );
                Ok(())
            }
            Err(cause) if is_too_many(&cause) => {
                tracing::warn!(
                    stream = name,
                    has,
                    wanted,
                    %cause,
                    "a stream has fewer replicas than are wanted: the death of its node stops what lies in it"
                );
                Ok(())
            }
            Err(cause) => Err(cause),
        }
    }

    /// Whether the broker is a cluster of several servers, as far as it says so.
    pub(crate) fn is_clustered(&self) -> bool {
        let info = self.client().server_info();
        info.connect_urls.len() > 1 || info.cluster.as_deref().is_some_and(|name| !name.is_empty())
    }

    /// Raises everything of the engine's own, and what it made for pipelines.
    pub async fn raise_all(&self) -> Result<(), BrokerError> {
        for stream in OWN_STREAMS {
            self.raise(stream).await?;
        }
        for own in self.own_streams().await? {
            self.raise(&own.name).await?;
        }
        Ok(())
    }
}

/// The streams behind the buckets and object stores of the engine, and its audit log.
const OWN_STREAMS: [&str; 6] = [
    "KV_tailrace_registry",
    "KV_tailrace_engines",
    "KV_tailrace_alarms",
    "OBJ_tailrace_plugins",
    "OBJ_tailrace_snapshots",
    "tailrace_audit",
];

fn is_too_many(cause: &BrokerError) -> bool {
    matches!(cause, BrokerError::Refused { code, .. } if [NOT_CLUSTERED, TOO_FEW_PEERS].contains(code))
}
