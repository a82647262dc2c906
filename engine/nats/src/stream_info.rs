//! A stream as the broker describes it, and what the engine takes from that.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, de::Error as _};
use serde_json::Value;
use tailrace_core::{
    altered::Altered,
    life::Life,
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
    #[serde(default)]
    mirror: Option<Following>,
    #[serde(default)]
    sources: Option<Vec<Following>>,
    /// How many subjects there are on all pages together, where subjects were asked for.
    #[serde(default)]
    pub(crate) total: usize,
}

/// How a stream follows another one that its messages come from.
#[derive(Deserialize)]
struct Following {
    name: String,
    #[serde(default)]
    error: Option<FollowingError>,
}

#[derive(Deserialize)]
struct FollowingError {
    #[serde(default)]
    err_code: u64,
    #[serde(default)]
    description: String,
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
    max_msgs: i64,
    #[serde(default)]
    max_bytes: i64,
    #[serde(default)]
    max_age: i64,
    #[serde(default)]
    allow_rollup_hdrs: bool,
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

    /// Streams that it follows in vain, each with the broker's words for that, of those that may hold one of these subjects.
    pub(crate) fn followed_in_vain(&self, filters: &[String]) -> Vec<(&str, String)> {
        let wanted = |name: &str| {
            let sources = self
                .config
                .mirror
                .iter()
                .chain(self.config.sources.iter().flatten());
            let gives = sources
                .filter(|source| source.name == name)
                .flat_map(Source::gives);
            let gives: Vec<_> = gives.collect();
            // A transform of the stream's own may make any subject of it.
            self.config.subject_transform.is_some()
                || gives.is_empty()
                || filters
                    .iter()
                    .any(|filter| gives.iter().any(|held| subject::overlap(held, filter)))
        };
        let following = self.mirror.iter().chain(self.sources.iter().flatten());
        let in_vain = following.filter_map(|other| {
            let FollowingError {
                err_code,
                description,
            } = other.error.as_ref()?;
            let name = other.name.as_str();
            wanted(name).then(|| (name, format!("{description} ({err_code})")))
        });
        in_vain.collect()
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
        self.name.starts_with("TR_") && (self.is_described() || !self.life().is_unnamed())
    }

    fn is_described(&self) -> bool {
        self.description.starts_with(DESCRIPTION)
    }

    /// The life that it bears.
    fn life(&self) -> Life {
        let said = self.metadata.get(LIFE);
        said.and_then(|life| life.parse().ok()).unwrap_or_default()
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

    /// Whether a later event may take the place of one before it. Then one that is missing is perhaps no loss.
    pub(crate) fn replaces(&self) -> bool {
        self.max_msgs_per_subject > 0 || self.allow_rollup_hdrs
    }

    /// Whether events go by themselves.
    pub(crate) fn is_bounded(&self) -> bool {
        self.max_msgs > 0 || self.max_bytes > 0 || self.max_age > 0
    }

    /// Whether an event goes by nothing else, but by somebody's hand.
    pub(crate) fn only_replaces(&self) -> bool {
        self.replaces() && !self.is_bounded()
    }
}

#[derive(Deserialize)]
pub(crate) struct StreamState {
    #[serde(default)]
    pub(crate) messages: u64,
    pub(crate) bytes: u64,
    pub(crate) first_seq: u64,
    pub(crate) last_seq: u64,
    /// When the last message was stored that it ever stored.
    #[serde(default)]
    pub(crate) last_ts: String,
    #[serde(default)]
    pub(crate) subjects: Option<std::collections::BTreeMap<String, u64>>,
}

pub(crate) fn facts(info: &StreamInfo) -> StreamFacts {
    StreamFacts {
        name: info.config.name.clone(),
        created: info.created.clone(),
        first_sequence: info.state.first_seq,
        last_sequence: info.state.last_seq,
        messages: info.state.messages,
        bytes: info.state.bytes,
        subjects: info.config.subjects.clone().unwrap_or_default(),
        keeps_to_limits: info.config.retention == "limits",
        life: info.config.life(),
        begun_at: info.config.first_seq.max(1),
        is_engines: info.config.is_engines(),
        is_described: info.config.is_described(),
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
