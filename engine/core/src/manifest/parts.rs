//! The parts of a pipeline's description, with their defaults.

use std::{collections::BTreeMap, time::Duration};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    grant::{CallLimits, Grant},
    manifest::{AlarmSpec, Extract, PluginRef, SketchSpec},
    name::Name,
    units::{Bytes, Span},
    vectors::{Metric, Search},
};

/// A pipeline: input, a chain of steps, output.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct PipelineSpec {
    /// Name, unique within the tenant.
    pub name: Name,
    /// Where events come from.
    pub input: InputSpec,
    /// Into how many parts the keys are divided: 1 to 48. Fixed for the life of the pipeline.
    #[serde(default = "one")]
    pub partitions: u32,
    /// What is promised when something dies.
    #[serde(default)]
    pub delivery: Delivery,
    /// Plugins that each event passes, in this order.
    pub steps: Vec<StepSpec>,
    /// Collections of embeddings, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub vectors: BTreeMap<Name, VectorSpec>,
    /// Approximate metrics, by name.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub sketches: BTreeMap<Name, SketchSpec>,
    /// Where results go; left out, the pipeline only keeps state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<OutputSpec>,
    /// When to pause because too many events become dead letters; left out, never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub circuit_breaker: Option<BreakerSpec>,
    /// What to raise an alarm at.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub alarms: Vec<AlarmSpec>,
    /// How much may happen within a time; left out, as much as can.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rate: Option<crate::manifest::RateSpec>,
}

fn one() -> u32 {
    1
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_one(number: &u32) -> bool {
    *number == 1
}

/// Where events come from.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct InputSpec {
    /// JetStream stream; left out, the engine finds the one that holds the subjects.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stream: Option<String>,
    /// Subject patterns, within the tenant's read grant.
    pub subjects: Vec<String>,
    /// Where an event's key is; left out, its subject is the key.
    #[serde(default)]
    pub key: Extract,
    /// Where an event's time is: milliseconds since 1970, or RFC 3339 text. Left out, or where an
    /// event lacks it, the time at which the broker received the event.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time: Option<Extract>,
    /// Which events the first run of the pipeline begins with.
    #[serde(default)]
    pub start: Start,
    /// How events that come twice are known; left out, each counts as new.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub dedup: Option<DedupSpec>,
}

/// How events that come twice are known: by an identifier, within a window of event time. One of
/// `json`, `header` and `subject-token` says where it is; an event without it counts as new.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct DedupSpec {
    /// A JSON pointer into the payload: `/id`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub json: Option<String>,
    /// A header; `Nats-Msg-Id` is the publisher's identifier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub header: Option<String>,
    /// A token of the subject, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subject_token: Option<u32>,
    /// For how long an identifier is remembered.
    pub window: Span,
}

impl DedupSpec {
    /// Where the identifier is; none where not exactly one place is given.
    pub fn place(&self) -> Option<Extract> {
        let places = [
            self.json.clone().map(Extract::Json),
            self.header.clone().map(Extract::Header),
            self.subject_token.map(Extract::SubjectToken),
        ];
        let mut given = places.into_iter().flatten();
        given.next().filter(|_| given.next().is_none())
    }
}

/// When too many events become dead letters.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct BreakerSpec {
    /// Share of the window's events that may become dead letters, from 0 to 1.
    pub dead_letter_ratio: f64,
    /// Over how long events are counted.
    #[serde(default = "a_minute")]
    pub window: Span,
    /// Fewer events in the window say nothing.
    #[serde(default = "a_hundred")]
    pub minimum: u64,
}

fn a_minute() -> Span {
    Span(Duration::from_mins(1))
}

fn a_hundred() -> u64 {
    100
}

/// Where the first run begins.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Start {
    /// With the oldest event of the stream.
    #[default]
    All,
    /// With events that come after the pipeline was made.
    New,
    /// With this sequence.
    Sequence(u64),
    /// With events received from this time on (RFC 3339).
    Time(String),
}

/// What is promised when something dies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Delivery {
    /// Effects of an event take place once, all together.
    #[default]
    ExactlyOnce,
    /// State once, outputs perhaps twice after a crash (with the same `Nats-Msg-Id`).
    AtLeastOnce,
    /// An event whose processing is cut off is not processed again.
    AtMostOnce,
}

/// One plugin at work.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct StepSpec {
    /// Name, unique within the pipeline; the step's state belongs to it.
    pub name: Name,
    /// `name@version` of an uploaded plugin.
    pub plugin: PluginRef,
    /// The plugin's own config.
    #[serde(default, skip_serializing_if = "serde_json::Value::is_null")]
    pub config: serde_json::Value,
    /// Host interfaces that the plugin may use.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub grants: Vec<Grant>,
    /// How the plugin lays out the step's state: another number says that it cannot read what was written
    /// under this one. A revision, or a rollback, with another one than the active revision's is refused
    /// unless it is forced; then the state is kept as it is, and the plugin finds what the other wrote.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub state_version: u32,
    /// What one event may take.
    #[serde(default)]
    pub limits: Limits,
    /// What happens to an event that the plugin fails on.
    #[serde(default)]
    pub on_error: ErrorPolicy,
}

/// What one event may take in a step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Limits {
    /// Fuel, about one a wasm instruction.
    pub fuel: u64,
    /// Linear memory.
    pub memory: Bytes,
    /// Wall time.
    pub deadline: Span,
    /// Messages that one event may become.
    pub messages: u32,
    /// Bytes of messages, state and vectors that one event may write.
    pub bytes: Bytes,
    /// State, vector and sketch writes of one event.
    pub writes: u32,
    /// Log lines of one event.
    pub log_lines: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            fuel: 50_000_000,
            memory: Bytes::mib(16),
            deadline: Span::from_millis(50),
            messages: 100,
            bytes: Bytes::mib(4),
            writes: 1_000,
            log_lines: 10,
        }
    }
}

impl Limits {
    /// As the sandbox takes them.
    pub fn to_call_limits(&self) -> CallLimits {
        CallLimits {
            fuel: self.fuel,
            memory_bytes: self.memory.0,
            deadline: self.deadline.0,
            messages: self.messages,
            bytes: self.bytes.0,
            writes: self.writes,
            log_lines: self.log_lines,
        }
    }
}

/// What happens to an event that a plugin fails on. An event that the plugin calls invalid is a dead
/// letter at once; a transient failure or a deadline is tried again after a growing pause; a trap is
/// tried once more on a fresh instance.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct ErrorPolicy {
    /// Further tries.
    pub retries: u32,
    /// Pause before the first of them; it doubles each time, with jitter, to at most a minute.
    pub backoff: Span,
    /// When all have failed.
    pub then: Fallback,
    /// With `then: forward`: what is handed on instead of the event's own payload, so that those
    /// behind the step have something to go on with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub payload: Option<serde_json::Value>,
}

impl Default for ErrorPolicy {
    fn default() -> Self {
        Self {
            retries: 3,
            backoff: Span(Duration::from_millis(100)),
            then: Fallback::DeadLetter,
            payload: None,
        }
    }
}

/// What becomes of an event when all tries have failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Fallback {
    /// Keep it with the reason.
    #[default]
    DeadLetter,
    /// Count it and go on.
    Drop,
    /// Hand it on as it came, as if the step were not there.
    Forward,
    /// Stop the pipeline at this event until somebody resumes it.
    Pause,
}

/// A collection of embeddings.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct VectorSpec {
    /// Length of its vectors: 1 to 4096.
    pub dimensions: u32,
    /// How two are compared.
    #[serde(default)]
    pub metric: Metric,
    /// How it is searched.
    #[serde(default)]
    pub search: Search,
}

/// Where results go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct OutputSpec {
    /// Subject of the results, within the tenant's write grant. `{key}` stands for the event's key,
    /// as one subject token.
    pub subject: String,
    /// How long results are kept; left out, for ever.
    #[serde(default)]
    pub keep: Keep,
}

/// How long results are kept.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Keep {
    /// At most this old.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub age: Option<Span>,
    /// At most this much, the oldest going first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bytes: Option<Bytes>,
}
