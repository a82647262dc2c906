//! A stream as the broker describes it, and what the engine takes from that.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, de::Error as _};
use serde_json::Value;
use tailrace_core::{
    altered::Altered,
    ports::broker::{CopiedStream, Follower, StreamFacts},
    subject,
};

use crate::{
    held_subjects::{self, Source, Transform},
    own_config::altered,
};

/// Begins the description of every stream that an engine makes for a pipeline.
pub(crate) const DESCRIPTION: &str = "Tailrace:";

/// Where a stream's metadata say which life of the pipeline it belongs to.
pub(crate) const LIFE: &str = "tailrace.life";

#[derive(Deserialize)]
pub(crate) struct StreamInfo {
    #[serde(deserialize_with = "with_all_settings")]
    pub(crate) config: StreamConfig,
    pub(crate) state: StreamState,
    #[serde(default)]
    pub(crate) created: String,
    #[serde(default)]
    cluster: Cluster,
    /// How many subjects there are on all pages together, where subjects were asked for.
    #[serde(default)]
    pub(crate) total: usize,
}

/// Where a stream lies, on a broker of several nodes.
#[derive(Deserialize, Default)]
struct Cluster {
    #[serde(default)]
    leader: Option<String>,
    #[serde(default)]
    replicas: Option<Vec<Replica>>,
}

/// A copy that follows the leader.
#[derive(Deserialize)]
struct Replica {
    name: String,
    #[serde(default)]
    current: bool,
    #[serde(default)]
    offline: bool,
    #[serde(default)]
    lag: u64,
}

#[derive(Deserialize)]
pub(crate) struct StreamConfig {
    pub(crate) name: String,
    #[serde(default)]
    pub(crate) subjects: Option<Vec<String>>,
    #[serde(default)]
    pub(crate) retention: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    metadata: BTreeMap<String, String>,
    #[serde(default)]
    pub(crate) num_replicas: u64,
    #[serde(default)]
    first_seq: u64,
    #[serde(default)]
    pub(crate) mirror: Option<Source>,
    #[serde(default)]
    pub(crate) sources: Option<Vec<Source>>,
    #[serde(default)]
    pub(crate) subject_transform: Option<Transform>,
    #[serde(default)]
    max_msgs_per_subject: i64,
    #[serde(default)]
    pub(crate) consumer_limits: Option<ConsumerLimits>,
    /// Of a stream that an engine made: its settings that are others now.
    #[serde(skip)]
    altered: Vec<Altered>,
}

fn with_all_settings<'de, D: Deserializer<'de>>(deserializer: D) -> Result<StreamConfig, D::Error> {
    let all = Value::deserialize(deserializer)?;
    let mut config = StreamConfig::deserialize(&all).map_err(D::Error::custom)?;
    if config.is_engines() {
        config.altered = altered(&all);
    }
    Ok(config)
}

impl StreamInfo {
    /// The node that has answered for the stream.
    pub(crate) fn leader(&self) -> Option<&str> {
        self.cluster.leader.as_deref()
    }

    /// Messages that it ever stored.
    pub(crate) fn stored(&self) -> u64 {
        (self.state.last_seq + 1).saturating_sub(self.config.first_seq.max(1))
    }
}

/// What a stream allows its consumers; 0 or nothing where it sets no limit.
#[derive(Deserialize, Clone, Copy, Default)]
pub(crate) struct ConsumerLimits {
    #[serde(default)]
    pub(crate) inactive_threshold: u64,
    #[serde(default)]
    pub(crate) max_ack_pending: u64,
}

impl StreamConfig {
    fn is_engines(&self) -> bool {
        self.name.starts_with("TR_") && self.description.starts_with(DESCRIPTION)
    }

    /// Whether its own subjects do not tell what it holds.
    pub(crate) fn is_derived(&self) -> bool {
        let has_sources = self.sources.as_ref().is_some_and(|sources| !sources.is_empty());
        self.mirror.is_some() || has_sources || self.subject_transform.is_some()
    }

    /// Patterns of all that may come into it.
    pub(crate) fn may_hold(&self) -> Vec<String> {
        let sources = self.mirror.iter().chain(self.sources.iter().flatten());
        let subjects = self.subjects.as_deref().unwrap_or_default();
        held_subjects::may_hold(subjects, sources, self.subject_transform.as_ref())
    }

    /// Whether every message that it may hold is on one of these subjects.
    pub(crate) fn is_covered_by(&self, filters: &[String]) -> bool {
        let covers = |subject: &str| filters.iter().any(|filter| subject::covers(filter, subject));
        let subjects = self.subjects.as_deref().unwrap_or_default();
        covers(">") || !self.is_derived() && subjects.iter().all(|subject| covers(subject))
    }

    /// Whether an event goes when a later one of its subject comes: then one that is missing in between is no loss
    /// that the stream's bounds have caused.
    pub(crate) fn keeps_the_last(&self) -> bool {
        self.max_msgs_per_subject > 0
    }
}

#[derive(Deserialize)]
pub(crate) struct StreamState {
    pub(crate) bytes: u64,
    pub(crate) first_seq: u64,
    pub(crate) last_seq: u64,
    #[serde(default)]
    pub(crate) subjects: Option<std::collections::BTreeMap<String, u64>>,
}

pub(crate) fn facts(info: &StreamInfo) -> StreamFacts {
    StreamFacts {
        name: info.config.name.clone(),
        created: info.created.clone(),
        first_sequence: info.state.first_seq,
        last_sequence: info.state.last_seq,
        bytes: info.state.bytes,
        subjects: info.config.subjects.clone().unwrap_or_default(),
        keeps_to_limits: info.config.retention == "limits",
        life: info
            .config
            .metadata
            .get(LIFE)
            .and_then(|life| life.parse().ok())
            .unwrap_or_default(),
        is_engines: info.config.is_engines(),
        altered: info.config.altered.clone(),
        may_hold: info.config.may_hold(),
        replicas: info.config.num_replicas.max(1),
    }
}

/// The same, with its copies.
pub(crate) fn copied(info: StreamInfo) -> CopiedStream {
    let facts = facts(&info);
    let Cluster { leader, replicas } = info.cluster;
    let follower = |replica: Replica| Follower {
        node: replica.name,
        is_current: replica.current,
        is_offline: replica.offline,
        lag: replica.lag,
    };
    CopiedStream {
        facts,
        // The broker writes an empty name where no node leads.
        leader: leader.filter(|leader| !leader.is_empty()),
        followers: replicas.into_iter().flatten().map(follower).collect(),
    }
}
